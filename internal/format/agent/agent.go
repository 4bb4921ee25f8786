// Package agent is the protocol between the machine and its agent in the guest,
// which is init: the typed messages that cross the virtio-console port named
// [PortName], and the facts that a conversion leaves in the guest's initial file
// system.
//
// A conversation: init reads its [Boot] from [BootFile], creates the container
// with the stub waiting in it, opens the port and sends [Ready]. Up to then
// nothing of the run is known, so this is where a snapshot is taken. The host
// sends one [Spec]; the stub becomes the command, and init says [Started]. From
// the Spec on the host may send [Signal], [Resize], [Stop] and [Close], and init
// may send [Close]. When the command has ended and all of its output is on its
// way, init sends [Exit], or [Error] instead if there was no command to start,
// and powers the machine off.
//
// Standard input, output and error have ports of their own, [PortStdin],
// [PortStdout] and [PortStderr]. The host closes its end of the first at the end
// of input. With a terminal the first two carry its bytes and the third nothing.
//
// The package is part of both the machine (wasip1) and init, whose start-up
// every run pays for: it knows nothing of virtio, files or system calls, and
// uses neither reflection nor fmt.
package agent

// The names of the virtio-console ports.
const (
	PortName   = "c2w.contract" // the messages of this package
	PortStdin  = "c2w.stdin"    // host → guest
	PortStdout = "c2w.stdout"   // guest → host
	PortStderr = "c2w.stderr"   // guest → host
)

// Where a conversion leaves what init reads before it sends Ready, in the
// guest's initial file system.
const (
	BootFile = "/c2w/boot"   // one frame: Boot
	Bundle   = "/c2w/bundle" // the container's bundle: config.json (OCI runtime specification)
	Runc     = "/c2w/runc"   // the OCI runtime
	RootDir  = "/c2w/root"   // where init mounts the container's root, as config.json says
	EtcDir   = "/c2w/etc"    // hosts, hostname and resolv.conf, which config.json binds
)

// HostTag is the mount tag of the 9p device. Its root directory has one
// directory for each of the host's, named by number: see [Mount].
const HostTag = "c2w.host"

// Version is the version of the contract, part of every frame. The two ends of
// one file are built together, so a frame of another version is an error and
// nothing is negotiated.
const Version = 4

// Message is one of *[Boot], *[Spec], [Ready], [Started], [Exit], [Error],
// [Signal], [Resize], [Stop] and [Close].
type Message interface {
	kind() byte
	appendPayload(dst []byte) []byte
	check() error
}

const (
	kindSpec    = 1  // host → guest
	kindReady   = 2  // guest → host
	kindExit    = 3  // guest → host
	kindError   = 4  // guest → host
	kindBoot    = 5  // conversion → guest
	kindSignal  = 6  // host → guest
	kindResize  = 7  // host → guest
	kindStop    = 8  // host → guest
	kindClose   = 9  // both ways
	kindStarted = 10 // guest → host
)

// Boot is what a conversion knows of the container.
type Boot struct {
	// Root is where the container's root file system comes from.
	Root Root
	// Volumes are absolute paths inside the root. They are made as directories
	// and stay writable when the root is made read-only.
	Volumes []string
}

// Root describes the container's root file system.
type Root struct {
	// Device is the block device's path in the guest, usually /dev/vda.
	Device string
	// Type is the file system on it, usually erofs.
	Type string
	// Options are mount options for the device, comma separated; may be empty.
	Options string
	// UpperSize is the tmpfs size of the writable layer that lies over the
	// device and is forgotten at the end of the run, as the size= option takes
	// it ("64m", "50%"); "" is the kernel's default, half of the RAM.
	UpperSize string
}

// Spec is what the host wants to be run.
type Spec struct {
	// Args is the command's whole argument vector, image entrypoint already
	// applied: at least one element. Args[0] is looked up in the PATH of Env,
	// inside the root, unless it contains a slash.
	Args []string
	// Env is the environment, each element KEY=VALUE. The stub adds HOME, from
	// the image's own /etc/passwd, if it is not there.
	Env []string
	// User is USER[:GROUP], names or numbers, as an image's configuration has
	// it; "" is root.
	User string
	// Dir is the working directory inside the root, absolute; "" means "/". It
	// is made if it does not exist.
	Dir string
	// Hostname; "" keeps the one of the container's configuration.
	Hostname string
	// Terminal gives the command a pseudo-terminal.
	Terminal bool
	// Cooked says that whoever is at the terminal has a line editor and an echo
	// already: the pseudo-terminal starts without its own.
	Cooked bool
	// Rows and Cols are the terminal's size in characters; 0 means unknown.
	Rows, Cols uint16
	// ReadOnly makes the root read-only, but for mounts and volumes.
	ReadOnly bool
	// Init keeps the stub as process 1: it passes signals on to the command and
	// reaps orphans.
	Init bool
	// Realtime is the wall clock in nanoseconds since 1970-01-01 UTC; 0 leaves
	// the guest's clock as its real-time clock device set it.
	Realtime int64
	// Entropy is mixed into the guest's random number generator and credited,
	// at most [MaxEntropy] bytes.
	Entropy []byte
	// Mounts are made in this order, before the command starts.
	Mounts []Mount
	// ShmSize is the size of /dev/shm in bytes; 0 keeps the configuration's.
	ShmSize uint64
	// Limits replace those of the container's configuration.
	Limits []Limit
	// Sysctls are KEY=VALUE, the key with dots or slashes.
	Sysctls []string
	// Hosts are further lines of /etc/hosts.
	Hosts []string
}

// Limit is one of the command's resource limits (setrlimit(2)).
type Limit struct {
	// Resource is a number below [Resources], as Linux has them in
	// asm-generic/resource.h.
	Resource uint8
	// Soft is at most Hard; the largest number is RLIM_INFINITY.
	Soft, Hard uint64
}

// Resources is how many limits there are (RLIM_NLIMITS).
const Resources = 16

// Mount puts a directory of the host, or a tmpfs, into the container.
type Mount struct {
	// Index names the directory in the root of the 9p device; InMemory is a tmpfs.
	Index uint16
	// Target is an absolute path, made as a directory if it does not exist.
	Target   string
	ReadOnly bool
	// Flags and Options are a tmpfs's, as mount(2) has them: zero for the host's
	// directories.
	Flags   uint32
	Options string
}

// InMemory is the index of what is no directory of the host.
const InMemory = 1<<16 - 1

// Ready says that the container waits for its [Spec].
type Ready struct{}

// Started says that the command is being executed: from now on signals are its
// own affair.
type Started struct{}

// Exit says how the command ended.
type Exit struct {
	// Status is the command's exit status, or 128+Signal.
	Status uint8
	// Signal is the number of the signal that killed the command, else 0.
	Signal uint8
	// OutOfMemory says that the kernel killed some process of the container for
	// want of memory.
	OutOfMemory bool
}

// Error says, in one line, why the command was never started.
type Error struct {
	// Status is [StatusFailed], [StatusNotExecutable] or [StatusNotFound].
	Status uint8
	Text   string
}

// The statuses of a command that was not started, as docker run has them.
const (
	StatusFailed        = 125 // the container could not be set up
	StatusNotExecutable = 126
	StatusNotFound      = 127
)

// Signal is to be sent to the container's process 1.
type Signal struct {
	Number uint8 // 1 to 64
	// Early says that the host had not seen [Started] when it sent this. What a
	// process 1 does not handle it does not notice, so that a signal for a
	// program that had no time to say what it handles would be lost: an early one
	// that it does not handle does to it what it does to other processes.
	Early bool
}

// Resize says that the terminal has another size now, in characters.
type Resize struct{ Rows, Cols uint16 }

// Stop ends the container: Signal to its process 1, and Grace milliseconds
// later the death of all of its processes.
type Stop struct {
	Signal uint8 // 1 to 64
	Grace  uint32
	// Early is as in [Signal]; a program that does not handle an early Stop's
	// signal has no use for the grace.
	Early bool
}

// Deadly reports whether a signal ends a program that has no handler for it
// (signal(7)).
func Deadly(signal uint8) bool {
	switch signal {
	case 17, 18, 19, 20, 21, 22, 23, 28: // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH
		return false
	}
	return signal != 0
}

// Close says that a stream has no reader any more. From the host: whoever writes
// to Stdout or Stderr gets SIGPIPE. From the guest: input is not wanted.
type Close struct{ Stream uint8 } // Stdin, Stdout or Stderr

// The streams of [Close].
const (
	Stdin  = 0
	Stdout = 1
	Stderr = 2
)

func (*Boot) kind() byte   { return kindBoot }
func (*Spec) kind() byte   { return kindSpec }
func (Ready) kind() byte   { return kindReady }
func (Started) kind() byte { return kindStarted }
func (Exit) kind() byte    { return kindExit }
func (Error) kind() byte   { return kindError }
func (Signal) kind() byte  { return kindSignal }
func (Resize) kind() byte  { return kindResize }
func (Stop) kind() byte    { return kindStop }
func (Close) kind() byte   { return kindClose }
