// Package console is the multiport virtio console (virtio 1.2, section 5.3):
// port 0 is the guest's hvc0, the others are named byte streams.
//
// It must not know what the streams carry, nor where the host takes or leaves
// the bytes. Both directions push back: input beyond a port's buffer is not
// accepted, and output that the host does not take stays in the guest's queue.
package console

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/virtio"
)

// Feature bits (section 5.3.3).
const (
	featureSize      uint64 = 1 << 0
	featureMultiport uint64 = 1 << 1
	featureEmerg     uint64 = 1 << 2
)

// Configuration space (section 5.3.4).
const (
	cfgCols  = 0
	cfgRows  = 2
	cfgPorts = 4
	cfgEmerg = 8
	cfgLen   = 12
)

// MaxPorts is what fits the transport's queues: two for each port and two for
// control.
const MaxPorts = 7

// MaxName bounds a port's name in bytes. With its header it must fit the
// driver's smallest control buffer; Linux makes them a page.
const MaxName = 64

// InputBuffer is how many bytes a port keeps for a guest that has no receive
// buffers posted, or has not opened the port. The guest posts a whole queue of
// pages, so this only has to hold what comes in between.
const InputBuffer = 4096

// Queue sizes. A driver fills a receive queue with a page for each entry, so
// larger ones cost guest memory for each port.
const (
	dataQueueMax = 64
	ctrlQueueMax = 32
)

const (
	queueCtrlIn  = 2 // device to driver
	queueCtrlOut = 3
)

// PortConfig describes one port.
type PortConfig struct {
	// Name is what the guest finds in the port's name attribute; at most
	// MaxName bytes. A port without one is fine.
	Name string

	// Console makes it an hvc terminal: hvc0 for the first.
	Console bool

	// Output takes bytes that the guest wrote and returns how many, which may
	// be none. What it does not take stays with the guest until Poll. It must
	// not keep p, nor call Poll; it may call Input. A nil Output takes
	// everything and forgets it.
	//
	// A console port's driver waits for its output with interrupts off, so a
	// host that does not take it stops that guest.
	Output func(p []byte) (n int)

	// Opened, if set, hears when the guest opens or closes the port.
	Opened func(open bool)
}

// PortState is what a snapshot keeps of a port.
type PortState struct {
	Pending   uint16 // control messages still to send, a set of bits by event
	HostOpen  bool   // the host end is open
	GuestOpen bool
	Added     bool   // the driver has said that the port is ready
	Sent      uint32 // bytes of the next output chain that the host has taken
	Held      uint32 // how many bytes of Buffer wait for the guest
	Buffer    [InputBuffer]byte
}

// State is all of the device that a snapshot keeps.
type State struct {
	Cols, Rows uint16
	// Backlog says that an output queue was left unfinished: by bit, the ports,
	// and the control queue as bit MaxPorts.
	Backlog uint16
	Ports   [MaxPorts]PortState
}

const backlogCtrl = 1 << MaxPorts

// Device is the console. Make it with New.
type Device struct {
	State
	ports    []*Port
	queueMax []uint16
	config   [cfgLen]byte
	t        virtio.Transport
}

// Port is one port, for the host to use.
type Port struct {
	*PortState
	cfg PortConfig
	dev *Device
	id  int
}

// New makes a console with the given ports, 1 to MaxPorts, all with their host
// end open.
func New(ports []PortConfig) *Device {
	if len(ports) == 0 || len(ports) > MaxPorts {
		panic("BUG: console: number of ports")
	}
	d := &Device{}
	for i, cfg := range ports {
		if len(cfg.Name) > MaxName {
			panic("BUG: console: port name too long")
		}
		p := &Port{PortState: &d.State.Ports[i], cfg: cfg, dev: d, id: i}
		p.HostOpen = true
		d.ports = append(d.ports, p)
		d.queueMax = append(d.queueMax, dataQueueMax, dataQueueMax)
		if i == 0 {
			d.queueMax = append(d.queueMax, ctrlQueueMax, ctrlQueueMax)
		}
	}
	return d
}

// Port returns port i.
func (d *Device) Port(i int) *Port { return d.ports[i] }

// ID, Features, QueueMax, Config, WriteConfig, Attach, Notify, Poll and Reset
// are virtio.Device.
func (d *Device) ID() uint32 { return virtio.IDConsole }

func (d *Device) Features() uint64 {
	return virtio.FeaturesRing | featureSize | featureMultiport | featureEmerg
}

func (d *Device) QueueMax() []uint16 { return d.queueMax }

func (d *Device) Config() []byte {
	binary.LittleEndian.PutUint16(d.config[cfgCols:], d.Cols)
	binary.LittleEndian.PutUint16(d.config[cfgRows:], d.Rows)
	binary.LittleEndian.PutUint32(d.config[cfgPorts:], uint32(len(d.ports)))
	return d.config[:]
}

// WriteConfig is the emergency write: one byte of output before any queue
// exists. A slow host loses it.
func (d *Device) WriteConfig(off uint64, _ int, val uint64) {
	if out := d.ports[0].cfg.Output; off == cfgEmerg && out != nil {
		out([]byte{byte(val)})
	}
}

func (d *Device) Attach(t virtio.Transport) { d.t = t }

func (d *Device) Notify(i int) {
	switch i {
	case queueCtrlIn:
		d.sendControl()
	case queueCtrlOut:
		d.pumpControl()
	default:
		p := d.portOf(i)
		if i%2 == 0 {
			p.fill()
		} else {
			p.pump()
		}
	}
}

func (d *Device) Poll() (more bool) {
	if d.Backlog&backlogCtrl != 0 && d.pumpControl() {
		more = true
	}
	for _, p := range d.ports {
		if d.Backlog&p.bit() != 0 && p.pump() {
			more = true
		}
	}
	return more
}

// Reset forgets what the driver did. Input that waits for the guest and the
// host ends stay.
func (d *Device) Reset() {
	d.Backlog = 0
	for _, p := range d.ports {
		p.setGuestOpen(false)
		p.Pending, p.Added, p.Sent = 0, false, 0
	}
}

// Resize tells the guest the size of port 0's terminal in characters.
func (d *Device) Resize(cols, rows uint16) {
	if d.Cols == cols && d.Rows == rows {
		return
	}
	d.Cols, d.Rows = cols, rows
	d.t.ConfigChanged()
	if p := d.ports[0]; p.cfg.Console && p.Added {
		p.send(eventResize)
	}
}

func (d *Device) multiport() bool { return d.t.Features()&featureMultiport != 0 }

// portOf is the port of data queue i: the first port's queues come before the
// control queues, the others' after (section 5.3.2).
func (d *Device) portOf(i int) *Port {
	if i < queueCtrlIn {
		return d.ports[0]
	}
	return d.ports[i/2-1]
}

func (p *Port) queueIn() *virtio.Queue {
	if p.id == 0 {
		return p.dev.t.Queue(0)
	}
	return p.dev.t.Queue(2 + 2*p.id)
}

func (p *Port) queueOut() *virtio.Queue {
	if p.id == 0 {
		return p.dev.t.Queue(1)
	}
	return p.dev.t.Queue(3 + 2*p.id)
}

func (p *Port) bit() uint16 { return 1 << p.id }
