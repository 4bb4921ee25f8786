package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

// off is the page offset that a record says.
func (b *bench) off(rec uint32) int {
	return int(binary.LittleEndian.Uint16(b.code.rec(rec)[core.RecPC:]))
}

// leads is the record to which a branch or link goes, and the offset and
// handler found there behind links.
func (b *bench) leads(rec uint32) (to uint32, off int, op uint16) {
	to = rec + uint32(b.imm(rec))
	for b.op(to) == abi.HandlerLink {
		to += uint32(b.imm(to))
	}
	return to, b.off(to), b.op(to)
}

// record is an offset's record in the frame.
func (b *bench) record(frame, off int) uint32 { return b.code.decoded(b.code.page(frame), off) }

// TestRun: records lie in order of the code, and one behind a jump asks for
// what follows.
func TestRun(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0x100, nop, cnop, cnop, nop, ret)
	rec := b.at(ramBase + 0x100)
	for i, off := range []int{0x100, 0x104, 0x106, 0x108, 0x10c, 0x110} {
		at := rec + uint32(i*core.RecordSize)
		if b.off(at) != off {
			t.Errorf("record %d is of offset %#x, want %#x", i, b.off(at), off)
		}
		if is := b.op(at) == abi.HandlerDecode; is != (i == 5) {
			t.Errorf("record %d has handler %d", i, b.op(at))
		}
	}
	if again := b.at(ramBase + 0x100); again != rec || b.Stats.Runs != 1 {
		t.Errorf("decoded again: record %#x, first %#x", again, rec)
	}
	if mid := b.at(ramBase + 0x106); mid != rec+2*core.RecordSize {
		t.Errorf("the middle of a run is at %#x", mid)
	}
	// Code before a run ends in a link to it.
	b.put(0xfc, nop)
	pre := b.at(ramBase + 0xfc)
	if b.op(pre+core.RecordSize) != abi.HandlerLink {
		t.Error("no link to code that is decoded already")
	} else if to, _, _ := b.leads(pre + core.RecordSize); to != rec {
		t.Errorf("linked to %#x, want %#x", to, rec)
	}
}

// TestLinks: branches lead to their targets, and to stubs as long as those are
// not decoded.
func TestLinks(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, branch(8), nop, branch(-8), branch(0x200), branch(0x1fc), branch(0), ret)
	b.put(0x20c, nop, ret)
	first := b.at(ramBase)
	rec := func(i int) uint32 { return first + uint32(i*core.RecordSize) }
	for i, want := range map[int]int{0: 2, 2: 0, 5: 5} {
		if to, _, _ := b.leads(rec(i)); to != rec(want) {
			t.Errorf("branch %d leads to %#x, want %#x", i, to, rec(want))
		}
	}
	var stubs []uint32
	for i := 3; i < 5; i++ {
		stub, off, op := b.leads(rec(i))
		if off != 0x20c || op != abi.HandlerDecode {
			t.Errorf("stub %#x of offset %#x, handler %d", stub, off, op)
		}
		stubs = append(stubs, stub)
	}
	target := b.at(ramBase + 0x20c)
	for i := 3; i < 5; i++ {
		if direct := rec(i) + uint32(b.imm(rec(i))); direct != target {
			t.Errorf("branch %d leads to %#x after decoding, want %#x", i, direct, target)
		}
	}
	for _, stub := range stubs {
		if b.op(stub) != abi.HandlerLink || stub+uint32(b.imm(stub)) != target {
			t.Error("whoever stood on a stub does not get to the code")
		}
	}
	// Beyond the page the address decides.
	b.put(0x800, branch(-0x802), branch(0x7fc))
	far := b.at(ramBase + 0x800)
	in, _ := b.ISA.Decode(b.RAM.Bytes[0x800:])
	for i := range uint32(2) {
		if op := b.op(far + i*core.RecordSize); op != b.handlers.Far[in.Form] {
			t.Errorf("a branch out of the page has handler %d", op)
		}
	}
}

// TestLongRun: a run ends after maxRun instructions, in a link that leads on
// once the rest is decoded.
func TestLongRun(t *testing.T) {
	b := newBench(4, 4096, nil)
	for i := range 2 * maxRun {
		b.put(4*i, nop)
	}
	first := b.at(ramBase)
	end := first + maxRun*core.RecordSize
	if _, off, op := b.leads(end); b.op(end) != abi.HandlerLink || off != 4*maxRun || op != abi.HandlerDecode {
		t.Fatalf("behind the run: handler %d, offset %#x, %d", b.op(end), off, op)
	}
	if b.record(0, 4*maxRun) != 0 {
		t.Error("a stub passes for decoded code")
	}
	rest := b.at(ramBase + 4*maxRun)
	if end+uint32(b.imm(end)) != rest {
		t.Error("the run does not lead on")
	}
}

// TestPageEndRecord: behind a page's last instruction the address decides.
func TestPageEndRecord(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0xffc, nop)
	end := b.at(ramBase+0xffc) + core.RecordSize
	if b.op(end) != abi.HandlerGoto || b.off(end) != core.PageSize {
		t.Errorf("handler %d at offset %#x", b.op(end), b.off(end))
	}
}

// straddleAt puts a four-byte nop across the end of a frame.
func (b *bench) straddleAt(frame int) { b.put(frame<<core.PageShift+0xffe, nop) }

func TestStraddle(t *testing.T) {
	pc := uint64(ramBase + 0xffe)
	b := newBench(4, 4096, nil)
	b.straddleAt(0)
	rec := b.at(pc)
	if b.off(rec) != 0xffe || b.op(rec) == abi.HandlerGoto || b.op(rec) == abi.HandlerSingle {
		t.Fatalf("offset %#x, handler %d", b.off(rec), b.op(rec))
	}
	if next := rec + core.RecordSize; b.op(next) != abi.HandlerGoto || b.off(next) != 0x1002 {
		t.Errorf("behind it: handler %d, offset %#x", b.op(next), b.off(next))
	}
	if b.at(pc) != rec {
		t.Error("not remembered")
	}
	// A run that comes to it goes by the address: its record depends on the
	// next page.
	b.put(0xffa, nop)
	if to := b.at(ramBase+0xffa) + core.RecordSize; b.op(to) != abi.HandlerLink && b.op(to) != abi.HandlerGoto {
		t.Errorf("a run continues by handler %d", b.op(to))
	} else if _, _, op := b.leads(to); b.op(to) == abi.HandlerLink && op != abi.HandlerGoto {
		t.Errorf("a run continues by handler %d", op)
	}
	for name, change := range map[string]func(){
		"first half":       func() { b.code.stored(0, 0xffe, 2) },
		"second half":      func() { b.code.stored(1, 1, 1) },
		"DMA to the first": func() { b.Dirty(ramBase+0x10, 1) },
		"DMA to the next":  func() { b.Dirty(ramBase+0x1800, 8) },
	} {
		rec := b.at(pc)
		change()
		if b.op(rec) != abi.HandlerDecode {
			t.Errorf("%s: the record stays", name)
		}
	}
	rec = b.at(pc)
	b.code.stored(1, 2, 8)
	if b.op(rec) == abi.HandlerDecode {
		t.Error("a store behind the tail drops the instruction")
	}

	b = newBench(2, 4096, nil)
	b.straddleAt(0)
	b.RAM.Bytes = b.RAM.Bytes[:core.PageSize] // behind it is no RAM
	b.code.pages = b.code.pages[:1]
	if rec := b.at(pc); b.op(rec) != abi.HandlerSingle {
		t.Errorf("with no next page: handler %d", b.op(rec))
	}
}

// TestStraddleRemapped: the second page of an instruction is another one now.
func TestStraddleRemapped(t *testing.T) {
	b := newBench(16, 4096, nil)
	b.sv39(8, pteAll)
	b.straddleAt(0)
	rec := b.at(0xffe)
	table := len(b.RAM.Bytes) - 0x1000
	copy(b.RAM.Bytes[table+8:], b.RAM.Bytes[table+8*5:][:8]) // page 1 is frame 5
	b.FlushPage(0x1000)
	if has(b.Hart, 1, 0xffe) {
		t.Error("FlushPage of the second page keeps the instruction")
	}
	again := b.at(0xffe)
	if again == rec || b.code.page(5) == nil || b.code.page(5).tail != 2 {
		t.Errorf("record %#x after %#x", again, rec)
	}
	// A walk that marks an entry of a page table in the instruction's own page.
	b = newBench(16, 4096, nil)
	b.sv39(8, pteAll)
	size := len(b.RAM.Bytes)
	copy(b.RAM.Bytes[0:], b.RAM.Bytes[size-0x1000:][:64]) // the last table is frame 0
	binary.LittleEndian.PutUint64(b.RAM.Bytes[size-0x2000:], ramBase>>12<<10|1)
	b.RAM.Bytes[8] &^= 1 << 6 // page 1 was never accessed
	b.straddleAt(0)
	b.FlushAll()
	if rec := b.at(0xffe); b.op(rec) != abi.HandlerSingle {
		t.Errorf("handler %d of an instruction whose page changed meanwhile", b.op(rec))
	}
	if b.code.page(0) != nil {
		t.Error("the page stays decoded")
	}
	rec = b.at(0xffe)
	if b.code.stored(0, 0xffe, 2); b.op(rec) != abi.HandlerDecode {
		t.Error("a store does not reach the instruction")
	}
}

func TestDrop(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, branch(0x80), branch(8), nop, ret)
	b.put(0x80, nop, ret)
	b.at(ramBase + 0x80)
	b.at(ramBase)
	used := uint32(b.code.used)
	_, _, decoded := b.leads(b.record(0, 4)) // to the first run's
	stub := b.record(0, 0) + uint32(b.imm(b.record(0, 0)))
	var records []uint32
	b.code.eachRecord(b.code.page(0), func(at uint32) { records = append(records, at) })
	b.code.drop(0, CauseStore)
	for _, at := range records {
		if b.op(at) != abi.HandlerDecode {
			t.Errorf("record %#x of a dropped page has handler %d", at, b.op(at))
		}
	}
	if len(records) != 3+5 || decoded == abi.HandlerDecode {
		t.Errorf("%d records", len(records))
	}
	if b.op(stub) != abi.HandlerDecode {
		t.Errorf("a branch leads to handler %d", b.op(stub))
	}
	if b.code.has(0) || b.Stats.Dropped != 1 {
		t.Error("not dropped")
	}
	b.code.drop(0, CauseStore) // nothing
	if b.Stats.Dropped != 1 || b.code.count != 0 {
		t.Errorf("dropped %d, %d pages", b.Stats.Dropped, b.code.count)
	}
	if rec := b.at(ramBase); rec < recBase+used || b.op(rec) == abi.HandlerDecode {
		t.Errorf("record %#x of the page decoded anew", rec)
	}
}

// TestStored: stores that touch a decoded instruction drop the page's code,
// the others do not.
func TestStored(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0x100, nop, cnop, ret) // 0x100 to 0x109
	for _, c := range []struct {
		off, size int
		drop      bool
	}{
		{0xf8, 8, false}, {0xff, 1, false}, {0xff, 2, true}, {0x100, 1, true}, {0x102, 1, true},
		{0x103, 1, true}, {0x104, 2, true}, {0x105, 1, true}, {0x108, 2, true}, {0x109, 1, true}, {0x106, 8, true},
		{0x10a, 1, false},
		{0x10c, 4, false}, {0xff8, 8, false}, {0, 8, false},
	} {
		b.at(ramBase + 0x100)
		b.code.stored(0, c.off, c.size)
		if got := !b.code.has(0); got != c.drop {
			t.Errorf("%d bytes at %#x: dropped %v, want %v", c.size, c.off, got, c.drop)
		}
	}
	b.code.stored(3, 0, 8) // no code there
}

// TestYield: code beside which much is stored gives way, unless it runs.
func TestYield(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, ret)
	b.put(0x1000, ret)
	b.at(ramBase)
	b.at(ramBase + 0x1000) // where State.PC is now
	for i := range maxStores {
		if b.code.yield(0, ramBase) {
			t.Fatalf("yielded after %d stores", i)
		}
		b.code.stored(0, 0x800, 8)
	}
	b.S.PC = ramBase + 4
	if b.code.yield(0, ramBase) {
		t.Error("the running page yielded")
	}
	b.S.PC = ramBase + 0x1000
	if !b.code.yield(0, ramBase) || b.code.has(0) {
		t.Error("did not yield")
	}
	if e := &b.Hart.TLB[1][1][core.TLBIndex(ramBase)]; e.Tag == ramBase {
		t.Error("a write entry exists")
	}
}

// TestNewPageStopsWrites: a page that gets code loses its write entries.
func TestNewPageStopsWrites(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.S.ExitAddr, b.S.ExitKind = ramBase+0x1000, 3|core.KindWrite
	b.miss()
	if !b.TLB.Hits(1, ramBase+0x1000, 8, true) {
		t.Fatal("not filled")
	}
	b.at(ramBase + 0x1000)
	if b.TLB.Hits(1, ramBase+0x1000, 8, true) {
		t.Error("stores to code are not seen")
	}
	b.S.ExitKind = 3
	b.miss()
	if b.TLB.Hits(1, ramBase+0x1000, 8, true) || !b.TLB.Hits(1, ramBase+0x1000, 8, false) {
		t.Error("a read of code fills the write TLB, or not the read TLB")
	}
}

func TestModeMismatch(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, ret)
	s := b.at(ramBase)
	b.S.Mode = 0
	u := b.at(ramBase)
	if u == s || b.code.page(0).mode != 0 || b.Stats.Dropped != 1 || b.op(s) != abi.HandlerDecode {
		t.Error("code of one mode served another")
	}
}

// TestFullRecords: when the memory is full everything goes, jump cache included.
func TestFullRecords(t *testing.T) {
	b := newBench(64, newBench(1, 0, nil).code.findNeed/core.RecordSize+8, nil)
	for i := range 64 {
		b.put(i<<core.PageShift, ret)
	}
	for i := uint64(0); b.Stats.Flushed == 0; i++ {
		if i == 64 {
			t.Fatal("never flushed")
		}
		b.at(ramBase + i<<core.PageShift)
	}
	n := 0
	for _, e := range b.Hart.Jump[1] {
		if e.Tag != 0 {
			n++
		}
	}
	if n != 1 || b.code.count != 1 || b.code.used != 3*core.RecordSize+b.code.chunkSize {
		t.Errorf("%d jump entries, %d pages, %d bytes after the flush", n, b.code.count, b.code.used)
	}
	// The worst run fits what find leaves free.
	b.code.flush()
	for i := range maxRun {
		b.put(0x700+4*i, branch(i%chunks*128+i/chunks*8+2-0x700-4*i))
	}
	b.at(ramBase + 0x700)
	if b.code.used > b.code.findNeed || b.code.used < b.code.findNeed*3/4 {
		t.Errorf("%d bytes used, %d are kept free", b.code.used, b.code.findNeed)
	}
}

// TestManyPages: a guest that jumps to every page of its RAM does not fill Go's
// memory with indexes of pages.
func TestManyPages(t *testing.T) {
	const pages = 2*maxPages + 100
	b := newBench(pages+1, 1<<20, nil)
	for i := range pages {
		b.put(i<<core.PageShift, loop)
		b.RAM.Bytes[i<<core.PageShift+0xffe] = nop & 0xff // straddles: a second page each
	}
	for i := range uint64(pages) {
		b.at(ramBase + i<<core.PageShift)
		b.at(ramBase + i<<core.PageShift + 0xffe)
		if i%500 != 0 && b.code.count < maxPages-2 {
			continue
		}
		n := 0
		for _, p := range b.code.pages {
			if p != 0 {
				n++
			}
		}
		if n != b.code.count || n > maxPages {
			t.Fatalf("page %d: %d pages with code, counted %d", i, n, b.code.count)
		}
	}
	if b.Stats.Flushed < 2 || len(b.code.slabs) > maxPages/slabPages || len(b.code.free) > maxPages {
		t.Errorf("flushed %d times, %d slabs, %d pages free", b.Stats.Flushed, len(b.code.slabs), len(b.code.free))
	}
}

// TestBindings: entries of a bound page lead to the translation, and a store to its
// code ends that.
func TestBindings(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, nop, nop, branch(0x100), ret)
	key := PageKey(b.RAM.Bytes[:core.PageSize], 1)
	b.Bindings = NewBindings()
	b.Bindings.Add(key, &Binding{Slot: 20, Entries: []uint16{0, 8, 0x100, 0x108}})
	target := func(pc uint64) uint32 {
		b.at(pc)
		return core.FindJump(&b.Hart.Jump[b.S.Mode], pc).Target
	}
	for off, want := range map[uint64]uint32{0: core.Target(20, 0), 4: 0, 8: core.Target(20, 1), 0x108: core.Target(20, 3)} {
		if got := target(ramBase + off); got != want {
			t.Errorf("offset %#x: target %#x, want %#x", off, got, want)
		}
	}
	for off, enters := range map[int]bool{0: true, 4: false, 8: true, 12: false} {
		if is := b.op(b.record(0, off)) == abi.HandlerEnter; is != enters {
			t.Errorf("offset %#x enters the translation: %v, want %v", off, is, enters)
		}
	}
	if b.Stats.Bound != 1 || b.Bindings.Len() != 1 {
		t.Errorf("bound %d of %d", b.Stats.Bound, b.Bindings.Len())
	}
	b.code.stored(0, 0x800, 1) // far from any instruction
	b.RAM.Bytes[0x800] = 1
	if !b.code.has(0) || !has(b.Hart, 1, ramBase) || b.Stats.Unbound != [NumCauses]uint64{} {
		t.Error("a store to data unbinds")
	}
	b.code.stored(0, 0x101, 1) // to an instruction that only the translation has
	if b.code.has(0) || has(b.Hart, 1, ramBase) || b.Stats.Unbound[CauseStore] != 1 {
		t.Error("a page function of other code can still be called")
	}
	if target(ramBase) != 0 || b.Stats.Bound != 1 {
		t.Error("bound to a translation of other content")
	}
	b.RAM.Bytes[0x800] = 0
	b.code.drop(0, CauseStore)
	b.S.Mode = 0
	if target(ramBase) != 0 {
		t.Error("bound to a translation for another mode")
	}
	if (*Bindings)(nil).Len() != 0 {
		t.Error("no bindings have a length")
	}
}

// TestUnbound counts by cause.
func TestUnbound(t *testing.T) {
	for why, unbind := range map[Cause]func(*bench){
		CauseStore: func(b *bench) { b.code.stored(0, 2, 4) },
		CauseDMA:   func(b *bench) { b.Dirty(ramBase+0x800, 1) },
		CauseRoom:  func(b *bench) { b.code.flush() },
		CauseMode:  func(b *bench) { b.S.Mode = 0; b.at(ramBase) },
	} {
		b := newBench(4, 4096, nil)
		b.put(0, nop, ret)
		b.Bindings = NewBindings()
		b.Bindings.Add(PageKey(b.RAM.Bytes[:core.PageSize], 1), &Binding{Slot: 20, Entries: []uint16{0}})
		b.at(ramBase)
		unbind(b)
		var want [NumCauses]uint64
		want[why] = 1
		if b.Stats.Bound != 1 || b.Stats.Unbound != want {
			t.Errorf("%v: bound %d, unbound %v", why, b.Stats.Bound, b.Stats.Unbound)
		}
	}
}

// TestBoundYield: many stores beside bound code are borne longer.
func TestBoundYield(t *testing.T) {
	b := newBench(4, 4096, nil)
	b.put(0, ret)
	b.put(0x1000, ret)
	b.Bindings = NewBindings()
	b.Bindings.Add(PageKey(b.RAM.Bytes[:core.PageSize], 1), &Binding{Slot: 20, Entries: []uint16{0}})
	b.at(ramBase)
	b.at(ramBase + 0x1000)
	for i := range boundStores {
		if b.code.yield(0, ramBase) {
			t.Fatalf("yielded after %d stores", i)
		}
		b.code.stored(0, 0x800, 8)
	}
	if !b.code.yield(0, ramBase) {
		t.Error("did not yield")
	}
}

// TestReach: every instruction that a page function is made from is in the set
// that guards it, whatever the page holds.
func TestReach(t *testing.T) {
	k := emit.NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	resolve := wasm.Resolver{
		Func:  func(sym int) (uint32, bool) { return uint32(sym), true },
		Table: func(int) (uint32, bool) { return 0, true },
		Type:  func(wasm.FuncType) (uint32, bool) { return 0, true },
	}
	rng := rand.New(rand.NewPCG(1, 2))
	words := []uint32{nop, cnop, ret, ecall, jump(0x40), jump(-0x20), branch(0x80), branch(-0x40), branch(0x7fe), 0, 0x9002, 0x1005a073}
	pages, insns := 0, 0
	for range 60 {
		code := make([]byte, core.PageSize)
		for off := 0; off < len(code)-3; {
			w := words[rng.IntN(len(words))]
			if rng.IntN(2) == 0 {
				w = rng.Uint32()
			}
			binary.LittleEndian.PutUint32(code[off:], w)
			off += 2 + 2*int(w&3/3)
		}
		var asked []uint16
		for range 1 + rng.IntN(5) {
			asked = append(asked, uint16(rng.IntN(core.PageSize)&^1))
		}
		slices.Sort(asked)
		f, ok := k.Translate(code, 1, slices.Compact(asked))
		if !ok {
			continue
		}
		pages++
		covered := reach(riscv64.Guest, code, f.Entries)
		marks, err := f.Func.Body.Marks(resolve)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range marks {
			if m.Tag == emit.Own {
				continue
			}
			insns++
			in, _ := riscv64.Guest.Decode(code[m.Tag:])
			for at := int(m.Tag); at < int(m.Tag)+int(in.Len); at++ {
				if !covered.has(at) {
					t.Fatalf("page %d: the instruction at %#x is translated, byte %#x is not guarded", pages, m.Tag, at)
				}
			}
		}
	}
	if pages < 30 || insns < 500 {
		t.Errorf("only %d pages with %d instructions", pages, insns)
	}
}
