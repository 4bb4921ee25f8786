//go:build unix

package wasi_test

import (
	"os"
	"syscall"
)

func setNonblock(f *os.File) error { return syscall.SetNonblock(int(f.Fd()), true) }
