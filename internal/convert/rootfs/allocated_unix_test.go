//go:build unix

package rootfs

import (
	"os"
	"syscall"
)

// allocated returns how many bytes of the disk a file takes.
func allocated(f *os.File) (int64, bool) {
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Blocks * 512, true
}
