package emit

import (
	"slices"
	"sort"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// block is a basic block of a page's code. An instruction that ends in the next
// page is a block by itself, and an entry: see straddle.go.
type block struct {
	start, end int // offsets in the page; end may exceed it by a straddling instruction's tail
	insns      []isa.Insn
	flow       isa.Flow // of the last instruction, FlowNext if the block falls into the next
	ir         ir.Block
	// Offsets to continue at: taken and fall through; -1 if there is none.
	taken, next int
	// cold blocks are copies of a block's parts (cold.go): side are those of this
	// block, then is the one behind this one, paid how many instructions behind
	// this one the budget has been charged for.
	cold bool
	side []*block
	then *block
	paid int
}

// control is the control flow of a page function. Node i+1 of the graph is
// blocks[i].
type control struct {
	*graph.Graph
	blocks []*block
	calls  []bool // node ends in a call of code elsewhere, and goes on behind it
}

// findBlocks discovers the code that entries reach inside a page, and returns
// the blocks by rising offset; live, if not nil, says which instructions count. What follows a call or an instruction that Go
// executes is reached by an entry of its own or not at all.
func findBlocks(g isa.ISA, code []byte, asked []uint16, live *offsets, limit int) []*block {
	forms := g.Forms()
	insns := map[int]isa.Insn{}
	leader := map[int]bool{}
	var work []int
	add := func(off int) {
		if off >= 0 && off < core.PageSize && !leader[off] {
			leader[off] = true
			work = append(work, off)
		}
	}
	for _, e := range asked {
		add(int(e))
	}
	for len(work) > 0 {
		off := work[0]
		work = work[1:]
		for off < core.PageSize {
			if _, seen := insns[off]; seen {
				break
			}
			in, ok := g.Decode(code[off:])
			if !ok || len(insns) >= limit || live != nil && !live[off] {
				break
			}
			insns[off] = in
			next := off + int(in.Len)
			if next > core.PageSize {
				leader[off] = true
			}
			flow := forms[in.Form].Flow
			switch flow {
			case isa.FlowBranch, isa.FlowJump, isa.FlowCall:
				add(off + int(in.Imm))
			}
			if flow == isa.FlowBranch || flow == isa.FlowResume {
				add(next)
			}
			off = next
			if flow != isa.FlowNext {
				break
			}
		}
	}
	var starts []int
	for off := range leader {
		if _, ok := insns[off]; ok {
			starts = append(starts, off)
		}
	}
	sort.Ints(starts)
	var blocks []*block
	for _, s := range starts {
		b := &block{start: s, taken: -1, next: -1}
		off := s
		for {
			in, ok := insns[off]
			if !ok || off > s && leader[off] {
				b.next = off // another block, or code that stays interpreted
				break
			}
			b.insns = append(b.insns, in)
			flow := forms[in.Form].Flow
			next := off + int(in.Len)
			if flow != isa.FlowNext {
				b.flow = flow
				switch flow {
				case isa.FlowBranch:
					b.taken, b.next = off+int(in.Imm), next
				case isa.FlowResume:
					b.next = next
				case isa.FlowJump, isa.FlowCall:
					b.taken = off + int(in.Imm)
				}
				off = next
				break
			}
			off = next
		}
		b.end = off
		blocks = append(blocks, b)
	}
	return blocks
}

// newControl connects blocks. Entries are the offsets asked for, where there is a
// block, and what the graph adds.
func newControl(blocks []*block, asked []uint16) *control {
	g := &control{blocks: blocks, calls: make([]bool, len(blocks)+1)}
	node, copies := map[int]int{}, map[*block]int{}
	for i, b := range blocks {
		if b.cold {
			copies[b] = i + 1
		} else {
			node[b.start] = i + 1
		}
	}
	nodes := make([]graph.Node, len(blocks))
	for _, off := range asked {
		if v, ok := node[int(off)]; ok {
			nodes[v-1].Entry = true
		}
	}
	for i, b := range blocks {
		nodes[i].Entry = nodes[i].Entry || b.straddles()
		nodes[i].Labelled = b.cold // led to from the middle of a block
	}
	for i, b := range blocks {
		behind, back := node[b.end]
		_, inside := node[b.taken]
		g.calls[i+1] = back && !inside && !b.cold && b.callsOut()
		if back && nodes[behind-1].Entry {
			switch b.flow {
			case isa.FlowCall, isa.FlowIndCall, isa.FlowSingle:
				nodes[behind-1].Resumed = true
			}
		}
		n := &nodes[i]
		if b.then != nil {
			n.Succ = []int{copies[b.then]}
			continue
		}
		ways := []int{b.taken, b.next}
		if g.calls[i+1] {
			ways = []int{b.end}
		}
		for _, off := range ways {
			if off < 0 {
				continue
			}
			to, ok := node[off]
			if !ok {
				to = graph.Outside
			}
			n.Succ = append(n.Succ, to)
		}
		for _, s := range b.side {
			n.Succ = append(n.Succ, copies[s])
		}
	}
	g.Graph = graph.New(nodes)
	return g
}

// innermostLoops calls do for each loop that has none inside, nor a call, which
// has all registers in memory.
func (g *control) innermostLoops(do func(l *graph.Loop)) {
	for i := range g.Loops {
		if l := &g.Loops[i]; l.Innermost && !slices.ContainsFunc(l.Body, g.callsAt) {
			do(l)
		}
	}
}
