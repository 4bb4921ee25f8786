// Command c2w turns a container image into one WebAssembly file that boots
// Linux and runs the image's program on any WASI host.
//
// The package reads the command line and shows results; the work is done by
// internal/convert and internal/run/runner.
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

	"github.com/c2w/c2w/internal/run/client"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// statusOwn is the exit status of c2w's own errors, apart from those of the
// programs that it runs. It is docker's.
const statusOwn = 125

// invocation is what a subcommand works with.
type invocation struct {
	ctx context.Context
	// release gives signals back their usual effect, where nobody else has caught
	// them, and ends ctx.
	release        context.CancelFunc
	stdin          io.Reader
	stdout, stderr io.Writer
	// status is the exit status where there is no error.
	status int
}

// run is the program without its process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, release := interruptible(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer release()
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
		var by interrupted
		if errors.As(context.Cause(ctx), &by) {
			return client.Status(by.signal)
		}
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "c2w: %s (%s --help shows how it is used)\n", oneLine(err), cmd.CommandPath())
	default:
		fmt.Fprintf(stderr, "c2w: %s\n", oneLine(err))
	}
	return statusOwn
}

// interrupted is why a context ends when a signal asks for it.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return i.signal.String() }

// Is: who asks a context for its cause gets this where others get Canceled.
func (i interrupted) Is(target error) bool { return target == context.Canceled }

// interruptible returns a context that the first of some signals ends; a second
// one ends the process at once. Those that this process was started with being
// ignored stay so.
func interruptible(signals ...os.Signal) (ctx context.Context, release context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	caught := make(chan os.Signal, 1)
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	go func() {
		select {
		case s := <-caught:
			signal.Stop(caught)
			cancel(interrupted{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		cancel(nil)
	}
}

// oneLine is an error as it is shown.
func oneLine(err error) string {
	return strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", " ")
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
