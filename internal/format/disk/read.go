package disk

import (
	"fmt"
	"io"
	"sync"

	"github.com/c2w/c2w/internal/format/disk/lz4"
)

// cacheBytes is what unpacked chunks may take. A guest's readahead is 128 KiB
// and several files are read at a time; 1 MiB keeps each chunk from being
// unpacked more than once in practice.
const cacheBytes = 1 << 20

// MaxHeap is the most that an open disk keeps on Go's heap, in bytes.
const MaxHeap = cacheBytes + 1<<maxShift

// Disk reads a packed disk. It is safe for concurrent use; calls wait for each
// other while a chunk is unpacked.
type Disk struct {
	src    io.ReaderAt
	size   int64
	shift  uint
	index  int64 // offset of the index, and end of the chunks
	digest [32]byte

	mu     sync.Mutex
	packed []byte
	slots  []slot
	clock  uint64
}

// slot is a cached chunk. number is -1 when there is none.
type slot struct {
	number int64
	used   uint64 // clock at the last use
	data   []byte
}

// Open opens the disk in the first length bytes of src. It reads only header
// and trailer; index entries and chunks are checked when they are used.
func Open(src io.ReaderAt, length int64) (*Disk, error) {
	if length < headerLen+trailerLen {
		return nil, fmt.Errorf("%w: it has only %d bytes", ErrCorrupt, length)
	}
	var h [headerLen]byte
	if err := readFull(src, h[:], 0); err != nil {
		return nil, fmt.Errorf("reading the disk's header: %w", err)
	}
	if [8]byte(h[:8]) != headMagic {
		return nil, fmt.Errorf("%w: it does not begin as a disk", ErrCorrupt)
	}
	if v := le.Uint32(h[8:]); v != Version {
		return nil, fmt.Errorf("the disk has version %d of its format, this program reads version %d: convert the image again", v, Version)
	}
	var t [trailerLen]byte
	if err := readFull(src, t[:], length-trailerLen); err != nil {
		return nil, fmt.Errorf("reading the disk's trailer: %w", err)
	}
	if [8]byte(t[40:]) != tailMagic {
		return nil, fmt.Errorf("%w: its end is missing", ErrCorrupt)
	}
	d := &Disk{src: src, size: int64(le.Uint64(t[:])), shift: uint(le.Uint32(h[12:])), digest: [32]byte(t[8:40])}
	if d.shift < minShift || d.shift > maxShift {
		return nil, fmt.Errorf("%w: its chunks have 2^%d bytes", ErrCorrupt, d.shift)
	}
	// chunks*entryLen cannot overflow: it is compared before it is multiplied.
	chunks := d.chunks()
	if d.size < 0 || chunks > (length-headerLen-trailerLen)/entryLen {
		return nil, fmt.Errorf("%w: its index does not fit", ErrCorrupt)
	}
	d.index = length - trailerLen - chunks*entryLen
	return d, nil
}

// Size is the disk's size in bytes.
func (d *Disk) Size() int64 { return d.size }

// Digest is the SHA-256 of the disk's content as it was written; see Verify.
func (d *Disk) Digest() [32]byte { return d.digest }

// chunks is the number of chunks; it is right for every size of 0 or more.
func (d *Disk) chunks() int64 {
	n := d.size >> d.shift
	if d.size&(1<<d.shift-1) != 0 {
		n++
	}
	return n
}

// ReadAt fills p with the disk's content from off, which must be at least 0. At
// the end it returns what there is and io.EOF. Other errors say which chunk is
// damaged and wrap ErrCorrupt or the source's error.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	done := 0
	for done < len(p) {
		if off >= d.size {
			return done, io.EOF
		}
		n, err := d.read(p[done:], off)
		if err != nil {
			return done, fmt.Errorf("reading chunk %d of the disk: %w", off>>d.shift, err)
		}
		done += n
		off += int64(n)
	}
	return done, nil
}

var errNegative = fmt.Errorf("disk: negative offset")

// read copies from the one chunk that has offset off, which is below d.size.
func (d *Disk) read(p []byte, off int64) (int, error) {
	number := off >> d.shift
	start := int(off - number<<d.shift)
	size := int(min(1<<d.shift, d.size-number<<d.shift))
	p = p[:min(len(p), size-start)]
	for i := range d.slots {
		if s := &d.slots[i]; s.number == number {
			d.clock++
			s.used = d.clock
			return copy(p, s.data[start:size]), nil
		}
	}
	e, err := d.entry(number)
	if err != nil {
		return 0, err
	}
	// The entry's fields are below 2^40 and 2^22: the sum does not overflow.
	if e.kind() != kindZero && (e.off() < headerLen || e.off()+int64(e.length()) > d.index) {
		return 0, fmt.Errorf("%w: it lies outside the file", ErrCorrupt)
	}
	switch e.kind() {
	case kindZero:
		clear(p)
		return len(p), nil
	case kindRaw:
		if e.length() != size {
			return 0, fmt.Errorf("%w: %d bytes stored for %d", ErrCorrupt, e.length(), size)
		}
		return len(p), readFull(d.src, p, e.off()+int64(start))
	case kindLZ4:
		if e.length() == 0 || e.length() >= size {
			return 0, fmt.Errorf("%w: %d bytes packed for %d", ErrCorrupt, e.length(), size)
		}
		if len(p) == size { // all of it is wanted: most likely not again
			return size, d.unpack(p, e)
		}
		s := d.victim()
		s.number = -1
		if err := d.unpack(s.data[:size], e); err != nil {
			return 0, err
		}
		d.clock++
		s.number, s.used = number, d.clock
		return copy(p, s.data[start:size]), nil
	}
	return 0, fmt.Errorf("%w: it has an unknown kind", ErrCorrupt)
}

func (d *Disk) entry(number int64) (entry, error) {
	var b [entryLen]byte
	err := readFull(d.src, b[:], d.index+number*entryLen)
	return entry(le.Uint64(b[:])), err
}

// unpack fills dst, which has the chunk's exact size.
func (d *Disk) unpack(dst []byte, e entry) error {
	if d.packed == nil {
		d.packed = make([]byte, 1<<d.shift)
	}
	in := d.packed[:e.length()]
	if err := readFull(d.src, in, e.off()); err != nil {
		return err
	}
	if err := lz4.Decode(dst, in); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// victim returns the slot to fill: a new one, or the one used longest ago.
func (d *Disk) victim() *slot {
	if len(d.slots)<<d.shift < cacheBytes {
		d.slots = append(d.slots, slot{data: make([]byte, 1<<d.shift)})
		return &d.slots[len(d.slots)-1]
	}
	old := &d.slots[0]
	for i := range d.slots {
		if d.slots[i].used < old.used {
			old = &d.slots[i]
		}
	}
	return old
}

// readFull reads all of p; a source that ends early is damage.
func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w: the file ends early", ErrCorrupt)
	}
	return err
}
