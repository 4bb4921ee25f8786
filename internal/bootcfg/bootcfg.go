// Package bootcfg is the contract between the machine's host side and the
// guest's init: the typed messages that cross the virtio-console port named
// [PortName], and how bytes must be written to a console whose program expects
// a plain stream on its standard input ([InputEncoder]).
//
// A conversation is short. Init opens the port and sends [Ready]; the host
// sends one [Spec]; init starts the program and, when that has ended, sends
// [Exit]. Instead of Exit, init may send [Error], if there was no program to
// start. After either it powers the machine off.
//
// Until Ready the console echoes what it is sent; the host keeps the program's
// input back until then.
//
// The package is part of both the machine (wasip1) and init, whose start-up
// every run pays for: it knows nothing of virtio, files or system calls, and
// uses neither reflection nor fmt.
package bootcfg

// PortName is the virtio-console port that carries the contract.
const PortName = "c2w.contract"

// Version is the version of the contract, part of every frame. The two ends of
// one file are built together, so a frame of another version is an error and
// nothing is negotiated.
const Version = 1

// Message is one of *[Spec], [Ready], [Exit] and [Error].
type Message interface {
	kind() byte
	appendPayload(dst []byte) []byte
	check() error
}

const (
	kindSpec  = 1 // host → guest
	kindReady = 2 // guest → host
	kindExit  = 3 // guest → host
	kindError = 4 // guest → host
)

// Spec is what the host wants to be run.
type Spec struct {
	// Args is the program's whole argument vector, image entrypoint already
	// applied: at least one element. Args[0] is looked up in the PATH of Env,
	// inside the root, unless it contains a slash.
	Args []string
	// Env is the environment, each element KEY=VALUE.
	Env []string
	// Dir is the working directory inside the root, absolute; "" means "/".
	Dir string
	// Hostname; "" keeps the kernel's.
	Hostname string
	// Terminal says that a terminal emulator is attached to the console: init
	// leaves the kernel's usual line discipline on. Without it the console is a
	// byte stream: no echo, no translation, input as [InputEncoder] writes it.
	Terminal bool
	// Rows and Cols are the terminal's size in characters; 0 means unknown.
	Rows, Cols uint16
	// Realtime is the wall clock in nanoseconds since 1970-01-01 UTC; 0 leaves
	// the guest's clock as its real-time clock device set it.
	Realtime int64
	// Entropy is mixed into the guest's random number generator and credited,
	// at most [MaxEntropy] bytes.
	Entropy []byte
	// Root is where the container's root file system comes from.
	Root Root
	// Mounts are made in this order on top of the root, before the program
	// starts.
	Mounts []Mount
}

// Root describes the container's root file system.
type Root struct {
	// Device is the block device's path in the guest, usually /dev/vda.
	Device string
	// Type is the file system on it, usually erofs.
	Type string
	// Options are mount options for the device, comma separated; may be empty.
	Options string
	// ReadOnly leaves out the writable layer that otherwise lies over the
	// device and forgets everything at the end of the run.
	ReadOnly bool
	// UpperSize is the tmpfs size of the writable layer, as the size= option
	// takes it ("64m", "50%"); "" is the kernel's default, half of the RAM.
	UpperSize string
}

// Mount is one mount(2) inside the root. Target is absolute and is made, as a
// directory, if it does not exist.
type Mount struct {
	Source, Target, Type, Options string
	ReadOnly                      bool
}

// Ready says that init waits for its [Spec].
type Ready struct{}

// Exit says how the program ended.
type Exit struct {
	// Status is the program's exit status, or 128+Signal.
	Status uint8
	// Signal is the number of the signal that killed the program, else 0.
	Signal uint8
}

// Error says, in one line, why the program was never started.
type Error struct{ Text string }

func (*Spec) kind() byte { return kindSpec }
func (Ready) kind() byte { return kindReady }
func (Exit) kind() byte  { return kindExit }
func (Error) kind() byte { return kindError }
