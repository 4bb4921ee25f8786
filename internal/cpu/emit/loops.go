package emit

import "slices"

// selector is a node in front of a loop that is entered at several of its
// nodes. It goes to the loop's head, unless a local holds the number of another
// node, then there. So every loop has one way in, which Wasm's control flow asks
// for; where registers are loaded before the loop, that serves all its nodes;
// and the loop's own branches to its head, which do not touch the local, cost a
// test that is always false.
type selector struct {
	node, head int
	// resumed: a call comes back at one of the other nodes. The loop is left and
	// entered again in the middle, perhaps in every round, and loads before it
	// would be for little use.
	resumed bool
}

// selector is node v as a selector, or nil.
func (g *graph) selector(v int) *selector {
	if i := v - len(g.blocks) - 1; i >= 0 {
		return g.selectors[i]
	}
	return nil
}

// selects says that an edge has to leave the number of its final node in the
// local.
func (g *graph) selects(e edge) bool {
	s := g.selector(e.to)
	return s != nil && e.final != s.head
}

// reduce gives every loop among nodes a single way in: the loop's head, or a
// selector. A loop is a strongly connected component, without the edges to the
// heads of the loops around it.
func (g *graph) reduce(nodes []int) {
	for _, c := range g.components(nodes) {
		g.regions++
		for _, v := range c {
			g.region[v] = g.regions
		}
		head, several := g.entrance(c)
		g.heads = append(g.heads, head)
		rest := c
		if several {
			g.addSelector(head, g.regions)
		} else {
			g.region[head] = -1
			rest = nil
			for _, v := range c {
				if v != head {
					rest = append(rest, v)
				}
			}
		}
		g.reduce(rest)
	}
}

// entrance chooses the head of a loop: the first node that code before the loop
// leads to, or else the first that is entered from elsewhere.
func (g *graph) entrance(c []int) (head int, several bool) {
	region := g.region[c[0]]
	fromCode, fromAny := map[int]bool{}, map[int]bool{}
	for u, edges := range g.succ {
		if g.region[u] == region {
			continue
		}
		for _, e := range edges {
			if e.to >= 0 && g.region[e.to] == region {
				fromAny[e.to] = true
				if u != 0 && g.selector(u) == nil {
					fromCode[e.to] = true
				}
			}
		}
	}
	from := fromCode
	if len(from) == 0 {
		from = fromAny
	}
	head = -1
	for v := range from {
		if head < 0 || v < head {
			head = v
		}
	}
	if head < 0 {
		panic("BUG: emit: a loop without an entrance")
	}
	return head, len(fromAny) > 1
}

// addSelector leads every edge into a region, and those inside to its head,
// through a new selector.
func (g *graph) addSelector(head, region int) {
	s := &selector{node: len(g.succ), head: head}
	out := []edge{{head, head}}
	for u, edges := range g.succ {
		inside := g.region[u] == region
		for i := range edges {
			e := &edges[i]
			if e.to < 0 || g.region[e.to] != region || inside && e.to != head {
				continue
			}
			if e.to != head {
				if !leadsTo(out, e.to) {
					out = append(out, edge{e.to, e.final})
				}
				if g.number[e.final] == 0 {
					g.numbers++
					g.number[e.final] = g.numbers
				}
				s.resumed = s.resumed || g.resumed[e.final]
			}
			e.to = s.node
		}
	}
	g.selectors = append(g.selectors, s)
	g.succ = append(g.succ, out)
	g.region = append(g.region, -1)
	g.number = append(g.number, 0)
}

func leadsTo(edges []edge, to int) bool {
	return slices.ContainsFunc(edges, func(e edge) bool { return e.to == to })
}

// innermostLoops calls do for each loop that has none inside, by the node in front
// of it and its body.
func (g *graph) innermostLoops(do func(h int, body map[int]bool)) {
	for _, h := range g.order {
		if !g.loop[h] {
			continue
		}
		if body := g.loopBody(h); g.innermost(h, body) {
			do(h, body)
		}
	}
}

// innermost reports whether a loop with node h in front has no loop inside, nor
// a call, which has all registers in memory.
func (g *graph) innermost(h int, body map[int]bool) bool {
	for v := range body {
		if v != h && g.loop[v] || v < len(g.calls) && g.calls[v] {
			return false
		}
	}
	return true
}

// components finds the strongly connected components with an edge inside,
// among nodes of one region (Tarjan, 1972).
func (g *graph) components(nodes []int) (list [][]int) {
	g.regions++
	region := g.regions
	index, low := map[int]int{}, map[int]int{}
	on := map[int]bool{}
	for _, v := range nodes {
		g.region[v] = region
	}
	var stack []int
	var visit func(v int)
	visit = func(v int) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack = append(stack, v)
		on[v] = true
		self := false
		for _, e := range g.succ[v] {
			if e.to < 0 || g.region[e.to] != region {
				continue
			}
			self = self || e.to == v
			if index[e.to] == 0 {
				visit(e.to)
				low[v] = min(low[v], low[e.to])
			} else if on[e.to] {
				low[v] = min(low[v], index[e.to])
			}
		}
		if low[v] != index[v] {
			return
		}
		var c []int
		for {
			w := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			on[w] = false
			c = append(c, w)
			if w == v {
				break
			}
		}
		if len(c) > 1 || self {
			list = append(list, c)
		}
	}
	for _, v := range nodes {
		if index[v] == 0 {
			visit(v)
		}
	}
	return list
}
