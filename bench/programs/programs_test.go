package programs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func readLock(t *testing.T) (compiler string, sums map[string]string) {
	t.Helper()
	data, err := os.ReadFile("c2wbench.lock")
	if err != nil {
		t.Fatal(err)
	}
	sums = map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if key == "compiler" {
			compiler = value
		} else {
			sums[value] = key
		}
	}
	return compiler, sums
}

// TestFresh holds the committed binaries to the sources they were built from.
func TestFresh(t *testing.T) {
	_, sums := readLock(t)
	files := []string{"c2wbench.riscv64", "c2wbench-zb.riscv64"}
	names, err := fs.Glob(src, "src/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, names...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
		if strings.HasSuffix(name, ".riscv64") {
			sum = sha256.Sum256(data)
		}
		if got := hex.EncodeToString(sum[:]); sums[name] != got {
			t.Errorf("%s changed since the binaries were built: run bench/programs/update.sh", name)
		}
		delete(sums, name)
	}
	for name := range sums {
		t.Errorf("%s is in c2wbench.lock but not in the tree: run bench/programs/update.sh", name)
	}
}

// TestReproducible rebuilds both binaries where the locked compiler is.
func TestReproducible(t *testing.T) {
	const cc = "riscv64-linux-gnu-gcc"
	compiler, _ := readLock(t)
	out, err := exec.Command(cc, "--version").Output()
	if err != nil {
		t.Skipf("no %s: %v", cc, err)
	}
	if v, _, _ := strings.Cut(string(out), "\n"); v != compiler {
		t.Skipf("the lock is for %q, here is %q", compiler, v)
	}
	for _, b := range []struct {
		march string
		want  []byte
	}{{"rv64gc", Riscv64}, {"rv64gc_zba_zbb_zbs", Riscv64Zb}} {
		bin := filepath.Join(t.TempDir(), "c2wbench")
		if msg, err := exec.Command("src/build.sh", cc, bin, "-march="+b.march).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
		if got, err := os.ReadFile(bin); err != nil || !bytes.Equal(got, b.want) {
			t.Errorf("%s: a rebuild gives other bytes (%v)", b.march, err)
		}
	}
}

// check compares one run at the scale of 1 with the known checksums.
func check(t *testing.T, out string, want []Program) {
	t.Helper()
	got := Parse(out)
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d:\n%s", len(got), len(want), out)
	}
	for i, p := range want {
		if r := got[i]; r.Name != p.Name || r.Errno != 0 || r.Checksum != p.Checksum {
			t.Errorf("got %+v, want %s with checksum %x", r, p.Name, p.Checksum)
		}
	}
}

func TestNative(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs Linux on amd64 with a C compiler")
	}
	bin := filepath.Join(t.TempDir(), "c2wbench")
	if err := Build(cc, bin); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(All)
	if info, _ := os.ReadFile("/proc/cpuinfo"); !bytes.Contains(info, []byte(" fma ")) {
		want = slices.DeleteFunc(want, func(p Program) bool { return p.Name == "nbody-fma" })
	}
	args := []string{"-scale", "1"}
	for _, p := range want {
		args = append(args, p.Name)
	}
	out, err := exec.Command(bin, args...).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check(t, string(out), want)
	if out, err := exec.Command(bin, "-scale", "x").CombinedOutput(); err == nil || len(out) == 0 {
		t.Errorf("a bad scale was accepted: %q", out)
	}
	if out, err := exec.Command(bin, "nothing").CombinedOutput(); err == nil || len(out) == 0 {
		t.Errorf("an unknown program was accepted: %q", out)
	}
}

func TestRiscv64(t *testing.T) {
	qemu, err := exec.LookPath("qemu-riscv64-static")
	if err != nil {
		if qemu, err = exec.LookPath("qemu-riscv64"); err != nil {
			t.Skip("needs qemu-riscv64")
		}
	}
	// Without binfmt_misc an execve leaves the emulator, so no forkexec and
	// no shell.
	want := slices.DeleteFunc(slices.Clone(All), func(p Program) bool {
		return p.Name == "forkexec" || p.Name == "shell"
	})
	args := []string{"-scale", "1"}
	for _, p := range want {
		args = append(args, p.Name)
	}
	for i, elf := range [][]byte{Riscv64, Riscv64Zb} {
		bin := filepath.Join(t.TempDir(), fmt.Sprintf("c2wbench%d", i))
		if err := os.WriteFile(bin, elf, 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(qemu, append([]string{bin}, args...)...).Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		check(t, string(out), want)
	}
}

// TestKnownAnswers derives what can be derived: the checksums of CRC-32 and
// SHA-256 by other implementations.
func TestKnownAnswers(t *testing.T) {
	want := map[string]uint64{}
	data := make([]byte, 1<<16)
	s := uint64(0x9e3779b97f4a7c15)
	for i := range data {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		data[i] = byte(s)
	}
	want["crc32"] = uint64(crc32.ChecksumIEEE(bytes.Repeat(data, 6)))
	for i := range data {
		data[i] = byte(i*7 + 3)
	}
	sum := sha256.Sum256(bytes.Repeat(data, 4))
	want["sha256"] = binary.BigEndian.Uint64(sum[:])
	for _, p := range All {
		if w, ok := want[p.Name]; ok && w != p.Checksum {
			t.Errorf("%s: checksum %x, another implementation says %x", p.Name, p.Checksum, w)
		}
	}
}

func TestParse(t *testing.T) {
	got := Parse("[ 0.1] Linux version\r\nsieve 12 ff\r\ncrc32 error 38\nlist x y\nother 1 2\nsort -1 0\n")
	want := []Result{{Name: "sieve", Time: 12, Checksum: 255}, {Name: "crc32", Errno: 38}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
