package emit_test

import (
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// straddling is a loop through the end of a page, with an instruction in both, and
// what lies behind; the branch back is in the second page.
func straddling(insn uint32) (first, second []byte) {
	both := append(fill(nil), fill(nil)...)
	const start = core.PageSize - 16
	copy(both[start:], code(addi(5, 5, 1), add(6, 6, 5), addi(12, 12, -1)))
	copy(both[start+12:], half16(cAddi5))
	copy(both[core.PageSize-2:], code(insn, add(7, 7, 6)))
	copy(both[core.PageSize+6:], code(btype(1, 12, 0, start-core.PageSize-6), jal(0, 0)))
	return both[:core.PageSize], both[core.PageSize:]
}

const straddleStart = core.PageSize - 16

// straddleTier has page functions of both pages: of the first as if second lay
// behind it, and of the second and others.
func straddleTier(t testing.TB, mode uint32, first []byte, second ...[]byte) *translated {
	units := []unit{{first, mode, []uint16{straddleStart, 0}}}
	for _, p := range second {
		units = append(units, unit{p, mode, []uint16{2, 10}})
	}
	return translatePages(t, units)
}

// TestStraddlePage: an instruction in two pages does not leave page functions.
func TestStraddlePage(t *testing.T) {
	for name, insn := range map[string]uint32{
		"addi": addi(8, 8, 3), "load": ld(8, 10, 0), "miss": ld(8, 11, 0), "branch": btype(0, 5, 0, 12),
		"back": btype(6, 5, 13, -14), "call": jal(1, 4), "jump": jal(0, 4), "ecall": 0x73,
	} {
		first, second := straddling(insn)
		tr := straddleTier(t, 1, first, second)
		run := func(step int) *guest {
			g := tr.guest()
			g.reset(base + straddleStart)
			g.Write(base, first)
			g.Write(base+core.PageSize, second)
			g.Write(patchTrap, fill(handler()))
			g.Both(func(e *engine.Engine) {
				e.S.S[riscv64.STVec] = patchTrap
				e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = base+0x2000, 0x1000, 1<<40, 40
			})
			g.many(t, 300, step)
			if t.Failed() {
				t.Fatalf("%s, step %d", name, step)
			}
			return g
		}
		for _, step := range []int{1, 2, 3, 11} {
			run(step)
		}
		if name != "addi" && name != "load" {
			continue
		}
		g := run(100)
		before := g.Gen.S.InterpCalls
		g.many(t, 10_000, 1000)
		if n := g.Gen.S.InterpCalls - before; n > 5 {
			t.Errorf("%s: %d calls of the interpreter in 10,000 instructions", name, n)
		}
	}
}

// TestStraddlePageRemapped: another page lies behind the first one, or the same
// bytes in another frame; and a page is where its function was made for another
// end.
func TestStraddlePageRemapped(t *testing.T) {
	first, second := straddling(addi(8, 8, 3))
	_, other := straddling(addi(8, 9, 1029)) // other bytes on both sides of the end
	copy(other[2:], second[2:])
	for _, mode := range []uint32{0, 1} {
		bits := uint64(pteAll)
		if mode == 0 {
			bits |= pteU
		}
		tr := straddleTier(t, mode, first, second, other)
		for _, step := range []int{1, 4, 90} {
			g := tr.guest()
			s := newSpace(g, 0)
			frames := [][]byte{first, second, other, second}
			for i, p := range frames {
				g.Write(base+0x1000*uint64(i+1), p)
			}
			s.mapPage(0x1000, base+0x1000, bits)
			s.mapPage(0x2000, base+0x2000, bits)
			s.enter(0x1000+straddleStart, mode)
			g.setReg(12, 1<<40)
			for round := range uint64(12) {
				g.many(t, 90, step)
				s.mapPage(0x2000, base+0x2000+0x1000*(round%3), bits)
				g.Both(func(e *engine.Engine) { e.FlushPage(0x2000) })
			}
		}
	}
}

// TestPatchStraddlePage: the loop changes either half of the instruction, or what
// lies beside it.
func TestPatchStraddlePage(t *testing.T) {
	var list []patching
	for _, to := range []int{core.PageSize - 8, core.PageSize - 4, core.PageSize - 2, core.PageSize, core.PageSize + 2} {
		list = append(list, patching{fmt.Sprint(to - core.PageSize), func(t *testing.T, g *guest, step int) {
			first, second := straddling(addi(8, 8, 3))
			copy(second[6:], code(ld(6, 11, 0), addi(11, 11, 8), sw(6, 10, 0), btype(1, 12, 0, -16-18), jal(0, 0)))
			g.patchAt(append(first[:core.PageSize:core.PageSize], second...), to)
			g.Both(func(e *engine.Engine) { e.S.PC = base + straddleStart })
			g.many(t, 260, step)
		}})
	}
	patchings(t, list)
}

// TestStraddlePageDMA: a device writes the second half.
func TestStraddlePageDMA(t *testing.T) {
	first, second := straddling(addi(8, 8, 3))
	_, other := straddling(addi(8, 8, 7))
	tr := straddleTier(t, 1, first, second, other)
	for _, step := range []int{1, 7, 100} {
		g := tr.guest()
		g.reset(base + straddleStart)
		g.Write(base, first)
		g.setReg(12, 1<<40)
		for round := range 10 {
			g.Write(base+core.PageSize, [][]byte{second, other}[round%2])
			g.many(t, 100, step)
		}
	}
}

// TestStraddlePageLinked: another page jumps to the instruction, which it may not
// do by name, as nothing says what lies in the second page.
func TestStraddlePageLinked(t *testing.T) {
	first, second := straddling(addi(8, 8, 3))
	_, other := straddling(addi(8, 9, 1029))
	copy(second[2:], code(add(7, 7, 6), addi(12, 12, -1), jal(0, -core.PageSize-10-0x1000)))
	copy(other[2:], second[2:])
	from := fill(code(jal(0, 0x1000+core.PageSize-2)))
	// The first page behind from's, so that its function is the likely one.
	tr := translatePages(t, []unit{{first, 1, []uint16{straddleStart, core.PageSize - 2}}, {second, 1, []uint16{2}}, {from, 1, []uint16{0}}, {other, 1, []uint16{2}}})
	for _, step := range []int{1, 4, 90} {
		g := tr.guest()
		s := newSpace(g, 0)
		for i, p := range [][]byte{from, first, second, other} {
			g.Write(base+0x1000*uint64(i+1), p)
		}
		s.mapPage(0x1000, base+0x1000, pteAll)
		s.mapPage(0x2000, base+0x2000, pteAll)
		s.mapPage(0x3000, base+0x3000, pteAll)
		s.enter(0x1000, 1)
		for round := range uint64(12) {
			g.many(t, 90, step)
			s.mapPage(0x3000, base+0x3000+0x1000*(round%2), pteAll)
			g.Both(func(e *engine.Engine) { e.FlushPage(0x3000) })
		}
	}
}
