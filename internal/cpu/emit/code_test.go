package emit_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
	"github.com/c2w/c2w/internal/testkit/twin"
)

func (g *guest) setReg(n int, v uint64) { g.Both(func(e *engine.Engine) { e.S.G[n] = v }) }

// run steps with several budgets from fresh starts.
func (g *guest) steps(t *testing.T, pc uint64, times, limit int, prepare func()) {
	t.Helper()
	for _, step := range []int{1, 2, 3, 7, 50} {
		g.reset(pc)
		prepare()
		for n := 0; n < times; n += step {
			if err := g.Step(step); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		}
	}
	_ = limit
}

// TestBranches takes near and far branches and jumps, forward and backward,
// and those that are not taken.
func TestBranches(t *testing.T) {
	g := newGuest(t)
	for _, d := range []int{-4096 + 12, -2048, -64, -4, 4, 8, 64, 2048, 4094} {
		for _, at := range []uint64{0x2000, 0x2004, 0x2ff8, 0x2ffc, 0x2800} {
			t.Run(fmt.Sprintf("%d/%x", d, at), func(t *testing.T) {
				pc := base + at
				target := pc + uint64(int64(d))
				for f3, w := range []uint32{btype(0, 5, 6, d), btype(1, 5, 6, d), btype(4, 5, 6, d), btype(5, 5, 6, d),
					btype(6, 5, 6, d), btype(7, 5, 6, d), btype(0, 5, 0, d), btype(1, 5, 0, d), btype(4, 0, 5, d), btype(5, 0, 5, d), jal(1, d), jal(0, d)} {
					page := make([]byte, 0x6000)
					for i := 0; i < len(page); i += 2 {
						binary.LittleEndian.PutUint16(page[i:], 0x0001) // c.nop
					}
					copy(page[target-base:], code(addi(7, 7, 1), jal(0, int(int64(pc)-int64(target)-4))))
					copy(page[at:], code(w))
					copy(page[at+4:], code(addi(8, 8, 1)))
					if d == 4 || d == 8 || d == -4 {
						page = page[:len(page):len(page)]
						copy(page[at:], code(w))
					}
					copy(page[0x4ff0:], code(jal(0, -0x2f00)))
					g.Write(base, page)
					for _, v := range [][2]uint64{{0, 0}, {1, 2}, {2, 1}, {^uint64(0), 1}} {
						g.reset(pc)
						g.setReg(5, v[0])
						g.setReg(6, v[1])
						for n := range 8 {
							if err := g.Step(1 + n); err != nil {
								t.Fatalf("branch %d %s: %v", f3, riscv64.Guest.Disasm(binary.LittleEndian.AppendUint32(nil, w), pc), err)
							}
						}
					}
				}
			})
		}
	}
}

// TestPageEnd runs straight over a page's end at every alignment: compressed,
// whole and straddling instructions, plain ones and branches, and a page that
// cannot be fetched behind.
func TestPageEnd(t *testing.T) {
	g := newGuest(t)
	const end = base + 0x3000
	insns := []uint32{addi(5, 5, 1), btype(0, 0, 0, 8), btype(1, 0, 0, 8), btype(0, 0, 0, -64), jal(1, 12), jal(0, -32), ld(6, 8, 0), sd(6, 8, 8), jalr(1, 9, 0), ecall, ebreak}
	for _, w := range insns {
		for before := 2; before <= 12; before += 2 {
			page := make([]byte, 0x6000)
			for i := 0; i < len(page); i += 2 {
				binary.LittleEndian.PutUint16(page[i:], 0x0001)
			}
			copy(page[0x3000-before:], code(w))
			copy(page[0x3020:], code(jal(0, -0x60)))
			g.Write(base, page)
			g.steps(t, end-32, 200, 0, func() {
				g.setReg(8, isatest.MemBase+0x1000)
				g.setReg(9, end+8)
				g.Both(func(e *engine.Engine) { e.S.S[riscv64.STVec] = end + 16 })
			})
		}
	}
}

// TestModifiedCode rewrites instructions ahead, behind, in this page and in
// others, and through another address of the same page.
func TestModifiedCode(t *testing.T) {
	g := newGuest(t)
	// x10: address to patch, x11: address of replacement words, x12: count.
	// Each round copies one word over the target, then runs the target.
	const target = 0x2010
	for _, c := range []struct {
		name  string
		patch uint64 // what is overwritten
		code  uint64 // where the patching loop is
	}{
		{"other page", target, 0x1000},
		{"same page, behind", target, target + 0x40},
		{"same page, ahead", target, target - 0x10},
		{"straddling", 0x2ffe, 0x1000},
		{"straddling, second half", 0x3000, 0x1000},
	} {
		for _, fence := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", c.name, fence), func(t *testing.T) {
				page := make([]byte, 0x6000)
				for i := 0; i < len(page); i += 2 {
					binary.LittleEndian.PutUint16(page[i:], 0x0001)
				}
				run := uint64(c.patch)
				if c.patch == 0x3000 {
					run = 0x2ffe
				}
				copy(page[run:], code(addi(5, 5, 1)))
				copy(page[run+4:], code(jalr(0, 1, 0)))
				size := 4
				f := uint32(nop)
				if fence {
					f = fenceI
				}
				put := sw(6, 10, 0)
				if c.patch&3 != 0 || c.patch == 0x3000 {
					size, put = 2, stype(0x23, 1, 10, 6, 0)
				}
				loop := code(
					itype(0x03, 2, 6, 11, 0), // lw x6, 0(x11)
					put,
					f,
					jalr(1, 13, 0),
					addi(11, 11, 4),
					addi(12, 12, -1),
					btype(1, 12, 0, -24),
					jal(0, 0),
				)
				if c.name == "same page, ahead" {
					// Falls into the target, which goes on behind.
					loop = code(itype(0x03, 2, 6, 11, 0), put, f, nop)
					copy(page[target+4:], code(addi(11, 11, 4), addi(12, 12, -1), btype(1, 12, 0, -0x10-12), jal(0, 0)))
				}
				copy(page[c.code:], loop)
				g.Write(base, page)
				words := code(addi(5, 5, 2), addi(7, 7, 3), add(5, 5, 5), addi(5, 5, -1), addi(7, 7, 9), addi(8, 8, 1), addi(5, 0, 9))
				if size == 2 && c.patch == 0x3000 {
					// The upper half of addi x5, x5, n.
					words = code(addi(5, 5, 2)>>16, addi(5, 5, 7)>>16, addi(5, 5, 100)>>16, addi(5, 5, 31)>>16)
				} else if size == 2 {
					words = code(addi(5, 5, 1)&0xffff, addi(7, 5, 1)&0xffff, addi(8, 5, 1)&0xffff)
				}
				g.steps(t, base+c.code, 200, 0, func() {
					g.Write(base, page)
					g.Write(isatest.MemBase+0x2000, words)
					g.setReg(10, base+c.patch)
					g.setReg(11, isatest.MemBase+0x2000)
					g.setReg(12, uint64(len(words)/4))
					g.setReg(13, base+run)
				})
			})
		}
	}
}

// TestStoresBesideCode: a page with code takes stores beside it one by one,
// then the code yields; it must come back. Bound code stays.
func TestStoresBesideCode(t *testing.T) {
	g := newGuest(t)
	const other = base + 0x3000
	g.load(base, code(
		sd(5, 10, 0), // into the page of the function
		addi(5, 5, 1),
		jalr(1, 11, 0),
		addi(10, 10, 8),
		addi(12, 12, -1),
		btype(1, 12, 0, -20),
	))
	g.load(other, code(ld(6, 10, 0), add(7, 7, 6), jalr(0, 1, 0)))
	g.steps(t, base, 1500, 0, func() {
		g.setReg(10, other+64)
		g.setReg(11, other)
		g.setReg(12, 200)
	})
	if again != nil && g.Gen.Stats.Unbound[engine.CauseStore] > 0 {
		t.Error("a store to data unbinds")
	} else if again == nil && g.Gen.Stats.Dropped == 0 {
		t.Error("the code never yielded")
	}
}

// TestSmallRecords runs more code than the record memory holds.
func TestSmallRecords(t *testing.T) {
	small := layout
	small.Records = 3 * 258 * core.RecordSize
	c, err := native.New(riscv64.Guest, small)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	g := &guest{twin.New(c, riscv64.Guest, newHart)}
	g.reset(base)
	var b []byte
	for i := range 0x3000 / 16 {
		b = append(b, code(addi(5, 5, i&7), btype(0, 0, 5, 8), add(6, 6, 5), addi(7, 7, 1))...)
	}
	b = append(b, code(jal(0, -len(b)))...)
	g.Write(base, b)
	g.steps(t, base, 10000, 0, func() {})
	if g.Gen.Stats.Flushed < 5 {
		t.Errorf("record memory was used up %d times only", g.Gen.Stats.Flushed)
	}
}

// TestStraddleAfterDrop: the second page of an instruction's two is dropped
// and decoded again before the instruction runs next.
func TestStraddleAfterDrop(t *testing.T) {
	g := newGuest(t)
	const first, second = base + 0x2000, base + 0x3000
	page := make([]byte, 0x2000)
	copy(page[0xffe:], code(addi(5, 5, 1), jalr(0, 1, 0)))
	copy(page[0x1010:], code(addi(6, 6, 1), jalr(0, 1, 0)))
	g.Write(first, page)
	g.load(base, code(
		jalr(1, 10, 0),           // the straddling instruction
		itype(0x03, 5, 7, 10, 2), // lhu x7, 2(x10)
		stype(0x23, 1, 10, 7, 2), // sh x7, 2(x10): its second half, unchanged
		jalr(1, 11, 0),           // the second page
		addi(12, 12, -1),
		btype(1, 12, 0, -20),
	))
	g.steps(t, base, 300, 0, func() {
		g.setReg(10, first+0xffe)
		g.setReg(11, second+0x10)
		g.setReg(12, 20)
	})
}
