package machine

// Where things lie in the file's linear memory. Go owns what is below Reserve,
// but for the hart's two parts; the rest is the core's. Sizes in bytes.
const (
	// Reserve is where Go's share of memory ends. It costs hosts addresses, and
	// memory only as far as Go uses it: enough for all that a guest can make the
	// machine keep (docs/memory.md), and for the collector to be in no haste.
	Reserve = 192 << 20
	// HeapLimit is what the collector keeps Go's memory below if it can. What lies
	// between is for pieces in between which nothing fits.
	HeapLimit = Reserve / 4 * 3

	// StateBase is the hart's core.State. Go puts nothing below its data, which
	// starts at GoData; the linker checks that.
	StateBase = 0x1000
	GoData    = 0x3000

	// CachesBase is the hart's core.Caches. It lies in the middle of the last of
	// Go's variables, which is kept free for it (cmd/machine): engines take an
	// address plus a constant without a bounds check if the constant is below some
	// 32 MiB (wasmtime's guard region), and Go's heap is one piece from its
	// variables to Reserve.
	CachesBase = 4 << 20

	ManifestBase = Reserve + 2<<20 // the file's Manifest, placed by the converter
	ManifestMax  = 512 << 10
	RecordBase   = Reserve + 3<<20
	RecordSize   = 61 << 20 // interpreter records and their index
	RAMHost      = RecordBase + RecordSize

	// DefaultRAM is what a guest gets unless told otherwise. The kernel's own
	// bookkeeping grows with it.
	DefaultRAM = 256 << 20
	// MinRAM holds the kernel, its initial file system and some room.
	MinRAM = 48 << 20
	// MaxRAM keeps every address of RAM below 2 GiB, which interpreter code
	// and engines rely on.
	MaxRAM = 1<<31 - RAMHost - 64<<10
)

// The virtio slots in use. Slot 4 is kept for net.
const (
	SlotConsole = 0
	SlotDisk    = 1
	SlotRNG     = 2
	SlotFiles   = 3
)
