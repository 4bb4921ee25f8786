// Package guestdrv is a virtio driver for tests: it builds real queues in a RAM
// of its own and drives a device through its register file as Linux does.
//
// It must not know the code it tests beyond register reads and writes: offsets
// and layouts are written down here a second time, from the specification.
package guestdrv

import (
	"encoding/binary"
	"testing"
)

// Base is where RAM begins.
const Base = 0x8000_0000

var le = binary.LittleEndian

// RAM is guest memory; virtio.Memory.
type RAM struct {
	Bytes []byte
	dirty map[uint64]bool // pages told dirty
}

// NewRAM makes size bytes of zeros.
func NewRAM(size int) *RAM { return &RAM{Bytes: make([]byte, size), dirty: map[uint64]bool{}} }

// Slice is virtio.Memory's.
func (m *RAM) Slice(gpa uint64, n uint32) ([]byte, bool) {
	size := uint64(len(m.Bytes))
	if gpa < Base || gpa-Base > size || uint64(n) > size-(gpa-Base) {
		return nil, false
	}
	return m.Bytes[gpa-Base:][:n:n], true
}

// Dirty is virtio.Memory's.
func (m *RAM) Dirty(gpa uint64, n uint32) {
	if _, ok := m.Slice(gpa, n); !ok || n == 0 {
		panic("Dirty of a range that Slice would not grant")
	}
	for p := gpa >> 12; p <= (gpa+uint64(n)-1)>>12; p++ {
		if !m.dirty[p] {
			m.dirty[p] = true
		}
	}
}

// At is the RAM from gpa on.
func (m *RAM) At(gpa uint64) []byte { return m.Bytes[gpa-Base:] }

// IsDirty says whether the page of gpa was told dirty.
func (m *RAM) IsDirty(gpa uint64) bool { return m.dirty[gpa>>12] }

// Registers is a device's register file.
type Registers interface {
	Read(off uint64, size int) uint64
	Write(off uint64, size int, val uint64)
}

// Driver is the guest's side of one device.
type Driver struct {
	T    testing.TB
	RAM  *RAM
	Regs Registers
	// Line is the interrupt line; give SetLine to the device as its callback.
	Line     bool
	Raised   int // how often the line rose
	Features uint64
	Queues   []*Queue
	next     uint64 // first free byte of RAM
}

// New makes a driver with ram; set Regs before use.
func New(t testing.TB, ram *RAM) *Driver { return &Driver{T: t, RAM: ram, next: Base + 0x1000} }

// SetLine is the interrupt callback.
func (d *Driver) SetLine(level bool) {
	if level == d.Line {
		d.T.Helper()
		d.T.Errorf("interrupt line told %v twice", level)
	}
	if d.Line = level; level {
		d.Raised++
	}
}

// Alloc takes n bytes of RAM, aligned to 16.
func (d *Driver) Alloc(n int) uint64 {
	p := d.next
	d.next += uint64(n+15) &^ 15
	if d.next > Base+uint64(len(d.RAM.Bytes)) {
		d.T.Helper()
		d.T.Fatal("out of guest RAM")
	}
	return p
}

// R and W access 32-bit registers.
func (d *Driver) R(off uint64) uint32    { return uint32(d.Regs.Read(off, 4)) }
func (d *Driver) W(off uint64, v uint32) { d.Regs.Write(off, 4, uint64(v)) }

// Register offsets and bits, from section 4.2.2 and 2.1.
const (
	regMagic, regVersion, regDeviceID = 0x00, 0x04, 0x08
	regDevFeat, regDevFeatSel         = 0x10, 0x14
	regDrvFeat, regDrvFeatSel         = 0x20, 0x24
	regQueueSel, regQueueNumMax       = 0x30, 0x34
	regQueueNum, regQueueReady        = 0x38, 0x44
	regNotify, regISR, regAck         = 0x50, 0x60, 0x64
	regStatus                         = 0x70
	regDesc, regAvail, regUsed        = 0x80, 0x90, 0xa0

	acknowledge, driver, driverOK, featuresOK = 1, 2, 4, 8
)

// Feature bits of the rings.
const (
	Indirect = 1 << 28
	EventIdx = 1 << 29
	Version1 = 1 << 32
)

// Offered reads the device's feature bits.
func (d *Driver) Offered() uint64 {
	d.W(regDevFeatSel, 0)
	lo := d.R(regDevFeat)
	d.W(regDevFeatSel, 1)
	return uint64(d.R(regDevFeat))<<32 | uint64(lo)
}

// Probe resets the device, checks what it is, and negotiates all offered
// features of want, up to FEATURES_OK.
func (d *Driver) Probe(id uint32, want uint64) {
	d.T.Helper()
	if m, v, i := d.R(regMagic), d.R(regVersion), d.R(regDeviceID); m != 0x74726976 || v != 2 || i != id {
		d.T.Fatalf("magic %#x, version %d, device %d; want device %d", m, v, i, id)
	}
	d.W(regStatus, 0)
	if s := d.R(regStatus); s != 0 {
		d.T.Fatalf("status after reset: %#x", s)
	}
	d.W(regStatus, acknowledge)
	d.W(regStatus, acknowledge|driver)
	d.Features = d.Offered() & (want | Version1)
	d.W(regDrvFeatSel, 0)
	d.W(regDrvFeat, uint32(d.Features))
	d.W(regDrvFeatSel, 1)
	d.W(regDrvFeat, uint32(d.Features>>32))
	d.W(regStatus, acknowledge|driver|featuresOK)
	if d.R(regStatus)&featuresOK == 0 {
		d.T.Fatal("FEATURES_OK refused")
	}
}

// Start sets up every queue that the device has with size entries (its maximum
// if smaller) and says DRIVER_OK.
func (d *Driver) Start(size uint16) {
	d.T.Helper()
	for i := 0; ; i++ {
		d.W(regQueueSel, uint32(i))
		top := uint16(d.R(regQueueNumMax))
		if top == 0 {
			break
		}
		d.Queues = append(d.Queues, d.setup(i, min(size, top)))
	}
	d.W(regStatus, acknowledge|driver|featuresOK|driverOK)
}

func (d *Driver) setup(i int, size uint16) *Queue {
	n := int(size)
	q := &Queue{d: d, index: i, Size: size, Desc: d.Alloc(16 * n), Avail: d.Alloc(6 + 2*n), Used: d.Alloc(6 + 8*n)}
	for k := range size {
		q.free = append(q.free, size-1-k)
	}
	q.chains = make(map[uint16][]uint16)
	d.W(regQueueSel, uint32(i))
	d.W(regQueueNum, uint32(size))
	for _, a := range []struct {
		reg  uint64
		addr uint64
	}{{regDesc, q.Desc}, {regAvail, q.Avail}, {regUsed, q.Used}} {
		d.W(a.reg, uint32(a.addr))
		d.W(a.reg+4, uint32(a.addr>>32))
	}
	d.W(regQueueReady, 1)
	if d.R(regQueueReady) != 1 {
		d.T.Fatalf("queue %d did not become ready", i)
	}
	return q
}

// Status is the device status.
func (d *Driver) Status() uint32 { return d.R(regStatus) }

// NeedsReset says whether the device found a rule broken.
func (d *Driver) NeedsReset() bool { return d.Status()&64 != 0 }

// Ack acknowledges all interrupts and returns which there were.
func (d *Driver) Ack() uint32 {
	v := d.R(regISR)
	d.W(regAck, v)
	return v
}
