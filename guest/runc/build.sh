#!/bin/sh
# Builds runc for the guest from its released source, unchanged and bit for bit
# the same on every run, and writes beside itself
#
#	runc-riscv64.zst   the program, compressed
#	riscv64.lock       the inputs and outputs by hash, checked by the Go test
#
# Needs Go, zstd, and Debian's gcc-riscv64-linux-gnu with its C library. Go's,
# the compiler's and the library's versions are part of the recipe: the lock has
# them. The first run fetches the source as Go modules.
set -eu

version=v1.5.2
sum=h1:eUUowc2WJCnFYzI87C1WqRcu356Dk/wsoi90y+2wEfE=
# Left out: what the configuration never asks for (seccomp needs a tag to be in)
# and what only prints documents.
tags='netgo osusergo runc_nocriu urfave_cli_no_docs'
# Inlined where it is executed often; elsewhere it only makes the program longer.
inline='runtime/... internal/... sync/... unicode/... encoding/json reflect slices sort strings bytes syscall os'

cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# Go's checksum database vouches for the module, its go.sum for what it uses.
module=$(cd "$work" && go mod download -json "github.com/opencontainers/runc@$version")
field() { echo "$module" | sed -n "s/^\t\"$1\": \"\(.*\)\",*$/\1/p"; }
if [ "$(field Sum)" != "$sum" ]; then
	echo "build.sh: runc $version has the sum $(field Sum), not $sum" >&2
	exit 1
fi
cp -r "$(field Dir)" "$work/source"

flags=-gcflags=all=-l
for p in $inline; do flags="$flags -gcflags=$p="; done

# shellcheck disable=SC2086 # flags are words
(cd "$work/source" && env GOOS=linux GOARCH=riscv64 GORISCV64=rva20u64 \
	CGO_ENABLED=1 CC=riscv64-linux-gnu-gcc CGO_CFLAGS='-O2 -g0' CGO_LDFLAGS= \
	GOFLAGS= GOEXPERIMENT= GODEBUG= GOWORK=off GOTOOLCHAIN=local \
	go build -mod=readonly -trimpath -buildvcs=false -tags "$tags" $flags \
	-ldflags '-s -w -buildid= -linkmode external -extldflags "-static -Wl,--build-id=none"' -o "$work/runc" .)
zstd -q -19 --ultra --single-thread --no-check -f "$work/runc" -o "$work/runc-riscv64.zst"

hash() { sha256sum "$1" | cut -d' ' -f1; }
{
	echo "# Written by build.sh. The first part is what went in, the second what came out."
	echo "script     sha256:$(hash build.sh)"
	echo "source     github.com/opencontainers/runc $version $sum"
	go version -m "$work/runc" | awk '$1 == "dep" { printf "module     %s %s %s\n", $2, $3, $4 }'
	echo "go         $(go env GOVERSION)"
	echo "compiler   $(riscv64-linux-gnu-gcc --version | head -n 1)"
	echo "linker     $(riscv64-linux-gnu-ld --version | head -n 1)"
	echo "library    glibc $(dpkg-query -W -f '${Built-Using}' libc6-dev-riscv64-cross | sed -n 's/.*glibc (= \([^)]*\)).*/\1/p')"
	echo "runc       sha256:$(hash "$work/runc") size:$(stat -c %s "$work/runc")"
	echo "compressed sha256:$(hash "$work/runc-riscv64.zst") size:$(stat -c %s "$work/runc-riscv64.zst")"
} >"$work/riscv64.lock"
mv "$work/runc-riscv64.zst" "$work/riscv64.lock" .
cat riscv64.lock
