package machine

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/machine/boards"
)

// TestFingerprint changes one thing after the other.
func TestFingerprint(t *testing.T) {
	seen := map[uint32]string{Fingerprint(riscv64.Guest): "nothing changed"}
	look := func(what string, f uint32) {
		t.Helper()
		if other, ok := seen[f]; ok {
			t.Errorf("%s: the fingerprint is that of %s", what, other)
		}
		seen[f] = what
	}
	layout := core.Layout()
	for i := range layout {
		other := slices.Clone(layout)
		other[i]++
		look("layout", fingerprint(other, riscv64.Guest))
	}
	look("less", fingerprint(layout[:len(layout)-1], riscv64.Guest))
	forms, pairs := riscv64.Guest.Forms(), riscv64.Guest.Pairs()
	change := func(what string, f func(g *otherISA)) {
		g := otherISA{riscv64.Guest, slices.Clone(forms), slices.Clone(pairs)}
		f(&g)
		look(what, fingerprint(layout, &g))
	}
	change("two forms change places", func(g *otherISA) { g.forms[1], g.forms[2] = g.forms[2], g.forms[1] })
	change("a form more", func(g *otherISA) { g.forms = append(g.forms, isa.FormInfo{Name: "new", Flow: isa.FlowSingle}) })
	change("a pair less", func(g *otherISA) { g.pairs = g.pairs[1:] })
	change("a pair that keeps its first result", func(g *otherISA) { g.pairs[0].Dead = !g.pairs[0].Dead })
}

type otherISA struct {
	isa.ISA
	forms []isa.FormInfo
	pairs []isa.Pair
}

func (g *otherISA) Forms() []isa.FormInfo { return g.forms }
func (g *otherISA) Pairs() []isa.Pair     { return g.pairs }

// TestOtherLayout is a file whose code was made for another layout.
func TestOtherLayout(t *testing.T) {
	b := encode(t, sample())
	const at = 16 // behind magic, version, size and RAM
	if binary.LittleEndian.Uint32(b[at:]) != Fingerprint(riscv64.Guest) {
		t.Fatal("the fingerprint is not where it was")
	}
	b[at]++
	_, err := DecodeManifest(b, boards.All...)
	if err == nil || !strings.Contains(err.Error(), "another layout") || !strings.Contains(err.Error(), "convert the image again") {
		t.Errorf("error is %v", err)
	}
}
