# standard input to standard output
cat
dd if=/dev/zero bs=64k count=64 | cat
