package emit_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// edges64 makes operands whose sums, products and quotients fall near the ends
// of what page functions accept by themselves: the least normal number, 2^1008,
// infinity, and middles between two numbers.
func edges64(r *isatest.Random) (s operands) {
	sparse := func(exp int) float64 {
		v := 1 + math.Ldexp(1, -r.N(54)) - math.Ldexp(float64(r.N(2)), -r.N(54))
		if r.N(2) == 0 {
			v = -v
		}
		return math.Ldexp(v, exp)
	}
	e := r.N(2100) - 1075
	switch r.N(5) {
	case 0:
		e = -1022 + r.N(5) - 3
	case 1:
		e = 1008 + r.N(20) - 4
	case 2:
		e = r.N(100) - 50
	}
	half := e/2 + r.N(5) - 2
	x, y, z := sparse(half), sparse(e-half), sparse(e+r.N(130)-65)
	if r.N(4) == 0 {
		z = -x * y
	}
	if r.N(3) == 0 {
		x, y = sparse(e), sparse(e-r.N(60))
	}
	bits := math.Float64bits
	s = operands{bits(x), bits(y), bits(z), fcsrs[r.N(len(fcsrs))]}
	if r.N(2) == 0 {
		s[3] = 1
	}
	return s
}

// edges32 is edges64 for binary32, in its box.
func edges32(r *isatest.Random) (s operands) {
	sparse := func(exp int) uint64 {
		v := 1 + math.Ldexp(1, -r.N(25)) - math.Ldexp(float64(r.N(2)), -r.N(25))
		return boxed | uint64(math.Float32bits(float32(math.Ldexp(v, exp)))|uint32(r.N(2))<<31)
	}
	e := []int{r.N(280) - 150, -126 + r.N(5) - 3, 126 + r.N(5) - 3, r.N(20) - 10}[r.N(4)]
	half := e/2 + r.N(3) - 1
	s = operands{sparse(half), sparse(e - half), sparse(e + r.N(60) - 30), fcsrs[r.N(len(fcsrs))]}
	if r.N(3) == 0 {
		s[0], s[1] = sparse(e), sparse(e-r.N(30))
	}
	if r.N(2) == 0 {
		s[3] = 1
	}
	return s
}

// rounding are the instructions that round, by dynamic mode.
func rounding() (list []fpWord) {
	for _, w := range fpWords() {
		if w.word>>12&7 == 7 {
			list = append(list, w)
		}
	}
	return list
}

// TestFloatEdges runs the instructions that round where page functions decide
// between what is native and what is not.
func TestFloatEdges(t *testing.T) {
	list := rounding()
	var pages [][]byte
	for _, w := range list {
		pages = append(pages, fpPage(w.word))
	}
	g := translate(t, 1, pages, fpEntries).guest()
	r := isatest.Random(21)
	n := 6000
	if testing.Short() {
		n = 1000
	}
	for _, w := range list {
		var sets []operands
		for range n {
			if w.word>>25&3 == 0 {
				sets = append(sets, edges32(&r))
			} else {
				sets = append(sets, edges64(&r))
			}
		}
		runFP(t, g, w.name, w.word, sets)
	}
}

// fuzzed are the pages of FuzzFloat and their guest, made once.
var fuzzed struct {
	list []fpWord
	g    *guest
}

// FuzzFloat runs any instruction of "F" and "D", in any rounding mode, on any
// operands in a page function.
func FuzzFloat(f *testing.F) {
	r := isatest.Random(8)
	for i := range uint8(60) {
		s := edges64(&r)
		f.Add(i, uint8(7), s[0], s[1], s[2], s[3])
		f.Add(i, i, s[1], s[1]^1<<63, s[0], uint64(1))
	}
	fuzzed.list = modes(fpWords())
	var pages [][]byte
	for _, w := range fuzzed.list {
		pages = append(pages, fpPage(w.word))
	}
	fuzzed.g = translate(f, 1, pages, fpEntries).guest()
	f.Fuzz(func(t *testing.T, op, rm uint8, x, y, z, fcsr uint64) {
		w := fuzzed.list[(int(op)*6+int(rm))%len(fuzzed.list)]
		// The same operands with another flag or mode, and as binary32.
		runFP(t, fuzzed.g, w.name, w.word, []operands{{x, y, z, fcsr & 0xff}, {x, y, z, 1}, {x, y, z, 0},
			{x | boxed, y | boxed, z | boxed, 1}, {x | boxed, y | boxed, z | boxed, 0}, {x, x, y, 1}, {x, y, x, 1}})
	})
}

// TestFloatInterpreted: what a page function leaves to the interpreter, in the
// middle of a block, does not go to Go: quotients and roots that are exact while
// the inexact flag is clear, results from 2^1008 on.
func TestFloatInterpreted(t *testing.T) {
	const fld, fsd = 0x07, 0x27
	fp := func(f7 uint32, rd, rs1, rs2 int) uint32 { return rtype(0x53, 7, f7, rd, rs1, rs2) }
	page := fill(code(
		csr(1, 0, 13, 3), // fcsr
		itype(fld, 3, 1, 10, 0), itype(fld, 3, 2, 10, 8),
		fp(0x01, 3, 1, 2), // fadd.d
		fp(0x0d, 4, 3, 2), // fdiv.d
		fp(0x09, 5, 4, 4), // fmul.d
		fp(0x2d, 6, 5, 0), // fsqrt.d
		fp(0x05, 6, 6, 1), // fsub.d
		stype(fsd, 3, 11, 6, 0), stype(fsd, 3, 11, 5, 8),
		addi(12, 12, -1),
		btype(1, 12, 0, -9*4),
		jal(0, 0)))
	g := translate(t, 1, [][]byte{page}, func(int) []uint16 { return []uint16{0, 4} }).guest()
	for _, c := range []struct {
		name string
		x, y float64
		fcsr uint64
	}{{"exact", 6, 2, 0}, {"large", 0x1.9p1009, 0x1.3p505, 1}} {
		var b []byte
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.x))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.y))
		g.reset(base)
		g.Write(base, page)
		g.Write(setsAt, b)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = setsAt, outAt, 100, c.fcsr
		})
		g.Gen.Stats.Exits[core.ExitSingle] = 0
		if err := g.Step(3 + 10*100); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := g.Gen.Stats.Exits[core.ExitSingle]; n > 4 {
			t.Errorf("%s: left %d times in 100 rounds", c.name, n)
		}
	}
}

// TestFloatBits: moves, loads, stores and what concerns the sign alone keep
// every bit, of signalling NaNs too, though page functions hold the registers
// as floats.
func TestFloatBits(t *testing.T) {
	const fld, fsd = 0x07, 0x27
	sign := func(f3 uint32, rd, rs1, rs2 int) uint32 { return rtype(0x53, f3, 0x11, rd, rs1, rs2) }
	prog := code(
		itype(fld, 3, 1, 10, 0), itype(fld, 3, 2, 10, 8),
		sign(0, 3, 1, 1), sign(1, 4, 1, 1), sign(2, 5, 1, 1), // fmv.d, fneg.d, fabs.d
		sign(0, 6, 1, 2), sign(1, 7, 1, 2), sign(2, 8, 1, 2),
		rtype(0x53, 0, 0x71, 5, 4, 0), // fmv.x.d x5, f4
		rtype(0x53, 0, 0x79, 9, 5, 0), // fmv.d.x f9, x5
		stype(fsd, 3, 11, 3, 0), stype(fsd, 3, 11, 4, 8), stype(fsd, 3, 11, 5, 16), stype(fsd, 3, 11, 6, 24),
		stype(fsd, 3, 11, 7, 32), stype(fsd, 3, 11, 8, 40), stype(fsd, 3, 11, 9, 48), sd(5, 11, 56),
		addi(10, 10, 8), addi(11, 11, 64), addi(12, 12, -1),
		btype(1, 12, 0, -21*4),
		jal(0, 0))
	page := fill(prog)
	g := translate(t, 1, [][]byte{page}, func(int) []uint16 { return []uint16{0} }).guest()
	list := append(special64(), special32()...)
	var b []byte
	for _, v := range append(list, list[0]) {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	g.reset(base)
	g.Write(base, page)
	g.Write(setsAt, b)
	g.Both(func(e *engine.Engine) { e.S.G[10], e.S.G[11], e.S.G[12] = setsAt, outAt, uint64(len(list)) })
	if err := g.Step(22 * len(list)); err != nil {
		t.Error(err)
	}
}
