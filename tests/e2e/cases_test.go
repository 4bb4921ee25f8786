package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// testCase is one run and what it must bring.
type testCase struct {
	name   string
	run    invocation
	stdin  string
	status int
	// want is the whole output; match is a regular expression instead.
	want  string
	match string
}

func (c *testCase) on(t *testing.T, e *engine, file string) {
	v := c.run
	v.file = file
	cmd := e.command(t, &v)
	cmd.Stdin = strings.NewReader(c.stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	got := exitStatus(t, cmd.Run())
	if want := e.status(c.status); got != want {
		t.Errorf("status %d, want %d", got, want)
	}
	if c.match != "" {
		if !regexp.MustCompile(c.match).Match(stdout.Bytes()) {
			t.Errorf("output %q does not match %q", clip(stdout.String()), c.match)
		}
	} else if stdout.String() != c.want {
		t.Errorf("output differs at byte %d of %d (want %d bytes): %q", differ(stdout.String(), c.want), stdout.Len(), len(c.want), clip(stdout.String()))
	}
	if complaint := stderr.String(); c.status <= 125 || e.high {
		if complaint != "" {
			t.Errorf("on stderr: %q", clip(complaint))
		}
	} else if !strings.Contains(complaint, fmt.Sprint("the exit status was ", c.status)) {
		t.Errorf("the true status is not on stderr: %q", clip(complaint))
	}
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:1000] + " … " + s[len(s)-1000:]
	}
	return s
}

func differ(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// args is an invocation with arguments alone.
func args(a ...string) invocation { return invocation{args: a} }

// sh is an invocation of the shell.
func sh(script string, a ...string) invocation {
	return args(append([]string{"sh", "-c", script, "sh"}, a...)...)
}

var hello = testCase{name: "hello", run: args("uname", "-a"), match: `^Linux \S+ 6\.\d+\.\d.* riscv64 GNU/Linux\n$`}

// everyByte has all bytes in all alignments, terminal control characters and
// what ends lines among them.
var everyByte = func() string {
	var b []byte
	for i := range 70_001 {
		b = append(b, byte(i), byte(i>>8))
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

var words = []string{"two words", "", "é 漢字 🙂", "-x", "--", "--entrypoint", "*", "$HOME", `quo"te's`, "back\\slash", "new\nline"}

// demoCases run on the built-in image, a BusyBox.
var demoCases = []testCase{
	hello,
	{name: "the image's command", match: `^Hello from a Linux container in one WebAssembly file\.\n`},
	{name: "ls", run: args("ls", "-la", "/"), match: `(?s)^total \d+\n.*drwxr-xr-x .* etc\n.* proc\n`},
	{name: "status 0", run: sh("exit 0")},
	{name: "status 1", run: sh("exit 1"), status: 1},
	{name: "status 7", run: sh("echo before; exit 7"), status: 7, want: "before\n"},
	{name: "status 125", run: sh("exit 125"), status: 125},
	{name: "status 126", run: args("/etc/passwd"), status: 126, match: `^c2w: /etc/passwd: permission denied\n$`},
	{name: "status 127", run: args("nosuch"), status: 127, want: "c2w: nosuch: command not found\n"},
	{name: "status 255", run: sh("exit 255"), status: 255},
	{name: "killed", run: sh("kill -9 $$"), status: 137},
	{name: "environment", run: invocation{env: []string{"GREETING=two words", "EMPTY=", "SIGN=a=b", "É=漢"}, args: []string{"env"}},
		match: `(?s)PATH=.*GREETING=two words\nEMPTY=\nSIGN=a=b\nÉ=漢\n`},
	{name: "arguments", run: sh(`for a; do printf '<%s>\n' "$a"; done`, words...), want: "<" + strings.Join(words, ">\n<") + ">\n"},
	{name: "entrypoint", run: invocation{entrypoint: "/bin/echo", args: []string{"one", "two  three"}}, want: "one two  three\n"},
	{name: "no input", run: args("cat")},
	{name: "input to cat", run: args("cat"), stdin: everyByte, want: everyByte},
	{name: "input to the shell", run: args("sh"), stdin: "read x\nhere\necho $x $((6 * 7))\nexit 3\n", status: 3, match: `here 42\n`}, // between prompts: the shell's input is a terminal
	{name: "input not read", run: args("true"), stdin: everyByte[:3000]},
	{name: "pipe through", run: args("tr", "x", "y"), stdin: strings.Repeat("x", 999) + "\n" + strings.Repeat("x", 300_000), want: strings.Repeat("y", 999) + "\n" + strings.Repeat("y", 300_000)},
	{name: "many lines", run: args("seq", "10000"), want: numbers(10_000)},
	{name: "binary output", run: sh(`head -c 1000000 /dev/zero; printf '\r\n\n\r\t\004\023\377'`), want: strings.Repeat("\x00", 1_000_000) + "\r\n\n\r\t\x04\x13\xff"},
	{name: "processes", run: sh(`for i in $(seq 50); do (exit $i) & done; wait; echo done | sed s/done/all/ | tr a-z A-Z`), want: "ALL\n"},
	{name: "writing", run: sh(`echo one > /etc/new && rm -r /etc/passwd && mkdir /etc/passwd && cat /etc/new && ls -d /etc/passwd/`), want: "one\n/etc/passwd/\n"},
	{name: "sleep", run: sh(`sleep 0.2; echo awake`), want: "awake\n"},
}

// TestHello is what every change has to pass.
func TestHello(t *testing.T) {
	if testing.Short() {
		t.Skip("boots Linux on each engine")
	}
	onEach(t, func(t *testing.T, e *engine) { hello.on(t, e, convert(t, "demo:")) })
}

func TestDemo(t *testing.T) {
	slow(t)
	onEach(t, func(t *testing.T, e *engine) {
		file := convert(t, "demo:")
		for _, c := range demoCases {
			t.Run(c.name, func(t *testing.T) { c.on(t, e, file) })
		}
	})
}
