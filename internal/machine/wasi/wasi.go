// Package wasi is what the machine asks of its host: clocks, randomness,
// standard input and output, waiting, arguments, environment, exit, and the
// directories that it hands over (the contract for those is package hostfs).
//
// Compiled for wasip1 it calls WASI preview 1 directly and not through package
// os: a read that blocks in Go's own runtime would stop the machine's only
// thread at a place of the runtime's choice. Compiled natively it is the same
// [Host] over the process's own streams, so that the machine's packages run
// under go test.
//
// Engines differ in what they make of preview 1. Each difference that we work
// around is a row of [Differences]; the workaround is in host.go, above the
// system interface, so that tests reach it with a fake engine too.
//
// The package knows no guest and no device, and keeps no time of its own.
package wasi

import "errors"

// Errno is a WASI error number.
type Errno uint16

// The error numbers that something is done about.
const (
	errnoSuccess Errno = 0
	errnoAgain   Errno = 6
	errnoBadf    Errno = 8
	errnoInval   Errno = 28
	errnoIntr    Errno = 27
	errnoIO      Errno = 29
	errnoNotsup  Errno = 58
	errnoPipe    Errno = 64
)

func (e Errno) Error() string {
	switch e {
	case errnoAgain:
		return "no data yet (EAGAIN)"
	case errnoBadf:
		return "the descriptor is closed (EBADF)"
	case errnoInval:
		return "invalid argument (EINVAL)"
	case errnoIntr:
		return "interrupted (EINTR)"
	case errnoIO:
		return "input/output error (EIO)"
	case errnoNotsup:
		return "not supported by this engine (ENOTSUP)"
	case errnoPipe:
		return "nobody reads (EPIPE)"
	}
	return "WASI error " + itoa(int(e))
}

// ErrClosed is what writing to a descriptor reports that is closed, or whose
// reader is gone.
var ErrClosed = errors.New("the output is closed")

// Descriptors for [Host.Write].
const (
	Stdout = 1
	Stderr = 2
)

// system is preview 1 reduced to what Host calls. Its methods report what the
// engine did, without any workaround.
type system interface {
	// clock reads a clock in nanoseconds.
	clock(id clockID) (int64, Errno)
	random(p []byte) Errno
	// poll waits until timeout nanoseconds have passed or standard input can
	// be read, the latter only if stdin is set.
	poll(timeout int64, stdin bool) (pollResult, Errno)
	read(p []byte) (int, Errno)
	write(fd int, p []byte) (int, Errno)
	exit(status int)
	args() []string
	environ() []string
}

type clockID uint32

const (
	clockRealtime  clockID = 0
	clockMonotonic clockID = 1
	// clockProcess is the process's CPU time. Engines answer it so differently
	// that it tells them apart.
	clockProcess clockID = 2
)

// pollResult says which events poll_oneoff reported.
type pollResult struct {
	clock bool
	stdin bool
	// stdinErr is the error inside of the stdin event.
	stdinErr Errno
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
