// Package blk is a read-only virtio disk (virtio 1.2, section 5.2) over an
// io.ReaderAt. Reads go straight into guest memory.
//
// It must not know what lies on the disk or how it is stored.
package blk

import (
	"encoding/binary"
	"io"

	"github.com/c2w/c2w/internal/machine/virtio"
)

// SectorSize is the unit of addresses and of the capacity, whatever the medium.
const SectorSize = 512

// Feature bits (section 5.2.3).
const (
	featureSizeMax uint64 = 1 << 1
	featureSegMax  uint64 = 1 << 2
	featureRO      uint64 = 1 << 5
	featureFlush   uint64 = 1 << 9
)

// Configuration space (section 5.2.4); what lies beyond belongs to features
// that are not offered.
const (
	cfgCapacity = 0
	cfgSizeMax  = 8
	cfgSegMax   = 12
	cfgLen      = 16
)

// Request types and status (section 5.2.6).
const (
	typeIn    = 0
	typeOut   = 1
	typeFlush = 4
	typeGetID = 8

	statusOK     = 0
	statusIOErr  = 1
	statusUnsupp = 2
)

const (
	queueMax  = 128
	headerLen = 16 // type u32, reserved u32, sector u64
	idLen     = 20

	// sizeMax and segMax bound one request to under 8 MiB, and so how long it
	// can hold the machine up; Linux's largest is 1.25 MiB by default. Header
	// and status take the two other descriptors.
	sizeMax = 64 << 10
	segMax  = queueMax - 2

	// A call stops taking requests when it has read this much, and leaves the
	// rest to Poll.
	callBudget = 4 << 20
)

// Config says what the disk is.
type Config struct {
	Disk io.ReaderAt
	Size uint64 // bytes; the last sector is filled up with zeros
	ID   string // serial number, cut to 20 bytes
}

// State is all of the device that a snapshot keeps.
type State struct {
	Backlog bool // requests were left for Poll
}

// Device is the disk.
type Device struct {
	State
	cfg    Config
	config [cfgLen]byte
	t      virtio.Transport
}

// New makes a disk.
func New(cfg Config) *Device {
	d := &Device{cfg: cfg}
	binary.LittleEndian.PutUint64(d.config[cfgCapacity:], d.sectors())
	binary.LittleEndian.PutUint32(d.config[cfgSizeMax:], sizeMax)
	binary.LittleEndian.PutUint32(d.config[cfgSegMax:], segMax)
	return d
}

func (d *Device) sectors() uint64 {
	n := d.cfg.Size / SectorSize
	if d.cfg.Size%SectorSize != 0 {
		n++
	}
	return n
}

// ID, Features, QueueMax, Config, WriteConfig, Attach, Notify, Poll and Reset
// are virtio.Device.
func (d *Device) ID() uint32 { return virtio.IDBlock }

func (d *Device) Features() uint64 {
	return virtio.FeaturesRing | featureSizeMax | featureSegMax | featureRO | featureFlush
}

func (d *Device) QueueMax() []uint16 { return []uint16{queueMax} }

func (d *Device) Config() []byte { return d.config[:] }

func (d *Device) WriteConfig(uint64, int, uint64) {}

func (d *Device) Attach(t virtio.Transport) { d.t = t }

func (d *Device) Notify(int) { d.pump() }

func (d *Device) Poll() (more bool) { return d.Backlog && d.pump() }

func (d *Device) Reset() { d.State = State{} }

// pump serves requests until there are none or the call's budget is spent: of
// bytes, and of requests since these may cost no bytes.
func (d *Device) pump() (more bool) {
	q := d.t.Queue(0)
	budget := callBudget
	for left := queueMax; ; left-- {
		c := q.Peek()
		if c == nil {
			break
		}
		if left == 0 || budget <= 0 {
			more = true
			break
		}
		head := c.Head
		written, ok := d.serve(c)
		if !ok {
			d.t.Fail(virtio.BadRequest)
			break
		}
		q.Take()
		q.Push(head, written)
		budget -= int(written)
	}
	d.Backlog = more
	q.WantNotify(!more)
	q.Signal()
	return more
}

// serve handles one request and returns how many bytes it wrote, status
// included; false when header or status byte are missing. How a request is cut
// into descriptors means nothing (section 2.7.4.1).
func (d *Device) serve(c *virtio.Chain) (written uint32, ok bool) {
	var h [headerLen]byte
	if c.Gather(h[:]) != headerLen || c.InLen == 0 {
		return 0, false
	}
	dataLen := c.InLen - 1
	status := byte(statusUnsupp)
	n := uint32(0)
	switch binary.LittleEndian.Uint32(h[:]) {
	case typeIn:
		status = statusIOErr
		if fits(c) {
			n, status = dataLen, d.read(c, binary.LittleEndian.Uint64(h[8:]), dataLen)
		}
	case typeOut:
		status = statusIOErr // a writable disk would write c.Out beyond the header
	case typeFlush:
		status = statusOK // nothing is ever written
	case typeGetID:
		n, status = d.getID(c, dataLen), statusOK
	}
	// The status is the last byte of all. The length reported counts a prefix
	// of the chain, so it covers the status only if all before it was written.
	last := &c.In[len(c.In)-1]
	end := len(last.Data) - 1
	last.Data[end] = status
	d.t.Memory().Dirty(last.Addr+uint64(end), 1)
	if n == dataLen {
		n++
	}
	return n, true
}

// fits says whether the driver kept to sizeMax and segMax; the status byte may
// take a segment of its own, or be the last byte of one.
func fits(c *virtio.Chain) bool {
	for _, s := range c.In {
		if len(s.Data) > sizeMax+1 {
			return false
		}
	}
	return len(c.In) <= segMax+1
}

// read fills all of the request's data, with zeros when it fails, so that the
// guest never sees what was there before.
func (d *Device) read(c *virtio.Chain, sector uint64, n uint32) byte {
	count := uint64(n) / SectorSize
	status := byte(statusOK)
	if n%SectorSize != 0 || sector > d.sectors() || count > d.sectors()-sector {
		status = statusIOErr
	}
	off := sector * SectorSize
	for _, s := range c.In {
		p := s.Data[:min(uint64(len(s.Data)), uint64(n))]
		if len(p) == 0 {
			break
		}
		if status != statusOK || !d.readAt(p, off) {
			clear(p)
			status = statusIOErr
		}
		d.t.Memory().Dirty(s.Addr, uint32(len(p)))
		off += uint64(len(p))
		n -= uint32(len(p))
	}
	return status
}

// readAt fills p from the disk at off, below the capacity, with zeros beyond
// the last byte.
func (d *Device) readAt(p []byte, off uint64) bool {
	if off >= d.cfg.Size {
		clear(p)
		return true
	}
	if have := d.cfg.Size - off; uint64(len(p)) > have {
		clear(p[have:])
		p = p[:have]
	}
	n, _ := d.cfg.Disk.ReadAt(p, int64(off))
	return n == len(p)
}

func (d *Device) getID(c *virtio.Chain, dataLen uint32) uint32 {
	var id [idLen]byte
	copy(id[:], d.cfg.ID)
	return uint32(d.t.Queue(0).Scatter(c, id[:min(idLen, dataLen)]))
}
