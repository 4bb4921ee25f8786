package graph

import "slices"

// sort computes the reverse postorder of the nodes. The order of successors
// makes it deterministic.
func (g *Graph) sort() {
	n := len(g.Succ)
	g.position, g.Order = make([]int, n), nil
	for i := range g.position {
		g.position[i] = -1
	}
	next := make([]int, n)
	visited := make([]bool, n)
	visited[0] = true
	stack := []int{0}
	var post []int
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		if next[v] == len(g.Succ[v]) {
			post = append(post, v)
			stack = stack[:len(stack)-1]
			continue
		}
		e := g.Succ[v][next[v]]
		next[v]++
		if e.To >= 0 && !visited[e.To] {
			visited[e.To] = true
			stack = append(stack, e.To)
		}
	}
	for i := len(post) - 1; i >= 0; i-- {
		g.position[post[i]] = len(g.Order)
		g.Order = append(g.Order, post[i])
	}
}

// analyse computes order, dominators and loops of a graph that is reduced.
func (g *Graph) analyse() {
	n := len(g.Succ)
	g.sort()
	g.Pred = make([][]int, n)
	for _, v := range g.Order {
		for _, e := range g.Succ[v] {
			if e.To >= 0 {
				g.Pred[e.To] = append(g.Pred[e.To], v)
			}
		}
	}
	g.dominators()
	g.head, g.front = make([]bool, n), make([]bool, n)
	for _, h := range g.heads {
		g.head[h] = true
	}
	for _, v := range g.Order {
		for _, u := range g.Pred[v] {
			if !g.Back(u, v) {
				continue
			}
			if g.front[v] = true; !g.Dominates(v, u) {
				panic("BUG: graph: a loop with two ways in")
			}
		}
	}
	for _, v := range g.Order {
		if g.front[v] {
			g.Loops = append(g.Loops, g.loop(v))
		}
	}
}

// dominators computes immediate dominators (Cooper, Harvey, Kennedy, A Simple,
// Fast Dominance Algorithm, 2001).
func (g *Graph) dominators() {
	g.idom = make([]int, len(g.Succ))
	for i := range g.idom {
		g.idom[i] = -1
	}
	g.idom[0] = 0
	for changed := true; changed; {
		changed = false
		for _, v := range g.Order[1:] {
			d := -1
			for _, p := range g.Pred[v] {
				if g.idom[p] < 0 {
					continue
				}
				if d < 0 {
					d = p
					continue
				}
				for d != p {
					for g.position[d] > g.position[p] {
						d = g.idom[d]
					}
					for g.position[p] > g.position[d] {
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

// Loop is a natural loop: what is reached from its front and leads back there.
type Loop struct {
	Front int   // its only way in: the head, or the dispatch node before it
	Body  []int // its nodes, rising, the front included
	// Innermost says that no other loop is in it.
	Innermost bool

	has []bool // by node
}

// Has reports whether a node is in the loop.
func (l *Loop) Has(v int) bool { return l.has[v] }

// loop is the loop with a node in front.
func (g *Graph) loop(front int) Loop {
	l := Loop{Front: front, Body: []int{front}, Innermost: true, has: make([]bool, len(g.Succ))}
	l.has[front] = true
	add := func(v int) {
		if !l.has[v] {
			l.has[v] = true
			l.Body = append(l.Body, v)
		}
	}
	for _, u := range g.Pred[front] {
		if g.Back(u, front) {
			add(u)
		}
	}
	for i := 1; i < len(l.Body); i++ {
		v := l.Body[i]
		l.Innermost = l.Innermost && !g.front[v]
		for _, u := range g.Pred[v] {
			add(u)
		}
	}
	slices.Sort(l.Body)
	return l
}
