package emit

import (
	"math/bits"
	"sort"

	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
)

// regSet is a set of register numbers, in order of first use in the page.
type regSet [2]uint64

func (s *regSet) add(i int)          { s[i>>6] |= 1 << (i & 63) }
func (s regSet) has(i int) bool      { return s[i>>6]>>(i&63)&1 != 0 }
func (s regSet) or(t regSet) regSet  { return regSet{s[0] | t[0], s[1] | t[1]} }
func (s regSet) and(t regSet) regSet { return regSet{s[0] & t[0], s[1] & t[1]} }
func (s regSet) not(t regSet) regSet { return regSet{s[0] &^ t[0], s[1] &^ t[1]} }

func (s regSet) len() int { return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) }

// maxRegs bounds the registers of a page that have locals.
const maxRegs = 128

// keepRegs is how many registers stay in locals from one block to the next. A
// host has some 15 of its own, and a value that it has to spill costs more than
// one that is read from the state again.
const keepRegs = 8

// touched says how a block uses the registers.
type touched struct {
	order   []int // each once, by the last use
	exposed regSet
	set     regSet
	count   map[int]int
}

func (p *page) touches(node int) (t touched) {
	t.count = map[int]int{}
	if node == 0 || p.cfg.Dispatch(node) != nil {
		return t
	}
	last := map[int]int{}
	b := &p.cfg.blocks[node-1].ir
	for i := range b.Nodes {
		n := &b.Nodes[i]
		if n.Op != ir.Set && (n.Op != ir.Get || n.Type != ir.I64) {
			continue
		}
		r, ok := p.num[n.Loc.Off]
		if !ok {
			continue
		}
		if n.Op == ir.Set {
			t.set.add(r)
		} else if !t.set.has(r) {
			t.exposed.add(r)
		}
		if _, seen := last[r]; !seen {
			t.order = append(t.order, r)
		}
		last[r] = i
		t.count[r]++
	}
	sort.Slice(t.order, func(i, j int) bool { return last[t.order[i]] < last[t.order[j]] })
	return t
}

// flow computes which registers are in their locals at the start of each node:
// those that every way there used lately, or, in an innermost loop, those that
// the loop reads most, which are loaded before it.
func (p *page) flow() {
	g := p.cfg
	n := len(g.Succ)
	uses := make([]touched, n)
	for v := range uses {
		uses[v] = p.touches(v)
	}
	p.in, p.hoist, p.pinned = make([]regSet, n), make([]regSet, n), make([]regSet, n)
	p.dirty, p.later, p.owner = make([]regSet, n), make([]regSet, n), make([]int, n)
	fixed := make([]bool, n)
	var fronts []int // of the loops whose registers are chosen
	g.innermostLoops(func(l *graph.Loop) {
		h := l.Front
		fixed[h], fronts = true, append(fronts, h)
		if d := g.Dispatch(h); d != nil && d.Resumed {
			return
		}
		live := p.liveIn(l, uses)
		want := p.wanted(live[h], l, uses)
		if all, dirty, ok := p.promoted(live[h], l, uses); ok {
			want = all
			for _, v := range l.Body {
				p.dirty[v], p.owner[v] = dirty, h
				p.later[v] = p.liveOut(v, live)
			}
		}
		for _, v := range l.Body {
			p.pinned[v] = want
		}
	})
	// What is known shrinks from round to round, so that the rounds end.
	known := make([]bool, n)
	for v := range known {
		known[v] = fixed[v]
		p.in[v] = p.pinned[v]
	}
	for i, b := range g.blocks {
		if b.cold { // from the middle of a block: what is always in locals
			fixed[i+1], known[i+1] = true, true
			p.in[i+1] = p.pinned[i+1]
		}
	}
	known[0] = true
	for changed := true; changed; {
		changed = false
		for _, v := range g.Order[1:] {
			if fixed[v] {
				continue
			}
			in := regSet{^uint64(0), ^uint64(0)}
			for _, u := range g.Pred[v] {
				if known[u] {
					in = in.and(p.kept(u, &uses[u]))
				}
			}
			if known[v] {
				in = in.and(p.in[v])
			}
			if !known[v] || in != p.in[v] {
				p.in[v], known[v], changed = in, true, true
			}
		}
	}
	for _, h := range fronts {
		have := regSet{^uint64(0), ^uint64(0)}
		for _, u := range g.Pred[h] {
			if !g.Back(u, h) {
				have = have.and(p.kept(u, &uses[u]))
			}
		}
		p.hoist[h] = p.in[h].not(have)
	}
}

// maxPromoted is how many registers a loop may keep in locals alone.
const maxPromoted = 32

// maxCarried is how many of them there may be if some are set anew in each round
// before they are read.
const maxCarried = 12

// promoted are the registers that a loop uses, and those of them that it
// writes. Loaded before the loop and written when it is left, they are in
// locals alone inside. If they are many, those that are not live at the loop's
// head are not among them: a store in each round costs less than a local that
// is carried to the head for nobody but the way out.
func (p *page) promoted(live regSet, l *graph.Loop, uses []touched) (all, dirty regSet, ok bool) {
	for _, v := range l.Body {
		dirty = dirty.or(uses[v].set)
		all = all.or(uses[v].set).or(uses[v].exposed)
	}
	if all.len() > maxCarried {
		all, dirty = all.and(live), dirty.and(live)
	}
	return all, dirty, all.len() <= maxPromoted && dirty != (regSet{})
}

// kept is what a node leaves in locals for the nodes behind.
func (p *page) kept(u int, t *touched) regSet {
	if p.cfg.callsAt(u) {
		return regSet{}
	}
	s := p.pinned[u].or(p.later[u].and(t.set.or(t.exposed).or(p.in[u])))
	n := s.len()
	for i := len(t.order) - 1; i >= 0 && n < keepRegs; i-- {
		if r := t.order[i]; !s.has(r) {
			s.add(r)
			n++
		}
	}
	for r := 0; r < len(p.slots) && n < keepRegs; r++ {
		if p.in[u].has(r) && !s.has(r) {
			s.add(r)
			n++
		}
	}
	return s
}

// liveIn is, by node of a loop, what the loop reads from there on before it
// writes it.
func (p *page) liveIn(l *graph.Loop, uses []touched) map[int]regSet {
	live := map[int]regSet{}
	for changed := true; changed; {
		changed = false
		for _, v := range l.Body {
			if in := p.liveOut(v, live).not(uses[v].set).or(uses[v].exposed); in != live[v] {
				live[v], changed = in, true
			}
		}
	}
	return live
}

// liveOut is the same behind a node.
func (p *page) liveOut(v int, live map[int]regSet) (out regSet) {
	for _, e := range p.cfg.Succ[v] {
		if e.To >= 0 {
			out = out.or(live[e.To])
		}
	}
	return out
}

// wanted chooses the registers that are worth loading before a loop: that are
// live at its head, the most used first.
func (p *page) wanted(live regSet, l *graph.Loop, uses []touched) (s regSet) {
	count := make([]int, len(p.slots))
	for _, v := range l.Body {
		for r, n := range uses[v].count {
			count[r] += n
		}
	}
	var list []int
	for r := range p.slots {
		if live.has(r) {
			list = append(list, r)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return count[list[i]] > count[list[j]] })
	for _, r := range list[:min(len(list), keepRegs)] {
		s.add(r)
	}
	return s
}
