// Command run runs the tests of this tree, with the engines that tests/setup.sh
// has brought: the quick ones, those of packages with goroutines under the race
// detector, each fuzz target for a second, the boot under QEMU, and the slow ones.
// It prints each package's result, the engines that were there, which part of each
// wing's code its packages' own quick tests execute, what failed, what was skipped and why, and as its
// last line how many tests passed and failed, once for each time that they ran;
// .build/test-summary has that line, too. From the module's root:
//
//	go run ./tests/run [-quick] [-only PHASE] [-fuzztime TIME]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// phase is a part of the tests. The first that fails is the last.
type phase struct {
	name string
	run  func(c *counter) error
}

// raced are the packages in which goroutines share what the race detector
// watches and whose tests run long enough for it, but not much longer with it.
var raced = []string{"./internal/run/...", "./internal/format/attach", "./internal/machine/p9", "./internal/convert/image"}

func phases(fuzztime string) []phase {
	image := func(name string) string { return filepath.Join(abs(".build"), "images", name) }
	slow := []string{"C2W_SLOW=1", "C2W_DEBIAN=" + image("debian-riscv64"), "C2W_COMPILERS=" + image("compilers")}
	profile := abs(filepath.Join(".build", "coverage"))
	return []phase{
		{"quick", func(c *counter) error {
			err := c.goTest(nil, "-timeout=20m", "-coverprofile="+profile, "./...")
			return errors.Join(err, printCoverage(c.out, profile))
		}},
		{"race", func(c *counter) error {
			if _, err := exec.LookPath("gcc"); err != nil {
				return c.missing("gcc")
			}
			return c.goTest([]string{"CGO_ENABLED=1"}, append([]string{"-race", "-timeout=10m"}, raced...)...)
		}},
		{"fuzz", func(c *counter) error { return fuzz(c, fuzztime) }},
		{"boot", func(c *counter) error {
			return c.goTest(slow, "-timeout=20m", "-count=1", "-run=^TestBoot$", "./guest")
		}},
		{"slow", func(c *counter) error { return c.goTest(slow, "-timeout=60m", "-count=1", "./tests/e2e") }},
	}
}

func abs(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return path
}

func main() {
	quick := flag.Bool("quick", false, "the quick tests alone, like -only quick")
	only := flag.String("only", "", "one `phase`: quick, race, fuzz, boot or slow")
	fuzztime := flag.String("fuzztime", "1s", "how long each fuzz target runs, as go test takes it: 1s, 1000x")
	flag.Parse()
	if *quick {
		*only = "quick"
	}
	list := phases(*fuzztime)
	if *only != "" {
		list = slices.DeleteFunc(list, func(p phase) bool { return p.name != *only })
	}
	if len(list) == 0 || flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "run: there is no phase %q\n", strings.Join(append(flag.Args(), *only), " "))
		os.Exit(2)
	}
	if err := os.MkdirAll(".build", 0o777); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	c := newCounter(os.Stdout)
	for _, p := range list {
		fmt.Fprintf(c.out, "== %s tests\n", p.name)
		begin := time.Now()
		if err := p.run(c); err != nil {
			fmt.Fprintln(c.out, err)
			c.failed = max(c.failed, 1)
		}
		fmt.Fprintf(c.out, "== %.0f s\n", time.Since(begin).Seconds())
		if c.failed > 0 {
			break
		}
	}
	c.close()
	if c.failed > 0 {
		os.Exit(1)
	}
}
