package lockstep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/inspect/listing"
)

// Difference is where page functions do something else.
type Difference struct {
	// Insns is how many instructions both machines had executed, in the same
	// state, before the trace.
	Insns uint64
	// Trace is what the reference executed then, up to the place at which the
	// page functions could be left; empty if the place is not known that well.
	Trace []Step
	// First is the index in Trace of the first instruction whose result is
	// another, as far as that was not overwritten; -1 if nothing in the trace
	// writes what differs.
	First  int
	Deltas []Delta // at the trace's end
	What   string  // a difference that is not of state, or what is to be said
	// Key is that of the code page with the first instruction.
	Key  engine.Key
	Page *listing.Page // nil if Trace is empty

	isa isa.ISA
}

// coarse is a difference that could not be located.
func coarse(r *run, why string) *Difference {
	d := &Difference{Insns: r.same, First: -1, Deltas: r.found.deltas, What: why, isa: r.Gen.ISA}
	if r.found.what != "" {
		d.What = r.found.what + "; " + why
	}
	return d
}

// difference makes a report of what was found.
func (t *tracer) difference(f *dissect.File) *Difference {
	d := &Difference{Insns: t.start, Trace: t.trace, First: -1, Deltas: t.deltas, What: t.what, isa: t.isa}
	if len(t.trace) == 0 {
		return d
	}
	d.First = d.writer()
	at := max(d.First, 0)
	if code, mode := t.code(t.trace[at].PC); code != nil {
		d.Key = engine.PageKey(code, core.CodeMode(mode))
		d.Page = listing.New(f, t.isa, code, mode, t.trace[at].PC&^core.PageMask)
	}
	return d
}

// writer finds the first instruction that wrote what differs and is not written
// again.
func (d *Difference) writer() int {
	first := -1
	consider := func(i int) {
		if i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	last := func(does func(s *Step) bool) int {
		for i := len(d.Trace) - 1; i >= 0; i-- {
			if does(&d.Trace[i]) {
				return i
			}
		}
		return -1
	}
	for _, x := range d.Deltas {
		switch {
		case x.RAM:
			consider(last(func(s *Step) bool {
				return slices.ContainsFunc(s.Stores, func(w store) bool { return w.pa-x.Addr < wordSize })
			}))
		case x.Off >= core.OffG:
			consider(last(func(s *Step) bool { return slices.Contains(s.Writes, x.Off) }))
		}
	}
	if first < 0 && slices.ContainsFunc(d.Deltas, func(x Delta) bool { return x.Off == core.OffPC }) {
		first = last(func(s *Step) bool { return d.isa.Forms()[s.Insn.Form].Flow != isa.FlowNext })
	}
	return first
}

// maxShown bounds the instructions of a report, around how many lie before and
// behind the first with another result.
const (
	maxShown = 40
	around   = 3
)

// Report tells a person everything that is known.
func (d *Difference) Report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "page functions do something else after %d instructions", d.Insns)
	if d.What != "" {
		fmt.Fprintf(&b, ": %s", d.What)
	}
	b.WriteByte('\n')
	if len(d.Trace) > 0 {
		at := &d.Trace[max(d.First, 0)]
		fmt.Fprintf(&b, "pc %#x, mode %d, page %016x\n", at.PC, at.Mode, d.Key.Content)
	}
	if d.First >= 0 {
		s := &d.Trace[d.First]
		fmt.Fprintf(&b, "the first instruction with another result is number %d:\n  %s\n", d.Insns+uint64(d.First)+1, listing.Line(d.isa, s.PC, s.Code))
	} else if len(d.Trace) > 0 {
		b.WriteString("none of the instructions writes what differs\n")
	}
	b.WriteString("what differs (got: with page functions, want: without):\n")
	b.WriteString(Format(d.Deltas))
	d.instructions(&b)
	if d.Page == nil {
		return b.String()
	}
	b.WriteString("\nintermediate representation and Wasm:\n\n")
	centre := max(d.First, 0)
	near := map[int]bool{}
	for i := max(0, centre-around); i < min(len(d.Trace), centre+around+1); i++ {
		if s := &d.Trace[i]; s.PC&^core.PageMask == d.Page.Base {
			near[int(s.PC&core.PageMask)] = true
		}
	}
	if err := d.Page.Write(&b, func(off int) bool { return near[off] }); err != nil {
		fmt.Fprintf(&b, "the function cannot be read: %v\n", err)
	}
	return b.String()
}

// instructions prints the trace.
func (d *Difference) instructions(b *strings.Builder) {
	if len(d.Trace) == 0 {
		return
	}
	fmt.Fprintf(b, "\nthe instructions in question, as they have to be:\n")
	begin := max(0, min(d.First-maxShown/2, len(d.Trace)-maxShown))
	for i := begin; i < min(len(d.Trace), begin+maxShown); i++ {
		s := &d.Trace[i]
		mark := "  "
		if i == d.First {
			mark = "> "
		}
		if s.Bad {
			fmt.Fprintf(b, "%s%#x  cannot be fetched\n", mark, s.PC)
			continue
		}
		fmt.Fprintf(b, "%s%-60s", mark, listing.Line(d.isa, s.PC, s.Code))
		for k, off := range s.Writes {
			if n := d.slot(off); n != "" {
				fmt.Fprintf(b, " %s=%#x", n, s.Regs[k])
			}
		}
		b.WriteByte('\n')
	}
	if left := len(d.Trace) - min(len(d.Trace), begin+maxShown) + begin; left > 0 {
		fmt.Fprintf(b, "  … %d more\n", left)
	}
}

func (d *Difference) slot(off int) string {
	if n, ok := d.isa.(interface{ SlotName(int) string }); ok {
		return n.SlotName(off)
	}
	return ""
}
