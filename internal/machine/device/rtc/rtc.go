// Package rtc is the goldfish real-time clock: the time of day in nanoseconds
// since 1970 and one alarm.
//
// It must not know where time comes from: a virtual clock while a snapshot is
// made, the host's afterwards.
package rtc

// Size is how many bytes of address space it takes.
const Size = 0x1000

// Register offsets.
const (
	RegTimeLow        = 0x00 // a read latches the high half
	RegTimeHigh       = 0x04
	RegAlarmLow       = 0x08 // a write arms the alarm
	RegAlarmHigh      = 0x0c
	RegIRQEnabled     = 0x10
	RegClearAlarm     = 0x14
	RegAlarmStatus    = 0x18
	RegClearInterrupt = 0x1c
)

// State is all that a snapshot keeps.
type State struct {
	Offset    int64  // guest's time minus the clock's, in ns
	TimeHigh  uint32 // latched by a read of the low half
	WriteHigh uint32 // high half of a time being set
	Alarm     uint64 // ns since 1970
	Armed     bool
	Rang      bool // the alarm went off and was not cleared
	Enabled   bool // the interrupt is
	Line      bool
}

// RTC is the clock.
type RTC struct {
	State
	now func() int64
	irq func(level bool)
}

// New makes a clock that shows now, ns since 1970, until the guest sets it. irq
// is told each change of the interrupt line, which is low at first.
func New(now func() int64, irq func(level bool)) *RTC { return &RTC{now: now, irq: irq} }

func (r *RTC) time() uint64 { return uint64(r.now() + r.Offset) }

// Deadline is when Poll is next needed, on the scale of the clock func; false
// when no alarm is armed. An alarm beyond some ten days is due by then: Poll
// may be called early.
func (r *RTC) Deadline() (ns int64, ok bool) {
	now := r.now()
	var left uint64
	if t := uint64(now + r.Offset); t < r.Alarm {
		left = min(r.Alarm-t, 1<<50)
	}
	return now + int64(left), r.Armed
}

// Poll rings the alarm when its time has come.
func (r *RTC) Poll() {
	if r.Armed && r.time() >= r.Alarm {
		r.Armed, r.Rang = false, true
		r.update()
	}
}

func (r *RTC) update() {
	line := r.Rang && r.Enabled
	if line != r.Line {
		r.Line = line
		r.irq(line)
	}
}

// Read is a guest load of size bytes at off. Registers answer aligned 4-byte
// loads; everything else reads as zero.
func (r *RTC) Read(off uint64, size int) uint64 {
	if size != 4 {
		return 0
	}
	switch off {
	case RegTimeLow:
		t := r.time()
		r.TimeHigh = uint32(t >> 32)
		return t & 0xffff_ffff
	case RegTimeHigh:
		return uint64(r.TimeHigh)
	case RegAlarmLow:
		return r.Alarm & 0xffff_ffff
	case RegAlarmHigh:
		return r.Alarm >> 32
	case RegIRQEnabled:
		return flag(r.Enabled)
	case RegAlarmStatus:
		return flag(r.Armed)
	}
	return 0
}

// Write is a guest store of size bytes at off; what is not a register is
// ignored. A high half counts when the low half is written after it.
func (r *RTC) Write(off uint64, size int, val uint64) {
	if size != 4 {
		return
	}
	v := uint32(val)
	switch off {
	case RegTimeLow:
		r.Offset = int64(uint64(r.WriteHigh)<<32|uint64(v)) - r.now()
		r.Poll()
	case RegTimeHigh:
		r.WriteHigh = v
	case RegAlarmLow:
		r.Alarm = r.Alarm&^0xffff_ffff | uint64(v)
		r.Armed = true
		r.Poll()
	case RegAlarmHigh:
		r.Alarm = uint64(v)<<32 | r.Alarm&0xffff_ffff
	case RegIRQEnabled:
		r.Enabled = v&1 != 0
		r.update()
	case RegClearAlarm:
		r.Armed = false
	case RegClearInterrupt:
		r.Rang = false
		r.update()
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
