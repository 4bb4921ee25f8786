package riscv64

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/softfloat"
)

const (
	sign32 = int64(1) << 31
	sign64 = int64(math.MinInt64)
	boxed  = int64(-1) << 32 // upper half of a binary32 in a 64-bit register
)

// fpOn leaves to Go if FP instructions are switched off or the first of them
// must mark the FP state dirty. Every FP lifter begins with it.
func fpOn(l *isa.Lift) { l.ExitIf(l.Un(ir.Eqz, l.Get32(core.OffFPOn))) }

// unbox is the binary32 in a register: the canonical NaN unless the upper half
// is all ones (chapter "D", NaN boxing). The upper half of the result is
// unspecified.
func unbox(l *isa.Lift, v ir.Value) ir.Value {
	nan := l.Const(int64(softfloat.CanonicalNaN32))
	return l.Select(l.Bin(ir.GeU, v, l.Const(boxed)), v, nan)
}

func box(l *isa.Lift, v ir.Value) ir.Value { return l.Bin(ir.Or, v, l.Const(boxed)) }

// A roundMode yields the mode of the instruction that is being lifted.
type roundMode func(*isa.Lift) int

func dynamic(*isa.Lift) int    { return ir.RMDynamic }
func towardZero(*isa.Lift) int { return int(softfloat.RTZ) }

// static is the instruction's own mode.
func static(l *isa.Lift) int {
	if l.Insn() == nil {
		return ir.RMRecord
	}
	return int(l.Insn().Imm >> ir.RecordMode)
}

func roundD1(op ir.FP) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(op, rm(l), l.B())) }
	}
}

func roundD2(op ir.FP) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(op, rm(l), l.B(), l.C())) }
	}
}

func roundS2(op ir.FP) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) {
			fpOn(l)
			l.SetA(box(l, l.Float(op, rm(l), unbox(l, l.B()), unbox(l, l.C()))))
		}
	}
}

func sqrtS(rm roundMode) lifter {
	return func(l *isa.Lift) {
		fpOn(l)
		l.SetA(box(l, l.Float(ir.FSqrt32, rm(l), unbox(l, l.B()))))
	}
}

// fromS converts a binary32 to an integer.
func fromS(op ir.FP) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(op, rm(l), unbox(l, l.B()))) }
	}
}

// toS converts an integer or a binary64 to a binary32.
func toS(op ir.FP) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) { fpOn(l); l.SetA(box(l, l.Float(op, rm(l), l.B()))) }
	}
}

// fmaD is ±(B×C) ± D; negating an operand is exact and raises nothing.
func fmaD(negProduct, negAddend bool) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) {
			fpOn(l)
			x, y, z := l.B(), l.C(), l.D()
			s := l.Const(sign64)
			if negProduct {
				x = l.Bin(ir.Xor, x, s)
			}
			if negAddend {
				z = l.Bin(ir.Xor, z, s)
			}
			l.SetA(l.Float(ir.FMA64, rm(l), x, y, z))
		}
	}
}

func fmaS(negProduct, negAddend bool) func(roundMode) lifter {
	return func(rm roundMode) lifter {
		return func(l *isa.Lift) {
			fpOn(l)
			x, y, z := unbox(l, l.B()), unbox(l, l.C()), unbox(l, l.D())
			s := l.Const(sign32)
			if negProduct {
				x = l.Bin(ir.Xor, x, s)
			}
			if negAddend {
				z = l.Bin(ir.Xor, z, s)
			}
			l.SetA(box(l, l.Float(ir.FMA32, rm(l), x, y, z)))
		}
	}
}

func floatD2(op ir.FP) lifter { return roundD2(op)(nearest) }
func floatS2(op ir.FP) lifter { return roundS2(op)(nearest) }

// nearest is to nearest, ties to even; it serves operations that do not round, too.
func nearest(*isa.Lift) int { return int(softfloat.RNE) }

func compareS(op ir.FP) lifter {
	return func(l *isa.Lift) {
		fpOn(l)
		l.SetA(l.Float(op, int(softfloat.RNE), unbox(l, l.B()), unbox(l, l.C())))
	}
}

// A signRule yields x with the sign that it takes from y; sign is the sign bit.
type signRule func(l *isa.Lift, x, y ir.Value, sign int64) ir.Value

func copySign(l *isa.Lift, x, y ir.Value, sign int64) ir.Value {
	return l.Bin(ir.Or, l.Bin(ir.And, x, l.Const(^sign)), l.Bin(ir.And, y, l.Const(sign)))
}

func copyNotSign(l *isa.Lift, x, y ir.Value, sign int64) ir.Value {
	return copySign(l, x, not(l, y), sign)
}

func xorSign(l *isa.Lift, x, y ir.Value, sign int64) ir.Value {
	return l.Bin(ir.Xor, x, l.Bin(ir.And, y, l.Const(sign)))
}

func signD(rule signRule) lifter {
	return func(l *isa.Lift) { fpOn(l); l.SetA(rule(l, l.B(), l.C(), sign64)) }
}

func signS(rule signRule) lifter {
	return func(l *isa.Lift) {
		fpOn(l)
		l.SetA(box(l, rule(l, unbox(l, l.B()), unbox(l, l.C()), sign32)))
	}
}
