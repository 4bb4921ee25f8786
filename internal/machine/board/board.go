// Package board is what a machine is beside its hart's instructions and what is
// plugged into its slots: the map of guest-physical memory, the interrupt
// controller, the clock, the firmware, and how the kernel is entered. Each board
// has a folder below, with the same file names side by side; package boards lists
// them.
//
// A board must not know hosts, images or containers, nor what its slots hold.
package board

import (
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
)

// Slots is how many virtio slots every board has.
const Slots = 8

// Kind is a board as such, before one is made.
type Kind struct {
	// ISA is the instruction set of the board's hart. Its name is the board's.
	ISA isa.ISA
	// RAMBase is the guest-physical address of the first byte of RAM.
	RAMBase uint64
	// TimebaseHz is the rate of isa.Env.Ticks, a divisor of 10⁹.
	TimebaseHz int64
	// New wires a board.
	New func(Config) Board
}

// Config is what a board is connected to.
type Config struct {
	RAM *mem.RAM
	// Slots are what is plugged in. The machine fills them after New; an empty slot
	// is nil.
	Slots *[Slots]*mmio.Slot
	// Realtime is the time of day in nanoseconds since 1970.
	Realtime func() int64
	// Console takes what the firmware's console is told.
	Console func(p []byte)
	// Off ends the run after the current instruction: in good order, or because the
	// guest's kernel crashed or restarted.
	Off func(crashed bool)
}

// Board is a wired board.
type Board interface {
	// Hart makes the privileged side of the board's processor. It is called once,
	// before everything else.
	Hart(s *core.State, env isa.Env) isa.Hart
	// Read and Write access a device's register, those of slots included; ok is
	// false if there is none at that guest-physical address. size is 1, 2, 4 or 8.
	Read(pa uint64, size int) (v uint64, ok bool)
	Write(pa uint64, size int, v uint64) (ok bool)
	// Line is the interrupt line of a slot.
	Line(slot int) func(level bool)
	// Deadline is when Poll has something to do, in Realtime's nanoseconds, if
	// armed.
	Deadline() (at int64, armed bool)
	// Poll carries on what the board's clock has left.
	Poll()
	// Load places what is booted in RAM and enters the kernel as the board's
	// firmware would. The error names what does not fit or cannot be read.
	Load(b *Boot) error
}

// Source is something to read from at any offset: the kernel, the initial
// file system, the disk. bytes.Reader and disk.Disk are such.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Boot is what is booted.
type Boot struct {
	Kernel  Source // in the form in which the board's kernels are built
	Initrd  Source // cpio archive
	Cmdline string
	Seed    []byte // entropy for the kernel's pool
}

// ReadInto fills p from the start of a source of exactly its length.
func ReadInto(p []byte, s Source) error {
	n, err := s.ReadAt(p, 0)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// Place reads kernel and initial file system to their offsets in RAM.
func (b *Boot) Place(kernel, initrd []byte) error {
	if err := ReadInto(kernel, b.Kernel); err != nil {
		return fmt.Errorf("reading the kernel: %w", err)
	}
	if err := ReadInto(initrd, b.Initrd); err != nil {
		return fmt.Errorf("reading the initial file system: %w", err)
	}
	return nil
}

// ErrFit is the error of memory that is too small for what is booted.
func (b *Boot) ErrFit(ram uint64) error {
	return fmt.Errorf("%d MiB of guest memory do not hold the kernel (%d bytes) and its initial file system (%d bytes)", ram>>20, b.Kernel.Size(), b.Initrd.Size())
}

// Within finds an access in a device's window: off is its offset there, ok is
// false if any of its bytes is outside.
func Within(pa uint64, size int, base, window uint64) (off uint64, ok bool) {
	off = pa - base
	return off, off < window && off+uint64(size) <= window
}
