package emit

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/wasm"
)

// Bounds of a page function: beyond some 50 KB of Wasm V8 chooses a weaker
// register allocator. Most pages stay below maxPageBytes with maxPageInsns
// instructions; of one that does not, fewer are translated.
const (
	maxPageInsns = 1000
	maxPageBytes = 35000
)

// Page is a page function that belongs to no core yet.
type Page struct {
	// Func calls helper functions of the core that translated it by symbol, so
	// it fits every core with the same arguments to NewCore.
	Func *wasm.Func
	// Entries are the offsets at which it can be entered, by entry number,
	// rising.
	Entries []uint16
	// Insns is how many guest instructions it executes.
	Insns int
	// Tail are the bytes behind the page that it was made from: the end of its
	// last instruction.
	Tail []byte

	mode  uint32
	limit int // of instructions, with which it was translated
	tries int // how many limits it took
}

// Own is the tag of the marks of a page function's code that belongs to no
// guest instruction. The other tags are offsets in the guest's page.
const Own = -1

// Source is what a page function is made of.
type Source struct {
	Code    []byte // the page and, if that is known, what lies behind it
	Mode    uint32 // in which it is executed
	Entries []uint16
	// Ran, if not nil, limits the function to what a profile has seen to run: the
	// code that lies straight behind these offsets, up to a jump. Entries elsewhere
	// are none; what jumps there leaves the function, and comes back where it meets
	// that code again.
	Ran []uint16
	// Links, if not nil, says which page function the code at an offset outside
	// of the page is likely to have. For offsets in the page it is this one.
	Links func(off int) (Link, bool)
}

// Translate makes a page function of the code that the given entry offsets
// reach in a page, as executed in a mode; ok is false if there is nothing to
// translate. The same arguments give the same function. It changes nothing of
// the core and may run beside other calls.
func (k *Core) Translate(code []byte, mode uint32, asked []uint16) (_ *Page, ok bool) {
	return k.TranslateSource(&Source{Code: code, Mode: mode, Entries: asked})
}

// TranslateSource is Translate with all that is known.
func (k *Core) TranslateSource(s *Source) (_ *Page, ok bool) {
	limit := maxPageInsns
	for tries := 1; ; tries++ {
		p := k.translate(s, limit)
		if p == nil {
			return nil, false
		}
		p.tries = tries
		n := p.Func.Body.Len()
		if n <= maxPageBytes || limit == 1 {
			return p, true
		}
		// From what was translated, since the limit may lie far above it. Less a
		// 32nd: what is left out takes less than its share as a rule, and each try
		// costs as much as the first. Entries in the middle of instructions give
		// more than limit of them.
		fits := p.Insns * maxPageBytes / n
		limit = max(1, min(limit-1, fits-fits/32))
	}
}

// Relink is the page function again, with other links: entries and instructions
// are the same.
func (k *Core) Relink(p *Page, s *Source) *Page { return k.translate(s, p.limit) }

// translate is Translate with a bound for the instructions: those that are
// found first, from the entries on.
func (k *Core) translate(s *Source, limit int) *Page {
	t := &translation{core: k, src: s, insns: limit}
	if !t.run() {
		return nil
	}
	out := &Page{Func: t.out.f, mode: s.Mode, limit: limit}
	for _, e := range t.control.Entries {
		out.Entries = append(out.Entries, uint16(t.code.blocks[e-1].start))
	}
	for _, b := range t.code.blocks {
		out.Insns += len(b.insns)
		if b.crossesPage() {
			out.Tail = s.Code[core.PageSize:b.end]
		}
	}
	return out
}

// AddPage adds a page function and returns its slot in the core's table. The
// first ones are entered faster.
func (k *Core) AddPage(p *Page) (slot uint32) {
	k.Funcs = append(k.Funcs, p.Func)
	k.Pages = append(k.Pages, len(k.Funcs)-1)
	k.modes = append(k.modes, p.mode)
	if len(k.Pages) <= directPages {
		k.name()
	}
	return uint32(abi.FirstPage + len(k.Pages) - 1)
}
