// Package demo carries the image that c2w runs when it is given none: Debian's
// static BusyBox for riscv64 with a greeting, as an OCI layout in a zip file.
// The image is made by build.sh; lock.json says from what.
//
// It must not know how images are read: package image treats it as a source
// like any other.
package demo

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io/fs"
)

//go:embed demo.zip
var layout []byte

// Layout returns the root of the OCI layout. It fails only if the file that was
// compiled in is damaged.
func Layout() (fs.FS, error) {
	z, err := zip.NewReader(bytes.NewReader(layout), int64(len(layout)))
	if err != nil {
		return nil, fmt.Errorf("reading the built-in demo image: %w", err)
	}
	return z, nil
}
