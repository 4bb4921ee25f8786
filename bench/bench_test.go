package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/bench/programs"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{5, 1, 9}, 5}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}

func TestBootStage(t *testing.T) {
	for line, want := range map[string]string{
		"c2w: boot: init 12":           "init",
		"c2w: boot: kernel entry 3.25": "kernel entry",
		"c2w: boot: 12":                "",
		"c2w: boot: init soon":         "",
		"init 12":                      "",
	} {
		stage, ok := bootStage(line)
		if ok != (want != "") || ok && stage != want {
			t.Errorf("bootStage(%q) = %q, %v", line, stage, ok)
		}
	}
}

func TestSections(t *testing.T) {
	const head = "\x00asm\x01\x00\x00\x00"
	parts, err := readSections(bufio.NewReader(strings.NewReader(head + "\x0a\x03abc\x00\x06\x04name!\x0b\x00")))
	if err != nil || !slices.Equal(parts, []part{{"code", 3}, {"custom name", 6}, {"data", 0}}) {
		t.Errorf("%v, %v", parts, err)
	}
	for _, bad := range []string{"", "\x7fELF\x01\x00\x00\x00", head + "\x0a\x03ab", head + "\x0d\x00", head + "\x00\x02\x04name", head + "\x00\x00\x00"} {
		if parts, err := readSections(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q: %v without an error", bad, parts)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, args := range [][]string{{"-engines", "bochs"}, {"-only", "fortran"}, {"-rounds", "0"}, {"-parts", "opera"}, {"-budgets", "1,x"}, {"-only", "crc32,crc32"}, {"x"}, {"-no"}} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func testLab(t *testing.T) *lab {
	t.Helper()
	l, err := openLab(&options{keep: t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestImage reads the benchmark image back as a container tool would.
func TestImage(t *testing.T) {
	l := testLab(t)
	dir := filepath.Join(l.dir, "image")
	if err := l.writeImage(dir); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatalf("%v, %v", m, err)
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil || config.Architecture != "riscv64" || !slices.Equal(config.Config.Cmd, []string{"/c2wbench"}) {
		t.Fatalf("%+v, %v", config, err)
	}
	files := mutate.Extract(img)
	defer files.Close()
	found := map[string]bool{}
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "c2wbench" {
			if data, _ := io.ReadAll(r); !bytes.Equal(data, programs.Riscv64) {
				t.Error("c2wbench was changed on its way")
			}
		}
		found[strings.TrimPrefix(h.Name, "/")] = true
	}
	for _, name := range []string{"c2wbench", "bin/busybox", "bin/sh"} {
		if !found[name] {
			t.Errorf("no %s in the image", name)
		}
	}
}

func TestInitramfs(t *testing.T) {
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("needs cpio, another reader of the format")
	}
	l := testLab(t)
	file := filepath.Join(l.dir, "x.cpio")
	if err := l.writeInitramfs(file); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(cpio, "-it", "--quiet")
	cmd.Stdin = in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(out))
	for _, name := range []string{"dev/console", "c2wbench", "bin/sh"} {
		if !slices.Contains(names, name) {
			t.Errorf("no %s in %v", name, names)
		}
	}
}

// TestRun runs the harness itself with what this host has.
func TestRun(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil || runtime.GOOS != "linux" {
		t.Skip("needs Linux and a C compiler")
	}
	file := filepath.Join(t.TempDir(), "r.json")
	var out, log bytes.Buffer
	err := run(t.Context(), []string{
		"-parts", "programs", "-rounds", "2", "-scale", "1", "-only", "crc32,nbody", "-engines", "native,qemu-user,wasmtime",
		"-c2w", filepath.Join(t.TempDir(), "none"), "-json", file,
	}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &log)
	}
	for _, want := range []string{"crc32", "wasmtime", "MISSING", "1.0×", "not measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte(`"checksum": "8e1ee1a7"`)) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestFaults shows that a wrong answer and a dead engine are not passed over.
func TestFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	l := testLab(t)
	l.o.rounds, l.o.scale, l.o.timeout = 1, 1, 60e9
	sh := func(script string) func(context.Context, []string) *exec.Cmd {
		return func(ctx context.Context, _ []string) *exec.Cmd { return exec.CommandContext(ctx, "sh", "-c", script) }
	}
	for name, c := range map[string]struct{ script, want string }{
		"wrong":   {"echo crc32 5 2", "answers 2, others 1"},
		"dead":    {"echo c2w: no such thing >&2; exit 3", "exit status 3: c2w: no such thing"},
		"silent":  {"exit 0", "crc32 (no result)"},
		"failing": {"echo crc32 error 38; exit 1", "crc32 (errno 38)"},
		"clock":   {"echo crc32 9000000000000 1", "its clock is wrong"},
	} {
		rep := &report{}
		rep.measure(t.Context(), l, []*engine{{name: "good", command: sh("echo crc32 5 1")}, {name: name, command: sh(c.script)}}, programs.All[1:2], l.o.rounds)
		if err := rep.verdict(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
