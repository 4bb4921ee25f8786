package rtc

import "testing"

type board struct {
	*RTC
	ns   int64
	line bool
}

func start() *board {
	b := &board{ns: 0x1234_5678_9abc_def0}
	b.RTC = New(func() int64 { return b.ns }, func(level bool) { b.line = level })
	return b
}

// time reads the time as Linux does: low, then high.
func (b *board) time() uint64 {
	lo := b.Read(RegTimeLow, 4)
	b.ns += 1 << 40 // must not show
	hi := b.Read(RegTimeHigh, 4)
	b.ns -= 1 << 40
	return hi<<32 | lo
}

func (b *board) setAlarm(at uint64) {
	b.Write(RegAlarmHigh, 4, at>>32)
	b.Write(RegAlarmLow, 4, at&0xffff_ffff)
	b.Write(RegIRQEnabled, 4, 1)
}

func TestTime(t *testing.T) {
	b := start()
	if got := b.time(); got != uint64(b.ns) {
		t.Errorf("time %#x, want %#x", got, b.ns)
	}
	const set = 0x1700_0000_ffff_ffff
	b.Write(RegTimeHigh, 4, set>>32)
	b.ns += 5
	b.Write(RegTimeLow, 4, set&0xffff_ffff)
	b.ns += 2
	if got := b.time(); got != set+2 {
		t.Errorf("time %#x after setting, want %#x", got, set+2)
	}
	if b.Read(RegTimeLow, 8) != 0 || b.Read(0x20, 4) != 0 {
		t.Error("registers that are not there answer")
	}
}

func TestAlarm(t *testing.T) {
	b := start()
	if _, ok := b.Deadline(); ok {
		t.Error("armed from the start")
	}
	at := b.ns + 1000
	b.setAlarm(uint64(at))
	if ns, ok := b.Deadline(); !ok || ns != at {
		t.Errorf("deadline %d, %v; want %d", ns, ok, at)
	}
	if b.Read(RegAlarmStatus, 4) != 1 || b.Read(RegAlarmHigh, 4)<<32|b.Read(RegAlarmLow, 4) != uint64(at) {
		t.Error("alarm does not read back")
	}
	b.ns = at - 1
	b.Poll()
	if b.line {
		t.Error("too early")
	}
	b.ns = at
	b.Poll()
	if _, ok := b.Deadline(); !b.line || ok || b.Read(RegAlarmStatus, 4) != 0 {
		t.Error("did not go off")
	}
	b.Write(RegClearInterrupt, 4, 1)
	if b.line {
		t.Error("interrupt not cleared")
	}

	b.setAlarm(uint64(b.ns - 1))
	if !b.line {
		t.Error("an alarm in the past does not go off at once")
	}
	b.Write(RegIRQEnabled, 4, 0)
	if b.line {
		t.Error("interrupt in spite of being disabled")
	}
	b.Write(RegClearInterrupt, 4, 1)

	b.setAlarm(uint64(b.ns + 1))
	b.Write(RegClearAlarm, 4, 1)
	b.ns += 10
	b.Poll()
	if b.line {
		t.Error("a cancelled alarm went off")
	}
}

// TestDeadlineFollowsTheClock: the deadline is on the host's scale, whatever
// time the guest has set.
func TestDeadlineFollowsTheClock(t *testing.T) {
	b := start()
	b.Write(RegTimeHigh, 4, 0)
	b.Write(RegTimeLow, 4, 100)
	b.setAlarm(150)
	if ns, _ := b.Deadline(); ns != b.ns+50 {
		t.Errorf("deadline %d, want %d", ns, b.ns+50)
	}
}

func FuzzRTC(f *testing.F) {
	f.Add([]byte{RegAlarmHigh, 0, RegAlarmLow, 9, RegIRQEnabled, 1, 0xff, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		b := start()
		for ; len(script) >= 2; script = script[2:] {
			off := uint64(script[0] % 0x24)
			if script[0] == 0xff {
				b.ns += int64(script[1]) << 24
				b.Poll()
			} else {
				b.Write(off, 4, uint64(script[1])*0x01010101)
			}
			b.Read(off, 4)
			if b.line != b.Line {
				t.Fatalf("line %v, state %+v", b.line, b.State)
			}
		}
	})
}

// TestFarAlarm sets alarms that are no int64: the deadline is in the future all
// the same, so that an idle machine sleeps.
func TestFarAlarm(t *testing.T) {
	now := int64(1_700_000_000_000_000_000)
	r := New(func() int64 { return now }, func(bool) {})
	for _, at := range []uint64{1 << 63, 1<<64 - 1, uint64(now) + 5} {
		r.Alarm, r.Armed = at, true
		if ns, ok := r.Deadline(); !ok || ns <= now {
			t.Errorf("alarm at %#x: deadline %d, %v at %d", at, ns, ok, now)
		}
	}
	r.Alarm = uint64(now) - 1
	if ns, _ := r.Deadline(); ns > now {
		t.Errorf("an alarm of the past is due at %d, now is %d", ns, now)
	}
}
