//go:build linux

package e2e

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var updateEdges = flag.Bool("update-edges", false, "rewrite testdata/edges.golden by what the embedded engine and a native ext4 say")

const edgesGolden = "testdata/edges.golden"

// otherwise are the lines that an engine has in place of the golden ones, with
// the reason.
var otherwise = map[string]map[string]string{
	// Node's WASI looks where a target leads when the link is made.
	"node": {"a target that leads out: ok": "a target that leads out: EPERM"},
}

// asNative is what a shared directory is asked for before testdata/edges: files
// whose size nobody knows, a copy with the times of symbolic links, and a log
// that grows while it is read.
const asNative = `cat /hp/version /hs/fscaps
cd /data; mkdir from; ln -s x from/l; touch -h -d '2001-02-03 04:05:06' from/l; cp -a from to; echo cp $?
exec 3<log; read a <&3; echo "first $a"
until read b <&3; do sleep 0.1; done; echo "second $b"; exec 3<&-
mkdir e; /tools/edges e; echo "edges $?"`

// TestAsNative compares a directory of the host in the guest with the same
// natively: line by line, with the differences in the golden file.
func TestAsNative(t *testing.T) {
	slow(t)
	tools := edges(t, "riscv64")
	version, err := os.ReadFile("/proc/version")
	if err != nil {
		t.Skip(err)
	}
	fscaps, err := os.ReadFile("/sys/kernel/fscaps")
	if err != nil {
		t.Skip(err)
	}
	file := convert(t, "demo:")
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		d := t.TempDir()
		log := filepath.Join(d, "log")
		if err := os.WriteFile(log, []byte("one\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		v := sh(asNative)
		v.file, v.dirs = file, []dir{{d, "/data", false}, {tools, "/tools", true}, {"/proc", "/hp", true}, {"/sys/kernel", "/hs", true}}
		k := startTalk(t, e.command(t, &v), false)
		k.expect(string(version) + string(fscaps) + "cp 0\nfirst one\n")
		f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("two\n"); err != nil {
			t.Error(err)
		}
		f.Close()
		k.expect("second two\n")
		k.expect("edges 0\n")
		k.end(0)
		k.mu.Lock()
		all := k.all.String()
		k.mu.Unlock()
		_, said, _ := strings.Cut(all, "second two\n")
		said = strings.TrimSuffix(said, "edges 0\n")
		if *updateEdges && e.attach {
			writeEdges(t, said)
		}
		compareEdges(t, e, said)
		if e.name != "wazero" { // there the guest alone has them
			st, err := os.Lstat(filepath.Join(d, "from", "l")) // the demo's cp leaves those of links alone
			if err != nil || st.ModTime().Unix() != 981173106 {
				t.Errorf("on the host the link has the time %v (%v)", st.ModTime(), err)
			}
		}
	})
}

// edges builds testdata/edges for an architecture, in a directory of its own.
func edges(t *testing.T, arch string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "edges"), "./testdata/edges")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// goldenEdges are the lines of the golden file: as in the guest, and what ext4
// says in their place, "" where it says the same.
func goldenEdges(t *testing.T) (guest, ext4 []string) {
	t.Helper()
	b, err := os.ReadFile(edgesGolden)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		g, x, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " | ext4: ")
		guest, ext4 = append(guest, g), append(ext4, x)
	}
	return guest, ext4
}

func compareEdges(t *testing.T, e *engine, said string) {
	t.Helper()
	want, _ := goldenEdges(t)
	got := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d: %s", len(got), len(want), clip(said))
	}
	for i := range min(len(got), len(want)) {
		w := want[i]
		if o, ok := otherwise[e.name][w]; ok {
			w = o
		}
		if got[i] != w {
			t.Errorf("got  %s\nwant %s", got[i], w)
		}
	}
}

func nativeEdges(t *testing.T) (lines []string) {
	t.Helper()
	dir := t.TempDir()
	const ext4Magic = 0xef53
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Type != ext4Magic || os.Getuid() != 0 {
		t.Skip("needs root and a temporary directory on ext4")
	}
	out, err := exec.Command(filepath.Join(edges(t, ""), "edges"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// TestNativeEdges holds the golden file's other half to what ext4 says.
func TestNativeEdges(t *testing.T) {
	slow(t)
	guest, ext4 := goldenEdges(t)
	for i, line := range nativeEdges(t) {
		want := guest[i]
		if ext4[i] != "" {
			what, _, _ := strings.Cut(want, ": ")
			want = what + ": " + ext4[i]
		}
		if line != want {
			t.Errorf("got  %s\nwant %s", line, want)
		}
	}
}

// writeEdges writes the golden file by what a guest said.
func writeEdges(t *testing.T, said string) {
	t.Helper()
	var b strings.Builder
	guest := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
	for i, line := range nativeEdges(t) {
		b.WriteString(guest[i])
		if _, result, _ := strings.Cut(line, ": "); line != guest[i] {
			b.WriteString(" | ext4: " + result)
		}
		b.WriteByte('\n')
	}
	if err := os.WriteFile(edgesGolden, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
