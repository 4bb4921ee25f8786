package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/c2w/c2w/internal/convert"
)

// progress shows the stages of a conversion: a line for each that is done, and
// on a terminal also one for the stage under way, with what has arrived of the
// image. It uses no colours.
type progress struct {
	w        io.Writer
	terminal bool

	mu          sync.Mutex // guards what follows: Advance comes from anywhere
	stage       string     // under way
	done, total int64      // bytes of the image
	drawn       time.Time  // when the last line was; zero: there is none
}

// redrawn bounds how often the line under way is drawn again.
const redrawn = time.Second / 15

func newProgress(w io.Writer) *progress { return &progress{w: w, terminal: isTerminal(w)} }

// isTerminal reports whether lines can be drawn over.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

func (p *progress) Begin(stage string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage = stage
	p.draw()
}

func (p *progress) End(stage, detail string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	p.stage = ""
	fmt.Fprintf(p.w, "%-8s %6.2f s  %s\n", stage, took.Seconds(), detail)
}

func (p *progress) Advance(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = done, total
	if p.stage != "" && time.Since(p.drawn) >= redrawn {
		p.draw()
	}
}

// clear wipes an unfinished line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	p.stage = ""
}

func (p *progress) wipe() {
	if !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = time.Time{}
	}
}

// draw shows the stage under way.
func (p *progress) draw() {
	if !p.terminal {
		return
	}
	p.wipe()
	fmt.Fprintf(p.w, "%-8s %s", p.stage, p.amount())
	p.drawn = time.Now()
}

// amount says how much of the image has arrived, if there is more to come.
func (p *progress) amount() string {
	const width = 30 // fits 80 columns with the rest of the line
	switch {
	case p.done == 0 || p.done == p.total:
		return "..."
	case p.total <= 0 || p.done > p.total:
		return convert.Bytes(p.done)
	}
	n := int(p.done * width / p.total)
	return fmt.Sprintf("[%s%s] %s of %s", strings.Repeat("=", n), strings.Repeat(" ", width-n), convert.Bytes(p.done), convert.Bytes(p.total))
}

// printParts shows what a file's bytes are for.
func printParts(w io.Writer, info *convert.Info, size int64) {
	for _, part := range info.Shares(size) {
		fmt.Fprintf(w, "  %-8s %10s  %4.1f %%\n", part.Name, convert.Bytes(part.Bytes), 100*float64(part.Bytes)/float64(max(size, 1)))
	}
}
