//go:build !wasip1

package machine

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/bootcfg"
	"github.com/c2w/c2w/internal/wasi"
)

func frames(t *testing.T, list ...bootcfg.Message) (b []byte) {
	t.Helper()
	for _, m := range list {
		var err error
		if b, err = bootcfg.Append(b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// TestContract: what the guest's init may say, and what ends a run although the
// guest goes on: its kernel loops here.
func TestContract(t *testing.T) {
	spec := &bootcfg.Spec{Args: []string{"x"}, Root: bootcfg.Root{Device: "d", Type: "t"}}
	exit := bootcfg.Exit{Status: 3}
	for name, c := range map[string]struct {
		in     []byte
		ends   bool
		status int
		want   string // in the error, once the guest is off
	}{
		"nothing":             {nil, false, 0, errNoStatus.Error()},
		"ready":               {frames(t, bootcfg.Ready{}), false, 0, errNoStatus.Error()},
		"exit":                {frames(t, bootcfg.Ready{}, exit), false, 3, ""},
		"exit without ready":  {frames(t, exit), false, 3, ""},
		"exit twice":          {frames(t, bootcfg.Ready{}, exit, bootcfg.Exit{Status: 4}), false, 3, ""},
		"exit, then error":    {frames(t, bootcfg.Ready{}, exit, bootcfg.Error{Text: "no"}), false, 3, ""},
		"error":               {frames(t, bootcfg.Ready{}, bootcfg.Error{Text: "no"}), false, 0, "starting the container: no"},
		"error, then exit":    {frames(t, bootcfg.Ready{}, bootcfg.Error{Text: "no"}, exit), false, 0, "starting the container: no"},
		"ready twice":         {frames(t, bootcfg.Ready{}, bootcfg.Ready{}), true, 0, "the guest's init: it said twice"},
		"a host's message":    {frames(t, spec), true, 0, "only the host may send"},
		"garbage":             {[]byte("hello"), true, 0, "the guest's init: bad contract frame"},
		"a letter of garbage": {[]byte("x"), true, 0, "bad contract frame"},
		"another version":     {[]byte("c2w\x63"), true, 0, "contract version differs"},
		"oversized":           {[]byte("c2w\x01\x03\x00\x00\x00\xff\xff\xff\x7f"), true, 0, "bad contract frame"},
		"bad exit":            {[]byte("c2w\x01\x03\x00\x00\x00\x02\x00\x00\x00\x01\x09"), true, 0, "bad contract message"},
		"half a frame":        {frames(t, exit)[:13], false, 0, errNoStatus.Error()},
		"much garbage":        {bytes.Repeat([]byte{0xff}, 1<<20), true, 0, "bad contract frame"},
		"garbage after exit":  {append(frames(t, bootcfg.Ready{}, exit), "garbage"...), true, 0, "bad contract frame"},
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
				(*platform)(m).PowerOff(false)
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
	copy(all, "c2w\x01\x01\x00\x00\x00\x00\x00\x20\x00") // a frame of 2 MiB begins
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
	for _, m := range []bootcfg.Message{bootcfg.Ready{}, bootcfg.Exit{Status: 1}, bootcfg.Error{Text: "x"}} {
		b, _ := bootcfg.Append(nil, m)
		f.Add(b)
	}
	var shared *Machine
	f.Fuzz(func(t *testing.T, b []byte) {
		if shared == nil {
			shared = newSmall(t, wasi.Streams{}, loop)
		}
		m := shared
		m.contract, m.off, m.failed = session{m: m}, false, false
		if n := m.contract.receive(b); n != len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		if m.off != (m.contract.err != nil && !strings.HasPrefix(m.contract.err.Error(), "starting the container: ")) {
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
	m.cfg.Spec.Args = []string{strings.Repeat("x", bootcfg.MaxPayload)}
	m.contract.receive(frames(t, bootcfg.Ready{}))
	if r := m.Step(); !r.Done || r.Err == nil || !strings.Contains(r.Err.Error(), "arguments and environment too long?") {
		t.Errorf("%v, %v", r.Done, r.Err)
	}
}

// TestInput: nothing is read before init is ready, nor more than the guest has
// room for; the end is passed on once.
func TestInput(t *testing.T) {
	in := &counting{Reader: strings.NewReader(strings.Repeat("0123456789\n", 10000))}
	m := newSmall(t, wasi.Streams{Stdin: in}, loop)
	m.input.poll(0)
	if in.n != 0 {
		t.Error("input is read before init is ready")
	}
	m.contract.receive(frames(t, bootcfg.Ready{}))
	for range 200 {
		m.input.poll(1e6)
	}
	port := m.console.Port(0)
	if port.Room() != 0 || len(m.input.pending) > 2*len(m.input.buf)+1 {
		t.Errorf("room for %d, %d bytes wait", port.Room(), len(m.input.pending))
	}
	if !strings.HasPrefix(string(port.Buffer[:]), "0123456789\n0123456789\n") {
		t.Errorf("the guest gets %q", port.Buffer[:20])
	}
	for name, r := range map[string]io.Reader{"end": strings.NewReader(""), "none": nil, "error": failingReader{}} {
		m := newSmall(t, wasi.Streams{Stdin: r}, loop)
		m.contract.receive(frames(t, bootcfg.Ready{}))
		for range 20 {
			m.input.poll(1e6)
		}
		if port := m.console.Port(0); port.Held != 1 || port.Buffer[0] != bootcfg.InputEOF || !m.input.eof {
			t.Errorf("%s: the guest gets %q", name, port.Buffer[:port.Held])
		}
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
