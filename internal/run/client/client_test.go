package client

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/format/attach"
)

// fake is a machine in this process. Its script runs as the engine would: what
// it returns is the engine's status, or its error.
type fake struct {
	t      *testing.T
	in     *io.PipeReader
	input  *io.PipeWriter
	out    io.Writer
	stderr io.Writer
	parser attach.Parser
	buf    []byte
	killed chan struct{}
	kill   sync.Once
	ended  chan struct{}
	status int
	err    error
}

// machine returns a start of a machine with that script.
func machine(t *testing.T, script func(m *fake) (int, error)) Start {
	return func(stdout, stderr io.Writer) (Process, error) {
		m := &fake{t: t, out: stdout, stderr: stderr, buf: make([]byte, 100_000), killed: make(chan struct{}), ended: make(chan struct{})}
		m.in, m.input = io.Pipe()
		go func() {
			m.status, m.err = script(m)
			m.in.Close()
			close(m.ended)
		}()
		return m, nil
	}
}

func (m *fake) Input() io.WriteCloser { return m.input }
func (m *fake) Kill()                 { m.kill.Do(func() { close(m.killed); m.in.Close() }) }

func (m *fake) Wait() (int, error) {
	select {
	case <-m.ended:
		return m.status, m.err
	case <-m.killed:
		return 0, errors.New("killed")
	}
}

// next returns the client's next message, or nil at the end of its stream. Its
// data is good until the next call.
func (m *fake) next() attach.Message {
	for {
		message, err := m.parser.Next()
		if err != nil {
			m.t.Errorf("the client violates the protocol: %v", err)
			return nil
		}
		if message != nil {
			return message
		}
		n, err := m.in.Read(m.buf)
		if err != nil {
			return nil
		}
		m.parser.Feed(m.buf[:n])
	}
}

// want reads one message.
func (m *fake) want(w attach.Message) {
	m.t.Helper()
	got := m.next()
	if s, ok := w.(attach.Stdin); ok {
		if g, ok := got.(attach.Stdin); !ok || !bytes.Equal(g.Data, s.Data) {
			m.t.Errorf("the client sent %#v, want %#v", got, w)
		}
	} else if got != w {
		m.t.Errorf("the client sent %#v, want %#v", got, w)
	}
}

func (m *fake) send(messages ...attach.Message) error {
	var b []byte
	for _, message := range messages {
		var err error
		if b, err = attach.Append(b, message); err != nil {
			panic(err)
		}
		if w, ok := message.(attach.Window); ok {
			m.parser.Grant(w.Bytes)
		}
	}
	_, err := m.out.Write(b)
	return err
}

var (
	hello   = attach.Hello{Version: 1, Stdin: true}
	welcome = attach.Welcome{Version: 1, StopSignal: 15}
)

func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status, err := Run(Options{Stdin: strings.NewReader("input\n"), Stdout: &stdout, Stderr: &stderr}, machine(t, func(m *fake) (int, error) {
		m.want(hello)
		m.send(attach.Text{Line: "booting"}, welcome, attach.Window{Bytes: 3})
		m.want(attach.Stdin{Data: []byte("inp")})
		m.send(attach.Window{Bytes: 1}, attach.Stdout{Data: []byte("out")})
		m.want(attach.Stdin{Data: []byte("u")})
		m.send(attach.Window{Bytes: 100}, attach.Stderr{Data: []byte("err")})
		m.want(attach.Stdin{Data: []byte("t\n")})
		m.want(attach.StdinEnd{})
		io.WriteString(m.stderr, "engine\n")
		m.send(attach.Stdout{Data: []byte("put\n")}, attach.Exit{Status: 255})
		return 7, nil
	}))
	if status != 255 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	if stdout.String() != "output\n" || stderr.String() != "c2w: booting\nerrengine\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}

// TestNoInput wants nothing to be sent of an input that there is not.
func TestNoInput(t *testing.T) {
	status, err := Run(Options{}, machine(t, func(m *fake) (int, error) {
		m.want(attach.Hello{Version: 1})
		m.send(welcome, attach.Window{Bytes: 10}, attach.Stdout{Data: []byte("dropped")}, attach.Exit{Status: 137, Signal: 9})
		return 0, nil
	}))
	if status != 137 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestCredit wants input to be read no further than there is credit.
func TestCredit(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		w.Write([]byte("abc"))
		w.Write([]byte("never read"))
		t.Error("read without credit")
	}()
	status, err := Run(Options{Stdin: r}, machine(t, func(m *fake) (int, error) {
		m.want(hello)
		m.send(welcome, attach.Window{Bytes: 3})
		m.want(attach.Stdin{Data: []byte("abc")})
		m.send(attach.StdinClosed{}, attach.Window{Bytes: 3}, attach.Exit{})
		if got := m.next(); got != nil {
			t.Errorf("the client sent %#v", got)
		}
		return 0, nil
	}))
	if status != 0 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestBulk passes much through in both directions.
func TestBulk(t *testing.T) {
	content := make([]byte, 5_000_001)
	rand.NewChaCha8([32]byte{1}).Read(content)
	var stdout bytes.Buffer
	status, err := Run(Options{Stdin: bytes.NewReader(content), Stdout: &stdout}, machine(t, func(m *fake) (int, error) {
		m.want(hello)
		m.send(welcome, attach.Window{Bytes: 1 << 20})
		for {
			switch got := m.next().(type) {
			case attach.Stdin:
				m.send(attach.Stdout(got), attach.Window{Bytes: uint32(len(got.Data))})
			case attach.StdinEnd:
				m.send(attach.Exit{})
				return 0, nil
			default:
				t.Errorf("the client sent %#v", got)
				return 1, nil
			}
		}
	}))
	if status != 0 || err != nil || !bytes.Equal(stdout.Bytes(), content) {
		t.Errorf("status %d, %v, %d of %d bytes", status, err, stdout.Len(), len(content))
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

// TestBrokenStreams wants each broken stream to be told to the machine once.
func TestBrokenStreams(t *testing.T) {
	var stderr bytes.Buffer
	full := errors.New("disk full")
	status, err := Run(Options{Stdin: failing{full}, Stdout: failing{syscall.EPIPE}, Stderr: &stderr}, machine(t, func(m *fake) (int, error) {
		m.want(hello)
		m.send(welcome, attach.Stdout{Data: []byte("a")}, attach.Stdout{Data: []byte("b")})
		m.want(attach.CloseOutput{Stream: 1})
		m.send(attach.Window{Bytes: 1})
		m.want(attach.StdinEnd{})
		m.send(attach.Exit{Status: 141, Signal: 13})
		return 0, nil
	}))
	if status != 141 || err != nil || stderr.String() != "c2w: reading the container's input: disk full\n" {
		t.Errorf("status %d, %v, %q", status, err, stderr.String())
	}
	stderr.Reset()
	status, err = Run(Options{Stdout: failing{full}, Stderr: &stderr}, machine(t, func(m *fake) (int, error) {
		m.next()
		m.send(welcome, attach.Stdout{Data: []byte("a")})
		m.want(attach.CloseOutput{Stream: 1})
		m.send(attach.Exit{Status: 1})
		return 0, nil
	}))
	if status != 1 || err != nil || stderr.String() != "c2w: writing the container's output: disk full\n" {
		t.Errorf("status %d, %v, %q", status, err, stderr.String())
	}
}

// TestBadMachines are runs without a status of the container's.
func TestBadMachines(t *testing.T) {
	for name, c := range map[string]struct {
		script func(m *fake) (int, error)
		want   string
	}{
		"refused": {func(m *fake) (int, error) { return 125, nil }, "the engine's is 125"},
		"broken":  {func(m *fake) (int, error) { return 0, errors.New("the machine stopped: unreachable") }, "unreachable"},
		"midst":   {func(m *fake) (int, error) { m.out.Write([]byte("abc")); return 3, nil }, "in the midst of a message, with the engine's status 3"},
		"other":   {func(m *fake) (int, error) { io.WriteString(m.out, "Hello, world!\n"); return 0, nil }, "is it of c2w?"},
		"forever": {func(m *fake) (int, error) { io.WriteString(m.out, "Hello, world!\n"); <-m.killed; return 0, nil }, "is it of c2w?"},
		"newer": {func(m *fake) (int, error) {
			m.send(attach.Welcome{Version: 2, StopSignal: 1})
			<-m.killed
			return 0, nil
		}, "use a newer c2w"},
		"early output": {func(m *fake) (int, error) { m.send(attach.Stdout{Data: []byte("x")}); <-m.killed; return 0, nil }, "before Welcome"},
		"credit": {func(m *fake) (int, error) {
			w, _ := attach.Append(nil, welcome)
			for range 2 {
				w, _ = attach.Append(w, attach.Window{Bytes: attach.MaxCredit})
			}
			m.out.Write(w)
			<-m.killed
			return 0, nil
		}, "it grants credit"},
	} {
		status, err := Run(Options{}, machine(t, c.script))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
	var no *NoExitError
	if _, err := Run(Options{}, machine(t, func(*fake) (int, error) { return 9, nil })); !errors.As(err, &no) || no.Status != 9 {
		t.Error(err)
	}
	broken := errors.New("no such engine")
	if _, err := Run(Options{}, func(_, _ io.Writer) (Process, error) { return nil, broken }); err != broken {
		t.Error(err)
	}
}

// TestAfterTheEnd wants what a machine that was left alone writes to be
// refused.
func TestAfterTheEnd(t *testing.T) {
	late, wrote := make(chan struct{}), make(chan error)
	_, err := Run(Options{}, machine(t, func(m *fake) (int, error) {
		io.WriteString(m.out, "Hello, world!\n")
		<-late
		_, err := m.out.Write([]byte("x"))
		wrote <- err
		return 0, nil
	}))
	close(late)
	if e := <-wrote; err == nil || e == nil {
		t.Error(err, e)
	}
}

// TestExitKeepsInput ends a run whose user's input never ends.
func TestExitKeepsInput(t *testing.T) {
	r, _ := io.Pipe()
	status, err := Run(Options{Stdin: r}, machine(t, func(m *fake) (int, error) {
		m.want(hello)
		m.send(welcome, attach.Window{Bytes: 3}, attach.Exit{Status: 4})
		return 0, nil
	}))
	if status != 4 || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

// TestSignalsOrder wants signals to be passed on in order, and the second that
// asks for the end to bring it.
func TestSignalsOrder(t *testing.T) {
	c := &client{forced: make(chan forced, 1)}
	c.cond.L = &c.mu
	c.welcomed.Store(true)
	a := asked{first: time.Now().Add(-time.Hour), last: time.Now().Add(-time.Hour)} // a reload, then
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c.signal(s, &a)
	}
	p := attach.Parser{From: attach.Client}
	h, _ := attach.Append(nil, hello)
	p.Feed(append(h, c.posted...))
	var got []attach.Message
	for m, err := p.Next(); m != nil || err != nil; m, err = p.Next() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	if want := []attach.Message{hello, attach.Signal{Number: 2}, attach.Signal{Number: 15}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if f := <-c.forced; f.signal != syscall.SIGTERM {
		t.Errorf("forced by %v", f)
	}
}

// TestInsistence: what counts as a second signal.
func TestInsistence(t *testing.T) {
	const hup, ints, quit, term = syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM
	type came struct {
		after time.Duration // since the one before
		s     os.Signal
	}
	for name, c := range map[string]struct {
		came []came
		at   time.Duration // of the end, since the last; negative: none
	}{
		"one":                   {[]came{{0, term}}, -1},
		"two":                   {[]came{{0, term}, {2 * time.Second, term}}, -1 * time.Second},
		"two at once":           {[]came{{0, term}, {0, term}}, courtesy},
		"two kinds":             {[]came{{0, ints}, {time.Hour, term}}, courtesy - time.Hour},
		"much later":            {[]came{{0, ints}, {time.Hour, ints}}, courtesy - time.Hour},
		"hangups":               {[]came{{0, hup}, {insistence, hup}}, courtesy - insistence},
		"reloads":               {[]came{{0, hup}, {insistence + 1, hup}, {time.Hour, hup}}, -1},
		"dumps":                 {[]came{{0, quit}, {5 * time.Second, quit}, {5 * time.Second, quit}}, -1},
		"reload, then the end":  {[]came{{0, hup}, {time.Hour, term}}, -1},
		"reload, then two":      {[]came{{0, hup}, {time.Hour, term}, {time.Second / 2, term}}, courtesy / 2},
		"one, much later a hup": {[]came{{0, term}, {time.Hour, hup}}, -1},
		"one, at once a quit":   {[]came{{0, term}, {time.Second / 4, quit}}, courtesy * 3 / 4},
	} {
		var a asked
		now := time.Unix(1e9, 0)
		var again bool
		var at time.Time
		for _, s := range c.came {
			now = now.Add(s.after)
			again, at = a.insists(s.s, now)
		}
		if want := c.at != -1; again != want || want && at.Sub(now) != c.at {
			t.Errorf("%s: %v, after %v", name, again, at.Sub(now))
		}
	}
}

func BenchmarkOutput(b *testing.B) {
	data := make([]byte, 64<<10)
	frame, _ := attach.Append(nil, attach.Stdout{Data: data})
	b.SetBytes(int64(len(data)))
	Run(Options{Stdout: io.Discard}, func(stdout, _ io.Writer) (Process, error) {
		m := &fake{out: stdout, killed: make(chan struct{}), ended: make(chan struct{})}
		m.in, m.input = io.Pipe()
		go io.Copy(io.Discard, m.in)
		go func() {
			m.send(welcome)
			for range b.N {
				stdout.Write(frame)
			}
			m.send(attach.Exit{})
			close(m.ended)
		}()
		return m, nil
	})
}
