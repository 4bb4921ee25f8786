package client

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/c2w/c2w/internal/attach"
)

// insistence is how many of the signals that ask a program to end make this
// process end the run by force.
const insistence = 3

// hangupGrace is how long a container lives on after its user's terminal has
// gone, in milliseconds.
const hangupGrace = 10_000

// forwardSignals passes signals on until the returned function is called.
// Signals that this process was started with being ignored stay ignored.
func (c *client) forwardSignals() (stop func()) {
	var list []os.Signal
	for _, s := range forwarded {
		if !signal.Ignored(s) {
			list = append(list, s)
		}
	}
	ch := make(chan os.Signal, 16)
	signal.Notify(ch, list...)
	over := make(chan struct{})
	c.background(func() {
		asked := 0
		for {
			select {
			case s := <-ch:
				c.signal(s, &asked)
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

func (c *client) signal(s os.Signal, asked *int) {
	if s == os.Interrupt || s == syscall.SIGTERM {
		*asked++
		switch *asked {
		case insistence - 1:
			c.say("the container has been asked to end; once more ends it by force")
		case insistence:
			c.forced <- s
			return
		}
	}
	if isContinue(s) {
		c.terminal.again()
		if c.o.Terminal {
			c.post(c.resize())
		}
	}
	if s == syscall.SIGHUP && c.terminal.in != nil {
		// What hung up is the terminal that the container's stands for.
		c.post(attach.CloseOutput{Stream: 1})
		c.post(attach.Stop{Grace: hangupGrace})
		return
	}
	if n := signalNumber(s); n > 0 {
		c.post(attach.Signal{Number: uint8(n)})
	}
}

func (c *client) resize() attach.Resize {
	rows, cols := c.terminal.size()
	return attach.Resize{Rows: rows, Cols: cols}
}
