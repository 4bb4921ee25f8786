package client

import (
	"bytes"
	"os"
	"sync"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminal is the user's. Without one all methods do nothing.
type terminal struct {
	in, out   *os.File // terminals, or nil
	errIsTerm bool

	mu       sync.Mutex
	cooked   *term.State // what to go back to; nil while nothing was changed
	restored bool
	undo     func() // of what prepareOutput did
}

func (t *terminal) init(o Options) {
	if !o.Terminal {
		return
	}
	asTerminal := func(stream any) *os.File {
		if IsTerminal(stream) {
			return stream.(*os.File)
		}
		return nil
	}
	t.in, t.out = asTerminal(o.Stdin), asTerminal(o.Stdout)
	t.errIsTerm = IsTerminal(o.Stderr)
}

// size returns rows and columns, 0 if they are unknown.
func (t *terminal) size() (rows, cols uint16) {
	for _, f := range []*os.File{t.out, t.in} {
		if f == nil {
			continue
		}
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return uint16(min(h, 0xffff)), uint16(min(w, 0xffff))
		}
	}
	return 0, 0
}

// begin makes the terminal raw, when the container's own has taken over: before
// that, Ctrl-C is a signal as for any program.
func (t *terminal) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.in == nil || t.cooked != nil || t.restored {
		return
	}
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return
	}
	t.cooked = state
	t.undo = prepareOutput(t.out)
}

// again makes the terminal raw once more: a shell that had stopped this process
// has changed it.
func (t *terminal) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cooked != nil && !t.restored {
		term.MakeRaw(int(t.in.Fd()))
	}
}

// restore brings the terminal back as it was, for good.
func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cooked != nil && !t.restored {
		term.Restore(int(t.in.Fd()), t.cooked)
		t.undo()
	}
	t.restored = true
}

// lines makes text fit for a raw terminal, which does not return its carriage
// by itself.
func (t *terminal) lines(b []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cooked == nil || t.restored || !t.errIsTerm {
		return b
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}
