package emit_test

import (
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// Registers of the loops below: x10 and x13 walk by x11 and x14 bytes at most,
// x12 counts down.
func lastPageLoops() (list [][]byte) {
	// More registers than a loop keeps in locals alone, some of which wait at the
	// accesses.
	var many []uint32
	for r := 1; r < 32; r++ {
		if r < 10 || r > 13 {
			many = append(many, addi(r, r, r))
		}
		many = append(many, itype(7, 3, r, 10, 8*(r%3)))
		if r == 21 {
			many = append(many, addi(5, 6, 1), ld(7, 13, 0), addi(6, 5, 2), sd(6, 13, 0))
		}
	}
	for _, body := range [][]uint32{
		append(many, addi(10, 10, 8), addi(13, 13, 8)),
		// A stream in and one out, by registers of their own.
		{ld(5, 10, 0), add(6, 6, 5), sd(6, 13, 8), addi(10, 10, 8), addi(13, 13, 8)},
		// Read and written by the same register, at both ends of the page.
		{ld(5, 10, 8), addi(5, 5, 3), sd(5, 10, 8), ld(6, 10, -16), add(5, 5, 6), sd(5, 10, 16), addi(10, 10, 24)},
		// Registers that are set on the way, and wait where a check fails.
		{addi(5, 6, 1), ld(7, 10, 0), addi(6, 5, 2), lw(8, 13, 4), add(5, 7, 8), addi(10, 10, 8), sd(5, 13, 8), addi(13, 13, 8), sb(5, 10, 0)},
		// An index instead of a pointer.
		{rtype(0x13, 1, 0, 5, 12, 3), add(5, 5, 10), ld(6, 5, 0), addi(6, 6, 1), sd(6, 5, 0)},
		// Two levels, so that what is known lasts from one inner loop to the next.
		{addi(15, 0, 3), ld(5, 10, 0), add(6, 6, 5), sd(6, 13, 0), addi(10, 10, 8), addi(13, 13, 8), addi(15, 15, -1), btype(1, 15, 0, -24), addi(13, 13, -16)},
		// Floating point: its own checks, and accesses of doubles.
		{itype(7, 3, 15, 10, 0), itype(7, 3, 14, 13, 0), rtype(0x53, 7, 0x09, 13, 15, 14), rtype(0x53, 7, 0x01, 14, 14, 13), stype(0x27, 3, 13, 14, 0), addi(10, 10, 8), addi(13, 13, 8)},
	} {
		prog := append(body, addi(12, 12, -1))
		prog = append(prog, btype(1, 12, 0, -4*len(prog)), jal(0, 0))
		list = append(list, fill(code(prog...)))
	}
	return list
}

// TestLastPage: what a loop remembers of a page is right, whatever page follows,
// one that cannot be written, cannot be read, or is not there; in each mode,
// with and without SUM, and with the loop left at every instruction.
func TestLastPage(t *testing.T) {
	pages := lastPageLoops()
	entry := []uint16{0}
	units := []unit{{fill(handler()), 1, entry}}
	for _, p := range pages {
		units = append(units, unit{p, 0, entry}, unit{p, 1, entry})
	}
	tr := translatePages(t, units)
	next := []uint64{pteAll | pteU, pteAll, pteAll&^pteW | pteU, pteAll&^pteD | pteU, pteAll&^pteA | pteU, 0}
	for i, p := range pages {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x8000, fill(handler()))
		g.Write(base+0x1000, p)
		s.mapPage(0x8000, base+0x8000, pteAll)
		for k, bits := range next {
			at := 0x20000 + uint64(k)<<13
			s.mapPage(at, base+0x10000+uint64(k)<<13, pteAll|pteU)
			s.mapPage(at+0x1000, base+0x11000+uint64(len(next)-1-k)<<13, bits)
			s.mapPage(at+0x100000, base+0x10000+uint64(k)<<13, pteAll|pteU) // the same page again
			for j := range uint64(0x200) {
				x := 0x3ff0_0000_0000_0000 + j*0x0123_4567_89ab
				g.Write(base+0x10000+uint64(k)<<13+8*j, binary.LittleEndian.AppendUint64(nil, x))
				g.Write(base+0x11000+uint64(k)<<13+8*j, binary.LittleEndian.AppendUint64(nil, x*(j%3)))
			}
			for mode := range uint32(2) {
				user := uint64(0)
				if mode == 0 {
					user = pteU
				}
				s.mapPage(0x1000, base+0x1000, pteAll|user)
				for _, run := range []struct {
					from, to uint64
					step     int
				}{{0xfa0, 0xf40, 1}, {0xfa0, 0xfa8, 7}, {0xfb3, 0xfc0, 13}, {0xf00, 0x100f00, 100}, {0xfd0, 0xe00, 100}} {
					s.enter(0x1000, mode)
					g.setSUM(uint64(k&1) * statusSUM)
					g.setReg(10, at+run.from)
					g.setReg(13, at+run.to)
					g.setReg(12, 16)
					g.Both(func(e *engine.Engine) {
						e.S.FFlags, e.S.FRM = uint32(k&1), 0
						e.S.SetFP(e.S.FPOn != 0)
					})
					g.many(t, 700, run.step)
				}
			}
		}
		if g.Gen.Stats.Bound == 0 {
			t.Errorf("page %d was not bound", i)
		}
	}
}

// TestLastPageEnds: with another page behind the same address, a loop reads and
// writes that one as soon as it is entered again.
func TestLastPageEnds(t *testing.T) {
	for i, p := range lastPageLoops() {
		tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
		g := tr.guest()
		g.Write(base, p)
		g.Write(base+0x8000, handler())
		g.Both(func(e *engine.Engine) {
			e.S.S[riscv64.STVec] = base + 0x8000
			e.S.G[12], e.S.G[10], e.S.G[13] = 90, isatest.MemBase+0x800, isatest.MemBase+0x8f00
		})
		for n := range 60 {
			if err := g.Step(11 + n%5); err != nil {
				t.Fatalf("loop %d: %v", i, err)
			}
			b := make([]byte, core.PageSize)
			for j := range b {
				b[j] = byte(n + j)
			}
			g.Write(isatest.MemBase, b)
			if n%7 == 0 {
				g.Gen.TLB.FlushAll()
			}
		}
	}
}

// TestLastPageSUM: what a supervisor may read is asked again when it changes
// that between two runs of the inner loop.
func TestLastPageSUM(t *testing.T) {
	p := fill(code(
		csr(1, 0, 9, csrSStatus), addi(15, 0, 3), // the outer loop
		ld(5, 10, 0), add(6, 6, 5), addi(10, 10, 8), addi(15, 15, -1), btype(1, 15, 0, -16), // the inner one
		addi(16, 9, 0), addi(9, 8, 0), addi(8, 16, 0), addi(12, 12, -1), btype(1, 12, 0, -44),
		jal(0, 0),
	))
	tr := translatePages(t, []unit{{fill(handler()), 1, []uint16{0}}, {p, 1, []uint16{0, 4}}})
	for _, step := range []int{1, 5, 100} {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x8000, fill(handler()))
		g.Write(base+0x1000, p)
		s.mapPage(0x8000, base+0x8000, pteAll)
		s.mapPage(0x1000, base+0x1000, pteAll)
		s.mapPage(0x20000, base+0x10000, pteAll|pteU)
		s.enter(0x1000, 1)
		g.setSUM(0)
		g.setReg(10, 0x20000)
		g.setReg(12, 8)
		g.Both(func(e *engine.Engine) {
			e.S.G[9], e.S.G[8] = e.S.S[riscv64.SStatus]|statusSUM, e.S.S[riscv64.SStatus]
		})
		g.many(t, 60, step)
		if g.Gen.Stats.Bound == 0 {
			t.Error("the page was not bound")
		}
	}
}

// TestLastPageCalls: a call in the loop runs another page function, which reads
// what may not be written, and leaves its copy where this function has one for its
// writes.
func TestLastPageCalls(t *testing.T) {
	pages := [][]byte{
		fill(code(
			addi(15, 0, 3), jal(1, core.PageSize-4), addi(13, 10, 0), // 0
			sd(15, 13, 0), addi(13, 13, 8), addi(15, 15, -1), btype(1, 15, 0, -12), // 12: the inner loop
			addi(12, 12, -1), btype(1, 12, 0, -32), // 28
			jal(0, 0), // 36
		)),
		fill(code(
			addi(16, 0, 3), addi(14, 10, 0), // 0
			ld(5, 14, 0), addi(14, 14, 8), addi(16, 16, -1), btype(1, 16, 0, -12), // 8
			ret,
		)),
	}
	tr := translatePages(t, []unit{{pages[0], 1, []uint16{0, 8}}, {pages[1], 1, []uint16{0}}, {fill(handler()), 1, []uint16{0}}})
	for _, step := range []int{1, 5, 100} {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x1000, pages[0])
		g.Write(base+0x2000, pages[1])
		g.Write(base+0x8000, fill(handler()))
		for _, at := range []uint64{0x1000, 0x2000, 0x8000, 0x20000} {
			s.mapPage(at, base+at, pteAll&^(pteW*b2u(at == 0x20000)))
		}
		s.enter(0x1000, 1)
		g.Both(func(e *engine.Engine) { e.S.G[10], e.S.G[12] = 0x20000, 1<<40 })
		g.many(t, 3000, step)
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
