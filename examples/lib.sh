# What the examples' run scripts share; each sources it, from its own folder:
#
#   . ../lib.sh
#
# C2W is the command; by default it is built from this tree. IMAGE is the image that
# an example runs in, or a file converted from one. ENGINE (wasmtime, wasmer, node,
# wazero) runs the file instead of c2w itself.
# shellcheck shell=sh
set -eu
tree=$(cd ../.. && pwd)
name=$(basename "$PWD")
out=$tree/.build/examples/$name # what an example makes
mkdir -p "$out"

if [ -z "${C2W:-}" ]; then
	C2W=$tree/.build/c2w
	(cd "$tree" && go build -o "$C2W" ./cmd/c2w)
fi

# run is c2w run, quietly, in the engine that the user wants.
run() { "$C2W" run --quiet ${ENGINE:+--engine "$ENGINE"} "$@"; }

# say tells what happens next, apart from what programs print.
say() { echo "$name: $*" >&2; }

# image sets IMAGE to the one that the user names, or the example's own. A tree
# that has run its tests has one of Debian, with which nothing is downloaded.
image() { # REFERENCE [DIRECTORY of tests/images in .build/images]
	local="$tree/.build/images/${2:-none}"
	[ -n "${IMAGE:-}" ] || if [ -e "$local/index.json" ]; then IMAGE=oci:$local; else IMAGE=$1; fi
	say "the image is $IMAGE"
}
