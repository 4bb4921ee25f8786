// Package graph is the control flow of a function: order, dominators, loops, and
// how all of that nests, so that it can be written with blocks and loops that have
// one way in. A graph that cannot is changed until it can (reduce.go).
//
// It must not know what nodes do, nor in which language they are written.
package graph

import (
	"errors"
	"fmt"
	"strings"
)

// Outside is where an edge leads that leaves the function.
const Outside = -1

// Node is a node as a graph is made of it.
type Node struct {
	// Succ are the nodes that it leads to, or Outside.
	Succ []int
	// Entry says that the function may begin here.
	Entry bool
	// Resumed says that what leaves the function comes back here as a rule.
	Resumed bool
	// Labelled says that it is led to from the middle of nodes, so that it cannot
	// stand in the place of an edge.
	Labelled bool
}

// Edge is a transfer of control between nodes. It is meant for the node Final,
// and goes to the node To first: the same one, or a dispatch node. It leaves the
// function if To is Outside.
type Edge struct{ To, Final int }

// Graph is the control flow of a function. Node 0 is its start, whose successors
// are the entries; node i+1 is the i-th of those that it was made of; behind them
// come the dispatch nodes. It is not to be changed.
type Graph struct {
	Succ       [][]Edge
	Entries    []int      // the entries' nodes, rising
	Dispatches []Dispatch // the first is the first node behind those of the code
	Pred       [][]int    // once for each edge; only of nodes that are reached
	Order      []int      // reverse postorder of the nodes that are reached
	Loops      []Loop     // outer ones first

	nodes    []Node
	position []int  // in Order, or -1
	idom     []int  // immediate dominators
	head     []bool // of a loop, where the code's own edges lead
	front    []bool // has an edge back to it
	number   []int  // of a node that dispatch nodes lead to, from 1; or 0
	numbers  int
	heads    []int
	region   []int // scratch of reduce
	regions  int
}

// New makes the graph of nodes. The heads of loops become entries as well: what
// leaves a loop lands there when it comes back.
func New(nodes []Node) *Graph {
	entry := make([]bool, len(nodes)+1)
	for i := range nodes {
		entry[i+1] = nodes[i].Entry
	}
	var g *Graph
	// A loop's head that becomes an entry may give loops around it a second way
	// in.
	for changed := true; changed; {
		g = connect(nodes, entry)
		g.reduce(g.Order[1:])
		changed = false
		for _, h := range g.heads {
			changed = changed || !entry[h]
			entry[h] = true
		}
	}
	g.analyse()
	return g
}

// connect makes the edges that the code has between nodes that are reached.
func connect(nodes []Node, entry []bool) *Graph {
	n := len(nodes) + 1
	g := &Graph{nodes: nodes, Succ: make([][]Edge, n), number: make([]int, n), region: make([]int, n)}
	for i := range nodes {
		v := i + 1
		if entry[v] {
			g.Entries = append(g.Entries, v)
			g.Succ[0] = append(g.Succ[0], Edge{v, v})
		}
		for _, to := range nodes[i].Succ {
			g.Succ[v] = append(g.Succ[v], Edge{to, to})
		}
	}
	g.sort()
	for v := range g.Succ {
		if g.position[v] < 0 {
			g.Succ[v] = nil
		}
	}
	return g
}

// Len is the number of nodes that the graph was made of: those from 1 to Len.
func (g *Graph) Len() int { return len(g.nodes) }

// Head reports whether a node is where a loop of the code begins.
func (g *Graph) Head(v int) bool { return g.head[v] }

// Back reports whether u → v closes a loop.
func (g *Graph) Back(u, v int) bool { return g.position[v] <= g.position[u] }

// Dominates reports whether every way to b, which is reached, leads through a.
func (g *Graph) Dominates(a, b int) bool {
	for g.position[b] > g.position[a] {
		b = g.idom[b]
	}
	return a == b
}

// String prints a line for each node that is reached: what it is, where it
// leads, and its immediate dominator.
func (g *Graph) String() string {
	var b strings.Builder
	for _, v := range g.Order {
		fmt.Fprintf(&b, "%d:", v)
		switch d := g.Dispatch(v); {
		case v == 0:
			b.WriteString(" start")
		case d != nil:
			fmt.Fprintf(&b, " dispatch of %d", d.Head)
			if d.Resumed {
				b.WriteString(" resumed")
			}
		case g.head[v]:
			b.WriteString(" head")
		}
		if g.front[v] {
			b.WriteString(" loop")
		}
		if g.number[v] != 0 {
			fmt.Fprintf(&b, " number %d", g.number[v])
		}
		b.WriteString(" →")
		for _, e := range g.Succ[v] {
			switch {
			case e.To == Outside:
				b.WriteString(" out")
			case e.To != e.Final:
				fmt.Fprintf(&b, " %d(%d)", e.To, e.Final)
			default:
				fmt.Fprintf(&b, " %d", e.To)
			}
		}
		if v != 0 {
			fmt.Fprintf(&b, "  ; below %d", g.idom[v])
		}
		b.WriteByte('\n')
	}
	for _, l := range g.Loops {
		fmt.Fprintf(&b, "loop %d: %v", l.Front, l.Body)
		if l.Innermost {
			b.WriteString(" innermost")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Check returns what is wrong with the graph: every loop has one way in, and an
// edge leads to where it is meant for, by dispatch nodes that know the way.
func (g *Graph) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, v := range g.Entries {
		if e := g.Succ[0][i]; e.Final != v {
			wrong("entry %d leads to %d, not %d", i, e.Final, v)
		}
	}
	for _, u := range g.Order {
		if d := g.Dispatch(u); d != nil && g.Succ[u][0] != (Edge{d.Head, d.Head}) {
			wrong("dispatch node %d leads to %v first, not to the head %d", u, g.Succ[u][0], d.Head)
		}
		for _, e := range g.Succ[u] {
			if e.To == Outside {
				continue
			}
			if g.Back(u, e.To) && !g.Dominates(e.To, u) {
				wrong("%d → %d closes a loop that has another way in", u, e.To)
			}
			at, steps := e.To, 0
			for ; at != e.Final && steps < len(g.Dispatches); steps++ {
				next := g.next(at, e.Final)
				if next == Outside {
					break
				}
				at = next
			}
			if at != e.Final {
				wrong("%d → %d for %d ends at %d", u, e.To, e.Final, at)
			}
		}
	}
	return errors.Join(errs...)
}

// next is where a dispatch node leads what is meant for a node, or Outside.
func (g *Graph) next(v, final int) int {
	d := g.Dispatch(v)
	if d == nil {
		return Outside
	}
	for _, e := range g.Succ[v] {
		if e.Final == final && (final == d.Head || g.number[final] != 0) {
			return e.To
		}
	}
	return Outside
}
