// Command deadcode fails when a package that is no test's has functions that no
// program of this tree reaches: what only tests use belongs to tests. It asks
// golang.org/x/tools/cmd/deadcode for each of the builds below; a function is
// reached if it is in one of them. Files that none of them has, such as those for
// Windows, are not judged. From the module's root:
//
//	go run ./tests/deadcode
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// tool is pinned; it finds what can be called from main by rapid type analysis.
const tool = "golang.org/x/tools/cmd/deadcode@v0.49.0"

// build is a set of programs for a platform. Without packages it is every one
// that there is for it.
type build struct{ goos, goarch, packages string }

var builds = []build{
	{"linux", "amd64", ""},
	{"linux", "riscv64", "./guest/init"},
	{"wasip1", "wasm", "./cmd/machine"},
}

// tests are the packages for tests, below the module's root.
var tests = []string{"internal/testkit/"}

// allowed says why a function, or those of a file, may be there for tests alone.
var allowed = map[string]string{
	"internal/cpu/engine/limits.go MaxHeap":      "adds up the constants beside it; a test compares the sum with docs/memory.md",
	"internal/cpu/engine/limits.go maxStraddles": "is a part of it",
	"internal/cpu/mem/tlb.go MaxHeap":            "likewise",
	"internal/machine/limits.go Keeps":           "likewise",

	"internal/cpu/isa/riscv64/table.go Encodings": "lists the table of instructions, which is not exported, for generators of tests in four packages",
	"internal/cpu/core/core.go NewHart":           "allocates what a file has in linear memory, for the tests of four packages",
	"internal/cpu/native/native.go New":           "is Instantiate for tests that want no core of their own",

	"internal/machine/fdt/parse.go": "reads back what fdt writes, for tests of two packages",

	"internal/machine/wasi/sys_native.go": "is the machine's host over Go's streams for tests of package machine; the interface that it implements is not exported",
}

func main() {
	dead, err := find()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deadcode:", err)
		os.Exit(1)
	}
	status := 0
	unused := maps.Clone(allowed)
	for _, f := range slices.Sorted(maps.Keys(dead)) {
		file, _, _ := strings.Cut(f, " ")
		delete(unused, f)
		delete(unused, file)
		switch {
		case allowed[f] != "" || allowed[file] != "":
		case slices.ContainsFunc(tests, func(t string) bool { return strings.HasPrefix(f, t) }):
		default:
			fmt.Println("only tests use", f)
			status = 1
		}
	}
	for _, f := range slices.Sorted(maps.Keys(unused)) {
		fmt.Println("a program uses it, or it is gone: take it from the list of what is allowed:", f)
		status = 1
	}
	os.Exit(status)
}

// find returns the functions that no build reaches, as "FILE NAME".
func find() (map[string]bool, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var all []verdict
	for _, b := range builds {
		v, err := b.judge(root)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", b.goos, b.goarch, err)
		}
		all = append(all, v)
	}
	dead := map[string]bool{}
	for _, v := range all {
		for f := range v.dead {
			file, _, _ := strings.Cut(f, " ")
			if !slices.ContainsFunc(all, func(o verdict) bool { return o.files[file] && !o.dead[f] }) {
				dead[f] = true
			}
		}
	}
	return dead, nil
}

// verdict is what a build consists of, and which functions in it are not reached.
type verdict struct{ files, dead map[string]bool }

func (b build) judge(root string) (verdict, error) {
	packages := strings.Fields(b.packages)
	if len(packages) == 0 {
		list, err := b.run("list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
		if err != nil {
			return verdict{}, err
		}
		packages = strings.Fields(string(list))
	}
	v := verdict{map[string]bool{}, map[string]bool{}}
	list, err := b.run(append([]string{"list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{end}}{{end}}`}, packages...)...)
	if err != nil {
		return v, err
	}
	for line := range strings.Lines(string(list)) {
		if name := strings.TrimSpace(line); name != "" {
			if v.files[short(root, name)] = true; short(root, name) == name {
				return v, fmt.Errorf("%s is not below %s: run it from the module's root", name, root)
			}
		}
	}
	text, err := b.run(append([]string{"run", tool, "-json"}, packages...)...)
	if err != nil {
		return v, err
	}
	var found []struct {
		Funcs []struct {
			Name     string
			Position struct{ File string }
		}
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return v, fmt.Errorf("reading what %s says: %w", tool, err)
	}
	for _, p := range found {
		for _, f := range p.Funcs {
			v.dead[short(root, f.Position.File)+" "+f.Name] = true
		}
	}
	return v, nil
}

// short is a file's name below the root.
func short(root, name string) string {
	if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(name)
}

// run runs the go command for the build's platform; what go run starts is for this
// one.
func (b build) run(args ...string) ([]byte, error) {
	env := append(os.Environ(), "CGO_ENABLED=0")
	if args[0] == "run" {
		// The tool takes the platform from its own environment.
		args = append([]string{"run", "-exec", "env GOOS=" + b.goos + " GOARCH=" + b.goarch}, args[1:]...)
	} else {
		env = append(env, "GOOS="+b.goos, "GOARCH="+b.goarch)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = env
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, complaints.Bytes())
	}
	return out.Bytes(), nil
}
