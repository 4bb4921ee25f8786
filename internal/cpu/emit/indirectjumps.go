package emit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/wasm"
)

// Indirect jumps inside the page. A jump that is likely to stay looks whether
// its target lies in the function's own virtual page. If so, and if the budget
// is not used up, the function looks the target up in the jump cache as the
// dispatcher would, and begins again at the entry that it finds, as if it were
// called: no register is in its local there, and the graph has no edge for it, so
// that its loops are what they would be without. Everything else leaves as ever.
//
// That is safe because it does what the dispatcher would do. The function runs
// because a jump cache has led to it: the one of its mode, for an address in this
// virtual page. A set of the cache has one frame and one translation for all
// offsets of a virtual page. Whatever makes another of it happens in Go (a
// store to bound code misses in the TLB; sfence, satp and fence.i are executed by
// Go; DMA and page-table walks are Go's), hence after this function has returned;
// and a change of the code mode leaves with core.ExitMode. So what an entry of
// the cache for an address in this page leads to, now, is this function. An
// address that is no entry has none in the cache, or one without target.

// indirectJumps say which blocks' indirect jumps are likely to stay, by block.
type indirectJumps []bool

// planIndirectJumps finds the indirect jumps that are likely to stay. The test
// costs those that leave some three machine instructions, and a function that
// begins again is a loop to the engine, so only these are: jumps in code that calls
// inside the page lead to, since it returns there; and jumps by a table of offsets,
// which compilers make of switches.
func planIndirectJumps(x *lifted) indirectJumps {
	at := map[int]int{}
	var work []int
	for i, b := range x.blocks {
		at[b.start] = i
		if b.flow == isa.FlowCall {
			work = append(work, b.taken)
		}
	}
	called := make([]bool, len(x.blocks))
	for len(work) > 0 {
		i, ok := at[work[len(work)-1]]
		work = work[:len(work)-1]
		if !ok || called[i] {
			continue
		}
		called[i] = true
		switch b := x.blocks[i]; b.flow {
		case isa.FlowCall, isa.FlowIndCall:
			work = append(work, b.end) // where the call returns to
		default:
			work = append(work, b.next, b.taken)
		}
	}
	stay := make(indirectJumps, len(x.blocks))
	for i, b := range x.blocks {
		n := &x.ir[i].Nodes[len(x.ir[i].Nodes)-1]
		stay[i] = n.Op == ir.JumpInd && b.flow == isa.FlowInd && (called[i] || tableJump(&x.ir[i], n))
	}
	return stay
}

// stays reports whether the indirect jump of a node is likely to stay.
func (list indirectJumps) stays(v int) bool { return v <= len(list) && list[v-1] }

func (list indirectJumps) String() string {
	var b strings.Builder
	for i, is := range list {
		if is {
			fmt.Fprintf(&b, "block %d may stay\n", i+1)
		}
	}
	return b.String()
}

// check has nothing to find: any choice is right.
func (list indirectJumps) check() error { return nil }

// tableJump reports whether a block's jump goes to the sum of an address and
// an offset that is read from memory.
func tableJump(b *ir.Block, n *ir.Node) bool {
	arg := func(n *ir.Node, i int) *ir.Node { return &b.Nodes[n.Args[i]] }
	if n = arg(n, 0); n.Op == ir.And {
		n = arg(n, 0)
	}
	offset := func(n *ir.Node) bool { return n.Op == ir.Load && n.Aux < 8 }
	return n.Op == ir.Add && (offset(arg(n, 0)) || offset(arg(n, 1)))
}

// whole emits the nodes, in a loop if an indirect jump may stay.
func (p *pageCode) whole() {
	if !slices.Contains(p.jumps, true) {
		p.tree(0)
		return
	}
	c := p.c
	out := c.Block(wasm.Void)
	again := c.Loop(wasm.Void)
	// As in a call, so that engines keep no local but the parameters and the
	// budget from one round to the next.
	c.I64Const(0)
	c.LocalSet(p.addr)
	if len(p.control.Dispatches) > 0 {
		c.I32Const(0)
		c.LocalSet(p.number)
	}
	p.labels.inside = c.Block(wasm.Void)
	p.tree(0)
	c.Mark(Own)
	c.End() // inside
	p.findEntry(out)
	c.BrTo(again)
	c.End() // again
	c.End() // out
	p.storeBudget()
	c.LocalGet(p.addr)
	c.Return()
}

// stay goes on inside if the address in addr lies in the function's page.
func (p *pageCode) stay() {
	c := p.c
	c.LocalGet(p.addr)
	c.LocalGet(p.vbase)
	c.Op(wasm.OpI64Sub)
	c.I64Const(core.PageSize)
	c.Op(wasm.OpI64LtU)
	c.BrIfTo(p.labels.inside)
}

// findEntry looks the address in addr up in the jump cache, in the first of its
// places alone. It goes to out if the budget is used up or no entry is found.
func (p *pageCode) findEntry(out wasm.Label) {
	c := p.c
	at := p.exit // which is set only on the way out
	c.LocalGet(p.budget)
	c.I32Const(0)
	c.Op(wasm.OpI32LeS)
	c.BrIfTo(out)
	p.jumpTarget(out)
	c.LocalTee(at)
	c.Op(wasm.OpI32Eqz)
	c.BrIfTo(out)
	c.LocalGet(at)
	c.I32Const(core.TargetEntries - 1)
	c.Op(wasm.OpI32And)
	c.LocalSet(p.entry)
}

// jumpTarget pushes the target that the jump cache has for the address in addr, in
// the first of its places alone, and goes to none if it has no entry there.
func (p *pageCode) jumpTarget(none wasm.Label) {
	c := p.c
	at := p.exit // which is set only on the way out
	jumps := jumpsOf(p.core.caches, p.src.Mode)
	jumpPlace(c, p.addr)
	c.LocalTee(at)
	jumpDiffers(c, jumps, p.addr)
	c.BrIfTo(none)
	c.LocalGet(at)
	c.I32Load(2, jumps+core.JumpTarget)
}
