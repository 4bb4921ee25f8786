package machine

// platform is the machine as the engine sees it.
type platform Machine

func (p *platform) MMIORead(pa uint64, size int) (uint64, bool) {
	begin := (*Machine)(p).clock()
	v, ok := p.board.Read(pa, size)
	p.took(begin)
	return v, ok
}

func (p *platform) MMIOWrite(pa uint64, size int, v uint64) bool {
	begin := (*Machine)(p).clock()
	ok := p.board.Write(pa, size, v)
	p.took(begin)
	return ok
}

// took counts the time since begin as a device's.
func (p *platform) took(begin int64) {
	n := (*Machine)(p).clock() - begin
	p.times.devices += n
	p.times.inExits += n
}

func (p *platform) Ticks() uint64 {
	return uint64(p.host.Monotonic()-p.epoch) / uint64((*Machine)(p).tick())
}

func (p *platform) SetTimer(at uint64) {
	// Far deadlines mean "never" and would overflow nanoseconds.
	p.timerAt, p.timerOn = at, at < 1<<56
}

func (p *platform) Wait() { p.idle = true }

// dma is guest RAM as devices see it.
type dma Machine

func (d *dma) Slice(gpa uint64, n uint32) ([]byte, bool) {
	b := d.ram.View(gpa, uint64(n))
	return b, b != nil
}

func (d *dma) Dirty(gpa uint64, n uint32) { d.Engine.Dirty(gpa, uint64(n)) }
