package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/wasm"
)

// A page function is the translation of one guest code page for one mode:
//
//	(vbase i64, entry, depth i32) -> i64
//
// It starts at an entry and returns the address at which to go on, or exited
// with State.Exit and State.PC set. Calls of other code may be calls of other
// page functions, up to depth of them within each other (calls.go). Registers live in the state; a
// register is read into a local at its first use on a path (before the loop,
// if it is used in one) and written through at each definition, so that every
// exit finds the state complete. Only the instruction budget is kept in a
// local between exits.
type page struct {
	g      isa.ISA
	mode   uint32
	state  uint32 // address of core.State
	caches uint32 // address of core.Caches
	f      *wasm.Func
	c      *wasm.Code
	l      *lowering
	cfg    *control
	nest   *graph.Nesting
	links  func(off int) (Link, bool)

	regs   map[uint16]uint32 // state offset → local
	floats map[uint16]bool   // slots whose local is an f64
	slots  []uint16          // state offset by register number, for sets
	num    map[uint16]int
	avail  regSet // registers whose local is valid here
	in     []regSet
	hoist  []regSet // by node: loads before the loop that it heads
	pinned []regSet // by node: in locals throughout the loop
	dirty  []regSet // by node: written by its loop, and in memory only when that is left
	later  []regSet // by node: what its loop reads behind it, if that has dirty registers
	owner  []int    // by node: head of the loop of dirty, or 0

	// Of lastpage.go: all that the function keeps, by access, and by the node in
	// front of the outermost loop around them.
	pages     []*lastPage
	lastPages map[place]*lastPage
	unknown   map[int][]*lastPage
	nests     map[int]*graph.Loop // these loops

	vbase, entry uint32       // parameters
	depth        uint32       // the third: how many calls may still lie within each other
	base         uint32       // local: the state's address
	budget, code uint32       // locals
	tlbs         uint32       // local: the TLB set in force, 0 if there is only one for the mode
	sel          uint32       // what dispatch nodes read
	limit, bound uint32       // locals of pagefloat.go, 0 if it needs none
	exit         wasm.Label   // leave at code
	back         wasm.Label   // return addr; open if there are calls
	missed       wasm.Label   // the same, for want of addr in the TLB
	inside       wasm.Label   // go on at addr, which is in this page; open if there are stays
	stays        []bool       // by block: its indirect jump looks whether it stays in the page
	stub         []wasm.Label // of loops with dirty registers, while open: write them, leave
	label        []wasm.Label // of merge nodes (block) and loop heads (loop), while open
	loopLabel    []wasm.Label
	node         int // being emitted
	pending      []pendingSet
}

// Bounds of a page function: beyond some 50 KB of Wasm V8 chooses a weaker
// register allocator. Most pages stay below maxPageBytes with maxPageInsns
// instructions; of one that does not, fewer are translated.
const (
	maxPageInsns = 1000
	maxPageBytes = 35000
)

// Page is a page function that belongs to no core yet.
type Page struct {
	// Func calls helper functions of the core that translated it by symbol, so
	// it fits every core with the same arguments to NewCore.
	Func *wasm.Func
	// Entries are the offsets at which it can be entered, by entry number,
	// rising.
	Entries []uint16
	// Insns is how many guest instructions it executes.
	Insns int
	// Tail are the bytes behind the page that it was made from: the end of its
	// last instruction.
	Tail []byte

	mode  uint32
	limit int // of instructions, with which it was translated
	tries int // how many limits it took
}

// Own is the tag of the marks of a page function's code that belongs to no
// guest instruction. The other tags are offsets in the guest's page.
const Own = -1

// mark says that code belongs to the first instruction of a node.
func (p *page) mark(v int) {
	tag := int32(Own)
	if v > 0 && v <= len(p.cfg.blocks) {
		tag = int32(p.cfg.blocks[v-1].start)
	}
	p.c.Mark(tag)
}

// Source is what a page function is made of.
type Source struct {
	Code    []byte // the page and, if that is known, what lies behind it
	Mode    uint32 // in which it is executed
	Entries []uint16
	// Ran, if not nil, limits the function to what a profile has seen to run: the
	// code that lies straight behind these offsets, up to a jump. Entries elsewhere
	// are none; what jumps there leaves the function, and comes back where it meets
	// that code again.
	Ran []uint16
	// Links, if not nil, says which page function the code at an offset outside
	// of the page is likely to have. For offsets in the page it is this one.
	Links func(off int) (Link, bool)
}

// Translate makes a page function of the code that the given entry offsets
// reach in a page, as executed in a mode; ok is false if there is nothing to
// translate. The same arguments give the same function. It changes nothing of
// the core and may run beside other calls.
func (k *Core) Translate(code []byte, mode uint32, asked []uint16) (_ *Page, ok bool) {
	return k.TranslateSource(&Source{Code: code, Mode: mode, Entries: asked})
}

// TranslateSource is Translate with all that is known.
func (k *Core) TranslateSource(s *Source) (_ *Page, ok bool) {
	limit := maxPageInsns
	for tries := 1; ; tries++ {
		p := k.translate(s, limit)
		if p == nil {
			return nil, false
		}
		p.tries = tries
		n := p.Func.Body.Len()
		if n <= maxPageBytes || limit == 1 {
			return p, true
		}
		// From what was translated, since the limit may lie far above it. Less a
		// 32nd: what is left out takes less than its share as a rule, and each try
		// costs as much as the first. Entries in the middle of instructions give
		// more than limit of them.
		fits := p.Insns * maxPageBytes / n
		limit = max(1, min(limit-1, fits-fits/32))
	}
}

// Relink is the page function again, with other links: entries and instructions
// are the same.
func (k *Core) Relink(p *Page, s *Source) *Page { return k.translate(s, p.limit) }

// translate is Translate with a bound for the instructions: those that are
// found first, from the entries on.
func (k *Core) translate(s *Source, limit int) *Page {
	code, mode, asked := s.Code, s.Mode, s.Entries
	live := straight(k.g, code, s.Ran)
	if live != nil {
		asked = joins(k.g, code, asked, s.Ran, live)
	}
	blocks := findBlocks(k.g, code, asked, live, limit)
	if len(blocks) == 0 {
		return nil
	}
	f := &wasm.Func{Name: "page", Type: pageType}
	p := &page{g: k.g, mode: mode, links: s.Links, state: k.base, caches: k.caches, f: f, c: &f.Body, regs: map[uint16]uint32{}, num: map[uint16]int{}}
	p.vbase, p.entry, p.depth, p.base = 0, 1, 2, f.AddLocal(wasm.I32)
	p.budget, p.code = f.AddLocal(wasm.I32), f.AddLocal(wasm.I32)
	if mode >= core.CodeModes-1 {
		p.tlbs = f.AddLocal(wasm.I32)
	}
	p.l = newLowering(p, f, &k.fn)
	p.lift(blocks)
	p.cfg = newControl(blocks, asked)
	p.flow()
	p.findPages()
	if cold := p.splitHot(); cold != nil {
		p.lift(cold)
		blocks = append(blocks, cold...)
		p.cfg = newControl(blocks, asked)
		p.flow()
	}
	p.nest = p.cfg.Nest()
	p.unknown, p.nests = p.outermost()
	p.emit()
	out := &Page{Func: f, mode: mode, limit: limit}
	for _, e := range p.cfg.Entries {
		out.Entries = append(out.Entries, uint16(blocks[e-1].start))
	}
	for _, b := range blocks {
		if !b.cold {
			out.Insns += len(b.insns)
		}
		if b.straddles() {
			out.Tail = code[core.PageSize:b.end]
		}
	}
	return out
}

// AddPage adds a page function and returns its slot in the core's table. The
// first ones are entered faster.
func (k *Core) AddPage(p *Page) (slot uint32) {
	k.Funcs = append(k.Funcs, p.Func)
	k.Pages = append(k.Pages, len(k.Funcs)-1)
	k.modes = append(k.modes, p.mode)
	if len(k.Pages) <= directPages {
		k.name()
	}
	return uint32(abi.FirstPage + len(k.Pages) - 1)
}

// lift builds the blocks' IR and numbers the registers.
func (p *page) lift(blocks []*block) {
	for _, b := range blocks {
		var x ir.Builder
		off := b.start
		for i := range b.insns {
			isa.LiftInsn(&x, p.g, &b.insns[i], off)
			off += int(b.insns[i].Len)
		}
		b.ir = x.Block.Narrow()
		b.ir.DropDead()
		for i := range b.ir.Nodes {
			if n := &b.ir.Nodes[i]; n.Op == ir.Set || n.Op == ir.Get && n.Type == ir.I64 {
				// What lies below is not registers and has other readers.
				if _, ok := p.num[n.Loc.Off]; !ok && len(p.slots) < maxRegs && int(n.Loc.Off) >= core.OffG {
					p.num[n.Loc.Off] = len(p.slots)
					p.slots = append(p.slots, n.Loc.Off)
				}
			}
		}
	}
}

func (p *page) emit() {
	p.chooseFloats()
	c, g := p.c, p.cfg
	n := len(g.Succ)
	p.label, p.loopLabel, p.stub = make([]wasm.Label, n), make([]wasm.Label, n), make([]wasm.Label, n)
	c.Mark(Own)
	c.I32Const(int32(p.state))
	c.LocalTee(p.base)
	c.I32Load(2, uint32(core.OffBudget))
	c.LocalSet(p.budget)
	p.loadTLB()
	p.loadLimits()
	p.exit = c.Block(wasm.Void)
	p.missed = c.Block(wasm.Void)
	if slices.Contains(g.calls, true) {
		p.back = c.Block(wasm.Void)
	}
	if len(g.Dispatches) > 0 {
		p.sel = p.f.AddLocal(wasm.I32)
	}
	p.whole()
	c.Mark(Own)
	if slices.Contains(g.calls, true) {
		c.End()
		c.LocalGet(p.l.addr)
		c.Return()
	}
	c.End() // missed
	c.LocalGet(p.base)
	c.LocalGet(p.l.addr)
	c.I64Store(3, uint32(core.OffExitAddr))
	c.End() // exit
	p.leave()
}

// tree emits a node and all that it dominates (Ramsey, Beyond Relooper, 2022):
// nodes that several paths reach follow their dominator, each behind the end
// of a block that the paths break out of.
func (p *page) tree(v int) {
	c := p.c
	p.mark(v)
	if p.nest.Loop(v) {
		for _, off := range p.falling(p.hoist[v]) {
			p.loadReg(off)
		}
		p.forget(p.unknown[v])
		if p.dirty[v] != (regSet{}) {
			p.stub[v] = c.Block(wasm.Void)
		}
		p.loopLabel[v] = c.Loop(wasm.Void)
	}
	for _, m := range slices.Backward(p.nest.Behind[v]) {
		p.label[m] = c.Block(wasm.Void)
	}
	p.body(v)
	for _, m := range p.nest.Behind[v] {
		c.Mark(Own)
		c.End()
		p.tree(m)
	}
	if p.nest.Loop(v) {
		c.Mark(Own)
		c.End()
		c.Unreachable()
		if p.dirty[v] != (regSet{}) {
			c.End()
			p.writeBack(v)
			c.BrTo(p.missed)
		}
	}
}

// body emits a node's own code, ending in a transfer of control on every path.
func (p *page) body(v int) {
	c, g := p.c, p.cfg
	p.node = v
	p.avail = p.in[v]
	if v == 0 {
		p.choose(g.Succ[0], func(i int) int { return i }, func() { c.LocalGet(p.entry) })
		return
	}
	if d := g.Dispatch(v); d != nil {
		p.dispatch(d)
		return
	}
	b := g.blocks[v-1]
	if g.Head(v) {
		c.LocalGet(p.budget)
		c.I32Const(0)
		p.outUnless(p.l, wasm.OpI32GtS, wasm.OpI32LeS, b.start, core.ExitBudget, 0, 0)
	}
	if !b.cold {
		c.LocalGet(p.budget)
		c.I32Const(int32(len(b.insns)))
		c.Op(wasm.OpI32Sub)
		c.LocalSet(p.budget)
	}
	p.l.block(&b.ir)
}

// dispatch emits the branch in front of a loop with several entrances.
func (p *page) dispatch(d *graph.Dispatch) {
	c, edges := p.c, p.cfg.Succ[d.Node]
	c.LocalGet(p.sel)
	c.If(wasm.Void)
	p.choose(edges[1:], func(i int) int { return p.cfg.Number(edges[1+i].Final) }, func() {
		c.LocalGet(p.sel)
		c.I32Const(0)
		c.LocalSet(p.sel)
	})
	c.End()
	// Or the loop would carry what is zero already to its head.
	c.I32Const(0)
	c.LocalSet(p.sel)
	p.follow(edges[0])
}

// choose goes along the graph.Edge whose number push pushes.
func (p *page) choose(edges []graph.Edge, number func(i int) int, push func()) {
	c, g := p.c, p.cfg
	size := 0
	labels := make([]wasm.Label, len(edges))
	var stubs []graph.Edge // that leave a number behind on the way
	for i, e := range edges {
		size = max(size, number(i)+1)
		labels[i] = p.label[e.To]
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
		p.leaveNumber(stubs[i])
		c.BrTo(p.label[stubs[i].To])
	}
}

func (p *page) leaveNumber(e graph.Edge) {
	if p.cfg.Numbered(e) {
		p.c.I32Const(int32(p.cfg.Number(e.Final)))
		p.c.LocalSet(p.sel)
	}
}

// jump transfers control from the current node to an offset.
func (p *page) jump(off int) {
	for _, e := range p.cfg.Succ[p.node] {
		if e.To < 0 || p.cfg.blocks[e.Final-1].start != off {
			continue
		}
		if p.cfg.blocks[e.Final-1].straddles() {
			p.jumpStraddle(off, e)
			return
		}
		p.leaveNumber(e)
		p.follow(e)
		return
	}
	p.writeBack(p.node)
	if link, ok := p.linkTo(off); ok {
		p.linked(off, link)
	}
	p.returnTo(off)
}

// follow goes along an edge of the current node.
func (p *page) follow(e graph.Edge) {
	if e.To < 0 || p.owner[e.To] != p.owner[p.node] {
		p.writeBack(p.node)
	}
	switch p.nest.Way(p.node, e.To) {
	case graph.Again:
		p.c.BrTo(p.loopLabel[e.To])
	case graph.Break:
		p.c.BrTo(p.label[e.To])
	case graph.Here:
		saved := p.avail
		p.nested(e.To)
		p.avail = saved
	}
}

// nested emits a subtree in the middle of another block's terminator.
func (p *page) nested(v int) {
	l := p.l
	if len(p.pending) > 0 {
		panic("BUG: emit: a block ends before its registers are set")
	}
	b, uses, held, temp, insn, cur := l.b, l.uses, l.held, l.temp, l.insn, l.cur
	free, float64s, groups := l.free, l.float64s, l.groups
	l.uses, l.held, l.temp, l.float64s, l.insn = nil, nil, nil, nil, nil
	for i := range l.free {
		l.free[i] = append([]uint32(nil), free[i]...)
	}
	node := p.node
	p.tree(v)
	p.node = node
	l.b, l.uses, l.held, l.temp, l.insn, l.cur = b, uses, held, temp, insn, cur
	l.free, l.float64s, l.groups = free, float64s, groups
	if p.cfg.Dispatch(p.node) == nil {
		p.c.Mark(int32(b.Nodes[insn[cur]].Imm))
	}
}
