//go:build !wasip1

package machine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	riscv "github.com/c2w/c2w/internal/machine/board/riscv64"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/convert/rootfs"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// fileLayer is a layer with one executable.
type fileLayer struct {
	name    string
	content []byte
}

func (l fileLayer) String() string { return "a layer with " + l.name }

func (l fileLayer) Open(context.Context) (io.ReadCloser, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: l.name, Mode: 0o755, Size: int64(len(l.content)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write(l.content)
	}
	if err == nil {
		err = w.Close()
	}
	return io.NopCloser(&b), err
}

// diskWith is the built-in image's root disk with one more executable.
func diskWith(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	ctx := t.Context()
	img, err := image.Open(ctx, "demo:", v1.Platform{OS: "linux", Architecture: "riscv64"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var layers []rootfs.Layer
	for _, l := range img.Layers {
		layers = append(layers, l)
	}
	tree, err := rootfs.Merge(ctx, append(layers, fileLayer{name, content}), rootfs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteEROFS(f); err != nil {
		t.Fatal(err)
	}
	disk, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// TestBootPatcher runs a program that makes machine code in all ways that Linux
// has: in the interpreter, and with page functions for everything that ran
// there, the code that it made included, so that every change of a page is one
// of a page that is bound.
func TestBootPatcher(t *testing.T) {
	if testing.Short() {
		t.Skip("boots twice")
	}
	program := filepath.Join(t.TempDir(), "patcher")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "./testdata/patcher")
	build.Dir = filepath.Join("..", "..", "guest")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	disk := diskWith(t, "bin/patcher", content)
	boot := func(c *native.Core, profile *engine.Profile, bound *engine.Bindings) *machine.Machine {
		t.Helper()
		*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
		clear(c.RAM.Bytes)
		r := &guestRun{args: []string{"patcher"}}
		r.m, err = machine.New(machine.Config{
			Board: riscv.Kind,
			Host:  wasi.Streams{Stdout: &r.out, Stderr: &r.stderr}.NewHost(),
			RAM:   c.RAM, Hart: c.Hart, Records: c.Records, Run: c.Run, Profile: profile, Bindings: bound,
			Kernel: bytes.NewReader(p.kernel), Initrd: bytes.NewReader(p.initrd), Disk: bytes.NewReader(disk),
			Cmdline: guest.CommandLine, Spec: &agent.Spec{Args: r.args, Env: []string{"PATH=/bin"}, Dir: "/"},
		})
		if err != nil {
			t.Fatal(err)
		}
		r.finish(t)
		lines := strings.Split(strings.TrimSuffix(r.out.String(), "\n"), "\n")
		for _, l := range lines {
			if !strings.HasSuffix(l, ": 0 wrong") {
				t.Errorf("%s", l)
			}
		}
		if len(lines) != 11 || r.result.Status != 0 {
			t.Errorf("status %d, %v; output %q, %q", r.result.Status, r.result.Err, r.out.String(), r.stderr.String())
		}
		return r.m
	}
	profile := engine.NewProfile()
	boot(p.core, profile, nil)
	if t.Failed() {
		return
	}
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	bound, made := engine.NewBindings(), 0
	for key, page := range profile.Pages {
		if page.Samples < 8 && !isMade(page.Code) {
			continue
		}
		if f, ok := k.Translate(page.Code, key.Mode, page.Offsets()); ok {
			bound.Add(key, &engine.Binding{Slot: k.AddPage(f), Entries: f.Entries})
			if isMade(page.Code) {
				made++
			}
		}
	}
	c, err := native.Instantiate(k, native.Layout{RAM: bootRAM, Records: 8 << 20, RAMBase: riscv.RAMBase})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := boot(c, nil, bound)
	s := m.Stats()
	t.Logf("%d of %d pages translated, %d of them made at run time; %d bound, %d dropped", bound.Len(), len(profile.Pages), made, s.Bound, s.Dropped)
	if made < 20 || s.Bound < 100 {
		t.Errorf("%d pages made at run time are translated, %d bound", made, s.Bound)
	}
}

// isMade reports whether a page is one of the patcher's: a function and zeros.
func isMade(code []byte) bool {
	return len(bytes.Trim(code, "\x00")) <= 8
}
