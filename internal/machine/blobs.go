package machine

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
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
	cfg.Disk, cfg.DiskSize = &segment{read, m.Disk}, uint64(m.Disk.Size)
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
