package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/c2w/c2w/bench/programs"
	"github.com/c2w/c2w/bench/works"
)

// The parts of a run: each has tables of its own.
const (
	partPrograms = "programs" // c2wbench on every engine
	partReal     = "real"     // programs of a Debian image
	partLibm     = "libm"     // a C library's floating point
	partCover    = "cover"    // what translated code executes after training
	partBudget   = "budget"   // size and start-up as the budget grows
	partStarts   = "starts"   // from process start to the first output
	partTraffic  = "traffic"  // streams and files of the host
	partProfile  = "profile"  // where the time goes
)

var allParts = []string{partPrograms, partReal, partLibm, partCover, partBudget, partStarts, partTraffic, partProfile}

// options are the command line. A zero path means: look for the tool.
type options struct {
	parts, only, engines string
	rounds, scale        int
	interp, zb           bool
	aotBudget, budgets   string
	git, images          string
	json, keep           string
	timeout              time.Duration
	c2w, kernel, debian  string
	wasmtime, node, qemu string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.parts, "parts", strings.Join(allParts[:len(allParts)-1], ","), "comma-separated `parts`, of these and profile")
	fs.IntVar(&o.rounds, "rounds", 3, "runs of everything under every engine")
	fs.BoolVar(&o.interp, "interp", true, "also run files without page functions")
	fs.StringVar(&o.aotBudget, "aot-budget", "", "c2w's --aot-budget for every file; default: c2w's own")
	fs.StringVar(&o.budgets, "budgets", "0,2,4,8,16", "budgets of the part budget, in MiB; 0: no page functions")
	fs.StringVar(&o.images, "images", "", "keep Debian images and the native root in `DIR`; default .build/bench in c2w's tree")
	fs.StringVar(&o.git, "git", "", "a Debian image with git for the part traffic, as oci:DIR (tests/images/debian.sh DIR git)")
	fs.IntVar(&o.scale, "scale", 100, "work of each program, in percent")
	fs.StringVar(&o.only, "only", "", "comma-separated `programs` of c2wbench, and works of the part real; default all")
	fs.StringVar(&o.engines, "engines", "", "comma-separated `engines`; default all: "+strings.Join(engineNames, ","))
	fs.BoolVar(&o.zb, "zb", false, "guest binaries built for Zba, Zbb and Zbs")
	fs.StringVar(&o.json, "json", "", "write all samples to `FILE`")
	fs.StringVar(&o.keep, "keep", "", "leave image, converted file and caches in `DIR`")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Minute, "limit for one process")
	fs.StringVar(&o.c2w, "c2w", "", "c2w executable; default: built from ./cmd/c2w")
	fs.StringVar(&o.kernel, "kernel", "", "riscv64 kernel `Image` for qemu-system; default: ours")
	fs.StringVar(&o.debian, "debian", "", "a Debian image to convert, as oci:DIR (see tests/images)")
	fs.StringVar(&o.wasmtime, "wasmtime", os.Getenv("WASMTIME"), "wasmtime executable")
	fs.StringVar(&o.node, "node", os.Getenv("NODE"), "node executable")
	fs.StringVar(&o.qemu, "qemu", "", "qemu-system-riscv64 executable")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q; see go run ./bench -h", fs.Arg(0))
	case o.rounds < 1, o.scale < 1:
		return nil, errors.New("-rounds and -scale want 1 or more")
	}
	for _, name := range split(o.parts) {
		if !slices.Contains(allParts, name) {
			return nil, fmt.Errorf("no part %q; there are %s", name, strings.Join(allParts, ", "))
		}
	}
	if _, err := o.budgetList(); err != nil {
		return nil, err
	}
	for _, name := range split(o.engines) {
		if !slices.Contains(engineNames, name) {
			return nil, fmt.Errorf("no engine %q; there are %s", name, strings.Join(engineNames, ", "))
		}
	}
	return o, nil
}

// wants reports whether -engines leaves the engine in.
func (o *options) wants(engine string) bool {
	names := split(o.engines)
	return len(names) == 0 || slices.Contains(names, engine)
}

// has reports whether -parts names one of them.
func (o *options) has(parts ...string) bool {
	return slices.ContainsFunc(split(o.parts), func(name string) bool { return slices.Contains(parts, name) })
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// selected returns the programs and works that -only names, in their usual
// order; all of them if it names none.
func selected(only string) (ps []programs.Program, ws []works.Work, err error) {
	names := split(only)
	if len(names) == 0 {
		return programs.All, works.All, nil
	}
	for _, p := range programs.All {
		if slices.Contains(names, p.Name) {
			ps = append(ps, p)
		}
	}
	for _, w := range works.All {
		if slices.Contains(names, w.Name) {
			ws = append(ws, w)
		}
	}
	if len(ps)+len(ws) != len(names) {
		return nil, nil, fmt.Errorf("-only %s: an unknown or repeated program", only)
	}
	return ps, ws, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ps, ws, err := selected(o.only)
	if err != nil {
		return err
	}
	lab, err := openLab(o, stderr)
	if err != nil {
		return err
	}
	defer lab.close()
	begin := time.Now()
	rep := &report{Date: begin.UTC().Format(time.RFC3339), Host: describeHost(), Scale: o.scale}
	lab.convert(ctx, rep)
	if o.has(partPrograms) {
		rep.programs(ctx, lab, ps)
	}
	rep.real(ctx, lab, ws)
	rep.libm(ctx, lab)
	rep.cover(ctx, lab, ps, ws)
	rep.budget(ctx, lab)
	rep.start(ctx, lab)
	rep.move(ctx, lab)
	rep.profile(ctx, lab, ps, ws)
	if err := ctx.Err(); err != nil {
		return err
	}
	rep.Took = time.Since(begin).Seconds()
	rep.text(stdout)
	if o.json != "" {
		if err := rep.writeJSON(o.json); err != nil {
			return err
		}
	}
	return rep.verdict()
}
