#!/bin/sh
# update.sh [CC]: rebuilds the committed riscv64 binaries and their lock.
#
# The lock names every input and output by SHA-256 and the compiler by its
# version line; programs_test.go holds the tree to it.
set -eu
cd "$(dirname "$0")"
cc=${1:-riscv64-linux-gnu-gcc}
src/build.sh "$cc" c2wbench.riscv64 -march=rv64gc
src/build.sh "$cc" c2wbench-zb.riscv64 -march=rv64gc_zba_zbb_zbs
{
	echo "compiler  $("$cc" --version | head -n 1)"
	LC_ALL=C sha256sum src/* *.riscv64
} >c2wbench.lock
