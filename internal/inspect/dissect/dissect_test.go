package dissect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/machinewasm"
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/wasm"
)

// file is a converted file with some page functions.
func file(t *testing.T) (*convert.Parts, []byte) {
	t.Helper()
	m, err := machinewasm.Find(t.Context(), machinewasm.FromEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	var parts *convert.Parts
	done := errors.New("done")
	_, err = convert.Convert(t.Context(), convert.Options{
		Ref: "demo:", Version: "test", Machine: m.Module, AOT: convert.AOTKernel, Budget: 64 << 10, RAM: 48 << 20,
		Translate: func(_ context.Context, p *convert.Parts) (string, error) { parts = p; return "", done },
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	out, err := convert.Link(parts)
	if err != nil {
		t.Fatal(err)
	}
	return parts, out.Module.Encode()
}

func TestOpen(t *testing.T) {
	parts, b := file(t)
	f, err := dissect.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Guest()
	if err != nil {
		t.Fatal(err)
	}
	want, err := guest.Kernel("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(g.Kernel, 0, g.Kernel.Size())); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of kernel, %v; want %d", len(got), err, len(want))
	}
	// The core's module has the same functions as the core has: only what they
	// call and the order differ.
	for i, p := range f.Manifest.Pages {
		body, ok := f.Body(p.Binding.Slot)
		own := parts.Core.Funcs[parts.Core.Pages[i]]
		if !ok || len(body) < own.Body.Len() || f.Page(p.Key) != &f.Manifest.Pages[i].Binding {
			t.Fatalf("page function %d: %d bytes instead of some %d", i, len(body), own.Body.Len())
		}
	}
	if len(f.Manifest.Pages) == 0 || f.Bindings().Len() != len(f.Manifest.Pages) {
		t.Error("no page functions")
	}
	if _, ok := f.Body(abi.FirstPage - 1); ok {
		t.Error("a hook is a page function")
	}
	if m, err := f.Marks(abi.FirstPage - 1); err == nil {
		t.Errorf("a hook has marks: %v", m)
	}
	module, err := f.Core()
	if err != nil {
		t.Fatal(err)
	}
	code, err := native.Compile(module)
	if err != nil {
		t.Fatal(err)
	}
	code.Close()
}

// TestDamaged opens files in which bytes were changed: an error, or something
// that can be looked at.
func TestDamaged(t *testing.T) {
	_, b := file(t)
	m, err := wasm.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	// Small data, so that damage hits what is looked at.
	for i := range m.Data {
		if m.Data[i].Mode == wasm.Passive {
			m.Data[i].Bytes = nil
		}
	}
	b = m.Encode()
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		bad := bytes.Clone(b)
		at := r.IntN(len(bad))
		if r.IntN(2) == 0 { // tables and types come first, manifest and names last
			at = r.IntN(20_000)
		}
		bad[at] ^= 1 << r.IntN(8)
		f, err := dissect.Open(bad)
		if err != nil {
			continue
		}
		f.Guest()
		f.Core()
		for _, p := range f.Manifest.Pages {
			f.Body(p.Binding.Slot)
			f.Marks(p.Binding.Slot)
		}
	}
	for _, n := range []int{0, 8, 100, len(b) / 2, len(b) - 1} {
		if _, err := dissect.Open(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are a file", n, len(b))
		}
	}
}
