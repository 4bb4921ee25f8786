package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/wasm"
)

// How a page function is left: for Go, by an exit, or for another translation.

// The code of an exit, in p.code: the offset of the next instruction, the reason
// (or the kind of the missed access, with codeMiss), and above it, because it is
// small as a rule and constants take as many bytes as they need, how many
// instructions of the budget are given back.
const (
	codeReason = 13 // above the offset: up to PageSize and an instruction
	codeMiss   = 1 << 3
	codeRefund = 17
)

const _ = uint(codeMiss - core.NumExits) // reasons fit

// out leaves for Go, at an offset from the page's start. State that is not in
// memory yet is the loop's registers at most.
func (p *page) out(off int, r core.Exit, kind uint32, refund int) {
	c, h := p.c, p.owner[p.node]
	reason := uint32(r)
	if r == core.ExitMiss {
		reason = codeMiss | kind
	}
	c.I32Const(int32(uint32(off) | reason<<codeReason | uint32(refund)<<codeRefund))
	c.LocalSet(p.code)
	switch {
	case h != 0:
		if r == core.ExitBudget {
			// Or the loop would carry the last address to its head.
			c.I64Const(0)
			c.LocalSet(p.l.addr)
		}
		c.BrTo(p.stub[h])
	case r == core.ExitMiss:
		c.BrTo(p.missed)
	default:
		c.BrTo(p.exit)
	}
}

// outIf is out if the condition on the stack holds. Both arms are always there,
// even if empty: see docs/RATIONALE.md, "What does wazero make of generated code".
func (p *page) outIf(l *lowering, off int, r core.Exit, kind uint32, refund int) {
	p.c.If(wasm.Void)
	p.writePending(l)
	p.out(off, r, kind, refund)
	p.c.Else()
	p.c.End()
}

// outUnless is out unless a comparison of what is on the stack holds; not is the
// opposite comparison. Which arm the way out is in decides where engines put it,
// and they disagree: wazero puts an else arm behind everything else, wasmtime the
// other one. In loops wazero's way is better in both.
func (p *page) outUnless(l *lowering, is, not wasm.Opcode, off int, r core.Exit, kind uint32, refund int) {
	if p.owner[p.node] == 0 {
		p.c.Op(not)
		p.outIf(l, off, r, kind, refund)
		return
	}
	p.c.Op(is)
	p.c.If(wasm.Void)
	p.c.Else()
	p.writePending(l)
	p.out(off, r, kind, refund)
	p.c.End()
}

// leave lets go to Go as code says.
func (p *page) leave() {
	c := p.c
	field := func(shift int32, mask int32) {
		c.LocalGet(p.code)
		if shift > 0 {
			c.I32Const(shift)
			c.Op(wasm.OpI32ShrU)
		}
		if mask != 0 {
			c.I32Const(mask)
			c.Op(wasm.OpI32And)
		}
	}
	c.LocalGet(p.base)
	field(codeReason, core.KindSize|core.KindWrite)
	c.I32Store(2, uint32(core.OffExitKind))
	c.LocalGet(p.base)
	c.I32Const(int32(core.ExitMiss))
	field(codeReason, codeMiss-1)
	field(codeReason, codeMiss)
	c.Select()
	c.I32Store(2, uint32(core.OffExit))
	c.LocalGet(p.base)
	c.LocalGet(p.budget)
	field(codeRefund, 0)
	c.Op(wasm.OpI32Add)
	c.I32Store(2, uint32(core.OffBudget))
	c.LocalGet(p.base)
	c.LocalGet(p.vbase)
	field(0, 1<<codeReason-1)
	c.Op(wasm.OpI64ExtendI32U)
	c.Op(wasm.OpI64Add)
	c.I64Store(3, uint32(core.OffPC))
	c.I64Const(exited)
}

// returnTo goes on in another translation, at an offset from the page's start.
func (p *page) returnTo(off int) {
	p.storeBudget()
	p.push(off)
	p.c.Return()
}

func (p *page) storeBudget() {
	p.c.LocalGet(p.base)
	p.c.LocalGet(p.budget)
	p.c.I32Store(2, uint32(core.OffBudget))
}
