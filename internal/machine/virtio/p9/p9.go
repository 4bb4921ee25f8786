// Package p9 is the virtio device that carries 9P (device 9; virtio 1.2 has no
// section for it). One queue: each chain is a request, and room for its reply.
// The configuration space holds the name by which the guest mounts it.
//
// It must not know what requests mean: it hands a server the guest's memory,
// into which the server reads and writes without another copy.
package p9

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/virtio"
)

// featureMountTag says that the configuration space holds a tag.
const featureMountTag uint64 = 1 << 0

// cfgTag: the tag, behind its length u16.
const cfgTag = 2

// MaxTag bounds the tag in bytes; Linux reads it into a page.
const MaxTag = 255

const (
	// queueMax is what Linux asks for: a message of 125 pages, and headers.
	queueMax = 128

	// A call stops taking requests when these have moved this much, and leaves
	// the rest to Poll. Each request counts at least minCost: calls of the host
	// cost time too.
	callBudget = 4 << 20
	minCost    = 16 << 10
)

// Server carries out a request. It reads the request from out and writes the
// reply to in; written is the reply's length, ok false if out is no request.
// What it leaves in in beyond the reply may be anything.
type Server interface {
	Serve(out, in [][]byte) (written int, ok bool)
	// Reset forgets all requests.
	Reset()
}

// State is all of the device that a snapshot keeps. The server's state is not
// in it: whoever takes a snapshot does so before the guest mounts.
type State struct {
	Backlog bool // requests were left for Poll
}

// Device is the transport's end of a server.
type Device struct {
	State
	server  Server
	config  []byte
	t       virtio.Transport
	out, in [][]byte
}

// New makes a device with a mount tag of 1 to MaxTag bytes.
func New(tag string, s Server) *Device {
	if len(tag) == 0 || len(tag) > MaxTag {
		panic("BUG: p9: mount tag")
	}
	c := binary.LittleEndian.AppendUint16(make([]byte, 0, cfgTag+len(tag)), uint16(len(tag)))
	return &Device{server: s, config: append(c, tag...), out: make([][]byte, 0, queueMax), in: make([][]byte, 0, queueMax)}
}

// ID, Features, QueueMax, Config, WriteConfig, Attach, Notify, Poll and Reset
// are virtio.Device.
func (d *Device) ID() uint32 { return virtio.ID9P }

func (d *Device) Features() uint64 { return virtio.FeaturesRing | featureMountTag }

func (d *Device) QueueMax() []uint16 { return []uint16{queueMax} }

func (d *Device) Config() []byte { return d.config }

func (d *Device) WriteConfig(uint64, int, uint64) {}

func (d *Device) Attach(t virtio.Transport) { d.t = t }

func (d *Device) Notify(int) { d.pump() }

func (d *Device) Poll() (more bool) { return d.Backlog && d.pump() }

func (d *Device) Reset() {
	d.State = State{}
	d.server.Reset()
}

// pump serves requests until there are none or the call's budget is spent.
func (d *Device) pump() (more bool) {
	q := d.t.Queue(0)
	budget := callBudget
	for {
		c := q.Peek()
		if c == nil {
			break
		}
		if budget <= 0 {
			more = true
			break
		}
		head := c.Head
		d.out, d.in = d.join(d.out[:0], c.Out), d.join(d.in[:0], c.In)
		written, ok := d.server.Serve(d.out, d.in)
		if !ok {
			d.t.Fail(virtio.BadRequest)
			break
		}
		d.dirty(c.In)
		budget -= max(minCost, int(c.OutLen), written)
		q.Take()
		q.Push(head, uint32(written))
	}
	clear(d.out)
	clear(d.in)
	d.Backlog = more
	q.WantNotify(!more)
	q.Signal()
	return more
}

// join appends the segments' memory to bufs, what is contiguous in one piece:
// a guest's pages often are, and each piece costs the host.
func (d *Device) join(bufs [][]byte, segs []virtio.Segment) [][]byte {
	for i := 0; i < len(segs); {
		addr, end := segs[i].Addr, segs[i].Addr+uint64(len(segs[i].Data))
		k := i + 1
		for k < len(segs) && segs[k].Addr == end {
			end += uint64(len(segs[k].Data))
			k++
		}
		b := segs[i].Data
		if k > i+1 {
			// A chain is below 2^32 bytes long, and RAM is one piece where
			// its addresses are.
			joined, ok := d.t.Memory().Slice(addr, uint32(end-addr))
			if !ok {
				k = i + 1
			} else {
				b = joined
			}
		}
		bufs = append(bufs, b)
		i = k
	}
	return bufs
}

// dirty tells of what the server may have written: of all, since what a host
// wrote before it failed is not known.
func (d *Device) dirty(segs []virtio.Segment) {
	for _, s := range segs {
		d.t.Memory().Dirty(s.Addr, uint32(len(s.Data)))
	}
}
