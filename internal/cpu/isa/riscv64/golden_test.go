package riscv64_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// special are words whose operands give them a form of their own: li, mv, seqz,
// branches against zero, returns, static rounding modes, system registers.
var special = []uint32{
	0x00500513, 0x00058513, 0x00b00533, 0x00058533, 0x00158013, 0x00000013, 0x0015b513, 0x00b03533, 0x0005851b, 0x0805853b,
	0x04058063, 0xfcb000e3, 0x04059063, 0x0405c063, 0x0405d063, 0x04b05063, 0x04b04063, 0xfc1ff06f, 0x00858067, 0x00008067,
	0x0045a003, 0x22b58553, 0x22b59553, 0x22b5a553, 0xc2059553, 0xc0359553, 0xc225a553, 0x02c58553, 0x68c5b543,
	0x10002573, 0x14202573, 0x14059073, 0x14159073, 0x14021273, 0x10016073, 0x10017573, 0x1005a073, 0x1005b073,
	0x14005073, 0x18002573, 0x14359573,
	0x00000000, 0xffffffff, 0x02c5d553, // undefined: two words, a reserved rounding mode
}

// typical is one word of an encoding: registers a0, a1, a2, a3, dynamic
// rounding, and immediates of a few bits.
func typical(e riscv64.Encoding) uint32 {
	if e.Size == 2 {
		return e.Match | 0b001_0_01010_01100_00&^e.Mask
	}
	w := uint32(0x0240_0000) // an offset of 36
	w = w&^(31<<7) | 10<<7
	w = w&^(31<<15) | 11<<15
	w = w&^(31<<20) | 12<<20
	switch {
	case strings.Contains(e.Operands, "R"):
		w = w&^(31<<27) | 13<<27
	case strings.ContainsAny(e.Operands, "E"):
		w = w&^(0xfff<<20) | 0x180<<20
	case strings.ContainsAny(e.Operands, "aju"):
		w = w&^(31<<20) | 4<<20
	}
	return e.Match | (w|7<<12)&^e.Mask
}

// TestGolden prints every encoding at every stage.
func TestGolden(t *testing.T) {
	words := special
	for _, e := range riscv64.Encodings() {
		words = append(words, typical(e))
	}
	var b strings.Builder
	for _, w := range words {
		in, ok := riscv64.Guest.Decode(binary.LittleEndian.AppendUint32(nil, w))
		if !ok {
			t.Fatalf("%#x does not decode", w)
		}
		f := riscv64.Guest.Forms()[in.Form]
		fmt.Fprintf(&b, "%0*x  %s\n", 2*int(in.Len), in.Raw, riscv64.Guest.Disasm(binary.LittleEndian.AppendUint32(nil, w), 0x1000))
		fmt.Fprintf(&b, "  form %s, rank %d, A %#x B %#x C %#x imm %d\n", f.Name, f.Rank, in.A, in.B, in.C, in.Imm)
		var block ir.Builder
		isa.LiftInsn(&block, riscv64.Guest, &in, 0)
		if err := block.Check(); err != nil {
			t.Errorf("%#x: %v in\n%s", w, err, block.Format())
		}
		b.WriteString(block.Format())
		b.WriteByte('\n')
	}
	golden(t, "testdata/golden.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs at line %d: got %q (run with -args -update and read the diff)", name, i+1, g[i])
		}
	}
	t.Fatalf("%s has %d lines, got %d", name, len(w), len(g))
}
