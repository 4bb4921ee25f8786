# the host's directories
cd /mnt; mkdir d; i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo $i >d/$i; done; ls -l d >/dev/null
cat d/* >/dev/null; mv d e; rm -r e
dd if=/dev/zero of=big bs=512k count=16; cat big >/dev/null; cp big copy; rm big copy
