package lockstep_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/machinewasm"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/inspect/lockstep"
	"github.com/c2w/c2w/internal/machine"
)

// demo returns the demo image's parts, with page functions of the kernel.
func demo(t *testing.T) *convert.Parts {
	t.Helper()
	m, err := machinewasm.Find(t.Context(), machinewasm.FromEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	var parts *convert.Parts
	done := errors.New("done")
	_, err = convert.Convert(t.Context(), convert.Options{
		Ref: "demo:", Version: "test", Machine: m.Module, AOT: convert.AOTKernel, Budget: 1 << 20, RAM: 64 << 20,
		Translate: func(_ context.Context, p *convert.Parts) (string, error) { parts = p; return "", done },
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	return parts
}

// linked joins parts to a file and takes it apart again.
func linked(t *testing.T, parts *convert.Parts) *dissect.File {
	t.Helper()
	out, err := convert.Link(parts)
	if err != nil {
		t.Fatal(err)
	}
	f, err := dissect.Open(out.Module.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func check(t *testing.T, f *dissect.File, stdin string, stdout io.Writer, args ...string) *lockstep.Outcome {
	t.Helper()
	out, err := lockstep.Check(t.Context(), lockstep.Config{
		File: f, Stdin: []byte(stdin), Stdout: stdout, Stderr: t.Output(), Progress: func(s string) { t.Log(s) },
		Spec: func() (*agent.Spec, error) { return f.Manifest.Spec(machine.RunOptions{Args: args}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSame(t *testing.T) {
	var stdout bytes.Buffer
	out := check(t, linked(t, demo(t)), "a\nb\n", &stdout, "sh", "-c", "cat; ls -l /bin | wc -l; sleep 2; date >/dev/null; exit 3")
	if out.Difference != nil {
		t.Fatal(out.Difference.Report())
	}
	if out.Result.Status != 3 || out.Pages == 0 || out.Insns < 10e6 || !strings.HasPrefix(stdout.String(), "a\nb\n") {
		t.Errorf("%+v, %q", out, &stdout)
	}
}

// altered is a page of the kernel and an instruction in it, addi, that was
// given another immediate.
type altered struct {
	key  engine.Key
	off  int
	code []byte
}

// alter looks for such an instruction near the entry of one of the first pages:
// an entry is executed when the page function is, and where a stack's pointer is
// moved no later instruction hides it.
func alter(t *testing.T, parts *convert.Parts) altered {
	t.Helper()
	kernel, err := guest.Kernel("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	where := map[uint64]int{}
	for at := 0; at+core.PageSize <= len(kernel); at += core.PageSize {
		where[engine.PageKey(kernel[at:at+core.PageSize], 0).Content] = at
	}
	for _, p := range parts.Manifest.Pages {
		at, ok := where[p.Key.Content]
		if !ok || p.Key.Mode != 1 {
			continue
		}
		code := bytes.Clone(kernel[at : at+core.PageSize])
		for _, e := range p.Binding.Entries {
			in, ok := riscv64.Guest.Decode(code[e:])
			// c.addi16sp with a negative immediate
			if ok && in.Len == 2 && in.Raw&0xef83 == 0x6101 && in.Raw>>12&1 == 1 {
				binary.LittleEndian.PutUint16(code[e:], uint16(in.Raw)^1<<6)
				return altered{p.Key, int(e), code}
			}
		}
	}
	t.Fatal("no such page")
	return altered{}
}

// TestDifference has a page function made from other code than the page's.
func TestDifference(t *testing.T) {
	parts := demo(t)
	a := alter(t, parts)
	for i := range parts.Manifest.Pages {
		p := &parts.Manifest.Pages[i]
		if p.Key != a.key {
			continue
		}
		f, ok := parts.Core.Translate(a.code, a.key.Mode, p.Binding.Entries)
		if !ok {
			t.Fatal("not translated")
		}
		p.Binding = engine.Binding{Slot: parts.Core.AddPage(f), Entries: f.Entries}
	}
	out := check(t, linked(t, parts), "", io.Discard, "sh", "-c", "ls -l / | wc -l")
	d := out.Difference
	if d == nil {
		t.Fatal("no difference")
	}
	report := d.Report()
	t.Log(report)
	if d.First < 0 || int(d.Trace[d.First].PC&core.PageMask) != a.off || d.Key != a.key {
		t.Fatalf("not the instruction at %#x of page %x", a.off, a.key.Content)
	}
	for _, want := range []string{"the first instruction with another result is", "c.addi16sp", "  sp: got 0x", "set ", ";; page function: "} {
		if !strings.Contains(report, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	// The function's code is told apart by instruction, and only some is shown.
	_, code, _ := strings.Cut(report, ";; page function: ")
	at := fmt.Sprintf(";; %#x  ", d.Trace[d.First].PC)
	if !strings.Contains(code, at) || !strings.Contains(code, "\n;; …\n") || strings.Contains(code, "is not known") {
		t.Errorf("the Wasm does not say what belongs to %q", at)
	}
}
