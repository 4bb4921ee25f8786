//go:build !wasip1

package machine

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/frame"
	"github.com/c2w/c2w/internal/machine/wasi"
)

func frames(t *testing.T, list ...agent.Message) (b []byte) {
	t.Helper()
	for _, m := range list {
		var err error
		if b, err = agent.Append(b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestContract: what the guest's init may say, and what ends a run although the
// guest goes on: its kernel loops here.
func TestContract(t *testing.T) {
	spec := &agent.Spec{Args: []string{"x"}}
	exit := agent.Exit{Status: 3}
	good := frames(t, exit)
	for name, c := range map[string]struct {
		in     []byte
		ends   bool
		status int
		want   string // in the error, once the guest is off
	}{
		"nothing":             {nil, false, 122, errNoStatus.Error()},
		"ready":               {frames(t, agent.Ready{}), false, 122, errNoStatus.Error()},
		"exit":                {frames(t, agent.Ready{}, exit), false, 3, ""},
		"exit without ready":  {frames(t, exit), false, 3, ""},
		"exit twice":          {frames(t, agent.Ready{}, exit, agent.Exit{Status: 4}), false, 3, ""},
		"exit, then error":    {frames(t, agent.Ready{}, exit, agent.Error{Status: 127, Text: "no"}), false, 3, ""},
		"error":               {frames(t, agent.Ready{}, agent.Error{Status: 127, Text: "no"}), false, 127, "no"},
		"error, then exit":    {frames(t, agent.Ready{}, agent.Error{Status: 127, Text: "no"}, exit), false, 127, "no"},
		"started":             {frames(t, agent.Ready{}, agent.Started{}, exit), false, 3, ""},
		"started untold":      {frames(t, agent.Started{}), true, 124, "it was not told"},
		"started twice":       {frames(t, agent.Ready{}, agent.Started{}, agent.Started{}), true, 124, "it was not told"},
		"ready twice":         {frames(t, agent.Ready{}, agent.Ready{}), true, 124, "the guest's init: it said twice"},
		"a host's message":    {frames(t, spec), true, 124, "only the host may send"},
		"garbage":             {[]byte("a header"), true, 124, "the guest's init: bad contract frame"},
		"a letter of garbage": {[]byte("x"), false, 122, errNoStatus.Error()},
		"another version":     {[]byte("\x00\x00\x00\x00\x03\x63\x00\x00"), true, 124, "contract version differs"},
		"oversized":           {append([]byte("\xff\xff\xff\x7f"), good[4:frame.HeaderSize]...), true, 124, "bad contract frame"},
		"bad exit":            {append(good[:frame.HeaderSize:frame.HeaderSize], 1, 9, 0), true, 124, "bad contract message"},
		"half a frame":        {good[:frame.HeaderSize+1], false, 122, errNoStatus.Error()},
		"much garbage":        {bytes.Repeat([]byte{0xff}, 1<<20), true, 124, "bad contract frame"},
		"input unwanted":      {frames(t, agent.Ready{}, agent.Close{}, exit), false, 3, ""},
		"output unwanted":     {frames(t, agent.Ready{}, agent.Close{Stream: 1}), true, 124, "only the host may send"},
		"garbage after exit":  {append(frames(t, agent.Ready{}, exit), "more garbage"...), true, 124, "bad contract frame"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{1 << 30, 1, 7} {
				m := newSmall(t, wasi.Streams{}, loop)
				for b := c.in; len(b) > 0; {
					n := min(piece, len(b))
					if got := m.contract.receive(b[:n]); got != n {
						t.Fatalf("took %d of %d bytes", got, n)
					}
					b = b[n:]
				}
				r := m.Step()
				if r.Done != c.ends {
					t.Fatalf("the run has ended: %v; %v", r.Done, r.Err)
				}
				m.powerOff(false)
				r = m.Step()
				if !r.Done || r.Status != c.status || (r.Err == nil) != (c.want == "") || r.Err != nil && !strings.Contains(r.Err.Error(), c.want) {
					t.Errorf("status %d, %v", r.Status, r.Err)
				}
				if len(c.in) > 1000 {
					break
				}
			}
		})
	}
}

// TestContractMemory: a guest that writes all of its RAM to the port at once
// costs the host no such memory.
func TestContractMemory(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	all := m.ram.Bytes
	spec := frames(t, &agent.Spec{Args: []string{"x"}})
	copy(all, append([]byte("\x00\x00\x20\x00"), spec[4:frame.HeaderSize]...)) // a frame of 2 MiB begins
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.contract.receive(all)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 24<<20 {
		t.Errorf("%d MiB allocated for %d MiB", got>>20, len(all)>>20)
	}
	if r := m.Step(); !r.Done || r.Err == nil {
		t.Errorf("%v, %v", r.Done, r.Err)
	}
}

func FuzzContract(f *testing.F) {
	for _, m := range []agent.Message{agent.Ready{}, agent.Exit{Status: 1}, agent.Error{Status: 125, Text: "x"}} {
		b, _ := agent.Append(nil, m)
		f.Add(b)
	}
	var shared *Machine
	f.Fuzz(func(t *testing.T, b []byte) {
		if shared == nil {
			shared = newSmall(t, wasi.Streams{}, loop)
		}
		m := shared
		m.contract, m.streams, m.off, m.failed = session{m: m}, streams{m: m}, false, false
		if n := m.contract.receive(b); n != len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		if m.off != (m.contract.err != nil) {
			t.Fatalf("off %v, %v", m.off, m.contract.err)
		}
		if r := m.contract.result(false); !r.Done || r.Status < 0 || r.Status > 255 {
			t.Fatalf("%+v", r)
		}
	})
}

// TestLongSpec: arguments that the guest could not take are refused with a
// reason.
func TestLongSpec(t *testing.T) {
	m := newSmall(t, wasi.Streams{}, loop)
	m.cfg.Spec.Args = []string{strings.Repeat("x", agent.MaxPayload)}
	m.contract.receive(frames(t, agent.Ready{}))
	if r := m.Step(); !r.Done || r.Err == nil || !strings.Contains(r.Err.Error(), "arguments and environment too long?") {
		t.Errorf("%v, %v", r.Done, r.Err)
	}
}

// TestInput: nothing is read before the container is ready, nor more than the
// guest has room for.
func TestInput(t *testing.T) {
	in := &counting{Reader: strings.NewReader(strings.Repeat("0123456789\n", 100000))}
	m := newSmall(t, wasi.Streams{Stdin: in}, loop)
	m.streams.poll(0)
	if in.n != 0 {
		t.Error("input is read before the container is ready")
	}
	m.contract.receive(frames(t, agent.Ready{}))
	for range 200 {
		m.streams.poll(1e6)
	}
	port := m.console.Port(portStdin)
	if port.Room() != 0 || len(m.streams.pending) > inputSize || in.n > 2*inputSize {
		t.Errorf("room for %d, %d bytes wait of %d", port.Room(), len(m.streams.pending), in.n)
	}
	if !strings.HasPrefix(string(port.Buffer[:]), "0123456789\n0123456789\n") || !port.HostOpen {
		t.Errorf("the guest gets %q", port.Buffer[:20])
	}
}

// TestInputEnd: the end is passed on once, and behind the last byte.
func TestInputEnd(t *testing.T) {
	for name, c := range map[string]struct {
		in      io.Reader
		no      bool
		content string
	}{
		"end": {in: strings.NewReader("")}, "none": {}, "error": {in: failingReader{}},
		"not wanted": {in: strings.NewReader("x"), no: true}, "bytes": {in: strings.NewReader("x"), content: "x"},
	} {
		cfg := small(wasi.Streams{Stdin: c.in}.NewHost(), loop)
		cfg.NoStdin = c.no
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		m.contract.receive(frames(t, agent.Ready{}))
		for range 20 {
			m.streams.poll(1e6)
		}
		port := m.console.Port(portStdin)
		if got := string(port.Buffer[:port.Held]); got != c.content || port.HostOpen != (got != "") || !m.streams.eof {
			t.Errorf("%s: the guest gets %q, open %v", name, got, port.HostOpen)
		}
	}
}

// TestOutputClosed: the guest hears that nobody reads, once.
func TestOutputClosed(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	m := newSmall(t, wasi.Streams{Stdout: w}, loop)
	m.contract.receive(frames(t, agent.Ready{}))
	sent := len(m.contract.out)
	for range 3 {
		if n := m.streams.stdout([]byte("hello")); n != 5 {
			t.Fatalf("took %d", n)
		}
		m.streams.flush()
	}
	want := frames(t, agent.Close{Stream: agent.Stdout})
	if got := m.contract.out[sent:]; !bytes.Equal(got, want) || m.streams.err != nil {
		t.Errorf("init is told %q, %v", got, m.streams.err)
	}
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("on fire") }
