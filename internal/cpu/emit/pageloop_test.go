package emit_test

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// walkLoop reads by x10 and writes by x13, each in steps that suit a stream,
// reads by x11 in steps that do not, sets registers twice on the way, and counts
// x7 down. Its head is at 4 and its end at walkEnd.
func walkLoop() []byte {
	return fill(code(
		addi(14, 0, 0),
		addi(5, 14, 3), ld(6, 10, 0), addi(5, 6, 1), ld(8, 11, 8), add(14, 14, 5),
		addi(5, 8, -1), sd(14, 13, 0), add(5, 5, 6), sd(5, 13, 8), itype(0x03, 4, 9, 10, 3),
		add(14, 14, 9), addi(10, 10, 24), addi(11, 11, 1100), addi(13, 13, 16),
		addi(7, 7, -1), btype(1, 7, 0, -60),
		jal(0, 0),
	))
}

const walkEnd = base + 68

// TestLoopRegisters: registers that a loop keeps in locals alone are in the
// state wherever it is left: by a budget that ends inside, by a TLB miss in any
// access with registers waiting, by an access that is not aligned, by a fault,
// and by its end.
func TestLoopRegisters(t *testing.T) {
	p := walkLoop()
	ramEnd := layout.RAMBase + uint64(layout.RAM)
	for _, entries := range [][]uint16{{0}, {0, 24, 44}} {
		tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return entries })
		for _, c := range []struct {
			name          string
			x10, x11, x13 uint64
			flush, faults bool
		}{
			{name: "aligned", x10: isatest.MemBase, x11: isatest.MemBase + 64, x13: isatest.MemBase + 0x8000},
			{name: "one page for all", x10: isatest.MemBase, x11: isatest.MemBase, x13: isatest.MemBase},
			{name: "misses", x10: isatest.MemBase + 8, x11: isatest.MemBase, x13: isatest.MemBase + 0x8000, flush: true},
			{name: "odd reads", x10: isatest.MemBase + 0xff1, x11: isatest.MemBase, x13: isatest.MemBase + 0x8000},
			{name: "odd writes", x10: isatest.MemBase, x11: isatest.MemBase, x13: isatest.MemBase + 0x8ff4},
			{name: "reads beyond memory", x10: ramEnd - 600, x11: isatest.MemBase, x13: isatest.MemBase + 0x8000, faults: true},
			{name: "writes beyond memory", x10: isatest.MemBase, x11: isatest.MemBase, x13: ramEnd - 264, faults: true},
			{name: "no memory at 0", x11: isatest.MemBase, x13: isatest.MemBase + 0x8000, faults: true},
		} {
			for _, step := range []int{1, 2, 5, 13, 1000} {
				g := tr.guest()
				g.Write(base, p)
				g.Write(base+0x8000, handler())
				g.Both(func(e *engine.Engine) {
					e.S.S[riscv64.STVec] = base + 0x8000
					e.S.G[7], e.S.G[10], e.S.G[11], e.S.G[13] = 90, c.x10, c.x11, c.x13
				})
				for n := 0; g.Gen.S.PC != walkEnd; n += step {
					if err := g.Step(step); err != nil {
						t.Fatalf("%s, step %d, entries %v: %v", c.name, step, entries, err)
					}
					if c.flush {
						g.Gen.TLB.FlushAll()
					}
					if n > 20_000 {
						t.Fatalf("%s, step %d: no end", c.name, step)
					}
				}
				if g.Gen.Stats.Bound == 0 || c.faults != (g.Gen.S.G[28] != 0) {
					t.Errorf("%s: %d bound, causes %#x", c.name, g.Gen.Stats.Bound, g.Gen.S.G[28])
				}
			}
		}
	}
}

// TestStreamSeesRemap: what a loop knows of a page ends when the function
// returns: with another page behind the same address, the next slice reads that.
func TestStreamSeesRemap(t *testing.T) {
	p := walkLoop()
	tr := translate(t, 1, [][]byte{p}, func(int) []uint16 { return []uint16{0} })
	g := tr.guest()
	g.Write(base, p)
	g.Both(func(e *engine.Engine) {
		e.S.G[7], e.S.G[10], e.S.G[11], e.S.G[13] = 90, isatest.MemBase, isatest.MemBase, isatest.MemBase+0x8000
	})
	for n := 0; g.Gen.S.PC != walkEnd; n++ {
		if err := g.Step(40); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, core.PageSize)
		for i := range b {
			b[i] = byte(n + i)
		}
		g.Write(isatest.MemBase, b) // by DMA, as a page that is swapped in
		if n > 1000 {
			t.Fatal("no end")
		}
	}
}

// TestPageSize: no page function is larger than engines like.
func TestPageSize(t *testing.T) {
	k := smallCore()
	for seed := range uint64(6) {
		for _, p := range [][]byte{newWild(seed).code(core.PageSize), fill(dense(seed)), fill(isatest.NewRISCV64(seed).Sequence(60))} {
			var entries []uint16
			for off := uint16(0); off < core.PageSize; off += 16 {
				entries = append(entries, off)
			}
			f, ok := k.Translate(p, 1, entries)
			if !ok {
				t.Fatal("not translated")
			}
			if n := f.Func.Body.Len(); n > 35_000 {
				t.Errorf("%d bytes for %d instructions", n, f.Insns)
			}
		}
	}
}
