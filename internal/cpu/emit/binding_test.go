package emit_test

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// loop is a page that counts x5 up and x7 down, with data behind its code.
func countPage(add int) []byte {
	p := fill(code(addi(5, 5, add), addi(7, 7, -1), btype(1, 7, 0, -8), jal(0, 0)))
	copy(p[2048:], "data")
	return p
}

// runLoop runs countPage for n rounds and compares.
func (g *guest) runLoop(t *testing.T, n uint64) {
	t.Helper()
	g.Both(func(e *engine.Engine) { e.S.PC = base; e.S.G[7] = n })
	if err := g.until(base+12, 7, 10*int(n)+100); err != nil {
		t.Fatal(err)
	}
}

// TestBindingByContent: a page function is bound to the content and the mode
// that it was made for, and to nothing else; what writes to the page, by any
// way, unbinds it, and the old content binds it again.
func TestBindingByContent(t *testing.T) {
	p := countPage(1)
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	g := tr.guest()
	want := func(what string, bound uint64) {
		t.Helper()
		g.runLoop(t, 50)
		if g.Gen.Stats.Bound != bound {
			t.Fatalf("%s: %d bindings so far, want %d", what, g.Gen.Stats.Bound, bound)
		}
	}
	g.Write(base, p)
	want("first run", 1)
	want("second run", 1)
	g.Write(base, countPage(2))
	want("other code, by DMA", 1)
	g.Write(base, p)
	want("the same again", 2)
	g.Write(base+2048, []byte{1})
	want("other data beside the code", 2)
	g.Write(base, p)
	want("the same again", 3)
	g.Write(base+0x3000, p)
	want("its copy elsewhere", 3)

	u := translate(t, 0, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	g = u.guest()
	g.Write(base, p)
	want("the other mode", 0)
}

// TestStoreUnbinds: the code of a bound page changes itself, and a store to
// its data by its own code comes through.
func TestStoreUnbinds(t *testing.T) {
	p := fill(code(
		addi(5, 5, 1),
		sd(5, 10, 0),
		ld(6, 10, 0), add(9, 9, 6),
		addi(7, 7, -1), btype(1, 7, 0, -20),
		jal(0, 0),
	))
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	for _, at := range []uint64{base + 2048, base + 0x3000, base} {
		for step := 1; step < 12; step++ {
			g := tr.guest()
			g.Write(base, p)
			g.Both(func(e *engine.Engine) {
				e.S.G[7], e.S.G[10] = 40, at
				e.S.S[riscv64.STVec] = base + 24
			})
			if at == base { // the first instructions become illegal ones
				g.many(t, 60, step)
			} else if err := g.until(base+24, step, 1000); err != nil {
				t.Fatalf("store to %#x, step %d: %v", at, step, err)
			}
			if g.Gen.Stats.Bound == 0 {
				t.Fatal("never bound")
			}
			if gone := g.Gen.Stats.Unbound[engine.CauseStore] > 0; gone != (at == base) {
				t.Fatalf("store to %#x, step %d: unbound %v", at, step, gone)
			}
		}
	}
}

// TestDeadRead: an instruction that reads a register for nothing, as its
// result is known, leaves that register to be read by the code behind.
func TestDeadRead(t *testing.T) {
	p := fill(code(
		rtype(0x33, 7, 0, 5, 8, 0), // and x5, x8, x0
		btype(0, 10, 0, 8),
		add(7, 8, 9),
		add(6, 8, 9),
		jal(0, 0),
	))
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	for taken := range uint64(2) {
		g := tr.guest()
		g.Write(base, p)
		g.Both(func(e *engine.Engine) { e.S.G[8], e.S.G[9], e.S.G[10] = 1000, 2000, taken })
		if err := g.until(base+16, 10, 100); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMissAnywhere empties the TLB before every few instructions, so that each
// access of a block and a loop misses at some time with the instructions
// before it done and those behind it not.
func TestMissAnywhere(t *testing.T) {
	p := fill(code(
		addi(11, 11, 1), ld(5, 10, 0), addi(12, 5, 7), sd(12, 13, 8), ld(6, 13, 8), add(14, 14, 6),
		itype(0x03, 2, 9, 10, 16), sw(9, 13, 24), rtype(0x2f, 3, 0, 15, 10, 11), // amoadd.d
		addi(10, 10, 64), addi(13, 13, 64),
		addi(7, 7, -1), btype(1, 7, 0, -48),
		jal(0, 0),
	))
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	for step := 1; step < 30; step++ {
		g := tr.guest()
		g.Write(base, p)
		g.Both(func(e *engine.Engine) {
			e.S.G[7], e.S.G[10], e.S.G[13] = 150, isatest.MemBase+8, isatest.MemBase+0x8000
		})
		for n := 0; g.Gen.S.PC != base+52; n++ {
			if err := g.Step(step); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			g.Gen.TLB.FlushAll()
			if n > 5000 {
				t.Fatal("no end")
			}
		}
		if misses := g.Gen.Stats.Exits[core.ExitMiss]; misses < 60 {
			t.Errorf("only %d misses", misses)
		}
	}
}

// TestLongPage: more code than one function takes is translated in part and
// runs to its end all the same.
func TestLongPage(t *testing.T) {
	var b []byte
	for i := range core.PageSize/4 - 2 {
		b = append(b, code([]uint32{addi(5+i%8, 5+i%7, i), add(5+i%6, 5, 6), ld(14, 20, i&^7), sd(15, 20, i&^7)}[i*7/3%4])...)
	}
	b = append(b, code(addi(31, 31, -1), jal(0, 0))...)
	p := fill(b)
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	fn, ok := k.Translate(p, 1, []uint16{0})
	if !ok {
		t.Fatal("not translated")
	}
	// Beyond some 50 KB V8 allocates registers by a weaker method.
	if size := fn.Func.Body.Len(); size > 40_000 {
		t.Errorf("a page function of %d bytes for %d instructions", size, fn.Insns)
	}
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	g := tr.guest()
	g.Write(base, p)
	g.setReg(20, isatest.MemBase)
	if err := g.until(base+core.PageSize-4, 100, 3000); err != nil {
		t.Fatal(err)
	}
}
