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

func (p *page) setsNow() bool { return false }

// set takes a register's new value.
func (p *page) set(l *lowering, loc ir.Loc, v ir.Value) {
	if _, ok := p.num[loc.Off]; !ok {
		// Behind an operation that changes such a slot there may be another read.
		p.setNow(l, loc.Off, v, l.cur)
		return
	}
	for i := range p.pending {
		if s := &p.pending[i]; s.off == loc.Off {
			l.drop(s.v)
			p.pending = append(p.pending[:i], p.pending[i+1:]...)
			break
		}
	}
	p.pending = append(p.pending, pendingSet{loc.Off, v})
}

// setNow writes a register's value to its local and, unless a loop around does
// it later, to memory. What reads it among the first nodes reads the old one.
func (p *page) setNow(l *lowering, off uint16, v ir.Value, nodes int) {
	loc := ir.Loc{Off: off}
	l.beforeSet(loc, v, nodes)
	n, ok := p.num[off]
	stored := !ok || !p.dirty[p.node].has(n)
	if stored {
		p.c.LocalGet(p.base)
	}
	if l.pushFor(loc, v) && !p.floatSlot(loc) {
		p.c.Op(wasm.OpI64ReinterpretF64)
	}
	p.setSlot(l, loc, v, stored)
	if int(off) == core.OffFPRound && p.limit != 0 {
		p.loadLimits()
	}
}

// flush writes what is pending: first what lies highest in the state, for the
// same reason as falling.
func (p *page) flush(l *lowering) {
	top := 0
	for i, s := range p.pending {
		if s.off > p.pending[top].off {
			top = i
		}
	}
	for len(p.pending) > 0 {
		s := p.pending[top]
		p.pending = slices.Delete(p.pending, top, top+1)
		p.setNow(l, s.off, s.v, len(l.b.Nodes))
		top = 0
	}
	p.pending = nil
}

// ready computes what is pending, so that code may leave.
func (p *page) ready(l *lowering) {
	stored := 0
	for _, s := range p.pending {
		if !p.dirty[p.node].has(p.num[s.off]) {
			stored++
		}
	}
	limit := maxPending
	if p.owner[p.node] != 0 {
		limit = maxPendingLoop
	}
	if stored > limit {
		p.flush(l)
	}
	for _, s := range p.pending {
		n := &l.b.Nodes[s.v]
		_, numbered := p.num[n.Loc.Off]
		switch {
		case n.Op != ir.Get || !numbered || l.held[s.v] >= 0:
			l.force(s.v)
		case !p.cached(n.Loc):
			p.loadReg(n.Loc.Off)
			p.avail.add(p.num[n.Loc.Off])
		}
	}
}

// writePending writes what is pending on the way out of the block: to memory,
// or to the locals that the way out of the loop writes.
func (p *page) writePending(l *lowering) {
	var later []pendingSet
	for _, s := range p.pending {
		if p.dirty[p.node].has(p.num[s.off]) {
			l.uses[s.v]++
			if p.floats[s.off] {
				l.needF64(s.v)
			} else {
				l.need(s.v)
			}
			later = append(later, s)
			continue
		}
		p.c.LocalGet(p.base)
		l.uses[s.v]++
		l.need(s.v)
		p.c.I64Store(3, uint32(s.off))
	}
	for i := len(later) - 1; i >= 0; i-- {
		p.c.LocalSet(p.reg(later[i].off))
	}
}

// writeBack writes the registers that a node's loop keeps in locals.
func (p *page) writeBack(v int) {
	for _, off := range p.falling(p.dirty[v]) {
		p.c.LocalGet(p.base)
		p.c.LocalGet(p.reg(off))
		p.c.Mem(p.slotStore(off), 3, uint32(off))
	}
}

// falling lists registers by their offsets in the state, the highest first: an
// engine that checks bounds checks the first of them, and knows the others.
func (p *page) falling(s regSet) (list []uint16) {
	for n, off := range p.slots {
		if s.has(n) {
			list = append(list, off)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}
