package guest

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestInitFresh fails when init's sources or the committed program were changed
// without the other: run init/build.sh and commit what it writes.
func TestInitFresh(t *testing.T) {
	lock, err := os.ReadFile("init/riscv64.lock")
	if err != nil {
		t.Fatal(err)
	}
	locked := map[string]string{} // "source main.go" → "sha256:…"
	for line := range strings.Lines(string(lock)) {
		f := strings.Fields(line)
		if f[0] == "source" {
			locked["source "+f[1]] = f[2]
		} else if f[0] != "#" {
			locked[f[0]] = strings.Join(f[1:], " ")
		}
	}

	found := map[string]string{}
	for _, pattern := range []string{"init/build.sh", "init/*.go", "init/*.s", "../internal/format/agent/*.go", "../internal/format/frame/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel("init", f)
			found["source "+filepath.ToSlash(name)] = "sha256:" + digest(b)
		}
	}
	found["go"] = locked["go"]
	program, err := Init("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	found["init"] = fmt.Sprintf("sha256:%s size:%d", digest(program), len(program))
	found["compressed"] = fmt.Sprintf("sha256:%s size:%d", digest(initRiscv64), len(initRiscv64))
	all := maps.Clone(found)
	maps.Copy(all, locked)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if found[name] != locked[name] {
			t.Errorf("%s is %q, init/riscv64.lock says %q (run guest/init/build.sh)", name, found[name], locked[name])
		}
	}

	if v := runtime.Version(); v != locked["go"] {
		t.Logf("not rebuilt: the lock is for %s, this is %s", locked["go"], v)
		return
	}
	out := filepath.Join(t.TempDir(), "init")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", out, ".")
	cmd.Dir = "init"
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "GORISCV64=rva20u64", "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=", "GOWORK=off")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building init: %v\n%s", err, b)
	}
	built, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(built, program) {
		t.Errorf("a rebuilt init (sha256:%s) differs from the committed one", digest(built))
	}
}

func TestInitIsStatic(t *testing.T) {
	program, err := Init("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != elf.EM_RISCV || f.Type != elf.ET_EXEC || f.Section(".interp") != nil {
		t.Errorf("%v %v, interpreter %v", f.Machine, f.Type, f.Section(".interp"))
	}
}

func TestArchitectures(t *testing.T) {
	if _, err := Initramfs("riscv64", nil); err != nil {
		t.Error(err)
	}
	if image, err := Kernel("riscv64"); err != nil || len(image) < 1<<20 {
		t.Errorf("kernel of %d bytes, %v", len(image), err)
	}
	if _, err := Kernel("sparc64"); err == nil {
		t.Error("a kernel for sparc64")
	}
	if _, err := Initramfs("sparc64", nil); err == nil {
		t.Error("an init for sparc64")
	}
}

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
