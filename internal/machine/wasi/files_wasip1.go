package wasi

import (
	"runtime"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 fd_prestat_get
//go:noescape
func fdPrestatGet(fd uint32, prestat unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 fd_prestat_dir_name
//go:noescape
func fdPrestatDirName(fd uint32, path *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_get
//go:noescape
func fdFdstatGet(fd uint32, stat unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_flags
//go:noescape
func fdFdstatSetFlags(fd, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_open
//go:noescape
func pathOpen(dir, lookup uint32, path *byte, n, oflags uint32, rights, inheriting uint64, fdflags uint32, fd *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_close
func fdClose(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_seek
//go:noescape
func fdSeek(fd uint32, offset int64, whence uint32, at *uint64) uint32

//go:wasmimport wasi_snapshot_preview1 fd_pread
//go:noescape
func fdPread(fd uint32, iov unsafe.Pointer, n uint32, offset uint64, read *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_pwrite
//go:noescape
func fdPwrite(fd uint32, iov unsafe.Pointer, n uint32, offset uint64, written *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_sync
func fdSync(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_datasync
func fdDatasync(fd uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_readdir
//go:noescape
func fdReaddir(fd uint32, buf *byte, n uint32, cookie uint64, used *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_get
//go:noescape
func fdFilestatGet(fd uint32, stat unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_size
func fdFilestatSetSize(fd uint32, size uint64) uint32

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_times
func fdFilestatSetTimes(fd uint32, atim, mtim uint64, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_filestat_get
//go:noescape
func pathFilestatGet(dir, lookup uint32, path *byte, n uint32, stat unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 path_filestat_set_times
//go:noescape
func pathFilestatSetTimes(dir, lookup uint32, path *byte, n uint32, atim, mtim uint64, flags uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_create_directory
//go:noescape
func pathCreateDirectory(dir uint32, path *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_remove_directory
//go:noescape
func pathRemoveDirectory(dir uint32, path *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_unlink_file
//go:noescape
func pathUnlinkFile(dir uint32, path *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_rename
//go:noescape
func pathRename(dir uint32, path *byte, n, newDir uint32, newPath *byte, newN uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_link
//go:noescape
func pathLink(dir, lookup uint32, path *byte, n, newDir uint32, newPath *byte, newN uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_symlink
//go:noescape
func pathSymlink(target *byte, targetN, dir uint32, path *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 path_readlink
//go:noescape
func pathReadlink(dir uint32, path *byte, n uint32, buf *byte, size uint32, used *uint32) uint32

// engineFiles is preview 1's half of files. Its fields are arguments that the
// engine reads and writes, kept to spare an allocation for each call.
type engineFiles struct {
	iovs [maxVectors]iovec
	n    uint32
	at   uint64
	// prestat and fdstat have the layout that preview 1 gives them.
	prestatBuf struct {
		tag  uint8 // 0: directory
		_    [3]byte
		size uint32
	}
	fdstatBuf fdstat
}

var (
	_ [8]byte  = [unsafe.Sizeof(engineFiles{}.prestatBuf)]byte{}
	_ [24]byte = [unsafe.Sizeof(fdstat{})]byte{}
	_ [64]byte = [unsafe.Sizeof(filestat{})]byte{}
)

func bytesOf(s string) (*byte, uint32) { return unsafe.StringData(s), uint32(len(s)) }

func (e *engineFiles) prestat(fd uint32) (int, Errno) {
	errno := Errno(fdPrestatGet(fd, unsafe.Pointer(&e.prestatBuf)))
	if errno == errnoSuccess && e.prestatBuf.tag != 0 {
		return 0, errnoNotdir
	}
	return int(e.prestatBuf.size), errno
}

func (e *engineFiles) prestatName(fd uint32, p []byte) Errno {
	return Errno(fdPrestatDirName(fd, unsafe.SliceData(p), uint32(len(p))))
}

func (e *engineFiles) fdstat(fd uint32) (fdstat, Errno) {
	errno := Errno(fdFdstatGet(fd, unsafe.Pointer(&e.fdstatBuf)))
	return e.fdstatBuf, errno
}

func (e *engineFiles) open(dir uint32, name string, oflags uint16, rights, inheriting uint64, fdflags uint16) (uint32, Errno) {
	p, n := bytesOf(name)
	errno := Errno(pathOpen(dir, 0, p, n, uint32(oflags), rights, inheriting, uint32(fdflags), &e.n))
	return e.n, errno
}

func (e *engineFiles) close(fd uint32) Errno { return Errno(fdClose(fd)) }

func (e *engineFiles) setFlags(fd uint32, flags uint16) Errno {
	return Errno(fdFdstatSetFlags(fd, uint32(flags)))
}

func (e *engineFiles) seek(fd uint32, off int64, whence uint32) Errno {
	return Errno(fdSeek(fd, off, whence, &e.at))
}

// vectors keeps the addresses of bufs as numbers. The buffers must live on the
// heap, which does not move; they do, because they come through an interface's
// method.
func (e *engineFiles) vectors(bufs [][]byte) (unsafe.Pointer, uint32) {
	n := min(len(bufs), maxVectors)
	for i, b := range bufs[:n] {
		e.iovs[i] = iovec{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))}
	}
	e.n = 0
	return unsafe.Pointer(&e.iovs), uint32(n)
}

func (e *engineFiles) read(fd uint32, bufs [][]byte) (int, Errno) {
	p, n := e.vectors(bufs)
	errno := Errno(fdRead(fd, p, n, &e.n))
	runtime.KeepAlive(bufs)
	return int(e.n), errno
}

func (e *engineFiles) pread(fd uint32, bufs [][]byte, off int64) (int, Errno) {
	p, n := e.vectors(bufs)
	errno := Errno(fdPread(fd, p, n, uint64(off), &e.n))
	runtime.KeepAlive(bufs)
	return int(e.n), errno
}

func (e *engineFiles) write(fd uint32, bufs [][]byte) (int, Errno) {
	p, n := e.vectors(bufs)
	errno := Errno(fdWrite(fd, p, n, &e.n))
	runtime.KeepAlive(bufs)
	return int(e.n), errno
}

func (e *engineFiles) pwrite(fd uint32, bufs [][]byte, off int64) (int, Errno) {
	p, n := e.vectors(bufs)
	errno := Errno(fdPwrite(fd, p, n, uint64(off), &e.n))
	runtime.KeepAlive(bufs)
	return int(e.n), errno
}

func (e *engineFiles) sync(fd uint32) Errno     { return Errno(fdSync(fd)) }
func (e *engineFiles) datasync(fd uint32) Errno { return Errno(fdDatasync(fd)) }

func (e *engineFiles) readdir(fd uint32, p []byte, cookie uint64) (int, Errno) {
	e.n = 0
	errno := Errno(fdReaddir(fd, unsafe.SliceData(p), uint32(len(p)), cookie, &e.n))
	return min(int(e.n), len(p)), errno
}

func (e *engineFiles) filestat(fd uint32, st *filestat) Errno {
	return Errno(fdFilestatGet(fd, unsafe.Pointer(st)))
}

func (e *engineFiles) setSize(fd uint32, size int64) Errno {
	return Errno(fdFilestatSetSize(fd, uint64(size)))
}

func (e *engineFiles) setTimes(fd uint32, atime, mtime int64, flags uint16) Errno {
	return Errno(fdFilestatSetTimes(fd, uint64(atime), uint64(mtime), uint32(flags)))
}

func (e *engineFiles) pathFilestat(dir uint32, name string, st *filestat) Errno {
	p, n := bytesOf(name)
	return Errno(pathFilestatGet(dir, 0, p, n, unsafe.Pointer(st)))
}

func (e *engineFiles) pathSetTimes(dir uint32, name string, atime, mtime int64, flags uint16) Errno {
	p, n := bytesOf(name)
	return Errno(pathFilestatSetTimes(dir, 0, p, n, uint64(atime), uint64(mtime), uint32(flags)))
}

func (e *engineFiles) mkdir(dir uint32, name string) Errno {
	p, n := bytesOf(name)
	return Errno(pathCreateDirectory(dir, p, n))
}

func (e *engineFiles) rmdir(dir uint32, name string) Errno {
	p, n := bytesOf(name)
	return Errno(pathRemoveDirectory(dir, p, n))
}

func (e *engineFiles) unlink(dir uint32, name string) Errno {
	p, n := bytesOf(name)
	return Errno(pathUnlinkFile(dir, p, n))
}

func (e *engineFiles) rename(dir uint32, name string, newDir uint32, newName string) Errno {
	p, n := bytesOf(name)
	q, m := bytesOf(newName)
	return Errno(pathRename(dir, p, n, newDir, q, m))
}

func (e *engineFiles) link(dir uint32, name string, newDir uint32, newName string) Errno {
	p, n := bytesOf(name)
	q, m := bytesOf(newName)
	return Errno(pathLink(dir, 0, p, n, newDir, q, m))
}

func (e *engineFiles) symlink(target string, dir uint32, name string) Errno {
	p, n := bytesOf(target)
	q, m := bytesOf(name)
	return Errno(pathSymlink(p, n, dir, q, m))
}

func (e *engineFiles) readlink(dir uint32, name string, p []byte) (int, Errno) {
	q, n := bytesOf(name)
	e.n = 0
	errno := Errno(pathReadlink(dir, q, n, unsafe.SliceData(p), uint32(len(p)), &e.n))
	return int(e.n), errno
}
