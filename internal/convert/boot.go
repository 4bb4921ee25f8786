package convert

import (
	"bytes"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/disk"
)

// boot adds the kernel and its initial file system, packed as disks are: what
// the machine unpacks at every start has to unpack fast. It touches nothing
// else of parts.
func (p *pipeline) boot(parts *Parts) error {
	kernel, err := guest.Kernel(p.plat.arch)
	if err != nil {
		return err
	}
	initrd, err := guest.Initramfs(p.plat.arch, nil)
	if err != nil {
		return err
	}
	if parts.Kernel, err = Pack(kernel); err != nil {
		return err
	}
	parts.Initrd, err = Pack(initrd)
	return err
}

// Pack compresses bytes into a disk.
func Pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	if _, err := disk.Write(&out, bytes.NewReader(b), int64(len(b)), disk.Options{}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
