package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/cespare/xxhash/v2"
	"github.com/spf13/cobra"

	"github.com/c2w/c2w/internal/convert"
)

// The user's cache holds converted files, compiled code, what training found and
// the machine, where c2w had to build it.

const (
	// cacheVariable names the directory in which the cache is a directory of
	// its own; "off" keeps nothing.
	cacheVariable = "C2W_CACHE"
	// cacheLimitVariable is a size.
	cacheLimitVariable = "C2W_CACHE_LIMIT"
	// cacheLimit is the default: some dozens of images, in bytes.
	cacheLimit = 4 << 30
	// smallLimit is what training and machines may take there, each, if the limit
	// is not less: a profile takes some 200 KB, a machine 5 MB.
	smallLimit = 64 << 20
)

// The kinds of what is kept, each in a directory of its own.
const (
	filesCache    = "files"
	codeCache     = "code"
	trainingCache = "training"
	machineCache  = "machine"
)

// cacheRoot returns the cache's directory, or "" if there is none.
func cacheRoot() string {
	base, err := os.Getenv(cacheVariable), error(nil)
	switch base {
	case "off":
		return ""
	case "":
		base, err = os.UserCacheDir()
	default:
		base, err = filepath.Abs(base)
	}
	if err != nil {
		return ""
	}
	return filepath.Join(base, "c2w")
}

// cacheDir returns a directory of the cache, or "" if there is none.
func cacheDir(kind string) string {
	root := cacheRoot()
	if root == "" {
		return ""
	}
	return filepath.Join(root, kind)
}

// openCache returns the part of the cache of that kind.
func openCache(kind string) (*convert.Cache, error) {
	c := &convert.Cache{Dir: cacheDir(kind), Limit: cacheLimit}
	if text := os.Getenv(cacheLimitVariable); text != "" {
		n, err := parseSize(text)
		if err != nil {
			return nil, fmt.Errorf("%s=%s: %w", cacheLimitVariable, text, err)
		}
		c.Limit = n
	}
	if kind == trainingCache || kind == machineCache {
		c.Limit = min(c.Limit, smallLimit)
	}
	return c, nil
}

// identity stands for this program and all that it carries.
func identity() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(exe)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := xxhash.New()
	n, err := io.Copy(h, f)
	return fmt.Sprintf("%s %d %016x", runtime.Version(), n, h.Sum64()), err
}

// cached converts the image that ref names, or finds what an earlier conversion
// gave. The caller closes it.
func (c *conversionFlags) cached(inv *invocation, ref string, show convert.Progress) (*convert.Converted, error) {
	o, err := c.options(inv, ref)
	if err != nil {
		return nil, err
	}
	o.Progress = show
	cache, err := openCache(filesCache)
	if err != nil {
		return nil, err
	}
	if cache.Identity, err = identity(); err != nil {
		cache.Dir = ""
	}
	if cache.Dir != "" {
		if cache.Training, err = openCache(trainingCache); err != nil {
			return nil, err
		}
		cache.Training.Identity = cache.Identity
	}
	return cache.Convert(inv.ctx, o, c.noCache)
}

func newCacheCommand(inv *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Show or clear the cache",
		Long: `Shows what is in the cache: converted images, code that c2w run has compiled, what
training found, and machines that c2w has built. All of it can be made again. Where
there is more than the limit, what has not been used for the longest time is removed.

  ` + cacheVariable + `         the directory that holds the cache; off keeps nothing
  ` + cacheLimitVariable + `   the limit of each of the four, such as 500m (default 4g;
                    training and machines never take more than 64m each)`,
		Example: `c2w cache
c2w cache clear`,
		Args:              operands(0, 0, "no arguments but clear"),
		ValidArgsFunction: completeNothing,
		RunE:              func(*cobra.Command, []string) error { return showCache(inv) },
	}
	cmd.AddCommand(&cobra.Command{
		Use:               "clear",
		Short:             "Empty the cache",
		Args:              operands(0, 0, "no arguments"),
		ValidArgsFunction: completeNothing,
		RunE:              func(*cobra.Command, []string) error { return clearCache(inv) },
	})
	return cmd
}

func showCache(inv *invocation) error {
	if cacheRoot() == "" {
		fmt.Fprintln(inv.stdout, "The cache is off: c2w keeps nothing.")
		return nil
	}
	fmt.Fprintln(inv.stdout, cacheRoot())
	var sums strings.Builder
	for _, part := range []struct {
		kind, name, columns string
		row                 func(path string) (string, error) // nil: not listed one by one
	}{
		{filesCache, "images", "PLATFORM\tMEMORY\tIMAGE", convertedRow},
		{codeCache, "compiled code", "", nil},
		{trainingCache, "training results", "TRAINED WITH\tIMAGE", trainedRow},
		{machineCache, "machines", "", nil},
	} {
		c, err := openCache(part.kind)
		if err != nil {
			return err
		}
		list, total := c.List(), int64(0)
		t := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
		if part.row != nil && len(list) > 0 {
			fmt.Fprintf(t, "\nUSED\tSIZE\t%s\n", part.columns)
		}
		for _, k := range list {
			total += k.Size
			if part.row == nil {
				continue
			}
			row, err := part.row(k.Path)
			if err != nil {
				continue // another process has removed it, or the next use will
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", ago(time.Since(k.Used)), convert.Bytes(k.Size), row)
		}
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%-16s %10s in %s, at most %s\n", part.name, convert.Bytes(total), count(len(list), "file"), convert.Bytes(c.Limit))
	}
	fmt.Fprintf(inv.stdout, "\n%s", sums.String())
	return nil
}

// convertedRow tells of a converted file.
func convertedRow(path string) (string, error) {
	f, info, _, err := openFile(path)
	if err != nil {
		return "", err
	}
	f.Close()
	return fmt.Sprintf("%s\t%s\t%s", info.Platform, mebibytes(uint64(info.Memory)), info.Image), nil
}

// trainedRow tells of a training result.
func trainedRow(path string) (string, error) {
	t, err := convert.ReadTrained(path)
	if err != nil {
		return "", err
	}
	with := "its own command"
	if len(t.Commands) > 0 {
		words := make([]string, len(t.Commands))
		for i, c := range t.Commands {
			words[i] = shellWord(printable(c))
		}
		with = strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s\t%s", with, t.Image), nil
}

// printable keeps a command in its column of a table.
func printable(s string) string {
	const most = 60
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}

func clearCache(inv *invocation) error {
	total := int64(0)
	for _, kind := range []string{filesCache, codeCache, trainingCache, machineCache} {
		c, err := openCache(kind)
		if err != nil {
			return err
		}
		n, err := c.Clear()
		if total += n; err != nil {
			return fmt.Errorf("clearing the cache: %w", err)
		}
	}
	fmt.Fprintf(inv.stdout, "%s freed\n", convert.Bytes(total))
	return nil
}

// ago shows how long something has been.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return units(d, time.Minute, "minute")
	case d < 48*time.Hour:
		return units(d, time.Hour, "hour")
	}
	return units(d, 24*time.Hour, "day")
}

func units(d, unit time.Duration, name string) string {
	return count(int(d/unit), name) + " ago"
}

func count(n int, name string) string {
	if n != 1 {
		name += "s"
	}
	return fmt.Sprintf("%d %s", n, name)
}

// mebibytes shows a size of memory.
func mebibytes(n uint64) string {
	if n%(1<<20) != 0 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<20)), ".0") + " MiB"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
