package client

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"github.com/c2w/c2w/internal/format/attach"
)

// Windows has no signals but these: Ctrl-C and Ctrl-Break, and the end of the
// console or the session.
var forwarded = []os.Signal{os.Interrupt, syscall.SIGTERM}

func signalNumber(s os.Signal) int {
	if s == os.Interrupt {
		return 2
	}
	return 15
}

func isContinue(os.Signal) bool { return false }

// isBrokenPipe reports whether a write failed because its reader is gone.
func isBrokenPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

func isHangup(err error) bool { return errors.Is(err, windows.ERROR_BROKEN_PIPE) }

// survivePipes has nothing to do: a write without a reader is an error.
func survivePipes() (stop func()) { return func() {} }

// prepareOutput makes a console obey escape sequences, which it does not for
// every program by itself.
func prepareOutput(out *os.File) (undo func()) {
	if out == nil {
		return func() {}
	}
	h := windows.Handle(out.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return func() {}
	}
	const vt = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING | windows.DISABLE_NEWLINE_AUTO_RETURN
	if windows.SetConsoleMode(h, mode|vt) != nil {
		return func() {}
	}
	return func() { windows.SetConsoleMode(h, mode) }
}

// sizePeriod is how often the console's size is looked at: Windows tells of a
// change only among the key presses, which are read as bytes here.
const sizePeriod = 200 * time.Millisecond

// followSize sends the console's size when it changes, until the returned
// function is called. rows and cols are what the container was told.
func (c *client) followSize(rows, cols uint16) (stop func()) {
	over := make(chan struct{})
	c.background(func() {
		tick := time.NewTicker(sizePeriod)
		defer tick.Stop()
		known := attach.Resize{Rows: rows, Cols: cols}
		for {
			if now := c.resize(); now != known {
				known = now
				c.post(now)
			}
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	})
	return func() { close(over) }
}
