package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/c2w/c2w/internal/convert"
)

func newInspectCommand(inv *invocation) *cobra.Command {
	var asJSON, code bool
	cmd := &cobra.Command{
		Use:   "inspect [FLAGS] FILE.wasm",
		Short: "Show what a converted file holds",
		Long: `Shows what a converted file holds: the image, what it says of running it, what
of c2w is in the file, and what takes its space. It reads no more of the file
than that, whatever its size. With --aot it shows what of the image's and the
guest's code is translated, by program, and what the budget left out.`,
		Example: `c2w inspect out.wasm
c2w inspect --json out.wasm | jq .digest
c2w inspect --aot out.wasm`,
		Args:              operands(1, 1, "one file"),
		ValidArgsFunction: completeFiles("wasm", 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if code {
				return inspectAOT(inv, args[0], asJSON)
			}
			return inspect(inv, args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&code, "aot", false, "show what is translated ahead of time")
	return cmd
}

func inspect(inv *invocation, name string, asJSON bool) error {
	f, info, size, err := openFile(name)
	if err != nil {
		return err
	}
	f.Close()
	if asJSON {
		return inspectJSON(inv.stdout, name, info, size)
	}
	row := func(name string, values ...string) {
		for i, v := range values {
			if v != "" {
				fmt.Fprintf(inv.stdout, "%-12s %s\n", name, v)
			}
			if i == 0 {
				name = ""
			}
		}
	}
	row("image", info.Image)
	row("digest", info.Digest)
	row("platform", info.Platform)
	row("entrypoint", words(info.Entrypoint))
	row("command", words(info.Cmd))
	row("environment", visible(info.Env)...)
	row("directory", visible([]string{info.Dir})...)
	row("user", visible([]string{info.User})...)
	row("stop signal", visible([]string{info.StopSignal})...)
	row("volumes", visible(info.Volumes)...)
	row("ports", visible(info.Ports)...)
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(info.Labels)) {
		labels = append(labels, k+"="+info.Labels[k])
	}
	row("labels", visible(labels)...)
	writable := info.Writable
	if writable == 0 {
		writable = uint64(info.Memory) / 2
	}
	row("memory", fmt.Sprintf("%s, %s of it for files", mebibytes(uint64(info.Memory)), mebibytes(writable)))
	row("disk", convert.Bytes(info.DiskSize)+" unpacked")
	row("made by", "c2w "+info.C2W)
	row("with", "Linux "+info.Versions.Kernel, "runc "+info.Versions.Runc, "machine "+info.Versions.Machine)
	row("size", convert.Bytes(size))
	printParts(inv.stdout, info, size)
	return nil
}

// inspectJSON prints what inspect prints, for programs.
func inspectJSON(w io.Writer, name string, info *convert.Info, size int64) error {
	info.Parts = info.Shares(size)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		File string `json:"file"`
		Size int64  `json:"size"`
		*convert.Info
	}{name, size, info})
}

// visible quotes what would not show on one line as it is: the values are an
// image's, so they must not reach the terminal as commands.
func visible(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s
		if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(s) {
			out[i] = strconv.Quote(s)
		}
	}
	return out
}

// words shows an argument vector as a shell would take it.
func words(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = shellWord(a)
	}
	return strings.Join(visible(quoted), " ")
}

// openFile opens a converted file and reads its description.
func openFile(name string) (*os.File, *convert.Info, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("reading %s: %w", name, reason(err))
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = fmt.Errorf("not a file")
	}
	var info *convert.Info
	if err == nil {
		info, err = convert.ReadInfo(f, stat.Size())
	}
	if err != nil {
		f.Close()
		return nil, nil, 0, fmt.Errorf("reading %s: %w", name, reason(err))
	}
	return f, info, stat.Size(), nil
}

// reason strips the path off an error that is shown behind it.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
