package mem

import "github.com/c2w/c2w/internal/cpu/core"

// TLB maintains a hart's TLBs. The core changes the two entries of a set for each
// other, so whatever drops one place looks at both. Entries that must not outlive
// an address space are remembered, so that dropping them does not cost a sweep.
type TLB struct {
	hart *core.Hart
	ram  *RAM
	// local lists the entries of each mode that are not global, in the order
	// of filling, while they fit; full says that they did not.
	local [core.Modes][]slot
	full  [core.Modes]bool
	// used says that a mode has any entry at all.
	used [core.Modes]bool
	// writer is by RAM page's number 1 plus the place of the only write entry that
	// was filled for it, 0 if there was none, several if there were more.
	writer []uint16
}

// several write entries may be those of one RAM page.
const several = ^uint16(0)

// A place has a number below several.
const _ = several - core.Modes*core.TLBEntries - 1

type slot struct{ which, index uint16 }

// localMax bounds the list of local entries: beyond it a sweep is cheaper.
const localMax = 1024

// MaxHeap is the most that a TLB keeps on Go's heap, in bytes, for RAM of so many
// page frames.
func MaxHeap(frames int) int { return 2*frames + core.Modes*localMax*4 }

// NewTLB returns an empty TLB.
func NewTLB(h *core.Hart, r *RAM) *TLB {
	t := &TLB{hart: h, ram: r, writer: make([]uint16, (len(r.Bytes)+core.PageMask)>>core.PageShift)}
	for m := range t.local {
		t.local[m] = make([]slot, 0, localMax)
		t.clear(m)
	}
	return t
}

// Fill enters a page for reads (core.ReadTLB) or writes. pa must be RAM.
func (t *TLB) Fill(mode int, which int, va, pa uint64, global bool) {
	w := 0
	if which == core.WriteTLB {
		w = 1
	}
	tlb := &t.hart.TLB[mode][w]
	i := core.TLBIndex(va)
	// What is there waits in the other place, unless that is the page's own.
	if e := &tlb[i]; e.Tag != core.InvalidTag && e.Tag != va&^core.PageMask {
		tlb[i^core.TLBOther] = *e
	} else if e := &tlb[i^core.TLBOther]; e.Tag == va&^core.PageMask {
		e.Tag = core.InvalidTag
	}
	if w == 1 {
		place := uint16(mode*core.TLBEntries+i) + 1
		switch p := &t.writer[(pa-t.ram.Base)>>core.PageShift]; *p {
		case 0, place:
			*p = place
		default:
			*p = several
		}
	}
	tlb[i].Addend = t.ram.addend(va, pa)
	tlb[i].Tag = va &^ core.PageMask
	t.used[mode] = true
	if global || t.full[mode] {
		return
	}
	if len(t.local[mode]) == localMax {
		t.full[mode] = true
		return
	}
	t.local[mode] = append(t.local[mode], slot{uint16(w), uint16(i)})
}

func (t *TLB) clear(mode int) {
	for w := range t.hart.TLB[mode] {
		for i := range t.hart.TLB[mode][w] {
			t.hart.TLB[mode][w][i].Tag = core.InvalidTag
		}
	}
	t.local[mode] = t.local[mode][:0]
	t.full[mode], t.used[mode] = false, false
}

// FlushAll drops everything.
func (t *TLB) FlushAll() {
	for m := range t.used {
		if t.used[m] {
			t.clear(m)
		}
	}
}

// FlushMode drops one mode's entries that are not global.
func (t *TLB) FlushMode(mode int) {
	switch {
	case !t.used[mode]:
	case t.full[mode]:
		t.clear(mode)
	default:
		for _, s := range t.local[mode] {
			tlb := &t.hart.TLB[mode][s.which]
			tlb[s.index].Tag = core.InvalidTag
			tlb[s.index^core.TLBOther].Tag = core.InvalidTag
		}
		t.local[mode] = t.local[mode][:0]
	}
}

// FlushPage drops the entries of one virtual page in every mode.
func (t *TLB) FlushPage(va uint64) {
	for m := range t.used {
		if !t.used[m] {
			continue
		}
		for w := range t.hart.TLB[m] {
			if e := core.FindTLB(&t.hart.TLB[m][w], va); e != nil {
				e.Tag = core.InvalidTag
			}
		}
	}
}

// FlushFrame drops the write entries through which a RAM page can be changed,
// so that the next store to it is seen.
func (t *TLB) FlushFrame(pa uint64) {
	p := &t.writer[(pa-t.ram.Base)>>core.PageShift]
	place := *p
	*p = 0
	host := t.ram.Host + uint32(pa&^uint64(core.PageMask)-t.ram.Base)
	drop := func(e *core.TLBEntry) {
		if e.Tag != core.InvalidTag && e.Addend+uint32(e.Tag) == host {
			e.Tag = core.InvalidTag
		}
	}
	switch place {
	case 0:
	case several:
		for m := range t.used {
			if !t.used[m] {
				continue
			}
			for i := range t.hart.TLB[m][1] {
				drop(&t.hart.TLB[m][1][i])
			}
		}
	default:
		place--
		tlb, i := &t.hart.TLB[place/core.TLBEntries][1], place%core.TLBEntries
		drop(&tlb[i])
		drop(&tlb[i^core.TLBOther])
	}
}

// Hits reports whether generated code would find an access in the TLB.
func (t *TLB) Hits(mode int, va uint64, size int, write bool) bool {
	w := 0
	if write {
		w = 1
	}
	mask := ^uint64(core.PageMask) | uint64(size-1)
	return t.hart.TLB[mode][w][core.TLBIndex(va)].Tag == va&mask
}
