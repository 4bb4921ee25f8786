package emit_test

import (
	"slices"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// TestProfileEntries: entries are where code is jumped to from elsewhere, by
// an indirect jump, or by a trap; not where an exit to Go happened to leave
// off, nor what a branch within the page leads to.
func TestProfileEntries(t *testing.T) {
	for step := 1; step < 20; step++ {
		g := newGuest(t)
		p := engine.NewProfile()
		g.Gen.Profile = p
		g.load(base, code(
			ld(5, 10, 0), addi(5, 5, 1), sd(5, 10, 0),
			jalr(1, 11, 0),
			btype(0, 0, 0, 8), nop,
			ebreak,
			addi(7, 7, -1), btype(1, 7, 0, -32),
		))
		g.load(base+0x3000, code(btype(1, 0, 0, 8), ld(6, 10, 8), jalr(0, 1, 0)))
		g.Write(base+0x4000, handler())
		g.Both(func(e *engine.Engine) {
			e.S.G[7], e.S.G[10], e.S.G[11] = 30, isatest.MemBase, base+0x3000
			e.S.S[riscv64.STVec] = base + 0x4000
		})
		for n := 0; g.Gen.S.PC != base+36 && n < 2000; n++ {
			if err := g.Step(step); err != nil {
				t.Fatal(err)
			}
			g.Gen.TLB.FlushAll()
		}
		// In the order of the pages: the start, the returns from the call and
		// from the trap; a function; the handler.
		want := [][]uint16{{0, 16, 28}, {0}, {0}}
		for i, at := range []uint64{base, base + 0x3000, base + 0x4000} {
			page := p.Pages[engine.PageKey(g.Gen.RAM.View(at, core.PageSize), 1)]
			if page == nil {
				t.Errorf("step %d: nothing of the page at %#x", step, at)
			} else if got := page.Offsets(); !slices.Equal(got, want[i]) {
				t.Errorf("step %d: the page at %#x has entries %v, want %v", step, at, got, want[i])
			}
		}
	}
}
