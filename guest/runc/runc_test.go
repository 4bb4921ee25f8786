package runc

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestFresh fails when the recipe or the result was changed without the other:
// run build.sh and commit what it writes.
func TestFresh(t *testing.T) {
	lock, err := os.ReadFile("riscv64.lock")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.Lines(string(lock)) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	has := func(line string) {
		t.Helper()
		if !lines[line] {
			t.Errorf("riscv64.lock lacks %q: runc is not built from these inputs (run guest/runc/build.sh)", line)
		}
	}
	script, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	has("script sha256:" + digest(script))
	packed := Compressed("riscv64")
	has(fmt.Sprintf("compressed sha256:%s size:%d", digest(packed), len(packed)))
	program := unpack(t, packed)
	has(fmt.Sprintf("runc sha256:%s size:%d", digest(program), len(program)))
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	has("go " + info.GoVersion)
	for _, m := range info.Deps {
		has(fmt.Sprintf("module %s %s %s", m.Path, m.Version, m.Sum))
	}
	if len(packed) > MaxCompressed {
		t.Errorf("compressed runc of %d bytes, at most %d wanted", len(packed), MaxCompressed)
	}
}

// TestStatic shows that runc needs nothing of the guest's root to start.
func TestStatic(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(unpack(t, Compressed("riscv64"))))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != elf.EM_RISCV || f.Type != elf.ET_EXEC || f.Section(".interp") != nil {
		t.Errorf("%v %v, interpreter %v", f.Machine, f.Type, f.Section(".interp"))
	}
}

func TestUnknownArchitecture(t *testing.T) {
	if Compressed("sparc64") != nil {
		t.Error("a runc for sparc64")
	}
}

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := r.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
