package emit

import (
	"fmt"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/wasm"
)

// The interpreter is one function, a loop around a br_table over the current
// record's handler. Its state is in locals:
//
//	rec    address of the current record
//	limit  where rec would be if the budget were spent in a straight line;
//	       straight-line code therefore counts instructions for free, and the
//	       check is made only when a branch is taken
//	vbase  guest virtual address of the current code page
//	tlbm   the current mode's TLB set
//	jumpm  address of the current mode's jump cache
type interp struct {
	base     uint32 // linear address of core.State
	caches   uint32 // linear address of core.Caches
	g        isa.ISA
	h        *abi.Handlers
	f        *wasm.Func
	c        *wasm.Code
	rec      uint32
	vbase    uint32
	limit    uint32
	tlbm     uint32
	jumpm    uint32
	target   uint32 // i64: where to go on
	entry    uint32 // i32 scratch
	status   uint32 // i32: what a called handler returned
	reason   uint32
	loop     wasm.Label
	goTo     wasm.Label
	leave    wasm.Label // reason is set
	lookup   wasm.Label // target is set, rec is behind the jump
	enter    wasm.Label // so it is, and reason is set
	single   wasm.Label
	miss     [8]wasm.Label
	irq      wasm.Label
	callMiss wasm.Label

	form    isa.Form
	far     bool
	pair    int // records that the handler covers
	slot    int
	outline bool // in a function of its own
}

var interpType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I64}}
var handlerType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I64}, Results: []wasm.ValType{wasm.I32}}

// Status of an outlined handler: statusNext, statusSingle, or statusMiss plus
// the kind of access, with the address in State.ExitAddr. After statusIRQ the
// instruction is done.
const (
	statusNext   = 0
	statusSingle = 1
	statusMiss   = 2
	statusIRQ    = statusMiss + 8
)

// interpreter emits the interpreter of an ISA. The result's first function is
// interp(record i32, vbase i64); the others are the handlers that it calls,
// with symbols from sym on, in order.
func interpreter(g isa.ISA, h *abi.Handlers, base, caches uint32, fn *funcs, sym int) []*wasm.Func {
	main := &wasm.Func{Name: "interp", Type: interpType}
	m := &interp{base: base, caches: caches, g: g, h: h, f: main, c: &main.Body, rec: 0, vbase: 1}
	for _, p := range []*uint32{&m.limit, &m.tlbm, &m.jumpm, &m.entry, &m.status, &m.reason} {
		*p = main.AddLocal(wasm.I32)
	}
	m.target = main.AddLocal(wasm.I64)
	l := newLowering(m, newOutput(main, fn))
	out := []*wasm.Func{main}

	m.prologue()
	m.leave = m.c.Block(wasm.Void)
	m.callMiss = m.c.Block(wasm.Void)
	for k := range m.miss {
		m.miss[k] = m.c.Block(wasm.Void)
	}
	m.irq = m.c.Block(wasm.Void)
	m.single = m.c.Block(wasm.Void)
	m.enter = m.c.Block(wasm.Void)
	m.lookup = m.c.Block(wasm.Void)
	m.loop = m.c.Loop(wasm.Void)
	m.goTo = m.c.Block(wasm.Void)
	n := h.Count()
	for i := 0; i < n; i++ {
		m.c.Block(wasm.Void)
	}
	targets := make([]uint32, n)
	for i := range targets {
		targets[i] = uint32(i)
	}
	// The handler is the highest field: wazero checks the record's bounds once.
	m.c.LocalGet(m.rec)
	m.c.I32Load16U(1, core.RecOp)
	m.c.BrTable(targets, abi.HandlerSingle)
	m.fixedHandlers()
	forms := g.Forms()
	for i, f := range forms {
		if h.Near[i] == abi.HandlerSingle {
			continue
		}
		m.form, m.pair, m.slot = isa.Form(i), 1, 0
		if f.Rank == 0 || f.Flow != isa.FlowNext {
			for _, m.far = range []bool{false, true} {
				if m.far && h.Far[i] == h.Near[i] {
					break
				}
				m.c.End()
				m.handler(l, isa.Form(i))
			}
			m.far = false
			continue
		}
		m.c.End()
		m.callHandler(sym)
		sym++
		out = append(out, m.outlined(isa.Form(i), fn))
	}
	for _, p := range abi.Pairs(g) {
		m.c.End()
		m.pairHandler(l, p)
	}
	m.epilogue()
	return out
}

func (m *interp) prologue() {
	c := m.c
	c.LocalGet(m.rec)
	c.I32Const(0)
	c.I32Load(2, m.base+uint32(core.OffBudget))
	c.I32Const(4)
	c.Op(wasm.OpI32Shl)
	c.Op(wasm.OpI32Add)
	c.LocalSet(m.limit)
	m.loadTLB()
	m.stateWord(nil, core.OffMode)
	jumpSet(c)
	c.LocalSet(m.jumpm)
}

// loadTLB finds the TLB set of State.Mode.
func (m *interp) loadTLB() {
	m.stateWord(nil, core.OffMode)
	tlbSet(m.c)
	m.c.LocalSet(m.tlbm)
}

// dispatch goes to the record in rec.
func (m *interp) dispatch() {
	m.c.BrTo(m.loop)
}

func (m *interp) advance(records int) {
	m.c.LocalGet(m.rec)
	m.c.I32Const(int32(records * core.RecordSize))
	m.c.Op(wasm.OpI32Add)
	m.c.LocalSet(m.rec)
}

func (m *interp) next(records int) {
	m.advance(records)
	m.dispatch()
}

// exit leaves at rec for a constant reason.
func (m *interp) exit(r core.Exit) {
	m.c.I32Const(int32(r))
	m.c.LocalSet(m.reason)
	m.c.BrTo(m.leave)
}

func (m *interp) fixedHandlers() {
	c := m.c
	c.End() // abi.HandlerSingle
	c.BrTo(m.single)
	c.End() // abi.HandlerGoto
	m.pushPC(0, false)
	c.LocalSet(m.target)
	c.BrTo(m.goTo)
	c.End() // abi.HandlerEnter
	m.exit(core.ExitNone)
	c.End() // abi.HandlerDecode
	m.exit(core.ExitDecode)
	c.End() // abi.HandlerLink
	c.LocalGet(m.rec)
	c.I32Load(2, core.RecImm)
	c.LocalTee(m.entry)
	c.LocalGet(m.limit)
	c.Op(wasm.OpI32Add)
	c.LocalSet(m.limit)
	c.LocalGet(m.rec)
	c.LocalGet(m.entry)
	c.Op(wasm.OpI32Add)
	c.LocalSet(m.rec)
	m.dispatch()
}

func (m *interp) handler(l *lowering, f isa.Form) {
	var b ir.Builder
	isa.LiftForm(&b, m.g, f, 0)
	m.pair, m.slot = 1, 0
	l.block(&b.Block)
}

func (m *interp) pairHandler(l *lowering, p isa.Pair) {
	var b ir.Builder
	isa.LiftForm(&b, m.g, p.First, 0)
	if n := len(b.Nodes); n > 0 && b.Nodes[n-1].Op.Terminator() {
		panic(fmt.Sprintf("BUG: emit: %s cannot start a pair", m.g.Forms()[p.First].Name))
	}
	result := ir.Loc{Field: isa.SlotField(ir.FieldA, 0)}
	if v, ok := b.Known(result); ok {
		if p.DepB {
			b.Forward(ir.Loc{Field: isa.SlotField(ir.FieldB, 1)}, v)
		}
		if p.DepC {
			b.Forward(ir.Loc{Field: isa.SlotField(ir.FieldC, 1)}, v)
		}
	}
	isa.LiftForm(&b, m.g, p.Second, 1)
	if p.Dead {
		m.dropFirstSet(&b.Block, result)
	}
	m.pair = 2
	m.form = p.Second
	l.block(&b.Block)
	m.pair = 1
}

// dropFirstSet removes the write of the first instruction's result when the
// second one overwrites it, provided that the second cannot leave before.
func (m *interp) dropFirstSet(b *ir.Block, result ir.Loc) {
	at := -1
	for i := range b.Nodes {
		switch n := &b.Nodes[i]; n.Op {
		case ir.Set:
			if n.Loc == result {
				at = i
			}
		case ir.Load, ir.Store, ir.StoreIf, ir.AtomicOp, ir.Float, ir.ExitIf:
			if at >= 0 {
				return
			}
		}
	}
	if at >= 0 {
		b.Nodes[at] = ir.Node{Op: ir.Insn, Imm: 0, Args: [3]ir.Value{-1, -1, -1}}
	}
}

// callHandler is the stub in the loop of an outlined handler.
func (m *interp) callHandler(sym int) {
	m.c.LocalGet(m.rec)
	m.c.LocalGet(m.tlbm)
	m.c.LocalGet(m.vbase)
	m.c.CallSym(sym)
	m.c.LocalTee(m.status)
	m.c.BrIfTo(m.callMiss)
	m.next(1)
}

func (m *interp) outlined(f isa.Form, fn *funcs) *wasm.Func {
	w := &wasm.Func{Name: "interp." + m.g.Forms()[f].Name, Type: handlerType}
	o := &interp{base: m.base, caches: m.caches, g: m.g, h: m.h, f: w, c: &w.Body, rec: 0, tlbm: 1, vbase: 2, outline: true, form: f, pair: 1}
	l := newLowering(o, newOutput(w, fn))
	var b ir.Builder
	isa.LiftForm(&b, m.g, f, 0)
	l.block(&b.Block)
	return w
}

// epilogue emits the code behind the loop. On entry the goTo block is open.
func (m *interp) epilogue() {
	c := m.c
	c.Unreachable()
	c.End() // goTo: continue at target; limit and rec still belong together
	jumps := jumpsOf(m.caches, 0)
	jumpPlace(c, m.target)
	c.LocalGet(m.jumpm)
	c.Op(wasm.OpI32Add)
	c.LocalSet(m.entry)
	findJump(c, jumps, m.target, m.entry, func() { c.BrTo(m.lookup) })
	c.LocalGet(m.limit)
	c.LocalGet(m.rec)
	c.Op(wasm.OpI32Sub)
	c.LocalGet(m.entry)
	c.I32Load(2, jumps+core.JumpRecord)
	c.LocalTee(m.rec)
	c.Op(wasm.OpI32Add)
	c.LocalSet(m.limit)
	c.LocalGet(m.target)
	c.I64Const(^int64(core.PageMask))
	c.Op(wasm.OpI64And)
	c.LocalSet(m.vbase)
	m.budget()
	m.dispatch()
	c.End() // loop
	c.Unreachable()
	c.End() // lookup: the target has no record yet
	c.I32Const(int32(core.ExitLookup))
	c.LocalSet(m.reason)
	c.End() // enter: target is where to go on
	c.I32Const(0)
	c.LocalGet(m.target)
	c.I64Store(3, m.base+uint32(core.OffPC))
	m.storeBudget()
	c.I32Const(0)
	c.LocalGet(m.reason)
	c.I32Store(2, m.base+uint32(core.OffExit))
	c.Return()
	c.End() // single
	m.exit(core.ExitSingle)
	c.End() // irq
	m.exit(core.ExitIRQ)
	for k := len(m.miss) - 1; k >= 0; k-- {
		c.End()
		c.I32Const(int32(k + statusMiss))
		c.LocalSet(m.status)
		if k > 0 {
			c.BrTo(m.callMiss)
		}
	}
	c.End() // callMiss: status tells
	c.LocalGet(m.status)
	c.I32Const(statusSingle)
	c.Op(wasm.OpI32Eq)
	c.If(wasm.Void)
	m.exit(core.ExitSingle)
	c.End()
	c.LocalGet(m.status)
	c.I32Const(statusIRQ)
	c.Op(wasm.OpI32Eq)
	c.If(wasm.Void)
	m.advance(1)
	m.exit(core.ExitIRQ)
	c.End()
	c.I32Const(0)
	c.LocalGet(m.status)
	c.I32Const(statusMiss)
	c.Op(wasm.OpI32Sub)
	c.I32Store(2, m.base+uint32(core.OffExitKind))
	c.I32Const(int32(core.ExitMiss))
	c.LocalSet(m.reason)
	c.End() // leave
	c.I32Const(0)
	m.pushPC(0, false)
	c.I64Store(3, m.base+uint32(core.OffPC))
	m.storeBudget()
	c.I32Const(0)
	c.LocalGet(m.reason)
	c.I32Store(2, m.base+uint32(core.OffExit))
}

func (m *interp) storeBudget() {
	c := m.c
	c.I32Const(0)
	c.LocalGet(m.limit)
	c.LocalGet(m.rec)
	c.Op(wasm.OpI32Sub)
	c.I32Const(4)
	c.Op(wasm.OpI32ShrS)
	c.I32Store(2, m.base+uint32(core.OffBudget))
}

// budget leaves if the budget is spent.
func (m *interp) budget() {
	c := m.c
	c.LocalGet(m.limit)
	c.LocalGet(m.rec)
	c.Op(wasm.OpI32LeS)
	c.If(wasm.Void)
	m.exit(core.ExitBudget)
	c.End()
}

// pushPC pushes the address of the instruction in a slot, or of the one after.
func (m *interp) pushPC(slot int, next bool) {
	off := uint32(slot * core.RecordSize)
	if next {
		off += core.RecordSize
	}
	m.c.LocalGet(m.vbase)
	m.c.LocalGet(m.rec)
	m.c.Mem(wasm.OpI64Load16U, 1, off+core.RecPC)
	m.c.Op(wasm.OpI64Add)
}
