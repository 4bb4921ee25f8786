#!/bin/sh
# Builds the riscv64 guest kernel from Debian's packaged Linux source, bit for
# bit the same on every run and in every directory, and writes beside itself
#
#	Image-riscv64.zst  the kernel, compressed
#	riscv64.lock       the inputs and outputs by hash, checked by the Go test
#
# Needs Debian 12 with gcc-riscv64-linux-gnu, make, flex, bison, bc, patch, zstd, dpkg.
# The toolchain is part of the recipe: its versions are in the lock.
#
#	C2W_KERNEL_DEB=FILE  use this source package instead of fetching it with apt
#	C2W_KERNEL_OUT=DIR   leave vmlinux, System.map, .config and Image there too
#	C2W_KERNEL_JOBS=N    parallel compiler runs (default: all processors)
set -eu

version=6.12.117-1~deb12u1
source_sha256=e849faf31ca3555757f3a8877cb01af92122f744f75d1f3102734651c4e14703
stamp='Sat Nov 14 12:56:00 UTC 2026'

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

deb=${C2W_KERNEL_DEB:-}
if [ -z "$deb" ]; then
	(cd "$work" && apt-get download "linux-source-6.12=$version")
	deb=$(echo "$work"/linux-source-6.12_*.deb)
fi
echo "$source_sha256  $deb" | sha256sum -c --quiet

dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" ./usr/src/linux-source-6.12.tar.xz
tar -x -f "$work/usr/src/linux-source-6.12.tar.xz" -C "$work"
rm -r "$work/usr"
cd "$work/linux-source-6.12"

# The alternatives mechanism patches kernel text at boot. Nothing else in this
# configuration does, and the code without it is the one that XIP kernels use.
sed -i '/^\tselect RISCV_ALTERNATIVE if !XIP_KERNEL$/d' arch/riscv/Kconfig
if grep -q 'select RISCV_ALTERNATIVE if' arch/riscv/Kconfig; then
	echo "build.sh: arch/riscv/Kconfig still selects RISCV_ALTERNATIVE" >&2
	exit 1
fi

# Our own changes; each says why. Fuzz would mean that they were made for
# another source.
for p in "$here"/patches/*.patch; do
	patch -s -p1 --fuzz=0 --no-backup-if-mismatch <"$p"
done

export ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- LC_ALL=C TZ=UTC
export KBUILD_BUILD_TIMESTAMP="$stamp" KBUILD_BUILD_USER=c2w KBUILD_BUILD_HOST=c2w KBUILD_BUILD_VERSION=1
unset MAKEFLAGS LOCALVERSION || true

make -s KCONFIG_ALLCONFIG="$here/riscv64.config" allnoconfig
bad=0
while read -r line; do
	case $line in
	CONFIG_*) grep -qxF "$line" .config || { echo "build.sh: not in effect: $line" >&2; bad=1; } ;;
	'# CONFIG_'*' is not set')
		name=${line#\# } name=${name%% *}
		if grep -q "^$name=" .config; then echo "build.sh: not in effect: $line" >&2; bad=1; fi ;;
	esac
done <"$here/riscv64.config"
[ "$bad" = 0 ] || exit 1

make -s -j"${C2W_KERNEL_JOBS:-$(nproc)}" Image vmlinux

out=$work/out
mkdir "$out"
cp arch/riscv/boot/Image "$out/Image"
zstd -q -19 --ultra --single-thread --no-check -f "$out/Image" -o "$out/Image-riscv64.zst"

hash() { sha256sum "$1" | cut -d' ' -f1; }
cat >"$out/riscv64.lock" <<LOCK
# Written by build.sh. The first part is what went in, the second what came out.
script     sha256:$(hash "$here/build.sh")
config     sha256:$(hash "$here/riscv64.config")
$(cd "$here/patches" && for p in *.patch; do echo "patch      $p sha256:$(hash "$p")"; done)
source     linux-source-6.12 $version sha256:$source_sha256
compiler   $(riscv64-linux-gnu-gcc --version | head -n 1)
linker     $(riscv64-linux-gnu-ld --version | head -n 1)
image      sha256:$(hash "$out/Image") size:$(stat -c %s "$out/Image")
compressed sha256:$(hash "$out/Image-riscv64.zst") size:$(stat -c %s "$out/Image-riscv64.zst")
LOCK

if [ -n "${C2W_KERNEL_OUT:-}" ]; then
	mkdir -p "$C2W_KERNEL_OUT"
	cp "$out/Image" vmlinux System.map "$C2W_KERNEL_OUT/"
	cp .config "$C2W_KERNEL_OUT/config"
fi
mv "$out/Image-riscv64.zst" "$out/riscv64.lock" "$here/"
cat "$here/riscv64.lock"
