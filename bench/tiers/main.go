// Command tiers converts an image twice: with the interpreter alone, and with
// page functions for the hottest code pages of a training run.
//
//	go run ./bench/tiers -o DIR [-pages N] [-run COMMAND] IMAGE
//
// The training run boots the image natively, on the machine's own packages
// with the generated core in wazero, and executes the command. DIR receives
// interp.wasm, pages.wasm and pages.json, which describes the translations.
// It is the translator's measuring set-up and not part of c2w: choosing pages
// for a file's size is a converter's business.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/machinewasm"
)

// options are the command line.
type options struct {
	image, out string
	pages      int
	run        string
	machine    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "tiers:", err)
		}
		stop()
		os.Exit(1)
	}
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("tiers", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.out, "o", "", "write the files into `DIR`")
	fs.IntVar(&o.pages, "pages", 60, "translate the `N` hottest pages of the kernel and as many of user programs")
	fs.StringVar(&o.run, "run", "/c2wbench -scale 5", "`COMMAND` of the training run")
	fs.StringVar(&o.machine, "machine", os.Getenv("C2W_MACHINE"), "the machine's `module`; default: the embedded one")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case o.out == "" || fs.NArg() != 1 || strings.TrimSpace(o.run) == "":
		return nil, errors.New("usage: tiers -o DIR [-pages N] [-run COMMAND] IMAGE")
	case o.pages < 1:
		return nil, errors.New("-pages wants 1 or more")
	}
	o.image = fs.Arg(0)
	return o, os.MkdirAll(o.out, 0o755)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	c := convert.Options{Ref: o.image, Version: "bench", AOT: convert.AOTNone}
	if c.Machine, err = o.module(); err != nil {
		return err
	}
	if _, err := o.convert(ctx, c, "interp.wasm"); err != nil {
		return err
	}
	t := &translation{o: o, log: stderr}
	c.Translate = t.translate
	if t.report.FileBytes, err = o.convert(ctx, c, "pages.wasm"); err != nil {
		return err
	}
	b, err := json.MarshalIndent(&t.report, "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if err := os.WriteFile(filepath.Join(o.out, "pages.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	t.report.text(stdout)
	return nil
}

func (o *options) module() ([]byte, error) {
	if o.machine == "" {
		return machinewasm.Module()
	}
	return os.ReadFile(o.machine)
}

func (o *options) convert(ctx context.Context, c convert.Options, name string) (size int64, err error) {
	f, err := convert.Convert(ctx, c)
	if err != nil {
		return 0, fmt.Errorf("converting %s: %w", o.image, err)
	}
	w, err := os.Create(filepath.Join(o.out, name))
	if err != nil {
		return 0, err
	}
	if _, err := f.WriteTo(w); err != nil {
		w.Close()
		return 0, err
	}
	return f.Size, w.Close()
}
