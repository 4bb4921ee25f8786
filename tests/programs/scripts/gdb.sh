# gdb: breakpoints, steps, watchpoints, threads, a core, a program that runs already
# image: tools
# limit: 10m
cd /tmp
cat > p.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int global;
struct s { int a; double b; const char *c; } v = {1, 2.5, "three"};
static int leaf(int n) {
	global = n;
	return n * 2;
}
static int middle(int n) { return leaf(n + 1) + 1; }
static void *thread(void *p) { pause(); return p; }
int main(int argc, char **argv) {
	int r = middle(argc);
	pthread_t t;
	printf("r=%d\n", r);
	fflush(stdout);
	if (argc > 2) { pthread_create(&t, 0, thread, 0); pause(); }
	if (argc > 1) abort();
	return r;
}
C
try "gcc -g" gcc -g -O0 -o p p.c -lpthread || finish
g() { gdb -q -nx -batch -iex 'set debuginfod enabled off' "$@" 2>&1; }
clock session eval 'out=$(g -ex "break leaf" -ex run -ex bt -ex "print n" -ex "print v" -ex "print/x &global != 0" -ex next -ex next -ex "print global" -ex finish -ex "info registers pc" -ex stepi -ex "x/2i \$pc" -ex "set var r = 40" -ex continue ./p)'
has "a breakpoint" "$out" "^Breakpoint 1, leaf \(n=2\) at p.c:8"
has "the stack" "$out" "^#2 .* in main \(argc=1"
has "a structure" "$out" 'a = 1, b = 2.5, c = 0x[0-9a-f]+ "three"'
has "steps" "$out" '^\$4 = 2$'
has "the end of a function" "$out" "^Run till exit|^Value returned is .* = 4"
has "disassembly" "$out" '^=> 0x[0-9a-f]+ <'
has "its end" "$out" "exited (with code 0[0-9]+|normally)"
clock watch eval 'out=$(g -ex "break main" -ex run -ex "watch global" -ex continue -ex continue ./p)'
has "a watchpoint" "$out" "New value = 2"
out=$(g -ex run -ex bt --args ./p x)
has "a signal" "$out" "received signal SIGABRT"
has "its stack" "$out" "in main \(argc=2"
out=$(g -ex 'break leaf if n > 1' -ex 'commands 1
silent
printf "at leaf %d\n", n
continue
end' -ex run ./p)
has "a condition and commands" "$out" "at leaf 2|Breakpoint 1"
./p x y >p.out & pid=$!
await 30 grep -q r= p.out
await 30 test -d "/proc/$pid/task" -a "$(ls /proc/$pid/task | wc -l)" -ge 1
await 30 sh -c "[ \$(ls /proc/$pid/task | wc -l) = 2 ]"
out=$(g -p $pid -ex "info threads" -ex "thread apply all bt" -ex "generate-core-file c" -ex detach)
has "attached: two threads" "$out" '^ +2 +Thread|^\* 1 +Thread'
has "of both the stack" "$out" "thread \(p="
has "and main's" "$out" "main \(argc=3"
kill -0 $pid && ok "it goes on" || fault "it has ended"
kill $pid
out=$(g -ex "thread apply all bt" ./p c)
has "the core that was written" "$out" "main \(argc=3"
out=$(g -ex 'python print("python", 6 * 7)' -ex 'python print(gdb.parse_and_eval("v")["a"])' ./p)
has "Python inside" "$out" "^python 42$"
