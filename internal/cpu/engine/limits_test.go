package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// heap is how many bytes of Go's heap are in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMaxHeap makes a guest with code in more pages than there may be: each
// straddles its end, is bound, has branches that wait and many known targets, is
// entered in both modes and written beside its code. The engine's heap stays below
// what it promises, and not far below, or the promise would be worth nothing.
func TestMaxHeap(t *testing.T) {
	const frames = maxPages + 4000
	b := newBench(frames, 2<<20, nil)
	b.Bindings = NewBindings()
	const contents = 3 * maxReach
	for i := range frames {
		at := i << core.PageShift
		b.put(at, nop, branch(0x100), branch(0x704), ret)
		binary.LittleEndian.PutUint16(b.RAM.Bytes[at+0xffe:], nop)
		binary.LittleEndian.PutUint64(b.RAM.Bytes[at+0x800:], uint64(i%contents))
		if i < contents {
			b.Bindings.Add(PageKey(b.RAM.Bytes[at:at+core.PageSize], 1), &Binding{Slot: 20 + uint32(i), Entries: []uint16{0, 4, 0xffe}, Tail: []byte{nop, 0}})
		}
	}
	before := heap()
	e := New(b.Config)
	b.Engine = e
	b.Priv.(*riscv64.Hart).Reset(ramBase, 0)
	most := 0
	for i := range frames {
		pc := uint64(ramBase + i<<core.PageShift)
		b.S.Mode = 1
		for off := uint64(0); off < 12; off += 4 {
			b.at(pc + off)
		}
		if i < frames-1 {
			b.at(pc + 0xffe)
		}
		b.code.stored(i, 0x900, 8)
		b.at(pc)
		most = max(most, b.code.count)
		if i%4000 == 0 || b.code.count >= maxPages-2 && b.Stats.Flushed == 0 {
			if got := heap() - before; got > MaxHeap(riscv64.Guest, frames, contents) {
				t.Fatalf("%d pages: %d bytes of heap, at most %d", b.code.count, got, MaxHeap(riscv64.Guest, frames, contents))
			}
		}
	}
	got, want := heap()-before, MaxHeap(riscv64.Guest, frames, contents)
	t.Logf("%d bytes of heap with up to %d pages, bound %d", got, most, want)
	if got > want || got < want/4 || most < maxPages-4 || b.Stats.Flushed == 0 || b.Stats.Bound < maxPages/2 || len(b.code.reach) == 0 {
		t.Errorf("%d bytes of heap, %d promised; %d pages at most, %d flushes, %d bound, %d reached", got, want, most, b.Stats.Flushed, b.Stats.Bound, len(b.code.reach))
	}
	runtime.KeepAlive(b)
}

// TestForgotten: pages that end in each other, written and executed in turn, do not
// keep what they were alive.
func TestForgotten(t *testing.T) {
	b := newBench(8, 1<<20, nil)
	b.sv39(3, pteAll)
	b.straddleAt(0)
	b.straddleAt(1)
	// Page 2 is frame 0 again, so that 0 ends in 1 and 1 in 0.
	table := b.RAM.Bytes[len(b.RAM.Bytes)-0x1000:]
	copy(table[16:24], table)
	b.FlushAll()
	before := 0
	for i := range 40000 {
		b.at(0xffe)
		b.code.stored(1, 0, 2)
		b.at(0x1ffe)
		b.code.stored(0, 0, 2)
		if i == 1000 {
			before = heap()
		}
	}
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if b.Stats.Dropped < 40000 {
		t.Errorf("only %d pages were dropped", b.Stats.Dropped)
	}
}

// TestFollows: more pages than are told apart may lie before one; whatever drops it
// takes their translations' targets out of the jump cache.
func TestFollows(t *testing.T) {
	var p codePage
	for _, frame := range []uint32{3, 4, 3, 5, 6, 4} {
		p.follows(frame)
	}
	if p.befores != maxBefore || p.before != [maxBefore]uint32{3, 4, 5, 6} {
		t.Fatalf("%d: %v", p.befores, p.before)
	}
	p.follows(7)
	if p.befores <= maxBefore {
		t.Error("a fifth is forgotten")
	}
	b := newBench(4, 4096, nil)
	b.put(0, ret)
	b.put(0x1000, ret)
	b.at(ramBase)
	b.at(ramBase + 0x1000)
	b.code.page(1).befores = maxBefore + 1
	b.code.drop(1, CauseStore)
	if has(b.Hart, 1, ramBase) {
		t.Error("a page that may lie before a dropped one keeps its entries")
	}
}

// TestMaxNodes lifts every form with random operands.
func TestMaxNodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	most := 0
	seen := map[isa.Form]bool{}
	for range 2_000_000 {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], rng.Uint32())
		in, ok := riscv64.Guest.Decode(b[:])
		if !ok || seen[in.Form] && rng.IntN(20) > 0 {
			continue
		}
		seen[in.Form] = true
		e := new(ir.Builder)
		isa.LiftInsn(e, riscv64.Guest, &in, 0)
		most = max(most, len(e.Nodes))
	}
	t.Logf("%d nodes at most, of %d forms", most, len(seen))
	if most > maxNodes || most < maxNodes/2 || len(seen) < len(riscv64.Guest.Forms())*3/4 {
		t.Errorf("%d nodes of at most %d; %d of %d forms", most, maxNodes, len(seen), len(riscv64.Guest.Forms()))
	}
}
