package rng_test

import (
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/machine/virtio/rng"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

func start(t testing.TB, features uint64) (*guestdrv.Driver, *mmio.Slot) {
	d := guestdrv.New(t, guestdrv.NewRAM(1<<20))
	s := mmio.New(rng.New(func(p []byte) {
		for i := range p {
			p[i] = 0xa5
		}
	}), d.RAM, d.SetLine)
	d.Regs = s
	d.Probe(4, features)
	d.Start(8)
	return d, s
}

func TestFill(t *testing.T) {
	for _, features := range []uint64{0, guestdrv.EventIdx | guestdrv.Indirect} {
		d, _ := start(t, features)
		q := d.Queues[0]
		for range 40 { // more than once around the ring
			b := d.In(64)
			q.Add(b)
			q.Kick()
			if !d.Line {
				t.Fatal("no interrupt")
			}
			d.Ack()
			if _, n := q.MustPop(); n != 64 {
				t.Fatalf("length %d, want 64", n)
			}
			for i, c := range d.Data(b) {
				if c != 0xa5 {
					t.Fatalf("byte %d is %#x", i, c)
				}
			}
			if !d.RAM.IsDirty(b.Addr) {
				t.Fatal("the write was not told")
			}
		}
	}
}

func TestRequestIsBounded(t *testing.T) {
	d, _ := start(t, guestdrv.Indirect)
	d.Queues[0].AddIndirect(d.In(3000), d.In(3000), d.In(3000))
	d.Queues[0].Kick()
	if _, n := d.Queues[0].MustPop(); n != rng.MaxRequest {
		t.Fatalf("length %d, want %d", n, rng.MaxRequest)
	}
}

func TestReadableBufferIsRefused(t *testing.T) {
	d, _ := start(t, 0)
	d.Queues[0].Add(d.Out([]byte("hello")))
	d.Queues[0].Kick()
	if !d.NeedsReset() {
		t.Fatal("accepted")
	}
}

func TestNoAllocation(t *testing.T) {
	d, s := start(t, guestdrv.EventIdx)
	q := d.Queues[0]
	head := q.Add(d.In(64))
	if n := testing.AllocsPerRun(100, func() {
		q.Expose(head)
		s.Write(mmio.RegQueueNotify, 4, 0)
	}); n != 0 {
		t.Fatalf("%v allocations for each request", n)
	}
}
