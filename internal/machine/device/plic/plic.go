// Package plic is the platform-level interrupt controller (RISC-V PLIC 1.0.0)
// with one context: hart 0 in supervisor mode. The device tree says so.
//
// It must not know what drives its lines, nor what the CPU makes of its output.
package plic

import "math/bits"

// Size is how many bytes of address space it takes.
const Size = 0x40_0000

// Sources is the number of interrupt sources, numbered from 1 to Sources.
const Sources = 31

// maxPriority is the highest priority and threshold: 3 bits, as on SiFive's.
const maxPriority = 7

// Register offsets (PLIC specification, chapter 2); context 0.
const (
	RegPriority  = 0x00_0000 // 4 bytes for each source
	RegPending   = 0x00_1000
	RegEnable    = 0x00_2000
	RegThreshold = 0x20_0000
	RegClaim     = 0x20_0004 // read claims, write completes
)

// State is all that a snapshot keeps. Sets of sources are bits by number.
type State struct {
	Priority  [Sources + 1]uint8
	Threshold uint8
	Level     uint32 // lines that are high
	Waiting   uint32 // pending
	Claimed   uint32 // claimed and not completed; their gateways are shut
	Enabled   uint32
	Output    bool
}

// PLIC is the controller.
type PLIC struct {
	State
	changed func(pending bool)
}

// New makes a controller; changed is told each change of Pending, false at
// first.
func New(changed func(pending bool)) *PLIC { return &PLIC{changed: changed} }

// Pending is the supervisor external interrupt line of the hart.
func (p *PLIC) Pending() bool { return p.Output }

// SetLine sets the level of source irq's line.
func (p *PLIC) SetLine(irq int, high bool) {
	if irq < 1 || irq > Sources {
		panic("BUG: plic: no such interrupt source")
	}
	bit := uint32(1) << irq
	if !high {
		p.Level &^= bit
		return // a request once made stays (section 5 of the specification)
	}
	p.Level |= bit
	p.gateway(bit)
}

// gateway forwards the requests of lines in set that are high and not in
// service.
func (p *PLIC) gateway(set uint32) {
	p.Waiting |= p.Level & set &^ p.Claimed
	p.update()
}

func (p *PLIC) update() {
	out := p.best(p.Threshold) != 0
	if out != p.Output {
		p.Output = out
		p.changed(out)
	}
}

// best is the waiting, enabled source with the highest priority above floor,
// the lowest number among equals, or 0.
func (p *PLIC) best(floor uint8) uint32 {
	found := uint32(0)
	for set := p.Waiting & p.Enabled; set != 0; set &= set - 1 {
		i := uint32(bits.TrailingZeros32(set))
		if p.Priority[i] > floor {
			found, floor = i, p.Priority[i]
		}
	}
	return found
}

// claim does not look at the threshold: only at priority 0, which means never.
func (p *PLIC) claim() uint32 {
	i := p.best(0)
	if i != 0 {
		p.Waiting &^= 1 << i
		p.Claimed |= 1 << i
		p.update()
	}
	return i
}

// complete is ignored for a source that is not enabled, as the specification
// has it; Linux knows.
func (p *PLIC) complete(i uint32) {
	if i == 0 || i > Sources || p.Enabled>>i&1 == 0 {
		return
	}
	p.Claimed &^= 1 << i
	p.gateway(1 << i)
}

// Read is a guest load of size bytes at off. Registers answer aligned 4-byte
// loads; everything else reads as zero.
func (p *PLIC) Read(off uint64, size int) uint64 {
	if size != 4 || off%4 != 0 {
		return 0
	}
	switch {
	case off <= RegPriority+4*Sources:
		return uint64(p.Priority[off/4])
	case off == RegPending:
		return uint64(p.Waiting)
	case off == RegEnable:
		return uint64(p.Enabled)
	case off == RegThreshold:
		return uint64(p.Threshold)
	case off == RegClaim:
		return uint64(p.claim())
	}
	return 0
}

// Write is a guest store of size bytes at off; what is not a register is
// ignored, and values keep only the bits that exist.
func (p *PLIC) Write(off uint64, size int, val uint64) {
	if size != 4 || off%4 != 0 {
		return
	}
	v := uint32(val)
	switch {
	case off >= RegPriority+4 && off <= RegPriority+4*Sources:
		p.Priority[off/4] = uint8(v & maxPriority)
	case off == RegEnable:
		p.Enabled = v &^ 1
	case off == RegThreshold:
		p.Threshold = uint8(v & maxPriority)
	case off == RegClaim:
		p.complete(v)
		return
	default:
		return
	}
	p.update()
}
