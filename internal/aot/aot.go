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

	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
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
	Bytes int // of Wasm
}

// Choice is what a file gets, and what it does not.
type Choice struct {
	Pages []Translated // in the order of their slots, hottest first
	Bytes int          // of Wasm, all pages together
	Left  Left
}

// Left is what the budget leaves out.
type Left struct {
	Pages   int
	Samples uint64
	// Bytes is how much Wasm it would be: an estimate, where that was not
	// made.
	Bytes int
}

// ahead is how many times the budget is translated before it is cut.
const ahead = 2

// batch is how many pages are translated between two looks at the budget; it
// does not depend on the number of processors, so that the choice does not.
const batch = 64

// Choose translates candidates, which are in falling order of samples, and takes
// those with the most samples for each byte until budget bytes of Wasm are full.
// The same candidates and budget give the same choice.
func Choose(k *emit.Core, list []Candidate, budget int) Choice {
	var made []Translated
	var c Choice
	total := 0
	for len(list) > 0 && total < budget*ahead {
		n := min(batch, len(list))
		pages := make([]*emit.Page, n)
		parallel(n, func(i int) error {
			if f, ok := k.Translate(list[i].Code, list[i].Key.Mode, list[i].Entries); ok {
				pages[i] = f
			}
			return nil
		})
		for i, f := range pages {
			if f != nil {
				made = append(made, Translated{list[i], f, f.Func.Body.Len()})
				total += f.Func.Body.Len()
			}
		}
		list = list[n:]
	}
	average := total / max(len(made), 1)
	for i := range list {
		c.Left.Pages++
		c.Left.Samples += uint64(list[i].Samples)
		c.Left.Bytes += average
	}
	dense := slices.Clone(made)
	slices.SortStableFunc(dense, func(a, b Translated) int {
		return cmp.Compare(uint64(b.Samples)*uint64(a.Bytes), uint64(a.Samples)*uint64(b.Bytes))
	})
	chosen := map[engine.Key]bool{}
	for i := range dense {
		t := &dense[i]
		if c.Bytes+t.Bytes > budget {
			c.Left.Pages++
			c.Left.Samples += uint64(t.Samples)
			c.Left.Bytes += t.Bytes
			continue
		}
		c.Bytes += t.Bytes
		chosen[t.Key] = true
	}
	c.Pages = slices.DeleteFunc(made, func(t Translated) bool { return !chosen[t.Key] })
	return c
}

// Add adds the chosen pages to a core with the arguments of the one that
// translated them, and returns what they are bound to.
func (c *Choice) Add(k *emit.Core) []machine.PageBinding {
	var list []machine.PageBinding
	for _, t := range c.Pages {
		list = append(list, machine.PageBinding{Key: t.Key, Binding: engine.Binding{Slot: k.AddPage(t.Func), Entries: t.Func.Entries}})
	}
	return list
}
