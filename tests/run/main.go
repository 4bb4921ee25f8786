// Command run runs the tests of this tree, the quick ones and then the slow
// ones, with the engines that tests/setup.sh has brought. It prints each
// package's result, the engines that were there, what failed, what was skipped and why, and as its last line
// how many tests passed and failed; .build/test-summary has that line, too. From
// the module's root:
//
//	go run ./tests/run [-quick]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// phase is one go test.
type phase struct {
	name string
	env  []string
	args []string
}

func phases(quick bool) []phase {
	images, err := filepath.Abs(filepath.Join(".build", "images"))
	if err != nil {
		panic("BUG: " + err.Error())
	}
	p := []phase{{"quick", nil, []string{"-timeout=20m", "./..."}}}
	if !quick {
		p = append(p, phase{"slow", []string{
			"C2W_SLOW=1", "C2W_DEBIAN=" + filepath.Join(images, "debian-riscv64"), "C2W_COMPILERS=" + filepath.Join(images, "compilers"),
		}, []string{"-timeout=40m", "-count=1", "./tests/e2e"}})
	}
	return p
}

func main() {
	quick := flag.Bool("quick", false, "leave the slow tests out")
	flag.Parse()
	c := &counter{out: os.Stdout, output: map[test][]string{}, skipped: map[string]string{}}
	for _, p := range phases(*quick) {
		fmt.Fprintf(c.out, "== %s tests\n", p.name)
		if err := c.run(p); err != nil {
			fmt.Fprintln(c.out, err)
			c.failed = max(c.failed, 1)
		}
		if c.failed > 0 {
			break
		}
	}
	c.close()
	if c.failed > 0 {
		os.Exit(1)
	}
}

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
}

// run returns an error if go test did not do its work; failed tests are
// counted.
func (c *counter) run(p phase) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, p.args...)...)
	bin, err := filepath.Abs(filepath.Join(".build", "tools", "bin"))
	if err != nil {
		return err
	}
	cmd.Env = append(append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")), p.env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
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
			break
		}
	}
	if err := cmd.Wait(); err != nil && c.failed == 0 {
		return fmt.Errorf("go test: %w", err)
	}
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
