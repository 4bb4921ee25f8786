package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

type test struct{ pkg, name string }

type counter struct {
	out            io.Writer
	passed, failed int
	output         map[test][]string // of what is under way
	skipped        map[string]string // test → why
	// forgive, if not nil, reports that a test's output is no failure's.
	forgive  func(output []string) bool
	forgiven bool // a test of the package under way
}

func newCounter(out io.Writer) *counter {
	return &counter{out: out, output: map[test][]string{}, skipped: map[string]string{}}
}

// goTest runs go test with more of an environment. It returns an error if that did
// not do its work; failed tests are counted.
func (c *counter) goTest(env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	path := abs(filepath.Join(".build", "tools", "bin")) + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(append(os.Environ(), "PATH="+path), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.read(out)
	forgiven := c.forgiven
	c.forgiven = false
	if err := cmd.Wait(); err != nil && c.failed == 0 && !forgiven {
		return fmt.Errorf("go test: %w", err)
	}
	return nil
}

// read counts what go test -json prints.
func (c *counter) read(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(c.out, line)
			} else {
				c.see(&e)
			}
		}
		if err != nil {
			return
		}
	}
}

// missing is an error where CI is set, and otherwise noted.
func (c *counter) missing(tool string) error {
	if os.Getenv("CI") != "" {
		return fmt.Errorf("%s is not installed, and CI is set: tests/setup.sh installs it", tool)
	}
	fmt.Fprintf(c.out, "MISSING: %s is not installed; tests/setup.sh installs it\n", tool)
	return nil
}

func (c *counter) see(e *event) {
	k := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(c.out, e.Output)
	case "output":
		if strings.HasPrefix(e.Output, "engine  ") { // of tests/e2e
			fmt.Fprint(c.out, e.Output)
		}
		c.output[k] = append(c.output[k], e.Output)
	case "pass", "fail", "skip":
		delete(c.skipped, e.Package+" "+e.Test) // in an earlier phase
		c.end(e, k)
		delete(c.output, k)
	}
}

func (c *counter) end(e *event, k test) {
	switch {
	case e.Test != "" && e.Action == "fail" && c.forgive != nil && c.forgive(c.output[k]):
		c.passed++
		c.forgiven = true
	case e.Test == "" && e.Action == "fail" && c.forgiven:
	case e.Test == "" && e.Action != "skip":
		fmt.Fprintf(c.out, "%-4s  %s  %.1f s\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		if e.Action == "fail" && c.failed == 0 { // it was not built, or died
			c.failed++
			c.show(k)
		}
	case e.Test == "": // no tests in it
	case e.Action == "pass":
		c.passed++
	case e.Action == "fail":
		c.failed++
		fmt.Fprintf(c.out, "FAIL  %s %s\n", e.Package, e.Test)
		c.show(k)
	default:
		c.skipped[e.Package+" "+e.Test] = reason(c.output[k])
	}
}

func (c *counter) show(k test) {
	for _, line := range c.output[k] {
		fmt.Fprint(c.out, "      ", line)
	}
}

// reason is what a test said when it skipped itself.
func reason(lines []string) string {
	for _, l := range lines {
		if l = strings.TrimSpace(l); !strings.HasPrefix(l, "===") && !strings.HasPrefix(l, "---") {
			if _, why, ok := strings.Cut(l, ".go:"); ok {
				_, why, _ = strings.Cut(why, ": ")
				return why
			}
			return l
		}
	}
	return ""
}

func (c *counter) close() {
	for _, name := range slices.Sorted(maps.Keys(c.skipped)) {
		fmt.Fprintf(c.out, "skipped  %s: %s\n", name, c.skipped[name])
	}
	summary := fmt.Sprintf("%d passed, %d failed\n", c.passed, c.failed)
	if err := os.WriteFile(filepath.Join(".build", "test-summary"), []byte(summary), 0o666); err != nil {
		fmt.Fprintln(c.out, err)
	}
	fmt.Fprint(c.out, summary)
}
