package main

import (
	"bytes"
	"testing"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/machinewasm"
)

// TestSymbols asks of a file that c2w has made how many of its functions are what.
func TestSymbols(t *testing.T) {
	m, err := machinewasm.Find(t.Context(), machinewasm.FromEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	out, err := convert.Convert(t.Context(), convert.Options{
		Ref: "demo:", Version: "test", Machine: m.Module, AOT: convert.AOTKernel, Budget: 1 << 18, RAM: 48 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := out.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	info, err := convert.ReadAOT(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, p := range info.Programs {
		want += len(p.Pages)
	}
	s, err := newSymbols(b.Bytes(), m.Module)
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for i := uint32(0); i < s.end; i++ {
		group, _ := s.lookup(i)
		groups[group]++
	}
	if want < 10 || groups[groupPages] != want || groups[groupInterp] != 1 || groups[groupGo] < 500 || groups[groupCore] < 20 {
		t.Errorf("%v, of %d page functions", groups, want)
	}
	seen := map[int]bool{}
	for _, n := range s.pages {
		seen[n] = true
	}
	for n := range want {
		if !seen[n] {
			t.Errorf("there is no page function %d", n)
		}
	}
	if _, err := newSymbols(m.Module, m.Module); err == nil {
		t.Error("the machine passes for a file")
	}
}
