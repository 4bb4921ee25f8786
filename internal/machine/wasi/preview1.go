package wasi

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
	filetype uint8
	_        uint8
	flags    uint16
	_        uint32
	rights   uint64
	_        uint64 // rights that are inherited
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
