// Command c2w turns a container image into one WebAssembly file that boots
// Linux and runs the image's program on any WASI host.
//
// The package reads the command line and shows results; the work is done by
// internal/convert and internal/runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// statusOwn is the exit status of c2w's own errors, apart from those of the
// programs that it runs. It is docker's.
const statusOwn = 125

// statusInterrupted is that of a process that an interrupt has ended.
const statusInterrupted = 128 + int(syscall.SIGINT)

// invocation is what a subcommand works with.
type invocation struct {
	ctx context.Context
	// release gives signals back their usual effect and ends ctx.
	release        context.CancelFunc
	stdin          io.Reader
	stdout, stderr io.Writer
}

// command is a subcommand. run returns the exit status, or an error for the
// user.
type command struct {
	name string
	run  func(inv *invocation, args []string) (int, error)
}

func commands() []command {
	return []command{
		{"run", runCommand},
		{"inspect", inspectCommand},
		{"version", versionCommand},
		{"licenses", licensesCommand},
		{"help", helpCommand},
	}
}

// run is the program without its process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer release()
	// A second interrupt ends the process at once.
	context.AfterFunc(ctx, release)
	inv := &invocation{ctx, release, stdin, stdout, stderr}
	do, where := convertCommand, "c2w"
	if len(args) > 0 {
		for _, c := range commands() {
			if args[0] == c.name {
				do, where, args = c.run, "c2w "+c.name, args[1:]
				break
			}
		}
	}
	status, err := do(inv, args)
	var usage usageError
	switch {
	case err == nil:
		return status
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "c2w: interrupted; nothing was written")
		return statusInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "c2w: %v (%s --help shows how it is used)\n", err, where)
	default:
		fmt.Fprintf(stderr, "c2w: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return statusOwn
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// newFlags returns a flag set for the subcommand whose help text is given.
// Flags end at the first operand if they may belong to another program.
func newFlags(inv *invocation, help string, interspersed bool) *pflag.FlagSet {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SetInterspersed(interspersed)
	fs.SetOutput(io.Discard)
	fs.Usage = func() { fmt.Fprint(inv.stdout, help) }
	return fs
}

// parse makes pflag's errors ours.
func parse(fs *pflag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usageError{err}
}
