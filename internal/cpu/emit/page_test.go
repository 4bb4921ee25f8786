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
	"github.com/c2w/c2w/internal/testkit/twin"
)

// unit is a code page as a mode executes it, to be entered at some offsets.
type unit struct {
	page    []byte
	mode    uint32
	entries []uint16
}

// translated is a core with page functions.
type translated struct {
	core  *native.Core
	bound *engine.Bindings
}

func translatePages(t testing.TB, units []unit) *translated {
	t.Helper()
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	tr := &translated{bound: engine.NewBindings()}
	for i, b := range addPages(k, units) {
		if b == nil {
			t.Fatalf("page %d is not translated", i)
		}
		tr.bound.Add(engine.PageKey(units[i].page, units[i].mode), b)
	}
	c, err := native.Instantiate(k, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	tr.core = c
	return tr
}

// translate makes a page function of each page, for one mode.
func translate(t testing.TB, mode uint32, pages [][]byte, entries func(i int) []uint16) *translated {
	t.Helper()
	var units []unit
	for i, p := range pages {
		units = append(units, unit{p, mode, entries(i)})
	}
	return translatePages(t, units)
}

func (tr *translated) guest() *guest {
	g := &guest{twin.New(tr.core, riscv64.Guest, newHart)}
	g.Gen.Bindings = tr.bound
	g.reset(base)
	return g
}

// fill pads code to a page.
func fill(b []byte) []byte {
	page := make([]byte, core.PageSize)
	for i := 0; i < len(page); i += 2 {
		binary.LittleEndian.PutUint16(page[i:], 0x0001) // c.nop
	}
	copy(page, b)
	return page
}

// TestPageSequences translates random code with forward jumps.
func TestPageSequences(t *testing.T) {
	n := 250
	if testing.Short() {
		n = 40
	}
	gen := isatest.NewRISCV64(11)
	var pages [][]byte
	var ends []int
	for range n {
		b := gen.Sequence(60)
		pages = append(pages, fill(append(b, word(jal(0, 0))...)))
		ends = append(ends, len(b))
	}
	tr := translate(t, 1, pages, func(int) []uint16 { return []uint16{0} })
	g := tr.guest()
	for i := range pages {
		for _, step := range []int{1, 9} {
			g.start(isatest.Start(uint64(i)))
			g.Write(base, pages[i])
			if err := g.until(base+uint64(ends[i]), step, 4*isatest.CodeMax); err != nil {
				t.Fatalf("page %d, step %d: %v\n%s", i, step, err, listing(pages[i][:ends[i]]))
			}
		}
	}
	if g.Gen.Stats.Bound < uint64(n) {
		t.Errorf("only %d of %d pages were bound", g.Gen.Stats.Bound, n)
	}
}

// TestPageWild translates code without rules: loops, irreducible ones too.
func TestPageWild(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 10
	}
	var pages [][]byte
	for i := range n {
		pages = append(pages, newWild(uint64(i)).code(core.PageSize))
	}
	tr := translate(t, 1, pages, func(i int) []uint16 {
		rng := isatest.Random(i)
		list := []uint16{0}
		for range 20 {
			list = append(list, uint16(rng.N(core.PageSize)&^1))
		}
		return list
	})
	g := tr.guest()
	for i, p := range pages {
		if err := runPage(g, p, uint64(i)); err != nil {
			t.Errorf("page %d: %v", i, err)
			break
		}
	}
	s := g.Gen.Stats
	t.Logf("%d instructions; exits %v, bound %d, lookups %d, dropped %d", g.Total, s.Exits, s.Bound, s.Lookups, s.Dropped)
}

// runPage is runWild with the code page at an aligned address, entered at
// several offsets.
func runPage(g *guest, p []byte, seed uint64) error {
	const at = base + 0x2000
	rng := isatest.Random(seed)
	for entry := range 6 {
		pc := uint64(at)
		if entry > 0 {
			pc += uint64(rng.N(core.PageSize) &^ 1)
		}
		g.Both(func(e *engine.Engine) { clear(e.RAM.Bytes); e.Dirty(e.RAM.Base, uint64(len(e.RAM.Bytes))) })
		g.start(isatest.Start(seed))
		g.Write(at, p)
		g.Write(base+0x8000, handler())
		g.Both(func(e *engine.Engine) {
			e.S.S[riscv64.STVec] = base + 0x8000
			for i := 8; i < 16; i++ {
				e.S.G[i] = isatest.MemBase + uint64(i)*512 + seed>>i&7
			}
			e.FlushAll()
			e.S.PC = pc
		})
		for range 60 {
			from := g.Ref.S.PC
			if err := g.Step(1 + rng.N(60)); err != nil {
				return fmt.Errorf("from %#x: %w", from, err)
			}
		}
	}
	return nil
}

// TestPageLate: pages that are bound while they run, at whatever instruction,
// do what the interpreter does.
func TestPageLate(t *testing.T) {
	const loops = 8
	var pages [][]byte
	for i := range loops {
		gen := isatest.NewRISCV64(uint64(100 + i))
		b := gen.Sequence(40)
		pages = append(pages, fill(append(b, word(jal(0, -len(b)))...)))
	}
	tr := translate(t, 1, pages, func(int) []uint16 { return []uint16{0, 0x20, 0x40} })
	g := tr.guest()
	g.Gen.BindAfter = 20_000
	for i, p := range pages {
		g.start(isatest.Start(uint64(i)))
		g.Write(base, p)
		was := g.Gen.Stats.Bound
		for n := 0; n < 60; n++ {
			if n%20 == 19 {
				g.Both(func(e *engine.Engine) { e.FlushAll() })
			}
			if err := g.Step(1000 + n); err != nil {
				t.Fatalf("page %d, step %d: %v", i, n, err)
			}
		}
		if g.Gen.Stats.Bound != was+1 {
			t.Errorf("page %d was bound %d times", i, g.Gen.Stats.Bound-was)
		}
	}
}

// dense makes code over few registers, so that values pass between
// instructions and registers are copied and overwritten all the time: 5 to 9
// hold anything, 10 and 11 addresses. Loops are bounded by x12.
func dense(seed uint64) []byte {
	r := isatest.Random(seed)
	reg := func() int { return 5 + r.N(5) }
	freg := func() int { return 1 + r.N(3) }
	var b []byte
	n := 40 + r.N(200)
	start := 0
	for len(b) < 4*n {
		var w uint32
		switch k := r.N(30); k {
		case 0, 1, 2, 3:
			w = addi(reg(), reg(), 0)
		case 4, 5:
			w = addi(reg(), 0, r.N(100)-50)
		case 6, 7, 8:
			w = addi(reg(), reg(), r.N(100)-50)
		case 9, 10:
			w = add(reg(), reg(), reg())
		case 11:
			w = rtype(0x33, uint32(r.N(8)), 0, reg(), reg(), reg())
		case 12:
			w = rtype(0x3b, []uint32{0, 1, 5}[r.N(3)], []uint32{0, 0x20}[r.N(2)]*0, reg(), reg(), reg())
		case 13:
			w = rtype(0x33, uint32(r.N(8)), 1, reg(), reg(), reg())
		case 14, 15:
			w = ld(reg(), 10+r.N(2), r.N(32)*8)
		case 16:
			w = itype(3, uint32(r.N(7)), reg(), 10+r.N(2), r.N(256))
		case 17, 18:
			w = sd(reg(), 10+r.N(2), r.N(32)*8)
		case 19:
			w = stype(0x23, uint32(r.N(4)), 10+r.N(2), reg(), r.N(256))
		case 20:
			w = rtype(0x2f, uint32(2+r.N(2)), []uint32{0, 4, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 8, 12, 8, 12}[r.N(13)], reg(), 10+r.N(2), 0)
			if w>>27 != 2 {
				w |= uint32(reg()) << 20
			}
		case 21:
			w = rtype(0x53, 7, []uint32{1, 5, 9, 13}[r.N(4)], freg(), freg(), freg())
		case 22:
			w = rtype(0x53, uint32(r.N(3)), 0x11, freg(), freg(), freg()) // sign injection
		case 23:
			w = uint32(freg())<<27 | 1<<25 | uint32(freg())<<20 | uint32(freg())<<15 | 7<<12 | uint32(freg())<<7 | []uint32{0x43, 0x47, 0x4b, 0x4f}[r.N(4)]
		case 24:
			w = []uint32{rtype(0x53, 0, 0x71, reg(), freg(), 0), rtype(0x53, 0, 0x79, freg(), reg(), 0), rtype(0x53, 7, 0x69, freg(), reg(), 2), rtype(0x53, uint32(r.N(3)), 0x51, reg(), freg(), freg())}[r.N(4)]
		case 25: // forward over one to four instructions
			w = btype([]uint32{0, 1, 4, 5, 6, 7}[r.N(6)], reg(), reg(), 8+4*r.N(4))
		case 26:
			w = jal([]int{0, 0, 9}[r.N(3)], 8+4*r.N(3))
		case 27: // back, to close a loop
			if len(b)-start < 12 {
				continue
			}
			b = append(b, code(addi(12, 12, -1))...)
			w = btype(5, 12, 0, -4*(1+r.N((len(b)-start)/4)))
			start = len(b)
		case 28:
			w = csr(2, reg(), 0, []int{0x100, 0x140, 0x141, 0xc02, 3}[r.N(5)])
		case 29:
			w = csr(1, reg(), reg(), 0x140) // swap with sscratch
		}
		b = append(b, word(w)...)
	}
	return append(b, code(nop, nop, nop, nop, nop, jal(0, 0))...)
}

// TestDense runs dense code in both tiers.
func TestDense(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 15
	}
	var pages [][]byte
	for i := range n {
		pages = append(pages, fill(dense(uint64(i))))
	}
	g := translate(t, 1, pages, func(int) []uint16 { return []uint16{0} }).guest()
	for i, p := range pages {
		if err := runDense(g, p, uint64(i)); err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
	}
	g = newGuest(t)
	for i, p := range pages {
		if err := runDense(g, p, uint64(i)); err != nil {
			t.Fatalf("interpreter, page %d: %v", i, err)
		}
	}
}

func runDense(g *guest, page []byte, seed uint64) error {
	for _, step := range []int{1, 17} {
		g.start(isatest.Start(seed))
		g.Write(base, page)
		g.Write(base+0x8000, handler())
		g.Both(func(e *engine.Engine) {
			e.S.S[riscv64.STVec] = base + 0x8000
			e.S.G[10], e.S.G[11], e.S.G[12] = isatest.MemBase+64, isatest.MemBase+512, 30
		})
		for n := 0; n < 1500; n += step {
			from := g.Ref.S.PC
			if err := g.Step(step); err != nil {
				return fmt.Errorf("step %d, from %#x: %w", step, from, err)
			}
		}
	}
	return nil
}
