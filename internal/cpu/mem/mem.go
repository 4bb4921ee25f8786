// Package mem is guest RAM and the software TLB in front of it. It is the only
// place where guest addresses become positions in host memory outside of
// generated code. It knows no guest ISA: page-table walks are isa.Hart's.
package mem

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/cpu/core"
)

// RAM is guest memory at guest-physical addresses [Base, Base+len(Bytes)).
type RAM struct {
	Bytes []byte
	Base  uint64 // page-aligned
	Host  uint32 // address of Bytes in the core's linear memory
}

// Has reports whether the n bytes at pa are all RAM.
func (r *RAM) Has(pa, n uint64) bool {
	off := pa - r.Base
	return off <= uint64(len(r.Bytes)) && n <= uint64(len(r.Bytes))-off
}

// View is the n bytes at pa, nil if any is not RAM.
func (r *RAM) View(pa, n uint64) []byte {
	if !r.Has(pa, n) {
		return nil
	}
	off := pa - r.Base
	return r.Bytes[off : off+n : off+n]
}

// Load reads size bytes (1, 2, 4, 8), little-endian, zero-extended.
func (r *RAM) Load(pa uint64, size int) (uint64, bool) {
	b := r.View(pa, uint64(size))
	if b == nil {
		return 0, false
	}
	switch size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.LittleEndian.Uint16(b)), true
	case 4:
		return uint64(binary.LittleEndian.Uint32(b)), true
	}
	return binary.LittleEndian.Uint64(b), true
}

// Store writes the low size bytes of v.
func (r *RAM) Store(pa uint64, size int, v uint64) bool {
	b := r.View(pa, uint64(size))
	if b == nil {
		return false
	}
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
	return true
}

// Frame is the number of the RAM page that holds pa.
func (r *RAM) Frame(pa uint64) (int, bool) {
	if !r.Has(pa&^uint64(core.PageMask), core.PageSize) {
		return 0, false
	}
	return int((pa - r.Base) >> core.PageShift), true
}

// addend turns a guest virtual address on the page at va into a linear address
// on the RAM page at pa, modulo 2^32.
func (r *RAM) addend(va, pa uint64) uint32 {
	page := ^uint64(core.PageMask)
	return r.Host + uint32(pa&page-r.Base) - uint32(va&page)
}
