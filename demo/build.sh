#!/bin/sh
# Rebuilds demo.zip and lock.json from Debian trixie's busybox-static for
# riscv64. Needs apt, dpkg-deb and go; apt verifies the package's signature.
#
#   demo/build.sh            the newest version
#   demo/build.sh --locked   stop if it is not the one in lock.json
#
# MIRROR overrides the mirror that apt is set up for on this host.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# An apt of its own for riscv64, so that the host's is left alone.
mkdir -p "$tmp/apt/state/lists/partial" "$tmp/apt/cache/archives/partial" "$tmp/apt/etc/apt.conf.d" "$tmp/deb"
: > "$tmp/apt/state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$tmp/apt/sources.list"
cat > "$tmp/apt.conf" <<CONF
Dir::State "$tmp/apt/state";
Dir::State::status "$tmp/apt/state/status";
Dir::Cache "$tmp/apt/cache";
Dir::Etc::SourceList "$tmp/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "riscv64";
APT::Architectures "riscv64";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
export APT_CONFIG="$tmp/apt.conf"
apt-get -qq update
(cd "$tmp/deb" && apt-get -qq download busybox-static)
deb=$(echo "$tmp"/deb/busybox-static_*.deb)
version=$(dpkg-deb -f "$deb" Version)
if [ "${1:-}" = --locked ] && ! grep -q "\"$(sha256sum "$deb" | cut -d ' ' -f 1)\"" "$here/lock.json"; then
	echo "build.sh: trixie has busybox-static $version now, lock.json another one" >&2
	exit 1
fi
dpkg-deb -x "$deb" "$tmp/root"
cd "$here/.."
go run ./internal/make/demo -deb "$deb" -root "$tmp/root" -version "$version" -out "$here"
