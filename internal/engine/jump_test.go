package engine

import (
	"testing"

	"github.com/c2w/c2w/internal/core"
)

func newJump() (*jumpCache, *core.Hart) {
	h := core.NewHart()
	j := &jumpCache{}
	j.init(h)
	return j, h
}

// has says whether generated code would find a pc.
func has(h *core.Hart, mode int, pc uint64) bool {
	e := h.Jump[mode][core.JumpIndex(pc)]
	return e.Tag+pc == ^uint64(0)
}

// TestJumpFlushPage: exactly the page's entries go, in all modes, and with them
// an instruction that ends in the page.
func TestJumpFlushPage(t *testing.T) {
	for _, page := range []uint64{0x5000, 0, 0xffff_ffff_8000_0000, 0xffff_ffff_ffff_f000, (core.JumpEntries - 1) << 1 &^ 0xfff} {
		j, h := newJump()
		gone := []uint64{page, page + 2, page + 0xffe, page + 0x804}
		stay := []uint64{page - 0x100, page + 0x1000, page + 0x1ffe}
		for mode := range 2 {
			for _, pc := range append(gone, stay...) {
				j.fill(mode, pc, 16, 0, mode == 1)
			}
			j.fill(mode, page-2, 16, 0, false) // straddles
		}
		j.flushPage(page + 0x123)
		for mode := range 2 {
			for _, pc := range append(gone, page-2) {
				if has(h, mode, pc) {
					t.Errorf("page %#x, mode %d: %#x stays", page, mode, pc)
				}
			}
			for _, pc := range stay {
				if !has(h, mode, pc) {
					t.Errorf("page %#x, mode %d: %#x goes", page, mode, pc)
				}
			}
		}
	}
}

// TestJumpFlushPageStraddleOnly: a page without an entry of its own may have the
// end of an instruction.
func TestJumpFlushPageStraddleOnly(t *testing.T) {
	j, h := newJump()
	j.fill(0, 0x4ffe, 16, 0, false)
	j.flushPage(0x5000)
	if has(h, 0, 0x4ffe) {
		t.Error("it stays")
	}
}

func TestJumpFlush(t *testing.T) {
	for name, c := range map[string]struct {
		flush func(*jumpCache)
		want  [3]bool // local user, global kernel, mixed
	}{
		"nothing": {func(*jumpCache) {}, [3]bool{true, true, true}},
		"all":     {(*jumpCache).flushAll, [3]bool{}},
		"space":   {(*jumpCache).flushSpace, [3]bool{false, true, true}},
		"twice":   {func(j *jumpCache) { j.flushSpace(); j.flushSpace() }, [3]bool{false, true, true}},
	} {
		j, h := newJump()
		j.fill(0, 0x1000, 16, 0, false)
		j.fill(1, 0x1000, 16, 0, true)
		j.fill(2, 0x1000, 16, 0, true)
		j.fill(2, 0x2000, 16, 0, false)
		for i, pc := range []uint64{0x1000, 0x2000, 0x3000} {
			j.setFrame(uint32(i), pc, i, i == 1)
		}
		c.flush(j)
		if got := [3]bool{has(h, 0, 0x1000), has(h, 1, 0x1000), has(h, 2, 0x1000)}; got != c.want {
			t.Errorf("%s: %v stay, want %v", name, got, c.want)
		}
		for i, pc := range []uint64{0x1000, 0x2000, 0x3000} {
			want := name == "nothing" || i == 1 && name != "all"
			if _, _, ok := j.frame(uint32(i), pc); ok != want {
				t.Errorf("%s: fetching %#x is remembered: %v", name, pc, ok)
			}
		}
	}
	// A local entry in the place of a global one is local.
	j, h := newJump()
	j.fill(0, 0x1000, 16, 0, true)
	j.fill(0, 0x1000, 32, 0, false)
	if j.flushSpace(); has(h, 0, 0x1000) {
		t.Error("a local entry stays")
	}
	// No pc hits an empty cache.
	_, h = newJump()
	for _, pc := range []uint64{0, 2, ^uint64(1), 1 << 63} {
		if has(h, 0, pc) {
			t.Errorf("%#x hits an empty cache", pc)
		}
	}
}

// TestManyJumps: more local entries than are remembered go all the same, and
// afterwards they are remembered again.
func TestManyJumps(t *testing.T) {
	for _, n := range []uint64{localMax - 1, localMax, localMax + 1, 3 * localMax} {
		j, h := newJump()
		j.fill(0, 0x4000, 16, 0, true)
		for round := range 2 {
			for i := range n {
				j.fill(0, 2*i, 16, 0, false)
				j.fill(1, 2*i, 16, 0, true)
			}
			j.flushSpace()
			for i := range n {
				if has(h, 0, 2*i) || !has(h, 1, 2*i) {
					t.Fatalf("%d entries, round %d: number %d: %v, %v", n, round, i, has(h, 0, 2*i), has(h, 1, 2*i))
				}
			}
		}
		if has(h, 0, 0x4000) != (n <= localMax) {
			t.Errorf("%d entries: the global one stays: %v", n, n > localMax)
		}
	}
}

// TestExecCache: a translation for fetching is one page's in one mode.
func TestExecCache(t *testing.T) {
	j, _ := newJump()
	top := ^uint64(0) &^ core.PageMask
	for _, pc := range []uint64{0, 0x1000, top, 1 << 63} {
		if _, _, ok := j.frame(0, pc); ok {
			t.Errorf("%#x is in the empty cache", pc)
		}
	}
	j.setFrame(1, 0x5678, 77, true)
	for _, c := range []struct {
		mode uint32
		pc   uint64
		want bool
	}{{1, 0x5000, true}, {1, 0x5ffe, true}, {0, 0x5000, false}, {1, 0x6000, false}, {1, 0x5000 + execEntries<<core.PageShift, false}} {
		frame, global, ok := j.frame(c.mode, c.pc)
		if ok != c.want || ok && (frame != 77 || !global) {
			t.Errorf("mode %d, %#x: %d, %v, %v", c.mode, c.pc, frame, global, ok)
		}
	}
	j.flushPage(0x5000)
	if _, _, ok := j.frame(1, 0x5000); ok {
		t.Error("FlushPage keeps it")
	}
}

// TestRemappedFetch: after a fence the other page's code is found.
func TestRemappedFetch(t *testing.T) {
	b := newBench(16, 4096, nil)
	b.sv39(8, pteAll)
	rec := b.at(0x1000)
	table := len(b.RAM.Bytes) - 0x1000
	copy(b.RAM.Bytes[table+8:], b.RAM.Bytes[table+8*5:][:8])
	if b.at(0x1000) != rec {
		t.Error("the translation is not remembered")
	}
	for name, fence := range map[string]func(){"page": func() { b.FlushPage(0x1000) }, "space": b.FlushSpace, "all": b.FlushAll} {
		fence()
		b.at(0x1000)
		if b.code.pages[5] == nil {
			t.Errorf("%s: the old page's code is found", name)
		}
		b.code.drop(5)
	}
}

func TestProfile(t *testing.T) {
	p := NewProfile()
	for i, n := range []int{3, 0, 7, 3, 3} {
		p.Pages[Key{uint64(10 - i), uint32(i % 2)}] = &PageProfile{Samples: n}
	}
	p.Pages[Key{7, 0}] = &PageProfile{Samples: 3}
	want := []Key{{8, 0}, {6, 0}, {7, 0}, {7, 1}, {10, 0}}
	for range 20 { // of map order
		got := p.Hottest(10)
		if len(got) != len(want) {
			t.Fatalf("%v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v, want %v", got, want)
			}
		}
	}
	if got := p.Hottest(2); len(got) != 2 || got[0] != want[0] {
		t.Errorf("%v", got)
	}
	q := PageProfile{Entries: map[uint16]struct{}{9: {}, 2: {}, 4094: {}, 0: {}}}
	for range 20 {
		if got := q.Offsets(); len(got) != 4 || got[0] != 0 || got[1] != 2 || got[2] != 9 || got[3] != 4094 {
			t.Fatalf("%v", got)
		}
	}
}

func TestBindingValid(t *testing.T) {
	for _, c := range []struct {
		b    Binding
		want bool
	}{
		{Binding{Slot: 16}, true}, {Binding{Slot: 15}, false}, {Binding{Slot: maxSlot}, true}, {Binding{Slot: maxSlot + 1}, false},
		{Binding{16, []uint16{0, 1, 4095}}, true}, {Binding{16, []uint16{4096}}, false}, {Binding{16, []uint16{2, 2}}, false}, {Binding{16, []uint16{4, 2}}, false},
	} {
		if c.b.Valid() != c.want {
			t.Errorf("%+v: %v", c.b, !c.want)
		}
	}
	if core.Target(maxSlot, core.TargetEntries-1) != 1<<32-1 {
		t.Error("maxSlot is not the largest")
	}
}
