package riscv64

import (
	"fmt"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/device/plic"
)

// maxCmdline is what Linux takes of its command line in bytes (COMMAND_LINE_SIZE
// less one); it drops the rest without a word.
const maxCmdline = 1023

// Load places kernel, initial file system and device tree, and enters the
// kernel as a firmware would (Linux, Documentation/arch/riscv/boot.rst).
func (b *wired) Load(boot *board.Boot) error {
	if n := len(boot.Cmdline); n > maxCmdline {
		return fmt.Errorf("the kernel's command line has %d bytes, at most %d fit (C2W_KERNEL_ARGS too long?)", n, maxCmdline)
	}
	size := uint64(len(b.RAM.Bytes))
	kernelSize, initrdSize := uint64(boot.Kernel.Size()), uint64(boot.Initrd.Size())
	kernel := b.RAM.View(RAMBase+kernelOffset, kernelSize)
	// The kernel's image says how much it needs beyond its file (bss); the
	// initial file system and the tree lie at the end of RAM.
	top := size &^ (core.PageSize - 1)
	tree := top - 1<<20
	initrd := (tree - initrdSize) &^ (core.PageSize - 1)
	if kernel == nil || top < 1<<20 || initrdSize > size/2 || initrd < kernelSize*2+kernelOffset {
		return boot.ErrFit(size)
	}
	if err := boot.Place(kernel, b.RAM.Bytes[initrd:initrd+initrdSize]); err != nil {
		return err
	}
	copy(b.RAM.Bytes[tree:], b.describe(boot, region{Base: RAMBase + initrd, Size: initrdSize}))
	b.hart.Reset(RAMBase+kernelOffset, RAMBase+tree)
	return nil
}

// describe makes the device tree.
func (b *wired) describe(boot *board.Boot, initrd region) []byte {
	c := treeConfig{
		RAM: region{Base: RAMBase, Size: uint64(len(b.RAM.Bytes))},
		ISA: isaString(hartConfig.Extensions()), MMU: hartConfig.MMUType(), TimebaseHz: TimebaseHz,
		PLIC: region{Base: PLICBase, Size: PLICSize}, PLICSources: plic.Sources,
		RTC:      peripheral{region: region{Base: RTCBase, Size: RTCSize}, IRQ: RTCIRQ},
		BootArgs: boot.Cmdline, Initrd: initrd, RNGSeed: boot.Seed,
	}
	for n, s := range b.Slots {
		if s != nil {
			c.Virtio = append(c.Virtio, peripheral{region: region{Base: VirtioBase + uint64(n)*VirtioSize, Size: VirtioSize}, IRQ: uint32(VirtioIRQ + n)})
		}
	}
	return tree(c)
}

// isaString joins extension names the way the device tree's riscv,isa does:
// single letters run together, longer names behind underscores.
func isaString(extensions []string) string {
	letters, long := "rv64", ""
	for _, e := range extensions {
		if len(e) == 1 {
			letters += e
		} else {
			long += "_" + e
		}
	}
	return letters + long
}
