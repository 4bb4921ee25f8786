package wasi

import (
	"strings"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

const (
	// maxVectors is how many buffers go to the engine in one call: 1 MiB of
	// guest pages.
	maxVectors = 256
	// maxFD is the largest descriptor that is kept. Engines number from 0 and
	// reuse numbers; the guest opens no more than its server lets it.
	maxFD = 1 << 16
	// spareFDs is how many descriptors engines take for the time of a call.
	spareFDs = 8
	// ioRetries bounds the calls that begin again since another process changed
	// the directory meanwhile.
	ioRetries = 4
)

// files is the engine's files with the workarounds. It is for one goroutine.
//
// Engines may remember a directory by its path, which may come to lead elsewhere,
// and may follow symbolic links in it and at its end. So nothing is done with a
// directory before it was seen that the path still leads to it: since the guest
// last did what could change that, and not long ago.
type files struct {
	sys fileSystem
	now func() int64 // nanoseconds, monotonic; nil: nothing was seen not long ago
	// moves counts what the guest did that may make a path lead elsewhere: a
	// directory goes by Rename and Rmdir alone, and until it is gone nothing
	// else gets its name.
	moves uint64
	// wasmtime is set if the engine seems to be wasmtime: reading at a position
	// is slower there than to set the descriptor's position and read. What keeps
	// the guest inside does not rest on it, as others may seem to be wasmtime.
	wasmtime bool
	// unsignedTimes is set if the engine takes a time before 1970 for one in
	// the far future.
	unsignedTimes bool
	// linkTimes is set if the engine seems to set times by path without opening
	// what it finds there, so that it need not follow a symbolic link.
	linkTimes bool
	// windows is set if the engine hands names to a host on which a backslash
	// parts them.
	windows bool
	roots   []hostfs.Root
	open    []openFile // by descriptor
	count   int        // of what is open beside the roots
	limit   int        // of count, or 0

	st, st2  filestat // arguments, kept to spare allocations
	rest     [maxVectors][]byte
	listings listings
	scratch  []byte // of one listing while it is read
}

// openFile is what must be known of an open file or directory.
type openFile struct {
	used   bool
	root   bool
	dir    bool
	append bool
	// position is the engine's position in the file where seeks is set.
	position int64
	// A directory's identity; ino 0 is unknown.
	dev, ino uint64
	// When its path was seen to lead to it: moves and the time then.
	seenMoves uint64
	seenAt    int64
}

func newFiles(sys fileSystem, wasmtime bool) *files {
	f := &files{sys: sys, wasmtime: wasmtime}
	f.findRoots()
	if len(f.roots) > 0 {
		f.windows = sys.pathFilestat(uint32(f.roots[0].FD), `.\.`, &f.st) == errnoSuccess && f.st.filetype == filetypeDirectory
	}
	return f
}

// findRoots lists the preopened directories. They follow the three standard
// streams without a gap.
func (f *files) findRoots() {
	for fd := uint32(3); fd < maxFD; fd++ {
		n, errno := f.sys.prestat(fd)
		if errno == errnoNotdir {
			continue // a socket
		}
		if errno != errnoSuccess {
			return
		}
		name := make([]byte, n)
		if f.sys.prestatName(fd, name) != errnoSuccess {
			continue
		}
		// Some engines count a terminating NUL.
		f.roots = append(f.roots, hostfs.Root{FD: hostfs.FD(fd), Path: strings.TrimRight(string(name), "\x00"), ReadOnly: f.readOnly(fd)})
		f.set(fd, openFile{used: true, root: true, dir: true})
	}
}

// findLinkTimes asks the engine to set no time of a directory: it fails where
// that is opened for writing first. Node must not be asked, which then sets the
// times that the directory has, cut to seconds.
func (f *files) findLinkTimes() {
	for _, r := range f.roots {
		if !r.ReadOnly {
			f.linkTimes = f.sys.pathSetTimes(uint32(r.FD), ".", 0, 0, 0) == errnoSuccess
			return
		}
	}
}

// readOnly tells of a preopened directory whether the engine says so: by the
// rights, or by its answer to making a directory that exists.
func (f *files) readOnly(fd uint32) bool {
	if st, errno := f.sys.fdstat(fd); errno == errnoSuccess && st.rights&rightCreateFile == 0 {
		return true
	}
	return f.sys.mkdir(fd, ".") == errnoRofs
}

func (f *files) set(fd uint32, o openFile) {
	for uint32(len(f.open)) <= fd {
		f.open = append(f.open, openFile{})
	}
	f.open[fd] = o
}

func (f *files) get(fd hostfs.FD) *openFile {
	if fd < 0 || int(fd) >= len(f.open) || !f.open[fd].used {
		return nil
	}
	return &f.open[fd]
}

// Roots implements [hostfs.FS].
func (f *files) Roots() []hostfs.Root { return f.roots }

// changing makes an answer of a call that changes the directory out of errno:
// engines call a read-only file system by several names.
func changing(errno Errno) hostfs.Errno {
	if errno == errnoNosys || errno == errnoNotcapable {
		return hostfs.EROFS
	}
	return errno.Linux()
}

// Close implements [hostfs.FS].
func (f *files) Close(fd hostfs.FD) hostfs.Errno {
	o := f.get(fd)
	if o == nil || o.root {
		return hostfs.EBADF
	}
	if o.dir {
		f.listings.drop(fd)
	}
	*o = openFile{}
	f.count--
	return f.sys.close(uint32(fd)).Linux()
}

// Stat implements [hostfs.FS].
func (f *files) Stat(fd hostfs.FD, st *hostfs.Stat) hostfs.Errno {
	if f.get(fd) == nil {
		return hostfs.EBADF
	}
	if errno := f.sys.filestat(uint32(fd), &f.st); errno != errnoSuccess {
		return errno.Linux()
	}
	f.st.to(st)
	return hostfs.OK
}

// StatAt implements [hostfs.FS].
func (f *files) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	if errno := f.sys.pathFilestat(uint32(dir), name, &f.st); errno != errnoSuccess {
		return errno.Linux()
	}
	f.st.to(st)
	return hostfs.OK
}

func (s *filestat) to(st *hostfs.Stat) {
	*st = hostfs.Stat{
		Type: fileType(s.filetype), Nlink: s.nlink, Size: max(int64(s.size), 0), Dev: s.dev, Ino: s.ino,
		Atime: int64(s.atime), Mtime: int64(s.mtime), Ctime: int64(s.ctime),
	}
}

func fileType(t uint8) hostfs.Type {
	switch t {
	case filetypeBlock:
		return hostfs.BlockDevice
	case filetypeChar:
		return hostfs.CharDevice
	case filetypeDirectory:
		return hostfs.Directory
	case filetypeRegular:
		return hostfs.Regular
	case filetypeDgram, filetypeStream:
		return hostfs.Socket
	case filetypeSymlink:
		return hostfs.Symlink
	}
	return hostfs.Unknown
}

// Mkdir implements [hostfs.FS].
func (f *files) Mkdir(dir hostfs.FD, name string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	return changing(f.sys.mkdir(uint32(dir), name))
}

// Rmdir implements [hostfs.FS].
func (f *files) Rmdir(dir hostfs.FD, name string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	f.moves++
	return changing(f.sys.rmdir(uint32(dir), name))
}

// Unlink implements [hostfs.FS].
func (f *files) Unlink(dir hostfs.FD, name string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	errno := f.sys.unlink(uint32(dir), name)
	if errno == errnoIsdir || errno == errnoPerm {
		// Engines mix these up, and so do hosts.
		if f.sys.pathFilestat(uint32(dir), name, &f.st) == errnoSuccess {
			if f.st.filetype == filetypeDirectory {
				return hostfs.EISDIR
			}
			return hostfs.EPERM
		}
	}
	return changing(errno)
}

// Rename implements [hostfs.FS].
func (f *files) Rename(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	if e := f.enter(newDir, newName); e != hostfs.OK {
		return e
	}
	f.moves++
	return f.across(dir, newDir, f.sys.rename(uint32(dir), name, uint32(newDir), newName))
}

// Link implements [hostfs.FS].
func (f *files) Link(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	if e := f.enter(newDir, newName); e != hostfs.OK {
		return e
	}
	errno := f.sys.link(uint32(dir), name, uint32(newDir), newName)
	if errno == errnoSuccess {
		// Some hosts link what a symbolic link leads to.
		if f.sys.pathFilestat(uint32(dir), name, &f.st) == errnoSuccess && f.st.filetype == filetypeSymlink &&
			(f.sys.pathFilestat(uint32(newDir), newName, &f.st) != errnoSuccess || f.st.filetype != filetypeSymlink) {
			f.sys.unlink(uint32(newDir), newName)
			return hostfs.ELOOP
		}
	}
	return f.across(dir, newDir, errno)
}

// across makes an answer for a call about two directories: engines that do not
// go from one preopened directory to another say that they cannot at all.
func (f *files) across(dir, newDir hostfs.FD, errno Errno) hostfs.Errno {
	if dir != newDir && (errno == errnoNosys || errno == errnoNotsup) {
		return hostfs.EXDEV
	}
	return changing(errno)
}

// Symlink implements [hostfs.FS].
func (f *files) Symlink(target string, dir hostfs.FD, name string) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	if target == "" {
		return hostfs.ENOENT
	}
	if strings.IndexByte(target, 0) >= 0 {
		return hostfs.EINVAL
	}
	errno := f.sys.symlink(target, uint32(dir), name)
	if errno == errnoNotcapable {
		return hostfs.EPERM // the target leads out
	}
	return changing(errno)
}

// Readlink implements [hostfs.FS].
func (f *files) Readlink(dir hostfs.FD, name string, p []byte) (int, hostfs.Errno) {
	if e := f.enter(dir, name); e != hostfs.OK {
		return 0, e
	}
	if len(p) == 0 {
		return 0, hostfs.EINVAL
	}
	n, errno := f.sys.readlink(uint32(dir), name, p)
	switch {
	case errno == errnoRange || errno == errnoNobufs:
		return 0, hostfs.ENAMETOOLONG
	case errno != errnoSuccess:
		return 0, errno.Linux()
	case n >= len(p):
		// Some engines cut what does not fit.
		return 0, hostfs.ENAMETOOLONG
	}
	return n, hostfs.OK
}
