package riscv64

import (
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
)

// The guest-physical address space, as the device tree tells it.
const (
	RAMBase    = 0x8000_0000
	RTCBase    = 0x0010_1000
	RTCSize    = 0x1000
	PLICBase   = 0x0c00_0000
	PLICSize   = 0x40_0000
	VirtioBase = 0x1000_1000
	VirtioSize = mmio.Size
	virtioEnd  = board.Slots * VirtioSize // behind VirtioBase

	RTCIRQ    = 11
	VirtioIRQ = 1 // of slot 0; slot n has VirtioIRQ+n

	TimebaseHz = 10_000_000
)

// kernelOffset is where Linux wants its image in RAM (Documentation/arch/
// riscv/boot-image-header: text_offset, 2 MiB aligned).
const kernelOffset = 2 << 20
