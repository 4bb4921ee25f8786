package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
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
	// stderr is a regular expression of what stands there; "" is nothing.
	stderr string
	// basic cases run on slow engines too.
	basic bool
	// bare cases are for the file's own command line.
	bare bool
	// plain cases bring the same on a terminal.
	plain bool
	// bytes says that arguments or variables are not UTF-8.
	bytes bool
}

func (c *testCase) on(t *testing.T, e *engine, file string) {
	switch {
	case e.basic && !c.basic:
		t.Skip("not on slow engines")
	case e.terminal && !c.plain:
		t.Skip("the engine says that its streams are a terminal, whatever they are")
	case e.attach && c.bare:
		t.Skip("not a flag of c2w run")
	case e.text && c.bytes:
		t.Skip("the engine takes UTF-8 only")
	}
	v := c.run
	v.file = file
	r := run(t, e, &v, strings.NewReader(c.stdin))
	if want := e.status(c.status); r.status != want {
		t.Errorf("status %d, want %d", r.status, want)
	}
	if c.match != "" {
		if !regexp.MustCompile(c.match).MatchString(r.stdout) {
			t.Errorf("output %q does not match %q", clip(r.stdout), c.match)
		}
	} else if r.stdout != c.want {
		t.Errorf("output differs at byte %d of %d (want %d bytes): %q", differ(r.stdout, c.want), len(r.stdout), len(c.want), clip(r.stdout))
	}
	r.checkStderr(t, e, c.status, c.stderr)
}

// result is how a run ended.
type result struct {
	stdout, stderr string
	status         int
}

func run(t *testing.T, e *engine, v *invocation, stdin io.Reader) result {
	t.Helper()
	cmd := e.command(t, v)
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	status := exitStatus(t, runOn(t, e, cmd))
	return result{stdout.String(), stderr.String(), status}
}

// runOn runs the command; its input is a pipe where the engine needs that.
func runOn(t *testing.T, e *engine, cmd *exec.Cmd) error {
	t.Helper()
	if _, isFile := cmd.Stdin.(*os.File); e.pipe && (cmd.Stdin == nil || isFile) {
		t.Skip("the engine fails where standard input is a file")
	}
	return cmd.Run()
}

// checkStderr holds the error output to a regular expression. An engine that
// cannot return the status has it as the last line.
func (r *result) checkStderr(t *testing.T, e *engine, status int, want string) {
	t.Helper()
	text := r.stderr
	if status > 125 && e.low {
		line := fmt.Sprintf("c2w: exit status %d\n", status)
		before, ok := strings.CutSuffix(text, line)
		if !ok || before != "" && !strings.HasSuffix(before, "\n") {
			t.Errorf("the last line on stderr is not %q: %q", line, clip(text))
		}
		text = before
	}
	if want == "" {
		want = `^$`
	}
	if !regexp.MustCompile(want).MatchString(text) {
		t.Errorf("stderr %q does not match %q", clip(text), want)
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

// with adds the file's own flags to an invocation.
func (v invocation) with(flags ...string) invocation {
	v.flags = append(flags, v.flags...)
	return v
}
