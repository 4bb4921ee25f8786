package emit

import (
	"sort"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/ir"
	"github.com/c2w/c2w/internal/isa"
)

// block is a basic block of a page's code.
type block struct {
	start, end int // offsets in the page; end may exceed it by a straddling instruction's tail
	insns      []isa.Insn
	flow       isa.Flow // of the last instruction, FlowNext if the block falls into the next
	ir         ir.Block
	// Offsets to continue at: taken and fall through; -1 if there is none.
	taken, next int
}

// edge is a transfer of control between nodes.
type edge struct {
	to int // node; -1: leaves the page
	// viaDispatch: the edge enters a loop at the side. It goes through the
	// dispatch node, which keeps the rest of the graph reducible.
	viaDispatch bool
}

// graph is the control flow of a page function. Node 0 is the dispatch node,
// whose successors are the entries; node i+1 is blocks[i].
type graph struct {
	blocks  []*block
	entries []int // node of each entry, in the order of entry numbers
	succ    [][]edge
	pred    [][]int // forward and back edges, without those via dispatch
	rpo     []int   // node → position, -1 if unreachable
	order   []int   // nodes by position
	idom    []int
	loop    []bool // is the target of a back edge
	merge   []bool // has several forward edges in, or is an entry
	kids    [][]int
}

// findBlocks discovers the code that entries reach inside a page, and returns
// the blocks by rising offset. What follows a call or an instruction that Go
// executes is reached by an entry of its own or not at all.
func findBlocks(g isa.ISA, code []byte, asked []uint16, limit int) []*block {
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
			if !ok || len(insns) >= limit {
				break
			}
			insns[off] = in
			next := off + int(in.Len)
			flow := forms[in.Form].Flow
			switch flow {
			case isa.FlowBranch, isa.FlowJump, isa.FlowCall:
				add(off + int(in.Imm))
			}
			if flow == isa.FlowBranch {
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

// newGraph connects blocks and makes the graph reducible. Entries are the
// offsets asked for, where there is a block, and the heads of loops: an exit in
// a loop lands there when it comes back.
func newGraph(blocks []*block, asked []uint16) *graph {
	entry := map[int]bool{}
	for _, e := range asked {
		entry[int(e)] = true
	}
	g := &graph{blocks: blocks, succ: make([][]edge, len(blocks)+1)}
	node := map[int]int{}
	for i, b := range blocks {
		node[b.start] = i + 1
	}
	for i, b := range blocks {
		if entry[b.start] {
			g.entries = append(g.entries, i+1)
			g.succ[0] = append(g.succ[0], edge{to: i + 1})
		}
		for _, off := range []int{b.taken, b.next} {
			if off < 0 {
				continue
			}
			to, ok := node[off]
			if !ok {
				to = -1
			}
			g.succ[i+1] = append(g.succ[i+1], edge{to: to})
		}
	}
	for g.analyse() || g.enterLoops() {
	}
	sort.Ints(g.entries) // as blocks are, by rising offset
	return g
}

// analyse computes order, dominators and the kinds of nodes. It reports true
// if it had to reroute an edge and must run again.
func (g *graph) analyse() bool {
	n := len(g.succ)
	g.rpo, g.order = make([]int, n), nil
	for i := range g.rpo {
		g.rpo[i] = -1
	}
	// Depth-first, iteratively; the order of successors makes it deterministic.
	state := make([]int, n)
	stack := []int{0}
	visited := make([]bool, n)
	visited[0] = true
	var post []int
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		if state[v] == len(g.succ[v]) {
			post = append(post, v)
			stack = stack[:len(stack)-1]
			continue
		}
		e := g.succ[v][state[v]]
		state[v]++
		if e.to >= 0 && !e.viaDispatch && !visited[e.to] {
			visited[e.to] = true
			stack = append(stack, e.to)
		}
	}
	for i := len(post) - 1; i >= 0; i-- {
		g.rpo[post[i]] = len(g.order)
		g.order = append(g.order, post[i])
	}
	g.pred = make([][]int, n)
	for _, v := range g.order {
		for _, e := range g.succ[v] {
			if e.to >= 0 && !e.viaDispatch {
				g.pred[e.to] = append(g.pred[e.to], v)
			}
		}
	}
	g.dominators()
	changed := false
	for _, v := range g.order {
		for i := range g.succ[v] {
			e := &g.succ[v][i]
			if e.to >= 0 && !e.viaDispatch && g.rpo[e.to] <= g.rpo[v] && !g.dominates(e.to, v) {
				e.viaDispatch, changed = true, true
				g.makeEntry(e.to)
			}
		}
	}
	if changed {
		return true
	}
	g.loop, g.merge, g.kids = make([]bool, n), make([]bool, n), make([][]int, n)
	for _, v := range g.order {
		forward := 0
		for _, p := range g.pred[v] {
			if g.rpo[p] >= g.rpo[v] {
				g.loop[v] = true
			} else {
				forward++
			}
		}
		g.merge[v] = forward > 1
		if v != 0 {
			g.kids[g.idom[v]] = append(g.kids[g.idom[v]], v)
		}
	}
	for _, e := range g.entries {
		g.merge[e] = true
	}
	return false
}

// enterLoops makes the heads of loops entries, and reports whether any was
// none before.
func (g *graph) enterLoops() bool {
	n := len(g.entries)
	for _, v := range g.order {
		if g.loop[v] && v != 0 {
			g.makeEntry(v)
		}
	}
	return len(g.entries) > n
}

func (g *graph) makeEntry(v int) {
	for _, e := range g.entries {
		if e == v {
			return
		}
	}
	g.entries = append(g.entries, v)
	g.succ[0] = append(g.succ[0], edge{to: v})
}

// dominators computes immediate dominators (Cooper, Harvey, Kennedy).
func (g *graph) dominators() {
	n := len(g.succ)
	g.idom = make([]int, n)
	for i := range g.idom {
		g.idom[i] = -1
	}
	g.idom[0] = 0
	for changed := true; changed; {
		changed = false
		for _, v := range g.order[1:] {
			d := -1
			for _, p := range g.pred[v] {
				if g.idom[p] < 0 {
					continue
				}
				if d < 0 {
					d = p
					continue
				}
				for d != p {
					for g.rpo[d] > g.rpo[p] {
						d = g.idom[d]
					}
					for g.rpo[p] > g.rpo[d] {
						p = g.idom[p]
					}
				}
			}
			if g.idom[v] != d {
				g.idom[v], changed = d, true
			}
		}
	}
}

func (g *graph) dominates(a, b int) bool {
	for {
		if a == b {
			return true
		}
		if b == 0 {
			return false
		}
		b = g.idom[b]
	}
}

// back reports whether u → v closes a loop.
func (g *graph) back(u, v int) bool { return g.rpo[v] <= g.rpo[u] }

// loopBody is the set of nodes of the natural loop with header h.
func (g *graph) loopBody(h int) map[int]bool {
	body := map[int]bool{h: true}
	var work []int
	for _, p := range g.pred[h] {
		if g.back(p, h) && !body[p] {
			body[p] = true
			work = append(work, p)
		}
	}
	for len(work) > 0 {
		v := work[len(work)-1]
		work = work[:len(work)-1]
		for _, p := range g.pred[v] {
			if !body[p] {
				body[p] = true
				work = append(work, p)
			}
		}
	}
	return body
}
