package convert

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w/guest"
)

// boot adds the kernel and its initial file system. It touches nothing else of
// parts.
func (p *pipeline) boot(parts *Parts) error {
	kernel, err := guest.KernelCompressed(p.plat.arch)
	if err != nil {
		return err
	}
	initrd, err := guest.Initramfs(p.plat.arch)
	if err != nil {
		return err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return err
	}
	parts.Kernel = kernel
	parts.Initrd = enc.EncodeAll(initrd, nil)
	parts.Manifest.Initrd.Raw = uint32(len(initrd))
	if parts.Manifest.Kernel.Raw, err = rawSize(kernel); err != nil {
		return fmt.Errorf("reading the kernel's size: %w", err)
	}
	return nil
}

// rawSize reads the unpacked size out of a zstd frame's header.
func rawSize(frame []byte) (uint32, error) {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return 0, err
	}
	if !h.HasFCS || h.FrameContentSize >= 1<<32 {
		return 0, fmt.Errorf("no size in the frame's header")
	}
	return uint32(h.FrameContentSize), nil
}
