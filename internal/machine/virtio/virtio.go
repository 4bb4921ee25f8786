// Package virtio holds what every virtio 1.2 device of the machine shares: the
// view of guest memory, split virtqueues, and the interfaces between a device
// and the transport that carries it.
//
// It must not know any device type, any register layout, the guest's ISA or
// where RAM lies. Nothing in it or below it starts goroutines or takes locks:
// a device runs only inside a call made by the machine, and the guest does not
// run meanwhile.
//
// Everything that must survive a snapshot lies in State structs of fixed-width
// fields without pointers (QueueState here, State in each device and in the
// transport). The rest (views, scratch space, callbacks) is derived again from
// them on first use.
package virtio

// Memory is guest RAM as a device reaches it (DMA).
type Memory interface {
	// Slice returns a view of n bytes of guest RAM at guest-physical address
	// gpa, or false when any byte of [gpa, gpa+n) lies outside RAM or the range
	// wraps. n is at least 1. The view is what the CPU sees, at once and in
	// both directions, and stays valid as long as the Memory does.
	Slice(gpa uint64, n uint32) ([]byte, bool)

	// Dirty says that a device wrote [gpa, gpa+n), a range that Slice granted.
	// It comes after the write and before the guest runs again, so that decoded
	// or translated code on those pages can be dropped.
	Dirty(gpa uint64, n uint32)
}

// Feature bits of the transport and the rings (section 6).
const (
	FeatureIndirectDesc uint64 = 1 << 28
	FeatureEventIdx     uint64 = 1 << 29
	FeatureVersion1     uint64 = 1 << 32

	// FeaturesRing are the ones that every device of ours offers.
	FeaturesRing = FeatureIndirectDesc | FeatureEventIdx | FeatureVersion1
)

// Device identifiers (section 5).
const (
	IDNet     = 1
	IDBlock   = 2
	IDConsole = 3
	IDEntropy = 4
	ID9P      = 9
)

// Device is one virtio device, independent of its transport.
type Device interface {
	// ID is the device identifier of section 5.
	ID() uint32

	// Features are the feature bits offered; constant.
	Features() uint64

	// QueueMax gives the largest size of each virtqueue, a power of two each;
	// its length is the number of queues; constant.
	QueueMax() []uint16

	// Config is the device configuration space as it now stands, little endian.
	// The caller only reads it, and not beyond the current call.
	Config() []byte

	// WriteConfig is a guest write of size (1, 2, 4 or 8) bytes at off, which
	// may lie anywhere; most devices ignore it.
	WriteConfig(off uint64, size int, val uint64)

	// Attach gives the device its transport, once, before anything else.
	Attach(Transport)

	// Notify says that queue i, which is ready, has new buffers. It is also
	// called for every ready queue when the driver says DRIVER_OK.
	Notify(i int)

	// Poll continues work that an earlier call left unfinished: a slow host, or
	// a request list longer than one call's bound. It reports whether another
	// Poll would make progress at once; false means idle or waiting for an
	// event from outside.
	Poll() (more bool)

	// Reset returns the device to its state before initialisation. Features,
	// queues and the interrupt line are the transport's.
	Reset()
}

// Transport is the bus as a device sees it.
type Transport interface {
	Memory() Memory

	// Features are those that the driver accepted: meaningful once Live.
	Features() uint64

	// Live says that the driver has set DRIVER_OK and nothing has failed since:
	// only then may a device look at its queues.
	Live() bool

	// Queue returns queue i of QueueMax.
	Queue(i int) *Queue

	// UsedBuffer raises the used-buffer notification. Queue.Signal calls it;
	// devices do not.
	UsedBuffer()

	// ConfigChanged raises the configuration change notification.
	ConfigChanged()

	// Fail marks the device as needing a reset, because the driver broke a rule
	// (section 2.1.2).
	Fail(Violation)
}

// Violation is a rule of the specification that the guest's driver broke.
type Violation uint8

const (
	NoViolation Violation = iota
	BadQueueSize
	BadQueueAddress
	BadQueueNumber
	AvailIndexJump
	BadHead
	BadNext
	ChainTooLong
	ChainTooLarge
	ZeroLength
	OutsideRAM
	ReadableAfterWritable
	IndirectNotNegotiated
	IndirectWithNext
	IndirectNested
	BadIndirectTable
	BadRequest
)

var violationText = [...]string{
	NoViolation:           "none",
	BadQueueSize:          "queue size is not a power of two within the maximum (2.7)",
	BadQueueAddress:       "queue part is misaligned or outside RAM (2.7)",
	BadQueueNumber:        "notification for a queue that does not exist (4.2.2)",
	AvailIndexJump:        "available index is ahead by more than the queue size (2.7.6)",
	BadHead:               "available ring names a descriptor beyond the table (2.7.6)",
	BadNext:               "next descriptor is beyond the table (2.7.5)",
	ChainTooLong:          "descriptor chain is longer than the queue or loops (2.7.5)",
	ChainTooLarge:         "descriptor chain holds 2^32 bytes or more (2.7.5)",
	ZeroLength:            "descriptor of length zero",
	OutsideRAM:            "descriptor points outside RAM",
	ReadableAfterWritable: "device-readable descriptor after a device-writable one (2.7.4.2)",
	IndirectNotNegotiated: "indirect descriptor without the feature (2.7.5.3.1)",
	IndirectWithNext:      "indirect descriptor with a next one (2.7.5.3.1)",
	IndirectNested:        "indirect descriptor inside an indirect table (2.7.5.3.1)",
	BadIndirectTable:      "indirect table length is zero, uneven or above the queue size (2.7.5.3)",
	BadRequest:            "request lacks a part that its device type demands (5)",
}

func (v Violation) String() string {
	if int(v) < len(violationText) {
		return violationText[v]
	}
	return "unknown violation"
}
