package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Nesting is how a graph is written as blocks and loops (Ramsey, Beyond Relooper,
// 2022): each node with all that it dominates. A node that several edges lead to
// follows its immediate dominator, behind the end of a block that the edges break
// out of; one with a single edge stands in the place of that edge.
type Nesting struct {
	g *Graph
	// Behind lists, by node, what follows it behind the ends of blocks, in order of
	// the ends; the first of them is the innermost.
	Behind [][]int
	// InPlace lists, by node, what stands in the place of its edges.
	InPlace [][]int

	labelled []bool
}

// Nest finds how a graph is written.
func (g *Graph) Nest() *Nesting {
	n := len(g.Succ)
	s := &Nesting{g: g, Behind: make([][]int, n), InPlace: make([][]int, n), labelled: make([]bool, n)}
	for _, v := range g.Order {
		forward := 0
		for _, u := range g.Pred[v] {
			if !g.Back(u, v) {
				forward++
			}
		}
		s.labelled[v] = forward > 1 || g.Dispatch(v) == nil && v > 0 && g.nodes[v-1].Labelled
	}
	// Many ways fork here: they need labels.
	for _, e := range g.Succ[0] {
		s.labelled[e.To] = true
	}
	for i := range g.Dispatches {
		for _, e := range g.Succ[g.Dispatches[i].Node][1:] {
			s.labelled[e.To] = true
		}
	}
	for _, v := range g.Order[1:] {
		list := &s.InPlace[g.idom[v]]
		if s.labelled[v] {
			list = &s.Behind[g.idom[v]]
		}
		*list = append(*list, v)
	}
	return s
}

// Way is how control is transferred.
type Way int

const (
	Again Way = iota // to the start of the loop in front of which the target is
	Break            // to the end of the block behind which the target is
	Here             // the target stands here
)

// Way is how control is transferred from u to v along an edge.
func (s *Nesting) Way(u, v int) Way {
	switch {
	case s.g.Back(u, v):
		return Again
	case s.labelled[v]:
		return Break
	}
	return Here
}

// Loop reports whether a node is in front of a loop.
func (s *Nesting) Loop(v int) bool { return s.g.front[v] }

// String prints the nodes as they nest.
func (s *Nesting) String() string {
	var b strings.Builder
	s.print(&b, 0, "")
	return b.String()
}

func (s *Nesting) print(b *strings.Builder, v int, indent string) {
	inner := indent
	if s.Loop(v) {
		fmt.Fprintf(b, "%sloop\n", indent)
		inner += "  "
	}
	for _, m := range slices.Backward(s.Behind[v]) {
		fmt.Fprintf(b, "%sblock before %d\n", inner, m)
		inner += "  "
	}
	fmt.Fprintf(b, "%s%d\n", inner, v)
	for _, k := range s.InPlace[v] {
		s.print(b, k, inner+"  ")
	}
	for _, m := range s.Behind[v] {
		inner = inner[2:]
		s.print(b, m, inner)
	}
}

// Check returns what is wrong: at each edge its target stands, or the block or
// loop that it leads out of is open.
func (s *Nesting) Check() error {
	var errs []error
	seen := make([]int, len(s.g.Succ))
	open, around := make([]bool, len(s.g.Succ)), make([]bool, len(s.g.Succ))
	var walk func(v int)
	walk = func(v int) {
		seen[v]++
		around[v] = s.Loop(v)
		for _, m := range s.Behind[v] {
			open[m] = true
		}
		for _, e := range s.g.Succ[v] {
			if e.To == Outside {
				continue
			}
			ok := false
			switch s.Way(v, e.To) {
			case Again:
				ok = around[e.To]
			case Break:
				ok = open[e.To]
			case Here:
				ok = slices.Contains(s.InPlace[v], e.To) && len(s.g.Pred[e.To]) == 1+s.backs(e.To)
			}
			if !ok {
				errs = append(errs, fmt.Errorf("there is no way from %d to %d", v, e.To))
			}
		}
		for _, k := range s.InPlace[v] {
			walk(k)
		}
		for _, m := range s.Behind[v] {
			open[m] = false
			walk(m)
		}
		around[v] = false
	}
	walk(0)
	for _, v := range s.g.Order {
		if seen[v] != 1 {
			errs = append(errs, fmt.Errorf("node %d is there %d times", v, seen[v]))
		}
	}
	return errors.Join(errs...)
}

// backs is how many edges lead back to a node.
func (s *Nesting) backs(v int) (n int) {
	for _, u := range s.g.Pred[v] {
		if s.g.Back(u, v) {
			n++
		}
	}
	return n
}
