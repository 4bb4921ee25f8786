package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/wasm"
)

// How a page function is left: for Go, by an exit, or for another translation.

// The code of an exit, in pageCode.exit: the offset of the next instruction, the reason
// (or the kind of the missed access, with codeMiss), and above it, because it is
// small as a rule and constants take as many bytes as they need, how many
// instructions of the budget are given back.
const (
	codeReason = 13 // above the offset: up to PageSize and an instruction
	codeMiss   = 1 << 3
	codeRefund = 17
)

const _ = uint(codeMiss - core.NumExits) // reasons fit

// exitAt leaves for Go, at an offset from the page's start. State that is not in
// memory yet is the loop's registers at most.
func (b *blockCode) exitAt(off int, r core.Exit, kind uint32, refund int) {
	c, h := b.c, b.regs.owner[b.node]
	reason := uint32(r)
	if r == core.ExitMiss {
		reason = codeMiss | kind
	}
	c.I32Const(int32(uint32(off) | reason<<codeReason | uint32(refund)<<codeRefund))
	c.LocalSet(b.exit)
	switch {
	case h != 0:
		if r == core.ExitBudget {
			// Or the loop would carry the last address to its head.
			c.I64Const(0)
			c.LocalSet(b.addr)
		}
		c.BrTo(b.labels.writeBack[h])
	case r == core.ExitMiss:
		c.BrTo(b.labels.missed)
	default:
		c.BrTo(b.labels.exit)
	}
}

// exitAtIf is exitAt if the condition on the stack holds. Both arms are always there,
// even if empty: see docs/RATIONALE.md, "What does wazero make of generated code".
func (b *blockCode) exitAtIf(l *lowering, off int, r core.Exit, kind uint32, refund int) {
	b.c.If(wasm.Void)
	b.writePending(l)
	b.exitAt(off, r, kind, refund)
	b.c.Else()
	b.c.End()
}

// exitAtUnless is exitAt unless a comparison of what is on the stack holds; not is the
// opposite comparison. Which arm the way out is in decides where engines put it,
// and they disagree: wazero puts an else arm behind everything else, wasmtime the
// other one. In loops wazero's way is better in both.
func (b *blockCode) exitAtUnless(l *lowering, is, not wasm.Opcode, off int, r core.Exit, kind uint32, refund int) {
	if b.regs.owner[b.node] == 0 {
		b.c.Op(not)
		b.exitAtIf(l, off, r, kind, refund)
		return
	}
	b.c.Op(is)
	b.c.If(wasm.Void)
	b.c.Else()
	b.writePending(l)
	b.exitAt(off, r, kind, refund)
	b.c.End()
}

// leave goes to Go as the code of the exit says.
func (p *pageCode) leave() {
	c := p.c
	field := func(shift int32, mask int32) {
		c.LocalGet(p.exit)
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
func (p *pageCode) returnTo(off int) {
	p.storeBudget()
	p.push(off)
	p.c.Return()
}

func (p *pageCode) storeBudget() {
	p.c.LocalGet(p.base)
	p.c.LocalGet(p.budget)
	p.c.I32Store(2, uint32(core.OffBudget))
}
