package p9

import "unsafe"

// What a guest can make the server keep. MaxHeap is all of it together.
const (
	// MaxMessage is the longest message in bytes. Linux's virtio transport
	// takes at most 500 KiB of it: 125 pages.
	MaxMessage = 1 << 20
	minMessage = 4096 // Linux's smallest

	// maxRequest is the longest request but Twrite: a walk of 16 names of 255
	// bytes, or a link's name and its target.
	maxRequest = 8 << 10
	// maxReply is the longest reply but Rread: a directory's entries, some
	// thousand of them.
	maxReply = 64 << 10

	// maxFids: Linux has one for each open file and each name that it
	// remembers, and can be made to remember a directory of 100,000.
	maxFids = 1 << 17
	// maxNodes: the files of all fids, and the directories above them.
	maxNodes = maxFids + 1<<14
	// maxNames is how many bytes their names take together.
	maxNames = 8 << 20
	// maxIdle is how many files without fids are remembered: for their inode
	// numbers, and because a guest that caches nothing comes back to the same
	// directories at once.
	maxIdle = 2048
	// maxDepth of directories below a mount; Linux's longest path has 2048.
	maxDepth = 2048

	// maxHandles is how many files and directories are open on the host at a
	// time: below the 256 that macOS gives a process, with some for the engine.
	// What is beyond is closed, and opened again when needed.
	maxHandles = 192
	// maxDeleted is how many more are open since a fid has them open and they
	// have no name any more, so that they cannot be opened again. Each is a
	// descriptor of the host's process, which may have fewer (EMFILE).
	maxDeleted = 1 << 14

	// maxMeta is for how many files modes and owners are kept.
	maxMeta = 1 << 17
	// maxTimes is for how many files times are kept that the host does not.
	maxTimes = 1 << 15

	// maxLocks among all files; a data base has a handful.
	maxLocks = 4096
	// maxClients: names that lock owners give for themselves; Linux has one.
	maxClients = 16
	maxClient  = 128 // bytes

	// maxListing is how many bytes of a directory's listing are kept, a name
	// and ten bytes for an entry; longer ones are read again in parts.
	// maxListings is for all directories.
	maxListing  = 6 << 20
	maxListings = 8 << 20

	maxTarget = 4095 // bytes of a symbolic link's target (PATH_MAX less one)
)

// MaxHeap is the most that a server keeps on Go's heap, in bytes, with its fixed
// buffers: what the limits allow, each thing at its largest. Strings are rounded up.
const MaxHeap = maxFids*(int(unsafe.Sizeof(fid{}))+(4+8+1)*mapRoom/3) +
	maxNodes*(int(unsafe.Sizeof(node{}))+(int(unsafe.Sizeof(nameKey{}))+8+1)*mapRoom/3+16) + maxNames +
	maxMeta*(8+int(unsafe.Sizeof(meta{}))+1)*mapRoom/3 +
	maxListings +
	2*maxLocks*int(unsafe.Sizeof(lock{})) + maxClients*maxClient +
	2*bounceSize + int(unsafe.Sizeof(Server{}))

// mapRoom is how many thirds of what its entries need a map has at most: when its
// tables have just been split, they are full to 7/16.
const mapRoom = 7
