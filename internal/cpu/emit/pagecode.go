package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/wasm"
)

// A page function is the translation of one guest code page for one mode:
//
//	(vbase i64, entry, depth i32) -> i64
//
// It starts at an entry and returns the address at which to go on, or exited
// with State.Exit and State.PC set. Calls of other code may be calls of other
// page functions, up to depth of them within each other (calls.go). Registers live
// in the state; a register is read into a local at its first use on a path (before
// the loop, if it is used in one) and written through at each definition, so that
// every exit finds the state complete. Only the instruction budget is kept in a
// local between exits.

// pageCode is a page function being emitted, as its passes have planned it.
type pageCode struct {
	*translation
	*output
	pageLocals
	labels pageLabels
	locals map[uint16]uint32 // of registers, by state offset
}

// pageLocals are the parameters and locals of a page function.
type pageLocals struct {
	vbase, entry uint32 // parameters
	depth        uint32 // the third: how many calls may still lie within each other
	base         uint32 // the state's address
	budget       uint32
	exit         uint32 // code of the exit (pageexits.go)
	tlbs         uint32 // the TLB set in force, 0 if there is only one for the mode
	number       uint32 // what dispatch nodes read, 0 if there is none
	limit, bound uint32 // what results are compared with (float.go), 0 if nothing is
}

// pageLabels are the blocks and loops of a page function. Those by node are valid
// while they are open.
type pageLabels struct {
	exit      wasm.Label   // leave as the local exit says
	back      wasm.Label   // return addr; open if there are calls
	missed    wasm.Label   // leave for want of addr in the TLB
	inside    wasm.Label   // go on at addr, which is in this page; open if there are jumps that may stay
	node      []wasm.Label // to what follows behind the end of a block
	loop      []wasm.Label
	writeBack []wasm.Label // of loops with dirty registers: write them, leave
}

// emitPage writes the function.
func emitPage(t *translation) *output {
	f := &wasm.Func{Name: "page", Type: pageType}
	p := &pageCode{translation: t, locals: map[uint16]uint32{}}
	p.vbase, p.entry, p.depth, p.base = 0, 1, 2, f.AddLocal(wasm.I32)
	p.budget, p.exit = f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	if t.src.Mode >= core.CodeModes-1 {
		p.tlbs = f.AddLocal(wasm.I32)
	}
	p.output = newOutput(f, &t.core.fn)
	n := len(t.control.Succ)
	p.labels.node, p.labels.loop, p.labels.writeBack = make([]wasm.Label, n), make([]wasm.Label, n), make([]wasm.Label, n)
	p.function()
	return p.output
}

func (p *pageCode) function() {
	c := p.c
	calls := slices.Contains(p.control.calls, true)
	c.Mark(Own)
	c.I32Const(int32(p.core.base))
	c.LocalTee(p.base)
	c.I32Load(2, uint32(core.OffBudget))
	c.LocalSet(p.budget)
	p.loadTLB()
	p.loadLimits()
	p.labels.exit = c.Block(wasm.Void)
	p.labels.missed = c.Block(wasm.Void)
	if calls {
		p.labels.back = c.Block(wasm.Void)
	}
	if len(p.control.Dispatches) > 0 {
		p.number = p.f.AddLocal(wasm.I32)
	}
	p.whole()
	c.Mark(Own)
	if calls {
		c.End()
		c.LocalGet(p.addr)
		c.Return()
	}
	c.End() // missed
	c.LocalGet(p.base)
	c.LocalGet(p.addr)
	c.I64Store(3, uint32(core.OffExitAddr))
	c.End() // exit
	p.leave()
}

// mark says that code belongs to the first instruction of a node.
func (p *pageCode) mark(v int) {
	tag := int32(Own)
	if v > 0 && v <= len(p.all.blocks) {
		tag = int32(p.all.blocks[v-1].start)
	}
	p.c.Mark(tag)
}

// tree emits a node and all that it dominates, as it nests.
func (p *pageCode) tree(v int) {
	c := p.c
	p.mark(v)
	if p.nest.Loop(v) {
		for _, off := range p.regs.falling(p.regs.before[v]) {
			p.loadReg(off)
		}
		p.forgetBefore(v)
		if p.regs.dirty[v] != (regSet{}) {
			p.labels.writeBack[v] = c.Block(wasm.Void)
		}
		p.labels.loop[v] = c.Loop(wasm.Void)
	}
	for _, m := range slices.Backward(p.nest.Behind[v]) {
		p.labels.node[m] = c.Block(wasm.Void)
	}
	p.node(v)
	for _, m := range p.nest.Behind[v] {
		c.Mark(Own)
		c.End()
		p.tree(m)
	}
	if p.nest.Loop(v) {
		c.Mark(Own)
		c.End()
		c.Unreachable()
		if p.regs.dirty[v] != (regSet{}) {
			c.End()
			p.writeBack(v)
			c.BrTo(p.labels.missed)
		}
	}
}

// node emits a node's own code, ending in a transfer of control on every path.
func (p *pageCode) node(v int) {
	b := &blockCode{pageCode: p, node: v, avail: p.regs.in[v]}
	switch d := p.control.Dispatch(v); {
	case v == 0:
		p.choose(p.control.Succ[0], func(i int) int { return i }, func() { p.c.LocalGet(p.entry) })
	case d != nil:
		b.dispatch(d)
	default:
		b.emit()
	}
}

// choose goes along the edge whose number push pushes.
func (p *pageCode) choose(edges []graph.Edge, number func(i int) int, push func()) {
	c, g := p.c, p.control
	size := 0
	labels := make([]wasm.Label, len(edges))
	var stubs []graph.Edge // that leave a number behind on the way
	for i, e := range edges {
		size = max(size, number(i)+1)
		labels[i] = p.labels.node[e.To]
		if g.Numbered(e) {
			labels[i] = c.Block(wasm.Void)
			stubs = append(stubs, e)
		}
	}
	targets := make([]uint32, size)
	for i := range targets {
		targets[i] = c.Rel(labels[0])
	}
	for i := range edges {
		targets[number(i)] = c.Rel(labels[i])
	}
	push()
	c.BrTable(targets, targets[0])
	for i := len(stubs) - 1; i >= 0; i-- {
		c.End()
		p.setNumber(stubs[i])
		c.BrTo(p.labels.node[stubs[i].To])
	}
}

// setNumber leaves the number of an edge's final node for the dispatch node on the
// way.
func (p *pageCode) setNumber(e graph.Edge) {
	if p.control.Numbered(e) {
		p.c.I32Const(int32(p.control.Number(e.Final)))
		p.c.LocalSet(p.number)
	}
}

// word pushes a 32-bit word of the state.
func (p *pageCode) word(off int) {
	p.c.LocalGet(p.base)
	p.c.I32Load(2, uint32(off))
}

// loadTLB finds the TLB set of State.Mode where the code serves several modes.
func (p *pageCode) loadTLB() {
	if p.tlbs != 0 {
		p.word(core.OffMode)
		tlbSet(p.c)
		p.c.LocalSet(p.tlbs)
	}
}

// loadLimits reads what the page's floating-point instructions compare their
// results with. It is read again behind an ir.Resume, and where the words that it
// comes from are set. A helper that accrues flags leaves it as it is: what is too
// small is right, too.
func (p *pageCode) loadLimits() {
	if p.regs.rounds {
		if p.limit == 0 {
			p.limit = p.f.AddLocal(wasm.I32)
		}
		pushLimit(p.c, p.word)
		p.c.LocalSet(p.limit)
	}
	if p.regs.fuses {
		if p.bound == 0 {
			p.bound = p.f.AddLocal(wasm.F64)
		}
		pushFMABound(p.c, p.word)
		p.c.LocalSet(p.bound)
	}
}
