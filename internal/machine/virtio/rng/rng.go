// Package rng is the virtio entropy device (virtio 1.2, section 5.4).
//
// It must not know where entropy comes from: fixed bytes while a snapshot is
// made, the host's afterwards.
package rng

import "github.com/c2w/c2w/internal/machine/virtio"

// MaxRequest bounds the bytes given for one request, so that a guest cannot
// make one notification last: its pool asks for 64, a program reading
// /dev/hwrng for at most a page. The device may always give less (5.4.6.1).
const MaxRequest = 4096

const queueMax = 16

// State is all of the device that a snapshot keeps.
type State struct {
	Backlog bool // requests were left for Poll
}

// Device is the entropy device.
type Device struct {
	State
	source func(p []byte)
	t      virtio.Transport
}

// New makes the device; source fills p with random bytes and must not keep it.
func New(source func(p []byte)) *Device { return &Device{source: source} }

// ID, Features, QueueMax, Config, WriteConfig, Attach, Notify, Poll and Reset
// are virtio.Device.
func (d *Device) ID() uint32 { return virtio.IDEntropy }

func (d *Device) Features() uint64 { return virtio.FeaturesRing }

func (d *Device) QueueMax() []uint16 { return []uint16{queueMax} }

func (d *Device) Config() []byte { return nil }

func (d *Device) WriteConfig(uint64, int, uint64) {}

func (d *Device) Attach(t virtio.Transport) { d.t = t }

func (d *Device) Notify(int) { d.pump() }

func (d *Device) Poll() (more bool) { return d.Backlog && d.pump() }

func (d *Device) Reset() { d.State = State{} }

func (d *Device) pump() (more bool) {
	q := d.t.Queue(0)
	for left := queueMax; ; left-- {
		c := q.Peek()
		if c == nil {
			break
		}
		if left == 0 {
			more = true
			break
		}
		if c.InLen == 0 {
			d.t.Fail(virtio.BadRequest)
			break
		}
		n := 0
		for _, s := range c.In {
			p := s.Data[:min(len(s.Data), MaxRequest-n)]
			if len(p) == 0 {
				break
			}
			d.source(p)
			d.t.Memory().Dirty(s.Addr, uint32(len(p)))
			n += len(p)
		}
		head := c.Head
		q.Take()
		q.Push(head, uint32(n))
	}
	d.Backlog = more
	q.WantNotify(!more)
	q.Signal()
	return more
}
