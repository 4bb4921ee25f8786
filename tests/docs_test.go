package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// documents returns those for people who read the tree, by their paths from the
// module's root.
func documents(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "bench/*.md", "demo/*.md", "guest/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("no document is %s (%v)", pattern, err)
		}
		for _, name := range found {
			list = append(list, filepath.ToSlash(name[len("../"):]))
		}
	}
	return list
}

// TestDocumentPaths finds paths in the documents that do not exist, or no
// longer.
func TestDocumentPaths(t *testing.T) {
	path := regexp.MustCompile("`((?:cmd|internal|guest|demo|bench|tests|docs|examples|\\.github)/[A-Za-z0-9_./-]*[A-Za-z0-9_])")
	link := regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`)
	for _, name := range documents(t) {
		text := read(t, name)
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}

// TestCommands holds the commands that documents for users name to what c2w says
// of itself, and those of make to the Makefile.
func TestCommands(t *testing.T) {
	c2w := filepath.Join(t.TempDir(), "c2w.exe")
	build := exec.Command("go", "build", "-o", c2w, "./cmd/c2w")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	help := func(command ...string) string {
		out, err := exec.Command(c2w, append([]string{"help"}, command...)...).Output()
		if err != nil {
			t.Fatalf("c2w help %v: %v", command, err)
		}
		return string(out)
	}
	top := help()
	_, list, _ := strings.Cut(top, "\nCommands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	all := top
	commands := map[string]bool{}
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[0]
		commands[name] = true
		all += help(name)
	}
	makefile := read(t, "Makefile")
	// What an invocation begins with: a command's name, a flag, or an image's,
	// which has a sign that no command's has.
	invocation := regexp.MustCompile("(?m)(?:^    (?:\\$ )?|`|\\| |\\./cmd/)c2w ([a-z]+)(?:[ `\n]|$)")
	flag := regexp.MustCompile("`(--[a-z][a-z-]+)")
	target := regexp.MustCompile("(?m)(?:^    |`)make ([a-z-]+)")
	// Flags of others: refused ones of docker's, and an engine's.
	others := []string{"--rm", "--name", "--network", "--privileged", "--no-stdin", "--version", "--platform", "--attach"}
	n := 0
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "examples/README.md"} {
		text := read(t, name)
		for _, m := range invocation.FindAllStringSubmatch(text, -1) {
			if n++; !commands[m[1]] {
				t.Errorf("%s: c2w has no command %s", name, m[1])
			}
		}
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			if n++; !strings.Contains(all, m[1]+" ") && !strings.Contains(all, m[1]+"[") && !slices.Contains(others, m[1]) {
				t.Errorf("%s: nothing has a flag %s", name, m[1])
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if n++; !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d commands and flags found", n)
	}
}

// TestWorkflows holds actions to versions, and the forge's Go to go.mod's.
func TestWorkflows(t *testing.T) {
	mod := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	for _, name := range []string{".github/workflows/ci.yml", ".github/workflows/fuzz.yml"} {
		text := read(t, name)
		uses := regexp.MustCompile(`(?m)uses: (.*)$`).FindAllStringSubmatch(text, -1)
		if len(uses) == 0 {
			t.Errorf("%s uses nothing", name)
		}
		for _, m := range uses {
			if !regexp.MustCompile(`^[\w./-]+@v\d+\.\d+\.\d+$`).MatchString(m[1]) {
				t.Errorf("%s: %s is not pinned to a version", name, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`image: golang:(\d+\.\d+)`).FindAllStringSubmatch(text, -1) {
			if m[1] != mod[1] {
				t.Errorf("%s has Go %s, go.mod %s", name, m[1], mod[1])
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
