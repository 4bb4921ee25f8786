# apt and dpkg: packages built here, a repository of files, installation, upgrade, removal
# image: services
# limit: 5m
# This image was unpacked without apt's or dpkg's scripts, and its status has no conffiles' sums.
export DEBIAN_FRONTEND=noninteractive
mkdir -p /tmp/repo /etc/apt/sources.list.d /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/lib/dpkg/updates
deb() { # NAME VERSION [DEPENDS]
	local d=/tmp/deb/$1
	rm -rf "$d"
	mkdir -p "$d/DEBIAN" "$d/usr/share/$1" "$d/etc"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.com>\n%sDescription: made here\n of nothing\n' \
		"$1" "$2" "${3:+Depends: $3
}" > "$d/DEBIAN/control"
	echo "$2" > "$d/usr/share/$1/version"
	echo "setting=$2" > "$d/etc/$1.conf"
	echo "/etc/$1.conf" > "$d/DEBIAN/conffiles"
	printf '#!/bin/sh\nset -e\necho "$1 $2" >> /tmp/%s.scripts\n' "$1" > "$d/DEBIAN/postinst"
	cp "$d/DEBIAN/postinst" "$d/DEBIAN/prerm"
	chmod 755 "$d/DEBIAN/postinst" "$d/DEBIAN/prerm"
	dpkg-deb --root-owner-group -b "$d" "/tmp/repo/$1_$2_all.deb"
}
index() {
	(cd /tmp/repo && for f in *.deb; do
		dpkg-deb -f "$f"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$f" "$(stat -c %s "$f")" "$(sha256sum < "$f" | cut -d' ' -f1)"
	done > Packages && gzip -kf Packages)
}
try "dpkg-deb builds" deb one 1.0
try "dpkg -i" dpkg -i /tmp/repo/one_1.0_all.deb
same "unpacked" "1.0" "$(cat /usr/share/one/version)"
same "its script ran" "configure " "$(cat /tmp/one.scripts)"
same "its status" "ii  1.0" "$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' one)"
has "dpkg -L" "$(dpkg -L one)" "^/usr/share/one/version"
try "a second version" deb one 1.1
try "one that needs it" deb two 1.0 "one (>= 1.1)"
index
echo "deb [trusted=yes] file:/tmp/repo ./" > /etc/apt/sources.list
clock update try "apt-get update" apt-get -o APT::Sandbox::User=root update
has "apt-cache policy" "$(apt-cache policy one)" "Candidate: 1.1"
has "apt-cache depends" "$(apt-cache depends two)" "Depends: one"
clock install try "apt-get install" apt-get -o APT::Sandbox::User=root -y --no-install-recommends install two
same "both" "1.1 1.0" "$(dpkg-query -W -f '${Version} ' one two | xargs)"
same "the upgrade's scripts" "configure ,upgrade 1.1,configure 1.0" "$(paste -sd, /tmp/one.scripts)"
has "unmet dependencies are refused" "$(dpkg -r one 2>&1)" "dependency problems"
echo changed > /etc/one.conf
try "apt-get remove" apt-get -y remove two
try "apt-get purge" apt-get -y purge one
same "gone" "0" "$(ls /usr/share/one /etc/one.conf 2>/dev/null | wc -l)"
same "dpkg --audit" "" "$(dpkg --audit)"
has "apt-cache stats" "$(apt-cache stats)" "Total package names"
