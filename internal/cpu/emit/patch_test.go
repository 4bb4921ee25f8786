package emit_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// patching is a guest that changes its own code.
type patching struct {
	name string
	// run starts it and runs it, some instructions at once.
	run func(t *testing.T, g *guest, step int)
}

// patchings run each guest in the interpreter and learn what its pages held
// at every moment; then with page functions of all of that, of two halves of
// it, and with functions that can be entered at almost every offset, in the
// middle of instructions too.
func patchings(t *testing.T, list []patching) {
	t.Helper()
	steps := []int{1, 7}
	if testing.Short() {
		steps = []int{2}
	}
	p := engine.NewProfile()
	run := func(t *testing.T, guest func() *guest) (bound uint64) {
		t.Helper()
		for _, c := range list {
			t.Run(c.name, func(t *testing.T) {
				for _, step := range steps {
					g := guest()
					c.run(t, g, step)
					bound += g.Gen.Stats.Bound
				}
			})
		}
		return bound
	}
	t.Run("interpreter", func(t *testing.T) {
		run(t, func() *guest {
			g := newGuest(t)
			g.Gen.Profile = p
			return g
		})
	})
	if t.Failed() {
		return
	}
	tiers := newTiers(t, p)
	for _, tier := range tiers.sets() {
		t.Run(tier.name, func(t *testing.T) {
			bound := run(t, func() *guest { return tiers.guest(tier.bound) })
			if !tier.part && bound < uint64(len(list)) {
				t.Errorf("%d bindings for %d guests", bound, len(list))
			}
		})
	}
}

// tiers is one core with several translations of what a profile saw.
type tiers struct {
	core        *native.Core
	all, dense  *engine.Bindings
	half, other *engine.Bindings // of all
}

type tier struct {
	name  string
	bound *engine.Bindings
	part  bool // perhaps nothing of a guest is bound
}

func (x *tiers) sets() []tier {
	return []tier{{"pages", x.all, false}, {"half", x.half, true}, {"other half", x.other, true}, {"dense entries", x.dense, false}}
}

// newTiers translates a profile's pages, each as it was entered and once more
// with the offsets behind each entry as entries, at any alignment that code
// has.
func newTiers(t testing.TB, p *engine.Profile) *tiers {
	t.Helper()
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	x := &tiers{all: engine.NewBindings(), dense: engine.NewBindings(), half: engine.NewBindings(), other: engine.NewBindings()}
	var units []unit
	var sets [][]*engine.Bindings
	keys := profileKeys(p)
	for _, key := range keys {
		part := x.half
		if key.Content&1 == 0 {
			part = x.other
		}
		page := p.Pages[key]
		units = append(units, unit{page.Code, key.Mode, page.Offsets()}, unit{page.Code, key.Mode, behind(page.Offsets())})
		sets = append(sets, []*engine.Bindings{x.all, part}, []*engine.Bindings{x.dense})
	}
	for i, b := range addPages(k, units) {
		for _, s := range sets[i] {
			if b != nil {
				s.Add(keys[i/2], b)
			}
		}
	}
	c, err := native.Instantiate(k, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	x.core = c
	return x
}

// behind adds the offsets behind each entry.
func behind(entries []uint16) (list []uint16) {
	const reach = 64
	next := 0
	for _, e := range entries {
		for off := max(int(e), next); off < min(int(e)+reach, core.PageSize); off += 2 {
			list = append(list, uint16(off))
			next = off + 2
		}
	}
	return list
}

func (x *tiers) guest(b *engine.Bindings) *guest {
	return (&translated{x.core, b}).guest()
}

// half is two compressed instructions, or parts of others, as a word.
func half(low, high uint32) uint32 { return low&0xffff | high<<16 }

func half16(h uint32) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(h)) }

const (
	cnop   = 0x0001
	cAddi5 = 0x0285 // c.addi x5, 1
	cAddi7 = 0x0385 // c.addi x7, 1
	ret    = 0x00008067
)

// sh, sb and the rest store x6 or a copy of it to 0(x10).
func sh(rs2, rs1, imm int) uint32 { return stype(0x23, 1, rs1, rs2, imm) }
func sb(rs2, rs1, imm int) uint32 { return stype(0x23, 0, rs1, rs2, imm) }
func lw(rd, rs1, imm int) uint32  { return itype(0x03, 2, rd, rs1, imm) }

// patchStores are all kinds of stores of x6, x9 or f6 to what x10 points to.
var patchStores = []struct {
	name string
	code []byte
	size int
}{
	{"sb", code(sb(6, 10, 0)), 1},
	{"sh", code(sh(6, 10, 0)), 2},
	{"sw", code(sw(6, 10, 0)), 4},
	{"sd", code(sd(6, 10, 0)), 8},
	{"c.sw", append(half16(0xc104), half16(cnop)...), 4}, // x9, 0(x10)
	{"c.sd", append(half16(0xe104), half16(cnop)...), 8},
	{"fsw", code(stype(0x27, 2, 10, 6, 0)), 4},
	{"fsd", code(stype(0x27, 3, 10, 6, 0)), 8},
	{"amoswap.w", code(rtype(0x2f, 2, 4, 28, 10, 6)), 4},
	{"amoswap.d", code(rtype(0x2f, 3, 4, 28, 10, 6)), 8},
	{"amoxor.w", code(rtype(0x2f, 2, 0x10, 28, 10, 6)), 4},
	{"sc.w", code(rtype(0x2f, 2, 8, 28, 10, 0), rtype(0x2f, 2, 12, 28, 10, 6)), 4},
	{"sc.d", code(rtype(0x2f, 3, 8, 28, 10, 0), rtype(0x2f, 3, 12, 28, 10, 6)), 8},
}

const fmvD6 = 0xf2030353 // fmv.d.x f6, x6

// patchTrap is the trap handler of these tests, and where it lies.
const patchTrap = base + 0x8000

// selfPage is a loop that stores the next of a list over itself, and tail; at
// is the offset of its store.
func selfPage(store []byte, fence bool, tail ...uint32) (page []byte, at int) {
	head := code(ld(6, 11, 0), addi(9, 6, 0), fmvD6)
	wait := uint32(nop)
	if fence {
		wait = fenceI
	}
	b := append(append(head, store...), code(wait,
		addi(5, 5, 1), add(7, 7, 5), half(cAddi5, cAddi7), addi(5, 5, 2), add(8, 8, 7), addi(11, 11, 8), addi(12, 12, -1))...)
	b = append(b, code(btype(1, 12, 0, -len(b)))...)
	return fill(append(b, code(tail...)...)), len(head)
}

// replacements are what code is overwritten with, in turn with what it was.
func replacements(original []byte, n int) []byte {
	pairs := []uint64{
		uint64(addi(5, 5, 3)) | uint64(addi(7, 7, 5))<<32,
		uint64(half(cAddi7, cAddi7)) | uint64(half(cAddi5, cnop))<<32,
		uint64(btype(0, 0, 0, 8)) | uint64(addi(5, 5, 7))<<32,
		uint64(half(cAddi5, addi(8, 8, 1)&0xffff)) | uint64(half(addi(8, 8, 1)>>16, cAddi7))<<32,
		uint64(ecall) | uint64(ebreak)<<32,
	}
	old := binary.LittleEndian.Uint64(original)
	var b []byte
	for i := range n {
		v := old
		if i%3 != 2 {
			v = pairs[(i-i/3)%len(pairs)]
		}
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// patchList is where the replacements lie.
const patchList = isatest.MemBase + 0x1000

// TestPatchSelf: every kind of store changes the code that executes it: before
// it, itself, the very next instruction, the middle of instructions, the end
// of its loop.
func TestPatchSelf(t *testing.T) {
	var list []patching
	for i, s := range patchStores {
		for j, d := range []int{-12, -4, 0, 2, 4, 6, 8, 10, 20, 32} {
			fence := (i+j)%2 == 0
			list = append(list, patching{fmt.Sprintf("%s/%d/%v", s.name, d, fence), func(t *testing.T, g *guest, step int) {
				page, at := selfPage(s.code, fence, jal(0, 0))
				to := at + d
				if d >= 4 { // behind the store, which may be two instructions
					to += len(s.code) - 4
				}
				g.patchAt(page, to)
				g.many(t, 150, step)
			}})
		}
	}
	patchings(t, list)
}

// patchAt writes a page at base whose code is to store the replacements of its
// instruction at an offset: x10 is where, x11 the replacements, x12 how many
// rounds.
func (g *guest) patchAt(page []byte, to int) {
	g.Write(base, page)
	g.Write(patchTrap, fill(handler()))
	g.Write(patchList, replacements(page[to:], 24))
	g.Both(func(e *engine.Engine) {
		e.S.G[10], e.S.G[11], e.S.G[12] = base+uint64(to), patchList, 20
		e.S.S[riscv64.STVec] = patchTrap
	})
}

// TestPatchUnseen: code that a page function has, but that has never run, is
// changed before it does.
func TestPatchUnseen(t *testing.T) {
	page := fill(code(
		addi(5, 5, 1),
		addi(12, 12, -1),
		btype(0, 12, 0, 20), // to the code that is changed meanwhile
		sw(6, 10, 0),
		lw(6, 10, 0x400), // another instruction, for the next time
		jal(0, -20),
		nop,
		addi(7, 7, 1),
		addi(8, 8, 1),
		addi(12, 0, 3),
		jal(0, -40),
	))
	copy(page[28+0x400:], code(addi(7, 7, 4)))
	var list []patching
	for _, to := range []int{28, 30, 32, 36} {
		for _, first := range []uint32{addi(7, 7, 2), addi(7, 7, 1), half(cAddi7, cAddi7), jal(0, 8)} {
			list = append(list, patching{fmt.Sprintf("%d/%x", to, first), func(t *testing.T, g *guest, step int) {
				g.Write(base, page)
				g.Write(patchTrap, fill(handler()))
				g.Both(func(e *engine.Engine) {
					e.S.G[6], e.S.G[10], e.S.G[12] = uint64(first), base+uint64(to), 3
					e.S.S[riscv64.STVec] = patchTrap
				})
				g.many(t, 120, step)
			}})
		}
	}
	patchings(t, list)
}

// TestPatchBoth: an instruction in two pages is changed by one store to both,
// from a page of its own and from either of them.
func TestPatchBoth(t *testing.T) {
	const first = 0x2000
	words := []uint32{addi(5, 5, 2), half(cAddi5, cAddi7), addi(7, 7, 3), addi(5, 5, 1), half(cnop, cAddi5), jal(0, 4), addi(5, 5, 1)}
	var list []patching
	for _, driver := range []int{0x1000, first + 0x100, first + 0x1100} {
		for _, kind := range []int{2, 3} { // of 4 and 8 bytes
			list = append(list, patching{fmt.Sprintf("%x/%d", driver, kind), func(t *testing.T, g *guest, step int) {
				mem := make([]byte, 0x4000)
				for i := 0; i < len(mem); i += 2 {
					copy(mem[i:], half16(cnop))
				}
				copy(mem[first+0xff0:], code(addi(8, 8, 1)))
				copy(mem[first+0xffe:], code(addi(5, 5, 1), addi(9, 9, 1), ret))
				copy(mem[driver:], code(
					ld(6, 11, 0), stype(0x23, uint32(kind), 10, 6, 0),
					jalr(1, 13, 0), addi(11, 11, 8), addi(12, 12, -1), btype(1, 12, 0, -20), jal(0, 0)))
				g.Write(base, mem)
				var data []byte
				for _, w := range words {
					data = binary.LittleEndian.AppendUint64(data, uint64(w)|uint64(addi(9, 9, 1))<<32)
				}
				g.Write(patchList, data)
				g.Both(func(e *engine.Engine) {
					e.S.PC = base + uint64(driver)
					e.S.G[10], e.S.G[11], e.S.G[12] = base+first+0xffe, patchList, uint64(len(words))
					e.S.G[13] = base + first + 0xff0
				})
				g.many(t, 150, step)
			}})
		}
	}
	patchings(t, list)
}

// TestPatchReturn: a function changes the code that it returns to, the call
// included.
func TestPatchReturn(t *testing.T) {
	var list []patching
	for _, to := range []int{0, 4, 6, 8} {
		list = append(list, patching{fmt.Sprint(to), func(t *testing.T, g *guest, step int) {
			page := fill(code(jalr(1, 13, 0), addi(5, 5, 1), addi(7, 7, 1), addi(12, 12, -1), btype(1, 12, 0, -16), jal(0, 0)))
			g.Write(base, page)
			g.Write(base+0x2000, fill(code(ld(6, 11, 0), addi(11, 11, 8), sw(6, 10, 0), ret)))
			g.Write(patchTrap, fill(handler()))
			g.Write(patchList, replacements(page[to:], 24))
			g.Both(func(e *engine.Engine) {
				e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = base+uint64(to), patchList, 20, base+0x2000
				e.S.S[riscv64.STVec] = patchTrap
			})
			g.many(t, 180, step)
		}})
	}
	patchings(t, list)
}

// TestPatchOverlap: code is entered at two offsets with different instructions
// in the same bytes; stores change one of them or both.
func TestPatchOverlap(t *testing.T) {
	var list []patching
	for _, to := range []int{0, 1, 2, 3} {
		list = append(list, patching{fmt.Sprint(to), func(t *testing.T, g *guest, step int) {
			// lui x5 with c.addi x7, 1 in its upper half; then a return.
			fn := fill(code(lui(5, cAddi7<<16), ret))
			g.Write(base, fill(code(
				itype(3, 4, 6, 11, 0), // lbu
				jalr(1, 13, 0), add(8, 8, 5), jalr(1, 13, 2),
				sb(6, 10, 0),
				jalr(1, 13, 2), jalr(1, 13, 0), add(8, 8, 5),
				addi(11, 11, 1), addi(12, 12, -1), btype(1, 12, 0, -40), jal(0, 0))))
			g.Write(base+0x2000, fn)
			g.Write(patchTrap, fill(handler()))
			old := fn[to]
			g.Write(patchList, []byte{old ^ 0x10, old, old ^ 0x80, old ^ 0x80, old, old ^ 8, old, old ^ 0x20, old})
			g.Both(func(e *engine.Engine) {
				e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = base+0x2000+uint64(to), patchList, 9, base+0x2000
				e.S.S[riscv64.STVec] = patchTrap
			})
			g.many(t, 200, step)
		}})
	}
	patchings(t, list)
}

// TestPatchAppend: a compiler adds function after function to a page, runs
// each, and earlier ones in between.
func TestPatchAppend(t *testing.T) {
	patchings(t, []patching{{"append", func(t *testing.T, g *guest, step int) {
		g.Write(base, fill(code(
			sw(6, 10, 0), sw(9, 10, 4), // addi x5, x5, n; ret
			jalr(1, 10, 0),
			jalr(1, 13, 0),
			add(6, 6, 14), // n + 1
			addi(10, 10, 8),
			addi(12, 12, -1), btype(1, 12, 0, -28), jal(0, 0))))
		g.Write(base+0x2000, fill(code(addi(7, 7, 1), ret)))
		g.Both(func(e *engine.Engine) {
			e.S.G[6], e.S.G[9], e.S.G[10] = uint64(addi(5, 5, 1)), ret, base+0x2008
			e.S.G[12], e.S.G[13], e.S.G[14] = 90, base+0x2000, 1<<20
		})
		g.many(t, 1100, step)
	}}})
}

// TestPatchMany: a loop stores to its own page beside itself thousands of
// times, and now and then into itself.
func TestPatchMany(t *testing.T) {
	patchings(t, []patching{{"many", func(t *testing.T, g *guest, step int) {
		g.Write(base, fill(code(
			itype(0x13, 7, 6, 12, 3), // andi
			sd(6, 10, 0), ld(9, 10, 0), add(5, 5, 9),
			addi(7, 7, 1),
			itype(0x13, 7, 6, 12, 255),
			btype(1, 6, 0, 16),
			lw(6, 11, 0), sw(6, 13, 0), addi(11, 11, 4), // into the loop
			addi(12, 12, -1), btype(1, 12, 0, -44), jal(0, 0))))
		var data []byte
		for i := range 16 {
			data = append(data, code(addi(7, 7, 1+i%3))...)
		}
		g.Write(patchList, data)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = base+2048, patchList, 3000, base+16
		})
		if step == 1 {
			step = 41 // the comparisons take their time
		}
		g.many(t, 28_000, step)
	}}})
}
