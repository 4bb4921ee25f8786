package emit

import (
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// How a page function reads and writes the registers that planRegisters has placed.

// local is the local of a register.
func (p *pageCode) local(off uint16) uint32 {
	r, ok := p.locals[off]
	if !ok {
		t := ir.I64
		if p.regs.floats[off] {
			t = typeF64
		}
		r = p.f.AddLocal(valType(t))
		p.locals[off] = r
	}
	return r
}

// slotLoad and slotStore are the accesses of a slot in the type of its local.
func (p *pageCode) slotLoad(off uint16) wasm.Opcode {
	if p.regs.floats[off] {
		return wasm.OpF64Load
	}
	return wasm.OpI64Load
}

func (p *pageCode) slotStore(off uint16) wasm.Opcode {
	if p.regs.floats[off] {
		return wasm.OpF64Store
	}
	return wasm.OpI64Store
}

func (p *pageCode) loadReg(off uint16) {
	p.c.LocalGet(p.base)
	p.c.Mem(p.slotLoad(off), 3, uint32(off))
	p.c.LocalSet(p.local(off))
}

func (p *pageCode) floatSlot(loc ir.Loc) bool { return p.regs.floats[loc.Off] }

// home is the slot whose local a value is held in.
func (p *pageCode) home(local int32) ir.Loc {
	for off, r := range p.locals {
		if int32(r) == local {
			return ir.Loc{Off: off}
		}
	}
	return ir.Loc{}
}

// cached says that reading a slot again costs no memory access.
func (b *blockCode) cached(loc ir.Loc) bool { return b.regs.has(b.avail, loc.Off) }

// read makes sure that a register is in its local.
func (b *blockCode) read(off uint16) {
	if n := b.regs.number[off]; !b.avail.has(n) {
		b.loadReg(off)
		b.avail.add(n)
	}
}

// inLocal makes sure that a slot of integers is in its local, if it has one.
func (b *blockCode) inLocal(loc ir.Loc) (local uint32, ok bool) {
	if _, ok := b.regs.number[loc.Off]; !ok || b.floatSlot(loc) {
		return 0, false
	}
	b.read(loc.Off)
	return b.local(loc.Off), true
}

func (b *blockCode) get(l *lowering, loc ir.Loc, t ir.Type) {
	if t == ir.I32 {
		b.word(int(loc.Off))
		return
	}
	b.getSlot(loc)
	if b.floatSlot(loc) {
		b.c.Op(wasm.OpI64ReinterpretF64)
	}
}

func (b *blockCode) getF64(l *lowering, loc ir.Loc) {
	b.getSlot(loc)
	if !b.floatSlot(loc) {
		b.c.Op(wasm.OpF64ReinterpretI64)
	}
}

// getSlot pushes a slot in its own type.
func (b *blockCode) getSlot(loc ir.Loc) {
	n, ok := b.regs.number[loc.Off]
	if ok && b.avail.has(n) {
		b.c.LocalGet(b.local(loc.Off))
		return
	}
	b.c.LocalGet(b.base)
	b.c.Mem(b.slotLoad(loc.Off), 3, uint32(loc.Off))
	if ok {
		b.c.LocalTee(b.local(loc.Off))
		b.avail.add(n)
	}
}

// setSlot pops a slot's value, in the slot's own type, into its local, and into
// memory over an address pushed before.
func (b *blockCode) setSlot(l *lowering, loc ir.Loc, v ir.Value, stored bool) {
	if n, ok := b.regs.number[loc.Off]; ok {
		r := b.local(loc.Off)
		if stored {
			b.c.LocalTee(r)
		} else {
			b.c.LocalSet(r)
		}
		b.avail.add(n)
		if l.uses[v] > 0 && l.held[v] < 0 && l.b.Nodes[v].Op != ir.Const {
			l.held[v], l.temp[v], l.float64s[v] = int32(r), false, b.floatSlot(loc)
		}
	}
	if stored {
		b.c.Mem(b.slotStore(loc.Off), 3, uint32(loc.Off))
	}
}
