package aot

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// hot returns the n hottest pages of the committed profile that have code, all of
// them if n is negative.
func hot(t testing.TB, n int) []Candidate {
	p, err := Parse(guest.Profile())
	if err != nil {
		t.Fatal(err)
	}
	own, err := guest.Programs("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	var programs []Program
	for _, name := range guest.ProgramNames {
		programs = append(programs, BytesProgram(name, own[name]))
	}
	x, err := NewIndex(programs)
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.Find(p.Contents())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(p.Contents()) {
		t.Errorf("the programs have %d of the profile's %d pages", len(found), len(p.Contents()))
	}
	list := Candidates(p, found)
	if n < 0 {
		return list
	}
	return list[:n]
}

// TestChoose cuts at the budget, by samples for each byte, the same each time.
func TestChoose(t *testing.T) {
	list := hot(t, 30)
	newCore := func() *emit.Core { return emit.NewCore(riscv64.Guest, 0x1000, core.TLBSize) }
	k := newCore()
	all := Choose(k, list, 1<<30)
	if len(all.Pages) != len(list) || all.Left != (Left{}) {
		t.Fatalf("%d of %d pages, %+v", len(all.Pages), len(list), all.Left)
	}
	sum, samples := 0, uint64(0)
	for i, p := range all.Pages {
		sum += p.Bytes
		samples += p.Samples()
		if p.Bytes != p.Func.Func.Body.Len() || !reflect.DeepEqual(p.Candidate, list[i]) || p.Hot != p.Samples() {
			t.Errorf("page %d: %+v", i, p)
		}
	}
	if sum != all.Bytes || samples != all.Hot {
		t.Errorf("%d bytes with %d samples, together %d and %d", all.Bytes, all.Hot, sum, samples)
	}

	for _, budget := range []int{sum - 1, sum / 2, sum / 10, 1} {
		c := Choose(k, list, budget)
		if c.Bytes > budget || c.Hot+c.Left.Samples != samples || len(c.Pages)+c.Left.Pages != len(list) || c.Left.Bytes <= 0 {
			t.Errorf("budget %d: %d bytes, %d samples, %d pages, left %+v", budget, c.Bytes, c.Hot, len(c.Pages), c.Left)
		}
		// A tenth of the room has more than its share.
		if budget > 1 && budget < sum-1 && c.Hot*uint64(sum) < samples*uint64(budget) {
			t.Errorf("budget %d of %d bytes has %d of %d samples", budget, sum, c.Hot, samples)
		}
		if again := Choose(newCore(), list, budget); !reflect.DeepEqual(c, again) {
			t.Errorf("budget %d: the same candidates give another choice", budget)
		}
	}

	bindings := all.Add(k)
	linked := 0
	for _, p := range all.Pages {
		alone := k.Relink(p.Func, p.source(p.ran))
		if linked += p.Bytes - alone.Func.Body.Len(); p.Bytes != p.Func.Func.Body.Len() || !slices.Equal(alone.Entries, p.Func.Entries) {
			t.Errorf("%s %x: %d bytes, %d entries; without links %d and %d", p.Program, p.Offset, p.Bytes, len(p.Func.Entries), alone.Func.Body.Len(), len(alone.Entries))
		}
	}
	if all.Bytes > sum || linked <= 0 {
		t.Errorf("%d bytes with links, %d without, %d was expected at most", all.Bytes, all.Bytes-linked, sum)
	}
	for i, b := range bindings {
		if !b.Binding.Valid() || b.Key != list[i].Key || k.Funcs[k.Pages[b.Binding.Slot-abi.FirstPage]] != all.Pages[i].Func.Func {
			t.Errorf("page %d: %+v", i, b)
		}
	}
}

func TestFind(t *testing.T) {
	page := func(v byte, n int) []byte { return bytes.Repeat([]byte{v}, n) }
	filled := func(v byte, n int) []byte { return append(page(v, n), make([]byte, core.PageSize-n)...) }
	hash := func(b []byte) uint64 { return engine.PageKey(b, 0).Content }
	var long []byte
	for v := range byte(100) {
		long = append(long, page(v, core.PageSize)...)
	}
	x, err := NewIndex([]Program{
		BytesProgram("short", page(7, 5)),
		BytesProgram("empty", nil),
		BytesProgram("long", long),
		BytesProgram("twice", slices.Concat(page(99, core.PageSize), page(200, core.PageSize), page(200, 1))),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint64]Found{
		hash(filled(7, 5)):             {Place: Place{"short", 0}, Code: filled(7, 5)},
		hash(page(99, core.PageSize)):  {Place: Place{"long", 99 * core.PageSize}, Code: page(99, core.PageSize)},
		hash(page(7, core.PageSize)):   {Place: Place{"long", 7 * core.PageSize}, Code: append(page(7, core.PageSize), page(8, tailMax)...)},
		hash(page(200, core.PageSize)): {Place: Place{"twice", core.PageSize}, Code: page(200, core.PageSize+1)},
		hash(filled(200, 1)):           {Place: Place{"twice", 2 * core.PageSize}, Code: filled(200, 1)},
	}
	contents := map[uint64]bool{1: true}
	for h := range want {
		contents[h] = true
	}
	found, err := x.Find(contents)
	last := found[hash(page(99, core.PageSize))]
	if before, ok := last.near(-1); !ok || before != hash(page(98, core.PageSize)) {
		t.Errorf("before the last page is %x, %v", before, ok)
	}
	if _, ok := last.near(1); ok {
		t.Error("a page behind the last one")
	}
	for h, f := range found {
		f.around = around{}
		found[h] = f
	}
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%v, %v", found, err)
	}
	if n := len(x.Contents()); n != 100+3 {
		t.Errorf("%d contents", n)
	}

	broken := Program{Name: "broken", Size: 10, Open: func() io.Reader { return iotest.ErrReader(io.ErrClosedPipe) }}
	if _, err := NewIndex([]Program{broken, BytesProgram("ok", long)}); err == nil {
		t.Error("a program that cannot be read")
	}
}
