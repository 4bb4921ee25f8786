package wasi_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/c2w/c2w/internal/machine/wasi"
)

// TestVirtual: time passes by work and sleep alone, and chance is the seed's.
func TestVirtual(t *testing.T) {
	worked := int64(0)
	var out bytes.Buffer
	v := wasi.Virtual{Stdin: strings.NewReader("in"), Stdout: &out, Seed: 7, Realtime: 1000, Worked: func() int64 { return worked }}
	h := v.NewHost()
	if h.Monotonic() != 0 || h.Realtime() != 1000 {
		t.Errorf("it starts at %d, %d", h.Monotonic(), h.Realtime())
	}
	worked = 5
	if h.Wait(3_000_000_000, false) || h.Monotonic() != 3_000_000_005 || h.Realtime() != 3_000_001_005 {
		t.Errorf("after work and sleep: %d, %d", h.Monotonic(), h.Realtime())
	}
	if !h.Wait(1e9, true) || h.Monotonic() != 3_000_000_005 {
		t.Errorf("input is there, and looking takes no time: %d", h.Monotonic())
	}
	if b, err := io.ReadAll(h.Stdin()); string(b) != "in" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if err := h.Write(wasi.Stdout, []byte("x")); err != nil || out.String() != "x" || h.Write(wasi.Stderr, []byte("y")) != nil {
		t.Errorf("wrote %q, %v", &out, err)
	}
	random := func(v wasi.Virtual) string {
		b := make([]byte, 100)
		if err := v.NewHost().Random(b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	a, b := random(v), random(v)
	v.Seed++
	if a != b || a == random(v) {
		t.Error("randomness does not follow from the seed")
	}
}

// TestVirtualReader: a reader that has its end with its last bytes, or breaks.
func TestVirtualReader(t *testing.T) {
	h := wasi.Virtual{Stdin: iotest.DataErrReader(strings.NewReader("in"))}.NewHost()
	if b, err := io.ReadAll(h.Stdin()); string(b) != "in" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	h = wasi.Virtual{Stdin: iotest.ErrReader(io.ErrUnexpectedEOF)}.NewHost()
	if _, err := io.ReadAll(h.Stdin()); err == nil || !h.AtEOF() {
		t.Errorf("%v, end %v", err, h.AtEOF())
	}
	h = wasi.Virtual{}.NewHost()
	if b, err := io.ReadAll(h.Stdin()); len(b) != 0 || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}
