//go:build !unix

package wasi_test

import (
	"errors"
	"os"
)

func setNonblock(*os.File) error { return errors.New("no non-blocking pipes here") }

func nonblocking(*os.File) (bool, error) { return false, errors.New("cannot tell here") }
