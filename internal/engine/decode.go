package engine

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/isa"
)

// maxRun bounds one run, so that little is decoded that never runs.
const maxRun = 128

// decode decodes a run of code from an offset: up to a jump, the page's end,
// code that is decoded already, or maxRun instructions.
func (c *codeCache) decode(p *codePage, frame int, start uint16) {
	e := c.e
	code := e.RAM.Bytes[frame<<core.PageShift : (frame+1)<<core.PageShift]
	h := e.handlers
	c.run, c.links = c.run[:0], c.links[:0]
	first := e.Records.Base + uint32(c.used)
	none := &isa.Insn{}
	off := int(start)
	for {
		if off >= core.PageSize {
			c.put(none, uint16(off), 0, emit.HandlerGoto)
			break
		}
		if at := p.decoded(off); at != 0 {
			here := e.Records.Base + uint32(c.used)
			c.put(none, uint16(off), int32(at-here), emit.HandlerLink)
			break
		}
		if len(c.run) == maxRun {
			c.links = append(c.links, link{off, c.put(none, uint16(off), 0, emit.HandlerLink)})
			break
		}
		in, ok := e.ISA.Decode(code[off:])
		if !ok { // straddles the page's end: its record depends on the next page
			c.enterRecord(p, off, c.put(none, uint16(off), 0, emit.HandlerGoto))
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
		c.enterRecord(p, off, at)
		if near {
			c.links = append(c.links, link{target, at})
		}
		if n := len(c.run); n > 0 && !(hasTarget(flow) && !near) {
			if pair, ok := h.Pair(&c.run[n-1], &in); ok {
				c.setOp(at-core.RecordSize, pair)
			}
		}
		c.run = append(c.run, in)
		off += int(in.Len)
		if flow.Ends() {
			// The address of what follows belongs to every record's successor.
			c.put(none, uint16(off), 0, emit.HandlerDecode)
			break
		}
	}
	e.Stats.Runs++
	e.Stats.Decoded += uint64(len(c.run))
	for _, l := range c.links {
		c.connect(p, l)
	}
	end := e.Records.Base + uint32(c.used)
	p.runs = append(p.runs, [2]uint32{first, end})
	if p.bound != nil {
		c.enter(p, start, off)
	}
}

func hasTarget(f isa.Flow) bool {
	return f == isa.FlowBranch || f == isa.FlowJump || f == isa.FlowCall
}

// link is a record of the run being decoded that leads to an offset.
type link struct {
	target int
	record uint32
}

// connect makes a record lead to the record of its target or, if that is not
// decoded yet, to a stub.
func (c *codeCache) connect(p *codePage, l link) {
	to := p.record[l.target>>alignShift]
	if to == 0 {
		to = c.put(&isa.Insn{}, uint16(l.target), 0, emit.HandlerDecode) | stubBit
		p.record[l.target>>alignShift] = to
	}
	if to&stubBit != 0 {
		to &^= stubBit
		p.waiting = append(p.waiting, waiting{l.record, c.imm(to)})
		c.setImm(to, uint32(len(p.waiting)))
	}
	c.setImm(l.record, to-l.record)
}

// enterRecord enters the record of an instruction and connects what waited for
// it. Its stub becomes a link: a jump to it may be under way.
func (c *codeCache) enterRecord(p *codePage, off int, at uint32) {
	stub := p.record[off>>alignShift] &^ stubBit
	p.record[off>>alignShift] = at
	if stub == 0 {
		return
	}
	for n := c.imm(stub); n != 0; {
		w := p.waiting[n-1]
		c.setImm(w.record, at-w.record)
		n = w.next
	}
	c.setOp(stub, emit.HandlerLink)
	c.setImm(stub, at-stub)
}

func (c *codeCache) imm(at uint32) uint32 { return binary.LittleEndian.Uint32(c.rec(at)[core.RecImm:]) }

func (c *codeCache) setImm(at, v uint32) {
	binary.LittleEndian.PutUint32(c.rec(at)[core.RecImm:], v)
}
