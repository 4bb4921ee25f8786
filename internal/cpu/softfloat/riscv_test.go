package softfloat

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/riscv.txt from QEMU's answers")

// instruction is one RISC-V instruction and the function that computes it.
// form gives the types of result and operands: d double, s single, x integer
// register.
type instruction struct {
	name, form string
	fn         func(a, b, c uint64, rm Rounding, fl *Flags) uint64
}

func op2(f64 func(a, b uint64, rm Rounding, fl *Flags) uint64) func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
	return func(a, b, _ uint64, rm Rounding, fl *Flags) uint64 { return f64(a, b, rm, fl) }
}

func op2s(f32 func(a, b uint32, rm Rounding, fl *Flags) uint32) func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
	return func(a, b, _ uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(f32(uint32(a), uint32(b), rm, fl))
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

const sign32, sign64 = 1 << 31, 1 << 63

var instructions = []instruction{
	{"fadd.d", "ddd", op2(Add64)},
	{"fsub.d", "ddd", op2(Sub64)},
	{"fmul.d", "ddd", op2(Mul64)},
	{"fdiv.d", "ddd", op2(Div64)},
	{"fsqrt.d", "dd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return Sqrt64(a, rm, fl) }},
	{"fmadd.d", "dddd", FMA64},
	{"fmsub.d", "dddd", func(a, b, c uint64, rm Rounding, fl *Flags) uint64 { return FMA64(a, b, c^sign64, rm, fl) }},
	{"fnmsub.d", "dddd", func(a, b, c uint64, rm Rounding, fl *Flags) uint64 { return FMA64(a^sign64, b, c, rm, fl) }},
	{"fnmadd.d", "dddd", func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return FMA64(a^sign64, b, c^sign64, rm, fl)
	}},
	{"fmin.d", "ddd", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return Min64(a, b, fl) }},
	{"fmax.d", "ddd", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return Max64(a, b, fl) }},
	{"feq.d", "xdd", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Eq64(a, b, fl)) }},
	{"flt.d", "xdd", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Lt64(a, b, fl)) }},
	{"fle.d", "xdd", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Le64(a, b, fl)) }},
	{"fclass.d", "xd", func(a, _, _ uint64, _ Rounding, _ *Flags) uint64 { return Class64(a) }},
	{"fcvt.w.d", "xd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(F64ToI32(a, rm, fl)) }},
	{"fcvt.wu.d", "xd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(int32(F64ToU32(a, rm, fl)))
	}},
	{"fcvt.l.d", "xd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(F64ToI64(a, rm, fl)) }},
	{"fcvt.lu.d", "xd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return F64ToU64(a, rm, fl) }},
	{"fcvt.d.w", "dx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return I32ToF64(int32(a), rm, fl) }},
	{"fcvt.d.wu", "dx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return U32ToF64(uint32(a), rm, fl) }},
	{"fcvt.d.l", "dx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return I64ToF64(int64(a), rm, fl) }},
	{"fcvt.d.lu", "dx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return U64ToF64(a, rm, fl) }},
	{"fcvt.d.s", "ds", func(a, _, _ uint64, _ Rounding, fl *Flags) uint64 { return F32ToF64(uint32(a), fl) }},
	{"fcvt.s.d", "sd", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(F64ToF32(a, rm, fl)) }},

	{"fadd.s", "sss", op2s(Add32)},
	{"fsub.s", "sss", op2s(Sub32)},
	{"fmul.s", "sss", op2s(Mul32)},
	{"fdiv.s", "sss", op2s(Div32)},
	{"fsqrt.s", "ss", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(Sqrt32(uint32(a), rm, fl)) }},
	{"fmadd.s", "ssss", func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(FMA32(uint32(a), uint32(b), uint32(c), rm, fl))
	}},
	{"fnmsub.s", "ssss", func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(FMA32(uint32(a)^sign32, uint32(b), uint32(c), rm, fl))
	}},
	{"fmin.s", "sss", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return uint64(Min32(uint32(a), uint32(b), fl)) }},
	{"fmax.s", "sss", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return uint64(Max32(uint32(a), uint32(b), fl)) }},
	{"feq.s", "xss", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Eq32(uint32(a), uint32(b), fl)) }},
	{"flt.s", "xss", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Lt32(uint32(a), uint32(b), fl)) }},
	{"fle.s", "xss", func(a, b, _ uint64, _ Rounding, fl *Flags) uint64 { return bit(Le32(uint32(a), uint32(b), fl)) }},
	{"fclass.s", "xs", func(a, _, _ uint64, _ Rounding, _ *Flags) uint64 { return Class32(uint32(a)) }},
	{"fcvt.w.s", "xs", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(F32ToI32(uint32(a), rm, fl))
	}},
	{"fcvt.wu.s", "xs", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(int32(F32ToU32(uint32(a), rm, fl)))
	}},
	{"fcvt.l.s", "xs", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(F32ToI64(uint32(a), rm, fl))
	}},
	{"fcvt.lu.s", "xs", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return F32ToU64(uint32(a), rm, fl) }},
	{"fcvt.s.w", "sx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(I32ToF32(int32(a), rm, fl)) }},
	{"fcvt.s.wu", "sx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(U32ToF32(uint32(a), rm, fl)) }},
	{"fcvt.s.l", "sx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(I64ToF32(int64(a), rm, fl)) }},
	{"fcvt.s.lu", "sx", func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(U64ToF32(a, rm, fl)) }},
}

// vector is one execution: operands, and what the oracle answered.
type vector struct {
	op    int
	rm    Rounding
	in    [3]uint64
	out   uint64
	flags Flags
}

func (v *vector) check(t *testing.T) {
	t.Helper()
	i := instructions[v.op]
	var fl Flags
	got := i.fn(v.in[0], v.in[1], v.in[2], v.rm, &fl)
	if got != v.out || fl != v.flags {
		t.Errorf("%s rm=%d %#x = %#x flags %#x, want %#x flags %#x", i.name, v.rm, v.in[:len(i.form)-1], got, fl, v.out, v.flags)
	}
}

func (v *vector) String() string {
	s := fmt.Sprintf("%s %d", instructions[v.op].name, v.rm)
	for _, x := range v.in[:len(instructions[v.op].form)-1] {
		s += fmt.Sprintf(" %#x", x)
	}
	return s + fmt.Sprintf(" %#x %#x", v.out, v.flags)
}

// oracleSource is a program that executes the instructions: records of
// (op, rm, a, b, c) as five 64-bit words on stdin, (result, fflags) on stdout.
func oracleSource() string {
	var s strings.Builder
	s.WriteString(`#include <stdint.h>
#include <string.h>
#include <stdio.h>
typedef double T_d; typedef float T_s; typedef uint64_t T_x;
int main(void) {
	static uint64_t in[5]; uint64_t out[2];
	while (fread(in, sizeof in, 1, stdin) == 1) {
		uint64_t fl, r = 0;
		__asm__ volatile("fsrm %0; fsflags x0" :: "r"(in[1]));
		switch (in[0]) {
`)
	constraint := map[byte]string{'d': "f", 's': "f", 'x': "r"}
	for n, i := range instructions {
		fmt.Fprintf(&s, "\t\tcase %d: { T_%c q;", n, i.form[0])
		list, args := "%0", ""
		for k := 1; k < len(i.form); k++ {
			fmt.Fprintf(&s, " T_%c v%d; memcpy(&v%d, &in[%d], sizeof v%d);", i.form[k], k, k, k+1, k)
			list += fmt.Sprintf(",%%%d", k)
			if k > 1 {
				args += ","
			}
			args += fmt.Sprintf(`"%s"(v%d)`, constraint[i.form[k]], k)
		}
		fmt.Fprintf(&s, ` __asm__ volatile("%s %s" : "=%s"(q) : %s); memcpy(&r, &q, sizeof q); break; }`+"\n",
			i.name, list, constraint[i.form[0]], args)
	}
	s.WriteString(`		default: return 1;
		}
		__asm__ volatile("frflags %0" : "=r"(fl));
		out[0] = r; out[1] = fl;
		fwrite(out, sizeof out, 1, stdout);
	}
	return 0;
}
`)
	return s.String()
}

func randomVectors(seed uint64, perOp int) []vector {
	o := newOperands(seed)
	var vs []vector
	for range perOp {
		for n, i := range instructions {
			v := vector{op: n, rm: Rounding(o.r.IntN(5))}
			for k := range len(i.form) - 1 {
				switch i.form[k+1] {
				case 'd':
					v.in[k] = o.next64()
				case 's':
					v.in[k] = uint64(o.next32())
				default:
					v.in[k] = uint64(int64(o.next64()) >> o.r.IntN(64))
				}
			}
			vs = append(vs, v)
		}
	}
	return vs
}

// askQEMU fills in the results of all vectors.
func askQEMU(t *testing.T, vs []vector) {
	cc, err := exec.LookPath("riscv64-linux-gnu-gcc")
	if err != nil {
		t.Skip("no cross compiler riscv64-linux-gnu-gcc")
	}
	qemu, err := exec.LookPath("qemu-riscv64-static")
	if err != nil {
		if qemu, err = exec.LookPath("qemu-riscv64"); err != nil {
			t.Skip("no qemu-riscv64-static")
		}
	}
	dir := t.TempDir()
	src, bin := filepath.Join(dir, "oracle.c"), filepath.Join(dir, "oracle")
	if err := os.WriteFile(src, []byte(oracleSource()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-O1", "-static", "-o", bin, src).CombinedOutput(); err != nil {
		t.Fatalf("compiling the oracle: %v\n%s", err, out)
	}
	in := make([]byte, 0, 40*len(vs))
	for _, v := range vs {
		for _, x := range []uint64{uint64(v.op), uint64(v.rm), v.in[0], v.in[1], v.in[2]} {
			in = binary.LittleEndian.AppendUint64(in, x)
		}
	}
	cmd := exec.Command(qemu, bin)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil || len(out) != 16*len(vs) {
		t.Fatalf("running the oracle: %v, %d of %d bytes", err, len(out), 16*len(vs))
	}
	for i := range vs {
		vs[i].out = binary.LittleEndian.Uint64(out[16*i:])
		vs[i].flags = Flags(out[16*i+8])
	}
}

func TestQEMU(t *testing.T) {
	n := 15_000
	if testing.Short() {
		n /= 10
	}
	vs := randomVectors(3, n)
	askQEMU(t, vs)
	for i := range vs {
		if vs[i].check(t); t.Failed() {
			return
		}
	}
	if *update {
		writeVectors(t, vs)
	}
}

const vectorFile = "testdata/riscv.txt"

// writeVectors keeps the first vector of each kind: instruction, rounding
// mode, flags.
func writeVectors(t *testing.T, vs []vector) {
	type kind struct {
		op    int
		rm    Rounding
		flags Flags
	}
	seen := map[kind]bool{}
	lines := make([][]string, len(instructions))
	for _, v := range vs {
		if k := (kind{v.op, v.rm, v.flags}); !seen[k] {
			seen[k] = true
			lines[v.op] = append(lines[v.op], v.String())
		}
	}
	s := "# instruction frm operands... result fflags, as executed by qemu-riscv64\n"
	for _, l := range lines {
		s += strings.Join(l, "\n") + "\n"
	}
	if err := os.WriteFile(vectorFile, []byte(s), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	index := map[string]int{}
	for n, i := range instructions {
		index[i.name] = n
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			line, _, _ := strings.Cut(in.Text(), "#")
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			n, ok := index[words[0]]
			if !ok {
				t.Fatalf("%s: no instruction %q", name, words[0])
			}
			v := vector{op: n}
			dst := []any{&v.rm}
			for k := range len(instructions[n].form) - 1 {
				dst = append(dst, &v.in[k])
			}
			dst = append(dst, &v.out, &v.flags)
			if _, err := fmt.Sscan(strings.Join(words[1:], " "), dst...); err != nil || len(words) != 1+len(dst) {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			v.check(t)
		}
	}
}
