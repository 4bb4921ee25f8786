package runner

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe lets a pipe hold more. It is for speed only.
func growPipe(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}
