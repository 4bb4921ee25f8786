package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/c2w/c2w/internal/convert"
)

// progress shows the stages of a conversion: a line for each that is done, and
// on a terminal also one for the stage under way.
type progress struct {
	w        io.Writer
	terminal bool
	shown    bool // the last line is unfinished
}

func newProgress(w io.Writer) *progress { return &progress{w: w, terminal: isTerminal(w)} }

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *progress) Begin(stage string) {
	if p.terminal {
		fmt.Fprintf(p.w, "%-8s ...", stage)
		p.shown = true
	}
}

func (p *progress) End(stage, detail string, took time.Duration) {
	p.clear()
	fmt.Fprintf(p.w, "%-8s %6.2f s  %s\n", stage, took.Seconds(), detail)
}

// clear wipes an unfinished line.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// stage shows one more stage.
func (p *progress) stage(show bool, name, detail string, do func() error) error {
	if !show {
		return do()
	}
	begin := time.Now()
	p.Begin(name)
	if err := do(); err != nil {
		return err
	}
	p.End(name, detail, time.Since(begin))
	return nil
}

// printParts shows what a file's bytes are for.
func printParts(w io.Writer, info *convert.Info, size int64) {
	for _, part := range info.Shares(size) {
		fmt.Fprintf(w, "  %-8s %10s  %4.1f %%\n", part.Name, convert.Bytes(part.Bytes), 100*float64(part.Bytes)/float64(max(size, 1)))
	}
}
