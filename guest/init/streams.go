//go:build linux

package main

import (
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

const (
	// chunk is how much is read at once, in bytes. It is less than a pipe holds,
	// so that both ends can be at work.
	chunk = 128 << 10
	// pipeSize is the size of the command's pipes in bytes: fewer, longer turns
	// of the one processor than with the kernel's 64 KiB.
	pipeSize = 256 << 10
	// portBuffer is the size of the kernel's receive buffers: one read of a
	// port returns at most that, so one call asks for several. Not for many:
	// each that is asked for and not there costs as much as a system call.
	portBuffer  = 4096
	portBuffers = 16
	// turns bounds how often a stream moves what it can before others get to.
	turns = 16
)

// The chunks on their way. They cost memory only once they are used.
var (
	inputChunk              [portBuffers * portBuffer]byte
	outputChunk, errorChunk [chunk]byte
)

// input is the way from the host to the command.
type input struct {
	source  int    // the port
	sink    int    // pipe or terminal; -1: closed
	pending []byte // read and not yet written
	eof     bool   // no more comes from the port
	ended   bool   // what to do at the end is done, or need not be
	last    byte   // the last byte written
	iov     [portBuffers]syscall.Iovec
}

func (in *input) open(sink int) {
	in.sink, in.last = sink, '\n'
	for i := range in.iov {
		in.iov[i].Base = &inputChunk[i*portBuffer]
		in.iov[i].SetLen(portBuffer)
	}
}

// move carries bytes until one side cannot go on; it reports whether the command
// is there to read more.
func (in *input) move() (wanted bool) {
	for range turns {
		if len(in.pending) == 0 && !in.eof {
			n, _, errno := syscall.RawSyscall(syscall.SYS_READV, uintptr(in.source), uintptr(unsafe.Pointer(&in.iov)), uintptr(len(in.iov)))
			switch {
			case errno == syscall.EAGAIN || errno == syscall.EINTR:
				return true
			case errno != 0 || n == 0:
				in.eof = true
			default:
				in.pending = inputChunk[:n]
			}
		}
		for len(in.pending) > 0 {
			n, errno := rawWrite(in.sink, in.pending)
			if errno == syscall.EAGAIN || errno == syscall.EINTR {
				return true
			}
			if errno != 0 {
				return false
			}
			in.last = in.pending[n-1]
			in.pending = in.pending[n:]
		}
		if in.eof {
			return true
		}
	}
	return true
}

func (in *input) close() {
	if in.sink >= 0 {
		syscall.Close(in.sink)
	}
	in.sink, in.pending, in.ended = -1, nil, true
}

// output is the way from the command to the host. It copies: splice(2) to a port
// would save a fifth of the instructions from pipe to pipe, but Linux (6.12,
// port_fops_splice_write) writes past its list of pages when the pipe holds an
// empty buffer, as a write from a bad address leaves one.
type output struct {
	source  int // pipe or terminal; -1: closed
	sink    int // the port
	pending []byte
	chunk   *[chunk]byte
}

// move carries bytes until one side cannot go on; it reports whether there may
// be more.
func (o *output) move() (open bool) {
	for range turns {
		if len(o.pending) == 0 {
			n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(o.source), uintptr(unsafe.Pointer(o.chunk)), chunk)
			switch {
			case errno == syscall.EAGAIN || errno == syscall.EINTR:
				return true
			case errno != 0 || n == 0:
				return false
			}
			o.pending = o.chunk[:n]
		}
		if !o.flush() {
			return true
		}
	}
	return true
}

// flush writes what is pending and reports whether that is all gone.
func (o *output) flush() bool {
	for len(o.pending) > 0 {
		n, errno := rawWrite(o.sink, o.pending)
		switch errno {
		case 0:
			o.pending = o.pending[n:]
		case syscall.EAGAIN, syscall.EINTR:
			return false
		case syscall.ENOMEM: // the driver copies up to 32 KiB into one piece
			if n, errno = rawWrite(o.sink, o.pending[:min(len(o.pending), 2048)]); errno != 0 {
				return false
			}
			o.pending = o.pending[n:]
		default: // nobody is there to take it
			o.pending = nil
		}
	}
	return true
}

func (o *output) close() {
	if o.source >= 0 {
		syscall.Close(o.source)
	}
	o.source, o.pending = -1, nil
}

// The pump's descriptors do not block, so the scheduler of the Go runtime need
// not know of these calls.
func rawWrite(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// connect makes the command's standard streams and returns its ends of them.
func (s *session) connect(spec *agent.Spec) ([]int, error) {
	s.out[0].chunk, s.out[1].chunk = &outputChunk, &errorChunk
	if spec.Terminal {
		s.terminal, s.out[1].source = true, -1
		return s.openTerminal(spec)
	}
	var command [3]int
	for i := range command {
		var p [2]int
		if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
			return nil, during("making the command's pipes", err)
		}
		const setSize = 1031                                                    // F_SETPIPE_SZ
		syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(p[0]), setSize, pipeSize) // the usual size does, too
		own := p[0]
		if i == 0 {
			own, command[i] = p[1], p[0]
			s.in.open(own)
		} else {
			command[i] = p[1]
			s.out[i-1].source = own
		}
		syscall.SetNonblock(own, true)
	}
	return command[:], nil
}
