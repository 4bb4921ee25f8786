package aot

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
	"github.com/c2w/c2w/internal/isa/riscv64"
)

func TestFormatParse(t *testing.T) {
	p := Profile{
		{Program: "runc", Offset: 0x2000, Samples: 5},
		{Program: "kernel", Offset: 0xc0000, Mode: 1, Samples: 9, Entries: []uint16{0, 2, 0xffe}},
		{Program: "kernel", Offset: 0x1000, Mode: 1, Samples: 9},
	}
	p.Sort()
	text := p.Format()
	if want := "kernel 1000 1 9\nkernel c0000 1 9 0 2 ffe\nrunc 2000 0 5\n"; string(text) != want {
		t.Errorf("got %q", text)
	}
	got, err := Parse(append([]byte("# comment\n\n"), text...))
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"kernel", "kernel 1000 1", "kernel 1001 1 1", "kernel 1000 9 1", "kernel -1 1 1", "kernel 1000 1 1 1000", "kernel 1000 1 1 4 4", "kernel 1000 1 x"} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestAdd translates the committed profile: the same each time, within bounds,
// and nothing twice.
func TestAdd(t *testing.T) {
	p, err := Parse(guest.Profile())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := guest.Programs("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	add := func(p Profile) (*emit.Core, Result) {
		k := emit.NewCore(riscv64.Guest, 0x1000, 0x10000)
		return k, Add(k, p, programs, n)
	}
	k, r := add(p)
	if len(r.Bindings) != n || r.Bytes == 0 {
		t.Fatalf("%d pages, %d bytes", len(r.Bindings), r.Bytes)
	}
	seen := map[engine.Key]bool{}
	for i, b := range r.Bindings {
		if !b.Binding.Valid() || seen[b.Key] {
			t.Errorf("page %d: %+v", i, b)
		}
		seen[b.Key] = true
	}
	again, s := add(append(p[:1:1], p...)) // its first page twice
	if !reflect.DeepEqual(r, s) {
		t.Error("the same profile gives other functions")
	}
	for i, f := range k.Pages {
		a, b := &k.Funcs[f].Body, &again.Funcs[again.Pages[i]].Body
		if a.Len() != b.Len() {
			t.Errorf("page %d has %d bytes, then %d", i, a.Len(), b.Len())
		}
	}
	// A profile of other programs is no error.
	other := append(bytes.Clone(guest.Profile()), "kernel fffff000 1 1\nnosuch 0 0 1\n"...)
	if p, err := Parse(other); err != nil || len(Add(emit.NewCore(riscv64.Guest, 0x1000, 0x10000), p, map[string][]byte{"kernel": make([]byte, 5000)}, n).Bindings) > 1 {
		t.Error("pages out of nothing")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("kernel c0000 1 9 0 2 ffe\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if q, err := Parse(p.Format()); err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("%v: %+v, then %+v", err, p, q)
		}
	})
}
