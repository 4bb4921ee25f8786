//go:build unix

package client

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/c2w/c2w/internal/format/attach"
)

// linuxSignals are the numbers of the signals that are passed on, on Linux; it
// is not this computer's numbering that counts. Missing are those that concern
// this process alone: SIGCHLD, SIGPIPE, SIGTSTP, SIGTTIN and SIGTTOU, SIGURG,
// SIGWINCH, those of errors and timers.
var linuxSignals = map[os.Signal]int{
	syscall.SIGHUP: 1, syscall.SIGINT: 2, syscall.SIGQUIT: 3, syscall.SIGUSR1: 10,
	syscall.SIGUSR2: 12, syscall.SIGTERM: 15, syscall.SIGCONT: 18,
}

var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1,
	syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGCONT,
}

func signalNumber(s os.Signal) int { return linuxSignals[s] }

func isContinue(s os.Signal) bool { return s == syscall.SIGCONT }

// isBrokenPipe reports whether a write failed because its reader is gone. A
// terminal that has hung up gives EIO.
func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EIO)
}

// isHangup reports whether a read failed because the terminal is gone.
func isHangup(err error) bool { return errors.Is(err, syscall.EIO) }

// survivePipes makes a write to a standard stream without a reader an error, as
// to any other, until the returned function is called: Go ends the process
// otherwise.
func survivePipes() (stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGPIPE)
	return func() { signal.Stop(ch) }
}

// prepareOutput has nothing to do: a terminal's modes are those of its input.
func prepareOutput(*os.File) (undo func()) { return func() {} }

// followSize sends the terminal's size when it changes, until the returned
// function is called. rows and cols are what the container was told.
func (c *client) followSize(rows, cols uint16) (stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGWINCH)
	over := make(chan struct{})
	c.background(func() {
		known := attach.Resize{Rows: rows, Cols: cols}
		for {
			// First for a change before the signal was being caught.
			if now := c.resize(); now != known {
				known = now
				c.post(now)
			}
			select {
			case <-ch:
			case <-over:
				return
			}
		}
	})
	return func() {
		signal.Stop(ch)
		close(over)
	}
}
