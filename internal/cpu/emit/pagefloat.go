package emit

import (
	"math"
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// chooseFloats finds the floating-point registers whose locals are f64: all
// unless the page uses them more for binary32, whose operations take bits apart.
func (p *page) chooseFloats() {
	p.floats = map[uint16]bool{}
	balance := map[uint16]int{}
	count := func(b *ir.Block, v ir.Value, by int) {
		if v >= 0 && b.Nodes[v].Op == ir.Get {
			balance[b.Nodes[v].Loc.Off] += by
		}
	}
	for _, b := range p.cfg.blocks {
		for i := range b.ir.Nodes {
			n := &b.ir.Nodes[i]
			if n.Op == ir.Get || n.Op == ir.Set {
				balance[n.Loc.Off] += 0
			}
			switch n.Op {
			case ir.Float:
				for _, a := range n.Args {
					if !ir.FP(n.Imm).Single() {
						count(&b.ir, a, 2)
					}
				}
			case ir.Select: // an operand in its box
				for _, a := range n.Args[1:] {
					count(&b.ir, a, -1)
				}
			case ir.Set:
				if v := &b.ir.Nodes[n.Args[0]]; v.Op == ir.Float && result64(ir.FP(v.Imm)) {
					balance[n.Loc.Off]++
				} else if v.Op == ir.Or {
					balance[n.Loc.Off]--
				}
			}
		}
	}
	for off := range balance {
		p.floats[off] = off >= uint16(core.OffF) && off < uint16(core.OffS) && balance[off] >= 0
	}
}

func (p *page) floatSlot(loc ir.Loc) bool { return p.floats[loc.Off] }

func (p *page) slotType(off uint16) ir.Type {
	if p.floats[off] {
		return typeF64
	}
	return ir.I64
}

func (p *page) slotLoad(off uint16) wasm.Opcode {
	if p.floats[off] {
		return wasm.OpF64Load
	}
	return wasm.OpI64Load
}

func (p *page) slotStore(off uint16) wasm.Opcode {
	if p.floats[off] {
		return wasm.OpF64Store
	}
	return wasm.OpI64Store
}

// pushLimit pushes the limit of results, as float.go has it, from the state.
func pushLimit(l *lowering) {
	limit := uint32(fpLimit)
	l.c.I32Const(int32(limit))
	l.c.I32Const(0)
	l.t.stateWord(l, core.OffFPRound)
	l.c.Select()
}

// pushFMABound pushes the bound of fusedLarge.
func pushFMABound(l *lowering) {
	l.c.F64Const(fmaLeast)
	l.c.F64Const(math.Inf(1))
	l.t.stateWord(l, core.OffFPRound)
	l.c.Select()
}

// loadLimits reads what the page's floating-point instructions compare their
// results with. It is read again behind an ir.Resume, and where the words that it
// comes from are set. A helper that accrues flags leaves it as it is: what is too
// small is right, too.
func (p *page) loadLimits() {
	var rounds, fuses bool
	for _, b := range p.cfg.blocks {
		for i := range b.ir.Nodes {
			if n := &b.ir.Nodes[i]; n.Op == ir.Float {
				rounds = true
				fuses = fuses || ir.FP(n.Imm) == ir.FMA64
			}
		}
	}
	if rounds {
		if p.limit == 0 {
			p.limit = p.f.AddLocal(wasm.I32)
		}
		pushLimit(p.l)
		p.c.LocalSet(p.limit)
	}
	if fuses {
		if p.bound == 0 {
			p.bound = p.f.AddLocal(wasm.F64)
		}
		pushFMABound(p.l)
		p.c.LocalSet(p.bound)
	}
}

func (p *page) fpLimit(l *lowering)  { p.c.LocalGet(p.limit) }
func (p *page) fmaBound(l *lowering) { p.c.LocalGet(p.bound) }

func (p *page) interprets() bool { return false }

// helps says that the instruction is an entry: the interpreter would enter this
// function again, for ever.
func (p *page) helps(l *lowering) bool {
	off, _ := p.at(l)
	return slices.ContainsFunc(p.cfg.Entries, func(v int) bool { return p.cfg.blocks[v-1].start == off })
}

// resumeIf leaves to the interpreter.
func (p *page) resumeIf(l *lowering) {
	off, left := p.at(l)
	p.outIf(l, off, core.ExitNone, 0, left)
}

func (p *page) recordMode(*lowering) {
	panic("BUG: emit: a record's rounding mode in a page function")
}
