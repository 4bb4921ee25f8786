package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/inspect/lockstep"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/run/client"
)

// checkFlags are those of c2w run that compare translated code with what it was
// made from.
type checkFlags struct{ check string }

// What --check can be.
const (
	checkInterpreter = "interpreter"
	checkEvaluator   = "evaluator"
)

func (f *checkFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.check, "check", "", "compare translated code with `WHAT`: interpreter, or evaluator (slower)")
	fs.Lookup("check").NoOptDefVal = checkInterpreter
}

// refuseWithCheck says which flags do not go together with --check.
func (f *runFlags) refuseWithCheck() error {
	switch {
	case f.check != checkInterpreter && f.check != checkEvaluator:
		return usagef("--check=%s: it can be %s or %s", f.check, checkInterpreter, checkEvaluator)
	case f.engine != "":
		return usagef("--check and --engine %s: a check runs in c2w's own engine", f.engine)
	case f.tty:
		return usagef("--check and -t: input of a terminal cannot be given to both runs; use -i with the input in a file")
	case len(f.volumes) > 0:
		return usagef("--check and -v: a directory cannot be changed by two machines at once; put the files into the image")
	}
	return nil
}

// checked runs the operand twice in step. The status is the container's if
// nothing differs.
func (f *runFlags) checked(inv *invocation, operand string, fileArgs []string) (int, error) {
	if err := f.refuseWithCheck(); err != nil {
		return 0, err
	}
	opts, err := machine.ParseArgs(append([]string{operand}, fileArgs...), engineEnvironment())
	if err != nil {
		return 0, err
	}
	var stdin []byte
	if !client.IsTerminal(inv.stdin) {
		if stdin, err = io.ReadAll(inv.stdin); err != nil {
			return 0, fmt.Errorf("reading the standard input: %w", err)
		}
	}
	module, err := f.file(inv, operand)
	if err != nil {
		return 0, err
	}
	file, err := dissect.Open(module.bytes)
	if err != nil {
		return 0, fmt.Errorf("taking the file apart: %w", err)
	}
	file.Manifest.Cmdline = strings.TrimSpace(file.Manifest.Cmdline + " " + opts.KernelArgs)
	say := func(text string) {
		if !f.quiet {
			fmt.Fprintf(inv.stderr, "c2w: check: %s\n", text)
		}
	}
	begin := time.Now()
	out, err := lockstep.Check(inv.ctx, lockstep.Config{
		File: file, Stdin: stdin, Stdout: inv.stdout, Stderr: inv.stderr, Progress: say,
		Evaluate: f.check == checkEvaluator,
		Spec:     func() (*agent.Spec, error) { return file.Manifest.Spec(opts.RunOptions) },
	})
	if err != nil {
		return 0, err
	}
	if d := out.Difference; d != nil {
		var b bytes.Buffer
		fmt.Fprintf(&b, "c2w: check: %s", d.Report())
		inv.stderr.Write(b.Bytes())
		return statusOwn, nil
	}
	say(fmt.Sprintf("%d M instructions, no difference; %d pages bound to page functions; %.0f M instructions a second",
		out.Insns/1e6, out.Pages, float64(out.Insns)/1e6/time.Since(begin).Seconds()))
	return out.Result.Status, nil
}
