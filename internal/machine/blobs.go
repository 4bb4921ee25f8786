package machine

import (
	"errors"
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/machine/board"
)

// Source is something to read from at any offset: the kernel, the initial
// file system, the disk.
type Source = board.Source

// LoadBlobs opens the kernel, its initial file system and the disk. read
// copies from a passive segment of the file and reports success.
func LoadBlobs(cfg *Config, m *Manifest, read func(segment uint32, p []byte, off int64) bool) error {
	for _, b := range []struct {
		what string
		blob Blob
		to   *Source
	}{
		{"kernel", m.Kernel, &cfg.Kernel},
		{"initial file system", m.Initrd, &cfg.Initrd},
		{"root disk", m.Disk, &cfg.Disk},
	} {
		d, err := disk.Open(&segment{read, b.blob}, int64(b.blob.Size))
		if err != nil {
			return fmt.Errorf("opening the %s: %w", b.what, err)
		}
		*b.to = d
	}
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
