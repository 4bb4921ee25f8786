package plic

import "testing"

// cpu is the other end of the output.
type cpu struct {
	t       *testing.T
	pending bool
}

func (c *cpu) changed(pending bool) {
	if pending == c.pending {
		c.t.Helper()
		c.t.Errorf("pending told %v twice", pending)
	}
	c.pending = pending
}

// start makes a controller whose sources in irqs are enabled at priority 1, as
// Linux does it.
func start(t *testing.T, irqs ...int) (*PLIC, *cpu) {
	c := &cpu{t: t}
	p := New(c.changed)
	p.Write(RegThreshold, 4, 0)
	set := uint64(0)
	for _, i := range irqs {
		p.Write(RegPriority+4*uint64(i), 4, 1)
		set |= 1 << i
	}
	p.Write(RegEnable, 4, set)
	return p, c
}

func want(t *testing.T, what string, got, want uint64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

func TestClaimComplete(t *testing.T) {
	p, c := start(t, 1, 11)
	want(t, "claim of nothing", p.Read(RegClaim, 4), 0)
	p.SetLine(11, true)
	p.SetLine(1, true)
	want(t, "pending", p.Read(RegPending, 4), 1<<11|1<<1)
	want(t, "first claim", p.Read(RegClaim, 4), 1)
	if !c.pending || !p.Pending() {
		t.Error("11 is still pending")
	}
	want(t, "second claim", p.Read(RegClaim, 4), 11)
	if c.pending {
		t.Error("all claimed, but still pending")
	}
	want(t, "third claim", p.Read(RegClaim, 4), 0)

	p.Write(RegClaim, 4, 1)
	if !c.pending {
		t.Error("line 1 is still high after completion")
	}
	p.SetLine(11, false)
	p.Write(RegClaim, 4, 11)
	want(t, "pending", p.Read(RegPending, 4), 1<<1)
}

func TestPriorityAndThreshold(t *testing.T) {
	p, c := start(t, 2, 3, 4)
	p.Write(RegPriority+4*3, 4, 5)
	p.Write(RegPriority+4*4, 4, 5)
	for _, i := range []int{2, 3, 4} {
		p.SetLine(i, true)
	}
	p.Write(RegThreshold, 4, 5)
	if c.pending {
		t.Error("pending at the threshold")
	}
	p.Write(RegThreshold, 4, 4)
	if !c.pending {
		t.Error("not pending above the threshold")
	}
	want(t, "claim", p.Read(RegClaim, 4), 3)
	want(t, "claim", p.Read(RegClaim, 4), 4)
	if c.pending {
		t.Error("priority 1 passes threshold 4")
	}
	want(t, "claim below the threshold", p.Read(RegClaim, 4), 2)
	p.Write(RegPriority+4*2, 4, 0xffff_ffff)
	p.Write(RegThreshold, 4, 0xffff_fff9)
	want(t, "priority", p.Read(RegPriority+4*2, 4), 7)
	want(t, "threshold", p.Read(RegThreshold, 4), 1)
}

func TestPriorityZeroNeverInterrupts(t *testing.T) {
	p, c := start(t, 5)
	p.Write(RegPriority+4*5, 4, 0)
	p.SetLine(5, true)
	if c.pending || p.Read(RegClaim, 4) != 0 {
		t.Error("interrupt")
	}
	p.Write(RegPriority+4*5, 4, 1)
	if !c.pending {
		t.Error("not pending when given a priority")
	}
}

func TestDisabled(t *testing.T) {
	p, c := start(t, 1)
	p.SetLine(6, true)
	if c.pending || p.Read(RegClaim, 4) != 0 {
		t.Error("interrupt of a disabled source")
	}
	p.SetLine(1, true)
	want(t, "claim", p.Read(RegClaim, 4), 1)
	p.Write(RegEnable, 4, 0)
	p.Write(RegClaim, 4, 1) // ignored
	p.Write(RegEnable, 4, 1<<1)
	if c.pending {
		t.Error("completed while disabled")
	}
	p.Write(RegClaim, 4, 1)
	if !c.pending {
		t.Error("not completed")
	}
}

func TestRequestOutlivesItsLine(t *testing.T) {
	p, c := start(t, 1)
	p.SetLine(1, true)
	p.SetLine(1, false)
	if !c.pending || p.Read(RegClaim, 4) != 1 {
		t.Error("request lost")
	}
	p.Write(RegClaim, 4, 1)
	if c.pending {
		t.Error("pending without a line")
	}
}

func TestAccess(t *testing.T) {
	p, _ := start(t, 1)
	p.Write(RegEnable, 4, 0xffff_ffff)
	want(t, "source 0 is none", p.Read(RegEnable, 4), 0xffff_fffe)
	p.Write(RegPriority, 4, 1)
	want(t, "priority of source 0", p.Read(RegPriority, 4), 0)
	want(t, "byte access", p.Read(RegEnable, 1), 0)
	p.Write(RegEnable, 8, 0)
	want(t, "enable", p.Read(RegEnable, 4), 0xffff_fffe)
	want(t, "beyond the sources", p.Read(RegPriority+4*32, 4), 0)
	want(t, "another context", p.Read(RegEnable+0x80, 4), 0)
	p.Write(RegClaim, 4, 0xffff_ffff)
}

func FuzzPLIC(f *testing.F) {
	f.Add([]byte{0, 1, 4, 1, 1, 1, 0, 2, 2, 5, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &cpu{t: t}
		p := New(c.changed)
		regs := []uint64{RegPriority + 4, RegPriority + 4*31, RegPending, RegEnable, RegThreshold, RegClaim}
		for ; len(b) >= 3; b = b[3:] {
			off := regs[int(b[1])%len(regs)]
			switch b[0] % 4 {
			case 0:
				p.Write(off, 4, uint64(b[2])*0x01010101)
			case 1:
				p.SetLine(1+int(b[1])%Sources, b[2]&1 != 0)
			case 2:
				p.Read(off, 4)
			case 3:
				p.Write(uint64(b[1])<<14|uint64(b[2])<<2, 4, uint64(b[1]))
			}
			if c.pending != p.Pending() || p.Waiting&p.Claimed != 0 {
				t.Fatalf("state %+v, output told %v", p.State, c.pending)
			}
		}
	})
}
