package engine

import (
	"encoding/binary"
	"slices"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/isa"
)

// Records is the memory for interpreter records. It lies in the core's linear
// memory, at an address that is not zero.
type Records struct {
	Bytes []byte
	Base  uint32
}

// codeCache holds the decoded code of guest RAM, by page frame. Records are
// allocated in order and freed all at once, when the memory is full.
type codeCache struct {
	e     *Engine
	pages []*codePage // by RAM frame
	count int         // pages that are not nil
	used  int         // bytes of record memory
	run   []isa.Insn  // scratch of decode
	links []link      // scratch of decode
	free  [][]uint32  // codePage.record of pages that were dropped, all zero
}

// maxPages bounds the pages with decoded code: each takes 8 KiB of Go's share
// of memory, and a guest may jump to one instruction in every page of its RAM.
// Real programs fill the record memory at about this number: Python, with some
// modules, has 1,341 pages and 13 MB of records, the kernel's included.
const maxPages = 3072

// maxTargets bounds the offsets that a page remembers to have been jumped to.
const maxTargets = 128

// codePage is the decoded code of one page frame.
type codePage struct {
	mode   uint32   // core.CodeMode for which it was decoded
	record []uint32 // by offset >> alignShift: address of the record or stub, 0 if none
	runs   [][2]uint32
	// waiting are the records that lead to offsets in this page which are not
	// decoded yet: by way of a stub that asks for decoding. An offset's stub is
	// in record, marked by stubBit, and holds the number of its first waiting
	// record, counted from 1.
	waiting []waiting
	bound   *Binding
	cold    *Binding     // the translation that the page had when it was decoded, while it waits
	code    *codeSet     // what of the page bound may have translated, nil until it is asked for
	targets []known      // where jumps have led, in order of the first time
	stores  int          // into the page, beside its code
	profile *PageProfile // of the content, once it is asked for
	// straddles are the instructions that begin in this page and end in the
	// next; tail is the number of this page's first bytes that belong to one.
	straddles []straddle
	tail      int
	before    []int // frames of pages whose bound translation has such an instruction
}

// straddle is an instruction in two pages. Its record is found by the jump
// cache only, which is keyed by virtual addresses: the next page's frame is
// part of what the record stands for.
type straddle struct {
	off    uint16
	next   *codePage // the second page, which may have been dropped since
	record uint32
}

// known is the target of a jump.
type known struct {
	off            uint16
	record, target uint32
}

// know remembers the target of a jump.
func (p *codePage) know(k known) {
	if len(p.targets) == maxTargets {
		return
	}
	for i := range p.targets {
		if p.targets[i].off == k.off {
			return
		}
	}
	p.targets = append(p.targets, k)
}

type waiting struct {
	record uint32 // the branch or link
	next   uint32 // number of the next one for the same offset, 0 if none
}

// stubBit marks the address of a stub in codePage.record: records are aligned.
const stubBit = 1

// decoded is the address of an offset's record, 0 if it is not decoded yet.
func (p *codePage) decoded(off int) uint32 {
	if at := p.record[off>>alignShift]; at&stubBit == 0 {
		return at
	}
	return 0
}

// alignShift: instructions start at even addresses. An ISA with byte-aligned
// instructions would use 0.
const alignShift = 1

func (c *codeCache) init(e *Engine) {
	c.e = e
	c.pages = make([]*codePage, len(e.RAM.Bytes)/core.PageSize)
	if e.Records.Base == 0 && e.Config.Run != nil {
		panic("BUG: engine: record memory at address 0")
	}
}

// has reports whether code of a frame is decoded.
func (c *codeCache) has(frame int) bool { return c.pages[frame] != nil }

// drop forgets the decoded code of a frame. Records stay readable: whoever
// stands on one finds the request to decode again.
func (c *codeCache) drop(frame int, why Cause) {
	p := c.pages[frame]
	if p == nil {
		return
	}
	c.forget(frame, why)
	c.e.Stats.Dropped++
	for _, r := range p.runs {
		for at := r[0]; at < r[1]; at += core.RecordSize {
			c.setOp(at, emit.HandlerDecode)
		}
	}
	if p.bound != nil {
		c.e.jump.flushFrame(frame)
	}
	for _, f := range p.before {
		c.e.jump.flushFrame(f)
	}
}

// forget empties a frame and keeps the page's index for another.
func (c *codeCache) forget(frame int, why Cause) {
	p := c.pages[frame]
	if p.bound != nil {
		c.e.Stats.Unbound[why]++
	}
	c.pages[frame] = nil
	c.count--
	clear(p.record)
	c.free = append(c.free, p.record)
	p.record = nil
}

// maxStores is how many stores beside its code a page takes one by one before
// the code yields to fast stores; of a bound page, whose content is no longer
// that of its translation, boundStores.
const (
	maxStores   = 64
	boundStores = 4096
)

// yield gives up a page's code in favour of fast stores, if there were many
// and the page is not the one that is running.
func (c *codeCache) yield(frame int, phys uint64) bool {
	p := c.pages[frame]
	if p.stores < maxStores || p.bound != nil && p.stores < boundStores {
		return false
	}
	if m, f := c.e.Priv.Translate(c.e.S.PC, isa.AccessExec); f != nil || m.Phys == phys {
		return false
	}
	c.drop(frame, CauseStore)
	return true
}

// stored takes note of a store of size bytes at an offset in a page. Code that
// it changes is dropped.
func (c *codeCache) stored(frame, off, size int) {
	p := c.pages[frame]
	if p == nil {
		return
	}
	p.stores++
	if off < p.tail || c.decodedIn(p, frame, off, off+size) || p.bound != nil && c.translatedIn(p, frame, off, off+size) {
		c.drop(frame, CauseStore)
	}
}

// decodedIn reports whether a decoded instruction has a byte in [from, to).
func (c *codeCache) decodedIn(p *codePage, frame, from, to int) bool {
	for at := max(0, from-core.MaxInsn) >> alignShift << alignShift; at < to; at += 1 << alignShift {
		if p.decoded(at) != 0 && (at >= from || at+c.length(frame, at) > from) {
			return true
		}
	}
	return false
}

// length is that of the instruction at an offset, which may end in the next page.
func (c *codeCache) length(frame, off int) int {
	in, ok := c.e.ISA.Decode(c.e.RAM.Bytes[frame<<core.PageShift+off : (frame+1)<<core.PageShift])
	if !ok {
		return core.PageSize - off
	}
	return int(in.Len)
}

// flush frees all record memory.
func (c *codeCache) flush() {
	for frame, p := range c.pages {
		if p != nil {
			c.forget(frame, CauseRoom)
		}
	}
	c.used = 0
	c.e.jump.flushAll()
	c.e.Stats.Flushed++
}

// find returns the record for pc, which lies in the given frame, and the
// translation's target if pc is an entry of one.
func (c *codeCache) find(frame int, pc uint64) (record, target uint32) {
	p := c.pages[frame]
	if p != nil && p.mode != core.CodeMode(c.e.S.Mode) {
		c.drop(frame, CauseMode)
		p = nil
	}
	// The longest run: its records, a stub for every branch, and its end. An
	// instruction may add a second page, whether its own is there or not.
	if need := (2*maxRun + 4) * core.RecordSize; c.used+need > len(c.e.Records.Bytes) || c.count > maxPages-2 {
		c.flush()
		p = nil
	}
	if p == nil {
		p = c.newPage(frame)
	}
	off := uint16(pc & core.PageMask)
	if p.decoded(int(off)) == 0 {
		c.decode(p, frame, off)
	}
	for i := range p.straddles {
		if p.straddles[i].off == off {
			return c.straddle(p, &p.straddles[i], frame, pc)
		}
	}
	record = p.record[off>>alignShift]
	if p.bound != nil {
		target = p.bound.target(off)
	}
	p.know(known{off, record, target})
	return record, target
}

// straddle returns the record of an instruction that ends in the page behind, and
// the target if the page's translation has it. If the page behind cannot be
// fetched, Go executes the instruction and raises the exception.
func (c *codeCache) straddle(p *codePage, s *straddle, frame int, pc uint64) (record, target uint32) {
	e := c.e
	begin := e.Records.Base + uint32(c.used)
	next := -1
	m, f := e.Priv.Translate(pc&^core.PageMask+core.PageSize, isa.AccessExec)
	if f == nil {
		if n, ok := e.RAM.Frame(m.Phys); ok {
			next = n
		}
	}
	if c.pages[frame] != p {
		// The walk set a bit in a page table that lies in this very page.
		return c.put(&isa.Insn{}, s.off, 0, emit.HandlerSingle), 0
	}
	if next >= 0 && s.next != nil && s.next == c.pages[next] {
		return s.record, c.straddling(p, s, frame, next)
	}
	var both [2 * core.MaxInsn]byte
	n := copy(both[:core.MaxInsn], e.RAM.Bytes[frame<<core.PageShift+int(s.off):(frame+1)<<core.PageShift])
	if next >= 0 {
		n += copy(both[n:], e.RAM.Bytes[next<<core.PageShift:][:core.MaxInsn])
	}
	in, ok := e.ISA.Decode(both[:n])
	if next < 0 || !ok || next == frame {
		return c.put(&isa.Insn{}, s.off, 0, emit.HandlerSingle), 0
	}
	q := c.pages[next]
	if q == nil {
		q = c.newPage(next)
	}
	q.tail = max(q.tail, int(s.off)+int(in.Len)-core.PageSize)
	s.next = q
	s.record = c.put(&in, s.off, in.Imm, e.handlers.Far[in.Form])
	c.put(&isa.Insn{}, s.off+uint16(in.Len), 0, emit.HandlerGoto)
	run := [2]uint32{begin, e.Records.Base + uint32(c.used)}
	p.runs, q.runs = append(p.runs, run), append(q.runs, run)
	return s.record, c.straddling(p, s, frame, next)
}

// straddling is the target of an instruction that ends in the page of another
// frame, whose end is decoded there: a store to it drops that page.
func (c *codeCache) straddling(p *codePage, s *straddle, frame, next int) (target uint32) {
	if p.bound == nil {
		return 0
	}
	tail := c.e.RAM.Bytes[next<<core.PageShift:][:core.MaxInsn]
	if target = p.bound.targetStraddling(s.off, tail); target != 0 && !slices.Contains(s.next.before, frame) {
		s.next.before = append(s.next.before, frame)
	}
	return target
}

func (c *codeCache) newPage(frame int) *codePage {
	p := &codePage{mode: core.CodeMode(c.e.S.Mode)}
	if n := len(c.free); n > 0 {
		p.record, c.free = c.free[n-1], c.free[:n-1]
	} else {
		p.record = make([]uint32, core.PageSize>>alignShift)
	}
	c.pages[frame] = p
	c.count++
	c.e.TLB.FlushFrame(c.e.RAM.Base + uint64(frame)<<core.PageShift)
	c.e.bind(p, frame)
	return p
}

func (c *codeCache) rec(at uint32) []byte {
	i := at - c.e.Records.Base
	return c.e.Records.Bytes[i : i+core.RecordSize : i+core.RecordSize]
}

func (c *codeCache) setOp(at uint32, op uint16) {
	binary.LittleEndian.PutUint16(c.rec(at)[core.RecOp:], op)
}

func (c *codeCache) op(at uint32) uint16 {
	return binary.LittleEndian.Uint16(c.rec(at)[core.RecOp:])
}

// put appends a record and returns its address.
func (c *codeCache) put(in *isa.Insn, off uint16, imm int32, op uint16) uint32 {
	at := c.e.Records.Base + uint32(c.used)
	b := c.e.Records.Bytes[c.used : c.used+core.RecordSize]
	c.used += core.RecordSize
	le := binary.LittleEndian
	le.PutUint16(b[core.RecA:], in.A)
	le.PutUint16(b[core.RecB:], in.B)
	le.PutUint16(b[core.RecC:], in.C)
	le.PutUint16(b[core.RecPC:], off)
	le.PutUint32(b[core.RecImm:], uint32(imm))
	le.PutUint16(b[core.RecOrig:], op)
	le.PutUint16(b[core.RecOp:], op)
	return at
}
