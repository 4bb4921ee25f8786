package runner

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what pipes to and from an engine hold, in bytes. Linux gives 64 KiB
// and allows this much by default.
const pipeSize = 1 << 20

// growPipe lets a pipe hold more. It is for speed only.
func growPipe(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}
