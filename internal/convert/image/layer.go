package image

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const damaged = "the image is damaged: fetch or copy it again"

// Layer is one layer of an image.
type Layer struct {
	// Digest is of the stored, mostly compressed form; it names the layer.
	Digest v1.Hash
	// DiffID is the digest of the uncompressed tar.
	DiffID v1.Hash
	// Size is the length of the stored form in bytes, 0 in a docker daemon.
	Size int64

	desc  v1.Descriptor
	st    store
	meter *meter
	// open, if set, is Open: of sources that have whole images only.
	open func(context.Context) (io.ReadCloser, error)
}

// String is the layer's digest, by which errors name it.
func (l Layer) String() string { return l.Digest.String() }

// Open returns the layer as an uncompressed tar. The digests of both forms and
// the stored size are checked while it is read: a reader that has seen io.EOF
// has seen the true content, every other end is an error. Decompression runs
// ahead in a goroutine that Close ends.
func (l Layer) Open(ctx context.Context) (io.ReadCloser, error) {
	if l.open != nil {
		rc, err := l.open(ctx)
		return rc, oneLine(err)
	}
	rc, err := l.st.blob(ctx, l.desc)
	if err != nil {
		return nil, oneLine(fmt.Errorf("reading layer %s: %w", l, err))
	}
	stored, err := newDigester(&metered{rc, l.meter}, l.Digest)
	if err != nil {
		rc.Close()
		return nil, oneLine(fmt.Errorf("reading layer %s: %w", l, err))
	}
	stored.size = l.Size
	if l.Digest == l.DiffID {
		// The content is not compressed, or in an archive of docker save, which
		// names no digest of the stored form. Either way the DiffID covers it.
		stored.h = nil
	}
	// Large reads: hashing and file reading cost per call.
	in := bufio.NewReaderSize(stored, 256<<10)
	plain, _, stop, err := decompress(in)
	var tar *digester
	if err == nil {
		tar, err = newDigester(plain, l.DiffID)
	}
	if err != nil {
		err = verdict(err, stored, nil)
		stop()
		rc.Close()
		return nil, oneLine(fmt.Errorf("reading layer %s: %w", l, err))
	}
	return newReadAhead(func(p []byte) (int, error) {
		n, err := io.ReadFull(tar, p)
		if err == nil {
			return n, nil
		}
		if errors.Is(err, io.ErrUnexpectedEOF) && tar.err == io.EOF {
			err = io.EOF
		}
		if err = verdict(err, stored, tar); err != io.EOF {
			err = oneLine(fmt.Errorf("reading layer %s: %w", l, err))
		}
		return n, err
	}, func() error {
		stop()
		return rc.Close()
	}), nil
}

// verdict is called when reading has ended with err and finds the best
// explanation: a stored form that has the wrong digest explains every error
// of decompression. It returns io.EOF when all is well.
func verdict(err error, stored, tar *digester) error {
	if stored.err == nil {
		if _, derr := io.Copy(io.Discard, stored); derr != nil {
			return derr
		}
	}
	if stored.err != nil && stored.err != io.EOF {
		return stored.err
	}
	if serr := stored.check("content"); serr != nil {
		return serr
	}
	if err != io.EOF {
		return fmt.Errorf("decompressing: %w", err)
	}
	if tar != nil {
		what := "uncompressed content"
		if stored.h == nil {
			what = "content"
		}
		if derr := tar.check(what); derr != nil {
			return derr
		}
	}
	return io.EOF
}

// digester hashes what is read through it.
type digester struct {
	r    io.Reader
	h    hash.Hash // nil when nothing but the length is to be checked
	want v1.Hash
	size int64 // expected length, -1 when any will do
	n    int64
	err  error // the first error of r, io.EOF included
}

func newDigester(r io.Reader, want v1.Hash) (*digester, error) {
	h, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("digest %q: %w", want, err)
	}
	return &digester{r: r, h: h, want: want, size: -1}, nil
}

// Read never hands out more than size bytes and one.
func (d *digester) Read(p []byte) (int, error) {
	if d.size >= 0 {
		if left := d.size + 1 - d.n; int64(len(p)) > left {
			p = p[:left]
		}
		if len(p) == 0 {
			return 0, io.EOF
		}
	}
	n, err := d.r.Read(p)
	if d.h != nil {
		d.h.Write(p[:n])
	}
	d.n += int64(n)
	if err != nil && d.err == nil {
		d.err = err
	}
	return n, err
}

func (d *digester) check(what string) error {
	switch {
	case d.size >= 0 && d.n > d.size:
		return fmt.Errorf("the %s is longer than %d bytes: %s", what, d.size, damaged)
	case d.size >= 0 && d.n < d.size:
		return fmt.Errorf("the %s ends after %d of %d bytes: %s", what, d.n, d.size, damaged)
	case d.h == nil:
		return nil
	}
	if got := hex.EncodeToString(d.h.Sum(nil)); got != d.want.Hex {
		return fmt.Errorf("the %s has the digest %s:%s, expected %s: %s", what, d.want.Algorithm, got, d.want, damaged)
	}
	return nil
}

// decompress tells the compression by its magic number: media types in the
// wild are wrong too often. kind is its name, "" for none. stop is never nil.
func decompress(r *bufio.Reader) (_ io.Reader, kind string, stop func(), _ error) {
	nothing := func() {}
	magic, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return nil, "", nothing, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		return z, "gzip", nothing, err
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		// 128 MiB is what "zstd --long" makes; more is refused.
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, "zstd", nothing, err
		}
		return z, "zstd", z.Close, nil
	}
	return r, "", nothing, nil
}

// readAhead calls fill in a goroutine, a few blocks ahead of Read.
type readAhead struct {
	full    chan block
	empty   chan []byte
	quit    chan struct{}
	once    sync.Once
	done    chan struct{}
	release func() error

	cur  []byte
	back []byte
	err  error
}

type block struct {
	buf []byte
	n   int
	err error
}

func newReadAhead(fill func([]byte) (int, error), release func() error) *readAhead {
	const blocks, size = 4, 512 << 10
	r := &readAhead{full: make(chan block, blocks), empty: make(chan []byte, blocks),
		quit: make(chan struct{}), done: make(chan struct{}), release: release}
	for range blocks {
		r.empty <- make([]byte, size)
	}
	go func() {
		defer close(r.done)
		for {
			select {
			case <-r.quit:
				return
			case buf := <-r.empty:
				n, err := fill(buf)
				r.full <- block{buf, n, err} // never blocks: as many slots as buffers
				if err != nil {
					return
				}
			}
		}
	}()
	return r
}

func (r *readAhead) Read(p []byte) (int, error) {
	for len(r.cur) == 0 {
		if r.back != nil {
			r.empty <- r.back
			r.back = nil
		}
		if r.err != nil {
			return 0, r.err
		}
		b := <-r.full
		r.cur, r.back, r.err = b.buf[:b.n], b.buf, b.err
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	return n, nil
}

// Close ends the goroutine and closes what lies below.
func (r *readAhead) Close() (err error) {
	r.once.Do(func() {
		close(r.quit)
		<-r.done
		err = r.release()
		if r.err == nil {
			r.err = errors.New("read after Close")
		}
		r.cur = nil
	})
	return err
}
