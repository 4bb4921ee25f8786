package engine

import (
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
)

// jumpCache maintains the hart's jump caches.
type jumpCache struct {
	hart *core.Hart
	sets [core.CodeModes]jumpSet
}

// jumpSet is one mode's jump cache. Every entry belongs to a page in pages, so
// that a page's entries, an address space's and a frame's are found without a
// search.
type jumpSet struct {
	cache *[core.JumpEntries]core.JumpEntry
	links *[core.LinkSlots]uint64
	pages []jumpPage // by virtual page, in sets; a page that comes to a full set takes another's place
	turn  int        // counts where places are taken in turn
	live  []uint16   // indexes of pages that are or were in use, each once
}

// jumpPages is the number of virtual pages of code that a mode remembers, as many
// as there may be frames with code. The kernel's text has 900, a Java program some
// thousands. A page that is forgotten loses its entries: sets make that rare,
// wherever the guest's programs and libraries lie.
const (
	jumpPages = 16384
	pageWays  = 8 // pages of a set
)

// jumpPage is a virtual page from which code was fetched.
type jumpPage struct {
	page   uint64 // virtual address >> PageShift, complemented; 0: not in use
	frame  uint32
	link   uint32 // index in links, counted from 1, that may name this page; 0: none
	global bool
	filled bool                    // the frame's known targets were entered
	listed bool                    // is in live
	at     [entryParts / 64]uint64 // parts of the page in which code was entered, a bit each
}

// The jump cache has the entries of a part of a page in places in a row, one for
// two bytes of code. JumpWays divides their number, so that an entry that did not
// get its own place is in another of the part's, or in none.
const (
	partPlaces = 8 // of a part
	partBytes  = partPlaces << core.JumpShift
	entryParts = core.PageSize / partBytes
)

func (j *jumpCache) init(h *core.Hart) {
	j.hart = h
	for m := range j.sets {
		s := &j.sets[m]
		s.cache, s.links = &h.Jump[m], &h.Links
		s.pages, s.live = make([]jumpPage, jumpPages), make([]uint16, 0, jumpPages)
		clear(s.cache[:])
	}
}

// page is the virtual page of pc, nil if it is not remembered.
func (s *jumpSet) page(pc uint64) *jumpPage {
	first, page := pageSet(pc)
	for i := range s.pages[first:][:pageWays] {
		if p := &s.pages[first+i]; p.page == ^page {
			return p
		}
	}
	return nil
}

// pageSet is the index of the first page of a pc's set, and its virtual page.
func pageSet(pc uint64) (first int, page uint64) {
	page = pc >> core.PageShift
	return int(page%(jumpPages/pageWays)) * pageWays, page
}

// place is the index at which a page is remembered, or will be: its own, a free
// one, or another's in turn.
func (s *jumpSet) place(pc uint64) int {
	first, page := pageSet(pc)
	free := -1
	for i := first; i < first+pageWays; i++ {
		switch s.pages[i].page {
		case ^page:
			return i
		case 0:
			free = i
		}
	}
	if free < 0 {
		s.turn++
		free = first + s.turn%pageWays
	}
	return free
}

// add remembers where the code of a virtual page is.
func (s *jumpSet) add(pc uint64, frame int, global bool) *jumpPage {
	page := pc >> core.PageShift
	i := s.place(pc)
	p := &s.pages[i]
	if p.page != 0 && (p.page != ^page || p.frame != uint32(frame)) {
		s.empty(p)
	}
	if !p.listed {
		p.listed = true
		s.live = append(s.live, uint16(i))
	}
	p.page, p.frame, p.global = ^page, uint32(frame), global
	return p
}

// empty takes a page's entries out.
func (s *jumpSet) empty(p *jumpPage) {
	base := ^p.page << core.PageShift
	for w, set := range p.at {
		if set == 0 {
			continue
		}
		p.at[w] = 0
		for ; set != 0; set &= set - 1 {
			s.clearPart(base + uint64(w*64+bits.TrailingZeros64(set))*partBytes)
		}
	}
	p.filled = false
	s.unlink(p)
}

// link lets page functions call the one in a slot of the core's table by name, at
// the addresses of a page that it is bound to. Another page's link to it is gone.
func (s *jumpSet) link(p *jumpPage, slot uint32) {
	n := slot - abi.FirstPage + 1
	if p.link != n {
		s.unlink(p)
	}
	if n <= core.LinkSlots {
		p.link = n
		s.links[n-1] = ^p.page<<core.PageShift | core.LinkValid
	}
}

func (s *jumpSet) unlink(p *jumpPage) {
	if p.link != 0 && s.links[p.link-1] == ^p.page<<core.PageShift|core.LinkValid {
		s.links[p.link-1] = 0
	}
	p.link = 0
}

func (s *jumpSet) clear(pc uint64) {
	if e := core.FindJump(s.cache, pc); e != nil {
		e.Tag = 0
	}
}

// clearPart takes out the entries of a part of a page, which begins at pc.
func (s *jumpSet) clearPart(pc uint64) {
	part := s.cache[core.JumpIndex(pc)&^(partPlaces-1):][:partPlaces]
	for i := range part {
		if e := &part[i]; ^e.Tag-pc < partBytes {
			e.Tag = 0
		}
	}
}

// forget gives up a page. It stays in live.
func (s *jumpSet) forget(p *jumpPage) {
	s.empty(p)
	p.page = 0
}

// drop forgets the pages for which gone is true.
func (s *jumpSet) drop(gone func(*jumpPage) bool) {
	kept := s.live[:0]
	for _, i := range s.live {
		p := &s.pages[i]
		if p.page != 0 && gone(p) {
			s.forget(p)
		}
		if p.listed = p.page != 0; p.listed {
			kept = append(kept, i)
		}
	}
	s.live = kept
}

// fill enters code at pc, which is in a page, in the first of its places. What
// is there moves to a free one of the set, or takes another's in turn.
func (s *jumpSet) fill(p *jumpPage, pc uint64, record, target uint32) {
	e := core.FindJump(s.cache, pc)
	if e == nil {
		i := core.JumpIndex(pc)
		e = &s.cache[i]
		if e.Tag != 0 {
			s.turn++
			to := 1 + s.turn%(core.JumpWays-1)
			for way := 1; way < core.JumpWays; way++ {
				if s.cache[i^way].Tag == 0 {
					to = way
				}
			}
			s.cache[i^to] = *e
		}
	}
	*e = core.JumpEntry{Record: record, Target: target, Tag: ^pc}
	p.enter(pc)
}

// enter notes that pc, in the page, was entered.
func (p *jumpPage) enter(pc uint64) {
	n := pc & core.PageMask / partBytes
	p.at[n/64] |= 1 << (n % 64)
}

// offer enters code at pc, which is in a page, if that is at no other's cost.
func (s *jumpSet) offer(p *jumpPage, pc uint64, record, target uint32) bool {
	i := core.JumpIndex(pc)
	var e *core.JumpEntry
	for way := core.JumpWays - 1; way >= 0; way-- {
		switch f := &s.cache[i^way]; f.Tag {
		case ^pc:
			return false
		case 0:
			e = f
		}
	}
	if e == nil {
		return false
	}
	e.Record, e.Target, e.Tag = record, target, ^pc
	p.enter(pc)
	return true
}

func (j *jumpCache) flushAll() {
	for m := range j.sets {
		s := &j.sets[m]
		if len(s.live) == 0 {
			continue
		}
		for _, i := range s.live {
			s.unlink(&s.pages[i])
			s.pages[i] = jumpPage{}
		}
		s.live = s.live[:0]
		clear(s.cache[:])
	}
}

// flushSpace drops what is not global.
func (j *jumpCache) flushSpace() {
	for m := range j.sets {
		j.sets[m].drop(func(p *jumpPage) bool { return !p.global })
	}
}

// flushFrame drops what leads to code of a frame.
func (j *jumpCache) flushFrame(frame int) {
	for m := range j.sets {
		j.sets[m].drop(func(p *jumpPage) bool { return p.frame == uint32(frame) })
	}
}

// flushPage drops what depends on the mapping of one virtual page.
func (j *jumpCache) flushPage(va uint64) {
	page := va >> core.PageShift
	for m := range j.sets {
		s := &j.sets[m]
		if p := s.page(va); p != nil {
			s.forget(p)
		}
		// An instruction that ends in this page may have started in the one before.
		if p := s.page(page<<core.PageShift - 1); p != nil {
			for back := uint64(1); back < core.MaxInsn; back++ {
				s.clear(page<<core.PageShift - back)
			}
		}
	}
}
