package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCoverage(t *testing.T) {
	profile := strings.ReplaceAll(`mode: set
M/internal/cpu/ir/ir.go:1.2,3.4 5 0
M/internal/cpu/ir/ir.go:1.2,3.4 5 1
M/internal/cpu/ir/ir.go:1.2,3.4 5 0
M/internal/cpu/isa/riscv64/table.go:1.2,3.4 2 0
M/cmd/c2w/main.go:9.1,9.2 3 7
M/cmd/machine/main.go:9.1,9.2 1 0
`, "M", "example.org/owner/module")
	got, err := coverage(strings.NewReader(profile))
	if want := "map[cmd:{3 4} internal/cpu:{5 7}]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v, want %s", got, err, want)
	}
	for _, bad := range []string{"mode: set\nx.go:1.2,3.4 5\n", "x.go:1.2,3.4 many 1\n"} {
		if _, err := coverage(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is no profile", bad)
		}
	}
}

// TestCutShort plays what go test prints of a fuzz target that its own deadline
// ended, and of one that found something.
func TestCutShort(t *testing.T) {
	const (
		start = `{"Action":"run","Package":"p","Test":"FuzzX"}` + "\n"
		end   = `{"Action":"fail","Package":"p","Test":"FuzzX"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"
	)
	output := func(text string) string {
		return fmt.Sprintf(`{"Action":"output","Package":"p","Test":"FuzzX","Output":%q}`+"\n", text)
	}
	for _, c := range []struct {
		name, events   string
		passed, failed int
	}{
		{"deadline", start + output("--- FAIL: FuzzX (1.02s)\n") + output("    context deadline exceeded\n") + end, 1, 0},
		{"found", start + output("--- FAIL: FuzzX (0.42s)\n") + output("    x_test.go:9: wrong\n") +
			output("    Failing input written to testdata/fuzz/FuzzX/1\n") + end, 0, 1},
		{"found at the deadline", start + output("    context deadline exceeded\n") + output("    x_test.go:9: context deadline exceeded\n") + end, 0, 1},
	} {
		var out bytes.Buffer
		counter := newCounter(&out)
		counter.forgive = cutShort
		counter.read(strings.NewReader(c.events))
		if counter.passed != c.passed || counter.failed != c.failed {
			t.Errorf("%s: %d passed, %d failed, want %d, %d\n%s", c.name, counter.passed, counter.failed, c.passed, c.failed, &out)
		}
	}
}

// TestCorpus holds every fuzz target to something that a second of fuzzing can begin
// with, in its function or in files, and the files to a size.
func TestCorpus(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	list, err := targets()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Errorf("only %d fuzz targets found", len(list))
	}
	for _, target := range list {
		_, pkg, _ := strings.Cut(target.pkg, "c2w/c2w/")
		dir := filepath.Join(filepath.FromSlash(pkg), "testdata", "fuzz", target.name)
		files, err := os.ReadDir(dir)
		if !target.seeds && len(files) == 0 {
			t.Errorf("%s of %s begins with nothing (%v)", target.name, pkg, err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Size() > maxInput {
				t.Errorf("%s/%s: %d bytes (%v), at most %d", dir, f.Name(), info.Size(), err, maxInput)
			}
		}
	}
}

// maxInput bounds a committed input's file, in bytes.
const maxInput = 16 << 10
