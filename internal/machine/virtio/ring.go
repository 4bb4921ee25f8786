package virtio

import "encoding/binary"

// The three parts of a split virtqueue (section 2.7) as views of guest RAM.
// Each view has exactly the length that its size demands, so an index below the
// queue size is in bounds.

const (
	descSize = 16

	descNext     = 1
	descWrite    = 2
	descIndirect = 4

	availNoInterrupt = 1
	usedNoNotify     = 1
)

var le = binary.LittleEndian

// descTable is the descriptor table or an indirect one: 16 bytes an entry.
type descTable []byte

type desc struct {
	addr  uint64
	len   uint32
	flags uint16
	next  uint16
}

func (t descTable) at(i uint16) desc {
	e := t[int(i)*descSize:][:descSize]
	return desc{le.Uint64(e), le.Uint32(e[8:]), le.Uint16(e[12:]), le.Uint16(e[14:])}
}

func (t descTable) count() int { return len(t) / descSize }

func descTableLen(size uint16) uint32 { return descSize * uint32(size) }

// availRing is the driver area: flags, idx, ring[size], used_event.
type availRing []byte

func (r availRing) flags() uint16        { return le.Uint16(r) }
func (r availRing) idx() uint16          { return le.Uint16(r[2:]) }
func (r availRing) head(i uint16) uint16 { return le.Uint16(r[4+2*int(i):]) }
func (r availRing) usedEvent() uint16    { return le.Uint16(r[len(r)-2:]) }
func availRingLen(size uint16) uint32    { return 6 + 2*uint32(size) }

// usedRing is the device area: flags, idx, ring[size] of {id, len}, avail_event.
type usedRing []byte

func (r usedRing) setFlags(v uint16)      { le.PutUint16(r, v) }
func (r usedRing) setIdx(v uint16)        { le.PutUint16(r[2:], v) }
func (r usedRing) setAvailEvent(v uint16) { le.PutUint16(r[len(r)-2:], v) }
func (r usedRing) set(i uint16, id, n uint32) {
	e := r[4+8*int(i):][:8]
	le.PutUint32(e, id)
	le.PutUint32(e[4:], n)
}
func usedRingLen(size uint16) uint32 { return 6 + 8*uint32(size) }
