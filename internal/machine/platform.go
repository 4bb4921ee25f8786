package machine

import (
	"github.com/c2w/c2w/internal/machine/wasi"
)

// platform is the machine as the engine sees it.
type platform Machine

// within finds the device window that holds an access.
func within(pa uint64, size int, base, window uint64) (off uint64, ok bool) {
	off = pa - base
	return off, off < window && off+uint64(size) <= window
}

func (p *platform) MMIORead(pa uint64, size int) (uint64, bool) {
	begin := (*Machine)(p).clock()
	v, ok := p.read(pa, size)
	p.took(begin)
	return v, ok
}

func (p *platform) MMIOWrite(pa uint64, size int, v uint64) bool {
	begin := (*Machine)(p).clock()
	ok := p.write(pa, size, v)
	p.took(begin)
	return ok
}

// took counts the time since begin as a device's.
func (p *platform) took(begin int64) {
	n := (*Machine)(p).clock() - begin
	p.times.devices += n
	p.times.inExits += n
}

func (p *platform) read(pa uint64, size int) (uint64, bool) {
	if off, ok := within(pa, size, VirtioBase, VirtioMax*VirtioSize); ok {
		if s := p.slots[off/VirtioSize]; s != nil {
			return s.Read(off%VirtioSize, size), true
		}
		return 0, true // an empty slot reads as zero
	}
	if off, ok := within(pa, size, PLICBase, PLICSize); ok {
		return p.plic.Read(off, size), true
	}
	if off, ok := within(pa, size, RTCBase, RTCSize); ok {
		return p.rtc.Read(off, size), true
	}
	return 0, false
}

func (p *platform) write(pa uint64, size int, v uint64) bool {
	if off, ok := within(pa, size, VirtioBase, VirtioMax*VirtioSize); ok {
		if s := p.slots[off/VirtioSize]; s != nil {
			s.Write(off%VirtioSize, size, v)
		}
		return true
	}
	if off, ok := within(pa, size, PLICBase, PLICSize); ok {
		p.plic.Write(off, size, v)
		return true
	}
	if off, ok := within(pa, size, RTCBase, RTCSize); ok {
		p.rtc.Write(off, size, v)
		return true
	}
	return false
}

func (p *platform) Ticks() uint64 {
	return uint64(p.host.Monotonic()-p.epoch) / (1e9 / TimebaseHz)
}

func (p *platform) SetTimer(at uint64) {
	// Far deadlines mean "never" and would overflow nanoseconds.
	p.timerAt, p.timerOn = at, at < 1<<56
}

func (p *platform) ConsoleWrite(b []byte) { p.host.Write(wasi.Stderr, b) }

func (p *platform) ConsoleRead([]byte) int { return 0 }

func (p *platform) PowerOff(failure bool) { p.off, p.failed = true, failure }

// Reset is what a panicking or rebooting kernel asks for: a run ends there.
func (p *platform) Reset() { p.off, p.failed = true, true }

func (p *platform) Wait() { p.idle = true }

// dma is guest RAM as devices see it.
type dma Machine

func (d *dma) Slice(gpa uint64, n uint32) ([]byte, bool) {
	b := d.ram.View(gpa, uint64(n))
	return b, b != nil
}

func (d *dma) Dirty(gpa uint64, n uint32) { d.Engine.Dirty(gpa, uint64(n)) }
