package aot

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// Page functions call those of other pages of the same program by name where
// code jumps there (emit.Link). Which function that is, is known when all are
// chosen, and how long a function is, is wanted before: so each is translated
// twice, first with a link for every jump that may get one.

// source is what the candidate's function is made of.
func (c *Candidate) source(ran []uint16) *emit.Source {
	return &emit.Source{Code: c.Code, Mode: c.Key.Mode, Entries: c.Entries(), Ran: ran}
}

// anyLink stands for the link that a jump to another page of the program may
// get: none is longer.
func (c *Candidate) anyLink(off int) (emit.Link, bool) {
	_, ok := c.near(pageOf(off))
	return emit.LongLink, ok
}

// pageOf is the number of the page of an offset from a page's start.
func pageOf(off int) int { return off >> core.PageShift }

// link translates the pages again, now that their places in the core are known.
func (c *Choice) link(k *emit.Core) {
	at := make(map[engine.Key]int, len(c.Pages))
	for i := range c.Pages {
		at[c.Pages[i].Key] = i
	}
	linked := make([]*emit.Page, len(c.Pages))
	parallel(len(c.Pages), func(i int) error {
		t := &c.Pages[i]
		s := t.source(t.ran)
		s.Links = func(off int) (emit.Link, bool) {
			content, ok := t.near(pageOf(off))
			to, chosen := at[engine.Key{Content: content, Mode: t.Key.Mode}]
			if !ok || !chosen {
				return emit.Link{}, false
			}
			return k.NextLink(to, c.Pages[to].Func, uint16(off&core.PageMask))
		}
		linked[i] = k.Relink(t.Func, s)
		return nil
	})
	c.Bytes = 0
	for i, f := range linked {
		if f != nil {
			c.Pages[i].Func, c.Pages[i].Bytes = f, f.Func.Body.Len()
		}
		c.Bytes += c.Pages[i].Bytes
	}
}
