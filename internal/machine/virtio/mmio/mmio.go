// Package mmio is the virtio-mmio transport, version 2 (virtio 1.2, section
// 4.2): the register file of one slot, feature negotiation, device status and
// the interrupt line.
//
// It must not know any device type, nor where in the address space its slot
// lies: offsets are relative to the slot.
package mmio

import "github.com/c2w/c2w/internal/machine/virtio"

// Size is how many bytes of address space one slot takes.
const Size = 0x1000

// MaxQueues bounds the queues of one device; the multiport console with seven
// ports takes all of them.
const MaxQueues = 16

// Register offsets (table 4.1).
const (
	RegMagic             = 0x000
	RegVersion           = 0x004
	RegDeviceID          = 0x008
	RegVendorID          = 0x00c
	RegDeviceFeatures    = 0x010
	RegDeviceFeaturesSel = 0x014
	RegDriverFeatures    = 0x020
	RegDriverFeaturesSel = 0x024
	RegQueueSel          = 0x030
	RegQueueNumMax       = 0x034
	RegQueueNum          = 0x038
	RegQueueReady        = 0x044
	RegQueueNotify       = 0x050
	RegInterruptStatus   = 0x060
	RegInterruptACK      = 0x064
	RegStatus            = 0x070
	RegQueueDescLow      = 0x080
	RegQueueDescHigh     = 0x084
	RegQueueDriverLow    = 0x090
	RegQueueDriverHigh   = 0x094
	RegQueueDeviceLow    = 0x0a0
	RegQueueDeviceHigh   = 0x0a4
	RegSHMSel            = 0x0ac
	RegSHMLenLow         = 0x0b0
	RegSHMLenHigh        = 0x0b4
	RegSHMBaseLow        = 0x0b8
	RegSHMBaseHigh       = 0x0bc
	RegConfigGeneration  = 0x0fc
	RegConfig            = 0x100
)

// Device status bits (section 2.1).
const (
	StatusAcknowledge = 1
	StatusDriver      = 2
	StatusDriverOK    = 4
	StatusFeaturesOK  = 8
	StatusNeedsReset  = 64
	StatusFailed      = 128

	// What a driver may set; NEEDS_RESET is the device's.
	statusOfDriver = StatusAcknowledge | StatusDriver | StatusDriverOK | StatusFeaturesOK | StatusFailed
)

// Bits of InterruptStatus.
const (
	InterruptUsed   = 1
	InterruptConfig = 2
)

const (
	magic   = 0x74726976 // "virt"
	version = 2
	vendor  = 0x00773263 // "c2w"
)

// State is all of the slot that a snapshot keeps.
type State struct {
	DriverFeatures    uint64
	DeviceFeaturesSel uint32
	DriverFeaturesSel uint32
	QueueSel          uint32
	Status            uint32
	Interrupt         uint32
	ConfigGeneration  uint32
	Violation         virtio.Violation // the first one since the last reset
	Queues            [MaxQueues]virtio.QueueState
}

// Slot is the register file with one device behind it.
type Slot struct {
	State

	// OnViolation, if set, hears of each rule that the guest breaks.
	OnViolation func(virtio.Violation)

	dev    virtio.Device
	mem    virtio.Memory
	irq    func(level bool)
	offers uint64
	queues []virtio.Queue
}

// New puts dev into a slot. irq is told each change of the interrupt line,
// which is low at first.
func New(dev virtio.Device, mem virtio.Memory, irq func(level bool)) *Slot {
	max := dev.QueueMax()
	if len(max) > MaxQueues {
		panic("BUG: mmio: device with too many queues")
	}
	s := &Slot{dev: dev, mem: mem, irq: irq, offers: dev.Features(), queues: make([]virtio.Queue, len(max))}
	for i := range s.queues {
		s.queues[i].Init(&s.State.Queues[i], max[i], s)
	}
	dev.Attach(s)
	return s
}

// Device is the device in the slot.
func (s *Slot) Device() virtio.Device { return s.dev }

// Memory, Features, Live, Queue, UsedBuffer, ConfigChanged and Fail are
// virtio.Transport.
func (s *Slot) Memory() virtio.Memory { return s.mem }

func (s *Slot) Features() uint64 { return s.DriverFeatures }

func (s *Slot) Live() bool {
	return s.Status&(StatusDriverOK|StatusNeedsReset|StatusFailed) == StatusDriverOK
}

func (s *Slot) Queue(i int) *virtio.Queue { return &s.queues[i] }

func (s *Slot) UsedBuffer() { s.raise(InterruptUsed) }

func (s *Slot) ConfigChanged() {
	s.ConfigGeneration++
	if s.Live() {
		s.raise(InterruptConfig)
	}
}

func (s *Slot) Fail(v virtio.Violation) {
	if s.Violation == virtio.NoViolation {
		s.Violation = v
	}
	if s.OnViolation != nil {
		s.OnViolation(v)
	}
	if s.Status&StatusNeedsReset != 0 {
		return
	}
	s.Status |= StatusNeedsReset
	if s.Status&StatusDriverOK != 0 { // section 2.1.2
		s.raise(InterruptConfig)
	}
}

// Poll continues what an earlier call left unfinished; see virtio.Device.Poll.
func (s *Slot) Poll() (more bool) { return s.Live() && s.dev.Poll() }

func (s *Slot) raise(bit uint32) { s.setInterrupt(s.Interrupt | bit) }

func (s *Slot) setInterrupt(v uint32) {
	was := s.Interrupt != 0
	s.Interrupt = v
	if is := v != 0; is != was {
		s.irq(is)
	}
}

func (s *Slot) reset() {
	s.State = State{ConfigGeneration: s.ConfigGeneration, Interrupt: s.Interrupt}
	s.setInterrupt(0)
	for i := range s.queues {
		s.queues[i].Unbind()
	}
	s.dev.Reset()
}
