package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostile runs a program that makes the machine remember as much as it can
// (docs/memory.md), in a guest with much memory: its own tables are largest there.
func TestHostile(t *testing.T) {
	slow(t)
	program := filepath.Join(t.TempDir(), "hostile")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "./guest/testdata/hostile")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=riscv64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	file := convert(t, "demo:", "--memory", "1g")
	onEach(t, engines, func(t *testing.T, e *engine) {
		switch {
		case e.basic:
			t.Skip("not on slow engines")
		case e.noDirs != "":
			t.Skip(e.noDirs)
		}
		d := hostDir(t, e, "/w")
		if err := os.WriteFile(filepath.Join(d.host, "hostile"), text, 0o777); err != nil {
			t.Fatal(err)
		}
		r := run(t, e, &invocation{file: file, dirs: []dir{d}, args: []string{d.guest + "/hostile", d.guest}}, strings.NewReader(""))
		if want := "calls 918000\npages 39998\naddresses 10000\nrewritten 20000\nfiles 1500\n"; r.stdout != want || r.status != 0 {
			t.Errorf("status %d, output %q, want %q; %s", r.status, r.stdout, want, clip(r.stderr))
		}
	})
}
