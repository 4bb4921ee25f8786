package convert

import (
	"bytes"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/internal/bootcfg"
	"github.com/c2w/c2w/internal/disk"
)

// boot adds the kernel and its initial file system, packed as disks are: what
// the machine unpacks at every start has to unpack fast. It touches nothing
// else of parts.
func (p *pipeline) boot(parts *Parts, c Container) error {
	kernel, err := guest.Kernel(p.plat.arch)
	if err != nil {
		return err
	}
	initrd, err := Initramfs(p.plat.arch, c)
	if err != nil {
		return err
	}
	if parts.Kernel, err = Pack(kernel); err != nil {
		return err
	}
	parts.Initrd, err = Pack(initrd)
	return err
}

// Container is what the guest's initial file system says of the container.
type Container struct {
	// UpperSize limits the writable layer, as tmpfs takes it: "64m"; "" is half
	// of the guest's memory.
	UpperSize string
}

// Initramfs makes the guest's initial file system for an architecture: init,
// the OCI runtime, and the container's configuration.
func Initramfs(arch string, c Container) ([]byte, error) {
	boot, err := bootcfg.Append(nil, &bootcfg.Boot{
		Root: bootcfg.Root{Device: "/dev/vda", Type: "erofs", UpperSize: c.UpperSize},
	})
	if err != nil {
		return nil, err
	}
	return guest.Initramfs(arch, []initramfs.File{{Name: bootcfg.BootFile, Mode: 0o644, Data: boot}})
}

// Pack compresses bytes into a disk.
func Pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	if _, err := disk.Write(&out, bytes.NewReader(b), int64(len(b)), disk.Options{}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
