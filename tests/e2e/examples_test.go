package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exampleImages is what each of examples runs in here, images or files that other
// tests have converted already; what a user would name is in the example, which nil
// leaves to it.
var exampleImages = map[string]func(*testing.T) string{
	"c-tool":   compilersFile,
	"ci-job":   func(t *testing.T) string { return convert(t, debian(t)) },
	"node":     compilersFile,
	"pipeline": nil,
	"python":   debian,
}

// TestExamples runs every example as a user does, by its run script, and compares
// what it prints.
func TestExamples(t *testing.T) {
	slow(t)
	c2w := c2w(t)
	top := filepath.Join("..", "..", "examples")
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			image, known := exampleImages[e.Name()]
			if !known {
				t.Fatalf("which image does %s run in? See exampleImages", e.Name())
			}
			dir := filepath.Join(top, e.Name())
			want, err := os.ReadFile(filepath.Join(dir, "expected"))
			if err != nil {
				t.Fatal(err)
			}
			if readme, err := os.ReadFile(filepath.Join(dir, "README.md")); err != nil || !bytes.Contains(readme, []byte("examples/"+e.Name()+"/run")) {
				t.Errorf("its README does not say how to run it (%v)", err)
			}
			cmd := exec.Command("./run")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "C2W="+c2w)
			if image != nil {
				cmd.Env = append(cmd.Env, "IMAGE="+absolute(t, image(t)))
			}
			if e.Name() == "c-tool" {
				cmd.Env = append(cmd.Env, "CC=tcc") // the image's
			}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
			}
			if stdout.String() != string(want) {
				t.Errorf("it printed %q, want %q\n%s", clip(stdout.String()), want, &stderr)
			}
		})
	}
}

// absolute makes the name of a file or of an image's directory independent of where
// it is used.
func absolute(t *testing.T, name string) string {
	t.Helper()
	dir, isImage := strings.CutPrefix(name, "oci:")
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if isImage {
		return "oci:" + dir
	}
	return dir
}
