package wasmcore_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
	"github.com/c2w/c2w/internal/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
	"github.com/c2w/c2w/internal/testkit/wasmcore"
)

// unit is a code page as a mode executes it, to be entered at some offsets.
type unit struct {
	page    []byte
	mode    uint32
	entries []uint16
}

// translated is a core with page functions.
type translated struct {
	core  *wasmcore.Core
	bound *engine.Bindings
}

func translatePages(t testing.TB, units []unit) *translated {
	t.Helper()
	k := emit.NewCore(riscv64.Guest, wasmcore.Base, wasmcore.Caches)
	tr := &translated{bound: engine.NewBindings()}
	for i, u := range units {
		slot, list, ok := k.AddPage(u.page, u.mode, u.entries)
		if !ok {
			t.Fatalf("page %d is not translated", i)
		}
		tr.bound.Add(engine.PageKey(u.page, u.mode), &engine.Binding{Slot: slot, Entries: list})
	}
	c, err := wasmcore.Instantiate(k, layout)
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
	g := &guest{wasmcore.NewTwin(tr.core, riscv64.Guest, newHart)}
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
