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
)

// options are the command line. A zero path means: look for the tool.
type options struct {
	rounds, starts, scale int
	tiers, pages          int
	traffic               int
	git                   string
	only, engines         string
	zb                    bool
	json, keep            string
	timeout               time.Duration
	c2w, kernel, debian   string
	wasmtime, node, qemu  string
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
	fs.IntVar(&o.rounds, "rounds", 5, "runs of every program under every engine; 0: none")
	fs.IntVar(&o.starts, "starts", 5, "runs of every kind of start; 0: none")
	fs.IntVar(&o.tiers, "tiers", 3, "runs of every program with and without page functions; 0: none")
	fs.IntVar(&o.pages, "pages", 60, "page functions of the kernel, and as many of programs, for -tiers")
	fs.IntVar(&o.traffic, "traffic", 1, "runs of every stream and every work on files of the host; 0: none")
	fs.StringVar(&o.git, "git", "", "a Debian image with git for -traffic, as oci:DIR (tests/images/debian.sh DIR git)")
	fs.IntVar(&o.scale, "scale", 100, "work of each program, in percent")
	fs.StringVar(&o.only, "only", "", "comma-separated `programs`; default all")
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
	case o.rounds < 0, o.starts < 0, o.tiers < 0, o.traffic < 0, o.scale < 1, o.pages < 1:
		return nil, errors.New("-rounds, -starts, -tiers and -traffic want 0 or more, -scale and -pages 1 or more")
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

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// selected returns the programs that -only names, in their usual order.
func selected(only string) ([]programs.Program, error) {
	names := split(only)
	if len(names) == 0 {
		return programs.All, nil
	}
	var ps []programs.Program
	for _, p := range programs.All {
		if slices.Contains(names, p.Name) {
			ps = append(ps, p)
		}
	}
	if len(ps) != len(names) {
		return nil, fmt.Errorf("-only %s: an unknown or repeated program", only)
	}
	return ps, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ps, err := selected(o.only)
	if err != nil {
		return err
	}
	lab, err := openLab(o, stderr)
	if err != nil {
		return err
	}
	defer lab.close()
	rep := &report{Date: time.Now().UTC().Format(time.RFC3339), Host: describeHost(), Scale: o.scale}
	lab.convert(ctx, rep)
	engines := lab.all(ctx)
	for _, e := range engines {
		rep.Engines = append(rep.Engines, engineInfo{e.name, e.version, e.missing})
		if e.missing != "" {
			lab.logf("%s is missing: %s", e.name, e.missing)
		}
	}
	rep.measure(ctx, lab, engines, ps, o.rounds)
	rep.start(ctx, lab)
	rep.move(ctx, lab)
	rep.compareTiers(ctx, lab, ps)
	if err := ctx.Err(); err != nil {
		return err
	}
	rep.text(stdout)
	if o.json != "" {
		if err := rep.writeJSON(o.json); err != nil {
			return err
		}
	}
	return rep.verdict()
}
