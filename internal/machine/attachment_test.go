//go:build !wasip1

package machine

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
	"github.com/c2w/c2w/internal/machine/wasi"
)

func attachFrames(t *testing.T, list ...attach.Message) (b []byte) {
	t.Helper()
	for _, m := range list {
		var err error
		if b, err = attach.Append(b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// attached is a machine whose client sends what it is given and then nothing,
// and stays.
type attached struct {
	*Machine
	out bytes.Buffer
}

func newAttached(t *testing.T, in io.Reader) *attached {
	t.Helper()
	a := &attached{}
	cfg := small(wasi.Streams{Stdin: in, Stdout: &a.out}.NewHost(), loop)
	cfg.Attach, cfg.StopSignal = true, 3
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.Machine = m
	return a
}

// said is what the machine sent since the last call.
func (a *attached) said(t *testing.T) []byte {
	t.Helper()
	a.streams.flush()
	b := bytes.Clone(a.out.Bytes())
	a.out.Reset()
	return b
}

func want(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestAttachConversation follows a run from the greeting to the exit status.
func TestAttachConversation(t *testing.T) {
	a := newAttached(t, nil)
	l := a.streams.attached
	feed := func(list ...attach.Message) { l.receive(attachFrames(t, list...), nil) }

	a.contract.receive(frames(t, agent.Ready{}))
	if a.contract.told {
		t.Fatal("the container is told before the client has said what it wants")
	}
	feed(attach.Hello{Version: 1, Stdin: true}, attach.Signal{Number: 10})
	want(t, "greeting", a.said(t), attachFrames(t, attach.Welcome{Version: 1, StopSignal: 3}, attach.Window{Bytes: window}))
	if !a.contract.told || a.cfg.Spec.Terminal {
		t.Fatalf("told %v, terminal %v", a.contract.told, a.cfg.Spec.Terminal)
	}
	if !bytes.HasSuffix(a.contract.out, frames(t, agent.Signal{Number: 10, Early: true})) {
		t.Error("a signal from before the start is lost")
	}

	// The port takes what it has room for, and that is granted again.
	feed(attach.Stdin{Data: bytes.Repeat([]byte("a"), 10_000)})
	a.said(t)
	port := a.console.Port(portStdin)
	if port.Held != 4096 || len(a.streams.pending) != 10_000-4096 {
		t.Fatalf("the port has %d bytes, %d wait", port.Held, len(a.streams.pending))
	}
	port.Held = 0
	a.streams.flush()
	port.Held = 0
	want(t, "credit", a.said(t), attachFrames(t, attach.Window{Bytes: 10_000}))
	feed(attach.StdinEnd{})
	port.Held = 0
	a.streams.flush()
	if port.HostOpen {
		t.Error("the end of input does not reach the guest")
	}

	a.streams.stdout([]byte("out"))
	a.streams.stderr([]byte("err"))
	want(t, "output", a.said(t), attachFrames(t, attach.Stdout{Data: []byte("out")}, attach.Stderr{Data: []byte("err")}))

	a.contract.out = nil
	a.contract.receive(frames(t, agent.Started{}))
	feed(attach.CloseOutput{Stream: 1}, attach.CloseOutput{Stream: 1}, attach.Stop{Grace: 5})
	want(t, "to init", a.contract.out, frames(t, agent.Close{Stream: agent.Stdout}, agent.Stop{Signal: 3, Grace: 5}))
	a.streams.stdout([]byte("nobody reads this"))

	a.contract.receive(frames(t, agent.Exit{Status: 137, Signal: 9, OutOfMemory: true}))
	a.Machine.powerOff(false)
	r := a.Step()
	a.End(r)
	want(t, "end", a.said(t), attachFrames(t, attach.Text{Line: r.Err.Error()}, attach.Exit{Status: 137, Signal: 9, OutOfMemory: true}))
}

// TestAttachTerminal: size and resizes reach the guest, before and after the
// container has started.
func TestAttachTerminal(t *testing.T) {
	a := newAttached(t, nil)
	l := a.streams.attached
	l.receive(attachFrames(t, attach.Hello{Version: 9, Terminal: true, Stdin: true, Rows: 24, Cols: 80}, attach.Resize{Rows: 25, Cols: 81}), nil)
	want(t, "greeting", a.said(t), attachFrames(t, attach.Welcome{Version: 1, Terminal: true, StopSignal: 3}, attach.Window{Bytes: window}))
	a.contract.receive(frames(t, agent.Ready{}))
	if s := a.cfg.Spec; !s.Terminal || s.Cooked || s.Rows != 25 || s.Cols != 81 || s.Env[0] != "TERM=xterm" {
		t.Errorf("%+v", s)
	}
	a.contract.out = nil
	l.receive(attachFrames(t, attach.Resize{Rows: 50, Cols: 132}, attach.StdinEnd{}), nil)
	want(t, "to init", a.contract.out, frames(t, agent.Resize{Rows: 50, Cols: 132}))
	a.streams.kernel([]byte("oops"))
	want(t, "kernel", a.said(t), attachFrames(t, attach.Stdout{Data: []byte("oops")}))
	if !a.console.Port(portStdin).HostOpen {
		t.Error("a terminal's input is closed")
	}
}

// TestAttachGone: a client that goes away stops the container; one that breaks
// the protocol ends the run.
func TestAttachGone(t *testing.T) {
	a := newAttached(t, nil)
	l := a.streams.attached
	l.receive(attachFrames(t, attach.Hello{Version: 1}), nil)
	a.contract.receive(frames(t, agent.Ready{}))
	a.contract.out = nil
	l.receive(nil, io.EOF)
	l.receive(nil, io.EOF)
	want(t, "to init", a.contract.out, frames(t, agent.Stop{Signal: 3, Grace: grace, Early: true}))
	if a.streams.err != nil || l.want() {
		t.Errorf("%v", a.streams.err)
	}

	a = newAttached(t, nil)
	a.streams.attached.receive(nil, io.EOF)
	if r := a.Step(); !r.Done || r.Status != StatusFailed || !errors.Is(r.Err, errClientGone) {
		t.Errorf("before the start: %+v", r)
	}
	a = newAttached(t, nil)
	a.streams.attached.receive([]byte("ls -l\n\n\n"), nil)
	if r := a.Step(); !r.Done || !errors.Is(r.Err, attach.ErrFrame) {
		t.Errorf("rubbish: %+v", r)
	}
	a = newAttached(t, nil)
	flood := attachFrames(t, attach.Hello{Version: 1, Stdin: true}, attach.Stdin{Data: make([]byte, window)}, attach.Stdin{Data: []byte("x")})
	a.streams.attached.receive(flood, nil)
	if r := a.Step(); !r.Done || !errors.Is(r.Err, attach.ErrOrder) || cap(a.streams.pending) > window {
		t.Errorf("more than the credit: %+v, %d bytes kept", r, cap(a.streams.pending))
	}
}

// FuzzAttach: no client breaks the machine.
func FuzzAttach(f *testing.F) {
	hello, _ := attach.Append(nil, attach.Hello{Version: 1, Stdin: true})
	f.Add(hello)
	f.Fuzz(func(t *testing.T, b []byte) {
		a := newAttached(t, nil)
		a.contract.receive(frames(t, agent.Ready{}))
		for len(b) > 0 {
			n := min(len(b), 7)
			a.streams.attached.receive(b[:n], nil)
			b = b[n:]
			a.streams.flush()
		}
	})
}
