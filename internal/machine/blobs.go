package machine

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w/internal/disk"
)

// LoadBlobs unpacks the kernel and its initial file system and opens the disk.
// read copies from a passive segment of the file and reports success.
func LoadBlobs(cfg *Config, m *Manifest, read func(segment uint32, p []byte, off int64) bool) error {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer d.Close()
	unpack := func(what string, b Blob) ([]byte, error) {
		p := make([]byte, b.Size)
		if !read(b.Segment, p, 0) {
			return nil, fmt.Errorf("reading the %s: %w", what, errSegment)
		}
		out, err := d.DecodeAll(p, make([]byte, 0, b.Raw))
		if err != nil {
			return nil, fmt.Errorf("unpacking the %s: %w", what, err)
		}
		return out, nil
	}
	if cfg.Kernel, err = unpack("kernel", m.Kernel); err != nil {
		return err
	}
	if cfg.Initrd, err = unpack("initial file system", m.Initrd); err != nil {
		return err
	}
	root, err := disk.Open(&segment{read, m.Disk}, int64(m.Disk.Size))
	if err != nil {
		return fmt.Errorf("opening the root disk: %w", err)
	}
	cfg.Disk, cfg.DiskSize = root, uint64(root.Size())
	return nil
}

var errSegment = errors.New("the file's data is damaged")

// segment is a passive segment as an io.ReaderAt.
type segment struct {
	read func(uint32, []byte, int64) bool
	blob Blob
}

func (s *segment) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(s.blob.Size) {
		return 0, io.EOF
	}
	n := min(len(p), int(int64(s.blob.Size)-off))
	if !s.read(s.blob.Segment, p[:n], off) {
		return 0, errSegment
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
