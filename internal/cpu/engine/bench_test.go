package engine

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
)

// The Go side of what every kernel entry and every new page costs. In a file
// the same code runs some two to three times slower.

// BenchmarkSingle executes a csrrs of scause and a jump back to it in Go.
func BenchmarkSingle(b *testing.B) {
	g := newBench(64, 4096, nil)
	g.sv39(32, pteAll)
	g.put(0, 0x142022f3, jump(-4)) // csrr t0, scause
	g.S.PC = 0
	for range b.N {
		g.Single()
	}
}

// BenchmarkTrap is an ecall of user mode and the kernel's sret.
func BenchmarkTrap(b *testing.B) {
	g := newBench(64, 4096, nil)
	g.put(0, ecall)
	g.put(0x100, 0x10200073)
	g.S.S[6] = ramBase + 0x100
	g.S.PC, g.S.Mode = ramBase, 0
	g.S.S[0] = 0
	for range b.N {
		g.Single()
		g.Single()
	}
}

// BenchmarkLookup enters decoded code into the jump cache.
func BenchmarkLookup(b *testing.B) {
	g := newBench(64, 40960, nil)
	g.sv39(32, pteAll)
	for i := 0; i < 8*core.PageSize; i += 4 {
		g.put(i, nop)
	}
	i := uint64(0)
	for range b.N {
		g.S.PC = i
		g.Lookup()
		if i += 4; i == 8*core.PageSize {
			i = 0
		}
	}
}

// BenchmarkMiss fills the TLB from page tables of three levels.
func BenchmarkMiss(b *testing.B) {
	g := newBench(600, 4096, nil)
	g.sv39(512, pteAll)
	i := uint64(0)
	for range b.N {
		g.S.ExitAddr, g.S.ExitKind = i<<core.PageShift, 3
		g.miss()
		if i++; i == 512 {
			i = 0
			g.TLB.FlushAll()
		}
	}
}

// BenchmarkDecode decodes 32 pages of code with a branch in every fourth
// instruction and reports what an instruction costs.
func BenchmarkDecode(b *testing.B) {
	g := newBench(64, 1<<17, nil)
	fillCode(g, 32)
	n := uint64(0)
	for range b.N {
		g.code.flush()
		before := g.Stats.Decoded
		for pc := uint64(ramBase); pc < ramBase+32*core.PageSize; pc += 64 {
			g.S.PC = pc
			g.Lookup()
		}
		n += g.Stats.Decoded - before
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/insn")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkNewPage decodes one instruction in each of many pages.
func BenchmarkNewPage(b *testing.B) {
	g := newBench(1024, 1<<17, nil)
	for i := range 1024 {
		g.put(i<<core.PageShift, loop)
	}
	i := uint64(0)
	for range b.N {
		g.S.PC = ramBase + i<<core.PageShift
		g.Lookup()
		if i++; i == 1024 {
			i = 0
			g.code.flush()
		}
	}
}

// BenchmarkFlushSpace is a change of address space with a warm TLB and jump
// cache.
func BenchmarkFlushSpace(b *testing.B) {
	g := newBench(600, 4096, nil)
	g.sv39(512, pteAll)
	for i := 0; i < 512; i++ {
		g.put(i<<core.PageShift, loop)
	}
	for range b.N {
		for i := uint64(0); i < 8; i++ {
			g.S.ExitAddr, g.S.ExitKind = i<<core.PageShift, 3
			g.miss()
			g.S.PC = i << core.PageShift
			g.Lookup()
		}
		g.FlushSpace()
	}
}

// fillCode fills pages with loops of forward and backward branches.
func fillCode(g *bench, pages int) {
	for i := 0; i < pages<<core.PageShift; i += 64 {
		for j := range 15 {
			w := uint32(nop)
			if j%4 == 3 {
				w = branch([4]int{24, -60, 100, -8}[j/4])
			}
			g.put(i+4*j, w)
		}
		g.put(i+60, jump(68))
	}
}
