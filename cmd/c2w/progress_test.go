package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestProgressLines has what a file or a pipe gets: whole lines.
func TestProgressLines(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.Begin("layers")
	p.Advance(5, 10)
	p.End("layers", "2 layers", 1500*time.Millisecond)
	p.Begin("disk")
	p.clear()
	if got, want := b.String(), "layers     1.50 s  2 layers\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProgressTerminal has a line that is drawn over, and goes.
func TestProgressTerminal(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.terminal = true
	p.Begin("layers")
	p.drawn = p.drawn.Add(-time.Second)
	p.Advance(5e6, 10e6)
	if got, want := b.String(), "layers   ...\r\x1b[Klayers   [===============               ] 5.0 MB of 10.0 MB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.Reset()
	p.Advance(6e6, 10e6)
	if b.Len() > 0 {
		t.Errorf("drawn again at once: %q", b.String())
	}
	p.End("layers", "done", 0)
	p.Advance(10e6, 10e6) // nothing is under way
	if got, want := b.String(), "\r\x1b[Klayers     0.00 s  done\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Begin("disk")
	p.clear()
	if got := b.String(); !strings.HasSuffix(got, "disk     ...\r\x1b[K") {
		t.Errorf("%q: the last line is still there", got)
	}
}

func TestProgressAmount(t *testing.T) {
	for want, p := range map[string]*progress{
		"...":    {},
		"1.0 kB": {done: 1000},
		"2.0 kB": {done: 2000, total: 1000},
		"[                              ] 1 B of 1.0 kB": {done: 1, total: 1000},
	} {
		if got := p.amount(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestProgressConcurrent is for the race detector: downloads tell from
// goroutines of their own.
func TestProgressConcurrent(t *testing.T) {
	p := newProgress(new(bytes.Buffer))
	p.terminal = true
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range int64(1000) {
			p.Advance(i, 1000)
		}
	})
	for range 100 {
		p.Begin("a")
		p.End("a", "", 0)
	}
	wg.Wait()
	p.clear()
}
