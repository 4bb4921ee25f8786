package emit

import "github.com/c2w/c2w/internal/isa"

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
	pairs     map[pairKey]uint16
	count     int
}

type pairKey struct {
	first, second isa.Form
	depB, depC    bool
	dead          bool
}

// NewHandlers numbers the handlers of an ISA.
func NewHandlers(g isa.ISA) *Handlers {
	forms := g.Forms()
	h := &Handlers{Near: make([]uint16, len(forms)), Far: make([]uint16, len(forms)), pairs: map[pairKey]uint16{}, count: handlerForms}
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
	for _, p := range g.Pairs() {
		k := pairKey{p.First, p.Second, p.DepB, p.DepC, p.Dead}
		if _, ok := h.pairs[k]; !ok {
			h.pairs[k] = next()
		}
	}
	return h
}

// Count is the number of handlers.
func (h *Handlers) Count() int { return h.count }

// Pair is the handler for two instructions in a row, if they are a pair. The
// second must not be a branch to another page.
func (h *Handlers) Pair(a, b *isa.Insn) (uint16, bool) {
	v, ok := h.pairs[pairKey{a.Form, b.Form, a.A == b.B, a.A == b.C, a.A == b.A}]
	return v, ok
}

func hasTarget(f isa.Flow) bool {
	return f == isa.FlowBranch || f == isa.FlowJump || f == isa.FlowCall
}
