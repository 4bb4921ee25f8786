package engine

import "github.com/c2w/c2w/internal/core"

// jumpCache maintains the hart's jump caches.
type jumpCache struct {
	hart *core.Hart
	used [core.Modes]bool
	// local lists the entries of each mode that are not global, in the order of
	// filling, while they fit; full says that they did not.
	local [core.Modes][]uint16
	full  [core.Modes]bool
	// pages is a set of the virtual pages that have entries, by hash and without
	// removal, so that dropping a page without code, the usual case, costs
	// nothing.
	pages [1 << pageBits / 64]uint64
	// exec remembers translations for instruction fetch, so that a miss of the
	// jump cache seldom walks page tables.
	exec [execEntries]execEntry
}

const pageBits = 16

// localMax bounds the list of local entries. A change of address space that
// must clear all of a mode's 512 KiB costs 24 µs, this many entries four.
const localMax = 1024

const _ = uint16(core.JumpEntries - 1) // the list's elements hold any index

func pageHash(page uint64) uint64 { return page * 0x9E3779B97F4A7C15 >> (64 - pageBits) }

type execEntry struct {
	page   uint64 // virtual address >> PageShift, complemented
	mode   uint32
	frame  uint32
	global bool
}

const execEntries = 256

// frame is the RAM frame of a virtual page for instruction fetch in a mode.
func (j *jumpCache) frame(mode uint32, pc uint64) (frame int, global, ok bool) {
	page := pc >> core.PageShift
	e := &j.exec[page%execEntries]
	return int(e.frame), e.global, e.page == ^page && e.mode == mode
}

func (j *jumpCache) setFrame(mode uint32, pc uint64, frame int, global bool) {
	page := pc >> core.PageShift
	j.exec[page%execEntries] = execEntry{^page, mode, uint32(frame), global}
}

func (j *jumpCache) init(h *core.Hart) {
	j.hart = h
	for m := range j.used {
		j.local[m] = make([]uint16, 0, localMax)
		j.clear(m)
	}
}

func (j *jumpCache) fill(mode int, pc uint64, record, target uint32, global bool) {
	i := core.JumpIndex(pc)
	j.hart.Jump[mode][i] = core.JumpEntry{Record: record, Target: target, Tag: ^pc}
	j.used[mode] = true
	switch {
	case global || j.full[mode]:
	case len(j.local[mode]) == localMax:
		j.full[mode] = true
	default:
		j.local[mode] = append(j.local[mode], uint16(i))
	}
	h := pageHash(pc >> core.PageShift)
	j.pages[h/64] |= 1 << (h % 64)
}

func (j *jumpCache) clear(mode int) {
	clear(j.hart.Jump[mode][:])
	j.local[mode] = j.local[mode][:0]
	j.used[mode], j.full[mode] = false, false
}

func (j *jumpCache) flushAll() {
	for m := range j.used {
		if j.used[m] {
			j.clear(m)
		}
	}
	clear(j.pages[:])
	clear(j.exec[:])
}

// flushSpace drops what is not global, and what is in a mode with too many
// entries to remember.
func (j *jumpCache) flushSpace() {
	for m := range j.used {
		if j.full[m] {
			j.clear(m)
			continue
		}
		for _, i := range j.local[m] {
			j.hart.Jump[m][i].Tag = 0
		}
		j.local[m] = j.local[m][:0]
	}
	for i := range j.exec {
		if !j.exec[i].global {
			j.exec[i] = execEntry{}
		}
	}
}

func (j *jumpCache) flushPage(va uint64) {
	page := va >> core.PageShift
	j.exec[page%execEntries] = execEntry{}
	// An instruction that ends in this page may have started in the one before.
	for back := uint64(1); back < core.MaxInsn; back++ {
		pc := page<<core.PageShift - back
		for m := range j.used {
			if e := &j.hart.Jump[m][core.JumpIndex(pc)]; e.Tag == ^pc {
				e.Tag = 0
			}
		}
	}
	if h := pageHash(page); j.pages[h/64]>>(h%64)&1 == 0 {
		return
	}
	for m := range j.used {
		if !j.used[m] {
			continue
		}
		// A page's entries lie in a row.
		first := core.JumpIndex(page << core.PageShift)
		for i := first; i < first+core.PageSize/2; i++ {
			if e := &j.hart.Jump[m][i%core.JumpEntries]; ^e.Tag>>core.PageShift == page {
				e.Tag = 0
			}
		}
	}
}
