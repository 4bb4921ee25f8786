# the root file system: reads, the writable layer, directories
find / -xdev >/dev/null; cat /bin/busybox >/dev/null
mkdir /tmp/d; i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo $i >/tmp/d/$i; done; ls -l /tmp/d >/dev/null
cp -r /tmp/d /tmp/e; mv /tmp/e /tmp/f; grep -r 7 /tmp/f >/dev/null; rm -r /tmp/d /tmp/f
dd if=/dev/zero of=/tmp/big bs=64k count=64; cat /tmp/big /tmp/big >/dev/null; rm /tmp/big
