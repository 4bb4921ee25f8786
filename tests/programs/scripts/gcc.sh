# gcc: C compiled and run at three levels, libraries, make; here and in a directory of the host
# image: tools
# limit: 10m
# volume: /data
cat > /tmp/w.c <<'C'
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static atomic_int n;
static void *work(void *p) { for (int i = 0; i < 10000; i++) atomic_fetch_add(&n, 1); return p; }
static int less(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static unsigned long fib(unsigned k) { return k < 2 ? k : fib(k - 1) + fib(k - 2); }
int main(int argc, char **argv) {
	pthread_t t[4];
	for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, work, 0);
	for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
	double s = 0;
	for (int i = 1; i < 1000; i++) s += sqrt(i) * sin(i) / cbrt(i);
	qsort(argv + 1, argc - 1, sizeof *argv, less);
	printf("%d %lu %.9f %s %a %.3Lf", n, fib(20), s, argv[1], 1.0 / 3, 2.0L / 3);
	__int128 x = (__int128)fib(90 % 30) * 1234567890123456789;
	printf(" %llx\n", (unsigned long long)(x >> 40));
	return argc;
}
C
want=
round() { # DIRECTORY NAME
	cd "$1" || return
	for o in 0 2 3; do
		clock "$2: gcc -O$o" try "$2: gcc -O$o" gcc -O$o -Wall -Werror -o w$o /tmp/w.c -lm -lpthread
		got=$(./w$o b a c; echo $?)
		has "$2: -O$o runs" "$got" '^40000 6765 .* a 0x1\.5555555555555p-2 0\.667 '
		[ -n "$want" ] || want=$got
		same "$2: -O$o does what -O0 does" "$want" "$got"
	done
	printf 'int twice(int x) { return 2 * x; }\n' > l.c
	printf '#include <stdio.h>\nint twice(int);\nint main(void) { printf("%%d\\n", twice(21)); }\n' > m.c
	printf 'all: shared static\nl.o: l.c\n\tgcc -fPIC -O2 -c $<\nlibl.so: l.o\n\tgcc -shared -o $@ $<\nlibl.a: l.o\n\tar rcs $@ $<\nshared: m.c libl.so\n\tgcc -o $@ m.c -L. -ll -Wl,-rpath,$(CURDIR)\nstatic: m.c libl.a\n\tgcc -static -o $@ m.c libl.a\n' > Makefile
	clock "$2: make" try "$2: make -j2" make -j2
	same "$2: with a shared library" 42 "$(./shared)"
	same "$2: static" 42 "$(./static)"
	has "$2: make knows that nothing is to be done" "$(make 2>&1)" "Nothing to be done"
	sleep 1
	touch l.c
	has "$2: and what is" "$(make 2>&1)" "gcc -shared"
	has "$2: an error" "$(echo 'int main(void) { return x; }' | gcc -x c - -o e 2>&1)" "error: .x. undeclared"
	try "$2: -g -flto" gcc -O2 -g -flto -o lto m.c l.c
	same "$2: it runs" 42 "$(./lto)"
}
mkdir -p /tmp/c
clock "in the container's own files" round /tmp/c own
clock "in the host's directory" round /data host
