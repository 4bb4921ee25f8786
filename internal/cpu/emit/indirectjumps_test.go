package emit_test

import (
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
)

// callLoop calls a function of its own page from two places, x12 times.
func callLoop() []byte {
	return fill(code(
		jal(1, 32), addi(5, 5, 1), // 0
		jal(1, 24), add(6, 6, 5), // 8
		addi(12, 12, -1), btype(1, 12, 0, -20), // 16
		jal(0, 0), nop, // 24
		addi(7, 7, 3), auipc(9, 0), ret, // 32
	))
}

// callReturns are where callLoop's calls return to.
func callReturns() []uint16 { return []uint16{0, 4, 12} }

// switchLoop jumps by a table of offsets, at 0x100, to one of four cases, all of
// which jump back by x14: its loop is closed by indirect jumps alone.
func switchLoop() []byte {
	page := fill(code(
		auipc(13, 0), addi(13, 13, 0x100), // 0: the table
		auipc(14, 0), addi(14, 14, 8), // 8: here is 16
		itype(0x13, 7, 6, 5, 3), itype(0x13, 1, 6, 6, 2), // 16: x5 & 3, times 4
		add(6, 6, 13), lw(6, 6, 0), add(6, 6, 13), jalr(0, 6, 0),
	))
	for i, body := range [][]byte{
		code(addi(5, 5, 1), jal(0, 0x40-4)),
		code(addi(5, 5, 3), addi(7, 7, 1), jal(0, 0x30-8)),
		code(addi(5, 5, 5), jal(0, 0x20-4)),
		code(addi(5, 5, 7), add(8, 8, 5), jal(0, 0x10-8)),
	} {
		at := 0x40 + 0x10*i
		copy(page[at:], body)
		binary.LittleEndian.PutUint32(page[0x100+4*i:], uint32(at-0x100))
	}
	// To the head by the table's second half, so that each round has two jumps.
	copy(page[0x80:], code(lw(6, 13, 16), add(6, 6, 13), jalr(0, 6, 0)))
	binary.LittleEndian.PutUint32(page[0x110:], ^uint32(0x100-16)+1)
	return page
}

func switchCases() []uint16 { return []uint16{0, 16, 0x40, 0x50, 0x60, 0x70} }

// TestStays: returns to and jumps inside of the page do not leave the function.
func TestStays(t *testing.T) {
	for _, c := range []struct {
		name    string
		page    []byte
		entries []uint16
	}{{"return", callLoop(), callReturns()}, {"switch", switchLoop(), switchCases()}} {
		g := translate(t, 1, [][]byte{c.page}, func(int) []uint16 { return c.entries }).guest()
		g.Write(base, c.page)
		g.setReg(12, 1<<40)
		g.many(t, 400, 40) // the jump cache has the entries now
		before := g.Gen.S.PageCalls
		g.many(t, 5000, 1000)
		if n := g.Gen.S.PageCalls - before; n > 5 {
			t.Errorf("%s: %d calls of the page function in 5 slices", c.name, n)
		}
		for _, step := range []int{1, 2, 3, 7, 13} {
			g.many(t, 200, step)
		}
	}
}

// TestStaysByAlias: the same page function at two addresses: a return to the
// other one's page leaves, and what is relative to the program counter follows.
func TestStaysByAlias(t *testing.T) {
	page := callLoop()
	copy(page[24:], code(jalr(0, 13, 0)))
	copy(page[40:], code(add(1, 1, 14), xor(1, 1, 15), ret)) // x15 is 0 or the difference
	for _, mode := range []uint32{0, 1} {
		tr := translate(t, mode, [][]byte{page}, func(int) []uint16 { return callReturns() })
		bits := uint64(pteAll)
		if mode == 0 {
			bits |= pteU
		}
		for _, step := range []int{1, 5, 300} {
			g := tr.guest()
			s := newSpace(g, 0)
			g.Write(base+0x1000, page)
			g.Write(base+0x3000, page) // and another frame with this content
			s.mapPage(0x1000, base+0x1000, bits)
			s.mapPage(0x3000, base+0x1000, bits)
			s.mapPage(0x5000, base+0x3000, bits)
			s.enter(0x1000, mode)
			g.setReg(12, 1<<40)
			for round := range 12 {
				g.setReg(15, []uint64{0, 0x2000, 0, 0x4000}[round%4]) // the next return goes to another address
				g.many(t, 60, step)
				if round == 8 { // remapped in between
					s.mapPage(0x1000, base+0x3000, bits)
					g.Both(func(e *engine.Engine) { e.FlushPage(0x1000) })
				}
			}
			if g.Gen.Stats.Bound < 2 {
				t.Errorf("mode %d, step %d: %d bound", mode, step, g.Gen.Stats.Bound)
			}
		}
	}
}

// TestStaysInterrupted: an interrupt that comes while a loop goes round by
// indirect jumps alone is taken when the slice ends, and one that the loop
// enables itself at once.
func TestStaysInterrupted(t *testing.T) {
	page := callLoop()
	copy(page[32:], code(csr(7, 0, 2, csrSStatus), addi(7, 7, 3), csr(6, 0, 2, csrSStatus), ret))
	tr := translate(t, 1, [][]byte{page}, func(int) []uint16 { return callReturns() })
	const external = 1 << 9
	for _, step := range []int{1, 4, 50} {
		g := tr.guest()
		g.Write(base, page)
		g.Write(base+0x8000, code(addi(28, 28, 1), csr(1, 0, 0, 0x104), sret)) // no more of it
		g.Both(func(e *engine.Engine) {
			e.S.S[riscv64.STVec] = base + 0x8000
			e.S.S[riscv64.SStatus] |= 2
			e.S.G[12] = 1 << 40
		})
		for range 20 {
			g.many(t, 50, step)
			g.Both(func(e *engine.Engine) {
				e.S.S[riscv64.SIE] = external
				e.Priv.(*riscv64.Hart).SetExternal(true)
			})
		}
		g.many(t, 100, step)
		if n := g.Gen.S.G[28]; n != 20 {
			t.Errorf("step %d: %d interrupts, want 20", step, n)
		}
	}
}

// TestStaysInModes: the loop changes sstatus.SUM, and with it the mode, between
// call and return; both modes share the function and the jump cache.
func TestStaysInModes(t *testing.T) {
	page := callLoop()
	copy(page[32:], code(csr(1, 11, 11, csrSStatus), addi(7, 7, 3), ld(9, 10, 0), ret)) // swaps
	tr := translate(t, 1, [][]byte{page, fill(handler())}, func(i int) []uint16 { return [][]uint16{callReturns(), {0}}[i] })
	for _, step := range []int{1, 6, 100} {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x1000, page)
		g.Write(base+0x8000, fill(handler()))
		s.mapPage(0x1000, base+0x1000, pteAll)
		s.mapPage(0x8000, base+0x8000, pteAll)
		s.mapPage(0x20000, base+0x20000, pteAll|pteU)
		s.enter(0x1000, 1)
		g.setSUM(0)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12] = 0x20000, e.S.S[riscv64.SStatus]|statusSUM, 1<<40
		})
		g.many(t, 2000, step)
	}
}

// TestPatchStays: a function changes the code that it returns to, in its own
// page, and what it is itself.
func TestPatchStays(t *testing.T) {
	var list []patching
	for name, to := range map[string]int{"return": 4, "loop": 12, "itself": 44, "call": 8} {
		list = append(list, patching{name, func(t *testing.T, g *guest, step int) {
			page := callLoop()
			copy(page[32:], code(ld(6, 11, 0), addi(11, 11, 8), sw(6, 10, 0), addi(7, 7, 1), ret))
			g.patchAt(page, to)
			g.many(t, 220, step)
		}})
	}
	patchings(t, list)
}

// TestStaysSmall: what does not return inside the page is not made a loop.
func TestStaysSmall(t *testing.T) {
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	size := func(b []byte) int {
		f, ok := k.Translate(b, 1, []uint16{0})
		if !ok {
			t.Fatal("not translated")
		}
		return f.Func.Body.Len()
	}
	leaf := size(fill(code(addi(5, 5, 1), ret)))
	local := size(fill(code(addi(5, 5, 1), ret, jal(1, -8))))
	called := fill(code(jal(1, 8), nop, addi(5, 5, 1), ret))
	if n := size(called); n < leaf+40 {
		t.Errorf("%d bytes where a call returns, %d where none is", n, leaf)
	}
	if local != leaf { // the call is not reached
		t.Errorf("%d bytes beside a call, %d without", local, leaf)
	}
}

// BenchmarkStays reports ns for each instruction of loops whose indirect jumps
// stay in the page: a return in every 4 to 5 instructions, or a switch.
func BenchmarkStays(b *testing.B) {
	for _, l := range []struct {
		name    string
		page    []byte
		entries []uint16
	}{{"return", callLoop(), callReturns()}, {"switch", switchLoop(), switchCases()}} {
		g := translate(b, 1, [][]byte{l.page}, func(int) []uint16 { return l.entries }).guest()
		b.Run(l.name, func(b *testing.B) {
			g.reset(base)
			g.Write(base, l.page)
			g.setReg(12, 1<<40)
			g.perInsn(b, 1)
		})
	}
}
