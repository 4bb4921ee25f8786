package emit_test

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// TestTLBWays: generated code finds both pages of a set, in the interpreter and
// in page functions; three in turn are right, if slower.
func TestTLBWays(t *testing.T) {
	page := fill(code(
		ld(5, 10, 8), addi(5, 5, 1), sd(5, 11, 8), sb(5, 12, 3), lw(6, 12, 8), add(7, 7, 6),
		rtype(0x2f, 3, 0, 8, 11, 5), add(7, 7, 8), // amoadd.d
		ld(5, 11, 0), ld(6, 11, 8), ld(8, 11, 16), ld(9, 11, 24), add(7, 7, 6), // together
		jal(0, -52),
	))
	tr := translate(t, 1, [][]byte{page}, func(int) []uint16 { return []uint16{0} })
	for name, guest := range map[string]func() *guest{"interpreter": func() *guest { return newGuest(t) }, "page": tr.guest} {
		for _, pages := range []uint64{2, 3} {
			g := guest()
			s := newSpace(g, 0)
			g.Write(base+0x1000, page)
			s.mapPage(0x1000, base+0x1000, pteAll)
			s.mapPage(0x5000, base+0x5000, pteAll)
			const stride = core.TLBEntries << core.PageShift
			for i := range pages { // the same pages, further up
				s.entry(s.root+0x1000, i*stride>>21, s.root+0x2000, pteV)
			}
			s.enter(0x1000, 1)
			g.Both(func(e *engine.Engine) {
				e.S.S[riscv64.STVec] = base + 0x8000
				for i := range uint64(3) {
					e.S.G[10+i] = 0x5000 + i%pages*stride
				}
			})
			g.many(t, 60, 1)
			before := g.Gen.Stats.Exits[core.ExitMiss]
			g.many(t, 3000, 500)
			if n := g.Gen.Stats.Exits[core.ExitMiss] - before; (n > 20) != (pages > 2) {
				t.Errorf("%s: %d misses with %d pages of a set", name, n, pages)
			}
		}
	}
}
