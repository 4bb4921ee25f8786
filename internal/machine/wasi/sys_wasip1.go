package wasi

import (
	"runtime"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 clock_time_get
//go:noescape
func clockTimeGet(id uint32, precision uint64, time *uint64) uint32

//go:wasmimport wasi_snapshot_preview1 random_get
//go:noescape
func randomGet(p *byte, n uint32) uint32

//go:wasmimport wasi_snapshot_preview1 poll_oneoff
//go:noescape
func pollOneoff(in, out unsafe.Pointer, n uint32, events *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_read
//go:noescape
func fdRead(fd uint32, iov unsafe.Pointer, n uint32, read *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 fd_write
//go:noescape
func fdWrite(fd uint32, iov unsafe.Pointer, n uint32, written *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 proc_exit
func procExit(status uint32)

//go:wasmimport wasi_snapshot_preview1 args_sizes_get
//go:noescape
func argsSizesGet(count, size *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 args_get
//go:noescape
func argsGet(pointers *uint32, buf *byte) uint32

//go:wasmimport wasi_snapshot_preview1 environ_sizes_get
//go:noescape
func environSizesGet(count, size *uint32) uint32

//go:wasmimport wasi_snapshot_preview1 environ_get
//go:noescape
func environGet(pointers *uint32, buf *byte) uint32

// New returns the engine.
func New() *Host {
	h := &Host{sys: &engine{}, fsys: &engineFiles{}}
	h.unblock()
	return h
}

// engine is preview 1. Its fields are arguments that the engine reads and
// writes, kept to spare an allocation for each call.
type engine struct {
	subs   [2]subscription
	events [2]event
	iov    iovec
	n      uint32
	ns     uint64
}

// subscription and event have the layout that preview 1 gives them.
type subscription struct {
	userdata uint64
	tag      uint8 // eventClock or eventRead
	_        [7]byte
	id       uint32 // clock or descriptor
	_        uint32
	timeout  uint64
	_        uint64 // precision
	_        uint16 // flags: 0, relative
	_        [6]byte
}

type event struct {
	userdata uint64
	errno    uint16
	kind     uint8
	_        [5]byte
	_        uint64 // bytes available
	_        uint64 // flags
}

const (
	eventClock = 0
	eventRead  = 1
)

var (
	_ [48]byte = [unsafe.Sizeof(subscription{})]byte{}
	_ [32]byte = [unsafe.Sizeof(event{})]byte{}
)

type iovec struct {
	buf uint32
	len uint32
}

func (e *engine) clock(id clockID) (int64, Errno) {
	errno := clockTimeGet(uint32(id), 1, &e.ns)
	return int64(e.ns), Errno(errno)
}

func (e *engine) random(p []byte) Errno {
	return Errno(randomGet(unsafe.SliceData(p), uint32(len(p))))
}

func (e *engine) poll(timeout int64, stdin bool) (pollResult, Errno) {
	e.subs[0] = subscription{userdata: eventClock, tag: eventClock, id: uint32(clockMonotonic), timeout: uint64(timeout)}
	n := uint32(1)
	if stdin {
		e.subs[1] = subscription{userdata: eventRead, tag: eventRead}
		n = 2
	}
	e.n = 0
	errno := Errno(pollOneoff(unsafe.Pointer(&e.subs), unsafe.Pointer(&e.events), n, &e.n))
	if errno != errnoSuccess {
		return pollResult{}, errno
	}
	var r pollResult
	for i := range min(e.n, n) {
		// The userdata is ours and so more to be trusted than the kind, which
		// old engines wrote at another offset.
		if ev := &e.events[i]; ev.userdata == eventRead {
			r.stdin, r.stdinErr = true, Errno(ev.errno)
		} else {
			r.clock = true
		}
	}
	return r, errnoSuccess
}

// vector keeps the address of p as a number. p must live on the heap, which does
// not move; it does, because it comes through an interface's method.
func (e *engine) vector(p []byte) unsafe.Pointer {
	e.iov = iovec{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(p)))), uint32(len(p))}
	return unsafe.Pointer(&e.iov)
}

func (e *engine) read(p []byte) (int, Errno) {
	e.n = 0
	errno := Errno(fdRead(0, e.vector(p), 1, &e.n))
	runtime.KeepAlive(p)
	return min(int(e.n), len(p)), errno
}

func (e *engine) write(fd int, p []byte) (int, Errno) {
	e.n = 0
	errno := Errno(fdWrite(uint32(fd), e.vector(p), 1, &e.n))
	runtime.KeepAlive(p)
	return min(int(e.n), len(p)), errno
}

func (e *engine) exit(status int) { procExit(uint32(status)) }

func (e *engine) args() []string    { return stringVector(argsSizesGet, argsGet) }
func (e *engine) environ() []string { return stringVector(environSizesGet, environGet) }

// stringVector reads a list of NUL-terminated strings.
func stringVector(sizes func(count, size *uint32) uint32, get func(*uint32, *byte) uint32) []string {
	var count, size uint32
	if sizes(&count, &size) != 0 || count == 0 || size == 0 {
		return nil
	}
	pointers := make([]uint32, count)
	buf := make([]byte, size)
	if get(&pointers[0], &buf[0]) != 0 {
		return nil
	}
	base := uint32(uintptr(unsafe.Pointer(&buf[0])))
	list := make([]string, 0, count)
	for _, p := range pointers {
		if p-base >= size {
			return list
		}
		end := p - base
		for end < size && buf[end] != 0 {
			end++
		}
		list = append(list, string(buf[p-base:end]))
	}
	return list
}
