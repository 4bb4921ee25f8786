// Package riscv64 is the board of riscv64 guests: a PLIC, a goldfish clock, SBI in
// the place of a firmware, and a device tree that tells the kernel of all that.
package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	cpu "github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/device/plic"
	"github.com/c2w/c2w/internal/machine/device/rtc"
)

// Kind is the board.
var Kind = &board.Kind{
	ISA: cpu.Guest, RAMBase: RAMBase, TimebaseHz: TimebaseHz,
	New: func(c board.Config) board.Board { return wire(c) },
}

// hartConfig is what the board's hart offers.
var hartConfig = cpu.Config{MMU: cpu.Sv48}

type wired struct {
	board.Config
	hart     *cpu.Hart
	plic     *plic.PLIC
	rtc      *rtc.RTC
	firmware firmware
}

func wire(c board.Config) *wired {
	b := &wired{Config: c}
	b.plic = plic.New(func(level bool) { b.hart.SetExternal(level) })
	b.rtc = rtc.New(c.Realtime, b.line(RTCIRQ))
	return b
}

func (b *wired) Hart(s *core.State, env isa.Env) isa.Hart {
	c := hartConfig
	c.Environment = b.firmware.call
	b.hart = cpu.NewHart(s, env, c)
	b.firmware = firmware{s: s, env: env, hart: b.hart, console: b.Console, off: b.Off}
	return b.hart
}

func (b *wired) line(irq int) func(bool) {
	return func(level bool) { b.plic.SetLine(irq, level) }
}

func (b *wired) Line(slot int) func(bool) { return b.line(VirtioIRQ + slot) }

func (b *wired) Deadline() (int64, bool) { return b.rtc.Deadline() }

func (b *wired) Poll() { b.rtc.Poll() }

func (b *wired) Read(pa uint64, size int) (uint64, bool) {
	if off, ok := board.Within(pa, size, VirtioBase, virtioEnd); ok {
		if s := b.Slots[off/VirtioSize]; s != nil {
			return s.Read(off%VirtioSize, size), true
		}
		return 0, true // an empty slot reads as zero
	}
	if off, ok := board.Within(pa, size, PLICBase, PLICSize); ok {
		return b.plic.Read(off, size), true
	}
	if off, ok := board.Within(pa, size, RTCBase, RTCSize); ok {
		return b.rtc.Read(off, size), true
	}
	return 0, false
}

func (b *wired) Write(pa uint64, size int, v uint64) bool {
	if off, ok := board.Within(pa, size, VirtioBase, virtioEnd); ok {
		if s := b.Slots[off/VirtioSize]; s != nil {
			s.Write(off%VirtioSize, size, v)
		}
		return true
	}
	if off, ok := board.Within(pa, size, PLICBase, PLICSize); ok {
		b.plic.Write(off, size, v)
		return true
	}
	if off, ok := board.Within(pa, size, RTCBase, RTCSize); ok {
		b.rtc.Write(off, size, v)
		return true
	}
	return false
}
