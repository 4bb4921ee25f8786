// Command licenses writes the list of licences and the texts of Go modules: go run
// ./internal/make/licenses, from the module's root. With -check it only compares.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/convert/licenses"
)

const dir = "internal/convert/licenses"

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if err := generate(*check); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func generate(check bool) error {
	g := generator{files: map[string][]byte{}}
	for _, step := range []func() error{g.kernel, g.goItself, g.library, g.modules, g.demo} {
		if err := step(); err != nil {
			return err
		}
	}
	list, err := json.MarshalIndent(g.list, "", "\t")
	if err != nil {
		return err
	}
	g.files["list.json"] = append(list, '\n')
	for name, want := range g.files {
		name := filepath.Join(dir, filepath.FromSlash(name))
		if check {
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				return fmt.Errorf("%s is not fresh: run go run ./internal/make/licenses and commit what it writes", name)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, want, 0o666); err != nil {
			return err
		}
	}
	return nil
}

type generator struct {
	list  []licenses.Work
	files map[string][]byte // by slash-separated path below dir
}

// kernel adds Linux, of the version in its lock.
func (g *generator) kernel() error {
	lock, err := os.ReadFile("guest/kernel/riscv64.lock")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(lock)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "source" {
			g.list = append(g.list, licenses.Work{
				Name: "Linux", Version: f[2], License: "GPL-2.0-only WITH Linux-syscall-note",
				Source: "Debian's package " + f[1] + " of this version (Debian's snapshot archive keeps it), with guest/kernel/riscv64.config and build.sh of c2w",
				In:     []string{licenses.InFile}, Files: []string{"GPL-2.0.txt", "Linux-syscall-note.txt"},
			})
			return nil
		}
	}
	return errors.New("guest/kernel/riscv64.lock names no source")
}

// goItself adds Go's runtime and standard library. No version: it is that of
// whoever builds c2w.
func (g *generator) goItself() error {
	text, err := os.ReadFile(filepath.Join(goroot(), "LICENSE"))
	if err != nil {
		return err
	}
	g.files["texts/go/LICENSE"] = text
	g.list = append(g.list, licenses.Work{
		Name: "Go", License: "BSD-3-Clause", Source: "the Go distribution that built c2w, go.dev",
		In: []string{licenses.InFile, licenses.InProgram}, Files: []string{"go/LICENSE"},
	})
	return nil
}

func goroot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// builds are the programs and what they are built for.
var builds = []struct {
	in, pkg    string
	goos, arch string
}{
	{licenses.InFile, "./cmd/machine", "wasip1", "wasm"},
	{licenses.InFile, "./guest/init", "linux", "riscv64"},
	{licenses.InProgram, "./cmd/c2w", "linux", "amd64"},
	{licenses.InProgram, "./cmd/c2w", "darwin", "arm64"},
	{licenses.InProgram, "./cmd/c2w", "windows", "amd64"},
}

// library adds the C library that runc is linked with, of the version in runc's
// lock.
func (g *generator) library() error {
	lines, err := runcLock("library")
	if err != nil {
		return err
	}
	if len(lines) != 1 || len(lines[0]) != 2 {
		return fmt.Errorf("%s names no library", runcLockFile)
	}
	g.list = append(g.list, licenses.Work{
		Name: "GNU C Library", Version: lines[0][1], License: "LGPL-2.1-or-later",
		Source: "Debian's source package " + lines[0][0] + " of this version (Debian's snapshot archive keeps it); guest/runc/build.sh of c2w links runc with it, or with another",
		In:     []string{licenses.InFile}, Files: []string{"LGPL-2.1.txt", "glibc-copyright.txt"},
	})
	return nil
}

const runcLockFile = "guest/runc/riscv64.lock"

// runcLock returns the fields behind the first of the lines that begin with one
// of some words.
func runcLock(words ...string) ([][]string, error) {
	lock, err := os.ReadFile(runcLockFile)
	if err != nil {
		return nil, err
	}
	var lines [][]string
	for line := range strings.Lines(string(lock)) {
		if f := strings.Fields(line); slices.Contains(words, f[0]) {
			lines = append(lines, f[1:])
		}
	}
	return lines, nil
}

// module is a Go module in one of its versions.
type module struct{ path, version string }

// usedModule is a module, where it is in use, and where its source is here.
type usedModule struct {
	work *licenses.Work
	dir  string
}

type usedModules map[module]usedModule

func (u usedModules) add(m module, dir, in string) {
	if _, ok := u[m]; !ok {
		u[m] = usedModule{&licenses.Work{Name: m.path, Version: m.version, Source: "Go module " + m.path + " " + m.version}, dir}
	}
	if w := u[m].work; !slices.Contains(w.In, in) {
		w.In = append(w.In, in)
	}
}

// addRunc adds runc and the modules that are linked into it.
func (u usedModules) addRunc() error {
	lines, err := runcLock("source", "module")
	if err != nil {
		return err
	}
	args := []string{"mod", "download", "-json"}
	sums := map[module]string{}
	for _, f := range lines {
		if len(f) != 3 {
			return fmt.Errorf("%s: %q is no module, version and sum", runcLockFile, f)
		}
		args = append(args, f[0]+"@"+f[1])
		sums[module{f[0], f[1]}] = f[2]
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = os.TempDir() // these modules are none of our module's business
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go mod download of runc's modules: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m struct{ Path, Version, Dir, Sum string }
		if err := d.Decode(&m); err != nil {
			return fmt.Errorf("reading what go mod download says: %w", err)
		}
		key := module{m.Path, m.Version}
		if m.Sum != sums[key] {
			return fmt.Errorf("module %s %s has the sum %s, %s says %s", m.Path, m.Version, m.Sum, runcLockFile, sums[key])
		}
		u.add(key, m.Dir, licenses.InFile)
	}
	return nil
}

// modules adds the modules that runc and the builds use.
func (g *generator) modules() error {
	found := usedModules{}
	if err := found.addRunc(); err != nil {
		return err
	}
	for _, b := range builds {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", b.pkg)
		cmd.Env = append(os.Environ(), "GOOS="+b.goos, "GOARCH="+b.arch, "GOFLAGS=", "GOWORK=off")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("go list %s: %w", b.pkg, err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			if len(f) != 3 {
				continue
			}
			found.add(module{f[0], f[1]}, f[2], b.in)
		}
	}
	list := slices.SortedFunc(maps.Values(found), func(a, b usedModule) int {
		return cmp.Or(place(a.work)-place(b.work), strings.Compare(a.work.Name, b.work.Name), strings.Compare(a.work.Version, b.work.Version))
	})
	for _, m := range list {
		if err := g.texts(m.work, m.dir); err != nil {
			return err
		}
		g.list = append(g.list, *m.work)
	}
	return nil
}

// place orders modules by where they are: in files and c2w, in files, in c2w.
func place(w *licenses.Work) int {
	switch {
	case len(w.In) > 1:
		return 0
	case w.In[0] == licenses.InFile:
		return 1
	}
	return 2
}

// texts takes a module's licence and notices over.
func (g *generator) texts(w *licenses.Work, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		isLicense := slices.Contains([]string{"LICENSE", "LICENSE.TXT", "LICENSE.MD", "LICENSE.BSD", "LICENSE.MPL-2.0"}, upper)
		if !e.Type().IsRegular() || !isLicense && upper != "NOTICE" && upper != "PATENTS" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if isLicense {
			w.License = spdx(w.Name, string(text))
		}
		file := path.Join(w.Name, e.Name())
		if other, ok := g.files["texts/"+file]; ok && !bytes.Equal(other, text) { // of another version
			file = path.Join(w.Name+"@"+w.Version, e.Name())
		}
		g.files["texts/"+file] = text
		w.Files = append(w.Files, file)
	}
	if w.License == "" {
		return fmt.Errorf("module %s: its licence is not known", w.Name)
	}
	return nil
}

// spdx recognises the licences of the modules that we use.
func spdx(module, text string) string {
	switch {
	case module == "github.com/klauspost/compress": // parts differ, its text lists them
		return "BSD-3-Clause AND Apache-2.0 AND MIT"
	case module == "github.com/cyphar/filepath-securejoin": // each file says which
		return "BSD-3-Clause AND MPL-2.0"
	case strings.Contains(text, "Apache License"):
		return "Apache-2.0"
	case strings.Contains(text, "Permission is hereby granted, free of charge"):
		return "MIT"
	case strings.Contains(text, "Redistribution and use in source and binary forms"):
		if strings.Contains(text, "Neither the name") {
			return "BSD-3-Clause"
		}
		return "BSD-2-Clause"
	}
	return ""
}

// demo adds what is in the built-in image.
func (g *generator) demo() error {
	b, err := os.ReadFile("demo/lock.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var lock struct{ Version, License, Source string }
	if err := json.Unmarshal(b, &lock); err != nil {
		return fmt.Errorf("demo/lock.json: %w", err)
	}
	g.list = append(g.list, licenses.Work{
		Name: "BusyBox", Version: lock.Version, License: lock.License, Source: lock.Source,
		In: []string{licenses.InDemo}, Files: []string{"GPL-2.0.txt"},
	})
	return nil
}
