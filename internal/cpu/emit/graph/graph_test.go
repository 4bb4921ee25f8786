package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// random makes a graph's nodes: few or many edges, entries anywhere.
func random(rng *rand.Rand) []Node {
	nodes := make([]Node, 1+rng.IntN(14))
	far := rng.IntN(2) == 0
	for i := range nodes {
		n := &nodes[i]
		for range rng.IntN(4) {
			to := 1 + rng.IntN(len(nodes))
			if !far {
				to = min(max(i+rng.IntN(5)-1, 1), len(nodes))
			}
			if rng.IntN(8) == 0 {
				to = Outside
			}
			n.Succ = append(n.Succ, to)
		}
		n.Entry, n.Resumed, n.Labelled = i == 0 || rng.IntN(8) == 0, rng.IntN(4) == 0, rng.IntN(8) == 0
	}
	return nodes
}

func forEach(t *testing.T, check func(t *testing.T, rng *rand.Rand, nodes []Node)) {
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		nodes := random(rng)
		check(t, rng, nodes)
		if t.Failed() {
			t.Fatalf("seed %d: %+v\n%v", seed, nodes, New(nodes))
		}
	}
}

// reached is what is reached from some nodes without those for which not holds.
func reached(succ [][]Edge, from []int, not func(v int) bool) []bool {
	seen := make([]bool, len(succ))
	var visit func(v int)
	visit = func(v int) {
		if v == Outside || seen[v] || not(v) {
			return
		}
		seen[v] = true
		for _, e := range succ[v] {
			visit(e.To)
		}
	}
	for _, v := range from {
		visit(v)
	}
	return seen
}

func none(int) bool { return false }

// TestOrder: what is reached is in the order, and dominators are what cannot be
// gone around.
func TestOrder(t *testing.T) {
	forEach(t, func(t *testing.T, _ *rand.Rand, nodes []Node) {
		g := New(nodes)
		all := reached(g.Succ, []int{0}, none)
		for v, is := range all {
			if is != slices.Contains(g.Order, v) {
				t.Errorf("node %d is reached: %v", v, is)
			}
		}
		for _, a := range g.Order {
			around := reached(g.Succ, []int{0}, func(v int) bool { return v == a })
			for _, v := range g.Order {
				if got := g.Dominates(a, v); got == around[v] {
					t.Errorf("%d dominates %d: %v", a, v, got)
				}
			}
		}
	})
}

// TestLoops: a loop is what leads back to its front, which all of it is entered
// by; what goes round in the code is in a loop, and its head is an entry.
func TestLoops(t *testing.T) {
	forEach(t, func(t *testing.T, _ *rand.Rand, nodes []Node) {
		g := New(nodes)
		for i := range g.Loops {
			l := &g.Loops[i]
			for _, v := range g.Order {
				from := reached(g.Succ, []int{v}, func(w int) bool { return w == l.Front })
				want := v == l.Front
				for _, u := range g.Pred[l.Front] {
					want = want || from[u] && g.Dominates(l.Front, u)
				}
				if l.Has(v) != want || slices.Contains(l.Body, v) != want {
					t.Errorf("%d in the loop at %d: %v", v, l.Front, l.Has(v))
				}
			}
			inner := slices.ContainsFunc(g.Loops, func(o Loop) bool { return o.Front != l.Front && l.Has(o.Front) })
			if l.Innermost == inner {
				t.Errorf("the loop at %d is innermost: %v", l.Front, l.Innermost)
			}
			if !slices.IsSorted(l.Body) {
				t.Errorf("%v is not sorted", l.Body)
			}
			if !slices.ContainsFunc(l.Body, func(v int) bool { return g.Head(v) && slices.Contains(g.Entries, v) }) {
				t.Errorf("the loop at %d has no head that is an entry", l.Front)
			}
		}
		code := make([][]Edge, len(nodes)+1)
		for i := range nodes {
			for _, to := range nodes[i].Succ {
				code[i+1] = append(code[i+1], Edge{to, to})
			}
		}
		for _, v := range g.Order[1:] {
			if v > len(nodes) {
				continue
			}
			var next []int
			for _, e := range code[v] {
				next = append(next, e.To)
			}
			round := reached(code, next, none)[v]
			in := slices.ContainsFunc(g.Loops, func(l Loop) bool { return l.Has(v) })
			if round && !in {
				t.Errorf("%d is in no loop", v)
			}
		}
	})
}

// TestRun: a graph as it nests does what its nodes say. Both take the same ways
// from each entry.
func TestRun(t *testing.T) {
	forEach(t, func(t *testing.T, rng *rand.Rand, nodes []Node) {
		g := New(nodes)
		s := g.Nest()
		if err := g.Check(); err != nil {
			t.Error(err)
		}
		if err := s.Check(); err != nil {
			t.Errorf("%v\n%v", err, s)
		}
		for i, v := range g.Entries {
			tape := make([]int, 60)
			for j := range tape {
				tape[j] = rng.IntN(12) // a multiple of every number of ways
			}
			r := &runner{g: g, s: s, entry: i, tape: tape}
			r.run(0)
			if want := walk(nodes, v, tape); !slices.Equal(r.trace, want) || r.wrong != "" {
				t.Errorf("entry %d: %v, want %v %s\n%v", v, r.trace, want, r.wrong, s)
			}
		}
	})
}

// walk follows the nodes themselves.
func walk(nodes []Node, v int, tape []int) (trace []int) {
	for _, k := range tape {
		trace = append(trace, v)
		succ := nodes[v-1].Succ
		if len(succ) == 0 {
			break
		}
		if v = succ[k%len(succ)]; v == Outside {
			break
		}
	}
	return trace
}

// runner follows a graph as it nests, with the variable that dispatch nodes read.
type runner struct {
	g        *Graph
	s        *Nesting
	entry    int
	variable int
	tape     []int
	trace    []int
	wrong    string
}

// target is where control is to go on, outside of what has been run.
type target struct {
	way Way
	v   int
}

var left = target{v: Outside} // the function

func (r *runner) run(v int) target {
	for {
		to := r.node(v)
		for _, m := range r.s.Behind[v] {
			if to == (target{Break, m}) {
				to = r.run(m)
			}
		}
		if !r.s.Loop(v) || to != (target{Again, v}) {
			if v == 0 && to != left {
				r.wrong = fmt.Sprintf("nobody takes %v", to)
			}
			return to
		}
	}
}

func (r *runner) node(v int) target {
	edges := r.g.Succ[v]
	switch d := r.g.Dispatch(v); {
	case v == 0:
		return r.follow(v, edges[r.entry])
	case d != nil && r.variable == 0:
		return r.follow(v, edges[0])
	case d != nil:
		for _, e := range edges[1:] {
			if r.g.Number(e.Final) == r.variable {
				r.variable = 0
				return r.follow(v, e)
			}
		}
		r.wrong = fmt.Sprintf("dispatch node %d does not know %d", v, r.variable)
		return left
	}
	if len(r.trace) == len(r.tape) {
		return left
	}
	r.trace = append(r.trace, v)
	if r.variable != 0 {
		r.wrong = fmt.Sprintf("%d is left in the variable", r.variable)
	}
	if len(edges) == 0 {
		return left
	}
	return r.follow(v, edges[r.tape[len(r.trace)-1]%len(edges)])
}

func (r *runner) follow(v int, e Edge) target {
	if e.To == Outside {
		return left
	}
	if r.g.Numbered(e) {
		r.variable = r.g.Number(e.Final)
	}
	way := r.s.Way(v, e.To)
	if way == Here {
		return r.run(e.To)
	}
	return target{way, e.To}
}

// TestPrint: a loop with two ways in, as graph and as it nests.
func TestPrint(t *testing.T) {
	g := New([]Node{
		{Succ: []int{2, 3}, Entry: true},
		{Succ: []int{3}},
		{Succ: []int{2, 4}},
		{Succ: []int{Outside}},
	})
	for name, c := range map[string]struct{ got, want string }{
		"graph": {g.String(), `
0: start → 1 5(2)
1: → 5(2) 5(3)  ; below 0
5: dispatch of 2 loop → 2 3  ; below 0
2: head → 3  ; below 5
3: number 1 → 5(2) 4  ; below 5
4: → out  ; below 3
loop 5: [2 3 5] innermost
`},
		"nesting": {g.Nest().String(), `
block before 5
  block before 1
    0
  1
loop
  block before 3
    5
      2
  3
    4
`},
	} {
		if strings.TrimSpace(c.got) != strings.TrimSpace(c.want) {
			t.Errorf("%s: got\n%s", name, c.got)
		}
	}
}

// TestCheck: what is spoilt is noticed.
func TestCheck(t *testing.T) {
	loop := []Node{{Succ: []int{2, 3}, Entry: true}, {Succ: []int{3}}, {Succ: []int{2, 4}}, {}}
	for name, spoil := range map[string]func(g *Graph){
		"an entry":         func(g *Graph) { g.Succ[0][0].Final = 4 },
		"a number":         func(g *Graph) { g.number[3] = 0 },
		"a dispatch node":  func(g *Graph) { g.Succ[5][0] = Edge{3, 3} },
		"an edge":          func(g *Graph) { g.Succ[1][0].To = 4 },
		"the loop's front": func(g *Graph) { g.Succ[3][0] = Edge{2, 2} },
	} {
		g := New(loop)
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		if spoil(g); g.Check() == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	for name, spoil := range map[string]func(s *Nesting){
		"a label":          func(s *Nesting) { s.labelled[4] = !s.labelled[4] },
		"what follows":     func(s *Nesting) { s.Behind[0] = nil },
		"the order":        func(s *Nesting) { slices.Reverse(s.Behind[0]) },
		"what is in place": func(s *Nesting) { s.InPlace[5] = append(s.InPlace[5], 4) },
	} {
		s := New(loop).Nest()
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if spoil(s); s.Check() == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}
