package x86_64

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRules is what the manual says about prefixes, sizes and undefined encodings.
func TestRules(t *testing.T) {
	const more = "more"
	for _, c := range []struct {
		mode Mode
		code string
		want string // more, or the text; the length is that of code
	}{
		// REX counts directly before the opcode only; the last of several counts.
		{Mode64, "48 89 c8", "mov rax,rcx"},
		{Mode64, "48 66 89 c8", "rex.W mov ax,cx"},
		{Mode64, "48 40 89 c8", "rex.W rex mov eax,ecx"},
		{Mode64, "40 48 89 c8", "rex mov rax,rcx"},
		// W before 66.
		{Mode64, "66 89 c8", "mov ax,cx"},
		{Mode64, "66 48 89 c8", "data16 mov rax,rcx"},
		{Mode64, "66 48 05 01 00 00 80", "data16 add rax,0xffffffff80000001"},
		{Mode64, "66 05 01 80", "add ax,0x8001"},
		// 64 bits without W, and always.
		{Mode64, "50", "push rax"},
		{Mode64, "66 50", "push ax"},
		{Mode64, "41 57", "push r15"},
		{Mode64, "68 00 00 00 80", "push 0xffffffff80000000"},
		{Mode64, "66 68 00 80", "push 0x8000"},
		{Mode64, "66 e8 00 00 00 00", "data16 call 0x1006"},
		{Mode64, "66 ff e0", "data16 jmp rax"},
		{Mode64, "66 c3", "data16 ret"},
		{Mode64, "66 0f 20 c0", "data16 mov rax,cr0"},
		{Mode32, "66 e8 00 00", "call 0x1004"},
		{Mode32, "e8 00 00 00 00", "call 0x1005"},
		{Mode32, "0f 20 c0", "mov eax,cr0"},
		// The low byte registers.
		{Mode64, "88 e0", "mov al,ah"},
		{Mode64, "40 88 e0", "mov al,spl"},
		{Mode64, "41 b4 01", "mov r12b,0x1"},
		// NOP, PAUSE, XCHG.
		{Mode64, "90", "nop"},
		{Mode64, "41 90", "xchg r8d,eax"},
		{Mode64, "49 90", "xchg r8,rax"},
		{Mode64, "f3 90", "pause"},
		{Mode64, "f3 41 90", "repz xchg r8d,eax"},
		{Mode64, "66 90", "xchg ax,ax"},
		{Mode64, "f3 0f 1e fa", "endbr64"},
		{Mode64, "f3 48 0f 1e c8", "rdsspq rax"},
		{Mode64, "0f 1e fa", "nop edx"},
		{Mode64, "0f 1f 40 00", "nop DWORD PTR [rax+0x0]"},
		{Mode64, "0f 0d 08", "prefetchw BYTE PTR [rax]"},
		// MOVSXD and ARPL, INC and REX.
		{Mode64, "48 63 c1", "movsxd rax,ecx"},
		{Mode64, "63 c1", "movsxd eax,ecx"},
		{Mode64, "66 63 c1", "movsxd ax,cx"},
		{Mode32, "63 c1", "arpl cx,ax"},
		{Mode32, "48", "dec eax"},
		// Addresses.
		{Mode64, "8b 05 10 00 00 00", "mov eax,DWORD PTR [rip+0x10]        # 0x1016"},
		{Mode64, "c7 05 10 00 00 00 01 00 00 00", "mov DWORD PTR [rip+0x10],0x1        # 0x101a"},
		{Mode64, "67 8b 05 10 00 00 00", "mov eax,DWORD PTR [eip+0x10]        # 0x1017"},
		{Mode32, "8b 05 10 00 00 00", "mov eax,DWORD PTR ds:0x10"},
		{Mode64, "8b 04 25 10 00 00 80", "mov eax,DWORD PTR ds:0xffffffff80000010"},
		{Mode64, "8b 04 24", "mov eax,DWORD PTR [rsp]"},
		{Mode64, "41 8b 45 00", "mov eax,DWORD PTR [r13+0x0]"},
		{Mode64, "42 8b 04 20", "mov eax,DWORD PTR [rax+r12*1]"},
		{Mode32, "67 8b 42 fe", "mov eax,DWORD PTR [bp+si-0x2]"},
		{Mode32, "67 8b 06 34 12", "mov eax,DWORD PTR ds:0x1234"},
		{Mode64, "a1 88 77 66 55 44 33 22 11", "movabs eax,ds:0x1122334455667788"},
		{Mode64, "67 a1 44 33 22 11", "mov eax,ds:0x11223344"},
		{Mode32, "67 a1 44 33", "mov eax,ds:0x3344"},
		{Mode64, "48 b8 88 77 66 55 44 33 22 11", "movabs rax,0x1122334455667788"},
		// Segments: only FS and GS in 64-bit mode.
		{Mode64, "64 8b 00", "mov eax,DWORD PTR fs:[rax]"},
		{Mode64, "64 2e 8b 00", "cs mov eax,DWORD PTR fs:[rax]"},
		{Mode32, "64 2e 8b 00", "fs mov eax,DWORD PTR cs:[eax]"},
		// The last of F2 and F3 counts, and comes before 66.
		{Mode64, "f2 f3 0f b8 c1", "repnz popcnt eax,ecx"},
		{Mode64, "66 f3 0f 10 c1", "data16 movss xmm0,xmm1"},
		{Mode64, "f3 f2 0f 10 c1", "repz movsd xmm0,xmm1"},
		{Mode64, "66 f3 0f bc c1", "tzcnt ax,cx"},
		{Mode64, "66 f2 0f 38 f1 c1", "crc32 eax,cx"},
		{Mode64, "f2 48 0f 38 f1 c1", "crc32 rax,rcx"},
		// LOCK.
		{Mode64, "f0 01 08", "lock add DWORD PTR [rax],ecx"},
		{Mode64, "f0 01 c8", "(bad)"},
		{Mode64, "f0 03 08", "(bad)"},
		{Mode64, "f0 39 08", "(bad)"},
		{Mode64, "f0 0f ba 20", "(bad)"}, // BT; the immediate need not be there
		{Mode64, "f0 90", "(bad)"},
		{Mode64, "f0 0f 22 c0", "(bad)"},
		{Mode64, "f0 48 0f c7 08", "lock cmpxchg16b OWORD PTR [rax]"},
		// NP.
		{Mode64, "66 0f 77", "(bad)"},
		{Mode64, "f3 0f 77", "(bad)"},
		{Mode64, "66 0f c3 00", "(bad)"},
		{Mode64, "f3 0f c7 f1", "(bad)"},
		{Mode64, "66 0f c7 f1", "rdrand cx"},
		{Mode64, "f3 66 0f 38 f0 00", "(bad)"},
		{Mode64, "66 f2 0f 38 f0 c0", "data16 crc32 eax,al"},
		{Mode64, "0f ae e9", "lfence"},
		{Mode64, "66 0f ae e8", "(bad)"},
		{Mode64, "f3 0f a2", "repz cpuid"},
		// VEX.
		{Mode64, "c5 f8 77", "vzeroupper"},
		{Mode64, "66 c5", "(bad)"},
		{Mode64, "f3 c5", "(bad)"},
		{Mode64, "f0 c5", "(bad)"},
		{Mode64, "48 c5", "(bad)"},
		{Mode64, "48 2e c5 f8 77", "rex.W cs vzeroupper"}, // a REX that is none
		{Mode64, "c5 e8 28 c1", "(bad)"},                  // vvvv
		{Mode64, "c5 f8 28 c1", "vmovaps xmm0,xmm1"},
		{Mode64, "c4 e4", "(bad)"}, // map 4
		{Mode64, "c4 e3 7d 0c c1 07", "vblendps ymm0,ymm0,ymm1,0x7"},
		{Mode64, "c4 62 7d 36 c1", "vpermd ymm8,ymm0,ymm1"},
		{Mode64, "c4 62 79 36 c1", "(bad)"}, // 256 bits only
		{Mode64, "c4 c1 79 6e c0", "vmovd xmm0,r8d"},
		{Mode64, "c4 e1 f9 6e c0", "vmovq xmm0,rax"},
		{Mode64, "c4 e3 f9 20 c0 01", "vpinsrb xmm0,xmm0,eax,0x1"},
		{Mode64, "c5 e8 77", "(bad)"},
		{Mode64, "c4 e2 fd 18 c0", "(bad)"}, // W
		{Mode64, "c5 ff 10 c0", "vmovsd xmm0,xmm0,xmm0"},
		{Mode32, "c4 e1 f9 6e c0", "vmovd xmm0,eax"},
		{Mode32, "c4 c1 79 6e c0", "vmovd xmm0,eax"}, // B counts for nothing
		{Mode32, "c5 08", "lds ecx,FWORD PTR [eax]"},
		{Mode32, "c4 00", "les eax,FWORD PTR [eax]"},
		{Mode64, "c4 e2 69 90 04 08", "vpgatherdd xmm0,DWORD PTR [rax+xmm1*1],xmm2"},
		{Mode64, "c4 e2 69 90 04 10", "(bad)"}, // index and mask are the same
		{Mode64, "c4 e2 69 90 00", "(bad)"},    // no SIB
		// Registers that do not exist.
		{Mode64, "8e c8", "(bad)"},
		{Mode64, "8e f0", "(bad)"},
		{Mode64, "8c c8", "mov eax,cs"},
		{Mode64, "0f 20 c8", "(bad)"},
		{Mode64, "44 0f 20 c0", "mov rax,cr8"},
		{Mode64, "44 0f 21 c0", "(bad)"},
		// Undefined, as soon as it is certain.
		{Mode64, "06", "(bad)"},
		{Mode64, "82", "(bad)"},
		{Mode64, "d6", "(bad)"},
		{Mode64, "62", "(bad)"},
		{Mode64, "9a", "(bad)"},
		{Mode64, "0f 04", "(bad)"},
		{Mode64, "0f 38 0f", "(bad)"},
		{Mode64, "fe d0", "(bad)"},
		{Mode64, "8f c8", "(bad)"},
		{Mode64, "c7 c8", "(bad)"},
		{Mode64, "8d c0", "(bad)"},
		{Mode64, "0f b8 c0", "(bad)"},
		{Mode32, "0f 05", "(bad)"},
		{Mode32, "0f 34", "sysenter"},
		{Mode64, "0f 0b", "ud2"},
		{Mode64, "0f b9 c1", "ud1 eax,ecx"},
		{Mode64, "0f ff c1", "ud0 eax,ecx"},
		// Cut off.
		{Mode64, "", more},
		{Mode64, "66", more},
		{Mode64, "48", more},
		{Mode64, "0f", more},
		{Mode64, "0f 38", more},
		{Mode64, "c5", more},
		{Mode64, "c4 e1", more},
		{Mode64, "c5 f8", more},
		{Mode32, "c5", more},
		{Mode64, "8b", more},
		{Mode64, "8b 04", more},
		{Mode64, "8b 44 24", more},
		{Mode64, "8b 84 24 00 00 00", more},
		{Mode64, "b8 00 00 00", more},
		{Mode64, "c8 00 00", more},
		// 15 bytes, and more.
		{Mode64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "data16 data16 data16 data16 data16 data16 data16 data16 data16 data16 data16 data16 data16 xchg ax,ax"},
		{Mode64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", "(bad)"},
		{Mode64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66", more},
		{Mode64, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e b8", "(bad)"}, // 12 and four
		{Mode64, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e b8 00 00 00 00", "cs cs cs cs cs cs cs cs cs cs mov eax,0x0"},
	} {
		code := unhex(t, c.code)
		in, ok := Decode(code, c.mode)
		if !ok || c.want == more {
			if ok != (c.want != more) {
				t.Errorf("%s in mode %d: ok %v, want %s", c.code, c.mode, ok, c.want)
			}
			continue
		}
		if got := Disasm(code, 0x1000, c.mode); got != c.want {
			t.Errorf("%s in mode %d: got %q, want %q", c.code, c.mode, got, c.want)
		}
		if int(in.Len) > len(code) || int(in.Len) != len(code) && !in.Undefined() {
			t.Errorf("%s in mode %d: length %d", c.code, c.mode, in.Len)
		}
	}
}

// TestFields looks at what no text shows.
func TestFields(t *testing.T) {
	get := func(mode Mode, code string) *Insn {
		in, ok := Decode(unhex(t, code), mode)
		if !ok || in.Undefined() {
			t.Fatal(code)
		}
		return &in
	}
	for _, c := range []struct {
		name string
		got  any
		want any
	}{
		{"default segment", get(Mode64, "8b 00").Seg, SegDS},
		{"segment of rsp", get(Mode64, "8b 04 24").Seg, SegSS},
		{"segment of rbp", get(Mode64, "8b 45 00").Seg, SegSS},
		{"segment of r13", get(Mode64, "41 8b 45 00").Seg, SegDS},
		{"segment without base", get(Mode64, "8b 04 6d 00 00 00 00").Seg, SegDS},
		{"segment of ebp with cs", get(Mode32, "2e 8b 45 00").Seg, SegCS},
		{"segment of bp+si", get(Mode32, "67 8b 02").Seg, SegSS},
		{"segment of lods", get(Mode64, "65 ac").Seg, SegGS},
		{"segment of moffs", get(Mode64, "64 a1 00 00 00 00 00 00 00 00").Seg, SegFS},
		{"address size", get(Mode64, "67 8b 00").AddrSize, uint8(4)},
		{"address size in compatibility mode", get(Mode32, "67 8b 00").AddrSize, uint8(2)},
		{"size of movzx", get(Mode64, "48 0f b6 c0").OpSize, uint8(8)},
		{"size of in", get(Mode64, "48 ed").OpSize, uint8(4)},
		{"size of in with 66", get(Mode64, "66 ed").OpSize, uint8(2)},
		{"size of ymm", get(Mode64, "c5 fc 58 c0").OpSize, uint8(32)},
		{"size of a scalar with L", get(Mode64, "c5 fe 58 c0").OpSize, uint8(16)},
		{"size of push es", get(Mode32, "06").OpSize, uint8(4)},
		{"size of fnsave with 66", get(Mode64, "66 dd 30").OpSize, uint8(2)},
		{"size of mmx", get(Mode64, "0f fc c0").OpSize, uint8(8)},
		{"size of iretq", get(Mode64, "48 cf").OpSize, uint8(8)},
		{"enter", [2]int64{get(Mode64, "c8 34 92 85").Imm, int64(get(Mode64, "c8 34 92 85").Imm2)}, [2]int64{0x9234, 0x85}},
		{"far pointer", [2]int64{get(Mode32, "9a 00 00 00 80 23 80").Imm, int64(get(Mode32, "9a 00 00 00 80 23 80").Imm2)}, [2]int64{0x80000000, 0x8023}},
		{"imm8, zero-extended", get(Mode64, "04 80").Imm, int64(0x80)},
		{"imm8, sign-extended", get(Mode64, "83 c0 80").Imm, int64(-0x80)},
		{"imm16", get(Mode64, "c2 00 80").Imm, int64(0x8000)},
		{"imm64", get(Mode64, "48 b8 88 77 66 55 44 33 22 91").Imm, int64(-0x6eddccbbaa998878)},
		{"opcode register", get(Mode64, "41 57").RM, uint8(15)},
		{"no memory", get(Mode64, "41 57").Mem(), false},
		{"absolute", get(Mode64, "8b 04 25 00 00 00 00").RIPRel, false},
		{"relative", get(Mode64, "41 8b 05 00 00 00 00").RIPRel, true},
		{"AVX", get(Mode64, "c5 f9 fc c0").Feature(), AVX},
		{"AVX2", get(Mode64, "c5 fd fc c0").Feature(), AVX2},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	if name, ok := get(Mode64, "f3 0f bc c0").Row.Without(); name != "BSF" || !ok {
		t.Error("TZCNT without BMI1:", name, ok)
	}
	if id := (func() RowID { in, _ := Decode(bytes.Repeat([]byte{0x66}, 20), Mode64); return in.Row }()); id != TooLong {
		t.Error("15 prefixes are row", id)
	}
}

// TestRowsReached: every row has a sample, which means that the golden file and, where
// there is objdump, the comparison have seen it.
func TestRowsReached(t *testing.T) {
	for id := firstRow; int(id) < NumRows(); id++ {
		a := id.row().attr
		n64, n32 := len(samples(id, Mode64)), len(samples(id, Mode32))
		if (n64 == 0) != (a&i64 != 0) || (n32 == 0) != (a&o64 != 0) {
			t.Errorf("row %s %s %s: %d encodings in 64-bit mode, %d in compatibility mode", id.Encoding(), id.Name(), id.Operands(), n64, n32)
		}
	}
}

// TestGolden is for hosts without objdump: a few encodings of every row.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for id := firstRow; int(id) < NumRows(); id++ {
		mode, bits := Mode64, 64
		list := samples(id, mode)
		if len(list) == 0 {
			mode, bits = Mode32, 32
			list = samples(id, mode)
		}
		in := Insn{Row: id}
		fmt.Fprintf(&b, "%s  %s  %s  %v\n", id.Encoding(), id.Name(), id.Operands(), in.Feature())
		for i := 0; i < len(list); i += 1 + len(list)/3 {
			in, _ := Decode(list[i], mode)
			fmt.Fprintf(&b, "\t%d  % x  %s  (size %d)\n", bits, list[i], Disasm(list[i], 0x1000, mode), in.OpSize)
		}
	}
	name := filepath.Join("testdata", "golden.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(wanted)) {
		if i >= len(got) || i >= len(wanted) || got[i] != wanted[i] {
			t.Fatalf("%s differs at line %d (run with -args -update and read the diff)", name, i+1)
		}
	}
}

// check is what holds for all bytes: lengths are in bounds; what follows an instruction
// does not change it; every beginning of it asks for more bytes or is undefined already
// for the same reason.
func check(t testing.TB, code []byte, mode Mode) {
	in, ok := Decode(code, mode)
	again, ok2 := Decode(code, mode)
	if in != again || ok != ok2 {
		t.Fatalf("% x: decoded twice, %+v and %+v", code, in, again)
	}
	if !ok {
		if len(code) >= MaxLen || in != (Insn{}) {
			t.Fatalf("% x: %d bytes are not enough", code, len(code))
		}
		return
	}
	n := int(in.Len)
	if n < 1 || n > MaxLen || n > len(code) {
		t.Fatalf("% x: length %d", code, n)
	}
	if int(in.Row) >= NumRows() || in.Undefined() != (Disasm(code, 0, mode) == "(bad)") {
		t.Fatalf("% x: row %d, %s", code, in.Row, Disasm(code, 0, mode))
	}
	for k := range n + 1 {
		part, ok := Decode(code[:k], mode)
		switch {
		case k == n && (!ok || part != in):
			t.Fatalf("% x: alone it is %+v", code[:n], part)
		case k < n && ok && (!part.Undefined() || part.Row != in.Row):
			t.Fatalf("% x: its first %d bytes are %+v", code[:n], k, part)
		}
	}
}

func TestInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		code := randomCode(rng)
		for mode := range numModes {
			check(t, code, mode)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for id := firstRow; int(id) < NumRows(); id++ {
		for mode := range numModes {
			if list := samples(id, mode); len(list) > 0 {
				f.Add(list[len(list)/2], byte(mode))
			}
		}
	}
	f.Fuzz(func(t *testing.T, code []byte, mode byte) {
		check(t, code, Mode(mode%byte(numModes)))
	})
}

// BenchmarkDecode decodes code as compilers make it: an instruction is an operation.
func BenchmarkDecode(b *testing.B) {
	code := unhex(b, strings.Join(typical, ""))
	var in Insn
	in.Decode(code, Mode64)
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		if !in.Decode(code[at:], Mode64) {
			b.Fatal(at)
		}
		if at += int(in.Len); at == len(code) {
			at = 0
		}
	}
}

var typical = []string{
	"f30f1efa", "55", "4889e5", "4154", "53", "4883ec10", "64488b042528000000", "488945e8", "31c0", "488b4708", "4885c0", "7410", "488b5010",
	"0fb6420a", "83e00f", "3c05", "0f8400010000", "488d3d10200000", "e800010000", "4863d0", "488d0492", "48c1e003", "4c8b4c2420", "8b04b5a0b06000",
	"f20f1005a0b06000", "f20f59c1", "660fefc9", "c5fd6f0f", "c5f5fec0", "c5f877", "41b801000000", "f0480fb11500104000", "ff2500100000", "66900f1f4000", "c3",
}

// BenchmarkBuild is what the first instruction costs in addition.
func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		build(Mode64)
	}
}
