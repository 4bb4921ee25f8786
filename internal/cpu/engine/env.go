package engine

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// The engine is the isa.Env of its hart.

// LoadPhys reads guest RAM.
func (e *Engine) LoadPhys(pa uint64, size int) (uint64, bool) { return e.RAM.Load(pa, size) }

// StorePhys writes guest RAM; code on the page is dropped.
func (e *Engine) StorePhys(pa uint64, size int, v uint64) bool {
	if !e.RAM.Store(pa, size, v) {
		return false
	}
	e.Dirty(pa, uint64(size))
	return true
}

// PhysBytes is a view of guest RAM.
func (e *Engine) PhysBytes(pa, n uint64) []byte { return e.RAM.View(pa, n) }

// Dirty drops the code on RAM pages that were written behind the CPU's back.
func (e *Engine) Dirty(pa, n uint64) {
	if n == 0 || !e.RAM.Has(pa, n) {
		return
	}
	first := int((pa - e.RAM.Base) >> core.PageShift)
	last := int((pa + n - 1 - e.RAM.Base) >> core.PageShift)
	for frame := first; frame <= last; frame++ {
		e.code.drop(frame, CauseDMA)
	}
}

// FlushAll drops every cached translation of addresses.
func (e *Engine) FlushAll() {
	e.Stats.FlushAll++
	e.TLB.FlushAll()
	e.jump.flushAll()
}

// FlushSpace drops the translations that are not global.
func (e *Engine) FlushSpace() {
	e.Stats.FlushSpace++
	for m := range core.Modes {
		e.TLB.FlushMode(m)
	}
	e.jump.flushSpace()
}

// FlushPage drops the translations of one virtual page.
func (e *Engine) FlushPage(va uint64) {
	e.Stats.FlushPage++
	e.TLB.FlushPage(va)
	e.jump.flushPage(va)
}

// FlushCode has nothing to do: stores to code are seen at once.
func (e *Engine) FlushCode() {}

// Ticks is the timer's time.
func (e *Engine) Ticks() uint64 { return e.Platform.Ticks() }

// Retired is the number of instructions retired before the one that Go is
// executing.
func (e *Engine) Retired() uint64 { return e.S.Retired + uint64(int64(e.counted)-int64(e.S.Budget)) }

// SetTimer is the platform's.
func (e *Engine) SetTimer(at uint64) { e.Platform.SetTimer(at) }

// Wait ends the slice, so that the caller may sleep.
func (e *Engine) Wait() {
	e.stop = true
	e.Platform.Wait()
}

var _ isa.Env = (*Engine)(nil)
