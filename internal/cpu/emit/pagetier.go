package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// reg is the local of a state slot.
func (p *page) reg(off uint16) uint32 {
	r, ok := p.regs[off]
	if !ok {
		r = p.f.AddLocal(valType(p.slotType(off)))
		p.regs[off] = r
	}
	return r
}

func (p *page) loadReg(off uint16) {
	p.c.LocalGet(p.base)
	p.c.Mem(p.slotLoad(off), 3, uint32(off))
	p.c.LocalSet(p.reg(off))
}

// cached says that reading a slot again costs no memory access.
func (p *page) cached(loc ir.Loc) bool {
	r, ok := p.num[loc.Off]
	return ok && p.avail.has(r)
}

// home is the slot whose local a value is held in.
func (p *page) home(local int32) ir.Loc {
	for off, r := range p.regs {
		if int32(r) == local {
			return ir.Loc{Off: off}
		}
	}
	return ir.Loc{}
}

func (p *page) get(l *lowering, loc ir.Loc, t ir.Type) {
	if t == ir.I32 {
		p.stateWord(l, int(loc.Off))
		return
	}
	p.getSlot(l, loc)
	if p.floatSlot(loc) {
		p.c.Op(wasm.OpI64ReinterpretF64)
	}
}

func (p *page) getF64(l *lowering, loc ir.Loc) {
	p.getSlot(l, loc)
	if !p.floatSlot(loc) {
		p.c.Op(wasm.OpF64ReinterpretI64)
	}
}

// getSlot pushes a slot in its own type.
func (p *page) getSlot(l *lowering, loc ir.Loc) {
	n, ok := p.num[loc.Off]
	if ok && p.avail.has(n) {
		p.c.LocalGet(p.reg(loc.Off))
		return
	}
	p.c.LocalGet(p.base)
	p.c.Mem(p.slotLoad(loc.Off), 3, uint32(loc.Off))
	if ok {
		p.c.LocalTee(p.reg(loc.Off))
		p.avail.add(n)
	}
}

// setSlot pops a slot's value, in the slot's own type, into its local, and into
// memory over an address pushed before.
func (p *page) setSlot(l *lowering, loc ir.Loc, v ir.Value, stored bool) {
	if n, ok := p.num[loc.Off]; ok {
		r := p.reg(loc.Off)
		if stored {
			p.c.LocalTee(r)
		} else {
			p.c.LocalSet(r)
		}
		p.avail.add(n)
		if l.uses[v] > 0 && l.held[v] < 0 && l.b.Nodes[v].Op != ir.Const {
			l.held[v], l.temp[v], l.float64s[v] = int32(r), false, p.floatSlot(loc)
		}
	}
	if stored {
		p.c.Mem(p.slotStore(loc.Off), 3, uint32(loc.Off))
	}
}

func (p *page) stateWord(l *lowering, off int) {
	p.c.LocalGet(p.base)
	p.c.I32Load(2, uint32(off))
}

func (p *page) tlb(l *lowering, which int) uint32 {
	tlbs := p.caches + core.TLBBase + uint32(which)
	if p.tlbs == 0 {
		return tlbs + p.mode*core.ModeTLB
	}
	p.c.LocalGet(p.tlbs)
	p.c.Op(wasm.OpI32Add)
	return tlbs
}

// loadTLB finds the TLB set of State.Mode where the code serves several modes.
func (p *page) loadTLB() {
	if p.tlbs != 0 {
		p.c.LocalGet(p.base)
		p.c.I32Load(2, uint32(core.OffMode))
		tlbSet(p.c)
		p.c.LocalSet(p.tlbs)
	}
}

// at is the offset of the instruction being emitted and how many instructions
// of the block are not done yet, itself included.
func (p *page) at(l *lowering) (off, left int) {
	at := int(l.insn[l.cur])
	for i := at; i < len(l.b.Nodes); i++ {
		if l.b.Nodes[i].Op == ir.Insn {
			left++
		}
	}
	return int(l.b.Nodes[at].Imm), left + p.cfg.blocks[p.node-1].paid
}

func (p *page) exitIf(l *lowering) {
	off, left := p.at(l)
	p.outIf(l, off, core.ExitSingle, 0, left)
}

func (p *page) missIf(l *lowering, kind uint32) {
	off, left := p.at(l)
	p.outUnless(l, wasm.OpI64Eq, wasm.OpI64Ne, off, core.ExitMiss, kind, left)
}

func (p *page) irqCheck(l *lowering) {
	off, left := p.at(l)
	size := int(l.b.Nodes[l.insn[l.cur]].Aux)
	p.stateWord(l, core.OffIRQ)
	p.outIf(l, off+size, core.ExitIRQ, 0, left-1)
}

func (p *page) pc(l *lowering, next bool) {
	in := &l.b.Nodes[l.insn[l.cur]]
	off := int(in.Imm)
	if next {
		off += int(in.Aux)
	}
	p.push(off)
}

func (p *page) operand(*lowering, int) {
	panic("BUG: emit: a record operand in a page function")
}

func (p *page) terminator(l *lowering, n *ir.Node) {
	b := p.cfg.blocks[p.node-1]
	if p.cfg.callsAt(p.node) {
		p.call(l, n)
		return
	}
	switch {
	case n == nil:
		p.flush(l)
		p.jump(b.next)
	case n.Op == ir.Branch:
		// A comparison straight before its branch is one with it in every engine.
		p.flush(l)
		l.need(n.Args[0])
		p.c.If(wasm.Void)
		p.jump(b.taken)
		p.c.Else()
		p.c.End()
		p.jump(b.next)
	case n.Op == ir.Jump:
		p.flush(l)
		p.jump(b.taken)
	case n.Op == ir.JumpInd, n.Op == ir.Enter:
		l.need(n.Args[0])
		l.c.LocalSet(l.addr)
		p.flush(l)
		if p.stays[p.node-1] {
			p.stay()
		}
		p.storeBudget()
		if n.Op == ir.Enter {
			p.c.LocalGet(p.base)
			p.c.I32Const(int32(core.ExitMode))
			p.c.I32Store(2, uint32(core.OffExit))
			p.c.LocalGet(p.base)
			p.c.LocalGet(l.addr)
			p.c.I64Store(3, uint32(core.OffPC))
			p.c.I64Const(exited)
		} else {
			p.c.LocalGet(l.addr)
		}
		p.c.Return()
	case n.Op == ir.Resume:
		p.flush(l)
		p.loadTLB()
		p.loadLimits()
		p.forgetAll()
		p.jump(b.next)
	case n.Op == ir.Single:
		off, left := p.at(l)
		p.flush(l)
		p.out(off, core.ExitSingle, 0, left)
	}
}
