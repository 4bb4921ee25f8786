#!/bin/sh
# Makes a Debian trixie riscv64 root with python3 as an OCI layout, without
# running any riscv64 code: packages are unpacked, and what their maintainer
# scripts would have left is put right below.
#
#   tests/images/debian.sh DIR [PACKAGE...]      DIR/index.json present: nothing is done
#
# Needs mmdebstrap (as root or with user namespaces) and go. MIRROR overrides
# the mirror that apt is set up for on this host; OVERLAY names a directory whose
# files are added, FIX a script of sh that puts more right: it is given the root.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 DIR [PACKAGE...]" >&2; exit 2; }
[ -e "$1/index.json" ] && exit 0
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
packages=python3,procps,less,vim-tiny
for package; do packages=$packages,$package; done
here=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Times after this moment are clamped to it, so that a rerun differs only
# where the packages do.
export SOURCE_DATE_EPOCH=1750000000

cat > "$tmp/fix" <<'FIX'
set -eu
cd "$1"
# base-passwd, libc-bin and base-files copy and link these on installation.
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
cp usr/share/libc-bin/nsswitch.conf etc/nsswitch.conf
cp usr/share/base-files/profile etc/profile
cp usr/share/base-files/dot.bashrc root/.bashrc
cp usr/share/base-files/dot.profile root/.profile
chmod 644 etc/passwd etc/group etc/nsswitch.conf
rmdir var/run var/lock
ln -s /run var/run
ln -s /run/lock var/lock
sed 's/^\([^:]*\):.*/\1:*:20000:0:99999:7:::/' etc/passwd > etc/shadow
chmod 640 etc/shadow
chown 0:42 etc/shadow
# The alternatives that essential packages register.
for link in awk:mawk nawk:mawk pager:more which:which.debianutils; do
	[ -e "usr/bin/${link#*:}" ] && ln -sf "/etc/alternatives/${link%%:*}" "usr/bin/${link%%:*}" &&
		ln -sf "/usr/bin/${link#*:}" "etc/alternatives/${link%%:*}"
done
echo debian > etc/hostname
chmod 644 etc/hostname
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' > etc/hosts
: > etc/resolv.conf
# What the host's apt left behind.
rm -rf var/cache/apt/* var/lib/apt/lists/* etc/apt/sources.list var/lib/dpkg/*-old
FIX

mmdebstrap --quiet --variant=extract --architectures=riscv64 \
	--include='?essential' --include="$packages" \
	--extract-hook="sh $tmp/fix \"\$1\"" \
	${OVERLAY:+"--extract-hook=cp -R '$OVERLAY/.' \"\$1\""} \
	${FIX:+"--extract-hook=sh '$FIX' \"\$1\""} \
	trixie "$tmp/root.tar" "deb $mirror trixie main"
cd "$here"
go run ./internal/testkit/ocilayout/tar2oci -cmd /bin/bash "$dir" < "$tmp/root.tar"
