package client

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/c2w/c2w/internal/format/attach"
)

const (
	// courtesy is what a container has to end by itself after the first signal
	// that asks it to: one press of a key may come as two signals, from the
	// terminal and from a program around this one.
	courtesy = time.Second
	// insistence is how close together two of the signals have to be that do not
	// always ask a program to end: SIGHUP may mean to read its configuration
	// again, SIGQUIT to show what its threads do.
	insistence = 3 * time.Second
	// hangupGrace is how long a container lives on after its user's terminal has
	// gone, in milliseconds.
	hangupGrace = 10_000
	// hangupLimit is how long the run does then: nobody is left to insist.
	hangupLimit = hangupGrace*time.Millisecond + 15*time.Second
	// lastWord is how long a line may take that is said when a run is ended by
	// force: that nobody reads it may be why it had to be.
	lastWord = 500 * time.Millisecond
	// dying is how long an engine may take to be gone after it was killed.
	dying = time.Second
)

// Signals are this process's, caught for a run from before it begins until the
// process ends: none has its usual effect in between, so that nothing is left
// behind and no status is taken away.
type Signals struct{ c chan os.Signal }

// CatchSignals catches the signals that a container may get. Those that this
// process was started with being ignored stay ignored.
func CatchSignals() *Signals {
	s := &Signals{make(chan os.Signal, 16)}
	for _, sig := range forwarded {
		if !signal.Ignored(sig) {
			signal.Notify(s.c, sig)
		}
	}
	return s
}

// Await returns the next signal that asks a program to end.
func (s *Signals) Await() os.Signal {
	for sig := range s.c {
		if asksToEnd(sig) {
			return sig
		}
	}
	panic("BUG: the signals' channel is closed")
}

// Status is the exit status of what a signal has ended.
func Status(s os.Signal) int { return 128 + signalNumber(s) }

// asksToEnd says that a signal, when it comes twice, means that the run shall
// end whatever the container makes of it.
func asksToEnd(s os.Signal) bool {
	switch signalNumber(s) {
	case 1, 2, 3, 15:
		return true
	}
	return false
}

// onlyEnds says that a signal has no other meaning.
func onlyEnds(s os.Signal) bool { return s == os.Interrupt || s == syscall.SIGTERM }

// asked is what the user has asked for up to now.
type asked struct {
	first time.Time // when a signal first asked for the end
	last  time.Time // and when one last did
	ends  bool      // one of them has no other meaning
}

// insists notes a signal that came at a time, and reports whether it insists on
// what an earlier one asked for, and when that is to be enforced.
func (a *asked) insists(s os.Signal, now time.Time) (bool, time.Time) {
	again := !a.last.IsZero() && (now.Sub(a.last) <= insistence || a.ends && onlyEnds(s))
	if !again {
		a.first = now
	}
	a.last, a.ends = now, a.ends || onlyEnds(s)
	return again, a.first.Add(courtesy)
}

// forwardSignals passes signals on until the returned function is called.
func (c *client) forwardSignals() (stop func()) {
	over := make(chan struct{})
	c.background(func() {
		var a asked
		for {
			select {
			case s := <-c.o.Signals.c:
				c.signal(s, &a)
			case <-over:
				return
			}
		}
	})
	return func() { close(over) }
}

func (c *client) signal(s os.Signal, a *asked) {
	number := signalNumber(s)
	switch {
	case !c.welcomed.Load() && attachDeadly(number):
		// There is no container yet, perhaps not even a machine.
		c.force(s, "ended the run before its program began")
		return
	case asksToEnd(s):
		if again, at := a.insists(s, time.Now()); again {
			time.AfterFunc(time.Until(at), func() { c.force(s, "came again and ended the run by force") })
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
		time.AfterFunc(hangupLimit, func() { c.force(s, "ended the run by force: the container did not end by itself") })
		return
	}
	if number > 0 {
		c.post(attach.Signal{Number: uint8(number)})
	}
}

// attachDeadly says that a signal that is passed on ends a program that has no
// handler.
func attachDeadly(number int) bool { return number > 0 && number != 18 }

// force ends the run.
func (c *client) force(s os.Signal, why string) {
	select {
	case c.forced <- forced{s, why}:
	default:
	}
}

// forced is how a run is ended by force: a sentence about a signal.
type forced struct {
	signal os.Signal
	why    string
}

// brief does what may take for ever, such as writing to the user's streams, but
// does not wait for it longer than a time.
func (c *client) brief(limit time.Duration, f func()) {
	done := make(chan struct{})
	c.background(func() {
		defer close(done)
		f()
	})
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

func (c *client) resize() attach.Resize {
	rows, cols := c.terminal.size()
	return attach.Resize{Rows: rows, Cols: cols}
}
