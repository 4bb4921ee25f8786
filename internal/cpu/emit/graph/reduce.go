package graph

import "slices"

// Dispatch is a node in front of a loop that is entered at several of its nodes.
// It goes to the loop's head, unless a variable holds the number of another node,
// then there. So every loop has one way in; what is done before the loop serves
// all its nodes; and the loop's own branches to its head, which do not touch the
// variable, cost a test that is always false.
type Dispatch struct {
	Node, Head int
	// Resumed says that what leaves the function comes back at one of the other
	// nodes as a rule: the loop is left and entered again in the middle, perhaps in
	// every round.
	Resumed bool
}

// Dispatch is node v as a dispatch node, or nil. Its edges are first that to the
// head, then those by number.
func (g *Graph) Dispatch(v int) *Dispatch {
	if i := v - len(g.nodes) - 1; i >= 0 {
		return &g.Dispatches[i]
	}
	return nil
}

// Numbered reports whether what goes along an edge has to leave the number of its
// final node in the variable first.
func (g *Graph) Numbered(e Edge) bool {
	if e.To == Outside {
		return false
	}
	d := g.Dispatch(e.To)
	return d != nil && e.Final != d.Head
}

// Number is the number of a node that dispatch nodes lead to, from 1; 0 if none
// does.
func (g *Graph) Number(v int) int { return g.number[v] }

// reduce gives every loop among nodes a single way in: the loop's head, or a
// dispatch node. A loop is a strongly connected component, without the edges to
// the heads of the loops around it.
func (g *Graph) reduce(nodes []int) {
	for _, c := range g.components(nodes) {
		g.regions++
		for _, v := range c {
			g.region[v] = g.regions
		}
		head, several := g.entrance(c)
		g.heads = append(g.heads, head)
		rest := c
		if several {
			g.addDispatch(head, g.regions)
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
func (g *Graph) entrance(c []int) (head int, several bool) {
	region := g.region[c[0]]
	fromCode, fromAny := map[int]bool{}, map[int]bool{}
	for u, edges := range g.Succ {
		if g.region[u] == region {
			continue
		}
		for _, e := range edges {
			if e.To >= 0 && g.region[e.To] == region {
				fromAny[e.To] = true
				if u != 0 && g.Dispatch(u) == nil {
					fromCode[e.To] = true
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
		panic("BUG: graph: a loop without an entrance")
	}
	return head, len(fromAny) > 1
}

// addDispatch leads every edge into a region, and those inside to its head,
// through a new dispatch node.
func (g *Graph) addDispatch(head, region int) {
	d := Dispatch{Node: len(g.Succ), Head: head}
	out := []Edge{{head, head}}
	for u, edges := range g.Succ {
		inside := g.region[u] == region
		for i := range edges {
			e := &edges[i]
			if e.To < 0 || g.region[e.To] != region || inside && e.To != head {
				continue
			}
			if e.To != head {
				if !slices.ContainsFunc(out, func(o Edge) bool { return o.To == e.To }) {
					out = append(out, Edge{e.To, e.Final})
				}
				if g.number[e.Final] == 0 {
					g.numbers++
					g.number[e.Final] = g.numbers
				}
				d.Resumed = d.Resumed || g.nodes[e.Final-1].Resumed
			}
			e.To = d.Node
		}
	}
	g.Dispatches = append(g.Dispatches, d)
	g.Succ = append(g.Succ, out)
	g.region = append(g.region, -1)
	g.number = append(g.number, 0)
}

// components finds the strongly connected components with an edge inside,
// among nodes of one region (Tarjan, 1972).
func (g *Graph) components(nodes []int) (list [][]int) {
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
		for _, e := range g.Succ[v] {
			if e.To < 0 || g.region[e.To] != region {
				continue
			}
			self = self || e.To == v
			if index[e.To] == 0 {
				visit(e.To)
				low[v] = min(low[v], low[e.To])
			} else if on[e.To] {
				low[v] = min(low[v], index[e.To])
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
