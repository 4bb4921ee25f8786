package e2e

import (
	"fmt"
	"strings"
	"testing"
)

var hello = testCase{name: "hello", run: args("uname", "-a"), match: `^Linux c2w 6\.\d+\.\d.* riscv64 GNU/Linux\r?\n$`, basic: true, plain: true}

// everyByte has all bytes in all alignments, terminal control characters and
// what ends lines among them.
var everyByte = func() string {
	var b []byte
	for i := range 70_001 {
		b = append(b, byte(i), byte(i>>8))
	}
	return string(b)
}()

// oddBytes are all that an argument can have.
var oddBytes = func() string {
	var b []byte
	for i := 1; i < 256; i++ {
		b = append(b, byte(i))
	}
	return string(b)
}()

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

var words = []string{"two words", "", "é 漢字 🙂", "-x", "--", "--entrypoint", "*", "$HOME", `quo"te's`, "back\\slash", "new\nline", "\x01\x7f\t"}

// maxString is what Linux takes of one argument or variable, in bytes and with
// its zero at the end (execve(2), MAX_ARG_STRLEN).
const maxString = 128 << 10

// long are arguments of nearly as much as Linux takes in all: 2 MiB, a quarter
// of the stack's usual limit, of which the engine's own command line and
// environment have a part.
var long = func() []string {
	var a []string
	for i := range 14 {
		a = append(a, strings.Repeat(string(rune('a'+i)), maxString-1))
	}
	return a
}()

const echoAll = `for a; do printf '<%s>\n' "$a"; done`

func echoed(a []string) string { return "<" + strings.Join(a, ">\n<") + ">\n" }

// demoCases run on the built-in image, a BusyBox.
var demoCases = []testCase{
	hello,
	{name: "the image's command", match: `^Hello from a Linux container in one WebAssembly file\.\n`, basic: true},
	{name: "script", run: sh("set -e\nfor i in 1 2 3; do echo $i; done | while read x; do echo $((x * x)); done\nmkdir -p /tmp/a/b && cd /tmp/a/b && pwd"), want: "1\n4\n9\n/tmp/a/b\n", basic: true},
	{name: "ls", run: args("ls", "-la", "/"), match: `(?s)^total \d+\n.*drwxr-xr-x .* etc\n.* proc\n`},
	{name: "environment", run: invocation{env: []string{"GREETING=two words", "EMPTY=", "SIGN=a=b", "É=漢"}, args: []string{"env"}},
		match: `(?s)PATH=.*GREETING=two words\nEMPTY=\nSIGN=a=b\nÉ=漢\n`, basic: true},
	{name: "environment by flag", run: args("env").with("--env=A=1", "--env=A=2"), match: `(?m)^A=2$`},
	{name: "odd bytes in the environment", run: invocation{env: []string{"ODD=" + oddBytes}, args: []string{"sh", "-c", `printf %s "$ODD"`}}, want: oddBytes, bytes: true},
	{name: "long environment", run: invocation{env: []string{"LONG=" + long[0][:maxString-8]}, args: []string{"sh", "-c", `printf %s "$LONG"`}}, want: long[0][:maxString-8]},
	{name: "arguments", run: sh(echoAll, words...), want: echoed(words), basic: true},
	{name: "odd bytes in arguments", run: sh(echoAll, oddBytes, "\xff", "\x80\xfe"), want: echoed([]string{oddBytes, "\xff", "\x80\xfe"}), bytes: true},
	{name: "long arguments", run: sh(echoAll, long...), want: echoed(long)},
	{name: "entrypoint", run: args("one", "two  three").with("--entrypoint=/bin/echo"), want: "one two  three\n"},
	{name: "user", run: sh(`id -u; id -g; pwd`).with("--user=1000:100", "--workdir=/tmp"), want: "1000\n100\n/tmp\n"},
	{name: "hostname", run: sh(`hostname; cat /etc/hostname; grep -c box /etc/hosts`).with("--hostname=box"), want: "box\nbox\n1\n"},
	{name: "read-only", run: sh(`touch /new; touch /dev/shm/new && echo shm`).with("--read-only"), want: "shm\n", stderr: `^touch: /new: Read-only file system\n$`},
	settings,
	{name: "limit beyond the kernel's", run: args("true").with("--ulimit=nofile=-1"), status: 125, stderr: `^c2w: .*resource limit.*not permitted\n$`},
	{name: "no such parameter", run: args("true").with("--sysctl=no.such=1"), status: 125, stderr: `^c2w: setting the kernel parameter no\.such: no such file or directory\n$`},
	{name: "a container", run: sh(`echo $$; ls /proc | grep -c '^[0-9]'; test -c /dev/null -a -d /dev/pts -a -d /sys/fs/cgroup && grep -c '^Seccomp:' /proc/self/status`), match: `^1\n[2-4]\n1\n$`},
	{name: "init", run: sh(`test $$ != 1 && cat /proc/1/comm`).with("--init"), match: `^.+\n$`},
	{name: "no terminal", run: sh(`tty; test -t 0 || test -t 1 || test -t 2 || echo none`), want: "not a tty\nnone\n"},
	{name: "stdout and stderr", run: sh(`echo out; echo err >&2; echo out again`), want: "out\nout again\n", stderr: `^err\n$`, basic: true},
	{name: "no input", run: args("cat"), basic: true},
	{name: "no input wanted", run: args("cat").with("--no-stdin"), stdin: "not to be seen", bare: true},
	{name: "input to cat", run: args("cat"), stdin: everyByte, want: everyByte, basic: true},
	{name: "input to the shell", run: args("sh"), stdin: "x=here\necho $x $((6 * 7))\nexit 3\n", status: 3, want: "here 42\n", basic: true},
	{name: "input not read", run: args("true"), stdin: everyByte},
	{name: "pipe through", run: args("tr", "x", "y"), stdin: strings.Repeat("x", 999) + "\n" + strings.Repeat("x", 300_000), want: strings.Repeat("y", 999) + "\n" + strings.Repeat("y", 300_000)},
	{name: "many lines", run: args("seq", "10000"), want: numbers(10_000)},
	{name: "binary output", run: sh(`head -c 1000000 /dev/zero; printf '\r\n\n\r\t\004\023\377'`), want: strings.Repeat("\x00", 1_000_000) + "\r\n\n\r\t\x04\x13\xff"},
	{name: "output without a newline", run: sh(`printf a; sleep 0.1; printf b >&2`), want: "a", stderr: `^b$`},
	{name: "processes", run: sh(`for i in $(seq 50); do (exit $i) & done; wait; echo done | sed s/done/all/ | tr a-z A-Z`), want: "ALL\n"},
	{name: "broken pipe inside", run: sh(`yes | head -n 2`), want: "y\ny\n"},
	{name: "writing", run: sh(`echo one > /etc/new && rm -r /etc/passwd && mkdir /etc/passwd && cat /etc/new && ls -d /etc/passwd/`), want: "one\n/etc/passwd/\n"},
	{name: "full", run: sh(`dd if=/dev/zero of=/big bs=1M count=1000 2>/dev/null || { rm /big; echo removed > /small; cat /small; }`), want: "removed\n"},
	{name: "sleep", run: sh(`sleep 0.2; echo awake`), want: "awake\n"},
	{name: "left behind", run: sh(`sleep 1000 & echo started`), want: "started\n"},
}

// settings has all the flags of docker's that change the container: hard limits go
// up and down, for a user that may neither.
var settings = testCase{
	name: "settings",
	run: sh(`ulimit -Sn; ulimit -Hn; ulimit -Hc; ulimit -u; stat -c %a /t /tmp; grep -E '^tmpfs (/t|/tmp) ' /proc/mounts | sed 's/,inode64//;s/,nr_inodes=[0-9]*//'
		df -k /dev/shm | awk 'END { print $2 }'; cat /proc/sys/vm/overcommit_memory /proc/sys/kernel/msgmax /proc/sys/kernel/domainname; grep db /etc/hosts
		printf '#!/bin/sh\necho ran\n' > /t/s; chmod 755 /t/s; /t/s; echo x > /ro/x; true`).with("--user=1000:100", "--read-only",
		"--ulimit=nofile=600000:700000", "--ulimit=core=0", "--ulimit=nproc=50:60",
		"--tmpfs=/t:size=1m,mode=777,exec", "--tmpfs=/tmp", "--tmpfs=/ro:ro", "--shm-size=1m",
		"--sysctl=vm.overcommit_memory=1", "--sysctl=kernel.msgmax=4096", "--sysctl=kernel/domainname=example", "--add-host=db:10.0.0.1"),
	want: "600000\n700000\n0\n50\n777\n1777\ntmpfs /t tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=777 0 0\ntmpfs /tmp tmpfs rw,nosuid,nodev,noexec,relatime 0 0\n" +
		"1024\n1\n4096\nexample\n10.0.0.1\tdb\nran\n",
	stderr: `^sh: .*can't create /ro/x: Read-only file system\n$`,
}

// statusCases are how a run can end.
var statusCases = func() []testCase {
	list := []testCase{
		{name: "status with output", run: sh("echo before; exit 7"), status: 7, want: "before\n", basic: true},
		{name: "not executable", run: args("/etc/passwd"), status: 126, stderr: `^c2w: .*/etc/passwd.*\n$`},
		{name: "a directory", run: args("/etc"), status: 126, stderr: `^c2w: .*/etc.*\n$`},
		{name: "not found", run: args("nosuch"), status: 127, stderr: `^c2w: .*nosuch.*\n$`, basic: true},
		{name: "no such file", run: args("/bin/nosuch"), status: 127, stderr: `^c2w: .*/bin/nosuch.*\n$`},
		{name: "no such user", run: args("id").with("--user=nosuch"), status: 125, stderr: `^c2w: .*nosuch.*\n$`},
		{name: "killed", run: sh("kill -9 $$").with("--init"), status: 137, basic: true},
		{name: "terminated", run: sh("kill $$; sleep 1000").with("--init"), status: 143},
		{name: "process 1 is not killed", run: sh("kill -9 $$; exit 4"), status: 4},
	}
	for _, n := range []int{0, 1, 2, 42, 124, 125, 126, 127, 128, 129, 200, 255} {
		list = append(list, testCase{name: fmt.Sprint("status ", n), run: sh(fmt.Sprint("exit ", n)), status: n, basic: n == 0 || n == 200, plain: true})
	}
	return list
}()

// TestHello is what every change has to pass.
func TestHello(t *testing.T) {
	if testing.Short() {
		t.Skip("boots Linux on each engine")
	}
	onEach(t, engines, func(t *testing.T, e *engine) { hello.on(t, e, convert(t, "demo:")) })
}

// TestManyFiles makes as many files as the writable layer's size counts, twice what
// the kernel would allow for this memory, and finds room for content then.
func TestManyFiles(t *testing.T) {
	slow(t)
	c := testCase{
		run: sh(`mkdir /many; cd /many; seq 20000 | xargs touch 2>&1 | sed 's/.*: //' | sort -u
			ls | wc -l; head -c 8000000 /dev/zero > 1; wc -c < 1`),
		match: `^No space left on device\n163\d\d\n8000000\n$`, // of 16384
	}
	c.on(t, attached[0], convert(t, "demo:", "--memory=64m", "--writable-size=16m"))
}

func TestDemo(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		file := convert(t, "demo:")
		hello.on(t, e, file) // fills the engine's cache
		for _, c := range append(demoCases[1:], statusCases...) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.on(t, e, file)
			})
		}
	})
}

// attachedCases show that nothing is lost between a client and an engine.
var attachedCases = map[string]bool{
	"stdout and stderr": true, "no input": true, "input to cat": true, "input not read": true, "arguments": true,
	"environment": true, "settings": true, "not found": true, "killed": true, "status 0": true, "status 255": true,
}

func TestAttached(t *testing.T) {
	slow(t)
	onEach(t, attached[1:], func(t *testing.T, e *engine) {
		file := convert(t, "demo:")
		for _, c := range append(append([]testCase{hello}, demoCases...), statusCases...) {
			if attachedCases[c.name] || c.name == hello.name {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.on(t, e, file)
				})
			}
		}
	})
}
