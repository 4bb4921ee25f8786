package engine

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// codeCache holds the decoded code of guest RAM, by page frame. What belongs to a
// page and varies in size, records, their index, where jumps lead, lies in the
// record memory: it is allocated in order and freed all at once, when that memory
// is full or there are maxPages pages. So nothing that a guest does makes Go's heap
// grow beyond the pages themselves.
type codeCache struct {
	e     *Engine
	align uint // ISA.Align
	// findNeed is how much record memory find may take, in bytes: the longest run,
	// with its header, a stub for every branch and at its end, a page's chunks; and
	// the same without stubs for an instruction in two pages.
	findNeed  int
	chunkSize int          // bytes of a chunk
	pages     []uint16     // by RAM frame: number of its page, counted from 1; 0 if it has no code
	slabs     [][]codePage // pages by number
	free      []uint16     // numbers that slabs hold and no frame has
	count     int          // frames with a page
	used      int          // bytes of record memory
	serial    uint32       // of the newest page; it goes round after years
	run       []isa.Insn   // scratch of decode
	offs      []uint16     // scratch of decode
	forwards  []forward    // scratch of decode
	reach     map[*Binding]*codeSet
}

const (
	// maxPages bounds the pages with decoded code, each some 230 bytes of Go's
	// memory: a guest may jump to one instruction in every page of its RAM.
	// Programs that are large fill the record memory first.
	maxPages = 16384
	// slabPages is how many pages are allocated at a time.
	slabPages = 256
	// maxReach bounds the translations whose code is remembered, 280 bytes each.
	maxReach = 2048
	// maxTargets bounds the offsets that a page remembers to have been jumped to,
	// and with them what a refill costs.
	maxTargets = 128
	// maxBefore bounds the frames that a page remembers to lie before it.
	maxBefore = 4
)

// codePage is the decoded code of one page frame. It has no slices but
// straddles, of which there are as many as instructions can begin in the
// page and end behind it.
type codePage struct {
	chunks [chunks]uint32 // addresses in record memory, 0 where nothing is decoded
	runs   uint32         // address of the newest run's header, 0 if there is none
	stores int32          // into the page, beside its code
	serial uint32         // no page before had it
	mode   uint8          // core.CodeMode for which it was decoded
	// targets is how many offsets are known to have been jumped to.
	targets uint8
	// tail is the number of this page's first bytes that belong to an instruction
	// which begins in the page before.
	tail uint8
	// before are frames of pages whose bound translation has such an instruction,
	// befores how many; more than maxBefore are not told apart.
	befores uint8
	before  [maxBefore]uint32
	bound   *Binding
	cold    *Binding     // the translation that the page had when it was decoded, while it waits
	profile *PageProfile // of the content, once it is asked for
	// straddles are the instructions that begin in this page and end in the next.
	straddles []straddle
}

func (c *codeCache) init(e *Engine) {
	c.e = e
	c.align = e.ISA.Align()
	c.chunkSize = chunkIndex + 4*(chunkBytes>>c.align)
	c.findNeed = (2*maxRun+8)*core.RecordSize + chunks*c.chunkSize
	c.pages = make([]uint16, len(e.RAM.Bytes)/core.PageSize)
	c.reach = map[*Binding]*codeSet{}
	if e.Records.Base == 0 && e.Config.Run != nil {
		panic("BUG: engine: record memory at address 0")
	}
}

// page is a frame's decoded code, nil if there is none.
func (c *codeCache) page(frame int) *codePage {
	n := int(c.pages[frame]) - 1
	if n < 0 {
		return nil
	}
	return &c.slabs[n/slabPages][n%slabPages]
}

// has reports whether code of a frame is decoded.
func (c *codeCache) has(frame int) bool { return c.pages[frame] != 0 }

// drop forgets the decoded code of a frame. Records stay readable: whoever
// stands on one finds the request to decode again.
func (c *codeCache) drop(frame int, why Cause) {
	p := c.page(frame)
	if p == nil {
		return
	}
	c.e.Stats.Dropped++
	c.eachRecord(p, func(at uint32) { c.setOp(at, abi.HandlerDecode) })
	if p.bound != nil {
		c.e.jump.flushFrame(frame)
	}
	if p.befores > maxBefore {
		c.e.jump.flushAll()
	} else {
		for _, f := range p.before[:p.befores] {
			c.e.jump.flushFrame(int(f))
		}
	}
	c.forget(frame, why)
}

// forget empties a frame and keeps the page for another.
func (c *codeCache) forget(frame int, why Cause) {
	p := c.page(frame)
	if p.bound != nil {
		c.e.Stats.Unbound[why]++
	}
	*p = codePage{straddles: p.straddles[:0]}
	c.free = append(c.free, c.pages[frame])
	c.pages[frame] = 0
	c.count--
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
	p := c.page(frame)
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
	p := c.page(frame)
	if p == nil {
		return
	}
	p.stores++
	if off < int(p.tail) || c.decodedIn(p, frame, off, off+size) || p.bound != nil && c.translatedIn(p, frame, off, off+size) {
		c.drop(frame, CauseStore)
	}
}

// decodedIn reports whether a decoded instruction has a byte in [from, to).
func (c *codeCache) decodedIn(p *codePage, frame, from, to int) bool {
	for at := max(0, from-core.MaxInsn) >> c.align << c.align; at < to; at += 1 << c.align {
		if c.decoded(p, at) != 0 && (at >= from || at+c.length(frame, at) > from) {
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
	for frame, n := range c.pages {
		if n != 0 {
			c.forget(frame, CauseRoom)
		}
	}
	c.used = 0
	c.e.jump.flushAll()
	c.e.Stats.Flushed++
}

// find returns the record for pc, which lies in the given frame, and the
// target if it is an entry of the page's translation.
func (c *codeCache) find(frame int, pc uint64) (record, target uint32) {
	p := c.page(frame)
	if p != nil && uint32(p.mode) != core.CodeMode(c.e.S.Mode) {
		c.drop(frame, CauseMode)
		p = nil
	}
	// An instruction may add a second page, whether its own is there or not.
	if c.used+c.findNeed > len(c.e.Records.Bytes) || c.count > maxPages-2 {
		c.flush()
		p = nil
	}
	if p == nil {
		p = c.newPage(frame)
	}
	off := uint16(pc & core.PageMask)
	if record = c.decoded(p, int(off)); record == 0 {
		c.decode(p, frame, off)
		record = c.decoded(p, int(off))
	}
	for i := range p.straddles {
		if p.straddles[i].off == off {
			return c.straddle(p, &p.straddles[i], frame, pc)
		}
	}
	if p.bound != nil {
		target = p.bound.target(off)
	}
	c.know(p, int(off))
	return record, target
}

func (c *codeCache) newPage(frame int) *codePage {
	if len(c.free) == 0 {
		first := len(c.slabs) * slabPages
		c.slabs = append(c.slabs, make([]codePage, slabPages))
		for n := first + slabPages; n > first; n-- {
			c.free = append(c.free, uint16(n))
		}
	}
	last := len(c.free) - 1
	c.pages[frame], c.free = c.free[last], c.free[:last]
	c.count++
	c.serial++
	p := c.page(frame)
	p.mode, p.serial = uint8(core.CodeMode(c.e.S.Mode)), c.serial
	c.e.TLB.FlushFrame(c.e.RAM.Base + uint64(frame)<<core.PageShift)
	c.e.bind(p, frame)
	return p
}
