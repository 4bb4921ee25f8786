package emit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// samples finds machine words for a form with given operands, by trying the
// table's encodings: the test thus needs no assembler.
type samples struct {
	rng isatest.Random
	by  map[isa.Form][]riscv64.Encoding
}

func newSamples() *samples {
	s := &samples{rng: 1, by: map[isa.Form][]riscv64.Encoding{}}
	for _, e := range riscv64.Encodings() {
		if e.Size != 4 {
			continue
		}
		seen := map[isa.Form]bool{}
		for range 4000 { // forms are specialisations by operand: zeros are likely
			w := e.Match | s.sparse()&^e.Mask
			in := decode(w)
			if !seen[in.Form] {
				seen[in.Form] = true
				s.by[in.Form] = append(s.by[in.Form], e)
			}
		}
	}
	return s
}

func (s *samples) sparse() uint32 {
	w := uint32(s.rng.Next())
	for _, f := range []uint32{31 << 7, 31 << 15, 31 << 20, 0xfff << 20} {
		if s.rng.N(3) == 0 {
			w &^= f
		}
	}
	if s.rng.N(8) == 0 {
		w = w&0xfffff | 1<<20
	}
	return w
}

func decode(w uint32) isa.Insn {
	in, _ := riscv64.Guest.Decode(word(w))
	return in
}

// find returns an instruction of a form that ok accepts.
func (s *samples) find(f isa.Form, ok func(*isa.Insn) bool) (uint32, bool) {
	for range 20000 {
		list := s.by[f]
		if len(list) == 0 {
			return 0, false
		}
		e := list[s.rng.N(len(list))]
		w := e.Match | s.sparse()&^e.Mask
		// A few registers, so that they meet.
		for _, at := range []uint32{7, 15, 20} {
			if w>>at&31 != 0 && e.Mask>>at&31 == 0 && s.rng.N(2) == 0 {
				w = w&^(31<<at) | uint32(8+s.rng.N(3))<<at
			}
		}
		if in := decode(w); in.Form == f && ok(&in) {
			return w, true
		}
	}
	return 0, false
}

// The registers that pairs use, in order of their numbers.
func reg(off uint16) int { return (int(off) - core.OffG) / 8 }

// TestPairs runs every fused pair in every pattern of equal operands that the
// decoder may take for it, with TLB misses on the first run, and with budgets
// that end within.
func TestPairs(t *testing.T) {
	g := newGuest(t)
	s := newSamples()
	h := abi.NewHandlers(riscv64.Guest)
	forms := riscv64.Guest.Forms()
	for _, p := range riscv64.Guest.Pairs() {
		name := forms[p.First].Name + "+" + forms[p.Second].Name
		if p.DepB {
			name += ".b"
		}
		if p.DepC {
			name += ".c"
		}
		t.Run(name, func(t *testing.T) {
			found := 0
			patterns := map[string]bool{}
			for try := 0; try < 200 && found < 24; try++ {
				first, ok := s.find(p.First, func(in *isa.Insn) bool { return accessible(in, forms) })
				if !ok {
					t.Fatal("no encoding of the first")
				}
				a := decode(first)
				second, ok := s.find(p.Second, func(in *isa.Insn) bool {
					return (!p.DepB || a.A == in.B) && (!p.DepC || a.A == in.C) && (!p.Dead || a.A == in.A) &&
						(p.DepB || accessible(in, forms)) && shortBranch(in, forms)
				})
				if !ok {
					continue
				}
				b := decode(second)
				if _, ok := h.Pair(&a, &b); !ok {
					continue
				}
				found++
				patterns[pattern(&a, &b)] = true
				runPair(t, g, &a, &b, first, second, uint64(found))
				if t.Failed() {
					return
				}
			}
			if found < 10 {
				t.Errorf("only %d samples", found)
			}
			t.Logf("%d samples, patterns %d", found, len(patterns))
		})
	}
}

func pattern(a, b *isa.Insn) string {
	ops := []uint16{a.A, a.B, a.C, b.A, b.B, b.C}
	var w strings.Builder
	for i := range ops {
		for j := range i {
			if ops[i] == ops[j] {
				fmt.Fprint(&w, j)
				break
			}
		}
		w.WriteByte('.')
	}
	return w.String()
}

// accessible keeps loads and stores to the registers that hold addresses.
func accessible(in *isa.Insn, forms []isa.FormInfo) bool {
	if !access(forms[in.Form].Name) {
		return true
	}
	r := reg(in.B)
	return r >= 8 && r <= 10
}

func access(name string) bool {
	return len(name) <= 3 && (name[0] == 'l' && name != "li" || name[0] == 's' && strings.ContainsAny(name[1:], "bhwd") && len(name) == 2)
}

// shortBranch keeps the targets of branches and jumps in the page.
func shortBranch(in *isa.Insn, forms []isa.FormInfo) bool {
	switch forms[in.Form].Flow {
	case isa.FlowBranch, isa.FlowJump, isa.FlowCall:
		return in.Imm >= -1024 && in.Imm < 1024 && in.Imm&3 == 0
	}
	return true
}

func runPair(t *testing.T, g *guest, a, b *isa.Insn, first, second uint32, seed uint64) {
	t.Helper()
	// Code at the middle of a page; whatever it jumps to are jumps to the end.
	const at, end = base + 2048, base + 4092
	page := make([]byte, 0, 4096)
	for pc := base; pc < end; pc += 4 {
		page = append(page, word(jal(0, end-pc))...)
	}
	copy(page[at-base:], code(first, second))
	for budget := 1; budget <= 3; budget++ {
		g.start(isatest.Start(seed))
		g.load(base, page)
		rng := isatest.Random(seed)
		target := base + uint64(rng.N(512)*4)
		g.Both(func(e *engine.Engine) {
			e.S.PC = at
			for r := 8; r <= 10; r++ { // aligned or not, in scratch memory, far from its ends
				e.S.G[r] = isatest.MemBase + 0x8000 + uint64(r-8)*0x3000 + seed%9
			}
			switch flow := riscv64.Guest.Forms()[b.Form].Flow; {
			case flow == isa.FlowInd || flow == isa.FlowIndCall:
				if a.A != b.B && reg(b.B) != 0 {
					e.S.G[reg(b.B)] = target
				}
			}
		})
		// A dependent second access goes wherever the first's result says:
		// outside of RAM it is a fault, which both take to a loop.
		g.Both(func(e *engine.Engine) { e.S.S[6] = end })
		for range 4 {
			if err := g.Step(budget); err != nil {
				t.Errorf("budget %d, seed %d: %v\n%s", budget, seed, err, listing(code(first, second)))
				return
			}
		}
	}
}
