package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/convert/licenses"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/machine"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNotice compares NOTICE with the list that c2w licenses prints.
func TestNotice(t *testing.T) {
	list, err := licenses.List()
	if err != nil {
		t.Fatal(err)
	}
	notice := read(t, "NOTICE")
	sections := map[string]string{
		licenses.InFile:    "In every file that c2w makes:",
		licenses.InProgram: "In the c2w program:",
		licenses.InDemo:    "In the demo image, which the c2w program contains:",
	}
	lines := 0
	for _, w := range list {
		for _, in := range w.In {
			_, section, ok := strings.Cut(notice, sections[in]+"\n\n")
			section, _, _ = strings.Cut(section, "\n\n")
			line := fmt.Sprintf("    %-43s  %s\n", w.Name, w.License)
			if !ok || !strings.Contains(section+"\n", line) {
				t.Errorf("NOTICE has no line %q under %q", line, sections[in])
			}
			lines++
		}
	}
	if n := strings.Count(notice, "\n    "); n != lines {
		t.Errorf("NOTICE lists %d works, c2w licenses %d", n, lines)
	}
}

// documents are those for people who read the tree.
var documents = []string{"README.md", "docs/architecture.md", "docs/RATIONALE.md", "docs/attach.md", "docs/memory.md"}

// TestDocumentPaths finds paths in the documents that do not exist, or no
// longer.
func TestDocumentPaths(t *testing.T) {
	path := regexp.MustCompile("[`(]((?:cmd|internal|guest|demo|bench|tests|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9_])")
	for _, name := range documents {
		for _, m := range path.FindAllStringSubmatch(read(t, name), -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

// TestMemoryTable compares the table of linear memory in docs/architecture.md
// with the constants.
func TestMemoryTable(t *testing.T) {
	text := read(t, "docs/architecture.md")
	for _, row := range []struct {
		from, to uint64
		what     string
	}{
		{machine.StateBase, machine.StateBase + core.StateSize, "`core.State`"},
		{machine.GoData, machine.Reserve, "Go"},
		{machine.CachesBase, machine.CachesBase + core.CachesSize, "`core.Caches`"},
		{machine.ManifestBase, machine.ManifestBase + machine.ManifestMax, "the file's manifest"},
		{machine.RecordBase, machine.RecordBase + machine.RecordSize, "interpreter records"},
		{machine.RAMHost, machine.RAMHost + machine.DefaultRAM, "guest RAM"},
	} {
		if want := fmt.Sprintf("| 0x%07x | 0x%07x | %s", row.from, row.to, row.what); !strings.Contains(text, want) {
			t.Errorf("docs/architecture.md has no row that begins %q", want)
		}
	}
}

// TestKeepsTable compares the table of docs/memory.md with the constants.
func TestKeepsTable(t *testing.T) {
	text := read(t, "docs/memory.md")
	sum := 0
	mib := func(n int) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
	for _, k := range append(machine.Keeps(riscv64.Guest, machine.MaxRAM), machine.Kept{Part: "sum"}) {
		if k.Part == "sum" {
			k.Bytes = sum
		}
		if want := fmt.Sprintf("\n| %s | %s | ", k.Part, mib(k.Bytes)); !strings.Contains(text, want) {
			t.Errorf("docs/memory.md has no row that begins %q", want)
		}
		sum += k.Bytes
	}
	for _, n := range []int{machine.HeapLimit, machine.Reserve, machine.RecordSize} {
		if want := fmt.Sprintf("%d", n>>20); !strings.Contains(text, want) {
			t.Errorf("docs/memory.md does not say %s MiB", want)
		}
	}
}

// TestExitTable finds exits that docs/architecture.md does not explain.
func TestExitTable(t *testing.T) {
	text := read(t, "docs/architecture.md")
	for e := core.ExitNone + 1; int(e) < core.NumExits; e++ {
		if !strings.Contains(text, "\n| "+e.String()+" | ") {
			t.Errorf("docs/architecture.md has no row for exit %v", e)
		}
	}
}
