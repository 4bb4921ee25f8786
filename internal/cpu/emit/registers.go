package emit

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
)

// registers say which guest registers are in locals of a page function, where,
// and in which form.
type registers struct {
	g      *control
	slots  []uint16 // state offset by register number
	number map[uint16]int
	floats map[uint16]bool // slots whose local is an f64
	// rounds says that there is floating point, fuses that there are fused
	// operations of binary64.
	rounds, fuses bool

	// By node:
	in     []regSet // in their locals at its start
	before []regSet // loaded before the loop in front of which it is
	pinned []regSet // in locals throughout the loop
	dirty  []regSet // written by its loop, and in memory only when that is left
	owner  []int    // front of the loop of dirty, or 0
}

// has reports whether a slot has a number and is in a set.
func (r *registers) has(s regSet, off uint16) bool {
	n, ok := r.number[off]
	return ok && s.has(n)
}

// falling lists registers by their offsets in the state, the highest first: an
// engine that checks bounds checks the first of them, and knows the others.
func (r *registers) falling(s regSet) (list []uint16) {
	for n, off := range r.slots {
		if s.has(n) {
			list = append(list, off)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// allocator plans a page function's registers.
type allocator struct {
	*registers
	x     *lifted
	slow  *slowPaths
	uses  []touched
	later []regSet // by node: what its loop reads behind it, if that has dirty registers
}

// planRegisters decides where registers are.
func planRegisters(x *lifted, g *control, slow *slowPaths) *registers {
	a := &allocator{registers: &registers{g: g, number: map[uint16]int{}}, x: x, slow: slow}
	a.numberSlots()
	a.chooseFloats()
	a.place()
	return a.registers
}

// numberSlots numbers the registers in order of their appearance.
func (a *allocator) numberSlots() {
	for i := range a.x.ir {
		for j := range a.x.ir[i].Nodes {
			n := &a.x.ir[i].Nodes[j]
			if n.Op == ir.Float {
				a.rounds = true
				a.fuses = a.fuses || ir.FP(n.Imm) == ir.FMA64
			}
			if n.Op == ir.Set || n.Op == ir.Get && n.Type == ir.I64 {
				// What lies below is not registers and has other readers.
				if _, ok := a.number[n.Loc.Off]; !ok && len(a.slots) < maxRegs && int(n.Loc.Off) >= core.OffG {
					a.number[n.Loc.Off] = len(a.slots)
					a.slots = append(a.slots, n.Loc.Off)
				}
			}
		}
	}
}

// chooseFloats finds the floating-point registers whose locals are f64: all
// unless the page uses them more for binary32, whose operations take bits apart.
func (a *allocator) chooseFloats() {
	a.floats = map[uint16]bool{}
	balance := map[uint16]int{}
	count := func(b *ir.Block, v ir.Value, by int) {
		if v >= 0 && b.Nodes[v].Op == ir.Get {
			balance[b.Nodes[v].Loc.Off] += by
		}
	}
	for k := range a.x.ir {
		b := &a.x.ir[k]
		for i := range b.Nodes {
			n := &b.Nodes[i]
			if n.Op == ir.Get || n.Op == ir.Set {
				balance[n.Loc.Off] += 0
			}
			switch n.Op {
			case ir.Float:
				for _, v := range n.Args {
					if !ir.FP(n.Imm).Single() {
						count(b, v, 2)
					}
				}
			case ir.Select: // an operand in its box
				for _, v := range n.Args[1:] {
					count(b, v, -1)
				}
			case ir.Set:
				if v := &b.Nodes[n.Args[0]]; v.Op == ir.Float && result64(ir.FP(v.Imm)) {
					balance[n.Loc.Off]++
				} else if v.Op == ir.Or {
					balance[n.Loc.Off]--
				}
			}
		}
	}
	for off := range balance {
		a.floats[off] = off >= uint16(core.OffF) && off < uint16(core.OffS) && balance[off] >= 0
	}
}

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

func (a *allocator) touches(node int) (t touched) {
	t.count = map[int]int{}
	if node == 0 || a.g.Dispatch(node) != nil {
		return t
	}
	last := map[int]int{}
	b := a.x.of(node)
	for i := range b.Nodes {
		n := &b.Nodes[i]
		if n.Op != ir.Set && (n.Op != ir.Get || n.Type != ir.I64) {
			continue
		}
		r, ok := a.number[n.Loc.Off]
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

// place computes which registers are in their locals at the start of each node:
// those that every way there used lately, or, in an innermost loop, those that
// the loop reads most, which are loaded before it.
func (a *allocator) place() {
	g, n := a.g, len(a.g.Succ)
	a.uses = make([]touched, n)
	for v := range a.uses {
		a.uses[v] = a.touches(v)
	}
	a.in, a.before, a.pinned = make([]regSet, n), make([]regSet, n), make([]regSet, n)
	a.dirty, a.later, a.owner = make([]regSet, n), make([]regSet, n), make([]int, n)
	fixed := make([]bool, n)
	var fronts []int // of the loops whose registers are chosen
	g.innermostLoops(func(l *graph.Loop) {
		h := l.Front
		fixed[h], fronts = true, append(fronts, h)
		if d := g.Dispatch(h); d != nil && d.Resumed {
			// The loop is left and entered again in the middle, perhaps in every
			// round, and loads before it would be for little use.
			return
		}
		live := a.liveIn(l)
		want := a.wanted(live[h], l)
		if all, dirty, ok := a.promoted(live[h], l); ok {
			want = all
			for _, v := range l.Body {
				a.dirty[v], a.owner[v] = dirty, h
				a.later[v] = a.liveOut(v, live)
			}
		}
		for _, v := range l.Body {
			a.pinned[v] = want
		}
	})
	// What is known shrinks from round to round, so that the rounds end.
	known := make([]bool, n)
	for v := range known {
		known[v] = fixed[v]
		a.in[v] = a.pinned[v]
	}
	for v := 1; v <= g.Len(); v++ {
		if a.slow.isCopy(v) { // from the middle of a block: what is always in locals
			fixed[v], known[v] = true, true
			a.in[v] = a.pinned[v]
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
					in = in.and(a.kept(u))
				}
			}
			if known[v] {
				in = in.and(a.in[v])
			}
			if !known[v] || in != a.in[v] {
				a.in[v], known[v], changed = in, true, true
			}
		}
	}
	for _, h := range fronts {
		have := regSet{^uint64(0), ^uint64(0)}
		for _, u := range g.Pred[h] {
			if !g.Back(u, h) {
				have = have.and(a.kept(u))
			}
		}
		a.before[h] = a.in[h].not(have)
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
func (a *allocator) promoted(live regSet, l *graph.Loop) (all, dirty regSet, ok bool) {
	for _, v := range l.Body {
		dirty = dirty.or(a.uses[v].set)
		all = all.or(a.uses[v].set).or(a.uses[v].exposed)
	}
	if all.len() > maxCarried {
		all, dirty = all.and(live), dirty.and(live)
	}
	return all, dirty, all.len() <= maxPromoted && dirty != (regSet{})
}

// kept is what a node leaves in locals for the nodes behind.
func (a *allocator) kept(u int) regSet {
	t := &a.uses[u]
	if a.g.callsAt(u) {
		return regSet{}
	}
	s := a.pinned[u].or(a.later[u].and(t.set.or(t.exposed).or(a.in[u])))
	n := s.len()
	for i := len(t.order) - 1; i >= 0 && n < keepRegs; i-- {
		if r := t.order[i]; !s.has(r) {
			s.add(r)
			n++
		}
	}
	for r := 0; r < len(a.slots) && n < keepRegs; r++ {
		if a.in[u].has(r) && !s.has(r) {
			s.add(r)
			n++
		}
	}
	return s
}

// liveIn is, by node of a loop, what the loop reads from there on before it
// writes it.
func (a *allocator) liveIn(l *graph.Loop) map[int]regSet {
	live := map[int]regSet{}
	for changed := true; changed; {
		changed = false
		for _, v := range l.Body {
			if in := a.liveOut(v, live).not(a.uses[v].set).or(a.uses[v].exposed); in != live[v] {
				live[v], changed = in, true
			}
		}
	}
	return live
}

// liveOut is the same behind a node.
func (a *allocator) liveOut(v int, live map[int]regSet) (out regSet) {
	for _, e := range a.g.Succ[v] {
		if e.To >= 0 {
			out = out.or(live[e.To])
		}
	}
	return out
}

// wanted chooses the registers that are worth loading before a loop: that are
// live at its head, the most used first.
func (a *allocator) wanted(live regSet, l *graph.Loop) (s regSet) {
	count := make([]int, len(a.slots))
	for _, v := range l.Body {
		for r, n := range a.uses[v].count {
			count[r] += n
		}
	}
	var list []int
	for r := range a.slots {
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

// names prints registers by their state offsets, as package ir does.
func (r *registers) names(s regSet) string {
	var b strings.Builder
	for n, off := range r.slots {
		if s.has(n) {
			fmt.Fprintf(&b, " %v", ir.Loc{Off: off})
		}
	}
	if b.Len() == 0 {
		return " none"
	}
	return b.String()
}

func (r *registers) String() string {
	var b strings.Builder
	var all, floats regSet
	for n, off := range r.slots {
		all.add(n)
		if r.floats[off] {
			floats.add(n)
		}
	}
	fmt.Fprintf(&b, "registers%s\nas f64%s\n", r.names(all), r.names(floats))
	for v := range r.in {
		if r.in[v] == (regSet{}) && r.before[v] == (regSet{}) && r.dirty[v] == (regSet{}) {
			continue
		}
		fmt.Fprintf(&b, "%d: in locals%s", v, r.names(r.in[v]))
		if r.before[v] != (regSet{}) {
			fmt.Fprintf(&b, "; loaded before the loop%s", r.names(r.before[v]))
		}
		if r.dirty[v] != (regSet{}) {
			fmt.Fprintf(&b, "; written when loop %d is left%s", r.owner[v], r.names(r.dirty[v]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check: what a loop keeps in locals alone is there at all of its nodes, what is
// loaded before it is there, and an entry of the function finds nothing in locals
// but what is loaded.
func (r *registers) check() error {
	var errs []error
	for _, e := range r.g.Succ[0] {
		if in := r.in[e.To].not(r.before[e.To]); in != (regSet{}) {
			errs = append(errs, fmt.Errorf("node %d: nobody has loaded%s", e.To, r.names(in)))
		}
	}
	for v := range r.in {
		switch h := r.owner[v]; {
		case r.before[v].not(r.in[v]) != (regSet{}):
			errs = append(errs, fmt.Errorf("node %d: not all that is loaded is in locals", v))
		case h == 0 && r.dirty[v] != (regSet{}):
			errs = append(errs, fmt.Errorf("node %d: nobody writes%s", v, r.names(r.dirty[v])))
		case h != 0 && (r.dirty[v] != r.dirty[h] || r.pinned[v] != r.pinned[h] || r.owner[h] != h):
			errs = append(errs, fmt.Errorf("node %d: other registers than at the loop's front %d", v, h))
		case r.dirty[v].not(r.pinned[v]) != (regSet{}):
			errs = append(errs, fmt.Errorf("node %d: not in locals throughout:%s", v, r.names(r.dirty[v].not(r.pinned[v]))))
		}
	}
	return errors.Join(errs...)
}
