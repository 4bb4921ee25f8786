package emit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// tlbCopy is what an innermost loop knows of the page that its reads, or its
// writes, by one register found last: a copy of the TLB entry, at a place behind
// core.State that only these accesses use. An access to the same page finds it
// without computing where the entry is.
//
// Nothing is known before the outermost loop around, and what is known holds as
// long as the function runs: only Go and the dispatcher change a TLB. Behind
// whatever else may have changed one, or may have run another page function,
// which keeps its own in the same places, comes forgetAll: an ir.Resume, a call.
type tlbCopy struct {
	at   uint32 // offset in core.State
	node int    // of an access
}

// access is a load or a store: the offset of its instruction, and which it is.
type access struct {
	off   int
	write bool
}

// tlbCopies are a page function's copies, and the accesses that use them.
type tlbCopies struct {
	list []*tlbCopy
	of   map[access]*tlbCopy
}

// maxStep is how far a register may move in a round, in bytes, for its accesses
// to use a copy.
const maxStep = 512

// maxCopies bounds the copies of a function.
const maxCopies = core.TLBCopies

// planTLBCopies decides for each innermost loop which accesses use a copy: those
// by registers that the loop moves in small steps, or not at all.
func planTLBCopies(x *lifted, g *control) *tlbCopies {
	t := &tlbCopies{of: map[access]*tlbCopy{}}
	g.innermostLoops(func(l *graph.Loop) {
		w := walk{x: x, steady: map[uint16]bool{}}
		for _, v := range l.Body {
			if g.Dispatch(v) == nil {
				w.nodes = append(w.nodes, v)
			}
		}
		w.plan(t)
	})
	return t
}

func (t *tlbCopies) String() string {
	of := map[*tlbCopy][]string{}
	inOrder := func(a, b access) int {
		if a.off == b.off && a.write != b.write {
			return map[bool]int{false: -1, true: 1}[a.write]
		}
		return a.off - b.off
	}
	for _, a := range slices.SortedFunc(maps.Keys(t.of), inOrder) {
		what := "load"
		if a.write {
			what = "store"
		}
		of[t.of[a]] = append(of[t.of[a]], fmt.Sprintf("%+#x %s", a.off, what))
	}
	var b strings.Builder
	for i, c := range t.list {
		fmt.Fprintf(&b, "copy %d at [%#x]: %s\n", i, c.at, strings.Join(of[c], ", "))
	}
	return b.String()
}

// check: each copy has a place of its own, and is used.
func (t *tlbCopies) check() error {
	var errs []error
	used, places := map[*tlbCopy]bool{}, map[uint32]bool{}
	for _, c := range t.of {
		used[c] = true
	}
	for i, c := range t.list {
		if !used[c] || places[c.at] || c.at < uint32(core.OffTLBCopies) || c.at+core.TLBEntrySize > core.StateSize {
			errs = append(errs, fmt.Errorf("copy %d at %#x", i, c.at))
		}
		places[c.at] = true
	}
	if len(used) != len(t.list) {
		errs = append(errs, fmt.Errorf("%d copies are used, of %d", len(used), len(t.list)))
	}
	return errors.Join(errs...)
}

// copyScopes say how long copies are known: each in the outermost loop around it.
type copyScopes []copyScope

// copyScope is such a loop, and the copies in it.
type copyScope struct {
	loop   *graph.Loop
	copies []*tlbCopy
}

// scopeCopies finds the outermost loop around each copy.
func scopeCopies(t *tlbCopies, g *control) (list copyScopes) {
	left := t.list
	for i := range g.Loops { // outer loops first
		s := copyScope{loop: &g.Loops[i]}
		var rest []*tlbCopy
		for _, c := range left {
			if s.loop.Has(c.node) {
				s.copies = append(s.copies, c)
			} else {
				rest = append(rest, c)
			}
		}
		if left = rest; len(s.copies) > 0 {
			list = append(list, s)
		}
	}
	return list
}

func (list copyScopes) String() string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "loop %d:", s.loop.Front)
		for _, c := range s.copies {
			fmt.Fprintf(&b, " [%#x]", c.at)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check: every copy is in one scope.
func (list copyScopes) check() error {
	seen := map[*tlbCopy]bool{}
	for _, s := range list {
		for _, c := range s.copies {
			if seen[c] || !s.loop.Has(c.node) {
				return fmt.Errorf("the copy at %#x is not the loop's at %d", c.at, s.loop.Front)
			}
			seen[c] = true
		}
	}
	return nil
}

// walk looks at how the blocks of a loop go through memory.
type walk struct {
	x      *lifted
	nodes  []int
	steady map[uint16]bool // by slot; true while it is being found out
}

// plan gives the loop's accesses their copies.
func (w *walk) plan(t *tlbCopies) {
	type key struct {
		slot  uint16
		write bool
	}
	of := map[key]*tlbCopy{}
	for _, v := range w.nodes {
		b := w.x.of(v)
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
				if len(t.list) == maxCopies {
					continue
				}
				of[k] = &tlbCopy{at: uint32(core.OffTLBCopies + len(t.list)*core.TLBEntrySize), node: v}
				t.list = append(t.list, of[k])
			}
			t.of[access{off, k.write}] = of[k]
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
		b := w.x.of(v)
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

// forget makes the function know nothing of pages.
func (p *pageCode) forget(copies []*tlbCopy) {
	for _, t := range copies {
		p.c.LocalGet(p.base)
		p.c.I64Const(-1) // core.InvalidTag
		p.c.I64Store(3, t.at+core.TLBTag)
	}
}

// forgetBefore is for the way into a loop.
func (p *pageCode) forgetBefore(front int) {
	for _, s := range p.scopes {
		if s.loop.Front == front {
			p.forget(s.copies)
		}
	}
}

// forgetAll is for when TLBs, or the places, may have changed under the function at
// the current node: what is known outside of the loops around it is nothing anyway.
func (b *blockCode) forgetAll() {
	for _, s := range b.scopes {
		if s.loop.Has(b.node) {
			b.forget(s.copies)
		}
	}
}

// accessByCopy pushes the host's address of an access that uses a copy, if it
// does: that address is found by the copy, or looked up and copied.
func (b *blockCode) accessByCopy(l *lowering, n *ir.Node, which int, kind uint32) bool {
	if n != &l.b.Nodes[l.cur] {
		return false
	}
	t := b.copies.of[access{l.offset(), n.Op == ir.Store}]
	if t == nil {
		return false
	}
	l.need(n.Args[0])
	c, size := l.c, n.Aux
	masked := func() {
		c.I64Const(^int64(core.PageMask) | int64(size-1))
		c.LocalGet(l.addr)
		c.Op(wasm.OpI64And)
	}
	c.LocalSet(l.addr)
	masked()
	c.LocalGet(b.base)
	c.I64Load(3, t.at+core.TLBTag)
	c.Op(wasm.OpI64Ne)
	if !b.toSlowPath(l) {
		c.If(wasm.Void)
		c.LocalGet(b.base)
		l.search(which, kind, size, func() { c.LocalGet(l.addr) })
		c.LocalGet(l.addr)
		c.Op(wasm.OpI32WrapI64)
		c.Op(wasm.OpI32Sub)
		c.I32Store(2, t.at+core.TLBAddend)
		c.LocalGet(b.base)
		masked()
		c.I64Store(3, t.at+core.TLBTag)
		c.Else()
		c.End()
	}
	c.LocalGet(l.addr)
	c.Op(wasm.OpI32WrapI64)
	c.LocalGet(b.base)
	c.I32Load(2, t.at+core.TLBAddend)
	c.Op(wasm.OpI32Add)
	return true
}
