package emit_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// operands is one execution: three operands, in x and f registers alike, and
// fcsr.
type operands [4]uint64

const (
	setSize = 32
	setsMax = 1200
	setsAt  = isatest.MemBase
	outAt   = setsAt + setsMax*setSize
)

// fpProgram executes op once for every set. Its operands are registers 1, 2
// and 3, its result is register 4.
func fpProgram(op uint32) []byte {
	return code(
		itype(0x07, 3, 1, 10, 0), ld(1, 10, 0),
		itype(0x07, 3, 2, 10, 8),
		itype(0x07, 3, 3, 10, 16),
		ld(13, 10, 24),
		csr(1, 0, 13, 3),
		addi(0, 0, 0), // so that op is in the middle of its block
		op,
		csr(2, 14, 0, 3),
		stype(0x27, 3, 11, 4, 0), sd(4, 11, 8), sd(14, 11, 16),
		addi(10, 10, setSize), addi(11, 11, 24), addi(12, 12, -1),
		btype(1, 12, 0, -15*4),
	)
}

const fpProgramLen = 16

// fpEntries are the entries of a page function of the program.
func fpEntries(int) []uint16 { return []uint16{0} }

// fpOpEntry makes the instruction an entry, too.
func fpOpEntry(int) []uint16 { return []uint16{0, 7 * 4} }

// fpPage is the program in a page that is otherwise empty.
func fpPage(op uint32) []byte { return fill(append(fpProgram(op), word(jal(0, 0))...)) }

// fpLeaves bounds how often a run of the program leaves for Go to execute an
// instruction: the first of floating point, and what traps.
const fpLeaves = 2

// runFP runs op on all sets on both machines.
func runFP(t testing.TB, g *guest, name string, op uint32, sets []operands) {
	t.Helper()
	for len(sets) > 0 {
		n := min(len(sets), setsMax)
		var b []byte
		for _, s := range sets[:n] {
			for _, v := range s {
				b = binary.LittleEndian.AppendUint64(b, v)
			}
		}
		g.Write(setsAt, b)
		g.Write(base, fpPage(op))
		g.reset(base)
		g.Gen.Stats.Exits[core.ExitSingle] = 0
		traps := false // a reserved rounding mode, in fcsr or the instruction
		for _, s := range sets[:n] {
			traps = traps || s[3]>>5&7 > 4
		}
		traps = traps || op>>12&7 > 4 && op>>12&7 < 7
		g.Both(func(e *engine.Engine) {
			e.S.S[riscv64.STVec] = base + 8*4 // a trap in op: go on behind it
			e.S.G[10], e.S.G[11], e.S.G[12] = setsAt, outAt, uint64(n)
		})
		err := g.Step(n * fpProgramLen)
		if left := g.Gen.Stats.Exits[core.ExitSingle]; left > fpLeaves && !traps {
			t.Errorf("%s: left %d times of %d", name, left, n)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			got, want := g.Gen.RAM.View(outAt, uint64(24*n)), g.Ref.RAM.View(outAt, uint64(24*n))
			shown := 0
			for i := 0; i < n && shown < 5; i++ {
				if x, y := got[24*i:24*i+24], want[24*i:24*i+24]; string(x) != string(y) {
					shown++
					t.Errorf("%s %#x: got %#x, want %#x", name, sets[i], words(x), words(y))
				}
			}
			return
		}
		sets = sets[n:]
	}
}

func words(b []byte) (w [3]uint64) {
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

type fpWord struct {
	name string
	word uint32
}

// fpWords are the encodings of the "F" and "D" extensions with the registers
// of fpProgram; the rounding mode is dynamic.
func fpWords() (list []fpWord) {
	for _, e := range riscv64.Encodings() {
		op := e.Match & 0x7f
		if e.Size != 4 || op != 0x53 && (op < 0x43 || op > 0x4f || op&3 != 3) {
			continue
		}
		w := e.Match | (4<<7|1<<15|2<<20|3<<27|7<<12)&^e.Mask
		list = append(list, fpWord{e.Name, w})
	}
	return list
}

const boxed = 0xffffffff << 32

// special64 and special32 are operands with something to them: zeros,
// infinities, NaNs, the ends of the ranges, integers at the ends of the
// integer types, halves, and neighbours.
func special64() []uint64 {
	f := math.Float64bits
	list := []uint64{f(0), f(math.Inf(1)), 0x7ff8 << 48, 0x7ff0_0000_0000_0001, 1, 2, 1<<52 - 1, 1 << 52, 1<<52 + 1, 1<<53 + 1, f(math.MaxFloat64), f(math.MaxFloat64 / 2),
		f(1), f(1) + 1, f(1) - 1, f(1.5), f(0.5), f(2.5), f(3), f(1 << 31), f(1<<31 - 1), f(1<<31 - 0.5), f(1<<31 + 0.5), f(1 << 32), f(1<<32 - 1), f(1<<32 - 0.5),
		f(1 << 63), f(1<<63) - 1, f(1 << 64), f(1<<64) - 1, f(1<<52 + 1), f(1<<53 - 1), f(1 << 53), f(0x1p-1022 * 1.5), f(0x1p-537), f(0x1p511), f(1.0 / 3), f(0.1), f(1e300), f(1e-300),
		f(0x1.fffffep127), f(0x1.ffffffp127), f(0x1p-126), f(0x1p-149), f(0x1p-150), f(0x1.000001p0), f(0x1.000003p0), f(0x1.fffffp-127)}
	for _, v := range list[:len(list):len(list)] {
		list = append(list, v|1<<63)
	}
	return list
}

func special32() []uint64 {
	f := func(v float32) uint64 { return uint64(math.Float32bits(v)) }
	list := []uint64{0, f(float32(math.Inf(1))), 0x7fc0_0000, 0x7f80_0001, 1, 2, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x0100_0001, f(math.MaxFloat32), f(math.MaxFloat32 / 2),
		f(1), f(1) + 1, f(1) - 1, f(1.5), f(0.5), f(2.5), f(3), f(1 << 31), f(1<<31) - 1, f(1 << 32), f(1<<32) - 1, f(1 << 63), f(1<<63) - 1, f(1 << 64), f(1 << 24), f(1<<24 - 1),
		f(0x1p-63), f(0x1p63), f(1.0 / 3), f(0.1), f(1e30), f(1e-30), f(0x1.000002p-126)}
	for _, v := range list[:len(list):len(list)] {
		list = append(list, v|1<<31)
	}
	for i := range list {
		list[i] |= boxed
	}
	return append(list, 0x3f80_0000, boxed-1) // not boxed
}

func ints() []uint64 {
	list := []uint64{0, 1, 1<<24 - 1, 1 << 24, 1<<24 + 1, 1<<25 + 2, 1<<25 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<54 + 2, 1<<54 + 1,
		1<<63 - 1, 1<<63 - 512, 1<<63 - 1<<39, 1 << 63, 1<<63 + 1024, 1<<64 - 1, 1<<64 - 1024, 1<<64 - 2048, 0x5555_5555_5555_5555, 0x8000_0080_0000_0000}
	for _, v := range list[:len(list):len(list)] {
		list = append(list, -v)
	}
	return list
}

// near makes a random operand of the kind that special ones are of, often
// close to one.
func near(r *isatest.Random, list []uint64) uint64 {
	v := list[r.N(len(list))]
	switch r.N(6) {
	case 0:
		return v ^ 1<<r.N(24)
	case 1:
		return v + uint64(r.N(9)) - 4
	case 2:
		return v ^ r.Next()&0x0007_ffff
	}
	return v
}

var fcsrs = func() (list []uint64) {
	for rm := range uint64(5) {
		for _, flags := range []uint64{0, 1, 0x1e, 0x1f} {
			list = append(list, rm<<5|flags)
		}
	}
	return list
}()

// specialSets are pairs (triples) of special operands for an instruction, in
// every rounding mode, with the inexact flag accrued and not.
func specialSets(name string, w uint32, r *isatest.Random, limit int) (sets []operands) {
	list := special64()
	switch {
	case strings.Contains(name, ".x") || strings.HasSuffix(name, ".w") || strings.HasSuffix(name, ".l") || strings.HasSuffix(name, "u") && !strings.Contains(name, "u."):
		list = ints()
	case strings.HasSuffix(name, ".s") || name == "fmv.x.w":
		list = special32()
	}
	random := limit / 2
	if w>>2&31 != 0x14 {
		random = limit
	}
	for len(sets) < random {
		sets = append(sets, operands{near(r, list), near(r, list), near(r, list), fcsrs[r.N(len(fcsrs))] & 0xe3})
	}
	fused := w>>2&31 != 0x14
	unary := w>>27 == 0xb || w>>30 == 3 || w>>27 == 8
	for len(sets) < limit && !fused {
		for _, x := range list {
			for _, f := range fcsrs {
				sets = append(sets, operands{x, list[r.N(len(list))], x, f})
			}
			for _, y := range list {
				if !unary {
					sets = append(sets, operands{x, y, y, fcsrs[r.N(len(fcsrs))]}, operands{x, y, y, 1}, operands{x, y, y, 0})
				}
			}
		}
	}
	for i := range sets { // in any order, so that a limit takes some of all
		j := r.N(i + 1)
		sets[i], sets[j] = sets[j], sets[i]
	}
	return sets[:limit]
}

// TestFloatSpecial runs every floating-point instruction on special operands.
func TestFloatSpecial(t *testing.T) {
	g := newGuest(t)
	r := isatest.Random(3)
	limit := 6000
	if testing.Short() {
		limit = 1200
	}
	for _, i := range fpWords() {
		name, w := i.name, i.word
		runFP(t, g, name, w, specialSets(name, w, &r, limit))
	}
}

// modes are the encodings of an instruction in every rounding mode, if it has
// one.
func modes(list []fpWord) (out []fpWord) {
	for _, i := range list {
		if i.word>>12&7 != 7 {
			out = append(out, i)
			continue
		}
		for _, rm := range []uint32{0, 1, 2, 3, 4, 7} {
			out = append(out, fpWord{fmt.Sprintf("%s, mode %d", i.name, rm), i.word&^(7<<12) | rm<<12})
		}
	}
	return out
}

// plain is the name of an instruction without its mode.
func plain(name string) string { s, _, _ := strings.Cut(name, ","); return s }

// TestFloatPages does the same in page functions, where an instruction is in the
// middle of a block or an entry.
func TestFloatPages(t *testing.T) {
	list := modes(fpWords())
	var pages [][]byte
	for _, w := range list {
		pages = append(pages, fpPage(w.word))
	}
	for _, entries := range []func(int) []uint16{fpEntries, fpOpEntry} {
		g := translate(t, 1, pages, entries).guest()
		r := isatest.Random(6)
		for _, w := range list {
			runFP(t, g, w.name, w.word, specialSets(plain(w.name), w.word, &r, 600))
		}
		if g.Gen.Stats.Bound < uint64(len(list)) {
			t.Errorf("only %d of %d pages were bound", g.Gen.Stats.Bound, len(list))
		}
	}
}

// csrWords are the accesses to fflags, frm and fcsr with the registers of
// fpProgram, and without a source or a destination.
func csrWords() (list []fpWord) {
	for n := 1; n <= 3; n++ {
		for _, op := range []uint32{1, 2, 3, 5, 6, 7} {
			for _, src := range []int{0, 1, 4, 9, 31} {
				if op < 4 && src > 4 {
					continue
				}
				for _, dst := range []int{0, 1, 4} {
					list = append(list, fpWord{fmt.Sprintf("csr%d, op %d, rd x%d, source %d", n, op, dst, src), csr(op, dst, src, n)})
				}
			}
		}
	}
	return list
}

// TestFloatCSR accesses fflags, frm and fcsr, in either tier.
func TestFloatCSR(t *testing.T) {
	list := csrWords()
	var pages [][]byte
	for _, w := range list {
		pages = append(pages, fpPage(w.word))
	}
	for _, g := range []*guest{newGuest(t), translate(t, 1, pages, fpEntries).guest()} {
		r := isatest.Random(7)
		for _, w := range list {
			var valid, any []operands
			for range 200 {
				s := operands{r.Next(), r.Next(), r.Next(), r.Next() & 0xff}
				any = append(any, s)
				// What cannot make a reserved mode does not leave.
				s[0], s[3] = s[0]&^0xe4, s[3]&0x1f
				if w.word>>12&4 == 0 && w.word>>20 == 2 {
					s[0] &= 3
				}
				valid = append(valid, s)
			}
			runFP(t, g, w.name, w.word, any)
			if w.word>>12&4 != 0 && w.word>>20 == 2 && w.word>>15&31 > 4 || w.word>>12&4 == 0 && w.word>>15&31 > 1 {
				continue
			}
			runFP(t, g, w.name, w.word, valid)
		}
	}
}

// TestFloatStatic runs the instructions with a rounding mode of their own in the
// interpreter, and the dynamic mode with what it must not be.
func TestFloatStatic(t *testing.T) {
	g := newGuest(t)
	r := isatest.Random(4)
	for _, w := range modes(fpWords()) {
		runFP(t, g, w.name, w.word, specialSets(plain(w.name), w.word, &r, 400))
	}
	for _, i := range rounding() {
		for rm := range uint32(8) {
			var sets []operands
			for range 100 {
				sets = append(sets, operands{near(&r, special64()), near(&r, special64()), near(&r, special64()), uint64(r.N(256))})
			}
			runFP(t, g, i.name, i.word&^(7<<12)|rm<<12, sets)
		}
	}
}
