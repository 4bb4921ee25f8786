package engine

import "github.com/c2w/c2w/internal/core"

// jumpCache maintains the hart's jump caches.
type jumpCache struct {
	hart *core.Hart
	used [core.Modes]bool
	// local says that a mode has entries that are not global.
	local [core.Modes]bool
	// pages are the virtual pages that have entries, so that dropping a page
	// without code, the usual case, costs nothing.
	pages map[uint64]struct{}
	// exec remembers translations for instruction fetch, so that a miss of the
	// jump cache seldom walks page tables.
	exec [execEntries]execEntry
}

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
	j.pages = map[uint64]struct{}{}
	for m := range j.used {
		j.clear(m)
	}
}

func (j *jumpCache) fill(mode int, pc uint64, record, target uint32, global bool) {
	j.hart.Jump[mode][core.JumpIndex(pc)] = core.JumpEntry{Record: record, Target: target, Tag: ^pc}
	j.used[mode] = true
	if !global {
		j.local[mode] = true
	}
	j.pages[pc>>core.PageShift] = struct{}{}
}

func (j *jumpCache) clear(mode int) {
	clear(j.hart.Jump[mode][:])
	j.used[mode], j.local[mode] = false, false
}

func (j *jumpCache) flushAll() {
	for m := range j.used {
		if j.used[m] {
			j.clear(m)
		}
	}
	clear(j.pages)
	clear(j.exec[:])
}

// flushSpace drops what is not global; global and local entries of a mode are
// not told apart.
func (j *jumpCache) flushSpace() {
	for m := range j.used {
		if j.local[m] {
			j.clear(m)
		}
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
	if _, ok := j.pages[page]; !ok {
		return
	}
	delete(j.pages, page)
	for m := range j.used {
		if !j.used[m] {
			continue
		}
		for i := range j.hart.Jump[m] {
			if e := &j.hart.Jump[m][i]; ^e.Tag>>core.PageShift == page {
				e.Tag = 0
			}
		}
	}
}
