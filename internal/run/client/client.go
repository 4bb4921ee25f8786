// Package client is the end of the attach protocol that the user has: it gives
// a container the user's standard streams, terminal and signals, and brings back
// its exit status. docs/attach.md is the protocol's specification.
//
// The package does not know how a file is run: a [Process] is handed to it. It
// is the only place that changes the user's terminal, and changes it back on
// every way out.
package client

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c2w/c2w/internal/format/attach"
)

// Options says what a container gets of its user. The zero value is a container
// without input whose output is dropped.
type Options struct {
	// Stdin is the container's input, read only as far as the container takes
	// it. nil gives it none.
	Stdin io.Reader
	// Stdout and Stderr take the container's output; nil drops it. Stderr also
	// takes lines of the machine and the engine, and of this package.
	Stdout, Stderr io.Writer
	// Terminal gives the container a terminal. Where Stdin is a terminal it is
	// raw while the container runs; the size is Stdout's, or else Stdin's.
	Terminal bool
	// Signals are passed on to the container, if any; the second that asks it to
	// end does so by force.
	Signals *Signals
}

// Process is a file that runs in some engine with --attach=stdio.
type Process interface {
	// Input returns where its standard input is written to.
	Input() io.WriteCloser
	// Wait waits for the engine's end and returns its exit status, or an error
	// if it has none. All output has been delivered then.
	Wait() (int, error)
	// Kill ends the engine. It may do so in the background.
	Kill()
}

// Start starts a file. The process writes its standard output to stdout, in
// order and from one goroutine at a time, and waits while that waits.
type Start func(stdout, stderr io.Writer) (Process, error)

// afterExit is how long an engine may take to end after the machine's last
// frame. By then everything is said, and it is ended by force.
const afterExit = 5 * time.Second

// Run runs a container to its end. It returns its status, 0 to 255, or an error
// if the run has none.
func Run(o Options, start Start) (status int, err error) {
	c := &client{
		o:      o,
		parser: attach.Parser{From: attach.Machine},
		exited: make(chan struct{}),
		failed: make(chan error, 1),
		forced: make(chan forced, 1),
	}
	c.cond.L = &c.mu
	defer survivePipes()()
	c.terminal.init(o)
	defer c.terminal.restore()
	// The greeting goes out first.
	rows, cols := c.terminal.size()
	c.post(attach.Hello{Version: attach.Version, Terminal: o.Terminal, Stdin: o.Stdin != nil, Rows: rows, Cols: cols})
	p, err := start(outputOf{c}, stderrOf{c})
	if err != nil {
		return 0, err
	}
	c.input = p.Input()
	if o.Signals != nil {
		defer c.forwardSignals()()
	}
	if o.Terminal {
		defer c.followSize(rows, cols)()
	}
	c.background(c.sendPosted)
	if o.Stdin != nil {
		c.background(c.copyInput)
	}
	defer c.stop()
	return c.wait(p)
}

// client is one run. A single goroutine at a time, the process's, calls the
// methods that take output.
type client struct {
	o        Options
	terminal terminal
	parser   attach.Parser
	exit     attach.Exit // set before exited is closed
	exited   chan struct{}
	failed   chan error  // the machine's violation of the protocol
	forced   chan forced // what the user insists with
	welcomed atomic.Bool // the machine has said Welcome

	write sync.Mutex // one frame at a time
	input io.WriteCloser

	mu     sync.Mutex
	cond   sync.Cond // posted, credit or done has changed
	posted []byte    // frames without data that wait for being sent
	credit uint64
	done   bool // no more input is wanted, or the run is over
	ended  bool // the run is over

	noStdout, noStderr bool // their readers are gone
}

// background runs f beside the run. A panic in it must not leave the user with
// a raw terminal.
func (c *client) background(f func()) {
	go func() {
		defer c.guard()
		f()
	}()
}

// guard is deferred where a panic would end the process.
func (c *client) guard() {
	if r := recover(); r != nil {
		c.terminal.restore()
		panic(r)
	}
}

// wait waits for whatever ends the run.
func (c *client) wait(p Process) (int, error) {
	type end struct {
		status int
		err    error
	}
	gone := make(chan end, 1)
	c.background(func() {
		status, err := p.Wait()
		gone <- end{status, err}
	})
	select {
	case f := <-c.forced:
		p.Kill()
		c.terminal.restore()
		c.brief(lastWord, func() {
			c.say(attach.SignalName(uint8(signalNumber(f.signal))) + " " + f.why)
		})
		c.brief(dying, func() { <-gone })
		return Status(f.signal), nil
	case err := <-c.failed:
		p.Kill()
		return 0, err
	case e := <-gone:
		return c.verdict(e.status, e.err)
	case <-c.exited:
		c.stop() // a machine that reads on finds the end
		late := time.NewTimer(afterExit)
		defer late.Stop()
		select {
		case <-gone:
		case <-c.forced:
			p.Kill()
		case <-late.C:
			p.Kill()
		}
		return int(c.exit.Status), nil
	}
}

// verdict is the run's result after the engine has ended by itself.
func (c *client) verdict(status int, err error) (int, error) {
	select {
	case <-c.exited:
		return int(c.exit.Status), nil
	case err := <-c.failed:
		return 0, err
	default:
	}
	switch {
	case err != nil:
		return 0, err
	case c.parser.Pending():
		return 0, fmt.Errorf("the file ended in the midst of a message, with the engine's status %d", status)
	}
	return 0, &NoExitError{status}
}

// NoExitError is a run that ended without telling how: the file refused to
// begin, and has said why on its standard error, or it does not speak the
// protocol.
type NoExitError struct {
	Status int // the engine's
}

func (e *NoExitError) Error() string {
	return fmt.Sprintf("the file ended without the container's status; the engine's is %d", e.Status)
}

// stop ends what runs in the background, but for a read of the user's input.
func (c *client) stop() {
	c.mu.Lock()
	c.done, c.ended = true, true
	c.cond.Broadcast()
	c.mu.Unlock()
	c.input.Close()
}

func (c *client) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// maxPosted bounds the frames without data that wait, in bytes. A machine that
// reads at all never lets as many come together.
const maxPosted = 64 << 10

// post sends a frame soon, without waiting.
func (c *client) post(m attach.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.posted) >= maxPosted {
		return
	}
	var err error
	if c.posted, err = attach.Append(c.posted, m); err != nil {
		panic("BUG: " + err.Error())
	}
	c.cond.Broadcast()
}

// sendPosted sends what is posted, until the end.
func (c *client) sendPosted() {
	for {
		c.mu.Lock()
		for len(c.posted) == 0 && !c.ended {
			c.cond.Wait()
		}
		b := c.posted
		c.posted = nil
		ended := c.ended
		c.mu.Unlock()
		if ended {
			return
		}
		if c.send(b) != nil {
			return // the end of the output tells the rest
		}
	}
}

// send writes whole frames.
func (c *client) send(b []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	_, err := c.input.Write(b)
	return err
}

// fail notes the first thing that went wrong with the machine.
func (c *client) fail(err error) {
	select {
	case c.failed <- err:
	default:
	}
}

// outputOf takes the machine's frames.
type outputOf struct{ c *client }

// Write takes a piece of the stream. It fails once nothing more is wanted.
func (o outputOf) Write(b []byte) (int, error) {
	c := o.c
	defer c.guard()
	if c.over() {
		return 0, io.ErrClosedPipe
	}
	c.parser.Feed(b)
	for {
		m, err := c.parser.Next()
		switch {
		case errors.Is(err, attach.ErrVersion):
			c.fail(fmt.Errorf("%w: use a newer c2w, or convert the image again", err))
			return 0, io.ErrClosedPipe
		case err != nil:
			c.fail(fmt.Errorf("the file does not keep to the attach protocol (%w): is it of c2w?", err))
			return 0, io.ErrClosedPipe
		case m == nil:
			return len(b), nil
		}
		c.take(m)
	}
}

func (c *client) take(m attach.Message) {
	switch m := m.(type) {
	case attach.Welcome:
		c.welcomed.Store(true)
	case attach.Stdout:
		c.terminal.begin()
		c.noStdout = c.deliver(c.o.Stdout, 1, m.Data, c.noStdout)
	case attach.Stderr:
		c.noStderr = c.deliver(c.o.Stderr, 2, m.Data, c.noStderr)
	case attach.Window:
		c.terminal.begin()
		c.mu.Lock()
		c.credit += uint64(m.Bytes)
		tooMuch := c.credit > attach.MaxCredit
		c.cond.Broadcast()
		c.mu.Unlock()
		if tooMuch {
			c.fail(fmt.Errorf("the file does not keep to the attach protocol: it grants credit for more than %d bytes", attach.MaxCredit))
		}
	case attach.StdinClosed:
		c.mu.Lock()
		c.done = true
		c.cond.Broadcast()
		c.mu.Unlock()
	case attach.Text:
		c.say(m.Line)
	case attach.Exit:
		c.exit = m
		close(c.exited)
	}
}

// deliver writes output of the container, unless its reader is gone, and
// reports whether it is.
func (c *client) deliver(w io.Writer, stream uint8, data []byte, gone bool) bool {
	if gone || w == nil {
		return gone
	}
	if _, err := w.Write(data); err != nil {
		// Whatever the reason is, writing on would lose output silently.
		c.post(attach.CloseOutput{Stream: stream})
		if !isBrokenPipe(err) {
			c.say(fmt.Sprintf("writing the container's output: %v", err))
		}
		return true
	}
	return false
}

// say shows a line on the user's standard error.
func (c *client) say(line string) {
	stderrOf{c}.Write([]byte("c2w: " + attach.Line(line) + "\n"))
}

// stderrOf takes what the engine has to say, which is not the container's
// output.
type stderrOf struct{ c *client }

func (s stderrOf) Write(b []byte) (int, error) {
	if s.c.o.Stderr == nil {
		return len(b), nil
	}
	if _, err := s.c.o.Stderr.Write(s.c.terminal.lines(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}
