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
}

func (j *jumpCache) init(h *core.Hart) {
	j.hart = h
	j.pages = map[uint64]struct{}{}
	for m := range j.used {
		j.clear(m)
	}
}

func (j *jumpCache) fill(mode int, pc uint64, record, target uint32, global bool) {
	j.hart.Jump[mode][core.JumpIndex(pc)] = core.JumpEntry{Record: record, Target: target, PC: pc}
	j.used[mode] = true
	if !global {
		j.local[mode] = true
	}
	j.pages[pc>>core.PageShift] = struct{}{}
}

func (j *jumpCache) clear(mode int) {
	for i := range j.hart.Jump[mode] {
		j.hart.Jump[mode][i].PC = core.InvalidPC
	}
	j.used[mode], j.local[mode] = false, false
}

func (j *jumpCache) flushAll() {
	for m := range j.used {
		if j.used[m] {
			j.clear(m)
		}
	}
	clear(j.pages)
}

// flushSpace drops what is not global; global and local entries of a mode are
// not told apart.
func (j *jumpCache) flushSpace() {
	for m := range j.used {
		if j.local[m] {
			j.clear(m)
		}
	}
}

func (j *jumpCache) flushPage(va uint64) {
	page := va >> core.PageShift
	if _, ok := j.pages[page]; !ok {
		return
	}
	delete(j.pages, page)
	for m := range j.used {
		if !j.used[m] {
			continue
		}
		for i := range j.hart.Jump[m] {
			if e := &j.hart.Jump[m][i]; e.PC>>core.PageShift == page {
				e.PC = core.InvalidPC
			}
		}
	}
}
