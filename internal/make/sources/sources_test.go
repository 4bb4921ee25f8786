package main

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestFresh(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	want, err := list(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, output))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("a package or a kind of file name has come or gone: run go run ./internal/make/sources")
	}
}

// TestEndings: what one of the patterns matches is no test, and what none
// matches is a test or has a name too short to tell.
func TestEndings(t *testing.T) {
	for _, name := range []string{
		"a.go", "cat.go", "host.go", "fast.go", "latest.go", "contest.go", "mytest.go", "test_a.go", "a_test_b.go",
		"a_test.go", "_test.go", "manifest_test.go", "t.go", "st.go", "est.go", "test.go",
	} {
		matched := false
		for _, p := range endings {
			ok, err := path.Match(p, name)
			if err != nil {
				t.Fatal(err)
			}
			matched = matched || ok
		}
		short := strings.HasSuffix("_test.go", name) && name != "_test.go"
		if want := !strings.HasSuffix(name, "_test.go") && !short; matched != want {
			t.Errorf("%s: matched is %v", name, matched)
		}
	}
}
