// Package abi is what generated code and the engine that runs it agree on beside
// the layout of memory (package core): the numbers of the interpreter's handlers,
// and the slots of the core's table, which are hooks and page functions. Whoever
// makes code and whoever runs it stand side by side on it, so that the maker may
// live in another process, or in a browser's Worker.
package abi

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/isa"
)

// Handlers that exist for every ISA. The rest follow from the table of forms.
const (
	HandlerSingle = iota // leave: Go executes the instruction
	HandlerGoto          // continue at the address that the record's PC says, by the jump cache
	HandlerEnter         // leave the interpreter: the instruction is the entry of a translation
	HandlerDecode        // leave: the instruction is not decoded yet
	HandlerLink          // continue at the record Imm bytes further; counts no instruction
	handlerForms
)

// Handlers numbers an ISA's interpreter handlers. The numbering is a function
// of the ISA's tables, so that the machine and the emitter agree on it.
type Handlers struct {
	// Near is the handler of each form; for a branch the one whose Imm is the
	// distance between records. Far is the one whose Imm is the displacement
	// in bytes of guest code, for a target in another page.
	Near, Far []uint16
	pairs     [][]variant // by first form
	count     int
}

// variant is a fused pair's handler with what it presumes.
type variant struct {
	pair    isa.Pair
	handler uint16
}

// NewHandlers numbers the handlers of an ISA.
func NewHandlers(g isa.ISA) *Handlers {
	forms := g.Forms()
	h := &Handlers{Near: make([]uint16, len(forms)), Far: make([]uint16, len(forms)), pairs: make([][]variant, len(forms)), count: handlerForms}
	next := func() uint16 { h.count++; return uint16(h.count - 1) }
	for i, f := range forms {
		if f.Flow == isa.FlowSingle || f.Rank > 1 || f.Lift == nil {
			continue // HandlerSingle
		}
		h.Near[i] = next()
		h.Far[i] = h.Near[i]
		if hasTarget(f.Flow) {
			h.Far[i] = next()
		}
	}
	for _, p := range Pairs(g) {
		list := append(h.pairs[p.First], variant{p, next()})
		// What presumes more saves more: it comes first.
		slices.SortStableFunc(list, func(x, y variant) int { return presumes(&y.pair) - presumes(&x.pair) })
		h.pairs[p.First] = list
	}
	return h
}

func presumes(p *isa.Pair) (n int) {
	for _, b := range []bool{p.DepB, p.DepC, p.Dead} {
		if b {
			n++
		}
	}
	return n
}

// Count is the number of handlers.
func (h *Handlers) Count() int { return h.count }

// Pair is the handler for two instructions in a row, if they are a pair. The
// second must not be a branch to another page. A handler that presumes nothing
// of the operands serves any.
func (h *Handlers) Pair(a, b *isa.Insn) (uint16, bool) {
	list := h.pairs[a.Form]
	for i := range list {
		v := &list[i]
		if v.pair.Second == b.Form && fits(&v.pair, a, b) {
			return v.handler, true
		}
	}
	return 0, false
}

// fits reports whether what a pair presumes holds. Where the first result is
// not stored, the second must not read it from the state.
func fits(p *isa.Pair, a, b *isa.Insn) bool {
	isB, isC := a.A == b.B, a.A == b.C
	return (isB || !p.DepB) && (isC || !p.DepC) &&
		(!p.Dead || a.A == b.A && isB == p.DepB && isC == p.DepC)
}

func hasTarget(f isa.Flow) bool {
	return f == isa.FlowBranch || f == isa.FlowJump || f == isa.FlowCall
}

// Pairs are an ISA's fused pairs, each once, in the order of their handlers.
func Pairs(g isa.ISA) []isa.Pair {
	seen := map[isa.Pair]bool{}
	var out []isa.Pair
	for _, p := range g.Pairs() {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
