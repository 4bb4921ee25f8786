package softfloat

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var policyX86 = Policy{NaN: NaNFirst}

// x86Source executes SSE2 and FMA3 instructions: it reads (op, MXCSR's rounding
// control, a, b, c) as five 64-bit words and answers (result, MXCSR's flags).
// VFMADD213 computes second × first + third, so its second operand is a.
const x86Source = `#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <immintrin.h>
#define D(n, text) case n: { double x, y, z; memcpy(&x, in+2, 8); memcpy(&y, in+3, 8); memcpy(&z, in+4, 8); \
	__asm__ volatile(text : "+x"(x), "+x"(y) : "x"(z)); memcpy(&r, &x, 8); break; }
#define S(n, text) case n: { float x, y, z; memcpy(&x, in+2, 4); memcpy(&y, in+3, 4); memcpy(&z, in+4, 4); \
	__asm__ volatile(text : "+x"(x), "+x"(y) : "x"(z)); memcpy(&r, &x, 4); break; }
int main(void) {
	uint64_t in[5], out[2];
	while (fread(in, sizeof in, 1, stdin) == 1) {
		uint64_t r = 0;
		_mm_setcsr(0x1f80 | in[1] << 13);
		switch (in[0]) {
		D(0, "addsd %1, %0") D(1, "subsd %1, %0") D(2, "mulsd %1, %0") D(3, "divsd %1, %0")
		D(4, "sqrtsd %0, %0") D(5, "vfmadd213sd %2, %0, %1\n\tmovapd %1, %0") D(6, "cvtsd2ss %0, %0")
		S(7, "addss %1, %0") S(8, "subss %1, %0") S(9, "mulss %1, %0") S(10, "divss %1, %0")
		S(11, "sqrtss %0, %0") S(12, "vfmadd213ss %2, %0, %1\n\tmovaps %1, %0")
		case 13: { double x; memcpy(&x, in+2, 8); __asm__ volatile("cvtss2sd %0, %0" : "+x"(x)); memcpy(&r, &x, 8); break; }
		default: return 1;
		}
		out[0] = r; out[1] = _mm_getcsr() & 63;
		fwrite(out, sizeof out, 1, stdout);
	}
	return 0;
}
`

// policyOps has the order of x86Source's cases.
var policyOps = []struct {
	name      string
	f         format
	to        format
	operation func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64
}{
	{"addsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.Add64(a, b, rm, fl) }},
	{"subsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.Sub64(a, b, rm, fl) }},
	{"mulsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.Mul64(a, b, rm, fl) }},
	{"divsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.Div64(a, b, rm, fl) }},
	{"sqrtsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.Sqrt64(a, rm, fl) }},
	{"vfmaddsd", binary64, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 { return p.FMA64(a, b, c, rm, fl) }},
	{"cvtsd2ss", binary64, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.F64ToF32(a, rm, fl))
	}},
	{"addss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.Add32(uint32(a), uint32(b), rm, fl))
	}},
	{"subss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.Sub32(uint32(a), uint32(b), rm, fl))
	}},
	{"mulss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.Mul32(uint32(a), uint32(b), rm, fl))
	}},
	{"divss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.Div32(uint32(a), uint32(b), rm, fl))
	}},
	{"sqrtss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.Sqrt32(uint32(a), rm, fl))
	}},
	{"vfmaddss", binary32, binary32, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return uint64(p.FMA32(uint32(a), uint32(b), uint32(c), rm, fl))
	}},
	{"cvtss2sd", binary32, binary64, func(p Policy, a, b, c uint64, rm Rounding, fl *Flags) uint64 {
		return p.F32ToF64(uint32(a), fl)
	}},
}

// TestX86Policy compares the policy for x86 with the host's processor.
func TestX86Policy(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs an x86-64 Linux host")
	}
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !strings.Contains(string(cpu), " fma ") {
		t.Skip("the processor has no FMA3")
	}
	dir := t.TempDir()
	src, bin := filepath.Join(dir, "oracle.c"), filepath.Join(dir, "oracle")
	if err := os.WriteFile(src, []byte(x86Source), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-O1", "-o", bin, src).CombinedOutput(); err != nil {
		t.Fatalf("compiling the oracle: %v\n%s", err, out)
	}
	control := map[Rounding]uint64{RNE: 0, RDN: 1, RUP: 2, RTZ: 3}
	o := newOperands(11)
	type test struct {
		op int
		rm Rounding
		in [3]uint64
	}
	var tests []test
	var in []byte
	for range 10_000 {
		for n, op := range policyOps {
			c := test{n, Rounding(o.r.IntN(4)), [3]uint64{o.next(op.f), o.next(op.f), o.next(op.f)}}
			tests = append(tests, c)
			for _, x := range []uint64{uint64(n), control[c.rm], c.in[0], c.in[1], c.in[2]} {
				in = binary.LittleEndian.AppendUint64(in, x)
			}
		}
	}
	cmd := exec.Command(bin)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	if err != nil || len(out) != 16*len(tests) {
		t.Fatalf("running the oracle: %v, %d of %d bytes", err, len(out), 16*len(tests))
	}
	nans := 0
	for i, c := range tests {
		op := policyOps[c.op]
		want := binary.LittleEndian.Uint64(out[16*i:])
		if op.to == binary32 {
			want = uint64(uint32(want)) // the register's other half stays
		}
		csr := out[16*i+8]
		flags := Flags(csr&1<<4 | csr>>2&1<<3 | csr>>3&1<<2 | csr>>4&1<<1 | csr>>5&1)
		var fl Flags
		got := op.operation(policyX86, c.in[0], c.in[1], c.in[2], c.rm, &fl)
		if got != want || fl != flags {
			t.Fatalf("%s rm=%d %#x = %#x flags %#x, want %#x flags %#x", op.name, c.rm, c.in, got, fl, want, flags)
		}
		if op.to.isNaN(got) {
			nans++
		}
	}
	if nans < len(tests)/50 {
		t.Errorf("only %d NaN results", nans)
	}
}

// TestArmNaNs follows the pseudocode of the Arm Architecture Reference Manual
// (FPProcessNaNs, FPProcessNaNs3, FPMulAdd) with FPCR.DN clear.
func TestArmNaNs(t *testing.T) {
	p := Policy{NaN: NaNSignalingFirst}
	const (
		one, zero, inf = 0x3f800000, 0, 0x7f800000
		q1, q2, q3     = 0x7fc00001, 0xffc00002, 0x7fc00003
		s1, s2, s3     = 0x7f800011, 0xff800012, 0x7f800013
		quiet          = 0x400000
	)
	for _, c := range []struct {
		a, b, c, want uint32
		flags         Flags
	}{
		{q1, q2, q3, q3, 0},
		{q1, q2, one, q1, 0},
		{one, q2, one, q2, 0},
		{q1, s2, q3, s2 | quiet, NV},
		{s1, s2, s3, s3 | quiet, NV},
		{s1, s2, q3, s1 | quiet, NV},
		{inf, zero, q3, CanonicalNaN32, NV},
		{inf, zero, s3, s3 | quiet, NV},
		{inf, zero, one, CanonicalNaN32, NV},
		{inf, q2, s3, s3 | quiet, NV},
	} {
		var fl Flags
		if got := p.FMA32(c.a, c.b, c.c, RNE, &fl); got != c.want || fl != c.flags {
			t.Errorf("FMA32(%#x, %#x, %#x) = %#x flags %#x, want %#x flags %#x", c.a, c.b, c.c, got, fl, c.want, c.flags)
		}
	}
	for _, c := range []struct {
		a, b, want uint32
		flags      Flags
	}{
		{q1, q2, q1, 0}, {one, q2, q2, 0}, {q1, s2, s2 | quiet, NV}, {s1, s2, s1 | quiet, NV}, {s1, q2, s1 | quiet, NV},
	} {
		var fl Flags
		if got := p.Add32(c.a, c.b, RNE, &fl); got != c.want || fl != c.flags {
			t.Errorf("Add32(%#x, %#x) = %#x flags %#x, want %#x flags %#x", c.a, c.b, got, fl, c.want, c.flags)
		}
	}
}
