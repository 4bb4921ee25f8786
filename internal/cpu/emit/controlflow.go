package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// control is the control flow of a page function. Node i+1 of the graph is
// the i-th block.
type control struct {
	*graph.Graph
	calls []bool // by node: ends in a call of code elsewhere, and goes on behind it
}

// connect connects blocks. Entries are the offsets asked for, where there is a
// block, and what the graph adds. slow says which blocks are copies, nil that none
// is one.
func connect(x *lifted, asked []uint16, slow *slowPaths) *control {
	blocks := x.blocks
	code := len(blocks) // that many blocks are no copies
	if slow != nil {
		code = slow.code
	}
	g := &control{calls: make([]bool, len(blocks)+1)}
	node := make(map[int]int, code)
	for i, b := range blocks[:code] {
		node[b.start] = i + 1
	}
	nodes := make([]graph.Node, len(blocks))
	for _, off := range asked {
		if v, ok := node[int(off)]; ok {
			nodes[v-1].Entry = true
		}
	}
	for i, b := range blocks[:code] {
		nodes[i].Entry = nodes[i].Entry || b.crossesPage()
	}
	for i, b := range blocks {
		isCopy := i >= code
		behind, back := node[b.end]
		_, inside := node[b.taken]
		g.calls[i+1] = back && !inside && !isCopy && callsOut(b, &x.ir[i])
		if back && nodes[behind-1].Entry {
			switch b.flow {
			case isa.FlowCall, isa.FlowIndCall, isa.FlowSingle:
				nodes[behind-1].Resumed = true
			}
		}
		n := &nodes[i]
		if isCopy {
			n.Labelled = true // led to from the middle of a block
			if then := slow.then[i-code]; then != 0 {
				n.Succ = []int{then}
				continue
			}
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
		if !isCopy && slow != nil {
			n.Succ = append(n.Succ, slow.of[i]...)
		}
	}
	g.Graph = graph.New(nodes)
	return g
}

func (g *control) check() error { return g.Check() }

// callsAt reports whether a node is a block whose call goes on behind it.
func (g *control) callsAt(v int) bool { return v < len(g.calls) && g.calls[v] }

// innermostLoops calls do for each loop that has none inside, nor a call, which
// has all registers in memory.
func (g *control) innermostLoops(do func(l *graph.Loop)) {
	for i := range g.Loops {
		if l := &g.Loops[i]; l.Innermost && !slices.ContainsFunc(l.Body, g.callsAt) {
			do(l)
		}
	}
}

// callsOut reports whether a block ends in a call of code that may lie outside
// of the page, which leaves nothing to do but to jump there.
func callsOut(b *block, x *ir.Block) bool {
	switch x.Nodes[len(x.Nodes)-1].Op {
	case ir.Jump:
		return b.flow == isa.FlowCall
	case ir.JumpInd:
		return b.flow == isa.FlowIndCall
	}
	return false
}
