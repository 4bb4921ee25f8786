package engine

import (
	"encoding/binary"
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Records is the memory for interpreter records and what belongs to them. It lies
// in the core's linear memory, at an address that is not zero, outside of Go's
// heap. Addresses in it are the core's; 0 is none.
type Records struct {
	Bytes []byte
	Base  uint32
}

// alloc takes n bytes, a multiple of core.RecordSize. Whoever allocates has made
// sure that there is room; see findNeed.
func (c *codeCache) alloc(n int) (at uint32, b []byte) {
	b = c.e.Records.Bytes[c.used : c.used+n : c.used+n]
	at = c.e.Records.Base + uint32(c.used)
	c.used += n
	return at, b
}

func (c *codeCache) at(at uint32, n int) []byte {
	i := at - c.e.Records.Base
	return c.e.Records.Bytes[i : i+uint32(n) : i+uint32(n)]
}

func (c *codeCache) rec(at uint32) []byte { return c.at(at, core.RecordSize) }

func (c *codeCache) op(at uint32) uint16 { return binary.LittleEndian.Uint16(c.rec(at)[core.RecOp:]) }

func (c *codeCache) setOp(at uint32, op uint16) {
	binary.LittleEndian.PutUint16(c.rec(at)[core.RecOp:], op)
}

func (c *codeCache) imm(at uint32) uint32 { return binary.LittleEndian.Uint32(c.rec(at)[core.RecImm:]) }

func (c *codeCache) setImm(at, v uint32) {
	binary.LittleEndian.PutUint32(c.rec(at)[core.RecImm:], v)
}

// put appends a record and returns its address.
func (c *codeCache) put(in *isa.Insn, off uint16, imm int32, op uint16) uint32 {
	at, b := c.alloc(core.RecordSize)
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

// A run is records in order of the code, with a header of the same size:
//
//	@0  address of the first record
//	@4  address behind the last
//	@8  header of the page's run before this one, 0 if it is the first
const (
	runBegin = 0
	runEnd   = 4
	runPrev  = 8
)

// header takes the place of a run's header.
func (c *codeCache) header() uint32 {
	at, _ := c.alloc(core.RecordSize)
	return at
}

// addRun gives a page a run that ends with the last record.
func (c *codeCache) addRun(p *codePage, header, begin uint32) {
	b := c.rec(header)
	binary.LittleEndian.PutUint32(b[runBegin:], begin)
	binary.LittleEndian.PutUint32(b[runEnd:], c.e.Records.Base+uint32(c.used))
	binary.LittleEndian.PutUint32(b[runPrev:], p.runs)
	p.runs = header
}

// eachRecord calls f with the records of a page. Stubs are not among them: one that
// asks for decoding may go on to do so, and another leads to a record that is.
func (c *codeCache) eachRecord(p *codePage, f func(at uint32)) {
	for header := p.runs; header != 0; {
		b := c.rec(header)
		at, end := binary.LittleEndian.Uint32(b[runBegin:]), binary.LittleEndian.Uint32(b[runEnd:])
		for ; at < end; at += core.RecordSize {
			f(at)
		}
		header = binary.LittleEndian.Uint32(b[runPrev:])
	}
}

// A chunk is the index of a part of a page with decoded code:
//
//	@0   which of its offsets are known to have been jumped to, a bit for each at
//	     which an instruction may begin
//	@16  by offset, the address of its record, or of its first stub with stubBit
//	     set, or 0
//
// A stub stands for code that is not decoded yet. It asks for decoding, and the
// branch or link that leads to it waits to be connected:
//
//	A, B  address of the waiting record
//	Imm   address of the offset's next stub, 0 if there is none
const (
	chunkBytes = 128 // of code
	chunks     = core.PageSize / chunkBytes
	chunkIndex = 16 // a bit for each byte of code

	stubBit = 1 // records are aligned
)

// entry is what the index says of an offset.
func (c *codeCache) entry(p *codePage, off int) uint32 {
	at := p.chunks[off/chunkBytes]
	if at == 0 {
		return 0
	}
	i := at - c.e.Records.Base + chunkIndex + uint32(off%chunkBytes>>c.align)*4
	return binary.LittleEndian.Uint32(c.e.Records.Bytes[i:])
}

func (c *codeCache) setEntry(p *codePage, off int, v uint32) {
	at := &p.chunks[off/chunkBytes]
	if *at == 0 {
		var b []byte
		*at, b = c.alloc(c.chunkSize)
		clear(b)
	}
	i := *at - c.e.Records.Base + chunkIndex + uint32(off%chunkBytes>>c.align)*4
	binary.LittleEndian.PutUint32(c.e.Records.Bytes[i:], v)
}

// decoded is the address of an offset's record, 0 if it is not decoded yet.
func (c *codeCache) decoded(p *codePage, off int) uint32 {
	if at := c.entry(p, off); at&stubBit == 0 {
		return at
	}
	return 0
}

// know remembers that an offset, which is decoded, was jumped to.
func (c *codeCache) know(p *codePage, off int) {
	n := off % chunkBytes >> c.align
	b := c.at(p.chunks[off/chunkBytes], chunkIndex)[n/64*8:]
	known := binary.LittleEndian.Uint64(b)
	if bit := uint64(1) << (n % 64); known&bit == 0 && p.targets < maxTargets {
		p.targets++
		binary.LittleEndian.PutUint64(b, known|bit)
	}
}

// eachKnown calls f with the offsets of a page that were jumped to, rising.
func (c *codeCache) eachKnown(p *codePage, f func(off int)) {
	left := p.targets
	for i := 0; i < chunks && left > 0; i++ {
		if p.chunks[i] == 0 {
			continue
		}
		for b, n := c.at(p.chunks[i], chunkIndex), 0; len(b) > 0; b, n = b[8:], n+64 {
			for known := binary.LittleEndian.Uint64(b); known != 0; known &= known - 1 {
				f(i*chunkBytes + (n+bits.TrailingZeros64(known))<<c.align)
				left--
			}
		}
	}
}

// connect makes a record lead to the record of its target or, if that is not
// decoded yet, to a stub.
func (c *codeCache) connect(p *codePage, l forward) {
	to := c.entry(p, l.target)
	if to == 0 || to&stubBit != 0 {
		stub := c.put(&isa.Insn{A: uint16(l.record), B: uint16(l.record >> 16)}, uint16(l.target), int32(to&^stubBit), abi.HandlerDecode)
		c.setEntry(p, l.target, stub|stubBit)
		to = stub
	}
	c.setImm(l.record, to-l.record)
}

// enterRecord enters the record of an instruction and connects what waited for
// it. Stubs become links: a jump to one may be under way.
func (c *codeCache) enterRecord(p *codePage, off int, at uint32) {
	stub := c.entry(p, off) &^ stubBit
	c.setEntry(p, off, at)
	for stub != 0 {
		b := c.rec(stub)
		waits := uint32(binary.LittleEndian.Uint16(b[core.RecA:])) | uint32(binary.LittleEndian.Uint16(b[core.RecB:]))<<16
		next := c.imm(stub)
		c.setImm(waits, at-waits)
		c.setOp(stub, abi.HandlerLink)
		c.setImm(stub, at-stub)
		stub = next
	}
}
