//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package machinewasm

import (
	"errors"
	"os"
)

// tryLock says that files cannot be locked here.
func tryLock(*os.File) (taken bool, err error) { return false, errors.ErrUnsupported }
