package emit_test

import (
	"math"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// Loops of one kind of instruction, eight in a row. What the loop itself costs
// is in "empty".
var loops = []struct {
	name string
	word func(i int) uint32
}{
	{"empty", nil},
	{"add", func(i int) uint32 { return add(5+i, 5+i, 20) }},
	{"ld", func(i int) uint32 { return ld(20, 10, 8*i) }},
	{"sd", func(i int) uint32 { return sd(20, 10, 8*i) }},
	{"fadd.d", func(i int) uint32 { return rtype(0x53, 7, 1, 8+i, 1, 2) }},
	{"fmul.d", func(i int) uint32 { return rtype(0x53, 7, 9, 8+i, 1, 2) }},
	{"fdiv.d", func(i int) uint32 { return rtype(0x53, 7, 13, 8+i, 1, 2) }},
	{"fmadd.d", func(i int) uint32 { return 3<<27 | 1<<25 | 2<<20 | 1<<15 | 7<<12 | uint32(8+i)<<7 | 0x43 }},
	{"fmadd.s", func(i int) uint32 { return 6<<27 | 5<<20 | 4<<15 | 7<<12 | uint32(8+i)<<7 | 0x43 }},
	{"fcvt.d.l", func(i int) uint32 { return rtype(0x53, 7, 0x69, 8+i, 20, 2) }},
	{"flt.d", func(i int) uint32 { return rtype(0x53, 1, 0x51, 21, 1, 2) }},
}

func loopPage(word func(i int) uint32) []byte {
	var b []byte
	if word != nil {
		for i := range 8 {
			b = append(b, code(word(i))...)
		}
	}
	b = append(b, code(addi(31, 31, 1))...)
	return fill(append(b, code(jal(0, -len(b)))...))
}

// BenchmarkLoop reports ns for each of the eight instructions, the loop
// included; sticky: the inexact flag is accrued.
func BenchmarkLoop(b *testing.B) {
	for _, l := range loops {
		page := loopPage(l.word)
		tr := translate(b, 1, [][]byte{page}, func(int) []uint16 { return []uint16{0} })
		for _, tier := range []string{"interpreter", "page"} {
			for _, flags := range []uint32{0, 1} {
				if flags == 0 && l.name[0] != 'f' {
					continue
				}
				name := l.name + "/" + tier
				if flags == 0 {
					name += "/exact"
				}
				b.Run(name, func(b *testing.B) {
					g := newGuest(b)
					if tier == "page" {
						g = tr.guest()
					}
					g.Write(base, page)
					third := 1.0 / 3
					if flags == 0 {
						third = 3
					}
					g.Both(func(e *engine.Engine) {
						e.S.FFlags = flags
						e.S.SetFP(true)
						e.S.G[10] = isatest.MemBase
						for i := 1; i < 4; i++ {
							e.S.F[i] = math.Float64bits(third * float64(i))
							e.S.F[i+3] = boxed | uint64(math.Float32bits(float32(third*float64(i))))
						}
					})
					loop := 10.0
					if l.word == nil {
						loop = 2
					}
					g.perInsn(b, loop/8)
				})
			}
		}
	}
}

// perInsn reports how many ns an instruction takes, times scale, once the code
// has run for a while.
func (g *guest) perInsn(b *testing.B, scale float64) {
	const batch = 1_000_000
	g.Gen.Run(batch)
	b.ResetTimer()
	n := 0
	for range b.N {
		n += g.Gen.Run(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)*scale, "ns/insn")
	b.ReportMetric(0, "ns/op")
}
