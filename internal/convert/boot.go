package convert

import (
	"bytes"
	"strconv"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/internal/convert/container"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/disk"
)

// booting is what a guest boots from, apart from its disk.
type booting struct{ kernel, initrd []byte }

// boot makes the kernel's and the initial file system's packed forms, as disks
// are: what the machine unpacks at every start has to unpack fast. It touches
// nothing else of parts.
func (p *pipeline) boot(parts *Parts, c Container) (b booting, err error) {
	if b.kernel, err = guest.Kernel(p.plat.arch); err != nil {
		return b, err
	}
	if b.initrd, err = Initramfs(p.plat.arch, c); err != nil {
		return b, err
	}
	if parts.Kernel, err = Pack(b.kernel); err != nil {
		return b, err
	}
	parts.Initrd, err = Pack(b.initrd)
	return b, err
}

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
	boot := &agent.Boot{Root: agent.Root{Device: "/dev/vda", Type: "erofs"}, Volumes: c.Volumes}
	if c.UpperSize > 0 {
		boot.Root.UpperSize = strconv.FormatUint(c.UpperSize, 10)
	}
	frame, err := agent.Append(nil, boot)
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
		{Name: agent.Runc, Mode: 0o755, Data: runc},
		{Name: agent.Bundle + "/config.json", Mode: 0o644, Data: config},
		{Name: agent.BootFile, Mode: 0o644, Data: frame},
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
