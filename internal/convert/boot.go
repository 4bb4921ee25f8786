package convert

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/internal/aot"
	"github.com/c2w/c2w/internal/bootcfg"
	"github.com/c2w/c2w/internal/container"
	"github.com/c2w/c2w/internal/disk"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/machine"
)

// boot adds the kernel and its initial file system, packed as disks are: what
// the machine unpacks at every start has to unpack fast; and the core, with page
// functions for the guest's own programs. It touches nothing else of parts.
func (p *pipeline) boot(parts *Parts, c Container) error {
	kernel, err := guest.Kernel(p.plat.arch)
	if err != nil {
		return err
	}
	initrd, err := Initramfs(p.plat.arch, c)
	if err != nil {
		return err
	}
	if p.o.AOT != AOTNone {
		if err := p.translate(parts); err != nil {
			return err
		}
	}
	if parts.Kernel, err = Pack(kernel); err != nil {
		return err
	}
	parts.Initrd, err = Pack(initrd)
	return err
}

// translate makes the core with page functions for the hottest pages of kernel
// and OCI runtime.
func (p *pipeline) translate(parts *Parts) error {
	profile, err := aot.Parse(guest.Profile())
	if err != nil {
		return fmt.Errorf("reading the guest's profile: %w", err)
	}
	programs, err := guest.Programs(p.plat.arch)
	if err != nil {
		return err
	}
	parts.Core = emit.NewCore(parts.ISA, machine.StateBase, machine.CachesBase)
	parts.Manifest.Pages = aot.Add(parts.Core, profile, programs, guestPages).Bindings
	return nil
}

// guestPages is how many pages of the guest's own programs are translated.
const guestPages = 100

// Container is what the guest's initial file system says of the container.
type Container struct {
	// UpperSize limits the writable layer, in bytes; 0 is half of the guest's
	// memory.
	UpperSize uint64
	// Volumes are the image's, as container.Volumes returns them.
	Volumes []string
}

// Initramfs makes the guest's initial file system for an architecture: init,
// the OCI runtime, and the container's configuration.
func Initramfs(arch string, c Container) ([]byte, error) {
	boot := &bootcfg.Boot{Root: bootcfg.Root{Device: "/dev/vda", Type: "erofs"}, Volumes: c.Volumes}
	if c.UpperSize > 0 {
		boot.Root.UpperSize = strconv.FormatUint(c.UpperSize, 10)
	}
	frame, err := bootcfg.Append(nil, boot)
	if err != nil {
		return nil, err
	}
	config, err := container.Config(container.Options{})
	if err != nil {
		return nil, err
	}
	runc, err := guest.Runc(arch)
	if err != nil {
		return nil, err
	}
	return guest.Initramfs(arch, []initramfs.File{
		{Name: bootcfg.Runc, Mode: 0o755, Data: runc},
		{Name: bootcfg.Bundle + "/config.json", Mode: 0o644, Data: config},
		{Name: bootcfg.BootFile, Mode: 0o644, Data: frame},
	})
}

// Pack compresses bytes into a disk.
func Pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	if _, err := disk.Write(&out, bytes.NewReader(b), int64(len(b)), disk.Options{}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
