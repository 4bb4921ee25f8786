package virtio_test

import (
	"bytes"
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

// echo is a device with one queue that copies what it may read to what it may
// write.
type echo struct {
	t       virtio.Transport
	max     uint16
	hold    bool // leave chains in the queue
	handled int
}

func (e *echo) ID() uint32                      { return 42 }
func (e *echo) Features() uint64                { return virtio.FeaturesRing }
func (e *echo) QueueMax() []uint16              { return []uint16{e.max} }
func (e *echo) Config() []byte                  { return nil }
func (e *echo) WriteConfig(uint64, int, uint64) {}
func (e *echo) Attach(t virtio.Transport)       { e.t = t }
func (e *echo) Poll() bool                      { return false }
func (e *echo) Reset()                          {}
func (e *echo) Notify(int) {
	q := e.t.Queue(0)
	for left := e.max; left > 0 && !e.hold; left-- {
		c := q.Peek()
		if c == nil {
			break
		}
		var buf [64]byte
		n := c.Gather(buf[:])
		head, n := c.Head, q.Scatter(c, buf[:n])
		q.Take()
		q.Push(head, uint32(n))
		e.handled++
	}
	q.WantNotify(true)
	q.Signal()
}

func start(t testing.TB, features uint64, size uint16) (*guestdrv.Driver, *echo, *mmio.Slot) {
	d := guestdrv.New(t, guestdrv.NewRAM(1<<20))
	e := &echo{max: 16}
	s := mmio.New(e, d.RAM, d.SetLine)
	d.Regs = s
	d.Probe(42, features)
	d.Start(size)
	return d, e, s
}

func TestEcho(t *testing.T) {
	for _, features := range []uint64{0, guestdrv.Indirect, guestdrv.EventIdx, guestdrv.Indirect | guestdrv.EventIdx} {
		for _, size := range []uint16{1, 2, 8, 16} {
			d, _, _ := start(t, features, size)
			q := d.Queues[0]
			for i := range 3*int(size) + 70000*int(size/16) { // past the wrap of the 16-bit indexes once
				out, in := guestdrv.Buf{Addr: guestdrv.Base + 0xf0000, Len: 4}, guestdrv.Buf{Addr: guestdrv.Base + 0xf0100, Len: 9, Write: true}
				want := []byte{1, byte(i), byte(i >> 8), 4}
				copy(d.Data(out), want)
				switch {
				case size > 1:
					q.Add(out, in)
				case features&guestdrv.Indirect != 0:
					in.Write = false
					out.Write = true
					q.AddIndirect(out)
					want = nil
				default:
					q.Add(in)
					want = nil
				}
				q.Kick()
				if !d.Line || d.Ack() != 1 {
					t.Fatalf("size %d: no interrupt at chain %d", size, i)
				}
				if _, n := q.MustPop(); int(n) != len(want) || !bytes.Equal(d.Data(in)[:n], want) {
					t.Fatalf("size %d, chain %d: %d bytes, %x", size, i, n, d.Data(in))
				}
			}
			if d.NeedsReset() {
				t.Fatal("needs reset")
			}
		}
	}
}

// TestDirectThenIndirect: section 2.7.5.3.2.
func TestDirectThenIndirect(t *testing.T) {
	d, _, _ := start(t, guestdrv.Indirect, 8)
	q := d.Queues[0]
	out, in := d.Out([]byte("abc")), d.In(8)
	table := d.Alloc(16)
	d.SetDesc(table, 0, in.Addr, in.Len, guestdrv.FlagWrite, 99)
	d.SetDesc(q.Desc, 0, out.Addr, 3, guestdrv.FlagNext, 5)
	d.SetDesc(q.Desc, 5, table, 16, guestdrv.FlagIndirect|guestdrv.FlagWrite, 99)
	q.Expose(0)
	q.Notify()
	if string(d.Data(in)[:3]) != "abc" || d.NeedsReset() {
		t.Errorf("got %q", d.Data(in))
	}
}

func TestInterruptSuppression(t *testing.T) {
	d, _, _ := start(t, 0, 8)
	q := d.Queues[0]
	d.RAM.At(q.Avail)[0] = 1 // NO_INTERRUPT
	q.Add(d.In(4))
	q.Kick()
	if d.Line {
		t.Error("interrupt in spite of NO_INTERRUPT")
	}

	d, _, _ = start(t, guestdrv.EventIdx, 8)
	q = d.Queues[0]
	d.RAM.At(q.Avail)[4+2*8] = 2 // used_event: interrupt at the third
	for i := range 5 {
		q.Add(d.In(4))
		q.Notify()
		if rose := d.Ack() != 0; rose != (i == 2) {
			t.Errorf("chain %d: interrupt %v", i, rose)
		}
	}
}

func TestViolations(t *testing.T) {
	const page = guestdrv.Base + 0x80000
	type setup func(d *guestdrv.Driver, q *guestdrv.Queue)
	desc := func(addr uint64, n uint32, flags, next uint16) setup {
		return func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.SetDesc(q.Desc, 0, addr, n, flags, next)
			q.Expose(0)
		}
	}
	end := uint64(guestdrv.Base + 1<<20)
	for _, tt := range []struct {
		name string
		set  setup
		want virtio.Violation
	}{
		{"below RAM", desc(0x1000, 16, 0, 0), virtio.OutsideRAM},
		{"beyond RAM", desc(end, 16, 0, 0), virtio.OutsideRAM},
		{"across the end", desc(end-15, 16, 0, 0), virtio.OutsideRAM},
		{"across the start", desc(guestdrv.Base-8, 16, 0, 0), virtio.OutsideRAM},
		{"wrapping address", desc(^uint64(0)-7, 16, 0, 0), virtio.OutsideRAM},
		{"huge length", desc(page, ^uint32(0), 0, 0), virtio.OutsideRAM},
		{"zero length", desc(page, 0, 0, 0), virtio.ZeroLength},
		{"loop to itself", desc(page, 16, guestdrv.FlagNext, 0), virtio.ChainTooLong},
		{"next beyond the table", desc(page, 16, guestdrv.FlagNext, 8), virtio.BadNext},
		{"next far beyond", desc(page, 16, guestdrv.FlagNext, 0xffff), virtio.BadNext},
		{"indirect with next", desc(page, 16, guestdrv.FlagIndirect|guestdrv.FlagNext, 1), virtio.IndirectWithNext},
		{"empty table", desc(page, 0, guestdrv.FlagIndirect, 0), virtio.BadIndirectTable},
		{"uneven table", desc(page, 17, guestdrv.FlagIndirect, 0), virtio.BadIndirectTable},
		{"table above the queue size", desc(page, 9*16, guestdrv.FlagIndirect, 0), virtio.BadIndirectTable},
		{"table outside RAM", desc(end-16, 32, guestdrv.FlagIndirect, 0), virtio.OutsideRAM},
		{"nested table", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.SetDesc(page, 0, page, 16, guestdrv.FlagIndirect, 0)
			desc(page, 16, guestdrv.FlagIndirect, 0)(d, q)
		}, virtio.IndirectNested},
		{"loop in a table", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.SetDesc(page, 0, page, 16, guestdrv.FlagNext, 1)
			d.SetDesc(page, 1, page, 16, guestdrv.FlagNext, 0)
			desc(page, 32, guestdrv.FlagIndirect, 0)(d, q)
		}, virtio.ChainTooLong},
		{"next beyond an indirect table", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.SetDesc(page, 0, page, 16, guestdrv.FlagNext, 2)
			desc(page, 32, guestdrv.FlagIndirect, 0)(d, q)
		}, virtio.BadNext},
		{"readable after writable", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.SetDesc(q.Desc, 1, page, 16, 0, 0)
			desc(page, 16, guestdrv.FlagNext|guestdrv.FlagWrite, 1)(d, q)
		}, virtio.ReadableAfterWritable},
		{"head beyond the table", func(d *guestdrv.Driver, q *guestdrv.Queue) { q.Expose(8) }, virtio.BadHead},
		{"available index jumps", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.RAM.At(q.Avail)[2] = 9
		}, virtio.AvailIndexJump},
		{"available index goes back", func(d *guestdrv.Driver, q *guestdrv.Queue) {
			d.RAM.At(q.Avail)[2] = 0xff
			d.RAM.At(q.Avail)[3] = 0xff
		}, virtio.AvailIndexJump},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, e, s := start(t, guestdrv.Indirect|guestdrv.EventIdx, 8)
			tt.set(d, d.Queues[0])
			d.Queues[0].Notify()
			if s.Violation != tt.want {
				t.Errorf("violation: %v; want %v", s.Violation, tt.want)
			}
			if !d.NeedsReset() || d.Ack() != 2 {
				t.Error("the driver was not told")
			}
			d.Queues[0].Notify() // must do nothing now
			if e.handled != 0 || s.Poll() {
				t.Error("the device went on")
			}

			d.Queues = nil // and after a reset all is well
			d.Probe(42, guestdrv.Indirect)
			d.Start(8)
			d.Queues[0].Add(d.Out([]byte("x")), d.In(1))
			d.Queues[0].Kick()
			d.Queues[0].MustPop()
			if d.NeedsReset() {
				t.Error("still failed after a reset")
			}
		})
	}
	t.Run("indirect not negotiated", func(t *testing.T) {
		d, _, s := start(t, 0, 8)
		d.Queues[0].AddIndirect(d.In(4))
		d.Queues[0].Kick()
		if s.Violation != virtio.IndirectNotNegotiated {
			t.Errorf("violation: %v", s.Violation)
		}
	})
}

// TestHugeChain: descriptors that name the same memory often enough to pass
// 2^32 bytes in all.
func TestHugeChain(t *testing.T) {
	ram := &repeated{guestdrv.NewRAM(1 << 20)}
	d := guestdrv.New(t, ram.RAM)
	s := mmio.New(&echo{max: 16}, ram, d.SetLine)
	d.Regs = s
	d.Probe(42, 0)
	d.Start(16)
	q := d.Queues[0]
	for i := range uint16(5) {
		d.SetDesc(q.Desc, i, guestdrv.Base, 1<<30, guestdrv.FlagNext, i+1)
	}
	d.SetDesc(q.Desc, 5, guestdrv.Base, 1<<30, 0, 0)
	q.Expose(0)
	q.Notify()
	if s.Violation != virtio.ChainTooLarge {
		t.Errorf("violation: %v", s.Violation)
	}
}

// repeated grants ranges of any length, all of the same few bytes.
type repeated struct{ *guestdrv.RAM }

func (r *repeated) Slice(gpa uint64, n uint32) ([]byte, bool) {
	if n == 1<<30 {
		return r.Bytes[:16], true
	}
	return r.RAM.Slice(gpa, n)
}

// TestSnapshot moves the state of a slot with a request in flight to another.
func TestSnapshot(t *testing.T) {
	d, e, s := start(t, guestdrv.EventIdx|guestdrv.Indirect, 8)
	q := d.Queues[0]
	for range 11 {
		q.Add(d.In(1))
		q.Kick()
		d.Ack()
		q.MustPop()
	}
	e.hold = true
	in := d.In(3)
	q.Add(d.Out([]byte("abc")), in)
	q.Kick()

	s2 := mmio.New(&echo{max: 16}, d.RAM, d.SetLine)
	s2.State = s.State
	d.Regs = s2
	q.Notify()
	if _, n := q.MustPop(); n != 3 || string(d.Data(in)) != "abc" || !d.Line {
		t.Errorf("%d bytes, %q", n, d.Data(in))
	}
}

// FuzzQueue runs the device over ring memory that holds anything.
func FuzzQueue(f *testing.F) {
	for i, s := range guestdrv.Scripts(1) {
		f.Add(uint64(guestdrv.Indirect), uint8(i), s)
		f.Add(uint64(guestdrv.EventIdx), uint8(i), s)
	}
	f.Fuzz(func(t *testing.T, features uint64, size uint8, script []byte) {
		d, e, _ := start(t, features&(guestdrv.Indirect|guestdrv.EventIdx), 1<<(size%5))
		d.Script(script, func(uint8, uint32) {
			if d.Line {
				d.Ack()
			}
		})
		if e.handled > len(script)*int(e.max) {
			t.Fatal("more chains than notifications allow")
		}
	})
}
