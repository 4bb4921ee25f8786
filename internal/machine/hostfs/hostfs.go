// Package hostfs is the contract between those who serve a host's files to the
// guest and those who reach them: a few directories that the host handed over,
// and calls relative to an open directory.
//
// It is kept near WASI preview 1, which is the poorest host: no modes, no
// owners, no extended attributes, no locks. What a guest wants of those the
// server of the files keeps itself.
//
// The rules that keep a guest inside of the handed-over directories:
//
//   - A name is one component, 1 to [MaxName] bytes, not "." or "..", without '/'
//     and NUL; callers see to that, and implementations refuse all else with
//     EINVAL, or ENAMETOOLONG.
//   - No call ever follows a symbolic link. Where a call cannot be carried out
//     on the link itself, it fails with ELOOP.
//   - Some hosts remember an open directory by its path and not by its
//     identity. Callers close the handles of directories that they rename or
//     remove, and of all that lie below these, before a name can come to mean
//     something else.
//
// Implementations need not be safe for concurrent use, and do not allocate on
// the calls that work on open files. It knows no protocol and no guest.
package hostfs

// FD is an open file or directory. It belongs to whoever opened it, but for
// those of Roots, which stay open and are never closed by callers.
type FD int32

// None is no file.
const None FD = -1

// MaxName is the length of the longest name in bytes.
const MaxName = 255

// Root is a directory that the host handed over.
type Root struct {
	FD   FD
	Path string // what the host calls it; the guest's path on most hosts
	// ReadOnly is set if the host says that nothing in it can be changed. Where
	// it is not set, calls may still fail with EROFS, EACCES or EPERM.
	ReadOnly bool
}

// Type is what a name stands for.
type Type uint8

// The types. Hosts that do not know report Unknown; servers present it, and the
// devices, as what nobody can open.
const (
	Unknown Type = iota
	Regular
	Directory
	Symlink
	CharDevice
	BlockDevice
	Socket
	FIFO
)

// Stat is what a host knows of a file.
type Stat struct {
	Type  Type
	Nlink uint64 // 0 if the host does not tell
	Size  int64  // bytes, at least 0
	// Dev and Ino identify the file as long as it exists. Ino is 0 if the host
	// does not tell; Dev may be the same for everything.
	Dev, Ino uint64
	// Times of last access, modification and change in nanoseconds since 1970;
	// 0 if the host does not tell.
	Atime, Mtime, Ctime int64
}

// OpenFlags say how to open. Without Read and Write a file is opened for
// reading.
type OpenFlags uint32

const (
	Read  OpenFlags = 1 << iota // of a directory: to list it, and to reach what it holds
	Write                       // never with OpenDirectory
	Create
	Exclusive     // with Create: EEXIST if the name exists
	Truncate      // with Write
	Append        // writes go to the end of the file, whatever their offset says
	OpenDirectory // ENOTDIR if it is none
)

// Times are what SetTimes sets, in nanoseconds since 1970. Each is set to the
// host's present time if its Now is set, to its value if its Set is set, and
// left alone otherwise.
type Times struct {
	Atime, Mtime       int64
	SetAtime, SetMtime bool
	NowAtime, NowMtime bool
}

// FS is the host's files. Pointers and slices that a call is given are not kept
// after it.
type FS interface {
	// Roots lists the directories that the host handed over, always in the
	// same order.
	Roots() []Root

	// Open opens name in dir. A directory opened with Read and OpenDirectory
	// can be listed and used as dir. A symbolic link is ELOOP (or ENOTDIR with
	// OpenDirectory), what is neither file nor directory is ENXIO.
	Open(dir FD, name string, flags OpenFlags) (FD, Errno)
	// Close releases fd whatever it returns; an error tells of data that could
	// not be written.
	Close(fd FD) Errno

	// ReadAt fills the buffers in order from byte off of the file. Like
	// pread(2) it may stop early: n is 0 without an error only at the end of
	// the file, or if there is nothing to fill.
	ReadAt(fd FD, bufs [][]byte, off int64) (n int, e Errno)
	// WriteAt writes the buffers in order from byte off of the file on, beyond
	// its end too; what lies between reads as zeros. It may stop early, with n
	// above 0.
	WriteAt(fd FD, bufs [][]byte, off int64) (n int, e Errno)
	// Sync writes what the host buffers of a file or directory to its medium,
	// with dataOnly only what reading the file again needs.
	Sync(fd FD, dataOnly bool) Errno

	// ReadDir calls entry for each name in dir but "." and "..", from cookie
	// on, until entry returns false or the directory ends. Cookie 0 is the
	// beginning, next the cookie behind the entry; a cookie is valid as long
	// as dir is open. ino is 0 and t Unknown where the host does not tell. name
	// is only valid during the call. Names that the host cannot express are
	// left out. entry must not call the FS.
	ReadDir(dir FD, cookie uint64, entry func(next, ino uint64, t Type, name []byte) (more bool)) Errno

	Stat(fd FD, st *Stat) Errno
	// StatAt describes name in dir, a symbolic link itself.
	StatAt(dir FD, name string, st *Stat) Errno
	// SetSize cuts or extends a file that is open for writing; EFBIG if it
	// cannot be that large.
	SetSize(fd FD, size int64) Errno
	// SetTimes sets a file's times: EOVERFLOW, and none, if the host does not
	// have one of them, as none before 1970. Hosts may cut them to what they
	// keep, such as whole seconds.
	SetTimes(fd FD, t *Times) Errno
	// SetTimesAt sets the times of name in dir, of a symbolic link itself:
	// EOPNOTSUPP where the host has no way to.
	SetTimesAt(dir FD, name string, t *Times) Errno

	Mkdir(dir FD, name string) Errno
	Rmdir(dir FD, name string) Errno
	// Unlink removes a name that is no directory; EISDIR otherwise.
	Unlink(dir FD, name string) Errno
	// Rename moves name in dir to newName in newDir and replaces what is
	// there: as rename(2), all at once.
	Rename(dir FD, name string, newDir FD, newName string) Errno
	// Link makes newName in newDir another name of the file that is name in
	// dir, of a symbolic link itself.
	Link(dir FD, name string, newDir FD, newName string) Errno
	// Symlink makes name in dir a symbolic link that holds target, any bytes
	// but NUL. Hosts may refuse targets, absolute ones most of all, with EPERM.
	Symlink(target string, dir FD, name string) Errno
	// Readlink copies the target of a symbolic link to p and returns its
	// length; ENAMETOOLONG if it is longer than p.
	Readlink(dir FD, name string, p []byte) (n int, e Errno)
}
