package p9_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/machine/virtio/p9"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

// echo is a server that replies with the request, and notes how it got it.
type echo struct {
	served, resets int
	outs, ins      []int // lengths of the pieces of the last request
}

func (e *echo) Serve(out, in [][]byte) (int, bool) {
	e.served++
	e.outs, e.ins = e.outs[:0], e.ins[:0]
	var whole []byte
	for _, b := range out {
		whole = append(whole, b...)
		e.outs = append(e.outs, len(b))
	}
	if len(whole) < 7 {
		return 0, false
	}
	n := 0
	for _, b := range in {
		e.ins = append(e.ins, len(b))
		n += copy(b, whole[n:])
	}
	return n, true
}

func (e *echo) Reset() { e.resets++ }

func start(t testing.TB, server p9.Server, ram int) (*guestdrv.Driver, *mmio.Slot) {
	d := guestdrv.New(t, guestdrv.NewRAM(ram))
	s := mmio.New(p9.New("c2w.host", server), d.RAM, d.SetLine)
	d.Regs = s
	d.Probe(9, ^uint64(0))
	d.Start(128)
	return d, s
}

func TestConfig(t *testing.T) {
	d, _ := start(t, &echo{}, 1<<20)
	if d.Features&1 == 0 {
		t.Error("no mount tag")
	}
	var tag []byte
	for i := range uint64(10) {
		tag = append(tag, byte(d.Regs.Read(0x100+i, 1)))
	}
	if !bytes.Equal(tag, []byte("\x08\x00c2w.host")) {
		t.Errorf("%q", tag)
	}
}

// TestPieces: what lies together in RAM arrives together.
func TestPieces(t *testing.T) {
	e := &echo{}
	d, s := start(t, e, 1<<20)
	msg := bytes.Repeat([]byte("0123456789abcdef"), 8)
	out := d.Out(msg)
	in := d.In(256)
	part := func(b guestdrv.Buf, from, to uint32) guestdrv.Buf {
		return guestdrv.Buf{Addr: b.Addr + uint64(from), Len: to - from, Write: b.Write}
	}
	q := d.Queues[0]
	q.AddIndirect(part(out, 0, 7), part(out, 7, 64), part(out, 64, 65), part(out, 66, 70), // a gap
		part(in, 0, 11), part(in, 11, 20), part(in, 100, 200), part(in, 200, 256), part(in, 20, 30))
	q.Kick()
	_, n := q.MustPop()
	if want := append(bytes.Clone(msg[:65]), msg[66:70]...); int(n) != len(want) || !bytes.Equal(d.Data(in)[:20], want[:20]) || !bytes.Equal(d.Data(in)[100:149], want[20:]) {
		t.Errorf("%d bytes", n)
	}
	if got := [...]int{len(e.outs), len(e.ins), e.outs[0], e.outs[1], e.ins[0], e.ins[1], e.ins[2]}; got != [...]int{2, 3, 65, 4, 20, 156, 10} {
		t.Error("pieces:", e.outs, e.ins)
	}
	if !d.RAM.IsDirty(in.Addr) || s.Violation != 0 {
		t.Error("writes were not told, or", s.Violation)
	}
	resets := e.resets
	d.W(0x70, 0)
	if e.resets != resets+1 {
		t.Error("the server was not reset")
	}
}

func TestBadRequest(t *testing.T) {
	d, s := start(t, &echo{}, 1<<20)
	d.Queues[0].Add(d.Out([]byte("short")), d.In(64))
	d.Queues[0].Kick()
	if !d.NeedsReset() || s.Violation == 0 {
		t.Error("accepted")
	}
	d, s = start(t, &echo{}, 1<<20)
	d.Queues[0].Add(d.Out([]byte("no room for a reply")))
	d.Queues[0].Kick()
	if _, n := d.Queues[0].MustPop(); n != 0 || d.NeedsReset() {
		t.Error(n, s.Violation)
	}
}

// TestBudget queues more than one call serves; Poll finishes it.
func TestBudget(t *testing.T) {
	e := &echo{}
	d, s := start(t, e, 4<<20)
	q := d.Queues[0]
	out, in := d.Out(make([]byte, 1<<20)), d.In(64)
	const requests = 10
	for range requests {
		q.AddIndirect(out, in)
	}
	q.Kick()
	if e.served != 4 {
		t.Errorf("served %d at once", e.served)
	}
	for s.Poll() {
	}
	if e.served != requests || s.Poll() {
		t.Errorf("served %d of %d", e.served, requests)
	}
}

func TestNoAllocation(t *testing.T) {
	e := &echo{}
	d, s := start(t, count{e}, 1<<20)
	q := d.Queues[0]
	head := q.Add(d.Out(make([]byte, 64)), d.In(4096), d.In(4096))
	if n := testing.AllocsPerRun(100, func() {
		q.Expose(head)
		s.Write(mmio.RegQueueNotify, 4, 0)
	}); n != 0 || e.served < 100 {
		t.Fatalf("%v allocations for each request", n)
	}
}

// count is a server that does nothing.
type count struct{ *echo }

func (c count) Serve(_, in [][]byte) (int, bool) {
	c.served++
	binary.LittleEndian.PutUint32(in[0], 7)
	return 7, true
}
