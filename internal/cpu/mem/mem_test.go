package mem

import (
	"math"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
)

const base = 0x8000_0000

func newRAM(pages int) *RAM {
	return &RAM{Bytes: make([]byte, pages<<core.PageShift), Base: base, Host: 0x40_0000}
}

func TestBounds(t *testing.T) {
	r := newRAM(2)
	const end = base + 2*core.PageSize
	for _, c := range []struct {
		pa, n uint64
		want  bool
	}{
		{base, 0, true}, {base, 1, true}, {base, 2 * core.PageSize, true}, {base, 2*core.PageSize + 1, false},
		{base - 1, 1, false}, {base - 1, 2, false}, {base - 8, 8, false}, {0, 1, false},
		{end - 1, 1, true}, {end - 1, 2, false}, {end - 7, 8, false}, {end - 8, 8, true},
		{end, 0, true}, {end, 1, false}, {end + 1, 0, false},
		{math.MaxUint64, 1, false}, {math.MaxUint64, 2, false}, {math.MaxUint64 - 7, 16, false},
		{base, math.MaxUint64, false}, {base + 8, math.MaxUint64 - 7, false}, {end - 1, math.MaxUint64, false},
		{base, 1 << 63, false},
	} {
		if got := r.Has(c.pa, c.n); got != c.want {
			t.Errorf("Has(%#x, %#x) = %v", c.pa, c.n, got)
		}
		v := r.View(c.pa, c.n)
		if (v != nil) != c.want || v != nil && (uint64(len(v)) != c.n || uint64(cap(v)) != c.n) {
			t.Errorf("View(%#x, %#x) has %d bytes, room for %d", c.pa, c.n, len(v), cap(v))
		}
	}
}

func TestLoadStore(t *testing.T) {
	r := newRAM(1)
	for i := range 8 {
		r.Bytes[i] = byte(0x81 + i)
	}
	for size, want := range map[int]uint64{1: 0x82, 2: 0x8382, 4: 0x85848382} {
		if v, ok := r.Load(base+1, size); !ok || v != want {
			t.Errorf("Load of %d: %#x, %v", size, v, ok)
		}
	}
	if v, ok := r.Load(base, 8); !ok || v != 0x8887868584838281 {
		t.Errorf("Load of 8: %#x, %v", v, ok)
	}
	for _, size := range []int{1, 2, 4, 8} {
		last := base + uint64(core.PageSize-size)
		v := uint64(0x1122334455667788)
		if !r.Store(last, size, v) {
			t.Errorf("Store of %d at the end failed", size)
		}
		mask := uint64(math.MaxUint64) >> (64 - 8*size)
		if got, ok := r.Load(last, size); !ok || got != v&mask {
			t.Errorf("at the end %d bytes: %#x, %v", size, got, ok)
		}
		before := append([]byte(nil), r.Bytes...)
		if r.Store(last+1, size, 0) || r.Store(base-1, size, 0) || r.Store(math.MaxUint64, size, 0) {
			t.Errorf("Store of %d outside succeeded", size)
		}
		if string(before) != string(r.Bytes) {
			t.Errorf("Store of %d outside changed RAM", size)
		}
		if _, ok := r.Load(last+1, size); ok {
			t.Errorf("Load of %d outside succeeded", size)
		}
	}
}

func TestFrame(t *testing.T) {
	r := newRAM(2)
	r.Bytes = r.Bytes[:core.PageSize+100] // half a page at the end is no frame
	for pa, want := range map[uint64]int{base: 0, base + core.PageMask: 0, base + core.PageSize: -1, base - 1: -1, 0: -1, math.MaxUint64: -1} {
		got, ok := r.Frame(pa)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("Frame(%#x) = %d, want %d", pa, got, want)
		}
	}
}

// host is the linear address to which a filled TLB leads, as generated code
// computes it.
func host(h *core.Hart, mode, w int, va uint64) uint32 {
	return uint32(va) + h.TLB[mode][w][core.TLBIndex(va)].Addend
}

func newTLB() (*core.Hart, *RAM, *TLB) {
	h, r := core.NewHart(), newRAM(8)
	return h, r, NewTLB(h, r)
}

func TestFill(t *testing.T) {
	h, r, tlb := newTLB()
	for _, va := range []uint64{0, 0x7000, 0xffff_ffff_ffff_f000, 0xffff_ffc0_1234_5000, 0x7fff_f000} {
		if tlb.Hits(0, va, 1, false) {
			t.Errorf("%#x hits an empty TLB", va)
		}
		pa := uint64(base + 3*core.PageSize)
		tlb.Fill(0, core.ReadTLB, va, pa, false)
		for _, off := range []uint64{0, 8, 0xff8} {
			if got, want := host(h, 0, 0, va+off), r.Host+3*core.PageSize+uint32(off); got != want {
				t.Errorf("%#x leads to %#x, want %#x", va+off, got, want)
			}
		}
		if tlb.Hits(0, va, 1, true) || tlb.Hits(1, va, 1, false) {
			t.Errorf("%#x hits for another access or mode", va)
		}
	}
}

func TestHits(t *testing.T) {
	_, _, tlb := newTLB()
	tlb.Fill(1, core.WriteTLB, 0x5123, base+0x2123, true) // offsets in the page do not matter
	for _, c := range []struct {
		va   uint64
		size int
		want bool
	}{
		{0x5000, 1, true}, {0x5fff, 1, true}, {0x5ffe, 2, true}, {0x5fff, 2, false}, {0x5ffc, 4, true}, {0x5ffd, 4, false}, {0x5ffe, 4, false},
		{0x5ff8, 8, true}, {0x5ffc, 8, false}, {0x5001, 8, false}, {0x6000, 1, false}, {0x4fff, 1, false},
		{0x5000 + core.TLBEntries*core.PageSize, 1, false}, // the same entry
	} {
		if got := tlb.Hits(1, c.va, c.size, true); got != c.want {
			t.Errorf("%d bytes at %#x: %v", c.size, c.va, got)
		}
	}
	// No access hits an empty entry, whatever its address.
	tlb.FlushAll()
	for _, va := range []uint64{math.MaxUint64, math.MaxUint64 &^ 7, math.MaxUint64 &^ core.PageMask} {
		for _, size := range []int{1, 2, 4, 8} {
			if tlb.Hits(0, va, size, false) {
				t.Errorf("%#x hits an empty entry", va)
			}
		}
	}
}

func TestFlush(t *testing.T) {
	const user, kernel = 0, 1
	local, global := uint64(0x1000), uint64(0x2000)
	filled := func() *TLB {
		_, _, tlb := newTLB()
		for mode := range 2 {
			for _, w := range []int{core.ReadTLB, core.WriteTLB} {
				tlb.Fill(mode, w, local, base, false)
				tlb.Fill(mode, w, global, base+0x1000, true)
			}
		}
		return tlb
	}
	for name, c := range map[string]struct {
		flush func(*TLB)
		// Which of user's local and global, kernel's local and global stay.
		want [4]bool
	}{
		"nothing":     {func(*TLB) {}, [4]bool{true, true, true, true}},
		"all":         {(*TLB).FlushAll, [4]bool{}},
		"user mode":   {func(t *TLB) { t.FlushMode(user) }, [4]bool{false, true, true, true}},
		"kernel mode": {func(t *TLB) { t.FlushMode(kernel) }, [4]bool{true, true, false, true}},
		"unused mode": {func(t *TLB) { t.FlushMode(2) }, [4]bool{true, true, true, true}},
		"twice":       {func(t *TLB) { t.FlushMode(user); t.FlushMode(user) }, [4]bool{false, true, true, true}},
		"page":        {func(t *TLB) { t.FlushPage(local + 123) }, [4]bool{false, true, false, true}},
		"global page": {func(t *TLB) { t.FlushPage(global) }, [4]bool{true, false, true, false}},
		"alias page":  {func(t *TLB) { t.FlushPage(local + core.TLBEntries*core.PageSize) }, [4]bool{true, true, true, true}},
	} {
		tlb := filled()
		c.flush(tlb)
		for _, write := range []bool{false, true} {
			got := [4]bool{tlb.Hits(user, local, 8, write), tlb.Hits(user, global, 8, write), tlb.Hits(kernel, local, 8, write), tlb.Hits(kernel, global, 8, write)}
			if got != c.want {
				t.Errorf("%s, write %v: %v stay, want %v", name, write, got, c.want)
			}
		}
	}
}

// TestFlushFrame drops the write entries of a frame under all its addresses.
func TestFlushFrame(t *testing.T) {
	_, _, tlb := newTLB()
	for mode := range 2 {
		for i, va := range []uint64{0x1000, 0x9000, 0xffff_ffff_8000_2000} {
			tlb.Fill(mode, core.WriteTLB, va, base+0x3000, i == 0)
			tlb.Fill(mode, core.ReadTLB, va, base+0x3000, i == 0)
		}
		tlb.Fill(mode, core.WriteTLB, 0x5000, base+0x4000, false)
		tlb.Fill(mode, core.WriteTLB, 0x6000, base+0x2000, false)
	}
	tlb.FlushFrame(base + 0x3456)
	for mode := range 2 {
		for _, va := range []uint64{0x1000, 0x9000, 0xffff_ffff_8000_2000} {
			if tlb.Hits(mode, va, 1, true) || !tlb.Hits(mode, va, 1, false) {
				t.Errorf("mode %d, %#x: the write entry stays or the read entry goes", mode, va)
			}
		}
		if !tlb.Hits(mode, 0x5000, 1, true) || !tlb.Hits(mode, 0x6000, 1, true) {
			t.Errorf("mode %d: other frames are dropped", mode)
		}
	}
}

// TestManyLocal fills more local entries than are remembered: none survives,
// and afterwards they are remembered again.
func TestManyLocal(t *testing.T) {
	const global = (core.TLBEntries - 1) << core.PageShift // shares no place with the others
	for _, n := range []uint64{localMax - 1, localMax, localMax + 1, 3 * localMax} {
		_, _, tlb := newTLB()
		tlb.Fill(0, core.ReadTLB, global, base, true)
		for range 2 {
			for i := range n {
				tlb.Fill(0, core.ReadTLB, i<<core.PageShift, base, false)
				tlb.Fill(1, core.ReadTLB, i<<core.PageShift, base, true)
			}
			tlb.FlushMode(0)
			for i := range n {
				if tlb.Hits(0, i<<core.PageShift, 1, false) {
					t.Fatalf("%d entries: number %d stays", n, i)
				}
				if !tlb.Hits(1, i<<core.PageShift, 1, false) {
					t.Fatalf("%d entries: number %d of the other mode goes", n, i)
				}
			}
		}
		if stays := tlb.Hits(0, global, 1, false); stays != (n <= localMax) {
			t.Errorf("%d entries: the global one stays: %v", n, stays)
		}
	}
}

// TestReplaced: a local entry in the place of a global one is local.
func TestReplaced(t *testing.T) {
	_, _, tlb := newTLB()
	tlb.Fill(0, core.ReadTLB, 0x1000, base, true)
	tlb.Fill(0, core.ReadTLB, 0x1000, base+0x1000, false)
	tlb.FlushMode(0)
	if tlb.Hits(0, 0x1000, 1, false) {
		t.Error("it stays")
	}
}

// TestTLBWays: pages that share a set are both there, the older one in the other
// place; what has moved goes with its page, frame and address space as before.
func TestTLBWays(t *testing.T) {
	const stride = core.TLBEntries << core.PageShift
	va := func(i int) uint64 { return 0x5000 + uint64(i)*stride }
	const pa = base + 2*core.PageSize
	for _, which := range []int{core.ReadTLB, core.WriteTLB} {
		write := which == core.WriteTLB
		var h *core.Hart
		fill := func(n int) *TLB {
			hart, _, tlb := newTLB()
			h = hart
			for i := range n {
				tlb.Fill(1, which, va(i), pa+uint64(i&1)*core.PageSize, i&1 == 1)
			}
			return tlb
		}
		swap := func() { // as the core does
			tlb := &h.TLB[1][which/core.WriteTLB]
			i := core.TLBIndex(va(0))
			tlb[i], tlb[i^core.TLBOther] = tlb[i^core.TLBOther], tlb[i]
		}
		hits := func() (got [4]bool) {
			for i := range got {
				got[i] = core.FindTLB(&h.TLB[1][which/core.WriteTLB], va(i)) != nil
			}
			return got
		}
		check := func(what string, _ *TLB, want [4]bool) {
			t.Helper()
			if got := hits(); got != want {
				t.Errorf("%s, write %v: %v, want %v", what, write, got, want)
			}
		}
		check("two", fill(2), [4]bool{true, true})
		check("three", fill(3), [4]bool{false, true, true})
		check("four", fill(4), [4]bool{false, false, true, true})
		again := fill(2)
		again.Fill(1, which, va(0), pa, false) // which has moved
		check("the older one again", again, [4]bool{true, true})
		again.FlushPage(va(0))
		check("its page's flush", again, [4]bool{false, true})
		for _, swapped := range []bool{false, true} {
			two := func() *TLB {
				tlb := fill(2)
				if swapped {
					swap()
				}
				return tlb
			}
			page := two()
			page.FlushPage(va(0))
			check("a page's flush", page, [4]bool{false, true})
			frame := two()
			frame.FlushFrame(pa)
			check("a frame's flush", frame, [4]bool{!write, true})
			frame.FlushFrame(pa + core.PageSize)
			check("both frames' flush", frame, [4]bool{!write, !write})
			space := two()
			space.FlushMode(1) // the first is local
			if hits()[0] {
				t.Errorf("write %v, swapped %v: a local entry stays", write, swapped)
			}
		}
	}
}
