package convert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

type source func(w io.Writer) (int64, error)

func (s source) WriteTo(w io.Writer) (int64, error) { return s(w) }

func text(s string) source {
	return func(w io.Writer) (int64, error) { n, err := io.WriteString(w, s); return int64(n), err }
}

// names lists dir.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.wasm")
	for _, content := range []string{"first", "second"} {
		if err := WriteFile(t.Context(), name, text(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if runtime.GOOS != "windows" {
		// As any new file: what the umask leaves of 0666.
		plain := filepath.Join(t.TempDir(), "plain")
		os.WriteFile(plain, nil, 0o666)
		a, _ := os.Stat(plain)
		b, _ := os.Stat(name)
		if a.Mode() != b.Mode() {
			t.Errorf("mode %v, other files have %v", b.Mode(), a.Mode())
		}
	}
	if got := names(t, dir); got != "out.wasm" {
		t.Errorf("left behind: %s", got)
	}
}

// TestWriteFileFails wants the old file and nothing else after every failure.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.wasm")
	if err := os.WriteFile(name, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	for what, try := range map[string]func() error{
		"source fails late": func() error {
			return WriteFile(t.Context(), name, source(func(w io.Writer) (int64, error) {
				w.Write(bytes.Repeat([]byte("new"), 1<<20))
				return 0, broken
			}))
		},
		"interrupted": func() error {
			return WriteFile(ctx, name, source(func(w io.Writer) (int64, error) {
				w.Write(bytes.Repeat([]byte("new"), 1<<20))
				cancel()
				_, err := w.Write(bytes.Repeat([]byte("new"), 1<<20))
				return 0, err
			}))
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", what)
		} else if what == "interrupted" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		if got, _ := os.ReadFile(name); string(got) != "old" || names(t, dir) != "out.wasm" {
			t.Errorf("%s: %q, files %s", what, got, names(t, dir))
		}
	}
	for _, bad := range []string{dir, filepath.Join(dir, "none", "out.wasm"), filepath.Join(name, "out.wasm")} {
		if err := CheckOutput(bad); err == nil {
			t.Errorf("CheckOutput(%s) is content", bad)
		}
		if err := WriteFile(t.Context(), bad, text("new")); err == nil {
			t.Errorf("WriteFile(%s) is content", bad)
		}
	}
}
