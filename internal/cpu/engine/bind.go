package engine

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/cespare/xxhash/v2"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Key identifies what a translation was made from: the content of a code page
// and the mode that it was made for. It is a pure function of both.
type Key struct {
	Content uint64
	Mode    uint32 // core.CodeMode
}

// PageKey is the key of a page's content in a mode.
func PageKey(content []byte, mode uint32) Key { return Key{xxhash.Sum64(content), mode} }

// Binding is a translation that the core holds: a page function and the
// offsets in the page at which it can be entered.
type Binding struct {
	Slot    uint32   // in the core's table
	Entries []uint16 // rising
	// Tail are the first bytes of the next page that it was made from, if its last
	// instruction ends there.
	Tail []byte
}

// Cause is why a page is no longer bound.
type Cause uint8

const (
	CauseStore Cause = iota // to its code, or often to what lies beside
	CauseDMA                // of a device, or a page-table walk
	CauseRoom               // the record memory was full
	CauseMode               // it ran in another mode
	NumCauses
)

func (c Cause) String() string { return [...]string{"store", "DMA", "room", "mode"}[c] }

// maxSlot is the largest slot that core.Target holds.
const maxSlot = 1<<32/core.TargetEntries - 1

// Valid reports whether the slot can be one of a page function and the entries
// are offsets in a page, rising, and no more than a function may have.
func (b *Binding) Valid() bool {
	if b.Slot < abi.FirstPage || b.Slot > maxSlot || len(b.Entries) > core.TargetEntries || len(b.Tail) >= core.MaxInsn {
		return false
	}
	for i, off := range b.Entries {
		if off >= core.PageSize || i > 0 && off <= b.Entries[i-1] {
			return false
		}
	}
	return true
}

// targetStraddling is target for an instruction that ends in the next page, whose
// first bytes are given.
func (b *Binding) targetStraddling(off uint16, tail []byte) uint32 {
	if len(b.Tail) == 0 || !bytes.HasPrefix(tail, b.Tail) {
		return 0
	}
	return b.target(off)
}

// target is the jump-cache target for an offset, 0 if it is not an entry.
func (b *Binding) target(off uint16) uint32 {
	i := sort.Search(len(b.Entries), func(i int) bool { return b.Entries[i] >= off })
	if i < len(b.Entries) && b.Entries[i] == off {
		return core.Target(b.Slot, uint32(i))
	}
	return 0
}

// Bindings are the translations of a file, by key.
type Bindings struct{ m map[Key]*Binding }

// NewBindings returns an empty set.
func NewBindings() *Bindings { return &Bindings{m: map[Key]*Binding{}} }

// Add enters a translation.
func (b *Bindings) Add(k Key, v *Binding) { b.m[k] = v }

// Len is the number of translations.
func (b *Bindings) Len() int {
	if b == nil {
		return 0
	}
	return len(b.m)
}

// bind looks for a translation of a page that is about to be decoded, or has
// become hot.
func (e *Engine) bind(p *codePage, frame int) {
	if e.Bindings.Len() == 0 {
		return
	}
	content := e.RAM.Bytes[frame<<core.PageShift : (frame+1)<<core.PageShift]
	b := e.Bindings.m[PageKey(content, uint32(p.mode))]
	p.bound, p.cold = b, nil
	switch {
	case b == nil:
	case e.cold(b):
		p.bound, p.cold = nil, b
	default:
		e.Stats.Bound++
	}
}

// rebind looks for the translation of a page that is decoded already: stores beside
// what was decoded may have changed its content, and what is bound.
//
// A record enters a translation if and only if the jump cache, from which the
// dispatcher takes it, has a target for its address. A record that still entered
// what is not bound any more would go back to the dispatcher, which would call the
// interpreter at the same record, for ever: neither spends any budget.
func (c *codeCache) rebind(p *codePage, frame int) {
	if p.bound != nil {
		c.leave(p)
	}
	c.e.bind(p, frame)
	if p.bound != nil {
		c.enter(p, 0, core.PageSize)
	}
	c.e.jump.flushFrame(frame)
}

// leave restores the records of a page that enter its translation.
func (c *codeCache) leave(p *codePage) {
	c.eachRecord(p, func(at uint32) {
		if c.op(at) == abi.HandlerEnter {
			c.setOp(at, binary.LittleEndian.Uint16(c.rec(at)[core.RecOrig:]))
		}
	})
}

// enter turns the records of entries in a part of the page into handlers that
// enter the translation. What goes on in the next page has none there.
func (c *codeCache) enter(p *codePage, start uint16, end int) {
	b := p.bound.Entries
	for i := sort.Search(len(b), func(i int) bool { return b[i] >= start }); i < len(b) && int(b[i]) < end; i++ {
		if at := c.decoded(p, int(b[i])); at != 0 {
			r := c.rec(at)
			if op := binary.LittleEndian.Uint16(r[core.RecOp:]); op != abi.HandlerEnter && op != abi.HandlerSingle && op != abi.HandlerGoto {
				binary.LittleEndian.PutUint16(r[core.RecOrig:], op)
				c.setOp(at, abi.HandlerEnter)
			}
		}
	}
}

// codeSet is a set of a page's bytes, in units of 1<<align of them.
type codeSet struct {
	align uint
	bits  []uint64
}

func newCodeSet(align uint) *codeSet {
	return &codeSet{align, make([]uint64, core.PageSize>>align/64)}
}

func (s *codeSet) add(off int) { off >>= s.align; s.bits[off/64] |= 1 << (off % 64) }
func (s *codeSet) has(off int) bool {
	off >>= s.align
	return s.bits[off/64]>>(off%64)&1 != 0
}

// translatedIn reports whether the bound translation may have been made from a
// byte in [from, to): whether an instruction lies there that its entries reach.
// No store has changed such an instruction since the page was bound, so that the
// set is the same for each page with this translation.
func (c *codeCache) translatedIn(p *codePage, frame, from, to int) bool {
	code := c.reach[p.bound]
	if code == nil {
		if len(c.reach) == maxReach {
			clear(c.reach)
		}
		code = reach(c.e.ISA, c.e.RAM.Bytes[frame<<core.PageShift:(frame+1)<<core.PageShift], p.bound.Entries)
		c.reach[p.bound] = code
	}
	for at := from; at < to; at++ {
		if code.has(at) {
			return true
		}
	}
	return false
}

// reach is the code that entries reach in a page, and what calls return to: at
// least what a translation with these entries is made from.
func reach(g isa.ISA, code []byte, entries []uint16) *codeSet {
	forms := g.Forms()
	covered, seen := newCodeSet(g.Align()), newCodeSet(g.Align())
	work := append([]uint16(nil), entries...)
	for len(work) > 0 {
		off := int(work[len(work)-1])
		work = work[:len(work)-1]
		for off < core.PageSize && !seen.has(off) {
			seen.add(off)
			in, ok := g.Decode(code[off:])
			if !ok {
				break // it is executed from both pages
			}
			for at := off; at < min(off+int(in.Len), core.PageSize); at += 1 << covered.align {
				covered.add(at)
			}
			flow := forms[in.Form].Flow
			if to := off + int(in.Imm); hasTarget(flow) && to >= 0 && to < core.PageSize {
				work = append(work, uint16(to))
			}
			if flow.Ends() || flow == isa.FlowSingle {
				break
			}
			off += int(in.Len)
		}
	}
	return covered
}
