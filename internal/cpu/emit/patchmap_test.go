package emit_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// Patched code under translation of addresses. In these tests the driver lies
// at 0x1000, the trap handler at 0x8000, lists at listVA.

const (
	listVA  = 0x6000
	flagVA  = 0x7000
	tableVA = 0x9000 // the space's last table
)

// mapped makes the n-th space with the pages that all these tests have.
func mapped(g *guest, n uint64) *space {
	s := newSpace(g, n)
	s.mapPage(0x1000, base+0x1000, pteAll)
	s.mapPage(listVA, patchList, pteAll)
	s.mapPage(flagVA, isatest.MemBase, pteAll)
	s.mapPage(0x8000, patchTrap, pteAll)
	s.mapPage(tableVA, s.root+0x2000, pteAll)
	return s
}

// tablePTE is where the mapped table has a virtual page's entry.
func tablePTE(va uint64) uint64 { return tableVA + va>>12*8 }

func pte(pa, bits uint64) uint64 { return pa>>12<<10 | bits }

func u64s(v ...uint64) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// function is a page with a function at its start: add n to x5 and m to x7.
func function(n, m int) []byte { return fill(code(addi(5, 5, n), addi(7, 7, m), ret)) }

// functionWords are what to write over function(1, 1) at an offset, a word at a
// time; some of them what was there.
func functionWords(to int) (list []byte) {
	short := fill(code(half(cAddi7, cAddi5), half(cnop, cAddi7), ret))
	if to == 2 {
		short = function(4, 1) // halves of instructions must fit
	}
	for _, v := range [][]byte{function(2, 2), function(1, 1), short, function(1, 1), function(1, 3), function(3, 1), function(3, 1), function(1, 1)} {
		list = append(list, v[to:to+4]...)
	}
	return list
}

func xor(rd, rs1, rs2 int) uint32 { return rtype(0x33, 4, 0, rd, rs1, rs2) }

func csrw(n, rs int) uint32 { return csr(1, 0, rs, n) }

const (
	csrSStatus = 0x100
	csrSEPC    = 0x141
	csrSCause  = 0x142
	csrSATP    = 0x180
)

func sfence(va, asid int) uint32 { return sfenceAll | uint32(va)<<15 | uint32(asid)<<20 }

// TestPatchAliased: a page changes itself through another address of it, and
// runs at both in turn.
func TestPatchAliased(t *testing.T) {
	var list []patching
	for _, s := range patchStores {
		for _, d := range []int{0, 4, 8, 32} {
			list = append(list, patching{fmt.Sprintf("%s/%d", s.name, d), func(t *testing.T, g *guest, step int) {
				page, at := selfPage(s.code, d == 8, xor(15, 15, 16), addi(12, 0, 3), jalr(0, 15, 0))
				to := at + d
				a := mapped(g, 0)
				a.mapPage(0x2000, base+0x2000, pteAll&^pteW)
				a.mapPage(0x3000, base+0x2000, pteAll)
				g.Write(base+0x2000, page)
				g.Write(patchTrap, fill(handler()))
				g.Write(patchList, replacements(page[to:], 24))
				a.enter(0x2000, 1)
				g.Both(func(e *engine.Engine) {
					e.S.G[10], e.S.G[11], e.S.G[12] = 0x3000+uint64(to), listVA, 3
					e.S.G[15], e.S.G[16] = 0x2000, 0x1000
				})
				g.many(t, 200, step)
			}})
		}
	}
	patchings(t, list)
}

// TestPatchSpaces: one address space writes what another executes, at an
// address where it executes something else itself.
func TestPatchSpaces(t *testing.T) {
	var list []patching
	for _, asid := range []uint64{0, 1} { // of the second space
		for _, to := range []uint64{0, 2, 4} {
			for _, global := range []uint64{0, pteG} { // the driver
				list = append(list, patching{fmt.Sprintf("%d/%d/%x", asid, to, global), func(t *testing.T, g *guest, step int) {
					a, b := mapped(g, 0), mapped(g, 1)
					for _, s := range []*space{a, b} {
						s.mapPage(0x1000, base+0x1000, pteAll|global)
					}
					a.mapPage(0x2000, base+0x2000, pteAll&^pteW)
					b.mapPage(0x2000, base+0x4000, pteAll&^pteW)
					b.mapPage(0x5000, base+0x2000, pteAll&^pteX)
					g.Write(base+0x2000, function(1, 1))
					g.Write(base+0x4000, function(100, 1))
					g.Write(patchList, functionWords(int(to)))
					g.Write(patchTrap, fill(handler()))
					g.Write(base+0x1000, fill(code(
						jalr(1, 13, 0),
						csr(1, 14, 14, csrSATP),
						jalr(1, 13, 0),
						lw(6, 11, 0), sw(6, 10, 0), addi(11, 11, 4),
						csr(1, 14, 14, csrSATP),
						jalr(1, 13, 0),
						addi(12, 12, -1), btype(1, 12, 0, -36), jal(0, 0))))
					a.enter(0x1000, 1)
					g.Both(func(e *engine.Engine) {
						e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = 0x5000+to, listVA, 8, 0x2000
						e.S.G[14] = b.satp() | asid<<44
					})
					g.many(t, 200, step)
				}})
			}
		}
	}
	patchings(t, list)
}

// TestPatchByDMA: devices write into a loop over two pages while it runs.
func TestPatchByDMA(t *testing.T) {
	const at = 0x2ff0 // the loop; an instruction of it is in both pages
	loop := append(half16(cAddi5), code(addi(5, 5, 1), addi(7, 7, 1), addi(8, 8, 1), add(6, 6, 5), addi(9, 9, 1), jal(0, -22))...)
	patchings(t, []patching{{"dma", func(t *testing.T, g *guest, step int) {
		mem := make([]byte, 0x2000)
		copy(mem[at-0x2000:], loop)
		g.Write(base+0x2000, mem)
		g.Write(patchTrap, fill(handler()))
		g.Both(func(e *engine.Engine) { e.S.PC, e.S.S[riscv64.STVec] = base+at, patchTrap })
		for i := range 40 {
			g.many(t, 20, step)
			switch i % 8 {
			case 0: // an immediate
				g.Write(base+at+5, []byte{byte(i)})
			case 1: // in both halves of the instruction in two pages
				g.Write(base+at+14, code(addi(6, 6, i)))
			case 2:
				g.Write(base+0x2800, []byte{byte(i)})
			case 3: // the same
				g.Write(base+at, loop)
			case 4: // sub for add
				g.Write(base+0x3001, []byte{byte(i/8%2) * 0x40})
			case 5: // all back
				g.Write(base+0x2000, mem)
			case 6: // to the end of the first page and to the second's start
				g.Write(base+at+8, make([]byte, 12))
			case 7:
				g.Write(base+0x2000, mem[:core.PageSize])
				g.many(t, 10, step)
				g.Write(base+0x3000, mem[core.PageSize:])
				g.Both(func(e *engine.Engine) { e.S.PC = base + at })
			}
		}
	}}})
}

// TestPatchReuse: a page is taken away, gets other content or another frame
// meanwhile, and comes back at the same address.
func TestPatchReuse(t *testing.T) {
	var list []patching
	for name, fence := range map[string]uint32{"all": sfence(0, 0), "page": sfence(13, 0), "space": sfence(0, 20), "page of space": sfence(13, 20)} {
		list = append(list, patching{name, func(t *testing.T, g *guest, step int) {
			a := mapped(g, 0)
			a.mapPage(0x2000, base+0x2000, pteAll)
			g.Write(base+0x2000, function(1, 1))
			g.Write(base+0x4000, function(2, 1))
			g.Write(patchTrap, fill(handler()))
			g.Write(base+0x1000, fill(code(
				jalr(1, 13, 0), ld(8, 13, 0),
				sd(0, 15, 0), fence,
				lw(6, 16, 0), btype(0, 6, 17, -4), // wait
				addi(17, 6, 0),
				ld(14, 16, 8), sd(14, 15, 0), fence,
				jal(0, -40))))
			a.enter(0x1000, 1)
			g.Both(func(e *engine.Engine) {
				e.S.G[13], e.S.G[15], e.S.G[16] = 0x2000, tablePTE(0x2000), flagVA
			})
			frames := []uint64{base + 0x2000, base + 0x4000}
			for i := range 12 {
				g.many(t, 60, step)
				frame := frames[i/3%2]
				if i%4 != 3 {
					g.Write(frame, function(1+i%3, 1))
				}
				g.Write(isatest.MemBase, u64s(uint64(i+1), pte(frame, pteAll)))
			}
		}})
	}
	patchings(t, list)
}

// TestPatchTwins: two frames of the same content run one page function; each
// is changed without the other, and both come back.
func TestPatchTwins(t *testing.T) {
	var list []patching
	for _, to := range []uint64{0, 2, 4, 0x800} {
		list = append(list, patching{fmt.Sprint(to), func(t *testing.T, g *guest, step int) {
			g.Write(base+0x2000, function(1, 1))
			g.Write(base+0x3000, function(1, 1))
			g.Write(patchTrap, fill(handler()))
			g.Write(patchList, functionWords(int(to)))
			g.Write(base, fill(code(
				jalr(1, 13, 0), jalr(1, 14, 0),
				lw(6, 11, 0), sw(6, 10, 0),
				jalr(1, 13, 0), jalr(1, 14, 0),
				xor(10, 10, 15), // the other one's turn
				sw(6, 10, 0),
				jalr(1, 14, 0), jalr(1, 13, 0),
				addi(11, 11, 4), addi(12, 12, -1), btype(1, 12, 0, -48), jal(0, 0))))
			g.Both(func(e *engine.Engine) {
				e.S.G[10], e.S.G[11], e.S.G[12] = base+0x2000+to, patchList, 8
				e.S.G[13], e.S.G[14], e.S.G[15] = base+0x2000, base+0x3000, 0x1000
				e.S.S[riscv64.STVec] = patchTrap
			})
			g.many(t, 300, step)
		}})
	}
	patchings(t, list)
}

// TestPatchForUser: the supervisor changes what the user executes, at an
// address of its own or at the user's, and executes it too.
func TestPatchForUser(t *testing.T) {
	var list []patching
	for _, sum := range []uint64{0, statusSUM} {
		for _, to := range []uint64{0, 2, 4} {
			for _, execute := range []bool{false, true} {
				list = append(list, patching{fmt.Sprintf("%x/%d/%v", sum, to, execute), func(t *testing.T, g *guest, step int) {
					a := mapped(g, 0)
					a.mapPage(0x2000, base+0x2000, pteAll|pteU)
					a.mapPage(0x3000, base+0x3000, pteAll|pteU)
					a.mapPage(0x5000, base+0x2000, pteAll)
					g.Write(base+0x2000, function(1, 1))
					g.Write(base+0x3000, fill(code(jalr(1, 13, 0), ecall, addi(8, 8, 1), jalr(1, 13, 0), ecall, jal(0, -20))))
					g.Write(patchList, functionWords(int(to)))
					call := uint32(nop)
					if execute {
						call = jalr(1, 18, 0)
					}
					g.Write(patchTrap, fill(code(
						lw(6, 11, 0), addi(11, 11, 4), sw(6, 10, 0),
						addi(21, 1, 0), call, addi(1, 21, 0),
						csr(2, 22, 0, csrSEPC), addi(22, 22, 4), csrw(csrSEPC, 22),
						sret)))
					a.enter(0x3000, 0)
					g.Both(func(e *engine.Engine) {
						e.S.S[riscv64.SStatus] |= sum
						e.S.G[10], e.S.G[11], e.S.G[13], e.S.G[18] = 0x5000+to, listVA, 0x2000, 0x5000
						if sum != 0 {
							e.S.G[10] = 0x2000 + to
						}
					})
					g.many(t, 180, step)
				}})
			}
		}
	}
	patchings(t, list)
}

// TestPatchModes: code that is bound for user and supervisor is executed by
// whom its mapping does not allow, and the mapping changes sides.
func TestPatchModes(t *testing.T) {
	patchings(t, []patching{{"sides", func(t *testing.T, g *guest, step int) {
		a := mapped(g, 0)
		user, supervisor := pte(base+0x2000, pteAll|pteU), pte(base+0x2000, pteAll)
		a.mapPage(0x2000, base+0x2000, pteAll|pteU)
		a.mapPage(0x3000, base+0x3000, pteAll|pteU)
		g.Write(base+0x2000, function(1, 1))
		g.Write(base+0x3000, fill(code(jalr(1, 13, 0), ecall, jalr(1, 13, 0), addi(8, 8, 1), jal(0, -16))))
		g.Write(patchTrap, fill(code(
			csr(2, 29, 0, csrSCause), btype(0, 29, 25, 56), // a page that must not be fetched: return
			csr(2, 22, 0, csrSEPC), csr(2, 23, 0, csrSStatus), addi(21, 1, 0),
			jalr(1, 13, 0),
			xor(14, 14, 15), sd(14, 16, 0), sfence(13, 0),
			jalr(1, 13, 0),
			addi(1, 21, 0), addi(22, 22, 4), csrw(csrSEPC, 22), csrw(csrSStatus, 23), sret,
			csrw(csrSEPC, 1), sret)))
		a.enter(0x3000, 0)
		g.Both(func(e *engine.Engine) {
			e.S.G[13], e.S.G[14], e.S.G[15], e.S.G[16], e.S.G[25] = 0x2000, user, user^supervisor, tablePTE(0x2000), 12
		})
		g.many(t, 400, step)
		if g.Gen.S.G[8] < 5 || g.Gen.S.G[7] < 20 {
			t.Errorf("%d rounds, %d calls", g.Gen.S.G[8], g.Gen.S.G[7])
		}
	}}})
}

// TestPatchBreakpoints: a supervisor puts a breakpoint into the user's code and
// takes it out when it is hit, as debuggers do.
func TestPatchBreakpoints(t *testing.T) {
	patchings(t, []patching{{"breakpoint", func(t *testing.T, g *guest, step int) {
		a := mapped(g, 0)
		a.mapPage(0x3000, base+0x3000, pteAll|pteU)
		a.mapPage(0x5000, base+0x3000, pteAll)
		g.Write(base+0x3000, fill(code(addi(5, 5, 1), addi(7, 7, 1), ecall, jal(0, -12))))
		g.Write(patchTrap, fill(code(
			csr(2, 29, 0, csrSCause), btype(0, 29, 25, 24),
			sw(24, 10, 0), csr(2, 22, 0, csrSEPC), addi(22, 22, 4), csrw(csrSEPC, 22), sret,
			sw(23, 10, 0), addi(8, 8, 1), sret)))
		a.enter(0x3000, 0)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[23], e.S.G[24], e.S.G[25] = 0x5004, uint64(addi(7, 7, 1)), ebreak, 3
		})
		g.many(t, 400, step)
		if hits, rounds := g.Gen.S.G[8], g.Gen.S.G[7]; hits < 10 || rounds < hits {
			t.Errorf("%d breakpoints, %d rounds", hits, rounds)
		}
	}}})
}

// TestPatchByWalk: an entry of a page table is executed, and changes as the
// page that it maps is accessed.
func TestPatchByWalk(t *testing.T) {
	patchings(t, []patching{{"walk", func(t *testing.T, g *guest, step int) {
		a := mapped(g, 0)
		const software = 3 << 8
		entry := pte(base+0x5000, pteV|pteX|software) // c.li x14, -30; with pteA, -14
		a.mapPage(0x5000, base+0x5000, pteV|pteX|software)
		g.Write(a.pte(0x6000)-8+8*10, code(ret)) // behind 0x5000's, 8 pages on
		g.Write(a.pte(0x5000)+4, []byte{0, 0, 0, 0})
		g.Write(base+0x5000, fill(code(ret)))
		g.Write(patchTrap, fill(code( // what lies in the table's other entries
			csrw(csrSEPC, 1), sret)))
		g.Write(base+0x1000, fill(code(
			jalr(1, 13, 0), add(7, 7, 14),
			jalr(1, 15, 0), // sets pteA
			jalr(1, 13, 0), add(9, 9, 14),
			sd(20, 13, 0), sfence(15, 0),
			addi(12, 12, -1), btype(1, 12, 0, -32), jal(0, 0))))
		a.enter(0x1000, 1)
		g.Both(func(e *engine.Engine) {
			e.S.G[12], e.S.G[13], e.S.G[15], e.S.G[20] = 10, tablePTE(0x5000), 0x5000, entry
		})
		g.many(t, 250, step)
		minus := func(n uint64) uint64 { return -n }
		if x, y := g.Gen.S.G[7], g.Gen.S.G[9]; x != minus(300) || y != minus(140) {
			t.Errorf("%d, %d", int64(x), int64(y))
		}
	}}})
}

// TestPatchProtected: a store to two pages faults at the second and changes
// nothing, until the handler has opened that page.
func TestPatchProtected(t *testing.T) {
	patchings(t, []patching{{"protected", func(t *testing.T, g *guest, step int) {
		a := mapped(g, 0)
		closed, open := pte(base+0x3000, pteAll&^pteW), pte(base+0x3000, pteAll)
		a.mapPage(0x2000, base+0x2000, pteAll)
		a.mapPage(0x3000, base+0x3000, pteAll&^pteW)
		mem := append(fill(nil), fill(nil)...)
		copy(mem[0xff0:], code(addi(8, 8, 1)))
		copy(mem[0xffe:], code(addi(5, 5, 1), addi(7, 7, 1), ret))
		g.Write(base+0x2000, mem)
		var data []byte
		for i := range 8 {
			data = append(data, code(addi(5, 5, 1+i%3), addi(7, 7, 1))...)
		}
		g.Write(patchList, data)
		// The instruction is as it was: run it, then open its second page.
		g.Write(patchTrap, fill(code(addi(21, 1, 0), jalr(1, 13, 0), addi(1, 21, 0), sd(20, 19, 0), sfence(18, 0), sret)))
		g.Write(base+0x1000, fill(code(
			ld(6, 11, 0), addi(9, 9, 1), sd(6, 10, 0), jalr(1, 13, 0),
			sd(22, 19, 0), sfence(18, 0), // closed again
			addi(11, 11, 8), addi(12, 12, -1), btype(1, 12, 0, -32), jal(0, 0))))
		a.enter(0x1000, 1)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = 0x2ffe, listVA, 8, 0x2ff0
			e.S.G[18], e.S.G[19], e.S.G[20], e.S.G[22] = 0x3000, tablePTE(0x3000), open, closed
		})
		g.many(t, 250, step)
	}}})
}
