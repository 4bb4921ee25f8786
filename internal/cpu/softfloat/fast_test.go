package softfloat

import (
	"flag"
	"math"
	"testing"
)

var cases = flag.Int("cases", 400_000, "random cases for each fast path")

func f64(x uint64) float64 { return math.Float64frombits(x) }
func f32(x uint32) float32 { return math.Float32frombits(x) }

// fastOp is a pair of fast paths and the exact operation. complete says which
// results the sticky path must accept beside being right about them.
type fastOp struct {
	name          string
	f             format
	sticky, exact func(a, b, c uint64) (uint64, bool)
	want          func(a, b, c uint64, rm Rounding, fl *Flags) uint64
	complete      func(a, b, c, r uint64, fl Flags) bool
}

func u64(r float64, ok bool) (uint64, bool) { return math.Float64bits(r), ok }
func u32(r float32, ok bool) (uint64, bool) { return uint64(math.Float32bits(r)), ok }

func anyFinite(f format) func(a, b, c, r uint64, fl Flags) bool {
	return func(_, _, _, r uint64, fl Flags) bool { return finite(f, r) }
}

func aboveTiny(f format, alsoZero bool) func(a, b, c, r uint64, fl Flags) bool {
	return func(a, _, _, r uint64, fl Flags) bool {
		mag := r &^ f.sign()
		return finite(f, r) && (mag > 1<<f.frac || alsoZero && mag == 0 && fl == 0 && a&^f.sign() != f.inf())
	}
}

var fastOps = []fastOp{
	{"add64", binary64,
		func(a, b, _ uint64) (uint64, bool) { return u64(StickyAdd64(f64(a), f64(b))) },
		func(a, b, _ uint64) (uint64, bool) { return u64(ExactAdd64(f64(a), f64(b))) },
		op2(Add64), anyFinite(binary64)},
	{"mul64", binary64,
		func(a, b, _ uint64) (uint64, bool) { return u64(StickyMul64(f64(a), f64(b))) },
		func(a, b, _ uint64) (uint64, bool) { return u64(ExactMul64(f64(a), f64(b))) },
		op2(Mul64), aboveTiny(binary64, true)},
	{"div64", binary64,
		func(a, b, _ uint64) (uint64, bool) { return u64(StickyDiv64(f64(a), f64(b))) },
		func(a, b, _ uint64) (uint64, bool) { return u64(ExactDiv64(f64(a), f64(b))) },
		op2(Div64), aboveTiny(binary64, false)},
	{"sqrt64", binary64,
		func(a, _, _ uint64) (uint64, bool) { return u64(StickySqrt64(f64(a))) },
		func(a, _, _ uint64) (uint64, bool) { return u64(ExactSqrt64(f64(a))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return Sqrt64(a, rm, fl) }, anyFinite(binary64)},
	{"fma64", binary64,
		func(a, b, c uint64) (uint64, bool) { return u64(StickyFMA64(f64(a), f64(b), f64(c))) },
		func(a, b, c uint64) (uint64, bool) { return u64(ExactFMA64(f64(a), f64(b), f64(c))) },
		FMA64, func(a, b, c, r uint64, fl Flags) bool {
			p, top := math.Abs(f64(a)*f64(b)), math.Abs(f64(a))
			return finite(binary64, r) && p > 0x1p-960 && p < 0x1p1023 && top < 0x1p1023 &&
				math.Abs(f64(b)) < 0x1p1023 && math.Abs(f64(c)) < 0x1p1022 && math.Abs(f64(r)) < 0x1p1023
		}},
	{"narrow", binary64,
		func(a, _, _ uint64) (uint64, bool) { return u32(StickyF64ToF32(f64(a))) },
		func(a, _, _ uint64) (uint64, bool) { return u32(ExactF64ToF32(f64(a))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(F64ToF32(a, rm, fl)) },
		aboveTiny(binary32, true)},
	{"i64tof64", binary64, nil,
		func(a, _, _ uint64) (uint64, bool) { return u64(ExactI64ToF64(int64(a) >> (a & 63))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return I64ToF64(int64(a)>>(a&63), rm, fl) }, nil},
	{"u64tof64", binary64, nil,
		func(a, _, _ uint64) (uint64, bool) { return u64(ExactU64ToF64(a >> (a & 63))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return U64ToF64(a>>(a&63), rm, fl) }, nil},
	{"i64tof32", binary64, nil,
		func(a, _, _ uint64) (uint64, bool) { return u32(ExactI64ToF32(int64(a) >> (a & 63))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(I64ToF32(int64(a)>>(a&63), rm, fl)) }, nil},
	{"u64tof32", binary64, nil,
		func(a, _, _ uint64) (uint64, bool) { return u32(ExactU64ToF32(a >> (a & 63))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(U64ToF32(a>>(a&63), rm, fl)) }, nil},

	{"add32", binary32,
		func(a, b, _ uint64) (uint64, bool) { return u32(StickyAdd32(f32(uint32(a)), f32(uint32(b)))) },
		func(a, b, _ uint64) (uint64, bool) { return u32(ExactAdd32(f32(uint32(a)), f32(uint32(b)))) },
		op2s(Add32), anyFinite(binary32)},
	{"mul32", binary32,
		func(a, b, _ uint64) (uint64, bool) { return u32(StickyMul32(f32(uint32(a)), f32(uint32(b)))) },
		func(a, b, _ uint64) (uint64, bool) { return u32(ExactMul32(f32(uint32(a)), f32(uint32(b)))) },
		op2s(Mul32), aboveTiny(binary32, true)},
	{"div32", binary32,
		func(a, b, _ uint64) (uint64, bool) { return u32(StickyDiv32(f32(uint32(a)), f32(uint32(b)))) },
		func(a, b, _ uint64) (uint64, bool) { return u32(ExactDiv32(f32(uint32(a)), f32(uint32(b)))) },
		op2s(Div32), aboveTiny(binary32, false)},
	{"sqrt32", binary32,
		func(a, _, _ uint64) (uint64, bool) { return u32(StickySqrt32(f32(uint32(a)))) },
		func(a, _, _ uint64) (uint64, bool) { return u32(ExactSqrt32(f32(uint32(a)))) },
		func(a, _, _ uint64, rm Rounding, fl *Flags) uint64 { return uint64(Sqrt32(uint32(a), rm, fl)) },
		anyFinite(binary32)},
	{"fma32", binary32,
		func(a, b, c uint64) (uint64, bool) {
			return u32(StickyFMA32(f32(uint32(a)), f32(uint32(b)), f32(uint32(c))))
		},
		func(a, b, c uint64) (uint64, bool) {
			return u32(ExactFMA32(f32(uint32(a)), f32(uint32(b)), f32(uint32(c))))
		},
		func(a, b, c uint64, rm Rounding, fl *Flags) uint64 {
			return uint64(FMA32(uint32(a), uint32(b), uint32(c), rm, fl))
		}, aboveTiny(binary32, false)},
}

func TestFast(t *testing.T) {
	n := *cases
	if testing.Short() {
		n /= 10
	}
	for seed, op := range fastOps {
		t.Run(op.name, func(t *testing.T) {
			o := newOperands(uint64(100 + seed))
			accepted := [2]int{}
			for i := range n {
				a, b, c := o.next(op.f), o.next(op.f), o.next(op.f)
				if i&1 != 0 { // short significands make exact results
					mask := uint64(1)<<(op.f.frac-uint(o.r.IntN(12))) - 1
					a, b, c = a&^mask, b&^mask, c&^mask
				}
				op.check(t, &accepted, a, b, c)
				if t.Failed() {
					return
				}
			}
			t.Logf("accepted: sticky %d, exact %d of %d", accepted[0], accepted[1], n)
			if op.sticky != nil && accepted[0] < n/4 || accepted[1] < n/20 {
				t.Errorf("accepted too few: sticky %d, exact %d of %d", accepted[0], accepted[1], n)
			}
		})
	}
}

func (op *fastOp) check(t *testing.T, accepted *[2]int, a, b, c uint64) {
	var fl Flags
	want := op.want(a, b, c, RNE, &fl)
	if op.sticky != nil {
		got, ok := op.sticky(a, b, c)
		if ok {
			accepted[0]++
			if got != want || fl&^NX != 0 {
				t.Errorf("sticky %s %#x %#x %#x = %#x, want %#x flags %#x", op.name, a, b, c, got, want, fl)
			}
		} else if fl&^NX == 0 && op.complete(a, b, c, want, fl) {
			t.Errorf("sticky %s %#x %#x %#x = %#x flags %#x not accepted", op.name, a, b, c, want, fl)
		}
	}
	got, ok := op.exact(a, b, c)
	if !ok {
		return
	}
	accepted[1]++
	if got != want || fl != 0 {
		t.Errorf("exact %s %#x %#x %#x = %#x, want %#x flags %#x", op.name, a, b, c, got, want, fl)
	}
	for rm := RTZ; rm <= RMM; rm++ {
		if w := op.want(a, b, c, rm, &fl); w != got && !(rm == RDN && got&^op.f.sign() == 0) || fl != 0 {
			t.Errorf("exact %s rm=%d %#x %#x %#x = %#x, want %#x flags %#x", op.name, rm, a, b, c, got, w, fl)
		}
	}
}

func TestFastToInteger(t *testing.T) {
	o := newOperands(200)
	accepted := [2]int{}
	n := *cases / 4
	for range n {
		a := o.next64()
		rm := Rounding(o.r.IntN(5))
		for _, k := range []struct {
			bits   int
			signed bool
			want   func(*Flags) float64
		}{
			{31, true, func(fl *Flags) float64 { return float64(F64ToI32(a, rm, fl)) }},
			{63, true, func(fl *Flags) float64 { return float64(F64ToI64(a, rm, fl)) }},
			{32, false, func(fl *Flags) float64 { return float64(F64ToU32(a, rm, fl)) }},
			{64, false, func(fl *Flags) float64 { return float64(F64ToU64(a, rm, fl)) }},
		} {
			var fl Flags
			want := k.want(&fl)
			if got, ok := StickyF64ToInteger(f64(a), rm, k.bits, k.signed); ok {
				if accepted[0]++; got != want || fl&^NX != 0 {
					t.Fatalf("sticky %#x rm=%d to %d bits = %v, want %v flags %#x", a, rm, k.bits, got, want, fl)
				}
			}
			if got, ok := ExactF64ToInteger(f64(a), k.bits, k.signed); ok {
				if accepted[1]++; got != want || fl != 0 {
					t.Fatalf("exact %#x rm=%d to %d bits = %v, want %v flags %#x", a, rm, k.bits, got, want, fl)
				}
			}
		}
	}
	if accepted[0] < n || accepted[1] < n/5 {
		t.Errorf("accepted too few: %d of %d", accepted, 4*n)
	}
}

func TestOrdered(t *testing.T) {
	values := []float64{math.Inf(-1), -1, math.Copysign(0, -1), 0, 1, math.Inf(1), math.NaN(), f64(infinity64 | 1)}
	for _, a := range values {
		for _, b := range values {
			want := a == a && b == b
			if Ordered64(a, b) != want || Ordered32(float32(a), float32(b)) != want {
				t.Errorf("Ordered(%v, %v) is not %v", a, b, want)
			}
		}
	}
}
