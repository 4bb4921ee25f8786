package riscv64

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Every lifter reads its operands before it writes the result: the two may be
// the same register, and in the interpreter it is not known whether they are.

func regReg(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Bin(op, l.B(), l.C())) }
}

func regImm(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Bin(op, l.B(), l.Imm())) }
}

// regRegExt32 serves word operations whose low half does not depend on the
// operands' upper halves.
func regRegExt32(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Un(ir.Ext32, l.Bin(op, l.B(), l.C()))) }
}

// word computes in 32 bits; shift counts are then modulo 32.
func word(op ir.Op) lifter {
	return func(l *isa.Lift) {
		l.SetA(l.Un(ir.ExtS, l.Bin(op, l.Un(ir.Wrap, l.B()), l.Un(ir.Wrap, l.C()))))
	}
}

func wordImm(op ir.Op) lifter {
	return func(l *isa.Lift) {
		l.SetA(l.Un(ir.ExtS, l.Bin(op, l.Un(ir.Wrap, l.B()), l.Un(ir.Wrap, l.Imm()))))
	}
}

func compare(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Un(ir.ExtU, l.Bin(op, l.B(), l.C()))) }
}

func compareImm(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Un(ir.ExtU, l.Bin(op, l.B(), l.Imm()))) }
}

func unary(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Un(op, l.B())) }
}

// unaryWord counts in the low half; the result is never negative.
func unaryWord(op ir.Op) lifter {
	return func(l *isa.Lift) { l.SetA(l.Un(ir.ExtU, l.Un(op, l.Un(ir.Wrap, l.B())))) }
}

// divide has the manual's total semantic (chapter "M", table of division by
// zero and overflow). The divisor is replaced by 1 in both cases: that is the
// defined result of overflow already.
func divide(op ir.Op) lifter {
	return func(l *isa.Lift) {
		x, y := l.B(), l.C()
		l.SetA(total(l, op, x, y, l.Const(1), l.Const(-1), l.Const(math.MinInt64)))
	}
}

func divideWord(op ir.Op) lifter {
	return func(l *isa.Lift) {
		x, y := l.Un(ir.Wrap, l.B()), l.Un(ir.Wrap, l.C())
		l.SetA(l.Un(ir.ExtS, total(l, op, x, y, l.Const32(1), l.Const32(-1), l.Const32(math.MinInt32))))
	}
}

func total(l *isa.Lift, op ir.Op, x, y, one, minusOne, lowest ir.Value) ir.Value {
	byZero := l.Un(ir.Eqz, y)
	replace := byZero
	if op == ir.DivS || op == ir.RemS {
		overflow := l.Bin(ir.And, l.Bin(ir.Eq, y, minusOne), l.Bin(ir.Eq, x, lowest))
		replace = l.Bin(ir.Or, byZero, overflow)
	}
	r := l.Bin(op, x, l.Select(replace, one, y))
	if op == ir.DivS || op == ir.DivU {
		return l.Select(byZero, minusOne, r)
	}
	return l.Select(byZero, x, r)
}

func branchIf(op ir.Op) lifter {
	return func(l *isa.Lift) { l.BranchIf(l.Bin(op, l.B(), l.C())) }
}

func branchZero(op ir.Op) lifter {
	return func(l *isa.Lift) { l.BranchIf(l.Bin(op, l.B(), l.Const(0))) }
}

// indirect clears bit 0 of a jump's target (chapter "RV32I", JALR).
func indirect(l *isa.Lift, target ir.Value) ir.Value {
	return l.Bin(ir.And, target, l.Const(-2))
}

func jumpLink(l *isa.Lift) {
	target := indirect(l, l.Bin(ir.Add, l.B(), l.Imm()))
	l.SetA(l.NextPC())
	l.JumpInd(target)
}
