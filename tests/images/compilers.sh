#!/bin/sh
# Makes a Debian image like debian.sh's with programs that compile at run time:
# LuaJIT, node, and tcc, which Debian has no riscv64 package of. It is built here
# from Debian's source, and lies in the image with that source. What the programs
# are given to do is in compilers, /opt/compilers in the image.
#
#   tests/images/compilers.sh DIR      made from the same files before: nothing is done
#
# Needs what debian.sh needs, and riscv64-linux-gnu-gcc.
set -eu
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")"
from=$(cat compilers.sh debian.sh compilers/* | sha256sum)
[ "$(cat "$dir/made-from" 2>/dev/null)" = "$from" ] && exit 0
rm -rf "$dir/made-from" "$dir/index.json" "$dir/blobs"
MIRROR=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)}
export MIRROR
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# An apt of its own, whose sources are trixie's.
mkdir -p "$tmp/apt/lists/partial" "$tmp/tcc" "$tmp/overlay"
echo "deb-src $MIRROR trixie main" > "$tmp/sources"
cat > "$tmp/apt.conf" <<EOF
Dir::State "$tmp/apt"; Dir::State::status "/dev/null"; Dir::Cache "$tmp/apt";
Dir::Etc::sourcelist "$tmp/sources"; Dir::Etc::sourceparts "-"; APT::Sandbox::User "";
EOF
(cd "$tmp" && export APT_CONFIG="$tmp/apt.conf" && apt-get -qq update &&
	apt-get -qq source --download-only --tar-only tcc)
tar -C "$tmp/tcc" -xf "$tmp"/tcc_*.orig.tar.*

cd "$tmp/tcc"
./configure --cpu=riscv64 --cross-prefix=riscv64-linux-gnu- > "$tmp/configure.log"
lib=$tmp/overlay/usr/lib/tcc
mkdir -p "$tmp/overlay/usr/bin" "$lib/include" "$tmp/overlay/usr/src/tcc"
# Multiarch: where the image's C library and its headers are.
triplet=riscv64-linux-gnu
riscv64-linux-gnu-gcc -O1 -w -DONE_SOURCE=1 -DTCC_TARGET_RISCV64 -DCONFIG_TCCDIR='"/usr/lib/tcc"' \
	-DCONFIG_TRIPLET="\"$triplet\"" -o "$tmp/overlay/usr/bin/tcc" tcc.c -lm -ldl -lpthread
riscv64-linux-gnu-gcc -O1 -w -Iinclude -c lib/lib-arm64.c lib/fetch_and_add_riscv64.S
riscv64-linux-gnu-ar rcsD "$lib/libtcc1.a" lib-arm64.o fetch_and_add_riscv64.o
cp include/*.h "$lib/include"
cp ./*.c ./*.h ./*.def "$tmp/overlay/usr/src/tcc"
cd "$OLDPWD"
mkdir -p "$tmp/overlay/opt"
cp -R compilers "$tmp/overlay/opt"
OVERLAY="$tmp/overlay" ./debian.sh "$dir" luajit,nodejs,libc6-dev
echo "$from" > "$dir/made-from"
