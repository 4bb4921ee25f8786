//go:build linux

package main

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
)

func TestMakeDirs(t *testing.T) {
	dir := t.TempDir()
	in := func(p string) string { return filepath.Join(dir, p) }
	for link, target := range map[string]string{
		"abs": in("far/away"), "rel": "near/by", "sub/up": "../above/there",
		"loop": "loop", "a": "b", "b": "a", "tofile": "file",
	} {
		os.MkdirAll(filepath.Dir(in(link)), 0o755)
		if err := os.Symlink(target, in(link)); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(in("file"), nil, 0o644)
	for path, made := range map[string]string{
		"x/y/z": "x/y/z", "x//y/w/": "x/y/w", "abs/k": "far/away/k", "rel": "near/by",
		"sub/up/q": "above/there/q", "sub": "sub",
	} {
		if err := makeDirs(dir + "/" + path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if st, err := os.Stat(in(made)); err != nil || !st.IsDir() {
			t.Errorf("%s did not make %s: %v", path, made, err)
		}
	}
	for path, want := range map[string]error{
		"file": syscall.ENOTDIR, "file/x": syscall.ENOTDIR, "tofile/x": syscall.ENOTDIR, "loop": syscall.ELOOP, "a/x": syscall.ELOOP,
	} {
		if err := makeDirs(in(path)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestReadAccounts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	text := strings.Repeat("0123456789abcdef\n", 100_000)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := readAccounts(file); got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, "/dev/zero", filepath.Join(dir, "none")} {
		if got := readAccounts(path); got != "" {
			t.Errorf("%s: %d bytes", path, len(got))
		}
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		want []string
	}{
		{"ls", []string{"PATH=/a:/b", "PATH=/never"}, []string{"/a/ls", "/b/ls"}},
		{"ls", []string{"PATH=:/b:"}, []string{"./ls", "/b/ls", "./ls"}},
		{"ls", []string{"PATH="}, []string{"./ls"}},
		{"", []string{"PATH=/a"}, nil},
		{"x", nil, []string{"/usr/local/sbin/x", "/usr/local/bin/x", "/usr/sbin/x", "/usr/bin/x", "/sbin/x", "/bin/x"}},
	} {
		if got := slices.Collect(iter.Seq[string](candidates(c.name, c.env))); !slices.Equal(got, c.want) {
			t.Errorf("%q in %q: %q", c.name, c.env, got)
		}
	}
}

// TestRefusals is every reason not to start a command; none of them executes.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, f := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"plain": {"x", 0o644}, "text": {"no program", 0o755}, "script": {"#!/nonexistent/sh\n", 0o755},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir(filepath.Join(dir, "dir"), 0o755)
	for _, c := range []struct {
		name   string
		status uint8
		why    string
	}{
		{"nosuch", 127, "command not found"},
		{"", 127, "command not found"},
		{dir + "/nosuch", 127, "no such file"},
		{dir + "/plain/x", 127, "no such file"},
		{"script", 127, "its interpreter or loader is not in the image"},
		{dir + "/script", 127, "its interpreter or loader is not in the image"},
		{"plain", 126, "permission denied"},
		{"dir", 126, "is a directory"},
		{dir + "/dir", 126, "is a directory"},
		{"text", 126, "not a program for this machine"},
		{dir + "/text", 126, "not a program for this machine"},
	} {
		err := execute([]string{c.name}, []string{"PATH=/nonexistent:" + dir})
		if got := complaint(err); got != (agent.Error{Status: c.status, Text: c.name + ": " + c.why}) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestComplaint(t *testing.T) {
	got := complaint(during("mounting /x", syscall.EBUSY))
	if got != (agent.Error{Status: 125, Text: "mounting /x: device or resource busy"}) {
		t.Errorf("%+v", got)
	}
	got = complaint(during("long", errors.New(strings.Repeat("x", 2*agent.MaxErrorText))))
	if _, err := agent.Append(nil, got); err != nil {
		t.Error(err)
	}
}

func TestFields(t *testing.T) {
	for in, want := range map[string]string{"": "", "/init\x00": "", "c2w\x00init\x00": "init", "c2w\x00init\x00more\x00": "init"} {
		if got := secondField(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for in, want := range map[string]string{"": "", "a\nb\n": "b", "a\n\n": "a", "only": "only"} {
		if got := lastLine(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
