#!/bin/sh
# Builds init for the guest and writes beside itself
#
#	init-riscv64.zst   the program, compressed
#	riscv64.lock       what it was built from and what came out, by hash
#
# Needs Go and zstd. The Go version is part of the recipe and is in the lock.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

env GOOS=linux GOARCH=riscv64 GORISCV64=rva20u64 CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= GODEBUG= GOWORK=off \
	go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$work/init" .
zstd -q -19 --ultra --single-thread --no-check -f "$work/init" -o "$work/init-riscv64.zst"

hash() { sha256sum "$1" | cut -d' ' -f1; }
# The sources of init and of what it imports from this module, without tests.
sources=$(ls build.sh *.go *.s ../../internal/format/agent/*.go ../../internal/format/frame/*.go | grep -v _test.go | LC_ALL=C sort)
{
	echo "# Written by build.sh. The first part is what went in, the second what came out."
	echo "go         $(go env GOVERSION)"
	for f in $sources; do echo "source     $f sha256:$(hash "$f")"; done
	echo "init       sha256:$(hash "$work/init") size:$(stat -c %s "$work/init")"
	echo "compressed sha256:$(hash "$work/init-riscv64.zst") size:$(stat -c %s "$work/init-riscv64.zst")"
} >"$work/riscv64.lock"
mv "$work/init-riscv64.zst" "$work/riscv64.lock" .
cat riscv64.lock
