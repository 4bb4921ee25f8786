package console_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/virtio/console"
	"github.com/c2w/c2w/internal/machine/virtio/mmio"
	"github.com/c2w/c2w/internal/testkit/guestdrv"
)

// host is the other end of a port; it takes up to room bytes.
type host struct {
	room   int
	got    bytes.Buffer
	opened []bool
}

func (h *host) output(p []byte) int {
	n := min(len(p), h.room)
	h.room -= n
	h.got.Write(p[:n])
	return n
}

// guest is a console driver that behaves like Linux's: it fills every receive
// queue with page buffers and takes part in the control protocol.
type guest struct {
	*guestdrv.Driver
	t      testing.TB
	dev    *console.Device
	slot   *mmio.Slot
	hosts  []*host
	posted map[*guestdrv.Queue]map[uint16]guestdrv.Buf
	events []string // control messages of the device
}

const (
	page      = 4096
	sizeBit   = 1 << 0
	multiport = 1 << 1
)

var eventNames = []string{"ready", "add", "remove", "port ready", "console", "resize", "open", "name"}

func boot(t testing.TB, features uint64) *guest {
	g := &guest{t: t, hosts: []*host{{room: 1 << 20}, {room: 1 << 20}}, posted: map[*guestdrv.Queue]map[uint16]guestdrv.Buf{}}
	g.Driver = guestdrv.New(t, guestdrv.NewRAM(512<<10))
	g.dev = console.New([]console.PortConfig{
		{Console: true, Output: g.hosts[0].output, Opened: g.hosts[0].hear},
		{Name: "c2w.contract", Output: g.hosts[1].output, Opened: g.hosts[1].hear},
	})
	g.slot = mmio.New(g.dev, g.RAM, g.SetLine)
	g.Regs = g.slot
	g.dev.Resize(80, 25)
	g.Probe(3, features)
	g.Start(8)
	return g
}

func (h *host) hear(open bool) { h.opened = append(h.opened, open) }

// in and out are the queues of a port.
func (g *guest) in(port int) *guestdrv.Queue  { return g.Queues[[]int{0, 4}[port]] }
func (g *guest) out(port int) *guestdrv.Queue { return g.Queues[[]int{1, 5}[port]] }

// post gives a queue n receive buffers of size bytes.
func (g *guest) post(q *guestdrv.Queue, n, size int) {
	if g.posted[q] == nil {
		g.posted[q] = map[uint16]guestdrv.Buf{}
	}
	for range n {
		b := g.In(size)
		g.posted[q][q.Add(b)] = b
	}
	q.Kick()
}

// receive takes what the device has written to q's buffers.
func (g *guest) receive(q *guestdrv.Queue) (msgs [][]byte) {
	for {
		head, n, ok := q.Pop()
		if !ok {
			return msgs
		}
		b := g.posted[q][head]
		if !g.RAM.IsDirty(b.Addr) {
			g.t.Error("a write was not told")
		}
		msgs = append(msgs, bytes.Clone(g.Data(b)[:n]))
	}
}

func (g *guest) control(port uint32, event, value uint16) {
	var m [8]byte
	binary.LittleEndian.PutUint32(m[:], port)
	binary.LittleEndian.PutUint16(m[4:], event)
	binary.LittleEndian.PutUint16(m[6:], value)
	q := g.Queues[3]
	q.Add(g.Out(m[:]))
	q.Kick()
	q.MustPop()
}

// takeControl reads the device's control messages, answers a new port with
// ready, and logs them.
func (g *guest) takeControl() {
	for {
		msgs := g.receive(g.Queues[2])
		if len(msgs) == 0 {
			return
		}
		for _, m := range msgs {
			id, event := binary.LittleEndian.Uint32(m), binary.LittleEndian.Uint16(m[4:])
			line := string('0'+rune(id)) + " " + eventNames[event]
			switch event {
			case 5:
				line += " " + string(m[8:])
			case 6:
				line += []string{" no", " yes"}[m[6]]
			case 7:
				line += " " + string(m[8:])
			}
			g.events = append(g.events, line)
			if event == 1 {
				g.control(id, 3, 1)
			}
		}
		g.post(g.Queues[2], len(msgs), page)
	}
}

// handshake brings a multiport driver up with hvc0 and the port opened.
func handshake(t testing.TB) *guest {
	g := boot(t, ^uint64(0))
	g.post(g.Queues[2], 8, page)
	g.control(0, 0, 1)
	g.takeControl()
	g.post(g.in(0), 4, page)
	g.post(g.in(1), 4, page)
	g.control(0, 6, 1)
	g.control(1, 6, 1)
	g.takeControl()
	return g
}

func TestHandshake(t *testing.T) {
	g := handshake(t)
	want := []string{
		"0 add", "1 add",
		"0 console", "0 resize P\x00\x19\x00", "0 open yes", "1 name c2w.contract", "1 open yes",
	}
	if strings.Join(g.events, "\n") != strings.Join(want, "\n") {
		t.Errorf("control messages\n%q\nwant\n%q", g.events, want)
	}
	for i, h := range g.hosts {
		if len(h.opened) != 1 || !h.opened[0] {
			t.Errorf("port %d opened: %v", i, h.opened)
		}
	}
	if cols, rows, ports := g.Regs.Read(0x100, 2), g.Regs.Read(0x102, 2), g.R(0x104); cols != 80 || rows != 25 || ports != 2 {
		t.Errorf("config: %d × %d, %d ports", cols, rows, ports)
	}
	if g.NeedsReset() {
		t.Error("needs reset")
	}
}

// TestControlBuffersComeLate: messages wait for buffers, none is lost, and one
// asked for often is one.
func TestControlBuffersComeLate(t *testing.T) {
	g := boot(t, multiport)
	for range 100 {
		g.control(0, 0, 1)
		g.control(1, 3, 1)
		g.control(0, 3, 1)
	}
	for range 10 {
		g.post(g.Queues[2], 1, page)
		for _, m := range g.receive(g.Queues[2]) {
			g.events = append(g.events, string('0'+rune(m[0]))+" "+eventNames[m[4]])
		}
	}
	want := "0 add,0 console,0 resize,0 open,1 add,1 name,1 open"
	if got := strings.Join(g.events, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOutput(t *testing.T) {
	g := handshake(t)
	for port, h := range g.hosts {
		for range 20 {
			q := g.out(port)
			q.Add(g.Out([]byte("hello ")), g.Out([]byte("world\n")))
			q.Kick()
			if _, n := q.MustPop(); n != 0 {
				t.Errorf("length %d of an output buffer", n)
			}
		}
		if h.got.String() != strings.Repeat("hello world\n", 20) {
			t.Errorf("port %d: %q", port, &h.got)
		}
	}
}

func TestSlowHost(t *testing.T) {
	g := handshake(t)
	h, q := g.hosts[1], g.out(1)
	h.room = 3
	q.Add(g.Out([]byte("01234")), g.Out([]byte("56789")))
	q.Add(g.Out([]byte("abc")))
	q.Kick()
	if _, _, ok := q.Pop(); ok {
		t.Fatal("given back before the host took it")
	}
	for room := range 8 {
		if g.slot.Poll() {
			t.Error("wants to be polled while the host is slow")
		}
		h.room = room % 3
	}
	h.room = 100
	notified := q.Notified
	q.Add(g.Out([]byte("def")))
	q.Kick()
	if q.Notified != notified {
		t.Error("notification wanted though the queue waits for the host")
	}
	g.slot.Poll()
	if h.got.String() != "0123456789abcdef" {
		t.Errorf("got %q", &h.got)
	}
	for range 3 {
		q.MustPop()
	}
	if g.slot.Poll() {
		t.Error("idle, but wants to be polled")
	}
	q.Add(g.Out([]byte("!")))
	q.Kick()
	q.MustPop()
}

// TestChainShrinks: the guest changes a chain while part of it has been taken.
func TestChainShrinks(t *testing.T) {
	g := handshake(t)
	h, q := g.hosts[1], g.out(1)
	h.room = 6
	b := g.Out([]byte("0123456789"))
	head := q.Add(b)
	q.Kick()
	g.SetDesc(q.Desc, head, b.Addr, 2, 0, 0)
	h.room = 100
	g.slot.Poll()
	q.MustPop()
	q.Add(g.Out([]byte("next")))
	q.Kick()
	if h.got.String() != "012345next" {
		t.Errorf("got %q", &h.got)
	}
}

func TestInput(t *testing.T) {
	g := handshake(t)
	for port := range g.hosts {
		p, q := g.dev.Port(port), g.in(port)
		if n := p.Input([]byte("hi")); n != 2 || g.Ack() != 1 {
			t.Errorf("accepted %d", n)
		}
		if got := g.receive(q); len(got) != 1 || string(got[0]) != "hi" {
			t.Errorf("received %q", got)
		}
		// Three pages are posted, one is the port's own.
		big := bytes.Repeat([]byte("0123456789abcdef"), 5*page/16)
		n := p.Input(big)
		if n != 3*page+console.InputBuffer || p.Room() != 0 || p.Input(big) != 0 {
			t.Errorf("accepted %d", n)
		}
		g.post(q, 1, 100)
		if p.Room() != 100 {
			t.Errorf("room for %d, want 100", p.Room())
		}
		n += p.Input(big[n:])
		g.post(q, 2, page)
		if got := bytes.Join(g.receive(q), nil); !bytes.Equal(got, big[:n]) {
			t.Errorf("received %d of %d bytes, or others", len(got), n)
		}
		// Nothing waits any more, so the driver need not say that it posts more.
		notified := q.Notified
		g.post(q, 1, page)
		if q.Notified != notified {
			t.Error("notification wanted though no input waits")
		}
	}
}

// TestInputWaitsForOpen: Linux would drop what arrives at a port that nobody
// has opened.
func TestInputWaitsForOpen(t *testing.T) {
	g := handshake(t)
	g.control(1, 6, 0)
	if n := g.dev.Port(1).Input(make([]byte, 2*console.InputBuffer)); n != console.InputBuffer {
		t.Errorf("accepted %d", n)
	}
	if got := g.receive(g.in(1)); got != nil {
		t.Error("given to a closed port")
	}
	g.control(1, 6, 1)
	if got := bytes.Join(g.receive(g.in(1)), nil); len(got) != console.InputBuffer {
		t.Errorf("received %d bytes after opening", len(got))
	}
	if o := g.hosts[1].opened; len(o) != 3 || !o[0] || o[1] || !o[2] {
		t.Errorf("opened: %v", o)
	}
}

func TestHostCloses(t *testing.T) {
	g := handshake(t)
	g.events = nil
	p := g.dev.Port(1)
	g.hosts[1].room = 0
	g.out(1).Add(g.Out([]byte("lost")))
	g.out(1).Kick()
	p.Open(false)
	g.slot.Poll()
	g.out(1).MustPop()
	g.takeControl()
	p.Open(true)
	g.takeControl()
	if got := strings.Join(g.events, ","); got != "1 open no,1 open yes" {
		t.Error(got)
	}
}

func TestResize(t *testing.T) {
	g := handshake(t)
	g.events = nil
	generation := g.R(0xfc)
	g.dev.Resize(100, 30)
	g.dev.Resize(100, 30)
	if g.Ack() != 3 || g.R(0xfc) != generation+1 {
		t.Error("change of configuration not told")
	}
	g.takeControl()
	if len(g.events) != 1 || g.events[0] != "0 resize d\x00\x1e\x00" {
		t.Errorf("%q", g.events)
	}
}

func TestSinglePort(t *testing.T) {
	g := boot(t, sizeBit)
	g.dev.Port(0).Input([]byte("early"))
	g.post(g.in(0), 4, page)
	if got := g.receive(g.in(0)); len(got) != 1 || string(got[0]) != "early" {
		t.Errorf("received %q", got)
	}
	g.out(0).Add(g.Out([]byte("out")))
	g.out(0).Kick()
	if g.hosts[0].got.String() != "out" {
		t.Errorf("got %q", &g.hosts[0].got)
	}
	g.Queues[3].Add(g.Out(make([]byte, 8)))
	g.Queues[3].Notify()
	if _, _, ok := g.Queues[3].Pop(); ok {
		t.Error("control queue works without the feature")
	}
}

func TestEmergencyWrite(t *testing.T) {
	g := boot(t, 0)
	g.W(0x108, 'x')
	if g.hosts[0].got.String() != "x" {
		t.Errorf("got %q", &g.hosts[0].got)
	}
}

func TestReset(t *testing.T) {
	g := handshake(t)
	g.W(0x70, 0)
	if o := g.hosts[1].opened; len(o) != 2 || o[1] {
		t.Errorf("opened: %v", o)
	}
	if n := g.dev.Port(1).Input([]byte("kept")); n != 4 {
		t.Errorf("accepted %d", n)
	}
	g.Queues, g.events = nil, nil
	g.Probe(3, ^uint64(0))
	g.Start(8)
	g.post(g.Queues[2], 8, page)
	g.control(0, 0, 1)
	g.takeControl()
	g.post(g.in(1), 2, page)
	g.control(1, 6, 1)
	if got := g.receive(g.in(1)); len(got) != 1 || string(got[0]) != "kept" {
		t.Errorf("received %q", got)
	}
	if len(g.events) != 7 {
		t.Errorf("%q", g.events)
	}
}

func TestBadDriver(t *testing.T) {
	for name, tt := range map[string]struct {
		do    func(g *guest)
		fails bool
	}{
		"short control message":    {do: func(g *guest) { g.Queues[3].Add(g.Out(make([]byte, 7))); g.Queues[3].Kick() }},
		"port that does not exist": {do: func(g *guest) { g.control(2, 3, 1); g.control(^uint32(0), 6, 1) }},
		"unknown event":            {do: func(g *guest) { g.control(1, 999, 1); g.control(1, 5, 1) }},
		"writable output":          {do: func(g *guest) { g.out(1).Add(g.In(10)); g.out(1).Kick() }},
		"readable receive buffer": {fails: true, do: func(g *guest) {
			for range 4 { // use up the good ones
				g.dev.Port(1).Input([]byte{1})
			}
			g.in(1).Add(g.Out([]byte("abc")))
			g.dev.Port(1).Input([]byte{1})
		}},
		"small control buffer": {fails: true, do: func(g *guest) {
			g.post(g.Queues[2], 1, 7)
			for i := range 20 {
				g.dev.Resize(uint16(i+1), 1)
			}
		}},
		"control queue jumps": {fails: true, do: func(g *guest) {
			g.RAM.At(g.Queues[3].Avail)[3] = 0x40
			g.Queues[3].Notify()
		}},
	} {
		g := handshake(t)
		if name == "small control buffer" {
			g.Queues = nil
			g.Probe(3, ^uint64(0))
			g.Start(8)
			g.control(0, 3, 1)
		}
		tt.do(g)
		if g.NeedsReset() != tt.fails {
			t.Errorf("%s: needs reset: %v (%v)", name, g.NeedsReset(), g.slot.Violation)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	g := handshake(t)
	g.hosts[1].got.Grow(1 << 16)
	q := g.out(1)
	head := q.Add(g.Out([]byte("some bytes")))
	if n := testing.AllocsPerRun(100, func() {
		q.Expose(head)
		g.slot.Write(mmio.RegQueueNotify, 4, 5)
	}); n != 0 {
		t.Errorf("%v allocations for each output", n)
	}
	p, q := g.dev.Port(1), g.in(1)
	in, head := []byte("some bytes"), uint16(0)
	if n := testing.AllocsPerRun(100, func() {
		q.Expose(head)
		p.Input(in)
	}); n != 0 {
		t.Errorf("%v allocations for each input", n)
	}
}
