package emit

import (
	"sort"

	"github.com/c2w/c2w/internal/cpu/core"
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

// edge is a transfer of control between nodes. It is meant for the node final,
// and goes to the node to first: the same one, or a selector. It leaves the page
// if to is negative.
type edge struct{ to, final int }

// graph is the control flow of a page function. Node 0 is the function's start,
// whose successors are the entries; node i+1 is blocks[i]; behind them come the
// selectors (see reduce).
type graph struct {
	blocks    []*block
	resumed   []bool // node is an entry at which a call or Go comes back
	calls     []bool // node ends in a call of code elsewhere, and goes on behind it
	entries   []int  // node of each entry, in the order of entry numbers
	succ      [][]edge
	selectors []*selector
	number    []int // of a node that selectors lead to, from 1; 0 if none do
	numbers   int
	heads     []int // of loops
	region    []int // scratch of reduce
	regions   int

	pred  [][]int
	rpo   []int // node → position, -1 if unreachable
	order []int // nodes by position
	idom  []int
	head  []bool // is a loop's head: the budget is looked at
	loop  []bool // is the target of a back edge: a head or its selector
	merge []bool // needs a label: has several forward edges in, or a br_table
	kids  [][]int
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

// newGraph connects blocks and makes the graph reducible. Entries are the
// offsets asked for, where there is a block, and the heads of loops: an exit in
// a loop lands there when it comes back.
func newGraph(blocks []*block, asked []uint16) *graph {
	n := len(blocks) + 1
	g := &graph{blocks: blocks, resumed: make([]bool, n), calls: make([]bool, n)}
	node := map[int]int{}
	for i, b := range blocks {
		if !b.cold {
			node[b.start] = i + 1
		}
	}
	for i, b := range blocks {
		_, back := node[b.end]
		_, inside := node[b.taken]
		g.calls[i+1] = back && !inside && !b.cold && b.callsOut()
	}
	entry := make([]bool, n)
	for _, off := range asked {
		if v, ok := node[int(off)]; ok {
			entry[v] = true
		}
	}
	for i, b := range blocks {
		entry[i+1] = entry[i+1] || b.straddles()
	}
	for _, b := range blocks {
		if v, ok := node[b.end]; ok && entry[v] {
			switch b.flow {
			case isa.FlowCall, isa.FlowIndCall, isa.FlowSingle:
				g.resumed[v] = true
			}
		}
	}
	// A loop's head that becomes an entry may give loops around it a second
	// way in.
	for changed := true; changed; {
		g.connect(node, entry)
		g.reduce(g.order[1:])
		changed = false
		for _, h := range g.heads {
			changed = changed || !entry[h]
			entry[h] = true
		}
	}
	g.analyse()
	return g
}

// connect makes the edges that the code has, and finds the nodes that are
// reached at all.
func (g *graph) connect(node map[int]int, entry []bool) {
	n := len(g.blocks) + 1
	*g = graph{blocks: g.blocks, resumed: g.resumed, calls: g.calls, succ: make([][]edge, n), number: make([]int, n), region: make([]int, n)}
	cold := map[*block]int{}
	for i, b := range g.blocks {
		if b.cold {
			cold[b] = i + 1
		}
	}
	for i, b := range g.blocks {
		v := i + 1
		if entry[v] {
			g.entries = append(g.entries, v)
			g.succ[0] = append(g.succ[0], edge{v, v})
		}
		if b.then != nil {
			g.succ[v] = []edge{{cold[b.then], cold[b.then]}}
			continue
		}
		ways := []int{b.taken, b.next}
		if g.calls[v] {
			ways = []int{b.end}
		}
		for _, off := range ways {
			if off < 0 {
				continue
			}
			to, ok := node[off]
			if !ok {
				to = -1
			}
			g.succ[v] = append(g.succ[v], edge{to, to})
		}
		for _, s := range b.side {
			g.succ[v] = append(g.succ[v], edge{cold[s], cold[s]})
		}
	}
	g.sort()
	for v := range g.succ {
		if g.rpo[v] < 0 {
			g.succ[v] = nil
		}
	}
}

// sort computes the reverse postorder of the nodes. The order of successors
// makes it deterministic.
func (g *graph) sort() {
	n := len(g.succ)
	g.rpo, g.order = make([]int, n), nil
	for i := range g.rpo {
		g.rpo[i] = -1
	}
	next := make([]int, n)
	visited := make([]bool, n)
	visited[0] = true
	stack := []int{0}
	var post []int
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		if next[v] == len(g.succ[v]) {
			post = append(post, v)
			stack = stack[:len(stack)-1]
			continue
		}
		e := g.succ[v][next[v]]
		next[v]++
		if e.to >= 0 && !visited[e.to] {
			visited[e.to] = true
			stack = append(stack, e.to)
		}
	}
	for i := len(post) - 1; i >= 0; i-- {
		g.rpo[post[i]] = len(g.order)
		g.order = append(g.order, post[i])
	}
}

// analyse computes order, dominators and the kinds of nodes.
func (g *graph) analyse() {
	n := len(g.succ)
	g.sort()
	g.pred = make([][]int, n)
	for _, v := range g.order {
		for _, e := range g.succ[v] {
			if e.to >= 0 {
				g.pred[e.to] = append(g.pred[e.to], v)
			}
		}
	}
	g.dominators()
	g.head, g.loop, g.merge, g.kids = make([]bool, n), make([]bool, n), make([]bool, n), make([][]int, n)
	for _, h := range g.heads {
		g.head[h] = true
	}
	for _, v := range g.order {
		forward := 0
		for _, p := range g.pred[v] {
			if !g.back(p, v) {
				forward++
				continue
			}
			g.loop[v] = true
			if !g.dominates(v, p) {
				panic("BUG: emit: a loop with two heads")
			}
		}
		g.merge[v] = g.merge[v] || forward > 1
		if v != 0 {
			g.kids[g.idom[v]] = append(g.kids[g.idom[v]], v)
		}
	}
	for _, e := range g.succ[0] {
		g.merge[e.to] = true
	}
	for i, b := range g.blocks {
		if b.cold {
			g.merge[i+1] = true // led to from the middle of a block
		}
	}
	for _, s := range g.selectors {
		for _, e := range g.succ[s.node][1:] {
			g.merge[e.to] = true
		}
	}
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
