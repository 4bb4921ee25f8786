package emit_test

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// userCopy reads and writes user memory as a kernel does, with sstatus.SUM set
// around the accesses by each instruction that can do so; in between it tries
// without, which the handler counts and skips.
//
// x10 user page, x11 supervisor page, x12 SUM, x13 rounds, x18 nowhere, x19 FS.
func userCopy() []byte {
	body := []uint32{
		csr(2, 0, 12, csrSStatus), // csrrs: on
		ld(5, 10, 0),
		addi(5, 5, 1),
		sd(5, 10, 0),
		ld(6, 11, 8),
		csr(3, 14, 12, csrSStatus), // csrrc: off
		ld(7, 10, 0),               // faults
		sd(6, 11, 16),
		csr(2, 15, 0, csrSStatus),
		rtype(0x33, 6, 0, 16, 15, 12),
		csr(1, 17, 16, csrSStatus), // csrrw: on
		ld(8, 10, 8),
		ld(5, 18, 0), // faults: the handler runs with SUM, and returns to it
		sd(8, 10, 16),
		addi(20, 0, 3),
		// A loop inside, and one branch over an end.
		sd(20, 10, 24),
		addi(20, 20, -1),
		btype(1, 20, 0, -8),
		csr(1, 0, 15, csrSStatus),  // csrrw: off
		sd(8, 10, 32),              // faults
		csr(3, 0, 19, csrSStatus),  // floating point off
		rtype(0x53, 0, 1, 1, 2, 3), // fadd.d: faults
		csr(2, 0, 19, csrSStatus),  // and on
		rtype(0x53, 0, 1, 1, 2, 3), // fadd.d
		csr(2, 21, 12, csrSStatus), // on
		csr(3, 22, 19, csrSStatus),
		ld(23, 10, 24),
		csr(1, 0, 21, csrSStatus), // all as before
		addi(13, 13, -1),
	}
	body = append(body, btype(1, 13, 0, -4*len(body)), jal(0, 0))
	return fill(code(body...))
}

func testUserCopy(t *testing.T, g *guest, step int) {
	s := newSpace(g, 0)
	g.Write(base+0x8000, fill(handler()))
	g.Write(base+0x1000, userCopy())
	s.mapPage(0x1000, base+0x1000, pteAll)
	s.mapPage(0x8000, base+0x8000, pteAll)
	s.mapPage(0x20000, base+0x20000, pteAll|pteU)
	s.mapPage(0x21000, base+0x21000, pteAll)
	for _, sum := range []uint64{0, statusSUM} {
		s.enter(0x1000, 1)
		g.setSUM(sum)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = 0x20000, 0x21000, statusSUM, 9
			e.S.G[18], e.S.G[19] = 0x30000, 3<<13
			e.S.F[2], e.S.F[3] = 0x3ff8_0000_0000_0000, 0x4000_0000_0000_0000
		})
		for n := 0; g.Gen.S.G[13] != 0; n++ {
			if err := g.Step(step); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if n > 5000 {
				t.Fatal("it does not end")
			}
		}
	}
}

// TestSUM switches the access to user memory on and off in the interpreter and
// inside a page function, which stays in force for both modes.
func TestSUM(t *testing.T) {
	for _, step := range []int{1, 2, 3, 5, 7, 100, 10000} {
		testUserCopy(t, newGuest(t), step)
	}
	entry := []uint16{0}
	tr := translatePages(t, []unit{{userCopy(), 1, entry}, {fill(handler()), 1, entry}})
	for _, step := range []int{1, 2, 3, 5, 7, 100, 10000} {
		g := tr.guest()
		testUserCopy(t, g, step)
		if g.Gen.Stats.Bound != 2 {
			t.Errorf("step %d: %d pages were bound", step, g.Gen.Stats.Bound)
		}
	}
}

// TestSUMStays: once the TLB has what it takes, switching costs no exit.
func TestSUMStays(t *testing.T) {
	page := fill(code(
		csr(2, 0, 12, csrSStatus),
		ld(5, 10, 0),
		sd(5, 10, 8),
		csr(3, 0, 12, csrSStatus),
		ld(6, 11, 0),
		sd(6, 11, 8),
		addi(13, 13, -1),
		btype(1, 13, 0, -28),
		jal(0, 0),
	))
	tr := translatePages(t, []unit{{page, 1, []uint16{0}}})
	for name, g := range map[string]*guest{"interpreter": newGuest(t), "page": tr.guest()} {
		s := newSpace(g, 0)
		g.Write(base+0x1000, page)
		s.mapPage(0x1000, base+0x1000, pteAll)
		s.mapPage(0x20000, base+0x20000, pteAll|pteU)
		s.mapPage(0x21000, base+0x21000, pteAll)
		s.enter(0x1000, 1)
		g.Both(func(e *engine.Engine) { e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = 0x20000, 0x21000, statusSUM, 1e6 })
		g.many(t, 100, 100)
		before := g.Gen.Stats.Exits
		g.many(t, 1000, 1000)
		before[core.ExitBudget]++
		if got := g.Gen.Stats.Exits; got != before {
			t.Errorf("%s: exits %v became %v", name, before, got)
		}
	}
}
