//go:build !unix

package wasi_test

import (
	"errors"
	"os"
)

func setNonblock(*os.File) error { return errors.New("no non-blocking pipes here") }
