package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// pendingSet is a register's new value that is not in its local nor in memory
// yet. Registers wait until the block ends, or something is in the way: what
// is set again before has cost nothing. Code that leaves in the middle of the
// block writes them on its way out.
type pendingSet struct {
	off uint16
	v   ir.Value
}

// maxPending is how many registers may wait at an access: each is a store in
// the access's way out.
const maxPending = 2

// maxPendingLoop is the same in a loop that keeps its registers in locals: a
// store more there is in every round.
const maxPendingLoop = 8

func (b *blockCode) setsNow() bool { return false }

// set takes a register's new value.
func (b *blockCode) set(l *lowering, loc ir.Loc, v ir.Value) {
	if _, ok := b.regs.number[loc.Off]; !ok {
		// Behind an operation that changes such a slot there may be another read.
		b.setNow(l, loc.Off, v, l.cur)
		return
	}
	for i := range b.pending {
		if s := &b.pending[i]; s.off == loc.Off {
			l.drop(s.v)
			b.pending = append(b.pending[:i], b.pending[i+1:]...)
			break
		}
	}
	b.pending = append(b.pending, pendingSet{loc.Off, v})
}

// setNow writes a register's value to its local and, unless a loop around does
// it later, to memory. What reads it among the first nodes reads the old one.
func (b *blockCode) setNow(l *lowering, off uint16, v ir.Value, nodes int) {
	loc := ir.Loc{Off: off}
	l.beforeSet(loc, v, nodes)
	n, ok := b.regs.number[off]
	stored := !ok || !b.regs.dirty[b.node].has(n)
	if stored {
		b.c.LocalGet(b.base)
	}
	if l.pushFor(loc, v) && !b.floatSlot(loc) {
		b.c.Op(wasm.OpI64ReinterpretF64)
	}
	b.setSlot(l, loc, v, stored)
	if int(off) == core.OffFPRound && b.limit != 0 {
		b.loadLimits()
	}
}

// flush writes what is pending: first what lies highest in the state, for the
// same reason as falling.
func (b *blockCode) flush(l *lowering) {
	top := 0
	for i, s := range b.pending {
		if s.off > b.pending[top].off {
			top = i
		}
	}
	for len(b.pending) > 0 {
		s := b.pending[top]
		b.pending = slices.Delete(b.pending, top, top+1)
		b.setNow(l, s.off, s.v, len(l.b.Nodes))
		top = 0
	}
	b.pending = nil
}

// ready computes what is pending, so that code may leave.
func (b *blockCode) ready(l *lowering) {
	stored := 0
	for _, s := range b.pending {
		if !b.regs.dirty[b.node].has(b.regs.number[s.off]) {
			stored++
		}
	}
	limit := maxPending
	if b.regs.owner[b.node] != 0 {
		limit = maxPendingLoop
	}
	if stored > limit {
		b.flush(l)
	}
	for _, s := range b.pending {
		n := &l.b.Nodes[s.v]
		_, numbered := b.regs.number[n.Loc.Off]
		if n.Op != ir.Get || !numbered || l.held[s.v] >= 0 {
			l.force(s.v)
		} else {
			b.read(n.Loc.Off)
		}
	}
}

// writePending writes what is pending on the way out of the block: to memory,
// or to the locals that the way out of the loop writes.
func (b *blockCode) writePending(l *lowering) {
	var later []pendingSet
	for _, s := range b.pending {
		if b.regs.dirty[b.node].has(b.regs.number[s.off]) {
			l.uses[s.v]++
			if b.regs.floats[s.off] {
				l.needF64(s.v)
			} else {
				l.need(s.v)
			}
			later = append(later, s)
			continue
		}
		b.c.LocalGet(b.base)
		l.uses[s.v]++
		l.need(s.v)
		b.c.I64Store(3, uint32(s.off))
	}
	for i := len(later) - 1; i >= 0; i-- {
		b.c.LocalSet(b.local(later[i].off))
	}
}

// writeForSlowPath writes what is pending on the way to a slow path: to memory,
// unless the loop does that later, and to the locals that are valid there.
func (b *blockCode) writeForSlowPath(l *lowering) {
	var later []pendingSet
	push := func(s pendingSet) {
		l.uses[s.v]++
		if b.regs.floats[s.off] {
			l.needF64(s.v)
		} else {
			l.need(s.v)
		}
	}
	for _, s := range b.pending {
		n := b.regs.number[s.off]
		if !b.regs.dirty[b.node].has(n) {
			b.c.LocalGet(b.base)
			push(s)
			b.c.Mem(b.slotStore(s.off), 3, uint32(s.off))
		}
		if b.regs.pinned[b.node].has(n) {
			push(s)
			later = append(later, s)
		}
	}
	for i := len(later) - 1; i >= 0; i-- {
		b.c.LocalSet(b.local(later[i].off))
	}
}

// writeBack writes the registers that a node's loop keeps in locals.
func (p *pageCode) writeBack(v int) {
	for _, off := range p.regs.falling(p.regs.dirty[v]) {
		p.c.LocalGet(p.base)
		p.c.LocalGet(p.local(off))
		p.c.Mem(p.slotStore(off), 3, uint32(off))
	}
}
