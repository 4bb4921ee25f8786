package wasi

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// fake is an engine whose answers the test sets. Time passes only by polling.
type fake struct {
	now     int64
	onPoll  func(timeout int64, stdin bool) (pollResult, Errno)
	onRead  func(p []byte) (int, Errno)
	onWrite func(fd int, p []byte) (int, Errno)
	onClock func(id clockID) (int64, Errno)
	// What was asked for.
	polls    []int64 // timeouts; those without stdin negative
	randoms  []int
	statuses []int
}

func (f *fake) clock(id clockID) (int64, Errno) {
	if f.onClock != nil {
		return f.onClock(id)
	}
	if id == clockProcess {
		return 0, errnoInval
	}
	return f.now, errnoSuccess
}

func (f *fake) random(p []byte) Errno {
	f.randoms = append(f.randoms, len(p))
	return errnoSuccess
}

func (f *fake) poll(timeout int64, stdin bool) (pollResult, Errno) {
	f.now += timeout
	if !stdin {
		f.polls = append(f.polls, -timeout)
		return pollResult{clock: true}, errnoSuccess
	}
	f.polls = append(f.polls, timeout)
	return f.onPoll(timeout, stdin)
}

func (f *fake) read(p []byte) (int, Errno)          { return f.onRead(p) }
func (f *fake) write(fd int, p []byte) (int, Errno) { return f.onWrite(fd, p) }
func (f *fake) exit(status int)                     { f.statuses = append(f.statuses, status) }
func (f *fake) args() []string                      { return nil }
func (f *fake) environ() []string                   { return nil }

func never(int64, bool) (pollResult, Errno)  { return pollResult{clock: true}, errnoSuccess }
func always(int64, bool) (pollResult, Errno) { return pollResult{stdin: true}, errnoSuccess }

// asWasmtime answers clocks as wasmtime does.
func asWasmtime(id clockID) (int64, Errno) {
	if id == clockProcess {
		return 0, errnoBadf
	}
	return 0, errnoSuccess
}

func wantPolls(t *testing.T, f *fake, want ...int64) {
	t.Helper()
	if len(f.polls) != len(want) {
		t.Fatalf("polls %v, want %v", f.polls, want)
	}
	for i := range want {
		if f.polls[i] != want[i] {
			t.Fatalf("polls %v, want %v", f.polls, want)
		}
	}
}

var differenceTests = map[string]func(t *testing.T){
	"blind poll": func(t *testing.T) {
		f := &fake{onPoll: func(int64, bool) (pollResult, Errno) { return pollResult{}, errnoNotsup }}
		h := Host{sys: f}
		for range 3 {
			if !h.Wait(5*millisecond, true) {
				t.Error("standard input that cannot be polled does not count as ready")
			}
		}
		h.Wait(7*millisecond, false)
		wantPolls(t, f, 5*millisecond, -7*millisecond)
	},
	"clock always reported": func(t *testing.T) {
		f := &fake{onPoll: never}
		h := Host{sys: f}
		if h.Wait(millisecond, true) {
			t.Error("the clock's event counts as input")
		}
		f.onPoll = func(int64, bool) (pollResult, Errno) { return pollResult{clock: true, stdin: true}, errnoSuccess }
		if !h.Wait(millisecond, true) {
			t.Error("input beside the clock's event is missed")
		}
	},
	"rounding": func(t *testing.T) {
		f := &fake{onPoll: never}
		h := Host{sys: f}
		h.Wait(millisecond+1, true)
		h.Wait(1000, true)
		h.Wait(0, true)
		h.Wait(-5, true)
		h.Wait(0, false)
		h.Wait(1000, false)
		wantPolls(t, f, 2*millisecond, 0, -1000, 0, 0, -1000)
	},
	"blind look": func(t *testing.T) {
		f := &fake{now: 1000 * millisecond, onPoll: never}
		f.onClock = func(clockID) (int64, Errno) { return f.now, errnoSuccess }
		h := Host{sys: f}
		h.Wait(0, true)
		h.Wait(0, true)
		h.Wait(1000, true)
		f.now += lookEvery
		f.onPoll = always
		for range 2 {
			if !h.Wait(0, true) {
				t.Error("what is there is not found")
			}
		}
		wantPolls(t, f, millisecond, -1000, millisecond, millisecond)
	},
	"longest wait": func(t *testing.T) {
		f := &fake{onPoll: never}
		h := Host{sys: f}
		h.Wait(1<<62, true)
		h.Wait(1<<62, false)
		wantPolls(t, f, int64(time.Hour), -int64(time.Hour))
	},
	"spinning at the end": func(t *testing.T) {
		f := &fake{onPoll: always, onRead: func([]byte) (int, Errno) { return 0, errnoSuccess }}
		h := Host{sys: f}
		if !h.Wait(millisecond, true) {
			t.Error("the end of standard input is not reported as ready")
		}
		for range 2 {
			if n, err := h.ReadStdin(make([]byte, 8)); n != 0 || err != io.EOF || !h.AtEOF() {
				t.Errorf("%d, %v", n, err)
			}
		}
		if h.Wait(3*millisecond, true) {
			t.Error("an ended standard input is still reported")
		}
		wantPolls(t, f, millisecond, -3*millisecond)
	},
	"error in event": func(t *testing.T) {
		f := &fake{
			onPoll: func(int64, bool) (pollResult, Errno) {
				return pollResult{stdin: true, stdinErr: errnoIO}, errnoSuccess
			},
			onRead: func([]byte) (int, Errno) { return 0, errnoIO },
		}
		h := Host{sys: f}
		if !h.Wait(millisecond, true) {
			t.Error("an error does not count as ready")
		}
		if _, err := h.ReadStdin(make([]byte, 8)); err != errnoIO || !h.AtEOF() {
			t.Errorf("%v", err)
		}
	},
	"false readiness": func(t *testing.T) {
		answers := []Errno{errnoAgain, errnoIntr, errnoSuccess}
		f := &fake{onPoll: always, onRead: func(p []byte) (int, Errno) {
			e := answers[0]
			answers = answers[1:]
			if e != errnoSuccess {
				return 0, e
			}
			return copy(p, "data"), e
		}}
		h := Host{sys: f}
		p := make([]byte, 8)
		for range 2 {
			if n, err := h.ReadStdin(p); n != 0 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if n, err := h.ReadStdin(p); string(p[:n]) != "data" || err != nil {
			t.Errorf("%q, %v", p[:n], err)
		}
	},
	"closed stdin": func(t *testing.T) {
		f := &fake{onRead: func([]byte) (int, Errno) { return 0, errnoBadf }}
		h := Host{sys: f}
		if _, err := h.ReadStdin(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	},
	"partial writes": func(t *testing.T) {
		var got strings.Builder
		n := 0
		f := &fake{onWrite: func(fd int, p []byte) (int, Errno) {
			switch n++; n % 4 {
			case 1:
				return 0, errnoAgain
			case 2:
				return 0, errnoIntr
			case 3:
				return 0, errnoSuccess
			}
			got.Write(p[:min(3, len(p))])
			return min(3, len(p)), errnoSuccess
		}}
		h := Host{sys: f}
		if err := h.Write(Stdout, []byte("0123456789")); err != nil || got.String() != "0123456789" {
			t.Errorf("%q, %v", got.String(), err)
		}
		f.onWrite = func(int, []byte) (int, Errno) { return 0, errnoSuccess }
		if err := h.Write(Stdout, []byte("x")); err != io.ErrNoProgress {
			t.Errorf("an output that takes nothing: %v", err)
		}
	},
	"EIO for EAGAIN": func(t *testing.T) {
		got := 0
		n := 0
		f := &fake{onWrite: func(fd int, p []byte) (int, Errno) {
			if n++; n%3 != 0 {
				return 0, errnoIO
			}
			if len(p) > 4096 {
				t.Errorf("%d bytes at once", len(p))
			}
			got += len(p)
			return len(p), errnoSuccess
		}}
		h := Host{sys: f}
		if err := h.Write(Stdout, make([]byte, 10_000)); err != nil || got != 10_000 {
			t.Errorf("%d, %v", got, err)
		}
		f.onWrite = func(int, []byte) (int, Errno) { return 0, errnoIO }
		f.now = 0
		if err := h.Write(Stdout, []byte("x")); !IsClosed(err) || f.now > 2000*millisecond {
			t.Errorf("%v after %d ms", err, f.now/millisecond)
		}
		f.now = 0
		if err := h.Write(Stdout, []byte("x")); !IsClosed(err) || f.now != 0 {
			t.Errorf("the second time %v after %d ms", err, f.now/millisecond)
		}
	},
	"reader gone": func(t *testing.T) {
		for _, e := range []Errno{errnoPipe, errnoBadf} {
			h := Host{sys: &fake{onWrite: func(int, []byte) (int, Errno) { return 0, e }}}
			if err := h.Write(Stdout, []byte("x")); !IsClosed(err) {
				t.Errorf("%v: %v", e, err)
			}
		}
	},
	"late compilation": func(t *testing.T) {
		f := &fake{}
		if h := (Host{sys: f}); h.CompilesLate() {
			t.Error("an engine without that clock is taken for Node")
		}
		f.onClock = asWasmtime
		if h := (Host{sys: f}); h.CompilesLate() {
			t.Error("wasmtime is taken for Node")
		}
		f.onClock = func(clockID) (int64, Errno) { return f.now, errnoSuccess }
		if h := (Host{sys: f}); !h.CompilesLate() {
			t.Error("Node is not known")
		}
	},
	"high status": func(t *testing.T) {
		line := ""
		f := &fake{onWrite: func(fd int, p []byte) (int, Errno) {
			line += string(p)
			return len(p), errnoSuccess
		}}
		h := Host{sys: f}
		h.Exit(200)
		h = Host{sys: f}
		f.onClock = asWasmtime
		h.Exit(125)
		if line != "" {
			t.Errorf("said %q", line)
		}
		h.Exit(256 + 126)
		if len(f.statuses) != 3 || f.statuses[0] != 200 || f.statuses[1] != 125 || f.statuses[2] != 125 ||
			!strings.Contains(line, "status 126\n") {
			t.Errorf("statuses %v, said %q", f.statuses, line)
		}
	},
	"large random": func(t *testing.T) {
		f := &fake{}
		h := Host{sys: f}
		if err := h.Random(make([]byte, 100_000)); err != nil || len(f.randoms) != 2 || f.randoms[0] != 65536 {
			t.Errorf("%v, %v", f.randoms, err)
		}
	},
}

// TestDifferences runs the test of every row, and has a row for every test.
func TestDifferences(t *testing.T) {
	tests := maps.Clone(differenceTests)
	maps.Copy(tests, fileDifferenceTests)
	rows := map[string]bool{}
	for _, d := range slices.Concat(Differences, FileDifferences) {
		test, ok := tests[d.Test]
		if !ok {
			t.Errorf("%s, %s: test %q does not exist", d.Engine, d.Call, d.Test)
			continue
		}
		if !rows[d.Test] {
			t.Run(d.Test, test)
		}
		rows[d.Test] = true
	}
	for name := range tests {
		if !rows[name] {
			t.Errorf("test %q has no row", name)
		}
	}
}

func TestAssumeBlocking(t *testing.T) {
	var sizes []int
	f := &fake{onClock: asWasmtime, onWrite: func(_ int, p []byte) (int, Errno) {
		sizes = append(sizes, len(p))
		return len(p), errnoSuccess
	}}
	h := Host{sys: f}
	h.AssumeBlocking()
	if err := h.Write(Stdout, bytes.Repeat([]byte("x\n"), 1<<20)); err != nil || len(sizes) != 2 || sizes[0] != 1<<20 {
		t.Errorf("%v, %v", sizes, err)
	}
	f.onWrite = func(int, []byte) (int, Errno) { return 0, errnoIO }
	if err := h.Write(Stdout, []byte("x")); !IsClosed(err) || len(f.polls) > 0 {
		t.Errorf("%v", err)
	}
}

func TestNativeStreams(t *testing.T) {
	r, w := io.Pipe()
	var out strings.Builder
	status := -1
	h := Streams{Stdin: r, Stdout: &out, Args: []string{"a"}, Exit: func(s int) { status = s }}.NewHost()
	if h.Wait(millisecond, true) {
		t.Error("an empty pipe is ready")
	}
	go func() {
		_, _ = w.Write([]byte("hello"))
		_ = w.Close()
	}()
	text, err := io.ReadAll(h.Stdin())
	if err != nil || string(text) != "hello" || !h.AtEOF() {
		t.Errorf("%q, %v", text, err)
	}
	if err := h.Write(Stdout, text); err != nil || out.String() != "hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
	h.Exit(255)
	before := h.Monotonic()
	h.Wait(millisecond, true)
	if status != 255 || h.Args()[0] != "a" || h.Monotonic()-before < millisecond || h.Realtime() < 1e18 {
		t.Errorf("status %d", status)
	}
	empty := Streams{}.NewHost()
	if !empty.Poll() {
		t.Error("the end is not ready to be read")
	}
	if _, err := empty.ReadStdin(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}
