package engine

import "github.com/c2w/c2w/internal/cpu/core"

// Rebind looks for the translations of all decoded pages again.
func (e *Engine) Rebind() {
	for frame := range e.code.pages {
		if p := e.code.page(frame); p != nil {
			e.code.rebind(p, frame)
		}
	}
}

// EachRecord calls f with each decoded offset of a frame, and the handler of its
// record.
func (e *Engine) EachRecord(frame int, f func(off int, op uint16)) {
	for off := 0; off < core.PageSize; off += 1 << e.code.align {
		if at := e.code.decoded(e.code.page(frame), off); at != 0 {
			f(off, e.code.op(at))
		}
	}
}
