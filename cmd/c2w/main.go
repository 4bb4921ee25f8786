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
	// status is the exit status where there is no error.
	status int
}

// run is the program without its process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer release()
	// A second interrupt ends the process at once.
	context.AfterFunc(ctx, release)
	inv := &invocation{ctx: ctx, release: release, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(inv)
	root.SetArgs(append([]string{}, args...))
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return inv.status
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "c2w: interrupted; nothing was written")
		return statusInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "c2w: %s (%s --help shows how it is used)\n", oneLine(err), cmd.CommandPath())
	default:
		fmt.Fprintf(stderr, "c2w: %s\n", oneLine(err))
	}
	return statusOwn
}

// oneLine is an error as it is shown.
func oneLine(err error) string {
	return strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", " ")
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
