// Package machinewasm carries the machine as it goes into every file: package
// cmd/machine compiled for wasip1, committed compressed so that c2w needs
// nothing but Go. It is made by "make machine-commit"; built/lock.json says from what,
// and a test fails when the sources have changed since.
//
// It must not import the machine's packages, nor know what the module does.
package machinewasm

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/klauspost/compress/zstd"
)

//go:embed built
var built embed.FS

// file is the module's name in built.
const file = "built/machine.wasm.zst"

// maxUnpacked bounds the module, in bytes.
const maxUnpacked = 64 << 20

// ErrNone says that this tree has no built machine.
var ErrNone = errors.New("this c2w was built without its machine: run make machine-commit")

// Module returns the machine's module.
func Module() ([]byte, error) {
	packed, err := built.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := d.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking the embedded machine: %w", err)
	}
	return m, nil
}
