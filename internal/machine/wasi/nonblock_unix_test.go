//go:build unix

package wasi_test

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func setNonblock(f *os.File) error { return syscall.SetNonblock(int(f.Fd()), true) }

// nonblocking reports whether the open file does not block. Fd of os.File would
// make it block.
func nonblocking(f *os.File) (on bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var flags int
	if e := conn.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }); e != nil {
		return false, e
	}
	return flags&unix.O_NONBLOCK != 0, err
}
