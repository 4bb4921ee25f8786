// Package runc carries runc, the OCI runtime that makes the container in the
// guest, built from its released source by build.sh and committed compressed.
//
// It must not know what is in the container's configuration, nor who calls runc.
package runc

import _ "embed"

// MaxCompressed is what a compressed runc may take, in bytes: less than the
// kernel.
const MaxCompressed = 2_500_000

//go:embed runc-riscv64.zst
var riscv64 []byte

// Compressed returns the zstd-compressed runc for an architecture as Go names
// it, a statically linked executable of some 7 MB, or nil if there is none. The
// caller must not change it.
func Compressed(arch string) []byte {
	if arch == "riscv64" {
		return riscv64
	}
	return nil
}
