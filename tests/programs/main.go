// Command programs runs real programs of Debian in converted files, and tells
// whether they did what they should:
//
//	go run ./tests/programs [-engine c2w,wasmtime,…] [-run REGEXP] [-qemu]
//
// Each program is a script of folder scripts, which runs in a container of its
// own, within a limit of time. A script's first lines say what it does and what
// it needs (script.go); lib.sh stands before each. Beside them run some of
// CPython's own tests; with -qemu they run under QEMU's user mode as well, in a
// root of the same packages, and what counts is what fails here and not there.
//
// The images are made by tests/images/programs.sh and converted once for a c2w.
// Each run's output is kept in .build/programs. The command knows c2w by its
// command line alone. It takes an hour on two cores, and is no part of make test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// engineNames are the ways to run a file; the first is the default.
var engineNames = []string{"c2w", "wasmtime", "wazero", "node"}

// options are the command line.
type options struct {
	engines []string
	match   *regexp.Regexp
	qemu    bool
	list    bool
	images  string  // where images are, or are made
	out     string  // for files, outputs and roots
	c2w     string  // "": built from the tree
	scale   float64 // of limits
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	failed, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "programs:", err)
		os.Exit(2)
	case failed:
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("programs", flag.ContinueOnError)
	fs.SetOutput(stderr)
	engines := fs.String("engine", engineNames[0], "comma-separated `engines` of "+strings.Join(engineNames, ", "))
	match := fs.String("run", "", "only programs that `REGEXP` matches")
	fs.BoolVar(&o.qemu, "qemu", false, "compare CPython's tests with QEMU's user mode (as root on Linux)")
	fs.BoolVar(&o.list, "list", false, "say what there is, and run nothing")
	fs.StringVar(&o.images, "images", filepath.Join(".build", "images", "programs"), "keep images in `DIR`")
	fs.StringVar(&o.out, "out", filepath.Join(".build", "programs"), "keep converted files and outputs in `DIR`")
	fs.StringVar(&o.c2w, "c2w", "", "c2w executable; default: built from ./cmd/c2w")
	fs.Float64Var(&o.scale, "limit", 1, "times `X` for every limit, where the computer is busy")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see go run ./tests/programs -h", fs.Arg(0))
	}
	o.engines = strings.Split(*engines, ",")
	for _, e := range o.engines {
		if !slices.Contains(engineNames, e) {
			return nil, fmt.Errorf("no engine %q; there are %s", e, strings.Join(engineNames, ", "))
		}
	}
	var err error
	if o.match, err = regexp.Compile(*match); err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (failed bool, err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return false, err
	}
	programs, err := all()
	if err != nil {
		return false, err
	}
	programs = slices.DeleteFunc(programs, func(p *program) bool { return !o.match.MatchString(p.name) })
	if len(programs) == 0 {
		return false, errors.New("-run matches no program; -list says what there is")
	}
	if o.list {
		w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		for _, p := range programs {
			fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", p.name, p.image, p.limit, p.what)
		}
		return false, w.Flush()
	}
	l, err := newLab(ctx, o, stderr)
	if err != nil {
		return false, err
	}
	var rows []row
	for _, p := range programs {
		if ctx.Err() != nil {
			break
		}
		rows = append(rows, l.program(ctx, p)...)
	}
	write(stdout, rows)
	return slices.ContainsFunc(rows, func(r row) bool { return !r.ok }), ctx.Err()
}

// row is what a program did in an engine.
type row struct {
	program, engine string
	ok              bool
	result          string
	time            time.Duration
	details         []string
}

func write(out io.Writer, rows []row) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "program\tengine\ttime\tresult\n")
	good := 0
	for _, r := range rows {
		word := "FAIL"
		if r.ok {
			word = "ok"
			good++
		}
		fmt.Fprintf(w, "%s\t%s\t%.1f s\t%s: %s\n", r.program, r.engine, r.time.Seconds(), word, r.result)
	}
	w.Flush()
	for _, r := range rows {
		if len(r.details) > 0 {
			fmt.Fprintf(out, "\n%s, %s:\n", r.program, r.engine)
			for _, d := range r.details {
				fmt.Fprintf(out, "  %s\n", d)
			}
		}
	}
	fmt.Fprintf(out, "\n%d passed, %d failed\n", good, len(rows)-good)
}

// lab has what all runs share.
type lab struct {
	*options
	stderr io.Writer
	files  map[string]file
	roots  map[string]root
}

type file struct {
	name string
	err  error
}

type root struct {
	dir string
	err error
}

func newLab(ctx context.Context, o *options, stderr io.Writer) (*lab, error) {
	l := &lab{options: o, stderr: stderr, files: map[string]file{}, roots: map[string]root{}}
	for _, dir := range []*string{&o.out, &o.images} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return nil, err
		}
		*dir = abs
		if err := os.MkdirAll(abs, 0o777); err != nil {
			return nil, err
		}
	}
	tools, err := filepath.Abs(filepath.Join(".build", "tools", "bin"))
	if err != nil {
		return nil, err
	}
	os.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	os.Setenv("C2W_CACHE", filepath.Join(o.out, "cache"))
	if o.c2w == "" {
		o.c2w = filepath.Join(o.out, "c2w")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.c2w, "./cmd/c2w").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building c2w: %w\n%s", err, out)
		}
	}
	return l, nil
}

func (l *lab) logf(format string, args ...any) { fmt.Fprintf(l.stderr, format+"\n", args...) }
