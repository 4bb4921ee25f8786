package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// In innermost loops, what is done where a check fails is not in the check's
// place: engines lay code out as it is written, and every check that passes
// would jump over it, with values moved to where it leaves them. Instead a
// block has cold blocks behind it: copies of its parts from one instruction
// with such a check to the next, which fall through from one to the other and
// end as the block does. A failing check goes to the copy that begins with its
// instruction. The state there is that before the instruction, as at an exit.
//
// A copy is the same IR, lowered with everything in place; an access that is
// looked up there may fill its last page (lastpage.go).

// maxCold bounds the copies of a block.
const maxCold = 32

// splitHot makes the cold blocks of the page.
func (p *page) splitHot() (cold []*block) {
	g := p.cfg
	g.innermostLoops(func(l *graph.Loop) {
		for _, v := range l.Body {
			if g.Dispatch(v) == nil {
				b := g.blocks[v-1]
				b.side = p.split(b)
				cold = append(cold, b.side...)
			}
		}
	})
	return cold
}

// split makes the cold blocks of a block.
func (p *page) split(b *block) (side []*block) {
	p.l.b = &b.ir
	p.l.findInsns()
	groups := p.l.formGroups(nil)
	var from []int // instructions that begin one
	off := b.start
	at := map[int]int{}
	for i := range b.insns {
		at[off] = i
		off += int(b.insns[i].Len)
	}
	for i := range b.ir.Nodes {
		n := &b.ir.Nodes[i]
		o := int(b.ir.Nodes[p.l.insn[i]].Imm)
		if risky := n.Op == ir.Float && checked(n) ||
			(n.Op == ir.Load || n.Op == ir.Store) && groups[i] == nil && p.lastPages[place{o, n.Op == ir.Store}] != nil; risky {
			if k := at[o]; len(from) == 0 || from[len(from)-1] != k {
				from = append(from, k)
			}
		}
	}
	if len(from) == 0 || len(from) > maxCold {
		return nil
	}
	for i, k := range from {
		c := &block{start: b.start, end: b.end, flow: b.flow, taken: b.taken, next: b.next, cold: true}
		for j := range k {
			c.start += int(b.insns[j].Len)
		}
		c.insns = b.insns[k:]
		if i > 0 {
			last := side[i-1]
			last.then, last.next, last.taken, last.flow = c, c.start, -1, 0
			last.paid = len(c.insns)
			last.insns = last.insns[:k-from[i-1]]
			last.end = c.start
		}
		side = append(side, c)
	}
	return side
}

// checked says that a result is compared with a limit, and that there is more to
// try if it is not below.
func checked(n *ir.Node) bool {
	if n.Aux != ir.RMDynamic && softfloat.Rounding(n.Aux) != softfloat.RNE {
		return false
	}
	switch ir.FP(n.Imm) {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64, ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.FSqrt32,
		ir.F64ToF32, ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		return true
	}
	return false
}

// aside pops a condition and goes to the cold block of the current instruction
// if it holds. Without one it does nothing, and says so.
func (p *page) aside(l *lowering) bool {
	at := int(l.b.Nodes[l.insn[l.cur]].Imm)
	side := p.cfg.blocks[p.node-1].side
	i := slices.IndexFunc(side, func(b *block) bool { return b.start == at })
	if i < 0 {
		return false
	}
	node := 1 + slices.Index(p.cfg.blocks, side[i])
	p.c.If(wasm.Void)
	p.writeAside(l)
	p.c.BrTo(p.label[node])
	p.c.Else()
	p.c.End()
	return true
}

// writeAside writes what is pending on the way to a cold block: to memory,
// unless the loop does that later, and to the locals that are valid there.
func (p *page) writeAside(l *lowering) {
	var later []pendingSet
	push := func(s pendingSet) {
		l.uses[s.v]++
		if p.floats[s.off] {
			l.needF64(s.v)
		} else {
			l.need(s.v)
		}
	}
	for _, s := range p.pending {
		n := p.num[s.off]
		if !p.dirty[p.node].has(n) {
			p.c.LocalGet(p.base)
			push(s)
			p.c.Mem(p.slotStore(s.off), 3, uint32(s.off))
		}
		if p.pinned[p.node].has(n) {
			push(s)
			later = append(later, s)
		}
	}
	for i := len(later) - 1; i >= 0; i-- {
		p.c.LocalSet(p.reg(later[i].off))
	}
}

// findInsns finds the instructions that nodes belong to.
func (l *lowering) findInsns() {
	l.insn = append(l.insn[:0], make([]int32, len(l.b.Nodes))...)
	in := int32(0)
	for i := range l.b.Nodes {
		if l.b.Nodes[i].Op == ir.Insn {
			in = int32(i)
		}
		l.insn[i] = in
	}
}
