package virtio

import "math"

// QueueState is all of a virtqueue that a snapshot keeps; the rings themselves
// lie in guest RAM.
type QueueState struct {
	Desc, Avail, Used uint64 // guest-physical addresses of the three parts
	Size              uint16 // entries; a power of two while Ready
	Ready             bool
	Taken             uint16 // available index of the next chain to take
	Pushed            uint16 // used index: chains given back
	Signalled         uint16 // value of Pushed at the last decision to interrupt
}

// Queue is one split virtqueue as its device sees it. A device peeks at the
// next chain, works, takes it, pushes it back with the length written, and
// signals once for a batch.
//
// Every method is safe on a queue that is not ready, or whose guest memory
// holds anything at all: a broken rule is told to the transport, after which
// the queue looks empty.
type Queue struct {
	*QueueState
	max       uint16
	transport Transport
	mem       Memory
	chain     Chain
	segs      []Segment

	// Derived by bind, dropped by Unbind.
	bound              bool
	desc               descTable
	avail              availRing
	used               usedRing
	eventIdx, indirect bool
}

// Segment is a piece of guest RAM that a descriptor names.
type Segment struct {
	Addr uint64
	Data []byte // 1 to 2^32-1 bytes, all in RAM
}

// Chain is one request: device-readable segments first, device-writable after
// them. It and its slices belong to the queue and last until the next Peek.
type Chain struct {
	Head          uint16
	Out, In       []Segment
	OutLen, InLen uint32 // bytes in Out and in In; the sum is below 2^32
}

// Init ties the queue to its state and transport, and makes the scratch space
// for chains, whose length is bounded by the queue size (section 2.7.5.3.1) and
// so by max.
func (q *Queue) Init(s *QueueState, max uint16, t Transport) {
	*q = Queue{QueueState: s, max: max, transport: t, mem: t.Memory(), segs: make([]Segment, max)}
}

// Max is the largest size that the driver may choose.
func (q *Queue) Max() uint16 { return q.max }

// Check says whether size and addresses are such that the queue may become
// ready: a power of two up to Max, aligned as section 2.7 asks, all in RAM.
func (q *Queue) Check() Violation {
	if q.Size == 0 || q.Size > q.max || q.Size&(q.Size-1) != 0 {
		return BadQueueSize
	}
	if q.Desc%16 != 0 || q.Avail%2 != 0 || q.Used%4 != 0 || !q.views() {
		return BadQueueAddress
	}
	return NoViolation
}

func (q *Queue) views() bool {
	d, ok1 := q.mem.Slice(q.Desc, descTableLen(q.Size))
	a, ok2 := q.mem.Slice(q.Avail, availRingLen(q.Size))
	u, ok3 := q.mem.Slice(q.Used, usedRingLen(q.Size))
	q.desc, q.avail, q.used = d, a, u
	return ok1 && ok2 && ok3
}

// Unbind drops what was derived from the state, which the transport has changed.
func (q *Queue) Unbind() {
	q.bound = false
	q.desc, q.avail, q.used = nil, nil, nil
}

// usable says whether the rings may be touched, deriving the views when needed:
// after the driver set the queue up, and after a snapshot was restored.
func (q *Queue) usable() bool {
	if !q.Ready || !q.transport.Live() {
		return false
	}
	if q.bound {
		return true
	}
	if v := q.Check(); v != NoViolation {
		q.transport.Fail(v)
		return false
	}
	f := q.transport.Features()
	q.eventIdx = f&FeatureEventIdx != 0
	q.indirect = f&FeatureIndirectDesc != 0
	q.bound = true
	return true
}

// Peek parses the next available chain without taking it. It returns nil when
// there is none, or when the guest broke a rule.
//
// Callers bound how many chains they handle in one call: a device write may
// land on the available ring, so that it never runs empty.
func (q *Queue) Peek() *Chain {
	if !q.usable() {
		return nil
	}
	switch ahead := q.avail.idx() - q.Taken; {
	case ahead == 0:
		return nil
	case ahead > q.Size:
		q.transport.Fail(AvailIndexJump)
		return nil
	}
	head := q.avail.head(q.Taken & (q.Size - 1))
	if head >= q.Size {
		q.transport.Fail(BadHead)
		return nil
	}
	if v := q.walk(head); v != NoViolation {
		q.transport.Fail(v)
		return nil
	}
	return &q.chain
}

// walk fills q.chain from the chain that starts at head, at most Size segments
// long, in the table and at most one indirect table at its end.
func (q *Queue) walk(head uint16) Violation {
	table, i := q.desc, head
	inTable := false
	n, out := 0, 0
	var outLen, inLen uint64
	for steps := uint16(0); ; steps++ {
		if steps > q.Size {
			return ChainTooLong
		}
		d := table.at(i)
		if d.flags&descIndirect != 0 {
			switch {
			case !q.indirect:
				return IndirectNotNegotiated
			case inTable:
				return IndirectNested
			case d.flags&descNext != 0:
				return IndirectWithNext
			case d.len == 0 || d.len%descSize != 0 || d.len > descTableLen(q.Size):
				return BadIndirectTable
			}
			t, ok := q.mem.Slice(d.addr, d.len)
			if !ok {
				return OutsideRAM
			}
			table, i, inTable = t, 0, true
			continue
		}
		if d.len == 0 {
			return ZeroLength
		}
		if n == int(q.Size) {
			return ChainTooLong
		}
		data, ok := q.mem.Slice(d.addr, d.len)
		if !ok {
			return OutsideRAM
		}
		q.segs[n] = Segment{d.addr, data}
		n++
		if d.flags&descWrite != 0 {
			inLen += uint64(d.len)
		} else {
			if inLen != 0 {
				return ReadableAfterWritable
			}
			outLen += uint64(d.len)
			out = n
		}
		if d.flags&descNext == 0 {
			break
		}
		if int(d.next) >= table.count() {
			return BadNext
		}
		i = d.next
	}
	if outLen+inLen > math.MaxUint32 {
		return ChainTooLarge
	}
	q.chain = Chain{head, q.segs[:out], q.segs[out:n], uint32(outLen), uint32(inLen)}
	return NoViolation
}

// Take consumes the chain that the last Peek returned; the device now owes a
// Push of its head.
func (q *Queue) Take() { q.Taken++ }

// Push gives a taken chain back. written is how many bytes the device wrote to
// its device-writable segments, from the first on.
func (q *Queue) Push(head uint16, written uint32) {
	if !q.usable() {
		return
	}
	slot := q.Pushed & (q.Size - 1)
	q.used.set(slot, uint32(head), written)
	q.Pushed++
	q.used.setIdx(q.Pushed)
	q.mem.Dirty(q.Used+4+8*uint64(slot), 8)
	q.mem.Dirty(q.Used+2, 2)
}

// Signal interrupts the driver if chains were pushed since the last Signal and
// it wants to know (sections 2.7.7 and 2.7.10).
func (q *Queue) Signal() {
	if q.Pushed == q.Signalled || !q.usable() {
		return
	}
	fresh := q.Pushed - q.Signalled
	q.Signalled = q.Pushed
	if q.eventIdx {
		// The driver wants one when the index passes the event.
		if q.Pushed-q.avail.usedEvent()-1 >= fresh {
			return
		}
	} else if q.avail.flags()&availNoInterrupt != 0 {
		return
	}
	q.transport.UsedBuffer()
}

// WantNotify asks the driver to notify, or not, when it makes the next chain
// available. It is only a hint: notifications may come all the same.
func (q *Queue) WantNotify(want bool) {
	if !q.usable() {
		return
	}
	if q.eventIdx {
		event := q.Taken
		if !want {
			event-- // an index that the driver has passed already
		}
		q.used.setAvailEvent(event)
		q.mem.Dirty(q.Used+uint64(len(q.used))-2, 2)
		return
	}
	flags := uint16(0)
	if !want {
		flags = usedNoNotify
	}
	q.used.setFlags(flags)
	q.mem.Dirty(q.Used, 2)
}

// Gather copies the first bytes of the device-readable segments to p and
// returns how many there were, at most len(p).
func (c *Chain) Gather(p []byte) int {
	n := 0
	for _, s := range c.Out {
		if n == len(p) {
			break
		}
		n += copy(p[n:], s.Data)
	}
	return n
}

// Scatter copies p to the device-writable segments from the first on and
// returns how many bytes found room.
func (q *Queue) Scatter(c *Chain, p []byte) int {
	n := 0
	for _, s := range c.In {
		if n == len(p) {
			break
		}
		k := copy(s.Data, p[n:])
		q.mem.Dirty(s.Addr, uint32(k))
		n += k
	}
	return n
}
