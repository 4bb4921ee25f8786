package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// A group is several accesses of a block that lie close to each other: their
// addresses differ from one value by constants. They share a TLB lookup. The
// first of them asks whether the whole span lies in one page that the TLB has;
// then the host's address of the span's start is in a local, and the accesses
// are loads and stores at offsets from it. If not, the local is zero, and every
// access looks up for itself: a span over a page's end is slower, and no more than
// that. (Not in a helper function: around a call, even one that is never made,
// wasmtime's register allocator gives up most registers.)
//
// In a span inside one page no access needs to be aligned. One that stores is
// looked up in the write TLB for all: what it has may be read as well, in every
// ISA, and its frame is at least as recent as the read TLB's.
//
// The mapping cannot change between the accesses: what changes the TLB leaves
// the block.
type group struct {
	root  ir.Value
	low   int64  // start of the span, in bytes from root
	end   int64  // its end
	write uint32 // core.KindWrite if one stores
	left  int    // accesses not emitted yet
	host  uint32 // i32 local: host's address of low, or 0
	open  bool   // the lookup is emitted
}

// maxSpan bounds a group's span in bytes: the longer, the more often it lies
// over the end of a page.
const maxSpan = 512

// minGroup is how many accesses a group has at least. The processor does most of
// a lookup beside other work, and every access of a group still has a test of
// its own: two or three together are no faster.
const minGroup = 4

// origin takes an address apart into a value and a constant.
func origin(b *ir.Block, v ir.Value) (root ir.Value, off int64) {
	for b.Nodes[v].Op == ir.Add {
		c, ok := b.IsConst(b.Nodes[v].Args[1])
		if !ok {
			break
		}
		off += c
		v = b.Nodes[v].Args[0]
	}
	return v, off
}

// findGroups forms the groups of a block, after its uses are counted: every
// access of a group is a use of its root.
func (l *lowering) findGroups() {
	l.groups = nil
	if l.t.interprets() {
		return
	}
	l.groups = formGroups(l.b, func(g *group) { l.uses[g.root]++ })
}

// formGroups forms the groups; member is told of every access of one.
func formGroups(b *ir.Block, member func(*group)) map[int]*group {
	latest := map[ir.Value]*group{}
	of := map[int]*group{}
	for i := range b.Nodes {
		n := &b.Nodes[i]
		if n.Op != ir.Load && n.Op != ir.Store {
			continue
		}
		root, off := origin(b, n.Args[0])
		if _, ok := b.IsConst(root); ok {
			continue
		}
		g := latest[root]
		if g == nil || !g.join(off, int64(n.Aux)) {
			g = &group{root: root, low: off, end: off + int64(n.Aux)}
			latest[root] = g
		}
		if n.Op == ir.Store {
			g.write = core.KindWrite
		}
		g.left++
		of[i] = g
	}
	for i, g := range of {
		if g.left < minGroup {
			delete(of, i)
		} else if member != nil {
			member(g)
		}
	}
	return of
}

// join takes an access in, unless the span would become too long.
func (g *group) join(off, size int64) bool {
	low, end := min(g.low, off), max(g.end, off+size)
	if end-low > maxSpan || end < low {
		return false
	}
	g.low, g.end = low, end
	return true
}

// rootLocal makes sure that a value is in a local, and stays there as long as
// it has uses.
func (l *lowering) rootLocal(v ir.Value) {
	if l.held[v] >= 0 {
		return
	}
	n := &l.b.Nodes[v]
	if n.Op == ir.Get && n.Type == ir.I64 {
		if local, ok := l.t.inLocal(n.Loc); ok {
			l.held[v], l.temp[v], l.float64s[v] = int32(local), false, false
			return
		}
	}
	l.force(v)
}

// pushRoot pushes the root plus a constant.
func (l *lowering) pushRoot(g *group, off int64) {
	l.c.LocalGet(uint32(l.held[g.root]))
	if l.float64s[g.root] {
		l.c.Op(wasm.OpI64ReinterpretF64)
	}
	if off != 0 {
		l.c.I64Const(off)
		l.c.Op(wasm.OpI64Add)
	}
}

// openGroup emits the lookup.
func (l *lowering) openGroup(g *group) {
	l.rootLocal(g.root)
	g.open = true
	g.host = l.alloc(ir.I32)
	which := core.ReadTLB
	if g.write != 0 {
		which = core.WriteTLB
	}
	c := l.c
	c.I64Const(^int64(core.PageMask))
	l.pushRoot(g, g.low)
	c.LocalTee(l.addr)
	c.Op(wasm.OpI64And)
	c.LocalGet(l.addr)
	off := l.entry(which)
	c.LocalTee(l.ent)
	c.I64Load(3, off+core.TLBTag)
	c.Op(wasm.OpI64Eq)
	// The page is the entry's, and the span ends in it.
	c.LocalGet(l.addr)
	c.Op(wasm.OpI32WrapI64)
	c.I32Const(core.PageMask)
	c.Op(wasm.OpI32And)
	c.I32Const(int32(core.PageSize - (g.end - g.low)))
	c.Op(wasm.OpI32LeU)
	c.Op(wasm.OpI32And)
	c.If(wasm.BlockValue(wasm.I32))
	c.LocalGet(l.addr)
	c.Op(wasm.OpI32WrapI64)
	c.LocalGet(l.ent)
	c.I32Load(2, off+core.TLBAddend)
	c.Op(wasm.OpI32Add)
	c.Else()
	c.I32Const(0)
	c.End()
	c.LocalSet(g.host)
}

// member emits an access of a group: it pushes a host address to which the
// returned offset belongs.
func (l *lowering) member(g *group, n *ir.Node, kind uint32) (offset uint32) {
	if !g.open {
		l.openGroup(g)
	}
	c := l.c
	_, off := origin(l.b, n.Args[0])
	c.LocalGet(g.host)
	c.LocalTee(l.ent)
	c.Op(wasm.OpI32Eqz)
	c.If(wasm.Void)
	which := core.ReadTLB
	if kind&core.KindWrite != 0 {
		which = core.WriteTLB
	}
	l.search(which, kind, n.Aux, func() { l.pushRoot(g, off) })
	if off != g.low {
		c.I32Const(int32(off - g.low))
		c.Op(wasm.OpI32Sub)
	}
	c.LocalSet(l.ent)
	c.Else()
	c.End()
	c.LocalGet(l.ent)
	l.drop(n.Args[0])
	l.drop(g.root)
	if g.left--; g.left == 0 {
		l.release(ir.I32, g.host)
	}
	return uint32(off - g.low)
}

// search pushes the host's address of what push pushes the address of, leaving
// if the TLB does not have it.
//
// The order of the operands is for wazero: it takes a load as an instruction's
// operand only on the right, and overwrites only what is on the left, where a
// constant needs no copy. It checks bounds at the first load from the entry, at
// the higher offset, and remembers that behind a condition only if that has an
// else.
func (l *lowering) search(which int, kind uint32, size uint8, push func()) {
	c := l.c
	c.I64Const(^int64(core.PageMask) | int64(size-1))
	push()
	c.LocalTee(l.addr)
	c.Op(wasm.OpI64And)
	c.LocalGet(l.addr)
	off := l.entry(which)
	c.LocalTee(l.ent)
	c.I64Load(3, off+core.TLBTag)
	l.t.missIf(l, kind)
	c.LocalGet(l.addr)
	c.Op(wasm.OpI32WrapI64)
	c.LocalGet(l.ent)
	c.I32Load(2, off+core.TLBAddend)
	c.Op(wasm.OpI32Add)
}

// entry pops an address and pushes one to which the returned offset is added to
// reach the address's TLB entry. The index is tlbIndex's, by operations on 32 bits:
// one instruction less in wazero.
func (l *lowering) entry(which int) (offset uint32) {
	l.c.Op(wasm.OpI32WrapI64)
	l.c.I32Const(core.PageShift - 4)
	l.c.Op(wasm.OpI32ShrU)
	l.c.I32Const((core.TLBEntries - 1) << 4)
	l.c.Op(wasm.OpI32And)
	return l.t.tlb(l, which)
}
