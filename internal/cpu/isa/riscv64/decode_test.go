package riscv64

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

func decodeWord(w uint32) isa.Insn {
	in, ok := Guest.Decode(binary.LittleEndian.AppendUint32(nil, w))
	if !ok {
		panic("BUG: four bytes are always enough")
	}
	return in
}

// TestTableUnambiguous: where two rows match one word, the earlier fixes more
// bits, so that the order is a matter of exceptions before their rule.
func TestTableUnambiguous(t *testing.T) {
	for _, table := range []struct {
		rows  []row
		width int
	}{{rows32, 32}, {rows16, 16}} {
		for i := range table.rows {
			p := parse(&table.rows[i], table.width)
			for j := range table.rows[:i] {
				q := parse(&table.rows[j], table.width)
				if q.row.form != fIllegal && (p.match^q.match)&p.mask&q.mask == 0 && p.mask&^q.mask != 0 {
					t.Errorf("%s hides part of %s", q.row.name, p.row.name)
				}
			}
		}
	}
}

// TestTableRejects feeds the table's reader rows that must fail.
func TestTableRejects(t *testing.T) {
	for _, bits := range []string{"", "0000000", "0000000 ..... ..... 000 ..... 0110012", "0000000 ..... ..... 000 ..... 01100111"} {
		func() {
			defer func() {
				if e, _ := recover().(string); !strings.HasPrefix(e, "BUG: ") {
					t.Errorf("%q was accepted", bits)
				}
			}()
			parse(&row{bits: bits, name: "bad"}, 32)
		}()
	}
}

// TestEveryFormIsReached: a form that no word decodes to is dead.
func TestEveryFormIsReached(t *testing.T) {
	var reached [numForms]bool
	rng := rand.New(rand.NewPCG(3, 4))
	for _, w := range words(rng, 400) {
		reached[decodeWord(w).Form] = true
		if w&3 == 3 { // the same with operands of zero and all ones
			reached[decodeWord(w&^(31<<15)).Form] = true
			reached[decodeWord(w&^(31<<20)).Form] = true
			reached[decodeWord(w&^(31<<7)).Form] = true
			reached[decodeWord(w&^(31<<7|31<<20)).Form] = true
			reached[decodeWord(w&^(0xfff<<20)|w>>15&31<<20).Form] = true
			reached[decodeWord(w&^(0xfff<<20)|1<<20).Form] = true
			reached[decodeWord(w&^(0x1f<<20)|w>>15&31<<20).Form] = true
			for _, csr := range []uint32{numSStatus, numSScratch, numSEPC, numSCause, csrFFlags, csrFRM, csrFCSR} {
				v := w&^(0xfff<<20) | csr<<20
				reached[decodeWord(v).Form] = true
				reached[decodeWord(v&^(31<<7)).Form] = true
				reached[decodeWord(v&^(31<<15)|2<<15).Form] = true
				reached[decodeWord(v&^(31<<15)).Form] = true
			}
		}
	}
	reached[fIllegal] = true
	for f, ok := range reached {
		if !ok {
			t.Errorf("no word decodes to %s", forms[f].Name)
		}
	}
}

func TestFormTable(t *testing.T) {
	hot := 0
	for i, f := range forms {
		switch {
		case f.Name == "":
			t.Errorf("form %d has no name", i)
		case (f.Lift == nil) != (f.Flow == isa.FlowSingle):
			t.Errorf("%s: a lifter and flow %d", f.Name, f.Flow)
		case f.Lift == nil && f.Rank != 2:
			t.Errorf("%s: rank %d without a lifter", f.Name, f.Rank)
		}
		if f.Rank == 0 {
			hot++
		}
		if f.Rank < 2 { // with the operands of a record
			var b ir.Builder
			isa.LiftForm(&b, Guest, isa.Form(i), 1)
			if err := b.Check(); err != nil {
				t.Errorf("%s: %v in\n%s", f.Name, err, b.Format())
			}
		}
	}
	if hot > 70 {
		t.Errorf("%d forms of rank 0: the interpreter's loop has room for 70", hot)
	}
	for _, p := range Guest.Pairs() {
		if forms[p.First].Flow != isa.FlowNext || forms[p.First].Rank != 0 || forms[p.Second].Rank != 0 {
			t.Errorf("pair %s, %s is not of hot forms", forms[p.First].Name, forms[p.Second].Name)
		}
	}
}

func TestUndefined(t *testing.T) {
	for name, w := range map[string]uint32{
		"all zeros":                   0,
		"all ones":                    ^uint32(0),
		"48-bit encoding":             0x0000001f,
		"c.addiw with rd = 0":         0x2005,
		"c.lui with immediate 0":      0x6501,
		"c.addi16sp with immediate 0": 0x6101,
		"c.lwsp with rd = 0":          0x4002,
		"c.ldsp with rd = 0":          0x6002,
		"c.jr with rs1 = 0":           0x8002,
		"quadrant 0, funct3 4":        0x8000,
		"c.subw's neighbour":          0x9c41 | 2<<5,
		"slliw by 32":                 0x0205951b,
		"add with funct7 8":           0x10b50533,
		"load of funct3 7":            0x0005f503,
		"branch of funct3 2":          0x00b52063,
		"jalr of funct3 1":            0x00051067,
		"amo of halfword":             0x00b5152f,
		"lr with rs2":                 0x10b5252f,
		"fadd.s with rm 5":            0x00c5d553,
		"fadd.d with rm 6":            0x02c5e553,
		"fcvt.d.w with rm 5":          0xd205d553,
		"fadd.h":                      0x04c5f553,
		"fmadd.q":                     0x6ec5f543,
		"fsqrt.d with rs2":            0x5ac5f553,
		"mret's neighbour":            0x30300073,
		"ecall with rd":               0x000000f3,
		"csr funct3 4":                0x10054073,
		"vector load":                 0x02050007,
	} {
		in := decodeWord(w)
		if in.Form != fIllegal {
			t.Errorf("%s (%#x) decodes to %s", name, w, forms[in.Form].Name)
		}
		if n := uint8(2); w&3 == 3 && in.Len != 4 || w&3 != 3 && in.Len != n {
			t.Errorf("%s (%#x): length %d", name, w, in.Len)
		}
	}
}

// TestPageEnd: an instruction that extends beyond the code is not decoded.
func TestPageEnd(t *testing.T) {
	for _, c := range []struct {
		code string
		ok   bool
	}{{"", false}, {"\x01", false}, {"\x13\x00", false}, {"\x13\x00\x00", false}, {"\x13\x00\x00\x00", true}, {"\x01\x00", true}, {"\x01\x00\x13", true}} {
		if _, ok := Guest.Decode([]byte(c.code)); ok != c.ok {
			t.Errorf("%q: ok is %v", c.code, ok)
		}
	}
}

// operandOK says that a state offset names a register of its kind.
func operandOK(off uint16) bool {
	o := int(off)
	g := o >= core.OffG && o < core.OffG+32*8 || o == core.OffG+8*core.Sink
	f := o >= core.OffF && o < core.OffF+32*8
	s := o >= core.OffS && o < core.OffS+64*8
	return o%8 == 0 && (g || f || s)
}

func checkInsn(t *testing.T, in isa.Insn, code []byte) {
	t.Helper()
	want := uint8(2)
	if code[0]&3 == 3 {
		want = 4
	}
	if in.Len != want || int(in.Form) >= len(forms) {
		t.Fatalf("% x: form %d, length %d", code[:want], in.Form, in.Len)
	}
	if !operandOK(in.A) || !operandOK(in.B) || !operandOK(in.C) || in.A == zero {
		t.Fatalf("% x: operands %#x %#x %#x", code[:want], in.A, in.B, in.C)
	}
}

func FuzzDecode(f *testing.F) {
	for _, w := range words(rand.New(rand.NewPCG(5, 6)), 1) {
		f.Add(binary.LittleEndian.AppendUint32(nil, w))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		in, ok := Guest.Decode(code)
		if !ok {
			if len(code) >= 4 {
				t.Fatalf("% x does not decode", code)
			}
			return
		}
		checkInsn(t, in, code)
		if Guest.Disasm(binary.LittleEndian.AppendUint32(nil, in.Raw), 0) == "" {
			t.Fatalf("% x prints as nothing", code)
		}
	})
}

// hostile answers every access, and fails some.
type hostile struct{ n uint64 }

type guestFault struct{}

func (guestFault) Error() string { return "fault" }

func (h *hostile) Load(addr uint64, size int) (uint64, error) {
	if h.n++; addr&0x30 == 0x30 {
		return 0, guestFault{}
	}
	return (addr ^ h.n) * 0x9e37_79b9_7f4a_7c15 >> (64 - 8*size), nil
}

func (h *hostile) Store(addr uint64, size int, v uint64) error {
	_, err := h.Load(addr, size)
	return err
}

func (h *hostile) LoadForStore(addr uint64, size int) (uint64, error) { return h.Load(addr, size) }

// FuzzLift lifts code in runs, checks the blocks and evaluates them.
func FuzzLift(f *testing.F) {
	var all []byte
	for _, w := range words(rand.New(rand.NewPCG(7, 8)), 1) {
		all = appendWord(all, w)
	}
	for i := 0; i < len(all); i += 40 {
		f.Add(all[i:min(i+40, len(all))])
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		s := core.State{Mode: 1, Resv: core.NoResv}
		for i := range 32 {
			s.G[i], s.F[i] = uint64(i)<<(2*i), ^uint64(0)<<(2*i)
		}
		s.G[0] = 0
		s.SetFP(true)
		var b ir.Builder
		var e ir.Evaluator
		for offset := 0; offset < len(code); {
			b.Reset()
			start := offset
			for {
				in, ok := Guest.Decode(code[offset:])
				if !ok {
					return
				}
				checkInsn(t, in, code[offset:])
				isa.LiftInsn(&b, Guest, &in, offset)
				offset += int(in.Len)
				if forms[in.Form].Flow != isa.FlowNext || offset == len(code) {
					break
				}
			}
			if err := b.Check(); err != nil {
				t.Fatalf("%v in\n%s", err, b.Format())
			}
			_, _ = e.Eval(&b.Block, &s, uint64(start), &hostile{})
			if s.G[0] != 0 {
				t.Fatalf("x0 was written by\n%s", b.Format())
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var code []byte
	for _, w := range words(rand.New(rand.NewPCG(9, 10)), 2) {
		code = appendWord(code, w)
	}
	b.ReportAllocs()
	offset := 0
	for b.Loop() {
		in, ok := Guest.Decode(code[offset:])
		if offset += int(in.Len); !ok || offset == len(code) {
			offset = 0
		}
	}
}
