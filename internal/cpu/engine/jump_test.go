package engine

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
)

func newJump() (*jumpCache, *core.Hart) {
	h := core.NewHart()
	j := &jumpCache{}
	j.init(h)
	return j, h
}

// enter enters a pc whose page is in a frame.
func (j *jumpCache) enter(mode int, pc uint64, frame int, global bool) {
	s := &j.sets[mode]
	s.fill(s.add(pc, frame, global), pc, 16, 0)
}

// has says whether generated code would find a pc.
func has(h *core.Hart, mode int, pc uint64) bool { return core.FindJump(&h.Jump[mode], pc) != nil }

// TestJumpFlushPage: exactly the page's entries go, in all modes, and with them
// an instruction that ends in the page.
func TestJumpFlushPage(t *testing.T) {
	for _, page := range []uint64{0x5000, 0, 0xffff_ffff_8000_0000, 0xffff_ffff_ffff_f000, (core.JumpEntries - 1) << 1 &^ 0xfff} {
		j, h := newJump()
		gone := []uint64{page, page + 2, page + 0xffe, page + 0x804}
		stay := []uint64{page - 0x100, page + 0x1000, page + 0x1ffe}
		for range 2 { // the page comes back
			for mode := range 2 {
				for _, pc := range append(gone, stay...) {
					j.enter(mode, pc, 3, mode == 1)
				}
				j.enter(mode, page-2, 3, false) // straddles
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
}

// TestJumpFlushPageStraddleOnly: a page without an entry of its own may have the
// end of an instruction.
func TestJumpFlushPageStraddleOnly(t *testing.T) {
	j, h := newJump()
	j.enter(0, 0x4ffe, 3, false)
	j.flushPage(0x5000)
	if has(h, 0, 0x4ffe) {
		t.Error("it stays")
	}
}

func TestJumpFlush(t *testing.T) {
	for name, c := range map[string]struct {
		flush func(*jumpCache)
		want  [4]bool // user, supervisor: global, not, global
	}{
		"nothing": {func(*jumpCache) {}, [4]bool{true, true, true, true}},
		"all":     {(*jumpCache).flushAll, [4]bool{}},
		"space":   {(*jumpCache).flushSpace, [4]bool{false, true, false, true}},
		"twice":   {func(j *jumpCache) { j.flushSpace(); j.flushSpace() }, [4]bool{false, true, false, true}},
		"frame":   {func(j *jumpCache) { j.flushFrame(5) }, [4]bool{false, true, true, false}},
	} {
		j, h := newJump()
		for range 2 {
			j.enter(0, 0x1000, 5, false)
			j.enter(1, 0x1000, 6, true)
			j.enter(1, 0x2000, 6, false)
			j.enter(1, 0x3000, 5, true)
			list := []struct {
				mode int
				pc   uint64
			}{{0, 0x1000}, {1, 0x1000}, {1, 0x2000}, {1, 0x3000}}
			for i, at := range list {
				s := &j.sets[at.mode]
				s.link(s.page(at.pc), uint32(abi.FirstPage+i))
			}
			c.flush(j)
			for i, at := range list {
				if (h.Links[i] == at.pc|core.LinkValid) != c.want[i] {
					t.Errorf("%s: mode %d, the link to %#x stays: %v", name, at.mode, at.pc, !c.want[i])
				}
				if has(h, at.mode, at.pc) != c.want[i] {
					t.Errorf("%s: mode %d, %#x stays: %v", name, at.mode, at.pc, !c.want[i])
				}
				if (j.sets[at.mode].page(at.pc) != nil) != c.want[i] {
					t.Errorf("%s: mode %d: fetching %#x is remembered: %v", name, at.mode, at.pc, !c.want[i])
				}
			}
			for m := range j.sets {
				if n := len(j.sets[m].live); n > 3 {
					t.Errorf("%s: mode %d: %d pages are listed", name, m, n)
				}
			}
		}
	}
	// A function's link follows it to another page, and a page's to another function.
	{
		j, h := newJump()
		j.enter(0, 0x1000, 5, false)
		j.enter(0, 0x2000, 6, false)
		s := &j.sets[0]
		s.link(s.page(0x1000), abi.FirstPage+7)
		s.link(s.page(0x2000), abi.FirstPage+7)
		if j.flushFrame(5); h.Links[7] != 0x2000|core.LinkValid {
			t.Errorf("the link is %#x", h.Links[7])
		}
		s.link(s.page(0x2000), abi.FirstPage+9)
		if h.Links[7] == 0x2000|core.LinkValid || h.Links[9] != 0x2000|core.LinkValid {
			t.Errorf("the links are %#x and %#x", h.Links[7], h.Links[9])
		}
		s.link(s.page(0x2000), abi.FirstPage+core.LinkSlots) // has none
		if h.Links[9] == 0x2000|core.LinkValid {
			t.Error("a link of before stays")
		}
	}
	// A local entry in the place of a global one is local.
	j, h := newJump()
	j.enter(0, 0x1000, 5, true)
	j.enter(0, 0x1000, 5, false)
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

// TestJumpWays: as many entries as there are ways share a place, the newest
// among them, which is where generated code looks first; and a page that is
// flushed takes out what is still its own.
func TestJumpWays(t *testing.T) {
	const stride = core.JumpEntries << 1
	j, h := newJump()
	var pcs [2 * core.JumpWays]uint64
	for i := range pcs {
		pcs[i] = 0x1004 + uint64(i)*stride
	}
	in := func() (got [len(pcs)]bool) {
		for i, pc := range pcs {
			got[i] = has(h, 0, pc)
		}
		return got
	}
	for i, pc := range pcs {
		j.enter(0, pc, 5, false)
		got := in()
		j.enter(0, pc, 5, false) // changes nothing
		n := 0
		for _, is := range in() {
			if is {
				n++
			}
		}
		if got != in() || n != min(i+1, core.JumpWays) || !got[i] {
			t.Errorf("after %d: %v, then %v", i+1, got, in())
		}
		if e := &h.Jump[0][core.JumpIndex(pc)]; e.Tag != ^pc {
			t.Errorf("%#x is not where it is looked for first", pc)
		}
	}
	before := in()
	for i, pc := range pcs {
		if !before[i] {
			j.flushPage(pc)
		}
	}
	if got := in(); got != before {
		t.Errorf("flushing the pages of what was replaced: %v after %v", got, before)
	}
	last := len(pcs) - 1
	j.flushPage(pcs[last])
	if got := in(); got[last] {
		t.Errorf("flushing the last one's page: %v", got)
	}
}

// TestJumpPages: a page that takes another's place, and a page that is somewhere
// else now, leave no entry behind.
func TestJumpPages(t *testing.T) {
	j, h := newJump()
	top := ^uint64(0) &^ core.PageMask
	for _, pc := range []uint64{0, 0x1000, top, 1 << 63} {
		if j.sets[0].page(pc) != nil {
			t.Errorf("%#x is in the empty cache", pc)
		}
	}
	j.enter(1, 0x5678, 77, true)
	const stride = jumpPages / pageWays << core.PageShift // from a page to the next in its set
	for pc, want := range map[uint64]bool{0x5000: true, 0x5ffe: true, 0x6000: false, 0x5000 + stride: false} {
		if p := j.sets[1].page(pc); (p != nil) != want || p != nil && (p.frame != 77 || !p.global) {
			t.Errorf("%#x: %+v", pc, p)
		}
	}
	// Other pages of its set, until they have all of it; in which order they
	// lose their places does not matter.
	offset := func(i uint64) uint64 { return 0x5678 + i*stride + i*64 } // in jump entries of their own
	for i := uint64(1); i < 2*pageWays; i++ {
		j.enter(1, offset(i), 78, true)
		if !has(h, 1, offset(i)) {
			t.Errorf("page %d is not there", i)
		}
		for k := range i {
			if p := j.sets[1].page(offset(k)); (p != nil) != has(h, 1, offset(k)) {
				t.Errorf("after page %d, page %d is remembered: %v, its entries are not as that says", i, k, p != nil)
			}
		}
		if there := j.sets[1].page(0x5678) != nil; i < pageWays && !there {
			t.Errorf("page 0 lost its place to page %d of a set of %d", i, pageWays)
		}
	}
	j.flushAll()
	j.enter(1, 0x5678, 77, true)
	j.enter(1, 0x5600, 99, true)
	if has(h, 1, 0x5678) || !has(h, 1, 0x5600) {
		t.Error("a page that moved to another frame keeps its entries")
	}
}

// TestRefill: in another address space, the first jump into a page enters what
// was jumped to before, unless that is another's place.
func TestRefill(t *testing.T) {
	b := newBench(16, 4096, nil)
	b.sv39(8, pteAll)
	b.put(0x1000, cnop, cnop, cnop, ret)
	for _, pc := range []uint64{0x1000, 0x1002, 0x1004} {
		b.at(pc)
	}
	b.FlushSpace()
	if rec := b.at(0x1004); rec != b.record(1, 4) {
		t.Errorf("record %#x", rec)
	}
	for _, pc := range []uint64{0x1000, 0x1002} {
		if e := core.FindJump(&b.Hart.Jump[1], pc); e == nil || e.Record != b.record(1, int(pc&core.PageMask)) {
			t.Errorf("%#x: %+v", pc, e)
		}
	}
	if b.Stats.Refills != 2 || has(b.Hart, 1, 0x1006) {
		t.Errorf("%d entries were filled", b.Stats.Refills)
	}
	b.FlushPage(0x1000)
	if has(b.Hart, 1, 0x1000) || has(b.Hart, 1, 0x1002) {
		t.Error("a fence leaves them")
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
		if b.code.page(5) == nil {
			t.Errorf("%s: the old page's code is found", name)
		}
		b.code.drop(5, CauseStore)
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
		{Binding{16, []uint16{0, 1, 4095}, nil}, true}, {Binding{16, []uint16{4096}, nil}, false}, {Binding{16, []uint16{2, 2}, nil}, false}, {Binding{16, []uint16{4, 2}, nil}, false},
		{Binding{16, nil, make([]byte, core.MaxInsn-1)}, true}, {Binding{16, nil, make([]byte, core.MaxInsn)}, false},
	} {
		if c.b.Valid() != c.want {
			t.Errorf("%+v: %v", c.b, !c.want)
		}
	}
	if core.Target(maxSlot, core.TargetEntries-1) != 1<<32-1 {
		t.Error("maxSlot is not the largest")
	}
}
