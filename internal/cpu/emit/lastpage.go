package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// lastPage is what an innermost loop knows of the page that its reads, or its
// writes, by one register found last: a copy of the TLB entry, at a place behind
// core.State that only these accesses use. An access to the same page finds it
// without computing where the entry is.
//
// Nothing is known before the outermost loop around, and what is known holds as
// long as the function runs: only Go and the dispatcher change a TLB. Behind
// whatever else may have changed one, or may have run another page function,
// which keeps its own in the same places, comes forgetAll: an ir.Resume, a call.
type lastPage struct {
	at   uint32 // offset in core.State
	node int    // of an access
}

// place is an access: the offset of its instruction, and whether it stores.
type place struct {
	off   int
	write bool
}

// maxStep is how far a register may move in a round, in bytes, for its accesses
// to be looked for in the last page.
const maxStep = 512

// maxPages bounds the last pages of a function.
const maxPages = core.LastPages

// findPages decides for each innermost loop which accesses look in a last page:
// those by registers that the loop moves in small steps, or not at all.
func (p *page) findPages() {
	p.lastPages, p.pages = map[place]*lastPage{}, nil
	g := p.cfg
	g.innermostLoops(func(l *graph.Loop) {
		w := walk{p: p, steady: map[uint16]bool{}}
		for _, v := range l.Body {
			if g.Dispatch(v) == nil {
				w.nodes = append(w.nodes, v)
			}
		}
		w.pages()
	})
}

// outermost lists the last pages by the node of the outermost loop around them,
// before which nothing is known, and those loops' bodies.
func (p *page) outermost() (list map[int][]*lastPage, loops map[int]*graph.Loop) {
	list, loops = map[int][]*lastPage{}, map[int]*graph.Loop{}
	left := p.pages
	for i := range p.cfg.Loops { // outer loops first
		around := &p.cfg.Loops[i]
		var rest []*lastPage
		for _, l := range left {
			if around.Has(l.node) {
				list[around.Front], loops[around.Front] = append(list[around.Front], l), around
			} else {
				rest = append(rest, l)
			}
		}
		left = rest
	}
	return list, loops
}

// walk looks at how the blocks of a loop go through memory.
type walk struct {
	p      *page
	nodes  []int
	steady map[uint16]bool // by slot; true while it is being found out
}

// pages gives the loop's accesses their last pages.
func (w *walk) pages() {
	type key struct {
		slot  uint16
		write bool
	}
	of := map[key]*lastPage{}
	for _, v := range w.nodes {
		b := &w.p.cfg.blocks[v-1].ir
		off := 0
		for i := range b.Nodes {
			n := &b.Nodes[i]
			if n.Op == ir.Insn {
				off = int(n.Imm)
			}
			if n.Op != ir.Load && n.Op != ir.Store {
				continue
			}
			root, _ := origin(b, n.Args[0])
			slot, ok := named(b, root)
			if !ok || !w.calm(b, root) {
				continue
			}
			k := key{slot, n.Op == ir.Store}
			if of[k] == nil {
				if len(w.p.pages) == maxPages {
					continue
				}
				of[k] = &lastPage{at: uint32(core.OffLast + len(w.p.pages)*core.TLBEntrySize), node: v}
				w.p.pages = append(w.p.pages, of[k])
			}
			w.p.lastPages[place{off, k.write}] = of[k]
		}
	}
}

// named is the register that a value is read from, or first written to.
func named(b *ir.Block, v ir.Value) (uint16, bool) {
	if n := &b.Nodes[v]; n.Op == ir.Get && n.Type == ir.I64 {
		return n.Loc.Off, true
	}
	for i := range b.Nodes {
		if n := &b.Nodes[i]; n.Op == ir.Set && n.Args[0] == v {
			return n.Loc.Off, true
		}
	}
	return 0, false
}

// calm says that a value seems to change little from round to round. That is a
// guess: where it is wrong, the accesses are looked up.
func (w *walk) calm(b *ir.Block, v ir.Value) bool {
	n := &b.Nodes[v]
	switch n.Op {
	case ir.Const, ir.PC, ir.NextPC:
		return true
	case ir.Get:
		return n.Type == ir.I64 && w.calmSlot(n.Loc.Off)
	case ir.Add, ir.Sub:
		return w.calm(b, n.Args[0]) && w.calm(b, n.Args[1])
	case ir.Shl:
		k, ok := b.IsConst(n.Args[1])
		return ok && k <= 4 && w.calm(b, n.Args[0])
	case ir.Ext32, ir.ExtS, ir.ExtU, ir.Wrap:
		return w.calm(b, n.Args[0])
	}
	return false
}

// calmSlot is calm for a register: the loop adds to it only small constants, or
// sets it to what is calm.
func (w *walk) calmSlot(slot uint16) bool {
	if is, ok := w.steady[slot]; ok {
		return is
	}
	w.steady[slot] = true
	is := true
	for _, v := range w.nodes {
		b := &w.p.cfg.blocks[v-1].ir
		for i := range b.Nodes {
			if n := &b.Nodes[i]; n.Op == ir.Set && n.Loc.Off == slot {
				is = is && w.step(b, n.Args[0], slot)
			}
		}
	}
	w.steady[slot] = is
	return is
}

func (w *walk) step(b *ir.Block, v ir.Value, slot uint16) bool {
	for n := &b.Nodes[v]; n.Op == ir.Ext32 || n.Op == ir.ExtS || n.Op == ir.ExtU || n.Op == ir.Wrap; n = &b.Nodes[v] {
		v = n.Args[0]
	}
	root, off := origin(b, v)
	for n := &b.Nodes[root]; n.Op == ir.Wrap; n = &b.Nodes[root] {
		root = n.Args[0]
	}
	if n := &b.Nodes[root]; n.Op == ir.Get {
		return off >= -maxStep && off <= maxStep && (n.Loc.Off == slot || w.calm(b, root))
	}
	return !w.reads(b, v, slot) && w.calm(b, root)
}

// reads says that a register takes part in a value.
func (w *walk) reads(b *ir.Block, v ir.Value, slot uint16) bool {
	n := &b.Nodes[v]
	if n.Op == ir.Get {
		return n.Loc.Off == slot
	}
	if !n.Op.Pure() {
		return false
	}
	for _, a := range n.Args {
		if a >= 0 && w.reads(b, a, slot) {
			return true
		}
	}
	return false
}

// forget makes the function know nothing of the pages.
func (p *page) forget(pages []*lastPage) {
	for _, l := range pages {
		p.c.LocalGet(p.base)
		p.c.I64Const(-1) // core.InvalidTag
		p.c.I64Store(3, l.at+core.TLBTag)
	}
}

// forgetAll is for when TLBs, or the places, may have changed under the function at
// the current node: what is known outside of the loops around it is nothing anyway.
func (p *page) forgetAll() {
	for i := range p.cfg.Loops {
		if h := p.cfg.Loops[i].Front; p.nests[h] != nil && p.nests[h].Has(p.node) {
			p.forget(p.unknown[h])
		}
	}
}

// recall is search for an access that looks in a last page first.
func (l *lowering) recall(p *page, last *lastPage, which int, kind uint32, size uint8) {
	c := l.c
	masked := func() {
		c.I64Const(^int64(core.PageMask) | int64(size-1))
		c.LocalGet(l.addr)
		c.Op(wasm.OpI64And)
	}
	c.LocalSet(l.addr)
	masked()
	c.LocalGet(p.base)
	c.I64Load(3, last.at+core.TLBTag)
	c.Op(wasm.OpI64Ne)
	if !p.aside(l) {
		c.If(wasm.Void)
		c.LocalGet(p.base)
		l.search(which, kind, size, func() { c.LocalGet(l.addr) })
		c.LocalGet(l.addr)
		c.Op(wasm.OpI32WrapI64)
		c.Op(wasm.OpI32Sub)
		c.I32Store(2, last.at+core.TLBAddend)
		c.LocalGet(p.base)
		masked()
		c.I64Store(3, last.at+core.TLBTag)
		c.Else()
		c.End()
	}
	c.LocalGet(l.addr)
	c.Op(wasm.OpI32WrapI64)
	c.LocalGet(p.base)
	c.I32Load(2, last.at+core.TLBAddend)
	c.Op(wasm.OpI32Add)
}

// last is the last page that an access looks in, or nil.
func (p *page) last(l *lowering, n *ir.Node) *lastPage {
	if n != &l.b.Nodes[l.cur] {
		return nil
	}
	return p.lastPages[place{int(l.b.Nodes[l.insn[l.cur]].Imm), n.Op == ir.Store}]
}
