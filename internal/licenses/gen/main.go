// Command gen writes the list of licences and the texts of Go modules: go run
// ./internal/licenses/gen, from the module's root. With -check it only compares.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/licenses"
)

const dir = "internal/licenses"

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
	for _, step := range []func() error{g.kernel, g.goItself, g.modules, g.demo} {
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
				return fmt.Errorf("%s is not fresh: run go run ./%s/gen and commit what it writes", name, dir)
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

// modules adds the modules that the builds use.
func (g *generator) modules() error {
	found := map[string]*licenses.Work{}
	dirs := map[string]string{}
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
			w := found[f[0]]
			if w == nil {
				w = &licenses.Work{Name: f[0], Version: f[1], Source: "Go module " + f[0] + " " + f[1]}
				found[f[0]], dirs[f[0]] = w, f[2]
			}
			if !slices.Contains(w.In, b.in) {
				w.In = append(w.In, b.in)
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := len(found[b].In) - len(found[a].In); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if err := g.texts(found[name], dirs[name]); err != nil {
			return err
		}
		g.list = append(g.list, *found[name])
	}
	return nil
}

// texts takes a module's licence and notices over.
func (g *generator) texts(w *licenses.Work, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		isLicense := upper == "LICENSE" || upper == "LICENSE.TXT" || upper == "LICENSE.MD"
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
	case strings.Contains(text, "Apache License"):
		return "Apache-2.0"
	case strings.Contains(text, "Permission is hereby granted, free of charge"):
		return "MIT"
	case strings.Contains(text, "Redistribution and use in source and binary forms"):
		return "BSD-3-Clause"
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
