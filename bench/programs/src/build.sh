#!/bin/sh
# build.sh CC OUT [MARCH-FLAGS]: compiles c2wbench with one compiler.
#
# Autovectorisation is off everywhere: the guest that c2w shows has no vector
# unit, and a native figure with one would compare instruction sets, not
# engines. Loop idiom recognition is off so that a loop that clears memory
# stays a loop. Products and sums are fused only where the source says so.
set -eu
cc=$1 out=$2
shift 2
src=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
flags="-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-tree-vectorize
 -fno-tree-loop-distribute-patterns -ffp-contract=off -fno-math-errno -fno-stack-protector
 -fno-pic -fno-pie -fno-asynchronous-unwind-tables -ffile-prefix-map=$src=. $*"
case $("$cc" -dumpmachine) in
x86_64*) fused=-mfma ;;
riscv64*) fused= flags="$flags -mcmodel=medany" ;;
*) fused= ;;
esac
objs=
for f in rt main sieve crc32 list sort hash matrix sha256 kernel; do
	"$cc" $flags -c "$src/$f.c" -o "$tmp/$f.o"
	objs="$objs $tmp/$f.o"
done
"$cc" $flags -DNAME=p_nbody -c "$src/nbody.c" -o "$tmp/nbody.o"
"$cc" $flags $fused -DFUSED -DNAME=p_nbody_fma -c "$src/nbody.c" -o "$tmp/nbody_fma.o"
"$cc" $flags -static -no-pie -nostdlib -s -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noexecstack \
	$objs "$tmp/nbody.o" "$tmp/nbody_fma.o" -o "$tmp/out"
mv "$tmp/out" "$out"
