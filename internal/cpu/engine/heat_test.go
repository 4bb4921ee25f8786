package engine

import (
	"slices"
	"testing"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
)

// heated is an engine whose code runs in the first page for ever, which has a
// translation that is bound after a number of samples.
func heated(samples int, entries ...uint16) *bench {
	b := newBench(4, 4096, func(e *Engine) {
		switch {
		case !has(e.Hart, int(e.S.Mode), e.S.PC):
			e.S.Exit = core.ExitLookup
		case !e.code.has(0):
			e.S.Exit = core.ExitDecode
		default:
			e.S.Budget, e.S.Exit = 0, core.ExitBudget
		}
	})
	b.BindAfter = samples * heatEvery
	b.put(0, nop, nop, branch(0x100), ret)
	b.put(0x108, nop, ret)
	b.Bindings = NewBindings()
	b.Bindings.Add(PageKey(b.RAM.Bytes[:core.PageSize], 1), &Binding{Slot: 20, Entries: entries})
	return b
}

// until runs until the page is bound, and returns the instructions that it took.
func (b *bench) until() (done int) {
	for done < b.BindAfter*4 && b.Stats.Bound == 0 {
		done += b.Run(1000)
	}
	return done
}

// TestHeat: a page is interpreted until it has been seen often enough; then
// all that leads into it leads to its translation.
func TestHeat(t *testing.T) {
	b := heated(8, 0, 8, 0x108)
	b.at(ramBase + 0x108)
	b.at(ramBase + 8)
	b.at(ramBase)
	if b.Stats.Bound != 0 || b.op(b.record(0, 0)) == abi.HandlerEnter || core.FindJump(&b.Hart.Jump[1], ramBase).Target != 0 {
		t.Fatal("bound with the first instruction")
	}
	if n := b.until(); b.Stats.Bound != 1 || n < b.BindAfter*3/4 || n > b.BindAfter*5/4 {
		t.Fatalf("bound %d after %d instructions, want 1 after about %d", b.Stats.Bound, n, b.BindAfter)
	}
	for off, enters := range map[int]bool{0: true, 4: false, 8: true, 0x108: true, 0x10c: false} {
		if is := b.op(b.record(0, off)) == abi.HandlerEnter; is != enters {
			t.Errorf("offset %#x enters the translation: %v, want %v", off, is, enters)
		}
	}
	if e := core.FindJump(&b.Hart.Jump[1], ramBase); e != nil && e.Target == 0 {
		t.Error("the jump cache leads to records that enter, and enters nothing")
	}
	b.at(ramBase) // and what is known besides
	for off, want := range map[uint64]uint32{0: core.Target(20, 0), 8: core.Target(20, 1), 0x108: core.Target(20, 2)} {
		if e := core.FindJump(&b.Hart.Jump[1], ramBase+off); e == nil || e.Target != want {
			t.Errorf("offset %#x: %+v, want target %#x", off, e, want)
		}
	}
	// What was hot stays so.
	b.code.drop(0, CauseDMA)
	b.at(ramBase)
	if b.Stats.Bound != 2 || b.op(b.record(0, 0)) != abi.HandlerEnter {
		t.Error("a page whose translation is hot waits again")
	}
	if b.Stats.Unbound != [NumCauses]uint64{CauseDMA: 1} {
		t.Errorf("unbound %v", b.Stats.Unbound)
	}
}

// TestHeatIsTheTranslations: code that is dropped goes on where it was.
func TestHeatIsTheTranslations(t *testing.T) {
	b := heated(8, 0)
	b.Run(b.BindAfter / 2)
	b.Dirty(ramBase, 1)
	if n := b.until(); n > b.BindAfter*3/4 {
		t.Errorf("%d more instructions after a half of %d", n, b.BindAfter)
	}
	if b.Stats.Unbound != [NumCauses]uint64{} {
		t.Errorf("unbound %v, which was not bound", b.Stats.Unbound)
	}
}

// TestHeatOtherContent: what was stored beside the code since it was decoded
// may be code of the translation.
func TestHeatOtherContent(t *testing.T) {
	b := heated(2, 0)
	b.at(ramBase)
	b.code.stored(0, 0x108, 1)
	b.RAM.Bytes[0x108]++
	b.until()
	if b.Stats.Bound != 0 || !b.code.has(0) {
		t.Error("bound to a translation of other content")
	}
}

// TestHeatEnd: an instruction that goes on in the next page leads to no
// translation, whenever its page is bound.
func TestHeatEnd(t *testing.T) {
	for _, after := range []int{0, 2} {
		b := heated(after)
		b.put(core.PageSize-4, cnop, nop)
		b.Bindings.Add(PageKey(b.RAM.Bytes[:core.PageSize], 1), &Binding{Slot: 20, Entries: []uint16{0, core.PageSize - 4, core.PageSize - 2}})
		b.at(ramBase + core.PageSize - 4)
		b.at(ramBase)
		b.until()
		var ops []uint16
		for _, off := range []int{0, core.PageSize - 4, core.PageSize - 2} {
			ops = append(ops, b.op(b.record(0, off)))
		}
		if want := []uint16{abi.HandlerEnter, abi.HandlerEnter, abi.HandlerGoto}; b.Stats.Bound != 1 || !slices.Equal(ops, want) {
			t.Errorf("bound after %d samples: handlers %d, want %d", after, ops, want)
		}
	}
}

// TestHeatWalks: a sample is nothing that the guest can see.
func TestHeatWalks(t *testing.T) {
	b := heated(1, 0)
	b.at(ramBase)
	b.FlushAll()
	b.Config.Run = func() { b.S.Budget, b.S.Exit = 0, core.ExitBudget }
	b.until()
	if b.Stats.Bound != 0 || b.jump.sets[1].page(ramBase) != nil {
		t.Error("a sample walks the page tables")
	}
}
