package softfloat

import (
	"math"
	"runtime"
	"testing"
)

// The host's own arithmetic is the oracle for results in RNE. Go's float64 and
// float32 operations are single IEEE operations; only a contraction of x*y+z
// is allowed, and none of these expressions has that form.
func TestHostNearest(t *testing.T) {
	if runtime.GOARCH == "386" {
		t.Skip("x87 code generation is not exact for float64")
	}
	n := 1_000_000
	if testing.Short() {
		n /= 10
	}
	var fl Flags
	o := newOperands(1)
	for range n {
		a, b, c := o.next64(), o.next64(), o.next64()
		x, y, z := math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)
		host64(t, "add", Add64(a, b, RNE, &fl), x+y, a, b)
		host64(t, "sub", Sub64(a, b, RNE, &fl), x-y, a, b)
		host64(t, "mul", Mul64(a, b, RNE, &fl), x*y, a, b)
		host64(t, "div", Div64(a, b, RNE, &fl), x/y, a, b)
		host64(t, "sqrt", Sqrt64(a, RNE, &fl), math.Sqrt(x), a)
		host64(t, "fma", FMA64(a, b, c, RNE, &fl), math.FMA(x, y, z), a, b, c)
		host64(t, "i64", I64ToF64(int64(a), RNE, &fl), float64(int64(a)), a)
		host64(t, "u64", U64ToF64(a, RNE, &fl), float64(a), a)
		host64(t, "i32", I32ToF64(int32(b), RNE, &fl), float64(int32(b)), b)
		host64(t, "u32", U32ToF64(uint32(b), RNE, &fl), float64(uint32(b)), b)
		host32(t, "narrow", F64ToF32(a, RNE, &fl), float32(x), a)
		hostBool(t, "eq", Eq64(a, b, &fl), x == y, a, b)
		hostBool(t, "lt", Lt64(a, b, &fl), x < y, a, b)
		hostBool(t, "le", Le64(a, b, &fl), x <= y, a, b)

		d, e := o.next32(), o.next32()
		u, v := math.Float32frombits(d), math.Float32frombits(e)
		host32(t, "add", Add32(d, e, RNE, &fl), u+v, uint64(d), uint64(e))
		host32(t, "sub", Sub32(d, e, RNE, &fl), u-v, uint64(d), uint64(e))
		host32(t, "mul", Mul32(d, e, RNE, &fl), u*v, uint64(d), uint64(e))
		host32(t, "div", Div32(d, e, RNE, &fl), u/v, uint64(d), uint64(e))
		host32(t, "sqrt", Sqrt32(d, RNE, &fl), float32(math.Sqrt(float64(u))), uint64(d))
		host32(t, "i64", I64ToF32(int64(a), RNE, &fl), float32(int64(a)), a)
		host32(t, "i32", I32ToF32(int32(d), RNE, &fl), float32(int32(d)), uint64(d))
		host64(t, "widen", F32ToF64(d, &fl), float64(u), uint64(d))
		hostBool(t, "eq", Eq32(d, e, &fl), u == v, uint64(d), uint64(e))
		hostBool(t, "lt", Lt32(d, e, &fl), u < v, uint64(d), uint64(e))
		hostBool(t, "le", Le32(d, e, &fl), u <= v, uint64(d), uint64(e))
		if t.Failed() {
			return
		}
	}
}

func host64(t *testing.T, op string, got uint64, want float64, operands ...uint64) {
	if want != want {
		want = math.Float64frombits(CanonicalNaN64)
	}
	if got != math.Float64bits(want) {
		t.Errorf("%s64 %#x = %#x, host %#x", op, operands, got, math.Float64bits(want))
	}
}

func host32(t *testing.T, op string, got uint32, want float32, operands ...uint64) {
	if want != want {
		want = math.Float32frombits(CanonicalNaN32)
	}
	if got != math.Float32bits(want) {
		t.Errorf("%s32 %#x = %#x, host %#x", op, operands, got, math.Float32bits(want))
	}
}

func hostBool(t *testing.T, op string, got, want bool, operands ...uint64) {
	if got != want {
		t.Errorf("%s %#x = %v, host %v", op, operands, got, want)
	}
}
