package emit

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/wasm"
)

// TableSym is the symbol of the core's table.
const TableSym = 0

// Core is the generated side of the machine for one ISA: its functions, to be
// joined with the Go program by the linker. Symbols are indexes into Funcs.
type Core struct {
	Funcs []*wasm.Func
	// Run is the function () -> () that Go calls to run the hart from its
	// State until an exit other than core.ExitNone.
	Run int
	// Hook is the function (slot, a, b, c i32) -> i32 that calls a hook.
	Hook int
	// Interp is the interpreter's function, for size reports.
	Interp int
	// Pages are the page functions in the order of their table slots.
	Pages []int
	// SeePass, if not nil, is called after each pass of each translation, also from
	// several goroutines.
	SeePass func(*Source, Pass)

	modes        []uint32 // of Pages
	base, caches uint32
	hookDefault  int
	swap         int // symbol of swapTLB
	g            isa.ISA
	fn           funcs
}

// pageType is the type of page functions: (page's virtual address, entry, depth
// of calls) -> next pc, or exited.
var pageType = wasm.FuncType{Params: []wasm.ValType{wasm.I64, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I64}}

// exited is what a page function returns instead of an address when State.Exit
// and State.PC say how to go on. No jump leads to that address where
// instructions are aligned; an ISA with others has to leave with State.PC there.
const exited = -1

// NewCore emits the dispatcher, the helpers and the interpreter for a hart
// whose core.State lies at linear address base and whose core.Caches lie at
// caches, a multiple of core.TLBSize.
func NewCore(g isa.ISA, base, caches uint32) *Core {
	if caches%core.TLBSize != 0 {
		panic("BUG: emit: TLBs that lie across")
	}
	c := &Core{base: base, caches: caches, g: g}
	add := func(f *wasm.Func) int { c.Funcs = append(c.Funcs, f); return len(c.Funcs) - 1 }
	c.fn = funcs{mulHU: add(mulHU())}
	c.fn.mulHS = add(mulHigh("mulhs", c.fn.mulHU, true))
	c.fn.mulHSU = add(mulHigh("mulhsu", c.fn.mulHU, false))
	fpHelpers(base, &c.fn, add)
	c.hookDefault, c.Hook = add(hookDefault()), add(hookCall())
	c.swap = add(c.swapTLB())
	for m := range c.fn.call {
		c.fn.call[m] = add(nil)
	}
	c.Run = add(nil)
	c.Interp = c.Run + 1
	c.name()
	c.Funcs = append(c.Funcs, interpreter(g, abi.NewHandlers(g), base, caches, &c.fn, c.Interp+1)...)
	return c
}

// directPages is how many pages the dispatcher knows by name: the first ones,
// which are the hottest. A direct call spares what an engine does at an indirect
// one: checks of the slot and of the type, with loads that depend on each other.
// A trained Python loop takes some 30 % less time with it in wasmtime, and 1 to
// 2 % less in wazero; all pages named are no better than 200.
const directPages = 256

// name emits the functions that call pages by name.
func (k *Core) name() {
	k.Funcs[k.Run] = k.dispatcher()
	for m, f := range k.fn.call {
		k.Funcs[f] = k.caller(uint32(m))
	}
}

// callPage calls the page function of a target for the page of pc, with a depth
// that is on the stack, and pushes what it returns. Those that are known by name
// are the first ones of which named is true.
func (k *Core) callPage(c *wasm.Code, pc, target uint32, depth func(), named func(mode uint32) bool) {
	args := func() {
		c.LocalGet(pc)
		c.I64Const(^int64(core.PageMask))
		c.Op(wasm.OpI64And)
		c.LocalGet(target)
		c.I32Const(core.TargetEntries - 1)
		c.Op(wasm.OpI32And)
		depth()
	}
	slot := func() {
		c.LocalGet(target)
		c.I32Const(12)
		c.Op(wasm.OpI32ShrU)
	}
	pages := k.Pages[:min(len(k.Pages), directPages)]
	called := c.Block(wasm.BlockValue(wasm.I64))
	other := c.Block(wasm.Void)
	labels := make([]wasm.Label, len(pages))
	for i := len(pages) - 1; i >= 0; i-- {
		if labels[i] = other; named(k.modes[i]) {
			labels[i] = c.Block(wasm.Void)
		}
	}
	targets := make([]uint32, len(pages))
	for i, l := range labels {
		targets[i] = c.Rel(l)
	}
	if len(pages) > 0 {
		slot()
		c.I32Const(abi.FirstPage)
		c.Op(wasm.OpI32Sub)
		c.BrTable(targets, c.Rel(other))
	}
	for i, f := range pages {
		if !named(k.modes[i]) {
			continue
		}
		c.End()
		args()
		c.CallSym(f)
		c.BrTo(called)
	}
	c.End()
	args()
	slot()
	c.CallIndirectSym(pageType, TableSym)
	c.End()
}

// dispatcher emits the loop between the tiers: it looks State.PC up in the
// mode's jump cache and calls the page function or the interpreter.
func (k *Core) dispatcher() *wasm.Func {
	f := &wasm.Func{Name: "run"}
	c := &f.Body
	entry, target, jumpm := f.AddLocal(wasm.I32), f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	pc := f.AddLocal(wasm.I64)
	word := func(off int) { c.I32Const(0); c.I32Load(2, k.base+uint32(off)) }
	// Counters are locals until the function returns: adding costs nothing.
	interpreted, pages, interps := f.AddLocal(wasm.I32), f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	count := func(local uint32, by func(), op wasm.Opcode) {
		c.LocalGet(local)
		by()
		c.Op(op)
		c.LocalSet(local)
	}
	one := func() { c.I32Const(1) }
	budget := func() { word(core.OffBudget) }
	var done wasm.Label
	leave := func(r core.Exit) {
		c.I32Const(0)
		c.I32Const(int32(r))
		c.I32Store(2, k.base+uint32(core.OffExit))
		c.I32Const(0)
		c.LocalGet(pc)
		c.I64Store(3, k.base+uint32(core.OffPC))
		c.BrTo(done)
	}
	c.I32Const(0)
	c.I32Const(int32(core.ExitNone))
	c.I32Store(2, k.base+uint32(core.OffExit))
	mode := func() {
		word(core.OffMode)
		jumpSet(c)
		c.LocalSet(jumpm)
	}
	// goOn goes on in another mode, or with a TLB entry from its set's other place,
	// if that is why the tier returned; pc is where.
	goOn := func(loop wasm.Label) {
		word(core.OffExit)
		c.I32Const(int32(core.ExitMode))
		c.Op(wasm.OpI32Eq)
		c.If(wasm.Void)
		c.I32Const(0)
		c.I32Const(int32(core.ExitNone))
		c.I32Store(2, k.base+uint32(core.OffExit))
		mode()
		c.BrTo(loop)
		c.End()
		word(core.OffExit)
		c.I32Const(int32(core.ExitMiss))
		c.Op(wasm.OpI32Eq)
		c.If(wasm.Void)
		c.CallSym(k.swap)
		c.BrIfTo(loop)
		c.End()
	}
	mode()
	c.I32Const(0)
	c.I64Load(3, k.base+uint32(core.OffPC))
	c.LocalSet(pc)
	done = c.Block(wasm.Void)
	loop := c.Loop(wasm.Void)
	word(core.OffBudget)
	c.I32Const(0)
	c.Op(wasm.OpI32LeS)
	c.If(wasm.Void)
	leave(core.ExitBudget)
	c.End()
	jumps := jumpsOf(k.caches, 0)
	jumpPlace(c, pc)
	c.LocalGet(jumpm)
	c.Op(wasm.OpI32Add)
	c.LocalSet(entry)
	findJump(c, jumps, pc, entry, func() { leave(core.ExitLookup) })
	c.LocalGet(entry)
	c.I32Load(2, jumps+core.JumpTarget)
	c.LocalTee(target)
	c.If(wasm.Void)
	count(pages, one, wasm.OpI32Add)
	k.callPage(c, pc, target, func() { c.I32Const(maxDepth) }, func(uint32) bool { return true })
	c.LocalTee(pc)
	c.I64Const(exited)
	c.Op(wasm.OpI64Ne)
	c.BrIfTo(loop)
	c.I32Const(0)
	c.I64Load(3, k.base+uint32(core.OffPC))
	c.LocalSet(pc)
	word(core.OffExit)
	c.Op(wasm.OpI32Eqz)
	c.BrIfTo(loop)
	goOn(loop)
	c.I32Const(0)
	c.LocalGet(pc)
	c.I64Store(3, k.base+uint32(core.OffPC))
	c.BrTo(done)
	c.End()
	count(interps, one, wasm.OpI32Add)
	count(interpreted, budget, wasm.OpI32Add)
	c.LocalGet(entry)
	c.I32Load(2, jumps+core.JumpRecord)
	c.LocalGet(pc)
	c.I64Const(^int64(core.PageMask))
	c.Op(wasm.OpI64And)
	c.CallSym(k.Interp)
	count(interpreted, budget, wasm.OpI32Sub)
	c.I32Const(0)
	c.I64Load(3, k.base+uint32(core.OffPC))
	c.LocalSet(pc)
	word(core.OffExit)
	c.Op(wasm.OpI32Eqz)
	c.BrIfTo(loop)
	goOn(loop)
	c.End() // loop
	c.End() // done
	for _, n := range []struct {
		local uint32
		off   int
	}{{interpreted, core.OffInterpreted}, {pages, core.OffPageCalls}, {interps, core.OffInterpCalls}} {
		at := k.base + uint32(n.off)
		c.I32Const(0)
		c.I32Const(0)
		c.I64Load(3, at)
		c.LocalGet(n.local)
		c.Op(wasm.OpI64ExtendI32S)
		c.Op(wasm.OpI64Add)
		c.I64Store(3, at)
	}
	return f
}

// swapTLB emits the function () -> i32 that looks for the access of an exit by
// core.ExitMiss in the other place of its set. If it is there, it takes the first
// place, where code looks, and the exit is none any more. The instruction is
// executed again, so one that made two accesses by one TLB might go round for
// ever between two pages of a set: such instructions need another way.
func (k *Core) swapTLB() *wasm.Func {
	f := &wasm.Func{Name: "swap", Type: wasm.FuncType{Results: []wasm.ValType{wasm.I32}}}
	c := &f.Body
	addr, tag := f.AddLocal(wasm.I64), f.AddLocal(wasm.I64)
	kind, first, other, addend := f.AddLocal(wasm.I32), f.AddLocal(wasm.I32), f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	word := func(off int) { c.I32Const(0); c.I32Load(2, k.base+uint32(off)) }
	c.I32Const(0)
	c.I64Load(3, k.base+uint32(core.OffExitAddr))
	c.LocalSet(addr)
	word(core.OffExitKind)
	c.LocalSet(kind)
	c.LocalGet(addr)
	tlbIndex(c)
	word(core.OffMode)
	tlbSet(c)
	c.Op(wasm.OpI32Add)
	c.I32Const(int32(k.caches + core.TLBBase))
	c.Op(wasm.OpI32Add)
	c.I32Const(core.WriteTLB)
	c.I32Const(core.ReadTLB)
	c.LocalGet(kind)
	c.I32Const(core.KindWrite)
	c.Op(wasm.OpI32And)
	c.Select()
	c.Op(wasm.OpI32Add)
	c.LocalTee(first)
	c.I32Const(core.TLBOther * core.TLBEntrySize)
	c.Op(wasm.OpI32Xor)
	c.LocalTee(other)
	c.I64Load(3, core.TLBTag)
	c.LocalTee(tag)
	// addr & (^PageMask | size-1)
	c.LocalGet(addr)
	c.I64Const(1)
	c.LocalGet(kind)
	c.I32Const(core.KindSize)
	c.Op(wasm.OpI32And)
	c.Op(wasm.OpI64ExtendI32U)
	c.Op(wasm.OpI64Shl)
	c.I64Const(1)
	c.Op(wasm.OpI64Sub)
	c.I64Const(^int64(core.PageMask))
	c.Op(wasm.OpI64Or)
	c.Op(wasm.OpI64And)
	c.Op(wasm.OpI64Ne)
	c.If(wasm.Void)
	c.I32Const(0)
	c.Return()
	c.End()
	entry := func(at uint32, tag, addend func()) {
		c.LocalGet(at)
		tag()
		c.I64Store(3, core.TLBTag)
		c.LocalGet(at)
		addend()
		c.I32Store(2, core.TLBAddend)
	}
	c.LocalGet(other)
	c.I32Load(2, core.TLBAddend)
	c.LocalSet(addend)
	entry(other, func() { c.LocalGet(first); c.I64Load(3, core.TLBTag) }, func() { c.LocalGet(first); c.I32Load(2, core.TLBAddend) })
	entry(first, func() { c.LocalGet(tag) }, func() { c.LocalGet(addend) })
	c.I32Const(0)
	c.I32Const(int32(core.ExitNone))
	c.I32Store(2, k.base+uint32(core.OffExit))
	c.I32Const(1)
	return f
}
