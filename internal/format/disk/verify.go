package disk

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// Verify reads the whole disk and compares it with its digest.
func (d *Disk) Verify() error {
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(d, 0, d.size), make([]byte, 1<<20)); err != nil {
		return err
	}
	if [32]byte(h.Sum(nil)) != d.digest {
		return fmt.Errorf("%w: its content is not what was written", ErrCorrupt)
	}
	return nil
}
