package mmio_test

import (
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

// probe is a device that records what the transport tells it.
type probe struct {
	t        virtio.Transport
	notified []int
	resets   int
	cfg      [6]byte
	wrote    []uint64
}

func (p *probe) ID() uint32         { return 7 }
func (p *probe) Features() uint64   { return virtio.FeaturesRing | 1<<3 }
func (p *probe) QueueMax() []uint16 { return []uint16{8, 4} }
func (p *probe) Config() []byte     { return p.cfg[:] }
func (p *probe) WriteConfig(off uint64, size int, val uint64) {
	p.wrote = append(p.wrote, off, uint64(size), val)
}
func (p *probe) Attach(t virtio.Transport) { p.t = t }
func (p *probe) Notify(i int)              { p.notified = append(p.notified, i) }
func (p *probe) Poll() bool                { return true }
func (p *probe) Reset()                    { p.resets++ }

func start(t *testing.T) (*guestdrv.Driver, *probe, *mmio.Slot) {
	d := guestdrv.New(t, guestdrv.NewRAM(1<<20))
	p := &probe{cfg: [6]byte{1, 2, 3, 4, 5, 6}}
	s := mmio.New(p, d.RAM, d.SetLine)
	d.Regs = s
	return d, p, s
}

func TestRegisters(t *testing.T) {
	d, p, _ := start(t)
	if d.Offered() != virtio.FeaturesRing|1<<3 {
		t.Errorf("features %#x", d.Offered())
	}
	d.W(mmio.RegDeviceFeaturesSel, 2)
	if d.R(mmio.RegDeviceFeatures) != 0 {
		t.Error("features beyond 64 bits")
	}
	for i, want := range []uint32{8, 4, 0} {
		d.W(mmio.RegQueueSel, uint32(i))
		if got := d.R(mmio.RegQueueNumMax); got != want {
			t.Errorf("queue %d: maximum %d, want %d", i, got, want)
		}
	}
	for off := uint64(mmio.RegSHMLenLow); off <= mmio.RegSHMBaseHigh; off += 4 {
		if d.R(off) != 0xffff_ffff {
			t.Errorf("shared memory register %#x = %#x", off, d.R(off))
		}
	}
	if d.Regs.Read(mmio.RegMagic, 1) != 0 || d.Regs.Read(mmio.RegMagic+2, 4) != 0 {
		t.Error("registers answer other than aligned 4-byte loads")
	}
	for _, tt := range []struct {
		off  uint64
		size int
		want uint64
	}{{0, 1, 1}, {1, 2, 0x0302}, {0, 4, 0x04030201}, {0, 8, 0x060504030201}, {4, 4, 0x0605}, {6, 4, 0}, {0xeff, 1, 0}} {
		if got := d.Regs.Read(mmio.RegConfig+tt.off, tt.size); got != tt.want {
			t.Errorf("config at %d, %d bytes: %#x, want %#x", tt.off, tt.size, got, tt.want)
		}
	}
	d.Regs.Write(mmio.RegConfig+2, 2, 0x99)
	if len(p.wrote) != 3 || p.wrote[0] != 2 || p.wrote[1] != 2 || p.wrote[2] != 0x99 {
		t.Error("config write:", p.wrote)
	}
}

func TestFeaturesRefused(t *testing.T) {
	for name, features := range map[string]uint64{
		"not offered": virtio.FeatureVersion1 | 1<<5,
		"legacy":      1 << 3,
	} {
		d, _, s := start(t)
		d.W(mmio.RegStatus, 3)
		d.W(mmio.RegDriverFeaturesSel, 0)
		d.W(mmio.RegDriverFeatures, uint32(features))
		d.W(mmio.RegDriverFeaturesSel, 1)
		d.W(mmio.RegDriverFeatures, uint32(features>>32))
		d.W(mmio.RegStatus, 3|mmio.StatusFeaturesOK)
		d.W(mmio.RegStatus, 3|mmio.StatusFeaturesOK|mmio.StatusDriverOK)
		if d.Status() != 3 || s.Live() {
			t.Errorf("%s: status %#x", name, d.Status())
		}
	}
}

func TestFeaturesAreFixedOnceNegotiated(t *testing.T) {
	d, _, s := start(t)
	d.Probe(7, 1<<3)
	d.W(mmio.RegDriverFeatures, 0xffff_ffff)
	if s.Features() != virtio.FeatureVersion1|1<<3 {
		t.Errorf("features %#x", s.Features())
	}
}

func TestBadQueues(t *testing.T) {
	const at = guestdrv.Base + 0x4000
	for _, tt := range []struct {
		name              string
		num               uint32
		desc, avail, used uint64
		want              virtio.Violation
	}{
		{"good", 8, at, at + 0x1000, at + 0x2000, 0},
		{"no size", 0, at, at, at, virtio.BadQueueSize},
		{"not a power of two", 6, at, at, at, virtio.BadQueueSize},
		{"above the maximum", 16, at, at, at, virtio.BadQueueSize},
		{"size beyond 16 bits", 0x1_0008, at, at, at, virtio.BadQueueSize},
		{"table outside RAM", 8, 0, at, at, virtio.BadQueueAddress},
		{"table across the end", 8, guestdrv.Base + 1<<20 - 112, at, at, virtio.BadQueueAddress},
		{"used ring wraps", 8, at, at, ^uint64(0) - 3, virtio.BadQueueAddress},
		{"table misaligned", 8, at + 8, at, at, virtio.BadQueueAddress},
		{"available ring misaligned", 8, at, at + 1, at, virtio.BadQueueAddress},
		{"used ring misaligned", 8, at, at, at + 2, virtio.BadQueueAddress},
	} {
		d, _, s := start(t)
		d.Probe(7, 0)
		d.W(mmio.RegQueueSel, 0)
		d.W(mmio.RegQueueNum, tt.num)
		for reg, v := range map[uint64]uint64{
			mmio.RegQueueDescLow: tt.desc, mmio.RegQueueDriverLow: tt.avail, mmio.RegQueueDeviceLow: tt.used,
		} {
			d.W(reg, uint32(v))
			d.W(reg+4, uint32(v>>32))
		}
		d.W(mmio.RegQueueReady, 1)
		ready := d.R(mmio.RegQueueReady) == 1
		if s.Violation != tt.want || d.NeedsReset() != (tt.want != 0) || ready != (tt.want == 0) {
			t.Errorf("%s: ready %v, violation: %v", tt.name, ready, s.Violation)
		}
	}
}

func TestNotify(t *testing.T) {
	d, p, s := start(t)
	d.Probe(7, 0)
	d.W(mmio.RegQueueNotify, 0)
	if p.notified != nil || s.Poll() {
		t.Error("the device ran before DRIVER_OK")
	}
	d.Start(8)
	if len(p.notified) != 2 || !s.Poll() {
		t.Error("the device was not told of its queues at DRIVER_OK:", p.notified)
	}
	d.W(mmio.RegQueueSel, 1)
	d.W(mmio.RegQueueReady, 0)
	d.W(mmio.RegQueueNotify, 1)
	if len(p.notified) != 2 {
		t.Error("notified of a queue that is not ready")
	}
	d.W(mmio.RegQueueNotify, 2)
	if s.Violation != virtio.BadQueueNumber {
		t.Errorf("violation: %v", s.Violation)
	}
}

func TestInterrupts(t *testing.T) {
	d, p, s := start(t)
	p.t.ConfigChanged()
	if d.Line {
		t.Error("interrupt before DRIVER_OK")
	}
	d.Probe(7, 0)
	d.Start(8)
	generation := d.R(mmio.RegConfigGeneration)
	p.t.ConfigChanged()
	p.t.UsedBuffer()
	if d.R(mmio.RegConfigGeneration) == generation || !d.Line || d.R(mmio.RegInterruptStatus) != 3 {
		t.Error("change not told")
	}
	d.W(mmio.RegInterruptACK, 2)
	if !d.Line {
		t.Error("line fell before all was acknowledged")
	}
	d.W(mmio.RegInterruptACK, 1)
	if d.Line {
		t.Error("line stays high")
	}
	p.t.UsedBuffer()
	resets := p.resets
	d.W(mmio.RegStatus, 0)
	if d.Line || s.Live() || p.resets != resets+1 || s.Queues[0].Ready {
		t.Error("reset left something")
	}
}
