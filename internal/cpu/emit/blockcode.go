package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// blockCode is the code of one node being emitted. As a tier it is what a page
// function does with a block: registers are in locals, exits know the offset.
type blockCode struct {
	*pageCode
	node    int
	avail   regSet // registers whose local is valid here
	pending []pendingSet
	l       *lowering // nil in a node that is no block
}

var _ tier = (*blockCode)(nil)

// emit emits a block.
func (b *blockCode) emit() {
	c, x := b.c, b.all.blocks[b.node-1]
	b.l = newLowering(b, b.output)
	if b.control.Head(b.node) {
		c.LocalGet(b.budget)
		c.I32Const(0)
		b.exitAtUnless(b.l, wasm.OpI32GtS, wasm.OpI32LeS, x.start, core.ExitBudget, 0, 0)
	}
	if !b.slow.isCopy(b.node) {
		c.LocalGet(b.budget)
		c.I32Const(int32(len(x.insns)))
		c.Op(wasm.OpI32Sub)
		c.LocalSet(b.budget)
	}
	b.l.block(b.all.of(b.node))
}

// dispatch emits the branch in front of a loop with several entrances.
func (b *blockCode) dispatch(d *graph.Dispatch) {
	c, edges := b.c, b.control.Succ[d.Node]
	c.LocalGet(b.number)
	c.If(wasm.Void)
	b.choose(edges[1:], func(i int) int { return b.control.Number(edges[1+i].Final) }, func() {
		c.LocalGet(b.number)
		c.I32Const(0)
		c.LocalSet(b.number)
	})
	c.End()
	// Or the loop would carry what is zero already to its head.
	c.I32Const(0)
	c.LocalSet(b.number)
	b.follow(edges[0])
}

// jump transfers control from the node to an offset.
func (b *blockCode) jump(off int) {
	for _, e := range b.control.Succ[b.node] {
		if e.To == graph.Outside || b.all.blocks[e.Final-1].start != off {
			continue
		}
		if b.all.blocks[e.Final-1].crossesPage() && !b.slow.isCopy(e.Final) {
			b.jumpCrossing(off, e)
			return
		}
		b.setNumber(e)
		b.follow(e)
		return
	}
	b.writeBack(b.node)
	if link, ok := b.linkTo(off); ok {
		b.linked(off, link)
	}
	b.returnTo(off)
}

// follow goes along an edge of the node.
func (b *blockCode) follow(e graph.Edge) {
	if e.To == graph.Outside || b.regs.owner[e.To] != b.regs.owner[b.node] {
		b.writeBack(b.node)
	}
	switch b.nest.Way(b.node, e.To) {
	case graph.Again:
		b.c.BrTo(b.labels.loop[e.To])
	case graph.Break:
		b.c.BrTo(b.labels.node[e.To])
	case graph.Here:
		b.inPlace(e.To)
	}
}

// inPlace emits a node, and what it dominates, in the middle of this one's end.
// Temporaries that hold something here still do so behind it, whoever uses others
// there.
func (b *blockCode) inPlace(v int) {
	if len(b.pending) > 0 {
		panic("BUG: emit: a block ends before its registers are set")
	}
	free := b.free
	b.free = free.clone()
	b.tree(v)
	b.free = free
	if b.l != nil {
		b.c.Mark(int32(b.l.offset()))
	}
}

// at is the offset of the instruction being emitted and how many instructions
// of the block are not done yet, itself included.
func (b *blockCode) at(l *lowering) (off, left int) {
	for i := int(l.insn[l.cur]); i < len(l.b.Nodes); i++ {
		if l.b.Nodes[i].Op == ir.Insn {
			left++
		}
	}
	return l.offset(), left + b.slow.paidBehind(b.node)
}

func (b *blockCode) exitIf(l *lowering) {
	off, left := b.at(l)
	b.exitAtIf(l, off, core.ExitSingle, 0, left)
}

func (b *blockCode) missIf(l *lowering, kind uint32) {
	off, left := b.at(l)
	b.exitAtUnless(l, wasm.OpI64Eq, wasm.OpI64Ne, off, core.ExitMiss, kind, left)
}

// resumeIf leaves to the interpreter.
func (b *blockCode) resumeIf(l *lowering) {
	off, left := b.at(l)
	b.exitAtIf(l, off, core.ExitNone, 0, left)
}

func (b *blockCode) irqCheck(l *lowering) {
	off, left := b.at(l)
	size := int(l.b.Nodes[l.insn[l.cur]].Aux)
	b.word(core.OffIRQ)
	b.exitAtIf(l, off+size, core.ExitIRQ, 0, left-1)
}

func (b *blockCode) stateWord(l *lowering, off int) { b.word(off) }

func (b *blockCode) tlb(l *lowering, which int) uint32 {
	tlbs := b.core.caches + core.TLBBase + uint32(which)
	if b.tlbs == 0 {
		return tlbs + b.src.Mode*core.ModeTLB
	}
	b.c.LocalGet(b.tlbs)
	b.c.Op(wasm.OpI32Add)
	return tlbs
}

func (b *blockCode) pc(l *lowering, next bool) {
	off := l.offset()
	if next {
		off += int(l.b.Nodes[l.insn[l.cur]].Aux)
	}
	b.push(off)
}

func (b *blockCode) operand(*lowering, int) {
	panic("BUG: emit: a record operand in a page function")
}

func (b *blockCode) recordMode(*lowering) {
	panic("BUG: emit: a record's rounding mode in a page function")
}

func (b *blockCode) fpLimit(l *lowering)  { b.c.LocalGet(b.limit) }
func (b *blockCode) fmaBound(l *lowering) { b.c.LocalGet(b.bound) }

func (b *blockCode) interprets() bool { return false }

// helps says that the instruction is an entry: the interpreter would enter this
// function again, for ever.
func (b *blockCode) helps(l *lowering) bool {
	off := l.offset()
	return slices.ContainsFunc(b.control.Entries, func(v int) bool { return b.all.blocks[v-1].start == off })
}

// toSlowPath pops a condition and goes to the slow path of the current instruction
// if it holds. Without one it does nothing, and says so.
func (b *blockCode) toSlowPath(l *lowering) bool {
	v, ok := b.slow.at(b.node, l.offset())
	if !ok {
		return false
	}
	b.c.If(wasm.Void)
	b.writeForSlowPath(l)
	b.c.BrTo(b.labels.node[v])
	b.c.Else()
	b.c.End()
	return true
}

func (b *blockCode) terminator(l *lowering, n *ir.Node) {
	x := b.all.blocks[b.node-1]
	if b.control.callsAt(b.node) {
		b.call(l, n)
		return
	}
	switch {
	case n == nil:
		b.flush(l)
		b.jump(x.next)
	case n.Op == ir.Branch:
		// A comparison straight before its branch is one with it in every engine.
		b.flush(l)
		l.need(n.Args[0])
		b.c.If(wasm.Void)
		b.jump(x.taken)
		b.c.Else()
		b.c.End()
		b.jump(x.next)
	case n.Op == ir.Jump:
		b.flush(l)
		b.jump(x.taken)
	case n.Op == ir.JumpInd, n.Op == ir.Enter:
		l.need(n.Args[0])
		l.c.LocalSet(l.addr)
		b.flush(l)
		if b.jumps.stays(b.node) {
			b.stay()
		}
		b.storeBudget()
		if n.Op == ir.Enter {
			b.c.LocalGet(b.base)
			b.c.I32Const(int32(core.ExitMode))
			b.c.I32Store(2, uint32(core.OffExit))
			b.c.LocalGet(b.base)
			b.c.LocalGet(l.addr)
			b.c.I64Store(3, uint32(core.OffPC))
			b.c.I64Const(exited)
		} else {
			b.c.LocalGet(l.addr)
		}
		b.c.Return()
	case n.Op == ir.Resume:
		b.flush(l)
		b.loadTLB()
		b.loadLimits()
		b.forgetAll()
		b.jump(x.next)
	case n.Op == ir.Single:
		off, left := b.at(l)
		b.flush(l)
		b.exitAt(off, core.ExitSingle, 0, left)
	}
}
