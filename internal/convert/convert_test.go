package convert

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/machine"
)

func TestPlatforms(t *testing.T) {
	for _, name := range append(Platforms(), "", "linux/riscv64/rva20") {
		if _, _, err := findPlatform(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"linux", "riscv64", "/", "linux/", "/riscv64", "linux/s390x", "windows/riscv64", "a/b/c/d"} {
		if _, _, err := findPlatform(name); err == nil || !strings.Contains(err.Error(), "linux/riscv64") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMemory(t *testing.T) {
	for ram, ok := range map[uint32]bool{
		0: true, machine.MinRAM: true, machine.DefaultRAM: true, machine.MaxRAM &^ (RAMUnit - 1): true,
		machine.MinRAM - RAMUnit: false, machine.DefaultRAM + 4096: false, 1 << 31: false,
	} {
		if _, err := newPipeline(t.Context(), Options{RAM: ram}); (err == nil) != ok {
			t.Errorf("%d: %v", ram, err)
		}
	}
}

func TestManifest(t *testing.T) {
	p, err := newPipeline(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{"": "", "/": "/", "app": "/app", "/a/../b/": "/b", "../..": "/"} {
		if m, err := p.manifest(&v1.Config{WorkingDir: dir}); err != nil || m.Dir != want {
			t.Errorf("%q: %q, %v", dir, m.Dir, err)
		}
	}
	for _, c := range []v1.Config{{Cmd: []string{"a\x00b"}}, {Env: []string{"A=\x00"}}, {WorkingDir: "\x00"}, {User: "\x00"}, {Entrypoint: []string{"\x00"}}} {
		if _, err := p.manifest(&c); err == nil {
			t.Errorf("%+v: taken", c)
		}
	}
}

// stopper ends the context when a stage begins.
type stopper struct {
	at     string
	cancel context.CancelFunc
}

func (s stopper) Begin(stage string) {
	if stage == s.at {
		s.cancel()
	}
}
func (stopper) End(string, string, time.Duration) {}

// TestInterrupted stops a conversion at each stage.
func TestInterrupted(t *testing.T) {
	for _, stage := range []string{"image", "layers", "files", "disk", "link"} {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		_, err := Convert(ctx, Options{Ref: "demo:", TempDir: dir, Progress: stopper{stage, cancel}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", stage, err)
		}
		if got := names(t, dir); got != "" {
			t.Errorf("%s: left behind: %s", stage, got)
		}
		cancel()
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_500_000: "1.5 MB", 2_000_000_000: "2.00 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
