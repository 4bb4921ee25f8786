# the loopback interface
i=0; while [ $i -lt 10 ]; do i=$((i+1)); nc -l -p 7000 >/dev/null & sleep 0.05; dd if=/dev/zero bs=4k count=32 2>/dev/null | nc -w 1 127.0.0.1 7000; wait; done
