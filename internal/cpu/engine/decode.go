package engine

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// maxRun bounds one run, so that little is decoded that never runs.
const maxRun = 128

// decode decodes a run of code from an offset: up to a jump, the page's end,
// code that is decoded already, or maxRun instructions.
func (c *codeCache) decode(p *codePage, frame int, start uint16) {
	e := c.e
	code := e.RAM.Bytes[frame<<core.PageShift : (frame+1)<<core.PageShift]
	h := e.handlers
	c.run, c.offs, c.forwards = c.run[:0], c.offs[:0], c.forwards[:0]
	header := c.header()
	first := header + core.RecordSize
	none := &isa.Insn{}
	off := int(start)
	for {
		if off >= core.PageSize {
			c.put(none, uint16(off), 0, abi.HandlerGoto)
			break
		}
		if at := c.decoded(p, off); at != 0 {
			here := e.Records.Base + uint32(c.used)
			c.put(none, uint16(off), int32(at-here), abi.HandlerLink)
			break
		}
		if len(c.run) == maxRun {
			c.forwards = append(c.forwards, forward{off, c.put(none, uint16(off), 0, abi.HandlerLink)})
			break
		}
		in, ok := e.ISA.Decode(code[off:])
		if !ok { // straddles the page's end: its record depends on the next page
			c.put(none, uint16(off), 0, abi.HandlerGoto)
			c.offs = append(c.offs, uint16(off))
			p.straddles = append(p.straddles, straddle{off: uint16(off)})
			break
		}
		flow := e.forms[in.Form].Flow
		imm, op := in.Imm, h.Near[in.Form]
		target := off + int(in.Imm)
		near := target >= 0 && target < core.PageSize
		if flow == isa.FlowBranch || flow == isa.FlowJump || flow == isa.FlowCall {
			if near {
				imm = 0 // set by connect
			} else {
				op = h.Far[in.Form]
			}
		} else {
			near = false
		}
		at := c.put(&in, uint16(off), imm, op)
		if near {
			c.forwards = append(c.forwards, forward{target, at})
		}
		if n := len(c.run); n > 0 && !(hasTarget(flow) && !near) {
			if pair, ok := h.Pair(&c.run[n-1], &in); ok {
				c.setOp(at-core.RecordSize, pair)
			}
		}
		c.run, c.offs = append(c.run, in), append(c.offs, uint16(off))
		off += int(in.Len)
		if flow.Ends() {
			// The address of what follows belongs to every record's successor.
			c.put(none, uint16(off), 0, abi.HandlerDecode)
			break
		}
	}
	e.Stats.Runs++
	e.Stats.Decoded += uint64(len(c.run))
	c.addRun(p, header, first)
	// Only now that the records lie in a row: chunks of the index, and stubs, take
	// memory, too.
	for i, off := range c.offs {
		c.enterRecord(p, int(off), first+uint32(i)*core.RecordSize)
	}
	for _, l := range c.forwards {
		c.connect(p, l)
	}
	if p.bound != nil {
		c.enter(p, start, off)
	}
}

func hasTarget(f isa.Flow) bool {
	return f == isa.FlowBranch || f == isa.FlowJump || f == isa.FlowCall
}

// forward is a record of the run being decoded that leads to an offset.
type forward struct {
	target int
	record uint32
}
