//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package machinewasm

import (
	"os"
	"syscall"
)

// tryLock locks a file until it is closed, unless another process has it. An
// error says that files cannot be locked here.
func tryLock(f *os.File) (taken bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
	case nil:
		return true, nil
	case syscall.EWOULDBLOCK, syscall.EINTR:
		return false, nil
	default:
		return false, err
	}
}
