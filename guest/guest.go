// Package guest hands out what the machine boots: the kernel and the initial
// RAM file system with the guest's init. Both are built beforehand, by
// kernel/build.sh and init/build.sh, and committed; tests show that they belong
// to the sources in this tree.
//
// It is for the converter and for tests. It must not know the machine that
// boots them, and the machine must not import it: what it needs is in its RAM.
package guest

import (
	_ "embed"
	"fmt"

	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/guest/kernel"
	"github.com/c2w/c2w/guest/runc"
	"github.com/klauspost/compress/zstd"
)

//go:embed init/init-riscv64.zst
var initRiscv64 []byte

//go:embed profile-riscv64
var profileRiscv64 []byte

// maxUnpacked bounds what a committed file may unpack to, in bytes: a larger
// one is not one of ours.
const maxUnpacked = 64 << 20

// CommandLine is the kernel command line that a machine should start from.
//
//   - quiet: a line on the console costs two queue notifications and belongs to
//     nobody's output.
//   - loglevel=1: not even warnings mix with the program's output; panics do.
//   - no4lvl: Sv39 page tables, one level less in every walk than Sv48.
//   - panic=-1: a panic resets the machine at once instead of hanging it; the
//     kernel's default says the same, but a log should show it.
//
// Adding "c2w.debug" makes init tell what it does, on the console.
const CommandLine = "console=hvc0 quiet loglevel=1 no4lvl panic=-1"

// KernelCompressed returns the kernel for an architecture as Go names it,
// compressed by zstd. The caller must not change it.
func KernelCompressed(arch string) ([]byte, error) {
	packed := kernel.Compressed(arch)
	if packed == nil {
		return nil, fmt.Errorf("no guest kernel for architecture %q", arch)
	}
	return packed, nil
}

// Kernel returns the kernel ready to be loaded; for riscv64 that is the flat
// Image.
func Kernel(arch string) ([]byte, error) {
	packed, err := KernelCompressed(arch)
	if err != nil {
		return nil, err
	}
	return unpack(packed)
}

// Init returns the guest's init, an ELF executable.
func Init(arch string) ([]byte, error) {
	if arch != "riscv64" {
		return nil, fmt.Errorf("no guest init for architecture %q", arch)
	}
	return unpack(initRiscv64)
}

// Initramfs returns the uncompressed cpio archive for the kernel's initrd: init
// and the given files.
func Initramfs(arch string, files []initramfs.File) ([]byte, error) {
	init, err := Init(arch)
	if err != nil {
		return nil, err
	}
	return initramfs.Build(init, files), nil
}

// Runc returns the OCI runtime, an ELF executable.
func Runc(arch string) ([]byte, error) {
	packed := runc.Compressed(arch)
	if packed == nil {
		return nil, fmt.Errorf("no OCI runtime for architecture %q", arch)
	}
	return unpack(packed)
}

// ProgramNames are the names of Programs.
var ProgramNames = []string{"kernel", "runc", "init"}

// Programs returns the programs that every guest runs, by name.
func Programs(arch string) (map[string][]byte, error) {
	programs := map[string][]byte{}
	for i, open := range []func(string) ([]byte, error){Kernel, Runc, Init} {
		b, err := open(arch)
		if err != nil {
			return nil, err
		}
		programs[ProgramNames[i]] = b
	}
	return programs, nil
}

// Profile returns which pages of Programs run often, in the format of
// internal/convert/aot, for riscv64.
func Profile() []byte { return profileRiscv64 }

func unpack(packed []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	out, err := d.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking an embedded guest file: %w", err)
	}
	return out, nil
}
