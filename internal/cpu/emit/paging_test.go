package emit_test

import (
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// Page-table entry bits.
const (
	pteV = 1 << iota
	pteR
	pteW
	pteX
	pteU
	pteG
	pteA
	pteD
	pteAll = pteV | pteR | pteW | pteX | pteA | pteD
)

// space is an Sv39 address space whose tables lie at the end of RAM: one table
// of each level, so that virtual addresses below 2 MiB can be mapped.
type space struct {
	g    *guest
	root uint64
}

const tables = base + 0x38000

// newSpace makes the n-th address space and maps RAM's first 32 pages one to
// one for the supervisor at virtual base (below 2 MiB after masking).
func newSpace(g *guest, n uint64) *space {
	s := &space{g, tables + n*0x3000}
	g.Early = func(pa uint64) byte {
		if pa >= tables && pa&7 == 0 {
			return pteA | pteD
		}
		return 0
	}
	s.entry(s.root, 0, s.root+0x1000, pteV)
	s.entry(s.root+0x1000, 0, s.root+0x2000, pteV)
	return s
}

func (s *space) entry(table, index, pa uint64, bits uint64) {
	s.g.Write(table+8*index, binary.LittleEndian.AppendUint64(nil, pa>>12<<10|bits))
}

// mapPage maps a virtual page below 2 MiB.
func (s *space) mapPage(va, pa uint64, bits uint64) { s.entry(s.root+0x2000, va>>12, pa, bits) }

func (s *space) satp() uint64 { return 8<<60 | s.root>>12 }

// pte is the virtual or physical position of a page's entry.
func (s *space) pte(va uint64) uint64 { return s.root + 0x2000 + va>>12*8 }

// enter switches translation on and goes to va.
func (s *space) enter(va uint64, mode uint32) {
	s.g.reset(va)
	s.g.Both(func(e *engine.Engine) {
		e.S.S[riscv64.SATP] = s.satp()
		e.S.Mode = mode
		e.S.S[riscv64.STVec] = 0x8000
		e.FlushAll()
	})
}

func (g *guest) many(t *testing.T, times, step int) {
	t.Helper()
	for n := 0; n < times; n += step {
		from := g.Ref.S.PC
		if err := g.Step(step); err != nil {
			t.Fatalf("step %d, from %#x: %v", step, from, err)
		}
	}
}

// handler is a trap handler at va 0x8000 that counts, skips the instruction
// and returns.
func handler() []byte {
	return code(
		csr(1, 31, 31, 0x140), // csrrw x31, sscratch, x31
		csr(2, 30, 0, 0x141),  // sepc
		addi(30, 30, 4),
		csr(1, 0, 30, 0x141),
		csr(2, 29, 0, 0x142), // scause
		add(28, 28, 29),
		csr(2, 29, 0, 0x143), // stval
		add(28, 28, 29),
		csr(1, 31, 31, 0x140),
		sret,
	)
}

// accessKinds are loads, stores and atomic accesses of every size, 8 bytes off
// where the form has an offset.
var accessKinds = []uint32{
	itype(3, 0, 5, 10, 8), itype(3, 1, 5, 10, 8), itype(3, 2, 5, 10, 8), ld(5, 10, 8), itype(3, 4, 5, 10, 8), itype(3, 5, 5, 10, 8), itype(3, 6, 5, 10, 8),
	stype(0x23, 0, 10, 6, 8), stype(0x23, 1, 10, 6, 8), sw(6, 10, 8), sd(6, 10, 8),
	itype(7, 2, 5, 10, 8), itype(7, 3, 5, 10, 8), stype(0x27, 2, 10, 6, 8), stype(0x27, 3, 10, 6, 8),
	rtype(0x2f, 2, 0, 5, 10, 6), rtype(0x2f, 3, 0, 5, 10, 6), // amoadd
	rtype(0x2f, 3, 8, 5, 10, 0), ld(6, 10, -8), // lr.d
	rtype(0x2f, 2, 8, 5, 10, 0), rtype(0x2f, 2, 12, 5, 10, 6), // lr.w, sc.w
}

// accessPage makes them all, page by page.
func accessPage() []byte {
	prog := code(accessKinds...)
	return fill(append(prog, code(addi(13, 13, 1), add(10, 10, 11), addi(12, 12, -1), btype(1, 12, 0, -4*(len(accessKinds)+3)), jal(0, 0))...))
}

// TestAccesses makes every kind of access to pages of every permission, in both
// modes, with and without SUM, hitting and missing the TLB; in the interpreter
// and in page functions.
func TestAccesses(t *testing.T) {
	t.Run("interpreter", func(t *testing.T) { testAccesses(t, newGuest(t)) })
	t.Run("page", func(t *testing.T) {
		entry := []uint16{0}
		tr := translatePages(t, []unit{{accessPage(), 0, entry}, {accessPage(), 1, entry}, {fill(handler()), 1, entry}})
		g := tr.guest()
		testAccesses(t, g)
		if g.Gen.Stats.Bound == 0 {
			t.Error("no page was bound")
		}
	})
}

func testAccesses(t *testing.T, g *guest) {
	s := newSpace(g, 0)
	g.Write(base+0x8000, fill(handler()))
	bits := []uint64{pteAll, pteAll | pteU, pteAll &^ pteW, pteAll&^pteW | pteU, pteAll &^ (pteA | pteD), pteAll&^pteD | pteU,
		pteAll &^ pteV, pteV | pteX | pteA, pteAll | pteG, 1 << 60}
	for i, b := range bits {
		s.mapPage(0x20000+uint64(i)<<12, base+0x10000+uint64(i)<<12, b)
	}
	s.mapPage(0x20000+uint64(len(bits))<<12, 0x1000_0000, pteAll|pteU) // the device
	g.Write(base+0x1000, accessPage())
	for _, sum := range []uint64{0, statusSUM} {
		for mode := range uint32(2) {
			for _, skew := range []uint64{0x100, 0x104, 0x102, 0x101, 0xff8, 0xffc, 0xff4} {
				user := uint64(0)
				if mode == 0 {
					user = pteU
				}
				s.mapPage(0x1000, base+0x1000, pteAll|user)
				s.mapPage(0x8000, base+0x8000, pteAll)
				for _, pass := range []struct {
					stride      uint64
					count, step int
				}{{0x1000, len(bits) + 2, 1}, {0x800, 2*len(bits) + 4, 13}} { // the second passes each page twice
					s.enter(0x1000, mode)
					g.setSUM(sum)
					g.Both(func(e *engine.Engine) { e.S.G[6] = 0x1122334455667788 })
					g.setReg(10, 0x20000+skew)
					g.setReg(11, pass.stride)
					g.setReg(12, uint64(pass.count))
					g.many(t, 110*pass.count, pass.step)
				}
			}
		}
	}
}

// TestAlias changes code through another address of its page.
func TestAlias(t *testing.T) {
	g := newGuest(t)
	s := newSpace(g, 0)
	s.mapPage(0x1000, base+0x1000, pteAll)
	s.mapPage(0x2000, base+0x2000, pteAll)
	s.mapPage(0x3000, base+0x2000, pteAll) // the alias
	g.Write(base+0x1000, code(
		itype(3, 2, 6, 11, 0), // the next word
		jalr(1, 13, 0),
		sw(6, 10, 0), // through the alias
		fenceI,
		jalr(1, 13, 0),
		jalr(1, 14, 0), // at the alias's address
		addi(11, 11, 4),
		addi(12, 12, -1),
		btype(1, 12, 0, -32),
		jal(0, 0),
	))
	for _, step := range []int{1, 3, 20} {
		g.Write(base+0x2000, code(addi(5, 5, 1), jalr(0, 1, 0)))
		g.Write(base+0x2800, code(addi(5, 5, 2), addi(7, 7, 3), add(5, 5, 5), addi(5, 5, -1), addi(7, 7, 9)))
		s.enter(0x1000, 1)
		g.setReg(10, 0x3000)
		g.setReg(11, 0x2800)
		g.setReg(12, 5)
		g.setReg(13, 0x2000)
		g.setReg(14, 0x3000)
		g.many(t, 200, step)
	}
}

// TestRemap changes what a page maps to: after sfence.vma, of all or of the
// page, data, code and the jumps to it are the new ones; satp likewise.
func TestRemap(t *testing.T) {
	g := newGuest(t)
	a, b := newSpace(g, 0), newSpace(g, 1)
	for _, s := range []*space{a, b} {
		s.mapPage(0x1000, base+0x1000, pteAll|pteG)
		s.mapPage(0x8000, base+0x8000, pteAll|pteG)
		s.mapPage(0x9000, a.root+0x2000, pteAll) // the first space's last table
	}
	a.mapPage(0x2000, base+0x2000, pteAll)
	b.mapPage(0x2000, base+0x4000, pteAll)
	g.Write(base+0x2000, code(addi(5, 5, 1), jalr(0, 1, 0)))
	g.Write(base+0x4000, code(addi(5, 5, 100), jalr(0, 1, 0)))
	for name, fence := range map[string]uint32{"all": sfenceAll, "page": sfenceAll | 13<<15, "space": sfenceAll | 20<<20} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 2, 5, 33} {
				g.Write(base+0x1000, code(
					jalr(1, 13, 0), // the page's code
					ld(6, 13, 0),   // and its data
					sd(14, 10, 16), // its entry in the table
					fence,
					jalr(1, 13, 0),
					ld(7, 13, 0),
					add(16, 14, 0), add(14, 15, 0), add(15, 16, 0), // swap entries
					sd(15, 10, 16), // back, without the fence's being needed: the same entry twice
					sd(14, 10, 16),
					fence,
					addi(12, 12, -1),
					btype(1, 12, 0, -13*4),
					jal(0, 0),
				))
				a.enter(0x1000, 1)
				g.setReg(10, 0x9000)
				g.setReg(12, 6)
				g.setReg(13, 0x2000)
				g.setReg(14, (base+0x4000)>>2|pteAll)
				g.setReg(15, (base+0x2000)>>2|pteAll)
				g.many(t, 200, step)
			}
		})
	}
	t.Run("satp", func(t *testing.T) {
		for _, step := range []int{1, 2, 5, 33} {
			a.mapPage(0x2000, base+0x2000, pteAll)
			g.Write(base+0x1000, code(
				jalr(1, 13, 0), ld(6, 13, 0),
				csr(1, 14, 14, 0x180), // swap address spaces
				jalr(1, 13, 0), ld(7, 13, 0),
				addi(12, 12, -1), btype(1, 12, 0, -24), jal(0, 0),
			))
			a.enter(0x1000, 1)
			g.setReg(12, 7)
			g.setReg(13, 0x2000)
			g.setReg(14, b.satp())
			g.many(t, 120, step)
		}
	})
}

// TestModes goes back and forth between user and supervisor mode by system
// calls; the same virtual page is mapped for each of them.
func TestModes(t *testing.T) {
	t.Run("interpreter", func(t *testing.T) { testModes(t, newGuest(t)) })
	t.Run("page", func(t *testing.T) {
		entry := []uint16{0}
		testModes(t, translatePages(t, []unit{{modesPage(), 0, entry}, {fill(handler()), 1, entry}}).guest())
	})
}

func modesPage() []byte {
	return fill(code(ld(5, 10, 0), addi(5, 5, 1), sd(5, 10, 0), ecall, csr(2, 9, 0, 0x100), addi(12, 12, -1), btype(1, 12, 0, -24), jal(0, 0)))
}

func testModes(t *testing.T, g *guest) {
	s := newSpace(g, 0)
	s.mapPage(0x1000, base+0x1000, pteAll|pteU)
	s.mapPage(0x8000, base+0x8000, pteAll)
	s.mapPage(0x20000, base+0x10000, pteAll|pteU)
	g.Write(base+0x8000, fill(handler()))
	g.Write(base+0x1000, modesPage())
	for _, step := range []int{1, 3, 17} {
		s.enter(0x1000, 0)
		g.setReg(10, 0x20000)
		g.setReg(12, 20)
		g.many(t, 700, step)
	}
}

// TestInterrupts: an interrupt waits until the guest enables it, by each form
// that may, and is taken behind that instruction.
func TestInterrupts(t *testing.T) {
	g := newGuest(t)
	// The handler withdraws the interrupt, so that it comes once.
	g.Write(base+0x8000, code(
		addi(28, 28, 1),
		csr(2, 29, 0, 0x141), add(27, 27, 29), // sepc
		csr(2, 29, 0, 0x100), add(26, 26, 29), // sstatus
		csr(3, 0, 25, 0x144), // csrrc sip, x25
		sret,
	))
	enable := map[string]uint32{
		"csrsi": csr(6, 0, 2, 0x100), "csrsi rd": csr(6, 9, 2, 0x100), "csrs": csr(2, 0, 24, 0x100), "csrs rd": csr(2, 9, 24, 0x100),
		"csrw": csr(1, 9, 23, 0x100), "csrw sie": csr(1, 0, 25, 0x104), "csrs sip": csr(2, 0, 25, 0x144),
	}
	for name, w := range enable {
		for _, disable := range []uint32{csr(7, 0, 2, 0x100), csr(3, 5, 24, 0x100)} {
			for _, step := range []int{1, 2, 5, 40} {
				g.Write(base, code(
					disable,
					csr(2, 0, 25, 0x144), // make it pending
					addi(5, 5, 1),
					w,
					addi(6, 6, 1), addi(7, 7, 1),
					addi(12, 12, -1), btype(1, 12, 0, -28), jal(0, 0),
				))
				g.reset(base)
				g.Both(func(e *engine.Engine) {
					e.S.S[riscv64.STVec] = base + 0x8000
					e.S.S[riscv64.SIE] = 2
					e.S.G[23] = e.S.S[riscv64.SStatus] | 2
					e.S.G[24], e.S.G[25] = 2, 2
				})
				g.setReg(12, 8)
				g.many(t, 200, step)
				if name != "csrw sie" && name != "csrs sip" && g.Gen.S.G[28] != 8 {
					t.Errorf("%s: %d interrupts, want 8", name, g.Gen.S.G[28])
				}
			}
		}
	}
}
