package emit_test

import (
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

const base = isatest.CodeBase

// TestBudget shows where generated code stops: at the target of the first
// taken branch, or at the page's end, once the budget is used up; and that the
// count is exact.
func TestBudget(t *testing.T) {
	g := newGuest(t)
	// A loop of 5 instructions, the last two a fused pair.
	g.load(base, code(nop, addi(5, 5, 1), addi(6, 6, 2), addi(7, 7, -1), btype(1, 7, 0, -16)))
	for budget := 1; budget <= 40; budget++ {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			g.reset(base)
			g.Both(func(e *engine.Engine) { e.S.G[7] = 1000; e.S.Retired = 0 })
			for range 30 {
				before := g.Total
				if err := g.Step(budget); err != nil {
					t.Fatal(err)
				}
				// The least multiple of the loop's length that is enough.
				if got, want := int(g.Total-before), (budget+4)/5*5; got != want {
					t.Fatalf("ran %d instructions, want %d", got, want)
				}
			}
		})
	}
}

// TestBudgetAtExits: every kind of exit inside of a run keeps the count.
func TestBudgetAtExits(t *testing.T) {
	g := newGuest(t)
	const data, odd = 10, 11
	g.load(base, code(
		ld(5, data, 0), // TLB miss the first time
		ld(6, odd, 0),  // misaligned: executed by Go
		csr(2, 8, 0, 0xc02),
		sd(5, data, 8),
		csr(2, 9, 0, 0xc02), // instret, between two generated runs
		addi(7, 7, -1),
		btype(1, 7, 0, -24),
		csr(2, 12, 0, 0xc00),
	))
	for budget := 1; budget < 20; budget++ {
		g.reset(base)
		g.Both(func(e *engine.Engine) {
			e.S.G[7], e.S.G[data], e.S.G[odd] = 50, isatest.MemBase, isatest.MemBase+3
		})
		if err := g.until(base+32, budget, 1000); err != nil {
			t.Fatalf("budget %d: %v", budget, err)
		}
	}
}

// TestTrapsCount: a trap counts as an instruction, so that a guest whose trap
// handler is not there does not hold the machine.
func TestTrapsCount(t *testing.T) {
	g := newGuest(t)
	g.load(base, code(ebreak))
	g.Both(func(e *engine.Engine) { e.S.S[6] = 0x4000 }) // stvec: no RAM
	for range 10 {
		if err := g.Step(7); err != nil {
			t.Fatal(err)
		}
	}
	if g.Gen.S.Retired != 70 {
		t.Errorf("counted %d, want 70", g.Gen.S.Retired)
	}
}

// TestInstructions: who executed how many adds up, and is right for code that
// only one tier executes.
func TestInstructions(t *testing.T) {
	p := countPage(1)
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	for name, g := range map[string]*guest{"interpreter": newGuest(t), "page": tr.guest()} {
		g.Write(base, p)
		g.Both(func(e *engine.Engine) { e.S.PC, e.S.Retired, e.S.Interpreted = base, 0, 0; e.S.G[7] = 1 << 40 })
		g.Gen.Stats = engine.Stats{}
		g.many(t, 3000, 30)
		n := g.Gen.Instructions()
		if n.Pages+n.Interpreter+n.Go != g.Gen.S.Retired || n.Go != 0 || (n.Pages == 0) != (name == "interpreter") || (n.Interpreter == 0) != (name == "page") {
			t.Errorf("%s: %+v of %d", name, n, g.Gen.S.Retired)
		}
		if n := g.Ref.Instructions(); n.Go != g.Ref.S.Retired {
			t.Errorf("the reference: %+v of %d", n, g.Ref.S.Retired)
		}
		if g.Gen.S.PageCalls+g.Gen.S.InterpCalls == 0 {
			t.Error("no call was counted")
		}
	}
}
