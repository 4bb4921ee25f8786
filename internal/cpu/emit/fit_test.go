package emit

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// TestFit: a page whose code is too much for one function is cut to what fits in
// a few tries, and little room is left over, however many instructions it has:
// the fewer they are, the larger each is, and the farther below the first limit.
func TestFit(t *testing.T) {
	k := NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	rng := rand.New(rand.NewPCG(1, 13))
	cheap := []uint32{0x00128293, 0x006283b3, 0x00c5e533} // addi, add, or
	dear := []uint32{0x02b572d3, 0x1ac5f553, 0x00b6352f}  // fadd.d, fdiv.d, amoadd.d
	cut := 0
	for share := 0; share <= 10; share++ {
		for _, insns := range []int{300, 500, 800, 1000} {
			code := make([]byte, core.PageSize)
			for i := range insns {
				w := cheap[rng.IntN(len(cheap))]
				if rng.IntN(10) < share {
					w = dear[rng.IntN(len(dear))]
				}
				binary.LittleEndian.PutUint32(code[4*i:], w)
			}
			p, ok := k.TranslateSource(&Source{Code: code, Mode: 1, Entries: []uint16{0}})
			if !ok {
				t.Fatalf("%d instructions, %d in 10 dear: not translated", insns, share)
			}
			size := p.Func.Body.Len()
			if p.tries > 4 || size > maxPageBytes || p.tries > 1 && size < maxPageBytes*9/10 {
				t.Errorf("%d instructions, %d in 10 dear: %d tries, %d of them translated into %d bytes", insns, share, p.tries, p.Insns, size)
			}
			if p.tries > 1 {
				cut++
			}
		}
	}
	if cut < 10 {
		t.Errorf("only %d pages were too large", cut)
	}
}
