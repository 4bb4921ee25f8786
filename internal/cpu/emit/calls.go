package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// Calls of the guest as calls in the host. A page function that comes to a call
// of code elsewhere calls Core.caller, which runs other page functions until one
// returns the address behind the call. The function then goes on there: nothing
// was looked up, and the host's processor has predicted the way back.
//
// This promises nothing to the guest. Whatever else comes back, an exit or
// another address, the function hands on to its own caller, and so does that,
// down to the dispatcher, which goes on as if nobody had called: a guest that
// never returns, switches stacks or throws exceptions only loses the shortcut.
// While calls lie within each other no Go code runs, since every exit ends them
// all: mappings, bindings and code are at the end what they were when the
// function called. Registers, the TLB set in force and what is known of floating
// point may be others, and are read again.

// maxDepth is how many calls may lie within each other. A function's frame on
// the host's stack takes some hundred bytes; hosts have 512 KiB and more.
const maxDepth = 32

// call emits the end of such a block.
func (b *blockCode) call(l *lowering, n *ir.Node) {
	c := b.c
	x := b.slow.all.blocks[b.node-1]
	indirect := n.Op == ir.JumpInd
	if indirect {
		l.need(n.Args[0])
		c.LocalSet(l.addr)
	}
	b.flush(l)
	b.storeBudget()
	returned := c.Block(wasm.Void)
	if !indirect {
		b.callDirect(x, returned)
	}
	c.LocalGet(l.addr)
	b.push(x.end)
	c.LocalGet(b.depth)
	c.CallSym(l.fn.call[core.CodeMode(b.src.Mode)])
	c.LocalTee(l.addr)
	b.push(x.end)
	c.Op(wasm.OpI64Ne)
	c.BrIfTo(b.labels.back)
	c.End() // returned
	c.LocalGet(b.base)
	c.I32Load(2, uint32(core.OffBudget))
	c.LocalSet(b.budget)
	b.loadTLB()
	b.loadLimits()
	b.forgetAll()
	b.jump(x.end)
}

// callDirect calls the link's function for a block's call, if there is one, and
// goes to returned if it comes back behind the call. Otherwise it sets addr to
// where the guest is.
func (b *blockCode) callDirect(x *block, returned wasm.Label) {
	c := b.c
	link, ok := b.linkTo(x.taken)
	if !ok {
		b.push(x.taken)
		c.LocalSet(b.addr)
		return
	}
	set := c.Block(wasm.Void)
	other := c.Block(wasm.Void)
	b.guard(x.taken, link, other)
	b.callLink(x.taken, link)
	c.LocalTee(b.addr)
	b.push(x.end)
	c.Op(wasm.OpI64Eq)
	c.BrIfTo(returned)
	c.BrTo(set)
	c.End() // other
	b.push(x.taken)
	c.LocalSet(b.addr)
	c.End() // set
}

// Link is the page function that code elsewhere is likely to have.
type Link struct {
	Func   int    // its symbol
	Target uint32 // core.Target of its slot and the entry
	// crosses says that the entry may be an instruction which ends in the next
	// page: core.Caches.Links knows nothing of that page, so no other is called there.
	crosses bool
}

// NextLink is the link to the entry at an offset of p, if it is one, when p is the
// i-th page to be added from now on.
func (k *Core) NextLink(i int, p *Page, off uint16) (Link, bool) {
	entry, ok := slices.BinarySearch(p.Entries, off)
	n := len(k.Pages) + i
	crosses := len(p.Tail) > 0 && off > core.PageSize-core.MaxInsn
	return Link{len(k.Funcs) + i, core.Target(uint32(abi.FirstPage+n), uint32(entry)), crosses}, ok && n < core.LinkSlots
}

// LongLink is a link that no function is longer with, for those whose links are
// not known yet.
var LongLink = Link{Target: core.Target(abi.FirstPage+core.LinkSlots-1, core.TargetEntries-1)}

// linkTo is the link for an offset outside of the page.
func (p *pageCode) linkTo(off int) (Link, bool) {
	if p.src.Links == nil || off >= 0 && off < core.PageSize {
		return Link{}, false
	}
	link, ok := p.src.Links(off)
	return link, ok && !link.crosses
}

// linked goes on in the page function of a link, if it is the one for an offset.
func (p *pageCode) linked(off int, link Link) {
	other := p.c.Block(wasm.Void)
	p.guard(off, link, other)
	p.storeBudget()
	p.callLink(off, link)
	p.c.Return()
	p.c.End()
}

// guard goes to other unless the link's function may be called at an offset's
// address: core.Caches.Links says that the dispatcher would do it, in this mode
// and now, and another call may lie within those that there are.
func (p *pageCode) guard(off int, link Link, other wasm.Label) {
	c := p.c
	unless := func() {
		c.If(wasm.Void)
		c.BrTo(other)
		c.Else()
		c.End()
	}
	slot := link.Target/core.TargetEntries - abi.FirstPage
	p.push(off&^core.PageMask | core.LinkValid)
	c.LocalGet(p.base)
	c.I64Load(3, p.core.caches-p.core.base+core.LinkBase+slot*8)
	c.Op(wasm.OpI64Ne)
	unless()
	c.LocalGet(p.depth)
	c.Op(wasm.OpI32Eqz)
	unless()
}

// match sets addr to the address at an offset and goes to other unless the jump
// cache has the link's target for it, which says more than any test of the code:
// that this function would be called there by the dispatcher.
func (p *pageCode) match(off int, link Link, other wasm.Label) {
	c := p.c
	p.push(off)
	c.LocalSet(p.addr)
	p.jumpTarget(other)
	c.I32Const(int32(link.Target))
	c.Op(wasm.OpI32Ne)
	c.BrIfTo(other)
}

// callLink calls the link's function for an offset and pushes what it returns.
func (p *pageCode) callLink(off int, link Link) {
	c := p.c
	p.push(off &^ core.PageMask)
	c.I32Const(int32(link.Target & (core.TargetEntries - 1)))
	c.LocalGet(p.depth)
	c.I32Const(1)
	c.Op(wasm.OpI32Sub)
	c.CallSym(link.Func)
}

// push pushes the address at an offset from the page's start.
func (p *pageCode) push(off int) {
	p.c.LocalGet(p.vbase)
	if off != 0 {
		p.c.I64Const(int64(off))
		p.c.Op(wasm.OpI64Add)
	}
}

// caller emits the function (pc, until i64, depth i32) -> i64 that runs page
// functions of a code mode from pc on until one returns the address until, which
// is then the result. Another result is an address at which the dispatcher has to
// go on, because depth is zero, the budget is used up, or no page function is
// known for it; or exited.
func (k *Core) caller(mode uint32) *wasm.Func {
	f := &wasm.Func{Name: "call", Type: wasm.FuncType{Params: []wasm.ValType{wasm.I64, wasm.I64, wasm.I32}, Results: []wasm.ValType{wasm.I64}}}
	c := &f.Body
	const pc, until, depth = 0, 1, 2
	entry, target := f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	done := c.Block(wasm.Void)
	c.LocalGet(depth)
	c.Op(wasm.OpI32Eqz)
	c.BrIfTo(done)
	c.LocalGet(depth)
	c.I32Const(1)
	c.Op(wasm.OpI32Sub)
	c.LocalSet(depth)
	loop := c.Loop(wasm.Void)
	c.LocalGet(pc)
	c.I64Const(exited)
	c.Op(wasm.OpI64Eq)
	c.BrIfTo(done)
	c.I32Const(0)
	c.I32Load(2, k.base+uint32(core.OffBudget))
	c.I32Const(0)
	c.Op(wasm.OpI32LeS)
	c.BrIfTo(done)
	jumps := jumpsOf(k.caches, mode)
	jumpPlace(c, pc)
	c.LocalSet(entry)
	findJump(c, jumps, pc, entry, func() { c.BrTo(done) })
	c.LocalGet(entry)
	c.I32Load(2, jumps+core.JumpTarget)
	c.LocalTee(target)
	c.Op(wasm.OpI32Eqz)
	c.BrIfTo(done)
	k.countCall(c)
	k.callPage(c, pc, target, func() { c.LocalGet(depth) }, func(of uint32) bool { return core.CodeMode(of) == mode })
	c.LocalTee(pc)
	c.LocalGet(until)
	c.Op(wasm.OpI64Ne)
	c.BrIfTo(loop)
	c.End() // loop
	c.End() // done
	c.LocalGet(pc)
	return f
}

// countCall adds one to State.PageCalls.
func (k *Core) countCall(c *wasm.Code) {
	at := k.base + uint32(core.OffPageCalls)
	c.I32Const(0)
	c.I32Const(0)
	c.I64Load(3, at)
	c.I64Const(1)
	c.Op(wasm.OpI64Add)
	c.I64Store(3, at)
}
