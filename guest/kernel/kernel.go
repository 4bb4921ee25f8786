// Package kernel carries the guest's Linux kernels, built from Debian's
// packaged source by build.sh and committed compressed.
//
// The kernel is licensed under GPL-2.0-only, unlike the rest of this module. Its
// corresponding source is the package that riscv64.lock names, the changes in
// patches and the one line and the build in build.sh, and the configuration in
// riscv64.config; README.md says more. The package must not know how a kernel is booted.
package kernel

import _ "embed"

// MaxCompressed is what a compressed kernel may take of a converted file, in
// bytes.
const MaxCompressed = 3 << 20

//go:embed Image-riscv64.zst
var riscv64 []byte

// Compressed returns the zstd-compressed kernel for an architecture as Go names
// it, or nil if there is none. The caller must not change it.
//
// The riscv64 kernel is the flat Image of Linux's Documentation/arch/riscv/
// boot-image-header.rst, to be loaded 2 MiB into RAM and entered at its first
// byte.
func Compressed(arch string) []byte {
	if arch == "riscv64" {
		return riscv64
	}
	return nil
}
