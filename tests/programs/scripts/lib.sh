# What stands before every script here: it counts checks, and finish says how
# many held. A script checks what it knows the right answer of.
set -u
export HOME=/root TERM=xterm LC_ALL=C.UTF-8
oks=0 faults=0

ok() { oks=$((oks + 1)); echo "ok: $*"; }
fault() { faults=$((faults + 1)); echo "FAULT: $*"; }

# same WHAT WANT GOT
same() {
	if [ "$2" = "$3" ]; then ok "$1"; else fault "$1"; printf '  want: %q\n  got:  %q\n' "$2" "$3"; fi
}

# has WHAT TEXT PATTERN: the text has a line that the extended expression matches
has() {
	if grep -qE -- "$3" <<<"$2"; then ok "$1"; else fault "$1: no $3 in:"; head -c 1000 <<<"$2"; fi
}

# try WHAT COMMAND [ARG...]: it ends with status 0. What it printed is in $out.
try() {
	local what=$1 status
	shift
	out=$("$@" 2>&1 </dev/null)
	status=$?
	if [ $status = 0 ]; then ok "$what"; else fault "$what: status $status of $*"; tail -c 4000 <<<"$out"; fi
	return $status
}

# await SECONDS COMMAND [ARG...]: until it succeeds, which there is no event for.
# The runner's -limit stretches the time.
await() {
	local end=$((SECONDS + $1 * ${SCALE:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# clock NAME COMMAND [ARG...]: tells how long it took
clock() {
	local name=$1 begin=${EPOCHREALTIME/./} status
	shift
	"$@"
	status=$?
	echo "time: $name $((((${EPOCHREALTIME/./} - begin)) / 1000)) ms"
	return $status
}

finish() {
	echo "result: $oks ok, $faults faults"
	[ $faults = 0 ] && [ $oks -gt 0 ]
	exit
}
