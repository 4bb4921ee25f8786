package ir

import (
	"github.com/c2w/c2w/internal/cpu/core"
	sf "github.com/c2w/c2w/internal/cpu/softfloat"
)

// EvalFloat applies an exact floating-point operation and accrues its flags in
// the state. rm is a softfloat.Rounding or RMDynamic.
func EvalFloat(op FP, rm uint8, s *core.State, a [3]uint64) uint64 {
	mode := sf.Rounding(rm)
	if rm == RMDynamic {
		mode = sf.Rounding(s.FRM)
	}
	flags := sf.Flags(s.FFlags)
	r := evalFloat(op, mode, &flags, a)
	if uint32(flags) != s.FFlags {
		s.FFlags = uint32(flags)
		s.SetFP(s.FPOn != 0)
	}
	return r
}

func evalFloat(op FP, rm sf.Rounding, f *sf.Flags, a [3]uint64) uint64 {
	x, y, z := a[0], a[1], a[2]
	x32, y32, z32 := uint32(x), uint32(y), uint32(z)
	switch op {
	case FAdd32:
		return uint64(sf.Add32(x32, y32, rm, f))
	case FSub32:
		return uint64(sf.Sub32(x32, y32, rm, f))
	case FMul32:
		return uint64(sf.Mul32(x32, y32, rm, f))
	case FDiv32:
		return uint64(sf.Div32(x32, y32, rm, f))
	case FSqrt32:
		return uint64(sf.Sqrt32(x32, rm, f))
	case FMA32:
		return uint64(sf.FMA32(x32, y32, z32, rm, f))
	case FMin32:
		return uint64(sf.Min32(x32, y32, f))
	case FMax32:
		return uint64(sf.Max32(x32, y32, f))
	case FEq32:
		return b2u(sf.Eq32(x32, y32, f))
	case FLt32:
		return b2u(sf.Lt32(x32, y32, f))
	case FLe32:
		return b2u(sf.Le32(x32, y32, f))
	case FClass32:
		return sf.Class32(x32)
	case F32ToI32:
		return uint64(int64(sf.F32ToI32(x32, rm, f)))
	case F32ToU32:
		return uint64(int64(int32(sf.F32ToU32(x32, rm, f))))
	case F32ToI64:
		return uint64(sf.F32ToI64(x32, rm, f))
	case F32ToU64:
		return sf.F32ToU64(x32, rm, f)
	case I32ToF32:
		return uint64(sf.I32ToF32(int32(x), rm, f))
	case U32ToF32:
		return uint64(sf.U32ToF32(x32, rm, f))
	case I64ToF32:
		return uint64(sf.I64ToF32(int64(x), rm, f))
	case U64ToF32:
		return uint64(sf.U64ToF32(x, rm, f))
	case FAdd64:
		return sf.Add64(x, y, rm, f)
	case FSub64:
		return sf.Sub64(x, y, rm, f)
	case FMul64:
		return sf.Mul64(x, y, rm, f)
	case FDiv64:
		return sf.Div64(x, y, rm, f)
	case FSqrt64:
		return sf.Sqrt64(x, rm, f)
	case FMA64:
		return sf.FMA64(x, y, z, rm, f)
	case FMin64:
		return sf.Min64(x, y, f)
	case FMax64:
		return sf.Max64(x, y, f)
	case FEq64:
		return b2u(sf.Eq64(x, y, f))
	case FLt64:
		return b2u(sf.Lt64(x, y, f))
	case FLe64:
		return b2u(sf.Le64(x, y, f))
	case FClass64:
		return sf.Class64(x)
	case F64ToI32:
		return uint64(int64(sf.F64ToI32(x, rm, f)))
	case F64ToU32:
		return uint64(int64(int32(sf.F64ToU32(x, rm, f))))
	case F64ToI64:
		return uint64(sf.F64ToI64(x, rm, f))
	case F64ToU64:
		return sf.F64ToU64(x, rm, f)
	case I32ToF64:
		return sf.I32ToF64(int32(x), rm, f)
	case U32ToF64:
		return sf.U32ToF64(x32, rm, f)
	case I64ToF64:
		return sf.I64ToF64(int64(x), rm, f)
	case U64ToF64:
		return sf.U64ToF64(x, rm, f)
	case F32ToF64:
		return sf.F32ToF64(x32, f)
	case F64ToF32:
		return uint64(sf.F64ToF32(x, rm, f))
	}
	panic("BUG: ir: floating-point operation")
}

var fpNames = [NumFP]string{
	FAdd32: "fadd32", FSub32: "fsub32", FMul32: "fmul32", FDiv32: "fdiv32", FSqrt32: "fsqrt32", FMA32: "fma32",
	FMin32: "fmin32", FMax32: "fmax32", FEq32: "feq32", FLt32: "flt32", FLe32: "fle32", FClass32: "fclass32",
	F32ToI32: "f32_to_i32", F32ToU32: "f32_to_u32", F32ToI64: "f32_to_i64", F32ToU64: "f32_to_u64",
	I32ToF32: "i32_to_f32", U32ToF32: "u32_to_f32", I64ToF32: "i64_to_f32", U64ToF32: "u64_to_f32",
	FAdd64: "fadd64", FSub64: "fsub64", FMul64: "fmul64", FDiv64: "fdiv64", FSqrt64: "fsqrt64", FMA64: "fma64",
	FMin64: "fmin64", FMax64: "fmax64", FEq64: "feq64", FLt64: "flt64", FLe64: "fle64", FClass64: "fclass64",
	F64ToI32: "f64_to_i32", F64ToU32: "f64_to_u32", F64ToI64: "f64_to_i64", F64ToU64: "f64_to_u64",
	I32ToF64: "i32_to_f64", U32ToF64: "u32_to_f64", I64ToF64: "i64_to_f64", U64ToF64: "u64_to_f64",
	F32ToF64: "f32_to_f64", F64ToF32: "f64_to_f32",
}

func (f FP) String() string {
	if f < NumFP {
		return fpNames[f]
	}
	return "fp?"
}

// Single reports that the operation's operands and result are binary32 where
// they are floating-point at all.
func (f FP) Single() bool { return f < FAdd64 }
