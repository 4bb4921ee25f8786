package image

import (
	"context"
	"fmt"
	"io"
	"os"
)

// tempFile is a file without a name, or as good as one: where the system lets
// an open file be removed, it is removed at once and vanishes with the process,
// however that ends.
type tempFile struct {
	*os.File
	gone bool
}

func newTempFile(dir string) (*tempFile, error) {
	f, err := os.CreateTemp(dir, "c2w-image-")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	return &tempFile{f, os.Remove(f.Name()) == nil}, nil
}

func (t *tempFile) Close() error {
	err := t.File.Close()
	if !t.gone {
		t.gone = true
		os.Remove(t.Name())
	}
	return err
}

// spool copies r into a temporary file, at most limit bytes of it.
func spool(ctx context.Context, dir string, r io.Reader, limit int64) (*tempFile, int64, error) {
	t, err := newTempFile(dir)
	if err != nil {
		return nil, 0, err
	}
	// The copy's own buffer: file to file it would use system calls that no
	// context ends.
	n, err := io.CopyBuffer(struct{ io.Writer }{t}, &boundReader{ctx: ctx, r: r, left: limit}, make([]byte, 256<<10))
	if err != nil {
		t.Close()
		return nil, 0, err
	}
	return t, n, nil
}

// boundReader ends with its context, and refuses to hand out more than left bytes.
type boundReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundReader) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
