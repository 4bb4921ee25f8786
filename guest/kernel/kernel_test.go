package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
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
	has := func(what, value string) {
		t.Helper()
		for line := range strings.Lines(string(lock)) {
			if strings.Join(strings.Fields(line), " ") == what+" "+value {
				return
			}
		}
		t.Errorf("riscv64.lock lacks %q: the kernel is not built from these inputs (run guest/kernel/build.sh)", what+" "+value)
	}
	inputs := map[string]string{"script": "build.sh", "config": "riscv64.config"}
	patches, err := filepath.Glob("patches/*.patch")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patches {
		inputs["patch "+filepath.Base(p)] = p
	}
	if n := strings.Count(string(lock), "\npatch "); n != len(patches) {
		t.Errorf("riscv64.lock names %d patches, there are %d (run guest/kernel/build.sh)", n, len(patches))
	}
	for what, file := range inputs {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		has(what, "sha256:"+digest(b))
	}
	packed := Compressed("riscv64")
	has("compressed", fmt.Sprintf("sha256:%s size:%d", digest(packed), len(packed)))
	image := unpack(t, packed)
	has("image", fmt.Sprintf("sha256:%s size:%d", digest(image), len(image)))
	if len(packed) > MaxCompressed {
		t.Errorf("compressed kernel of %d bytes, at most %d wanted", len(packed), MaxCompressed)
	}
}

// TestImageHeader reads the header that a loader relies on.
func TestImageHeader(t *testing.T) {
	image := unpack(t, Compressed("riscv64"))
	if string(image[48:56]) != "RISCV\x00\x00\x00" || string(image[56:60]) != "RSC\x05" {
		t.Fatalf("magic %q %q", image[48:56], image[56:60])
	}
	if offset := binary.LittleEndian.Uint64(image[8:]); offset != 2<<20 {
		t.Errorf("load offset %#x", offset)
	}
	if size := binary.LittleEndian.Uint64(image[16:]); size < uint64(len(image)) {
		t.Errorf("run-time size %d is below the file's %d", size, len(image))
	}
}

func TestUnknownArchitecture(t *testing.T) {
	if Compressed("sparc64") != nil {
		t.Error("a kernel for sparc64")
	}
}

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
