#!/bin/sh
# Makes one of the images whose programs tests/programs runs, like debian.sh's,
# with the packages that are named below.
#
#   tests/images/programs.sh NAME DIR      made from the same files before: nothing is done
#
# Needs what debian.sh needs.
set -eu
[ $# = 2 ] || { echo "usage: $0 NAME DIR" >&2; exit 2; }
case $1 in
services) packages=postgresql,redis-server,nginx-light,curl,sqlite3,cron,sudo,apt,git,vim,tmux,perl ;;
tools) packages=gcc,libc6-dev,make,gdb,strace,nodejs ;;
java) packages=openjdk-21-jdk-headless ;;
python) packages=libpython3.13-testsuite,openssl ;;
*) echo "$0: no image $1; there are services, tools, java, python" >&2; exit 2 ;;
esac
mkdir -p "$2"
dir=$(cd "$2" && pwd)
cd "$(dirname "$0")"
from=$(cat programs.sh debian.sh | sha256sum)
[ "$(cat "$dir/made-from" 2>/dev/null)" = "$from" ] && exit 0
rm -rf "$dir/made-from" "$dir/index.json" "$dir/blobs"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat > "$tmp/fix" <<'FIX'
set -eu
cd "$1"
user() { # NAME UID HOME SHELL
	grep -q "^$1:" etc/passwd && return
	echo "$1:x:$2:$2::$3:$4" >> etc/passwd
	echo "$1:x:$2:" >> etc/group
	echo "$1:*:20000:0:99999:7:::" >> etc/shadow
	mkdir -p ".$3"
	chown "$2:$2" ".$3"
}
user tester 1000 /home/tester /bin/bash
if [ -d usr/lib/postgresql ]; then user postgres 100 /var/lib/postgresql /bin/bash; fi
# libpam-runtime's pam-auth-update writes these.
printf 'auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n' > etc/pam.d/common-auth
printf 'account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n' > etc/pam.d/common-account
printf 'password [success=1 default=ignore] pam_unix.so yescrypt\npassword requisite pam_deny.so\npassword required pam_permit.so\n' > etc/pam.d/common-password
for session in session session-noninteractive; do
	printf 'session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\nsession required pam_unix.so\n' > etc/pam.d/common-$session
done
if [ -e etc/sudoers ]; then
	echo 'tester ALL=(ALL) NOPASSWD: /usr/bin/id, /usr/bin/tee' > etc/sudoers.d/tester
	chmod 440 etc/sudoers etc/sudoers.d/tester
fi
# Alternatives.
if [ -e usr/bin/vim.basic ]; then ln -sf vim.basic usr/bin/vim; fi
if [ -e usr/bin/gcc ]; then ln -sf gcc usr/bin/cc; fi
for jvm in usr/lib/jvm/java-21-openjdk-*; do
	if [ -d "$jvm" ]; then
		for program in java javac; do ln -sf "/$jvm/bin/$program" usr/bin/$program; done
		rm -rf "$jvm/jmods" # for making other Java runtimes
	fi
done
# What takes room and nothing runs.
rm -rf usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/*
FIX

FIX="$tmp/fix" ./debian.sh "$dir" "$packages"
echo "$from" > "$dir/made-from"
