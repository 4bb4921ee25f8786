package blk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio/blk"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

const all = ^uint64(0)

func start(t testing.TB, cfg blk.Config, ram int) (*guestdrv.Driver, *mmio.Slot) {
	d := guestdrv.New(t, guestdrv.NewRAM(ram))
	s := mmio.New(blk.New(cfg), d.RAM, d.SetLine)
	d.Regs = s
	d.Probe(2, all)
	d.Start(128)
	return d, s
}

func disk(size int) ([]byte, blk.Config) {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b, blk.Config{Disk: bytes.NewReader(b), Size: uint64(size), ID: "c2w-root"}
}

func header(typ uint32, sector uint64) []byte {
	var h [16]byte
	binary.LittleEndian.PutUint32(h[:], typ)
	binary.LittleEndian.PutUint64(h[8:], sector)
	return h[:]
}

// request runs one request and returns its data buffers' contents, its status
// and the length reported.
func request(t *testing.T, d *guestdrv.Driver, typ uint32, sector uint64, sizes ...int) ([]byte, byte, uint32) {
	t.Helper()
	bufs := []guestdrv.Buf{d.Out(header(typ, sector))}
	for _, n := range sizes {
		bufs = append(bufs, d.In(n))
	}
	status := d.In(1)
	d.Data(status)[0] = 0xff
	q := d.Queues[0]
	if len(bufs) > 3 {
		q.AddIndirect(append(bufs, status)...)
	} else {
		q.Add(append(bufs, status)...)
	}
	q.Kick()
	d.Ack()
	_, n := q.MustPop()
	var data []byte
	for _, b := range bufs[1:] {
		data = append(data, d.Data(b)...)
		if n > 1 && !d.RAM.IsDirty(b.Addr) {
			t.Error("a write was not told")
		}
	}
	return data, d.Data(status)[0], n
}

func TestConfig(t *testing.T) {
	_, cfg := disk(1<<20 + 100)
	d, _ := start(t, cfg, 1<<20)
	if got := d.Regs.Read(0x100, 8); got != 2049 {
		t.Errorf("capacity %d sectors, want 2049", got)
	}
	if d.Features&(1<<5) == 0 {
		t.Error("not read-only")
	}
	if sizeMax, segMax := d.R(0x108), d.R(0x10c); sizeMax != 64<<10 || segMax != 126 {
		t.Errorf("size_max %d, seg_max %d", sizeMax, segMax)
	}
	if d.R(0x110) != 0 {
		t.Error("configuration space goes on")
	}
}

func TestRead(t *testing.T) {
	b, cfg := disk(1 << 20)
	d, _ := start(t, cfg, 4<<20)
	for _, tt := range []struct {
		sector uint64
		sizes  []int
	}{
		{0, []int{512}}, {1, []int{4096}}, {2047, []int{512}}, {3, []int{512, 1024, 4096}},
		{5, []int{65536, 65536, 4096, 4096}}, {0, []int{100, 412}},
	} {
		got, status, n := request(t, d, 0, tt.sector, tt.sizes...)
		if want := b[tt.sector*512:][:len(got)]; status != 0 || !bytes.Equal(got, want) {
			t.Errorf("sector %d, %v: status %d, or wrong data", tt.sector, tt.sizes, status)
		}
		if int(n) != len(got)+1 {
			t.Errorf("sector %d: length %d, want %d", tt.sector, n, len(got)+1)
		}
	}
	if d.NeedsReset() {
		t.Error("needs reset")
	}
}

func TestLastSectorIsPadded(t *testing.T) {
	b, cfg := disk(1000)
	d, _ := start(t, cfg, 1<<20)
	got, status, _ := request(t, d, 0, 0, 1024)
	if status != 0 || !bytes.Equal(got, append(b, make([]byte, 24)...)) {
		t.Error("status", status)
	}
}

func TestRefused(t *testing.T) {
	_, cfg := disk(1 << 20)
	d, _ := start(t, cfg, 4<<20)
	for _, tt := range []struct {
		what   string
		typ    uint32
		sector uint64
		size   int
		status byte
	}{
		{"beyond the end", 0, 2048, 512, 1},
		{"across the end", 0, 2047, 1024, 1},
		{"sector that wraps", 0, 1<<64 - 1, 512, 1},
		{"sector that wraps as bytes", 0, 1 << 55, 512, 1},
		{"part of a sector", 0, 0, 100, 1},
		{"segment above size_max", 0, 0, 128 << 10, 1},
		{"discard", 11, 0, 512, 2},
		{"unknown", 99, 0, 512, 2},
	} {
		got, status, _ := request(t, d, tt.typ, tt.sector, tt.size)
		if status != tt.status || !bytes.Equal(got, make([]byte, len(got))) {
			t.Errorf("%s: status %d, want %d and no data", tt.what, status, tt.status)
		}
	}

	status := d.In(1)
	d.Queues[0].Add(d.Out(header(1, 0)), d.Out(make([]byte, 512)), status)
	d.Queues[0].Kick()
	if _, n := d.Queues[0].MustPop(); n != 1 || d.Data(status)[0] != 1 {
		t.Errorf("write: length %d, status %d; want 1, 1", n, d.Data(status)[0])
	}
}

func TestFlushAndID(t *testing.T) {
	_, cfg := disk(512)
	d, _ := start(t, cfg, 1<<20)
	if _, status, n := request(t, d, 4, 0); status != 0 || n != 1 {
		t.Errorf("flush: status %d, length %d", status, n)
	}
	if id, status, _ := request(t, d, 8, 0, 20); status != 0 || string(id) != "c2w-root"+string(make([]byte, 12)) {
		t.Errorf("id %q, status %d", id, status)
	}
}

// TestFraming reads with one writable descriptor for data and status, and with
// a header in three pieces.
func TestFraming(t *testing.T) {
	b, cfg := disk(4096)
	d, _ := start(t, cfg, 1<<20)
	h := header(0, 1)
	in := d.In(513)
	d.Queues[0].Add(d.Out(h[:3]), d.Out(h[3:9]), d.Out(h[9:]), in)
	d.Queues[0].Kick()
	if _, n := d.Queues[0].MustPop(); n != 513 || !bytes.Equal(d.Data(in), append(b[512:1024:1024], 0)) {
		t.Error("wrong data or status; length", n)
	}
}

func TestBadRequests(t *testing.T) {
	for name, bufs := range map[string]func(*guestdrv.Driver) []guestdrv.Buf{
		"short header":     func(d *guestdrv.Driver) []guestdrv.Buf { return []guestdrv.Buf{d.Out(make([]byte, 15)), d.In(1)} },
		"no header":        func(d *guestdrv.Driver) []guestdrv.Buf { return []guestdrv.Buf{d.In(513)} },
		"no status":        func(d *guestdrv.Driver) []guestdrv.Buf { return []guestdrv.Buf{d.Out(header(0, 0))} },
		"readable at last": func(d *guestdrv.Driver) []guestdrv.Buf { return []guestdrv.Buf{d.In(1), d.Out(header(0, 0))} },
	} {
		_, cfg := disk(4096)
		d, s := start(t, cfg, 1<<20)
		d.Queues[0].Add(bufs(d)...)
		d.Queues[0].Kick()
		if !d.NeedsReset() || !d.Line || s.Violation == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt(p []byte, _ int64) (int, error) {
	p[0] = 1
	return 1, errors.New("bad block")
}

func TestReaderError(t *testing.T) {
	d, _ := start(t, blk.Config{Disk: brokenDisk{}, Size: 1 << 20}, 1<<20)
	got, status, _ := request(t, d, 0, 0, 512, 512)
	if status != 1 || !bytes.Equal(got, make([]byte, 1024)) {
		t.Errorf("status %d, data %x; want an error and zeros", status, got[:4])
	}
}

// TestBudget queues more than one call serves; Poll finishes it.
func TestBudget(t *testing.T) {
	_, cfg := disk(8 << 20)
	d, s := start(t, cfg, 8<<20)
	q, in, h := d.Queues[0], d.In(64<<10), d.Out(header(0, 0))
	const requests, each = 6, 32 // 2 MiB each
	for range requests {
		bufs := []guestdrv.Buf{h}
		for range each {
			bufs = append(bufs, in)
		}
		q.AddIndirect(append(bufs, d.In(1))...)
	}
	q.Kick()
	done, polls := 0, 0
	drain := func() {
		for _, _, ok := q.Pop(); ok; _, _, ok = q.Pop() {
			done++
		}
	}
	drain()
	for more := true; more; polls++ {
		more = s.Poll()
		drain()
	}
	if done != requests || polls != 2 {
		t.Errorf("%d of %d requests after %d polls", done, requests, polls)
	}
	if s.Poll() {
		t.Error("idle, but wants to be polled")
	}
}

func TestNoAllocation(t *testing.T) {
	_, cfg := disk(1 << 20)
	d, s := start(t, cfg, 1<<20)
	q := d.Queues[0]
	head := q.Add(d.Out(header(0, 3)), d.In(4096), d.In(1))
	if n := testing.AllocsPerRun(100, func() {
		q.Expose(head)
		s.Write(mmio.RegQueueNotify, 4, 0)
	}); n != 0 {
		t.Fatalf("%v allocations for each request", n)
	}
}

func BenchmarkRead4K(b *testing.B) {
	_, cfg := disk(1 << 20)
	d, s := start(b, cfg, 1<<20)
	q := d.Queues[0]
	head := q.Add(d.Out(header(0, 3)), d.In(4096), d.In(1))
	for b.Loop() {
		q.Expose(head)
		s.Write(mmio.RegQueueNotify, 4, 0)
	}
}
