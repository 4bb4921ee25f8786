package wasi_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/c2w/c2w/internal/testkit/wasitest"
)

var update = flag.Bool("update", false, "rewrite testdata/files.golden")

// run runs testdata/files with dir as its directory.
func runFiles(t *testing.T, e wasitest.Engine, dir string, args ...string) string {
	t.Helper()
	cmd := e.Command(wasitest.Build(t, "testdata/files"), args...)
	e.Preopen(cmd, dir, "/w")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Errorf("%v, %s", err, stderr.String())
	}
	return string(out)
}

// TestFiles has every engine do the same with files and directories, and give
// the same answers.
func TestFiles(t *testing.T) {
	golden := filepath.Join("testdata", "files.golden")
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		got := runFiles(t, e, t.TempDir(), "all")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		part := ""
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range max(len(gotLines), len(wantLines)) {
			g, w := "nothing", "nothing"
			if i < len(gotLines) {
				g = gotLines[i]
			}
			if i < len(wantLines) {
				w = wantLines[i]
			}
			if strings.HasPrefix(w, "--") {
				part = w
			}
			if g != w {
				t.Fatalf("%s\ngot  %s\nwant %s", part, g, w)
			}
		}
	})
}

// TestEscape has a program do all it can to reach a directory beside its own.
func TestEscape(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		dir := t.TempDir()
		inside, outside := filepath.Join(dir, "inside"), filepath.Join(dir, "outside")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(inside, 0o755))
		must(os.MkdirAll(filepath.Join(outside, "empty"), 0o755))
		must(os.WriteFile(filepath.Join(outside, "secret"), []byte("SECRET"), 0o666))
		old := time.Now().Add(-time.Hour).Truncate(time.Second)
		must(os.Chtimes(filepath.Join(outside, "secret"), old, old))
		for link, target := range map[string]string{
			"outside/link": "x", "inside/hostdir": "../outside", "inside/hostfile": "../outside/secret", "inside/hostup": "..",
		} {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Skip(err)
			}
		}
		if mkfifo, err := exec.LookPath("mkfifo"); err != nil || exec.Command(mkfifo, filepath.Join(inside, "fifo")).Run() != nil {
			t.Log("no FIFO here")
		}
		before := snapshot(t, outside)
		out := runFiles(t, e, inside, "escape")
		if strings.Contains(out, "LEAK") || !strings.HasSuffix(out, "\ndone\n") {
			t.Errorf("the program said:\n%s", out)
		}
		if after := snapshot(t, outside); after != before {
			t.Errorf("outside was\n%s\nand is\n%s", before, after)
		}
	})
}

// snapshot describes a directory with everything that can be changed in it.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var s strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String())
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			s.WriteString(" " + string(text))
		}
		s.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func TestRoots(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		cmd := e.Command(wasitest.Build(t, "testdata/files"), "roots")
		if out, err := cmd.Output(); err != nil || string(out) != "no directories\n" {
			t.Errorf("without: %q, %v", out, err)
		}
		cmd = e.Command(wasitest.Build(t, "testdata/files"), "roots")
		e.Preopen(cmd, t.TempDir(), "/one")
		e.Preopen(cmd, t.TempDir(), "/two/ä b")
		out, err := cmd.Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || len(lines) != 2 || min(lines[0], lines[1]) != `"/one"` || max(lines[0], lines[1]) != `"/two/ä b"` {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// TestForeignName has a name in the directory that is not UTF-8. The other names
// can be reached everywhere; the listing says EILSEQ where the engine fails.
func TestForeignName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "\xff\xfe"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Skip(err)
		}
	}
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		want := "\"\\xff\\xfe:1\"\n"
		want = "\"a:1\"\n" + want
		if e.Name == "wasmtime" {
			want = "\"error 84\"\n"
		}
		if got := runFiles(t, e, dir, "list"); got != want+"a 1\n" {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestLargeDirectory lists one that is larger than the usual buffer.
func TestLargeDirectory(t *testing.T) {
	const n = 12_000
	dir := t.TempDir()
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "file-"+strconv.Itoa(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		out := runFiles(t, e, dir, "bench", "list")
		if strings.Count(out, "list "+strconv.Itoa(n)+" ") != 2 || strings.Contains(out, "error") {
			t.Error(out)
		}
	})
}

// TestNoTerminal shows that what is no terminal is none, /dev/null least of all.
func TestNoTerminal(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		for _, in := range []string{os.DevNull, "files_engine_test.go"} {
			f, err := os.Open(in)
			if err != nil {
				t.Fatal(err)
			}
			cmd := e.Command(wasitest.Build(t, "testdata/files"), "terminal")
			cmd.Stdin = f
			if out, err := cmd.Output(); err != nil || string(out) != "0 no\n1 no\n2 no\n" {
				t.Errorf("%s: %q, %v", in, out, err)
			}
			_ = f.Close()
		}
	})
}

// TestTerminal shows that a terminal is one, beside streams that are none.
func TestTerminal(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		master, tty, err := pty.Open()
		if err != nil {
			t.Skip(err)
		}
		defer master.Close()
		defer tty.Close()
		cmd := e.Command(wasitest.Build(t, "testdata/files"), "terminal")
		cmd.Stdin, cmd.Stderr = tty, tty
		if out, err := cmd.Output(); err != nil || string(out) != "0 yes\n1 no\n2 yes\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// TestManyOpen has the process run out of descriptors.
func TestManyOpen(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to set a limit with")
	}
	eachEngine(t, func(t *testing.T, e wasitest.Engine, _ string) {
		cmd := e.Command(wasitest.Build(t, "testdata/files"), "many")
		e.Preopen(cmd, t.TempDir(), "/w")
		cmd.Args = append([]string{"sh", "-c", `ulimit -n 100 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = sh
		if out, err := cmd.Output(); err != nil || string(out) != "error 24\nsome yes then x\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
}
