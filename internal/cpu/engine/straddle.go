package engine

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// straddle is an instruction in two pages. Its record is found by the jump
// cache only, which is keyed by virtual addresses: the next page's frame is
// part of what the record stands for.
type straddle struct {
	off    uint16
	next   int32  // frame of the second page,
	serial uint32 // and which page that was; it may have been dropped since
	record uint32 // 0 if there is none yet
}

// noFrame is no RAM frame.
const noFrame = -1

// straddle returns the record of an instruction that ends in the page behind, and
// the target if the page's translation has it. If the page behind cannot be
// fetched, Go executes the instruction and raises the exception.
func (c *codeCache) straddle(p *codePage, s *straddle, frame int, pc uint64) (record, target uint32) {
	e := c.e
	next, q := noFrame, (*codePage)(nil)
	m, f := e.Priv.Translate(pc&^core.PageMask+core.PageSize, isa.AccessExec)
	if f == nil {
		if n, ok := e.RAM.Frame(m.Phys); ok {
			next, q = n, c.page(n)
		}
	}
	if c.page(frame) != p {
		// The walk set a bit in a page table that lies in this very page.
		return c.put(&isa.Insn{}, uint16(pc&core.PageMask), 0, abi.HandlerSingle), 0
	}
	if s.record != 0 && q != nil && s.serial == q.serial {
		return s.record, c.straddling(p, s, frame, q)
	}
	var both [2 * core.MaxInsn]byte
	n := copy(both[:core.MaxInsn], e.RAM.Bytes[frame<<core.PageShift+int(s.off):(frame+1)<<core.PageShift])
	if next != noFrame {
		n += copy(both[n:], e.RAM.Bytes[next<<core.PageShift:][:core.MaxInsn])
	}
	in, ok := e.ISA.Decode(both[:n])
	if next == noFrame || !ok || next == frame {
		return c.put(&isa.Insn{}, s.off, 0, abi.HandlerSingle), 0
	}
	if q == nil {
		q = c.newPage(next)
	}
	q.tail = max(q.tail, uint8(int(s.off)+int(in.Len)-core.PageSize))
	one, other := c.header(), c.header()
	s.record = c.put(&in, s.off, in.Imm, e.handlers.Far[in.Form])
	c.put(&isa.Insn{}, s.off+uint16(in.Len), 0, abi.HandlerGoto)
	c.addRun(p, one, s.record)
	c.addRun(q, other, s.record)
	s.next, s.serial = int32(next), q.serial
	return s.record, c.straddling(p, s, frame, q)
}

// straddling is the target of an instruction that ends in the page q of another
// frame, whose end is decoded there: a store to it drops that page.
func (c *codeCache) straddling(p *codePage, s *straddle, frame int, q *codePage) (target uint32) {
	if p.bound == nil {
		return 0
	}
	tail := c.e.RAM.Bytes[int(s.next)<<core.PageShift:][:core.MaxInsn]
	if target = p.bound.targetStraddling(s.off, tail); target != 0 {
		q.follows(uint32(frame))
	}
	return target
}

// follows notes that the page of a frame lies before this one.
func (p *codePage) follows(frame uint32) {
	switch {
	case p.befores > maxBefore || slices.Contains(p.before[:p.befores], frame):
	case p.befores == maxBefore:
		p.befores++ // all of them, from here on
	default:
		p.before[p.befores] = frame
		p.befores++
	}
}
