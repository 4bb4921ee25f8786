//go:build !wasip1

package machine

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/attach"
)

// TestSaidToASleeper: whatever a client says while the guest idles is with a
// device when the wait that heard it is over, so that the device's interrupt ends
// the idleness; in a queue of the machine's it would wait for the guest's timer.
func TestSaidToASleeper(t *testing.T) {
	for name, c := range map[string]struct {
		say  attach.Message // nil: the client goes
		init agent.Message
	}{
		"signal":       {attach.Signal{Number: 12}, agent.Signal{Number: 12}},
		"size":         {attach.Resize{Rows: 3, Cols: 4}, agent.Resize{Rows: 3, Cols: 4}},
		"stop":         {attach.Stop{Grace: 7}, agent.Stop{Signal: 3, Grace: 7}},
		"close":        {attach.CloseOutput{Stream: 1}, agent.Close{Stream: agent.Stdout}},
		"client gone":  {nil, agent.Stop{Signal: 3, Grace: grace}},
		"input":        {attach.Stdin{Data: []byte("key")}, nil},
		"end of input": {attach.StdinEnd{}, nil},
	} {
		r, w := io.Pipe()
		a := newAttached(t, r)
		a.streams.attached.receive(attachFrames(t, attach.Hello{Version: 1, Terminal: name == "size", Stdin: true}), nil)
		a.contract.receive(frames(t, agent.Ready{}, agent.Started{}))
		a.pollDevices()
		port := a.console.Port(portContract)
		port.Held = 0 // init has read the spec
		go func() {
			if c.say == nil {
				w.Close()
				return
			}
			w.Write(attachFrames(t, c.say))
		}()
		told := func() bool {
			switch {
			case c.init != nil:
				return bytes.Equal(port.Buffer[:port.Held], frames(t, c.init))
			case name == "input":
				return a.console.Port(portStdin).Held == 3
			}
			return !a.console.Port(portStdin).HostOpen
		}
		a.timerOn, a.timerAt = false, 0
		for a.idle = true; a.idle && !told(); {
			a.sleep()
			if len(a.contract.out) > 0 {
				t.Errorf("%s: %q waits although the guest sleeps on", name, a.contract.out)
				break
			}
		}
		if !told() {
			t.Errorf("%s: the guest does not hear of it; init's port has %q", name, port.Buffer[:port.Held])
		}
		w.Close()
	}
}

// TestSaidTooEarly: before init has the specification the machine itself does
// what a signal does to a program without handlers; sleeping or not.
func TestSaidTooEarly(t *testing.T) {
	hello := attach.Hello{Version: 1, Terminal: true}
	for name, c := range map[string]struct {
		say    attach.Message
		status int // -1: the run goes on
	}{
		"hangup":       {attach.Signal{Number: 1}, 129},
		"interrupt":    {attach.Signal{Number: 2}, 130},
		"quit":         {attach.Signal{Number: 3}, 131},
		"kill":         {attach.Signal{Number: 9}, 137},
		"user":         {attach.Signal{Number: 10}, 138},
		"terminate":    {attach.Signal{Number: 15}, 143},
		"last":         {attach.Signal{Number: 64}, 192},
		"stop":         {attach.Stop{Grace: 60_000}, 131},
		"continue":     {attach.Signal{Number: 18}, -1},
		"freeze":       {attach.Signal{Number: 19}, -1},
		"window":       {attach.Signal{Number: 28}, -1},
		"size":         {attach.Resize{Rows: 1, Cols: 2}, -1},
		"close output": {attach.CloseOutput{Stream: 1}, -1},
	} {
		for _, idle := range []bool{false, true} {
			client, _ := io.Pipe()
			a := newAttached(t, client)
			a.idle, a.timerOn, a.timerAt = idle, true, 0
			a.streams.attached.receive(attachFrames(t, hello, c.say), nil)
			a.said(t)
			r := a.Step()
			if r.Done != (c.status >= 0) {
				t.Fatalf("%s: %+v", name, r)
			}
			if !r.Done {
				// It follows the specification.
				a.contract.receive(frames(t, agent.Ready{}))
				if s, ok := c.say.(attach.Signal); ok && !bytes.HasSuffix(a.contract.out, frames(t, agent.Signal{Number: s.Number, Early: true})) {
					t.Errorf("%s is lost: %q", name, a.contract.out)
				}
				continue
			}
			a.End(r)
			text := attach.SignalName(uint8(c.status-128)) + " ended the run before its program began"
			want(t, name, a.said(t), attachFrames(t, attach.Text{Line: text}, attach.Exit{Status: uint8(c.status), Signal: uint8(c.status - 128)}))
		}
	}
	// A stop signal that ends nobody is followed by the one that does.
	client, _ := io.Pipe()
	a := newAttached(t, client)
	a.cfg.StopSignal = 28
	a.streams.attached.receive(attachFrames(t, hello, attach.Stop{Grace: 60_000}), nil)
	if r := a.Step(); r.Status != 137 {
		t.Errorf("a stop by SIGWINCH: %+v", r)
	}
}

// TestOverdue: a guest that hangs does not outlive a stop, whether it sleeps or
// not; what is known of how the command ended counts.
func TestOverdue(t *testing.T) {
	for _, idle := range []bool{false, true} {
		for _, exit := range []bool{false, true} {
			client, _ := io.Pipe()
			a := newAttached(t, client)
			a.streams.attached.receive(attachFrames(t, attach.Hello{Version: 1}), nil)
			a.contract.receive(frames(t, agent.Ready{}))
			before := a.host.Monotonic()
			for _, grace := range []uint32{500, 0, 60_000} { // the shortest counts
				a.streams.attached.receive(attachFrames(t, attach.Stop{Grace: grace}), nil)
			}
			if at := a.contract.killAt; at < before+overdue || at > a.host.Monotonic()+overdue {
				t.Fatalf("overdue at %d, it was %d", at, before)
			}
			if exit {
				a.contract.receive(frames(t, agent.Exit{Status: 7}))
			}
			a.contract.killAt = a.host.Monotonic() + 1e6
			a.idle, a.timerOn = idle, false
			r := a.Step()
			for !r.Done {
				r = a.Step()
			}
			if exit && r.Status != 7 || !exit && (r.Status != 137 || r.Signal != 9 || !strings.Contains(r.Err.Error(), "switched off")) {
				t.Errorf("idle %v, exit %v: %+v", idle, exit, r)
			}
		}
	}
}
