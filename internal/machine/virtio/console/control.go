package console

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/virtio"
)

// Control events (section 5.3.6.2).
const (
	eventDeviceReady = 0
	eventAdd         = 1
	eventReady       = 3
	eventConsole     = 4
	eventResize      = 5
	eventOpen        = 6
	eventName        = 7
)

// headerLen is id u32, event u16, value u16.
const headerLen = 8

// order is in which order a port's pending messages go out: it exists before it
// has properties, and is open last.
var order = [...]uint16{eventAdd, eventConsole, eventName, eventResize, eventOpen}

// send has the message for event sent when there is room. A message that is
// pending already carries the newest value, so the set bounds the queue however
// often the driver asks.
func (p *Port) send(event uint16) {
	p.Pending |= 1 << event
	p.dev.sendControl()
}

// sendControl sends pending messages as long as the driver has buffers for them.
func (d *Device) sendControl() {
	if !d.t.Live() || !d.multiport() {
		return
	}
	q := d.t.Queue(queueCtrlIn)
	defer q.Signal()
	for _, p := range d.ports {
		for _, event := range order {
			if p.Pending&(1<<event) == 0 {
				continue
			}
			if !d.sendOne(q, p, event) {
				q.WantNotify(true)
				return
			}
			p.Pending &^= 1 << event
		}
	}
	q.WantNotify(false)
}

func (d *Device) sendOne(q *virtio.Queue, p *Port, event uint16) bool {
	var msg [headerLen + MaxName]byte
	n := p.message(msg[:], event)
	c := q.Peek()
	if c == nil {
		return false
	}
	if c.InLen < uint32(n) {
		d.t.Fail(virtio.BadRequest)
		return false
	}
	head := c.Head
	q.Scatter(c, msg[:n])
	q.Take()
	q.Push(head, uint32(n))
	return true
}

// message writes the message for event to b and returns its length.
func (p *Port) message(b []byte, event uint16) int {
	value, n := uint16(1), headerLen
	switch event {
	case eventAdd:
		value = 0
	case eventOpen:
		if !p.HostOpen {
			value = 0
		}
	case eventResize:
		value = 0
		binary.LittleEndian.PutUint16(b[n:], p.dev.Cols)
		binary.LittleEndian.PutUint16(b[n+2:], p.dev.Rows)
		n += 4
	case eventName:
		n += copy(b[n:], p.cfg.Name)
	}
	binary.LittleEndian.PutUint32(b, uint32(p.id))
	binary.LittleEndian.PutUint16(b[4:], event)
	binary.LittleEndian.PutUint16(b[6:], value)
	return n
}

// pumpControl handles the driver's control messages and reports whether there
// are more.
func (d *Device) pumpControl() (more bool) {
	if !d.t.Live() || !d.multiport() {
		return false
	}
	q := d.t.Queue(queueCtrlOut)
	d.Backlog &^= backlogCtrl
	for left := q.Max(); ; left-- {
		c := q.Peek()
		if c == nil {
			break
		}
		if left == 0 {
			d.Backlog |= backlogCtrl
			more = true
			break
		}
		var msg [headerLen]byte
		whole := c.Gather(msg[:]) == headerLen
		head := c.Head
		q.Take()
		q.Push(head, 0)
		if whole {
			d.control(msg)
		}
	}
	q.WantNotify(!more)
	q.Signal()
	return more
}

// control acts on one message of the driver; what makes no sense is dropped.
func (d *Device) control(msg [headerLen]byte) {
	id := binary.LittleEndian.Uint32(msg[:])
	event := binary.LittleEndian.Uint16(msg[4:])
	value := binary.LittleEndian.Uint16(msg[6:])
	if event == eventDeviceReady {
		if value == 1 {
			for _, p := range d.ports {
				p.Pending |= 1 << eventAdd
			}
			d.sendControl()
		}
		return
	}
	if id >= uint32(len(d.ports)) {
		return
	}
	p := d.ports[id]
	switch event {
	case eventReady:
		if value == 1 {
			p.introduce()
		}
	case eventOpen:
		p.setGuestOpen(value != 0)
	}
}

// introduce tells the driver what kind of port it has just made ready.
func (p *Port) introduce() {
	p.Added = true
	if p.cfg.Console {
		p.Pending |= 1 << eventConsole
		if p.id == 0 && p.dev.Cols != 0 {
			p.Pending |= 1 << eventResize
		}
	}
	if p.cfg.Name != "" {
		p.Pending |= 1 << eventName
	}
	if p.HostOpen {
		p.Pending |= 1 << eventOpen
	}
	p.dev.sendControl()
}
