package machinewasm

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/c2w/c2w"
)

// fake is a source whose machine is its one file, and how often it was compiled.
func fake(content string) (source, *atomic.Int32) {
	n := new(atomic.Int32)
	return source{
		files:   fstest.MapFS{"a/a.go": {Data: []byte(content)}},
		built:   fstest.MapFS{"built/README.md": {}},
		version: "go1.99",
		compile: func(_ context.Context, files fs.FS, version string) ([]byte, error) {
			n.Add(1)
			b, err := fs.ReadFile(files, "a/a.go")
			return append(b, version...), err
		},
	}, n
}

func find(t *testing.T, s source, o Options, want Origin) *Machine {
	t.Helper()
	m, err := s.find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := fs.ReadFile(s.files, "a/a.go"); string(m.Module) != string(text)+s.version {
		t.Errorf("the machine is %q", m.Module)
	}
	if m.Origin != want {
		t.Errorf("the machine is from %d, want %d", m.Origin, want)
	}
	return m
}

// files are those in a directory, without the lock.
func files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(f string) bool { return filepath.Base(f) == ".lock.tmp" })
}

func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, compiled := fake("one")
	told := 0
	o := Options{Dir: dir, Building: func(v string) {
		if told++; v != s.version {
			t.Errorf("told of %s", v)
		}
	}}
	if m, err := s.look(o); m != nil || err != nil || told+int(compiled.Load()) != 0 {
		t.Errorf("nothing was built, and there is %v, %v", m, err)
	}
	path := find(t, s, o, Built).Path
	if again := find(t, s, o, Kept).Path; again != path || compiled.Load() != 1 || told != 1 {
		t.Errorf("%s, then %s; compiled %d times, told %d times", path, again, compiled.Load(), told)
	}
	// Another source has another place.
	other, _ := fake("two")
	find(t, other, o, Built)
	find(t, s, o, Kept)
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("there are %q", got)
	}
}

func TestTampered(t *testing.T) {
	for _, with := range []string{"", "on", "onx", "one and more"} {
		dir := t.TempDir()
		s, compiled := fake("one")
		path := find(t, s, Options{Dir: dir}, Built).Path
		if err := os.WriteFile(path, []byte(with), 0o666); err != nil {
			t.Fatal(err)
		}
		if m, err := s.look(Options{Dir: dir}); m != nil || err != nil {
			t.Errorf("%q passes: %v, %v", with, m, err)
		}
		find(t, s, Options{Dir: dir}, Built)
		find(t, s, Options{Dir: dir}, Kept)
		if got := files(t, dir); len(got) != 1 || compiled.Load() != 2 {
			t.Errorf("%q: compiled %d times, there are %q", with, compiled.Load(), got)
		}
	}
}

func TestNowhereToKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		s, _ := fake("one")
		for range 2 {
			if m := find(t, s, Options{Dir: dir}, Built); m.Path != "" {
				t.Errorf("%q has kept it in %q", dir, m.Path)
			}
		}
	}
}

func TestAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	s, compiled := fake("one")
	slowly := s.compile
	s.compile = func(ctx context.Context, files fs.FS, version string) ([]byte, error) {
		time.Sleep(4 * lockInterval)
		return slowly(ctx, files, version)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if m, err := s.find(t.Context(), Options{Dir: dir}); err != nil || string(m.Module) != "onego1.99" {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	all.Wait()
	if n := compiled.Load(); n != 1 {
		t.Errorf("compiled %d times", n)
	}
}

// TestWaitingEnds: whoever waits for another process hears when it is to end.
func TestWaitingEnds(t *testing.T) {
	dir := t.TempDir()
	unlock := (store{dir}).lock(t.Context())
	defer unlock()
	s, _ := fake("one")
	s.compile = func(ctx context.Context, _ fs.FS, _ string) ([]byte, error) {
		return nil, errors.New("compiled though it was to end")
	}
	why := errors.New("the end")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := Options{Dir: dir, Building: func(string) { cancel(why) }}
	if _, err := s.find(ctx, o); err != why {
		t.Errorf("%v", err)
	}
}

func TestCompilerFails(t *testing.T) {
	dir := t.TempDir()
	s, _ := fake("one")
	why := errors.New("no")
	s.compile = func(context.Context, fs.FS, string) ([]byte, error) { return []byte("half"), why }
	if _, err := s.find(t.Context(), Options{Dir: dir}); err != why {
		t.Errorf("%v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("there is %q", got)
	}
}

func TestCarried(t *testing.T) {
	s, compiled := fake("one")
	key, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	module := []byte("one" + s.version)
	b, err := pack(module)
	if err != nil {
		t.Fatal(err)
	}
	carry := func(name string, b []byte) { s.built = fstest.MapFS{"built/" + name: {Data: b}} }

	carry(name(key, module)+packed, b)
	find(t, s, Options{Dir: t.TempDir()}, Embedded)
	if compiled.Load() != 0 {
		t.Error("compiled though it is carried")
	}
	// Of other sources: as if there were none.
	carry(name("0123456789abcdef", module)+packed, b)
	find(t, s, Options{}, Built)
	// A program that is damaged.
	for _, bad := range [][]byte{nil, b[:len(b)-1], bytes.Repeat(b, 2)} {
		carry(name(key, module)+packed, bad)
		if m, err := s.find(t.Context(), Options{}); err == nil {
			t.Errorf("%q passes as %q", bad, m.Module)
		}
	}
}

func TestNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.wasm")
	if _, err := Find(t.Context(), Options{File: file}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), Variable) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if m, err := Find(t.Context(), Options{File: file}); err != nil || string(m.Module) != "mine" || m.Origin != Named {
		t.Errorf("%v, %v", m, err)
	}
}

// TestKey: whatever could give another machine gives another key.
func TestKey(t *testing.T) {
	seen := map[string]string{}
	for what, s := range map[string]source{
		"one":          {files: fstest.MapFS{"a": {Data: []byte("x")}}, version: "go1.99"},
		"version":      {files: fstest.MapFS{"a": {Data: []byte("x")}}, version: "go1.98"},
		"content":      {files: fstest.MapFS{"a": {Data: []byte("y")}}, version: "go1.99"},
		"name":         {files: fstest.MapFS{"b": {Data: []byte("x")}}, version: "go1.99"},
		"folder":       {files: fstest.MapFS{"a/b": {Data: []byte("x")}}, version: "go1.99"},
		"another file": {files: fstest.MapFS{"a": {Data: []byte("x")}, "b": {}}, version: "go1.99"},
		"one of two":   {files: fstest.MapFS{"a": {Data: []byte("x\"b\" 0\n")}}, version: "go1.99"},
	} {
		key, err := s.key()
		if err != nil {
			t.Fatal(err)
		}
		if was, ok := seen[key]; ok {
			t.Errorf("%s and %s have the same key", what, was)
		}
		seen[key] = what
	}
}

// TestCompile compiles this tree's machine in an environment that would change
// it, and expects what c2w otherwise uses.
func TestCompile(t *testing.T) {
	o := FromEnvironment()
	o.File = ""
	want, err := Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	above := t.TempDir()
	settings := filepath.Join(above, "goenv")
	for name, text := range map[string]string{
		settings:                         "GOFLAGS=-tags=nothing\nGOWASM=satconv\nGOEXPERIMENT=nodwarf5\n",
		filepath.Join(above, "go.mod"):   "module above\n",
		filepath.Join(above, "go.work"):  "go 1.26\n",
		filepath.Join(above, "above.go"): "package above\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"TMPDIR": above, "TMP": above, "GOENV": settings, "GOFLAGS": "-ldflags=-X=main.a=b -gcflags=-N", "GOOS": "plan9", "GOARCH": "386",
		"GOWASM": "signext", "CGO_ENABLED": "1", "GODEBUG": "gocachehash=0", "GO111MODULE": "off", "GOWORK": filepath.Join(above, "go.work"),
		"GOTOOLCHAIN": "go1.2", "GOPROXY": "off",
	} {
		t.Setenv(name, value)
	}
	got, err := compile(t.Context(), c2w.MachineSources, goVersion())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Module) {
		t.Errorf("%d bytes, otherwise %d, and not the same", len(got), len(want.Module))
	}
	if left := files(t, above); len(left) != 4 {
		t.Errorf("left behind: %q", left)
	}
}

// TestCannotCompile: each reason says what to do.
func TestCannotCompile(t *testing.T) {
	version := goVersion()
	t.Setenv("GOPROXY", "off")
	path := os.Getenv("PATH")
	for _, c := range []struct {
		what, path, version string
		files               fs.FS
		want                []string
	}{
		{"no go command", "", version, c2w.MachineSources, []string{"no go command", "https://go.dev/dl", Variable, version}},
		{"a Go that cannot be had", path, "go1.26.9999", c2w.MachineSources, []string{"go1.26.9999", "built this c2w"}},
		{"a Go of one's own", path, version + "-mine", c2w.MachineSources, []string{version + ",", version + "-mine", "build c2w again"}},
		{"sources that do not compile", path, version, fstest.MapFS{
			"go.mod": {Data: []byte("module m\n\ngo 1.26\n")}, "cmd/machine/main.go": {Data: []byte("package main\n\nfunc main() { gone() }\n")},
		}, []string{"building the machine", "undefined: gone"}},
	} {
		t.Setenv("PATH", c.path)
		b, err := compile(t.Context(), c.files, c.version)
		if err == nil {
			t.Errorf("%s: %d bytes", c.what, len(b))
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %q", c.what, w, err)
			}
		}
	}
}

// TestSourcesAreThoseOfTheTree: no test's text is carried, and no folder's place
// is taken by another.
func TestSourcesAreThoseOfTheTree(t *testing.T) {
	count := map[string]int{}
	err := fs.WalkDir(c2w.MachineSources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		count[filepath.Ext(name)]++
		if strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s is carried", name)
		}
		have, err := fs.ReadFile(c2w.MachineSources, name)
		if err != nil {
			return err
		}
		if is, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(name))); err != nil || !bytes.Equal(is, have) {
			t.Errorf("%s: other content, %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kinds := slices.Sorted(maps.Keys(count)); !slices.Equal(kinds, []string{".go", ".mod", ".sum"}) || count[".go"] < 100 {
		t.Errorf("%v", count)
	}
}
