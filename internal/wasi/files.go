package wasi

import (
	"strings"
	"unicode/utf8"

	"github.com/c2w/c2w/internal/hostfs"
)

// fileSystem is the half of preview 1 that concerns files. Its methods report
// what the engine did, without any workaround. No call follows symbolic links,
// as far as the engine keeps to that.
type fileSystem interface {
	// prestat returns the length of a preopened directory's name.
	prestat(fd uint32) (int, Errno)
	prestatName(fd uint32, p []byte) Errno
	fdstat(fd uint32) (fdstat, Errno)
	open(dir uint32, name string, oflags uint16, rights, inheriting uint64, fdflags uint16) (uint32, Errno)
	close(fd uint32) Errno
	setFlags(fd uint32, flags uint16) Errno
	// seek sets the position of read and write.
	seek(fd uint32, off int64, whence uint32) Errno
	// The next four take at most maxVectors buffers of bufs.
	read(fd uint32, bufs [][]byte) (int, Errno)
	pread(fd uint32, bufs [][]byte, off int64) (int, Errno)
	write(fd uint32, bufs [][]byte) (int, Errno)
	pwrite(fd uint32, bufs [][]byte, off int64) (int, Errno)
	sync(fd uint32) Errno
	datasync(fd uint32) Errno
	readdir(fd uint32, p []byte, cookie uint64) (int, Errno)
	filestat(fd uint32, st *filestat) Errno
	pathFilestat(dir uint32, name string, st *filestat) Errno
	setSize(fd uint32, size int64) Errno
	setTimes(fd uint32, atime, mtime int64, flags uint16) Errno
	pathSetTimes(dir uint32, name string, atime, mtime int64, flags uint16) Errno
	mkdir(dir uint32, name string) Errno
	rmdir(dir uint32, name string) Errno
	unlink(dir uint32, name string) Errno
	rename(dir uint32, name string, newDir uint32, newName string) Errno
	link(dir uint32, name string, newDir uint32, newName string) Errno
	symlink(target string, dir uint32, name string) Errno
	readlink(dir uint32, name string, p []byte) (int, Errno)
}

// filestat and fdstat have the layout that preview 1 gives them.
type filestat struct {
	dev, ino            uint64
	filetype            uint8
	_                   [7]byte
	nlink, size         uint64
	atime, mtime, ctime uint64
}

type fdstat struct {
	filetype           uint8
	_                  uint8
	flags              uint16
	_                  uint32
	rights, inheriting uint64
}

// Of preview 1: file types, oflags, fdflags, whence, fstflags, rights.
const (
	filetypeUnknown   = 0
	filetypeBlock     = 1
	filetypeChar      = 2
	filetypeDirectory = 3
	filetypeRegular   = 4
	filetypeDgram     = 5
	filetypeStream    = 6
	filetypeSymlink   = 7

	oflagCreat     = 1
	oflagDirectory = 2
	oflagExcl      = 4
	oflagTrunc     = 8

	fdflagAppend   = 1
	fdflagNonblock = 4

	whenceSet = 0
	whenceCur = 1

	fstAtim    = 1
	fstAtimNow = 2
	fstMtim    = 4
	fstMtimNow = 8

	rightDatasync   = 1 << 0
	rightRead       = 1 << 1
	rightSeek       = 1 << 2
	rightSync       = 1 << 4
	rightTell       = 1 << 5
	rightWrite      = 1 << 6
	rightAllocate   = 1 << 8
	rightCreateFile = 1 << 10
	rightGetStat    = 1 << 21
	rightSetSize    = 1 << 22
	rightSetTimes   = 1 << 23

	// rightsDir is all that has to do with directories and not with data.
	rightsDir = 1<<9 | rightCreateFile | 1<<11 | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<16 | 1<<17 | 1<<18 |
		1<<20 | rightGetStat | rightSetTimes | 1<<24 | 1<<25 | 1<<26
	rightsRead  = rightRead | rightSeek | rightTell | rightSync | rightGetStat | rightSetTimes
	rightsWrite = rightDatasync | rightWrite | rightSeek | rightTell | rightSync | rightAllocate | rightGetStat | rightSetSize | rightSetTimes
	rightsAll   = rightsDir | rightsRead | rightsWrite
)

const (
	// maxVectors is how many buffers go to the engine in one call: 1 MiB of
	// guest pages.
	maxVectors = 256
	// maxFD is the largest descriptor that is kept. Engines number from 0 and
	// reuse numbers; the guest opens no more than its server lets it.
	maxFD = 1 << 16
	// ioRetries bounds the calls that begin again since another process changed
	// the directory meanwhile.
	ioRetries = 4
)

// files is the engine's files with the workarounds. It is for one goroutine.
type files struct {
	sys fileSystem
	// paths is set unless the engine is known to hold directories by identity:
	// then one remembers a directory's path, which may come to lead elsewhere,
	// and may follow symbolic links in it and at its end. Nothing is done with a
	// directory before it was seen that the path still leads to it.
	paths bool
	// seeks is set if reading at a position is slower than to set the
	// descriptor's position and read there.
	seeks bool
	roots []hostfs.Root
	open  []openFile // by descriptor

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
}

func newFiles(sys fileSystem, byIdentity bool) *files {
	f := &files{sys: sys, paths: !byIdentity, seeks: byIdentity}
	f.findRoots()
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

// checkName lets pass what is one component of a path and nothing else.
func checkName(name string) hostfs.Errno {
	switch {
	case name == "" || name == "." || name == "..":
		return hostfs.EINVAL
	case len(name) > hostfs.MaxName:
		return hostfs.ENAMETOOLONG
	case strings.IndexByte(name, '/') >= 0 || strings.IndexByte(name, 0) >= 0:
		return hostfs.EINVAL
	}
	return hostfs.OK
}

// enter checks that name in dir means what the caller thinks.
func (f *files) enter(dir hostfs.FD, name string) hostfs.Errno {
	if e := checkName(name); e != hostfs.OK {
		return e
	}
	if e := f.enterDir(dir); e != hostfs.OK {
		return e
	}
	if f.paths && !utf8.ValidString(name) {
		// Engines that cannot carry it should say so.
		if errno := f.sys.pathFilestat(uint32(dir), name, &f.st2); errno == errnoPerm || errno == errnoInval {
			return hostfs.EILSEQ
		}
	}
	return hostfs.OK
}

// enterDir checks that dir is a directory and, where the engine goes by its
// path, that this leads to it: a component that was replaced by a symbolic link
// would lead out of what the host handed over.
func (f *files) enterDir(dir hostfs.FD) hostfs.Errno {
	o := f.get(dir)
	switch {
	case o == nil:
		return hostfs.EBADF
	case !o.dir:
		return hostfs.ENOTDIR
	case !f.paths || o.root:
		return hostfs.OK
	}
	if errno := f.sys.pathFilestat(uint32(dir), ".", &f.st2); errno != errnoSuccess {
		if errno == errnoNoent || errno == errnoNotdir {
			return hostfs.ESTALE
		}
		return errno.Linux()
	}
	if f.st2.filetype != filetypeDirectory || f.st2.ino != o.ino || f.st2.dev != o.dev {
		return hostfs.ESTALE
	}
	return hostfs.OK
}

// changing makes an answer of a call that changes the directory out of errno:
// engines call a read-only file system by several names.
func changing(errno Errno) hostfs.Errno {
	if errno == errnoNosys || errno == errnoNotcapable {
		return hostfs.EROFS
	}
	return errno.Linux()
}

// Open implements [hostfs.FS].
func (f *files) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	if e := f.enter(dir, name); e != hostfs.OK {
		return hostfs.None, e
	}
	rights, inheriting := uint64(rightsRead), uint64(0)
	switch {
	case flags&hostfs.OpenDirectory != 0:
		if flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0 {
			return hostfs.None, hostfs.EISDIR
		}
		rights, inheriting = rightsDir|rightRead, rightsAll
	case flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0:
		// What is created is opened for writing in any case: an engine's
		// read-only directory was seen to let it be created otherwise.
		rights = rightsWrite
		if flags&hostfs.Read != 0 || flags&hostfs.Write == 0 {
			rights |= rightsRead
		}
	}
	var fdflags uint16
	if flags&hostfs.Append != 0 {
		fdflags = fdflagAppend
	}
	if flags&hostfs.Create != 0 {
		// Exclusively first: that follows no link on any engine.
		fd, errno := f.sys.open(uint32(dir), name, oflagCreat|oflagExcl, rights, inheriting, fdflags)
		switch {
		case errno == errnoSuccess:
			return f.opened(fd, openFile{append: fdflags != 0})
		case errno != errnoExist || flags&hostfs.Exclusive != 0:
			return hostfs.None, changing(errno)
		case flags&(hostfs.Write|hostfs.Truncate) == 0:
			rights = rightsRead
		}
	}
	return f.openExisting(dir, name, flags, rights, inheriting, fdflags)
}

// openExisting looks before it opens: some engines follow symbolic links, and
// to open a FIFO may block for ever.
func (f *files) openExisting(dir hostfs.FD, name string, flags hostfs.OpenFlags, rights, inheriting uint64, fdflags uint16) (hostfs.FD, hostfs.Errno) {
	if errno := f.sys.pathFilestat(uint32(dir), name, &f.st); errno != errnoSuccess {
		return hostfs.None, errno.Linux()
	}
	wantDir := flags&hostfs.OpenDirectory != 0
	oflags := uint16(0)
	switch isDir := f.st.filetype == filetypeDirectory; {
	case wantDir && !isDir:
		return hostfs.None, hostfs.ENOTDIR
	case f.st.filetype == filetypeSymlink:
		return hostfs.None, hostfs.ELOOP
	case isDir && flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0:
		return hostfs.None, hostfs.EISDIR
	case isDir:
		rights, inheriting, oflags = rightsDir|rightRead, rightsAll, oflagDirectory
	case f.st.filetype != filetypeRegular:
		return hostfs.None, hostfs.ENXIO
	case flags&hostfs.Truncate != 0 && !f.paths:
		oflags = oflagTrunc
	}
	fd, errno := f.sys.open(uint32(dir), name, oflags, rights, inheriting, fdflags)
	if errno != errnoSuccess {
		if rights&rightWrite != 0 {
			return hostfs.None, changing(errno)
		}
		return hostfs.None, errno.Linux()
	}
	o := openFile{dir: oflags&oflagDirectory != 0, append: fdflags != 0, dev: f.st.dev, ino: f.st.ino}
	if f.paths {
		// What was looked at and what was opened are the same.
		errno := f.sys.filestat(fd, &f.st2)
		if errno != errnoSuccess || f.st2.dev != o.dev || f.st2.ino != o.ino || f.st2.filetype != f.st.filetype {
			f.sys.close(fd)
			return hostfs.None, hostfs.ESTALE
		}
		if flags&hostfs.Truncate != 0 {
			if errno := f.sys.setSize(fd, 0); errno != errnoSuccess {
				f.sys.close(fd)
				return hostfs.None, changing(errno)
			}
		}
	}
	return f.opened(fd, o)
}

func (f *files) opened(fd uint32, o openFile) (hostfs.FD, hostfs.Errno) {
	if fd >= maxFD {
		f.sys.close(fd)
		return hostfs.None, hostfs.EMFILE
	}
	o.used = true
	f.set(fd, o)
	return hostfs.FD(fd), hostfs.OK
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
	return f.across(dir, newDir, f.sys.link(uint32(dir), name, uint32(newDir), newName))
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
