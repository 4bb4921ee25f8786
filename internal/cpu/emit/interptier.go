package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/wasm"
)

// slotOf is the record of a pair that the node being emitted belongs to.
func (m *interp) slotOf(l *lowering) int { return int(l.b.Nodes[l.insn[l.cur]].Imm) }

// field pushes the state offset in a record field.
func (m *interp) field(f ir.Field) {
	f, slot := isa.FieldSlot(f)
	off := uint32(slot * core.RecordSize)
	switch f {
	case ir.FieldA:
		off += core.RecA
	case ir.FieldB:
		off += core.RecB
	case ir.FieldC:
		off += core.RecC
	case ir.FieldImmLoc:
		off += core.RecImm
	default:
		panic("BUG: emit: record field")
	}
	m.c.LocalGet(m.rec)
	m.c.I32Load16U(1, off)
}

func (m *interp) get(l *lowering, loc ir.Loc, t ir.Type) {
	op := wasm.OpI64Load
	if t == ir.I32 {
		op = wasm.OpI32Load
	}
	if loc.Field == ir.FieldNone {
		m.c.I32Const(0)
		m.c.Mem(op, align(8)-uint32(ir.I64-t), m.base+uint32(loc.Off))
		return
	}
	m.field(loc.Field)
	m.c.Mem(op, align(8)-uint32(ir.I64-t), m.base)
}

func (m *interp) set(l *lowering, loc ir.Loc, v ir.Value) {
	l.beforeSet(loc, v, l.cur)
	if loc.Field == ir.FieldNone {
		m.c.I32Const(0)
	} else {
		m.field(loc.Field)
	}
	op := wasm.OpI64Store
	if l.pushFor(loc, v) {
		op = wasm.OpF64Store
	}
	m.c.Mem(op, 3, m.base+uint32(loc.Off))
}

func (m *interp) setsNow() bool { return true }

func (m *interp) ready(*lowering) {}

func (m *interp) floatSlot(ir.Loc) bool { return false }

func (m *interp) getF64(l *lowering, loc ir.Loc) {
	panic("BUG: emit: no slot of the interpreter is a float's")
}

func (m *interp) interprets() bool { return true }

func (m *interp) helps(*lowering) bool { return true }

func (m *interp) recordMode(l *lowering) {
	m.c.LocalGet(m.rec)
	m.c.I32Load16U(1, uint32(m.slotOf(l)*core.RecordSize+core.RecImm+ir.RecordMode/8))
}

func (m *interp) toSlowPath(*lowering) bool { return false }

func (m *interp) accessByCopy(*lowering, *ir.Node, int, uint32) bool { return false }

func (m *interp) cached(ir.Loc) bool { return false }

func (m *interp) inLocal(ir.Loc) (local uint32, ok bool) { return 0, false }

func (m *interp) home(int32) ir.Loc { return ir.Loc{} }

func (m *interp) resumeIf(l *lowering) { m.exitIf(l) }

func (m *interp) fpLimit(l *lowering)  { pushLimit(m.c, m.word) }
func (m *interp) fmaBound(l *lowering) { pushFMABound(m.c, m.word) }

func (m *interp) stateWord(l *lowering, off int) { m.word(off) }

// word pushes a 32-bit word of the state.
func (m *interp) word(off int) {
	m.c.I32Const(0)
	m.c.I32Load(2, m.base+uint32(off))
}

func (m *interp) tlb(l *lowering, which int) uint32 {
	m.c.LocalGet(m.tlbm)
	m.c.Op(wasm.OpI32Add)
	return m.caches + core.TLBBase + uint32(which)
}

func (m *interp) pc(l *lowering, next bool) { m.pushPC(m.slotOf(l), next) }

func (m *interp) operand(l *lowering, slot int) {
	m.c.LocalGet(m.rec)
	m.c.I64Load32S(2, uint32(slot*core.RecordSize+core.RecImm))
}

// out leaves by a label if the condition on the stack holds, with rec at the
// current slot.
func (m *interp) out(l *lowering, label wasm.Label, prepare func()) {
	slot := m.slotOf(l)
	if slot == 0 && prepare == nil {
		m.c.BrIfTo(label)
		return
	}
	m.c.If(wasm.Void)
	if slot > 0 {
		m.advance(slot)
	}
	if prepare != nil {
		prepare()
	}
	m.c.BrTo(label)
	m.c.End()
}

func (m *interp) exitIf(l *lowering) {
	if m.outline {
		m.c.If(wasm.Void)
		m.c.I32Const(statusSingle)
		m.c.Return()
		m.c.End()
		return
	}
	m.out(l, m.single, nil)
}

func (m *interp) missIf(l *lowering, kind uint32) {
	m.c.Op(wasm.OpI64Ne)
	m.c.If(wasm.Void)
	m.c.I32Const(0)
	m.c.LocalGet(l.addr)
	m.c.I64Store(3, m.base+uint32(core.OffExitAddr))
	if m.outline {
		m.c.I32Const(int32(statusMiss + kind))
		m.c.Return()
	} else {
		if s := m.slotOf(l); s > 0 {
			m.advance(s)
		}
		m.c.BrTo(m.miss[kind])
	}
	m.c.Else()
	m.c.End()
}

func (m *interp) irqCheck(l *lowering) {
	m.stateWord(l, core.OffIRQ)
	m.c.If(wasm.Void)
	if m.outline {
		m.c.I32Const(statusIRQ)
		m.c.Return()
	} else {
		m.advance(m.pair)
		m.c.BrTo(m.irq)
	}
	m.c.End()
}

func (m *interp) terminator(l *lowering, n *ir.Node) {
	if m.outline {
		if n != nil {
			panic("BUG: emit: control flow in an outlined handler: " + m.g.Forms()[m.form].Name)
		}
		m.c.I32Const(statusNext)
		return
	}
	switch {
	case n == nil:
		m.next(m.pair)
	case n.Op == ir.Branch:
		l.need(n.Args[0])
		m.c.If(wasm.Void)
		m.take()
		m.c.End()
		m.next(m.pair)
	case n.Op == ir.Jump:
		m.take()
	case n.Op == ir.JumpInd:
		l.need(n.Args[0])
		m.c.LocalSet(m.target)
		m.advance(m.pair)
		m.c.BrTo(m.goTo)
	case n.Op == ir.Enter:
		l.need(n.Args[0])
		m.c.LocalSet(m.target)
		m.advance(m.pair)
		m.c.I32Const(int32(core.ExitMode))
		m.c.LocalSet(m.reason)
		m.c.BrTo(m.enter)
	case n.Op == ir.Resume:
		m.loadTLB()
		m.next(m.pair)
	case n.Op == ir.Single:
		m.c.BrTo(m.single)
	}
}

// take goes to the target of the branch in the last record of the handler.
func (m *interp) take() {
	c, slot := m.c, uint32(m.pair-1)*core.RecordSize
	if m.far {
		m.pushPC(m.pair-1, false)
		c.LocalGet(m.rec)
		c.I64Load32S(2, slot+core.RecImm)
		c.Op(wasm.OpI64Add)
		c.LocalSet(m.target)
		m.advance(m.pair)
		c.BrTo(m.goTo)
		return
	}
	// The branch itself counts, hence the record less in limit.
	c.LocalGet(m.rec)
	c.I32Load(2, slot+core.RecImm)
	c.LocalTee(m.entry)
	c.LocalGet(m.limit)
	c.Op(wasm.OpI32Add)
	c.I32Const(core.RecordSize)
	c.Op(wasm.OpI32Sub)
	c.LocalSet(m.limit)
	c.LocalGet(m.rec)
	c.LocalGet(m.entry)
	c.Op(wasm.OpI32Add)
	if slot != 0 {
		c.I32Const(int32(slot))
		c.Op(wasm.OpI32Add)
	}
	c.LocalSet(m.rec)
	m.budget()
	m.dispatch()
}
