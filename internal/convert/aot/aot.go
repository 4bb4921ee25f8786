// Package aot chooses and makes the page functions that a file holds. A profile
// says which code pages run often and where they are entered; the pages' code is
// found by its content in the programs that a guest may run; what fits into a
// budget is translated.
//
// It must not know how profiles are gathered, where programs come from, nor what
// becomes of the core that it adds to.
package aot

import (
	"cmp"
	"slices"

	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/machine"
)

// Candidate is a page that is worth translating, and its code.
type Candidate struct {
	Page
	Found
}

// Candidates joins a profile with the code that was found for it, in the
// profile's order. Pages whose code is nowhere are passed over.
func Candidates(p Profile, found map[uint64]Found) []Candidate {
	var list []Candidate
	for _, g := range p {
		if f, ok := found[g.Key.Content]; ok {
			list = append(list, Candidate{g, f})
		}
	}
	return list
}

// Contents are the hashes that a profile's pages are found by.
func (p Profile) Contents() map[uint64]bool {
	m := make(map[uint64]bool, len(p))
	for _, g := range p {
		m[g.Key.Content] = true
	}
	return m
}

// Translated is a candidate that has become a page function.
type Translated struct {
	Candidate
	Func  *emit.Page
	ran   []uint16 // emit.Source.Ran
	Bytes int      // of Wasm
	Hot   uint64   // samples of the code that is in the function
}

// Choice is what a file gets, and what it does not.
type Choice struct {
	Pages []Translated // in the order of their slots, hottest first
	Bytes int          // of Wasm, all pages together
	Hot   uint64       // samples of the code that is translated
	Left  Left
}

// Left is what the budget leaves out.
type Left struct {
	Pages   int    // of which nothing is translated
	Samples uint64 // of all code that is not
	Bytes   int    // how much Wasm that would be, estimated
}

// levels are what code has to have of all samples to be translated: the least
// with which all of it fits into the budget, otherwise the last. Code that ran
// but is not translated costs more than its own time, since what follows it runs
// in the interpreter up to the next entry: so below the last level pages are left
// out, and no more code of the pages that are not.
var levels = []uint64{1 << 32, 1 << 22, 3 << 20, 1 << 21, 3 << 19, 1 << 20, 3 << 18, 1 << 19, 3 << 17, 1 << 18}

// The size of page functions, for estimates, in bytes.
const (
	pageBytes = 300
	insnBytes = 46
)

// Choose translates the code with the most samples for each byte of Wasm that
// fits into budget bytes. The same candidates and budget give the same choice.
func Choose(k *emit.Core, list []Candidate, budget int) Choice {
	total := uint64(0)
	for i := range list {
		total += list[i].Samples()
	}
	least := uint64(1)
	for _, share := range levels {
		least = max(total/share, 1)
		if estimate(k, list, least) <= budget {
			break
		}
	}
	c := cut(translate(k, list, least), len(list), budget)
	c.Left.Samples = total - c.Hot
	if c.Left.Samples > 0 {
		c.Left.Bytes = max(estimate(k, list, 1)-c.Bytes, 0)
	}
	return c
}

// ran lists the points with at least so many samples.
func (p *Page) ran(least uint64) (list []uint16, samples uint64) {
	for _, x := range p.Points {
		if uint64(x.Samples) >= least {
			list = append(list, x.Off)
			samples += uint64(x.Samples)
		}
	}
	return list, samples
}

// estimate returns about how many bytes translate makes.
func estimate(k *emit.Core, list []Candidate, least uint64) (sum int) {
	bytes := make([]int, len(list))
	parallel(len(list), func(i int) error {
		ran, _ := list[i].ran(least)
		for _, n := range k.Reach(list[i].Code, ran) {
			bytes[i] += n * insnBytes
		}
		if bytes[i] > 0 {
			bytes[i] += pageBytes
		}
		return nil
	})
	for _, n := range bytes {
		sum += n
	}
	return sum
}

// translate makes page functions of the points with at least so many samples.
func translate(k *emit.Core, list []Candidate, least uint64) []Translated {
	pages := make([]Translated, len(list))
	parallel(len(list), func(i int) error {
		c := &list[i]
		ran, hot := c.ran(least)
		if len(ran) == 0 {
			return nil
		}
		s := c.source(ran)
		s.Links = c.anyLink
		if f, ok := k.TranslateSource(s); ok {
			pages[i] = Translated{*c, f, ran, f.Func.Body.Len(), hot}
		}
		return nil
	})
	return slices.DeleteFunc(pages, func(t Translated) bool { return t.Func == nil })
}

// cut takes what fits of the pages, those with the most samples for each byte
// first.
func cut(made []Translated, candidates, budget int) (c Choice) {
	dense := slices.Clone(made)
	slices.SortStableFunc(dense, func(a, b Translated) int {
		return cmp.Compare(b.Hot*uint64(a.Bytes), a.Hot*uint64(b.Bytes))
	})
	chosen := map[engine.Key]bool{}
	room := maxEntries
	for i := range dense {
		if t := &dense[i]; c.Bytes+t.Bytes <= budget && len(t.Func.Entries) <= room {
			c.Bytes += t.Bytes
			c.Hot += t.Hot
			room -= len(t.Func.Entries)
			chosen[t.Key] = true
		}
	}
	c.Pages = slices.DeleteFunc(made, func(t Translated) bool { return !chosen[t.Key] })
	c.Left.Pages = candidates - len(c.Pages)
	return c
}

// Fill adds whole pages, in their order, as long as the budget lasts. Pages that
// the choice has in part are taken as they are there.
func (c *Choice) Fill(k *emit.Core, list []Candidate, budget int) {
	seen := map[engine.Key]bool{}
	room := maxEntries
	for _, t := range c.Pages {
		seen[t.Key] = true
		room -= len(t.Func.Entries)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(x Candidate) bool {
		was := seen[x.Key]
		seen[x.Key] = true
		return was
	})
	for full := false; len(list) > 0 && !full; {
		n := min(batch, len(list))
		pages := make([]*emit.Page, n)
		parallel(n, func(i int) error {
			s := list[i].source(nil)
			s.Links = list[i].anyLink
			pages[i], _ = k.TranslateSource(s)
			return nil
		})
		for i, f := range pages {
			if f == nil {
				continue
			}
			size := f.Func.Body.Len()
			if full = c.Bytes+size > budget || room < len(f.Entries); full {
				n = i
				break
			}
			c.Bytes += size
			room -= len(f.Entries)
			c.Pages = append(c.Pages, Translated{list[i], f, nil, size, 0})
		}
		list = list[n:]
	}
	c.Left.Pages += len(list)
	if len(list) > 0 {
		c.Left.Bytes += len(list) * (c.Bytes / max(len(c.Pages), 1))
	}
}

// batch is how many pages are translated between two looks at the budget; it
// does not depend on the number of processors, so that the choice does not.
const batch = 64

// maxEntries bounds the entries of all pages together: a file has room for
// 512 KiB of bindings, two bytes each and twenty for a page.
const maxEntries = 160_000

// Add adds the chosen pages to a core with the arguments of the one that
// translated them, and returns what they are bound to.
func (c *Choice) Add(k *emit.Core) []machine.PageBinding {
	c.link(k)
	var list []machine.PageBinding
	for _, t := range c.Pages {
		list = append(list, machine.PageBinding{Key: t.Key, Binding: engine.Binding{Slot: k.AddPage(t.Func), Entries: t.Func.Entries, Tail: t.Func.Tail}})
	}
	return list
}
