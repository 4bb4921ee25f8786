package guestdrv

// Queue is the driver's side of a virtqueue.
type Queue struct {
	Desc, Avail, Used uint64 // guest-physical addresses
	Size              uint16

	d        *Driver
	index    int
	free     []uint16
	chains   map[uint16][]uint16 // descriptors by head
	added    uint16              // available index, as written
	kicked   uint16              // available index at the last kick
	seen     uint16              // used index, as read
	Notified int                 // notifications sent
}

// Descriptor flags.
const (
	FlagNext     = 1
	FlagWrite    = 2
	FlagIndirect = 4
)

// Buf is one descriptor's buffer.
type Buf struct {
	Addr  uint64
	Len   uint32
	Write bool // by the device
}

// Out puts data into RAM as a device-readable buffer.
func (d *Driver) Out(data []byte) Buf {
	b := Buf{Addr: d.Alloc(len(data)), Len: uint32(len(data))}
	copy(d.RAM.At(b.Addr), data)
	return b
}

// In makes a device-writable buffer of n bytes.
func (d *Driver) In(n int) Buf { return Buf{d.Alloc(n), uint32(n), true} }

// Data is what a buffer now holds.
func (d *Driver) Data(b Buf) []byte { return d.RAM.At(b.Addr)[:b.Len] }

// SetDesc writes entry i of the descriptor table at table.
func (d *Driver) SetDesc(table uint64, i uint16, addr uint64, n uint32, flags, next uint16) {
	e := d.RAM.At(table + 16*uint64(i))
	le.PutUint64(e, addr)
	le.PutUint32(e[8:], n)
	le.PutUint16(e[12:], flags)
	le.PutUint16(e[14:], next)
}

func flagsOf(b Buf, last bool) (f uint16) {
	if b.Write {
		f |= FlagWrite
	}
	if !last {
		f |= FlagNext
	}
	return f
}

// Add makes a chain of direct descriptors available and returns its head.
func (q *Queue) Add(bufs ...Buf) uint16 {
	n := len(q.free) - len(bufs)
	if n < 0 {
		q.d.T.Helper()
		q.d.T.Fatal("virtqueue is full")
	}
	ids := append([]uint16(nil), q.free[n:]...)
	q.free = q.free[:n]
	for i, b := range bufs {
		last := i == len(bufs)-1
		next := uint16(0)
		if !last {
			next = ids[i+1]
		}
		q.d.SetDesc(q.Desc, ids[i], b.Addr, b.Len, flagsOf(b, last), next)
	}
	q.chains[ids[0]] = ids
	q.Expose(ids[0])
	return ids[0]
}

// AddIndirect makes a chain available by one indirect table.
func (q *Queue) AddIndirect(bufs ...Buf) uint16 {
	table := q.d.Alloc(16 * len(bufs))
	for i, b := range bufs {
		q.d.SetDesc(table, uint16(i), b.Addr, b.Len, flagsOf(b, i == len(bufs)-1), uint16(i+1))
	}
	id := q.free[len(q.free)-1]
	q.free = q.free[:len(q.free)-1]
	q.d.SetDesc(q.Desc, id, table, uint32(16*len(bufs)), FlagIndirect, 0)
	q.chains[id] = []uint16{id}
	q.Expose(id)
	return id
}

// Expose writes head to the available ring and advances its index.
func (q *Queue) Expose(head uint16) {
	a := q.d.RAM.At(q.Avail)
	le.PutUint16(a[4+2*int(q.added%q.Size):], head)
	q.added++
	le.PutUint16(a[2:], q.added)
}

// Kick notifies the device if it wants to know.
func (q *Queue) Kick() {
	used := q.d.RAM.At(q.Used)
	from := q.kicked
	q.kicked = q.added
	if q.d.Features&EventIdx != 0 {
		event := le.Uint16(used[4+8*int(q.Size):])
		if q.added-event-1 >= q.added-from {
			return
		}
	} else if le.Uint16(used)&1 != 0 {
		return
	}
	q.Notify()
}

// Notify notifies the device whatever it wants.
func (q *Queue) Notify() {
	q.Notified++
	q.d.W(regNotify, uint32(q.index))
}

// Pop takes the next used element and returns its head and length, and asks to
// be interrupted at the next one.
func (q *Queue) Pop() (head uint16, n uint32, ok bool) {
	used := q.d.RAM.At(q.Used)
	if le.Uint16(used[2:]) == q.seen {
		return 0, 0, false
	}
	e := used[4+8*int(q.seen%q.Size):]
	q.seen++
	head, n = uint16(le.Uint32(e)), le.Uint32(e[4:])
	ids, known := q.chains[head]
	if !known {
		q.d.T.Helper()
		q.d.T.Fatalf("device gave back chain %d, which it did not have", head)
	}
	delete(q.chains, head)
	q.free = append(q.free, ids...)
	if q.d.Features&EventIdx != 0 {
		le.PutUint16(q.d.RAM.At(q.Avail)[4+2*int(q.Size):], q.seen)
	}
	return head, n, true
}

// MustPop is Pop of a chain that must be there.
func (q *Queue) MustPop() (head uint16, n uint32) {
	head, n, ok := q.Pop()
	if !ok {
		q.d.T.Helper()
		q.d.T.Fatalf("queue %d: nothing was given back", q.index)
	}
	return head, n
}
