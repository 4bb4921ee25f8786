// Package disk is the form in which a root disk lies in a file: packed in chunks
// that can be read at any offset, with no state but a small cache. Write runs
// in the converter, Open and ReadAt in the machine.
//
// It must not know what is on the disk, nor how a guest reads it. README.md has
// the measurements behind the choices.
//
// # Format, version 1
//
// All numbers are little-endian. A disk of size bytes has
// chunks = ceil(size / chunkSize) chunks; only the last may be shorter.
//
//	offset           length     what
//	0                8          magic "c2wdisk\n"
//	8                4          version, 1
//	12               4          log2 of chunkSize, 12 to 16
//	16               …          stored chunks, in order, without gaps
//	end-48-8*chunks  8*chunks   index, one entry per chunk
//	end-48           8          size of the disk in bytes
//	end-40           32         SHA-256 of the disk's content
//	end-8            8          magic "\ndiskc2w"
//
// An index entry has, from bit 0: 40 bits of offset from the start of the file,
// 22 bits of stored length, 2 bits of kind. Kinds: 0 all bytes are zero (offset
// and length are 0), 1 stored as it is, 2 one LZ4 block. 3 is not used.
package disk

import (
	"encoding/binary"
	"errors"
)

// Version is the format's version. Readers take no other.
const Version = 1

const (
	headerLen  = 16
	trailerLen = 48
	entryLen   = 8

	minShift = 12
	maxShift = 16

	offsetBits = 40
	lengthBits = 22
)

// Kinds of chunk.
const (
	kindZero = iota
	kindRaw
	kindLZ4
)

var (
	headMagic = [8]byte{'c', '2', 'w', 'd', 'i', 's', 'k', '\n'}
	tailMagic = [8]byte{'\n', 'd', 'i', 's', 'k', 'c', '2', 'w'}
)

// ErrCorrupt is in every error about content that is not a disk of this format.
var ErrCorrupt = errors.New("the disk is damaged")

var le = binary.LittleEndian

// entry is a view of an index entry.
type entry uint64

func newEntry(kind int, off int64, length int) entry {
	if off>>offsetBits != 0 || length>>lengthBits != 0 {
		panic("BUG: disk index entry out of range")
	}
	return entry(off) | entry(length)<<offsetBits | entry(kind)<<(offsetBits+lengthBits)
}

func (e entry) kind() int   { return int(e >> (offsetBits + lengthBits)) }
func (e entry) off() int64  { return int64(e & (1<<offsetBits - 1)) }
func (e entry) length() int { return int(e >> offsetBits & (1<<lengthBits - 1)) }
