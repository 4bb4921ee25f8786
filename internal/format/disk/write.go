package disk

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/c2w/c2w/internal/format/disk/lz4"
)

// DefaultChunkSize is the chunk size in bytes, chosen by measurement.
const DefaultChunkSize = 64 << 10

// Options of Write. The zero value is usable.
type Options struct {
	// ChunkSize in bytes: a power of two from 4 KiB to 64 KiB, 0 means
	// DefaultChunkSize.
	ChunkSize int
	// Workers is how many chunks are packed at a time, 0 means one per
	// processor. The result does not depend on it.
	Workers int
}

// Stats says what Write wrote.
type Stats struct {
	Size   int64 // of the disk in bytes
	Stored int64 // length of the file in bytes
	// Chunks by kind.
	Zero, Raw, Packed int
	Digest            [32]byte // SHA-256 of the content
}

// Write packs the first size bytes of r and writes them to w in the format of
// this package. The same content and chunk size give the same bytes. r is read
// from several goroutines.
func Write(w io.Writer, r io.ReaderAt, size int64, opts Options) (Stats, error) {
	if opts.ChunkSize == 0 {
		opts.ChunkSize = DefaultChunkSize
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	shift := minShift
	for 1<<shift < opts.ChunkSize && shift < maxShift {
		shift++
	}
	if opts.ChunkSize != 1<<shift {
		return Stats{}, fmt.Errorf("packing a disk: chunks of %d bytes are not possible", opts.ChunkSize)
	}
	if size < 0 {
		return Stats{}, fmt.Errorf("packing a disk: its size is %d", size)
	}
	p := packer{r: r, size: size, shift: shift, quit: make(chan struct{})}
	out := writer{w: w, hash: sha256.New()}
	err := out.head(shift)
	if err == nil {
		err = p.run(opts.Workers, out.chunk)
	}
	if err == nil {
		err = out.tail(size)
	}
	if err != nil {
		return Stats{}, fmt.Errorf("packing a disk: %w", err)
	}
	out.stats.Size, out.stats.Stored = size, out.off
	return out.stats, nil
}

// writer lays out the file.
type writer struct {
	w     io.Writer
	hash  hash.Hash
	off   int64
	index []byte
	stats Stats
}

func (w *writer) write(p []byte) error {
	n, err := w.w.Write(p)
	w.off += int64(n)
	return err
}

func (w *writer) head(shift int) error {
	b := append(make([]byte, 0, headerLen), headMagic[:]...)
	b = le.AppendUint32(b, Version)
	return w.write(le.AppendUint32(b, uint32(shift)))
}

func (w *writer) chunk(c *chunk) error {
	w.hash.Write(c.plain)
	off := w.off
	switch c.kind {
	case kindZero:
		w.stats.Zero++
		off = 0
	case kindRaw:
		w.stats.Raw++
	case kindLZ4:
		w.stats.Packed++
	}
	if off>>offsetBits != 0 {
		return fmt.Errorf("the packed disk is larger than %d bytes", int64(1)<<offsetBits)
	}
	w.index = le.AppendUint64(w.index, uint64(newEntry(c.kind, off, len(c.stored))))
	return w.write(c.stored)
}

func (w *writer) tail(size int64) error {
	w.stats.Digest = [32]byte(w.hash.Sum(nil))
	b := le.AppendUint64(w.index, uint64(size))
	b = append(b, w.stats.Digest[:]...)
	return w.write(append(b, tailMagic[:]...))
}

// chunk is one chunk on its way from a worker to the writer.
type chunk struct {
	plain  []byte
	stored []byte // as it goes to the file: in packed, or plain, or empty
	packed []byte
	kind   int
	err    error
}

// packer packs chunks in parallel and hands them on in order.
type packer struct {
	r     io.ReaderAt
	size  int64
	shift int
	quit  chan struct{}
}

// run calls emit with each chunk in order. After an error no worker is left.
func (p *packer) run(workers int, emit func(*chunk) error) error {
	count := (p.size + 1<<p.shift - 1) >> p.shift
	// Worker i has the chunks i, i+workers, …: taking from them in turn keeps
	// the order, and each may be two chunks ahead.
	lanes := make([]struct{ full, free chan *chunk }, workers)
	for i := range lanes {
		l := &lanes[i]
		l.full, l.free = make(chan *chunk, 2), make(chan *chunk, 2)
		for range 2 {
			l.free <- &chunk{plain: make([]byte, 1<<p.shift)}
		}
		go func() {
			defer close(l.full)
			var enc lz4.Encoder
			for n := int64(i); n < count; n += int64(workers) {
				select {
				case <-p.quit:
					return
				case c := <-l.free:
					p.pack(c, n, &enc)
					l.full <- c // has room for both chunks of the lane
				}
			}
		}()
	}
	defer func() {
		close(p.quit)
		for i := range lanes {
			for range lanes[i].full {
			}
		}
	}()
	for n := range count {
		l := &lanes[n%int64(workers)]
		c := <-l.full
		if c.err != nil {
			return c.err
		}
		if err := emit(c); err != nil {
			return err
		}
		l.free <- c
	}
	return nil
}

// pack fills c with chunk n.
func (p *packer) pack(c *chunk, n int64, enc *lz4.Encoder) {
	off := n << p.shift
	c.plain = c.plain[:min(1<<p.shift, p.size-off)]
	if got, err := p.r.ReadAt(c.plain, off); got < len(c.plain) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		c.err = fmt.Errorf("reading at %d: %w", off, err)
		return
	}
	if isZero(c.plain) {
		c.kind, c.stored = kindZero, nil
		return
	}
	c.packed = enc.Encode(c.packed[:0], c.plain)
	c.kind, c.stored = kindLZ4, c.packed
	// What packing saves must be worth unpacking.
	if len(c.packed) > len(c.plain)-len(c.plain)/32 {
		c.kind, c.stored = kindRaw, c.plain
	}
}

var zeros [1 << maxShift]byte

func isZero(p []byte) bool { return bytes.Equal(p, zeros[:len(p)]) }
