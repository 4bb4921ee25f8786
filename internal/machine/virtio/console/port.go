package console

import "github.com/c2w/c2w/internal/machine/virtio"

// Input offers bytes to the guest and returns how many were accepted, from the
// first on. Offer the rest again later: when the guest reads on, or opens the
// port. What is accepted reaches the guest in order, once.
func (p *Port) Input(b []byte) (n int) {
	p.fill()
	if p.Held == 0 {
		n = p.deliver(b)
	}
	k := copy(p.Buffer[p.Held:], b[n:])
	p.Held += uint32(k)
	return n + k
}

// Room is how many bytes Input certainly accepts, 0 to InputBuffer.
func (p *Port) Room() int {
	p.fill()
	return InputBuffer - int(p.Held)
}

// Open opens or closes the host end, as the guest sees it. While it is closed
// output is dropped, and the guest's writes fail or wait as its driver decides.
func (p *Port) Open(open bool) {
	if p.HostOpen == open {
		return
	}
	p.HostOpen = open
	if p.Added {
		p.send(eventOpen)
	}
	p.dev.Backlog |= p.bit() // for Poll: Output may be what called
}

// receptive says that bytes given to the driver now will reach a reader. Linux
// drops what arrives at a named port that nobody has opened.
func (p *Port) receptive() bool {
	return p.GuestOpen || p.id == 0 && !p.dev.multiport()
}

// fill moves waiting input to the guest's buffers.
func (p *Port) fill() {
	n := p.deliver(p.Buffer[:p.Held])
	if n == 0 {
		return
	}
	copy(p.Buffer[:], p.Buffer[n:p.Held])
	p.Held -= uint32(n)
}

// deliver writes b to the guest's receive buffers, as far as they go. The loop
// ends because each chain takes at least one byte.
func (p *Port) deliver(b []byte) (n int) {
	if !p.dev.t.Live() || !p.receptive() {
		return 0
	}
	q := p.queueIn()
	for n < len(b) {
		c := q.Peek()
		if c == nil {
			break
		}
		if c.InLen == 0 {
			p.dev.t.Fail(virtio.BadRequest)
			break
		}
		head, k := c.Head, q.Scatter(c, b[n:])
		q.Take()
		q.Push(head, uint32(k))
		n += k
	}
	q.WantNotify(n < len(b))
	q.Signal()
	return n
}

// pump gives the guest's output to the host until the queue is empty or the
// host takes no more. It reports whether there is more to do at once.
func (p *Port) pump() (more bool) {
	if !p.dev.t.Live() {
		return false
	}
	q := p.queueOut()
	p.dev.Backlog &^= p.bit()
	for left := q.Max(); ; left-- {
		c := q.Peek()
		if c == nil {
			q.WantNotify(true)
			break
		}
		if left == 0 || !p.drain(c) {
			more = left == 0
			p.dev.Backlog |= p.bit()
			q.WantNotify(false)
			break
		}
		head := c.Head
		p.Sent = 0
		q.Take()
		q.Push(head, 0)
	}
	q.Signal()
	return more
}

// drain gives the host what it has not yet taken of c, and reports whether all
// of it is now taken. The chain was parsed anew, so Sent may lie beyond it when
// the guest changed it meanwhile.
func (p *Port) drain(c *virtio.Chain) bool {
	if p.cfg.Output == nil || !p.HostOpen {
		return true
	}
	skip := p.Sent
	for _, s := range c.Out {
		if skip >= uint32(len(s.Data)) {
			skip -= uint32(len(s.Data))
			continue
		}
		b := s.Data[skip:]
		skip = 0
		n := p.cfg.Output(b)
		if n < 0 || n > len(b) {
			panic("BUG: console: Output took more than it was given")
		}
		p.Sent += uint32(n)
		if n < len(b) {
			return false
		}
	}
	return true
}

func (p *Port) setGuestOpen(open bool) {
	if p.GuestOpen == open {
		return
	}
	p.GuestOpen = open
	if p.cfg.Opened != nil {
		p.cfg.Opened(open)
	}
	if open {
		p.fill()
	}
}
