package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// The bit-manipulation extensions Zba, Zbb and Zbs.

func zext32(l *isa.Lift, v ir.Value) ir.Value { return l.Un(ir.ExtU, l.Un(ir.Wrap, v)) }

func not(l *isa.Lift, v ir.Value) ir.Value { return l.Bin(ir.Xor, v, l.Const(-1)) }

func bit(l *isa.Lift, n ir.Value) ir.Value { return l.Bin(ir.Shl, l.Const(1), n) }

func shiftAdd(n int64, word bool) lifter {
	return func(l *isa.Lift) {
		x := l.B()
		if word {
			x = zext32(l, x)
		}
		l.SetA(l.Bin(ir.Add, l.Bin(ir.Shl, x, l.Const(n)), l.C()))
	}
}

// pick keeps the first operand if op holds.
func pick(op ir.Op) lifter {
	return func(l *isa.Lift) {
		x, y := l.B(), l.C()
		l.SetA(l.Select(l.Bin(op, x, y), x, y))
	}
}

// orCombine sets every byte that is not zero to 0xff. Adding 0x7f to a byte's
// low seven bits carries into its top bit if one of them is set; that bit,
// moved to the bottom and multiplied by 0xff, fills the byte.
func orCombine(l *isa.Lift) {
	const low = 0x7f7f_7f7f_7f7f_7f7f
	x := l.B()
	t := l.Bin(ir.Or, l.Bin(ir.Add, l.Bin(ir.And, x, l.Const(low)), l.Const(low)), x)
	t = l.Bin(ir.And, l.Bin(ir.ShrU, t, l.Const(7)), l.Const(0x0101_0101_0101_0101))
	l.SetA(l.Bin(ir.Mul, t, l.Const(0xff)))
}

// reverseBytes swaps neighbours of 8, then 16, then 32 bits.
func reverseBytes(l *isa.Lift) {
	x := l.B()
	for _, s := range []struct{ shift, mask int64 }{
		{8, 0x00ff_00ff_00ff_00ff},
		{16, 0x0000_ffff_0000_ffff},
	} {
		mask, shift := l.Const(s.mask), l.Const(s.shift)
		down := l.Bin(ir.And, l.Bin(ir.ShrU, x, shift), mask)
		up := l.Bin(ir.Shl, l.Bin(ir.And, x, mask), shift)
		x = l.Bin(ir.Or, down, up)
	}
	l.SetA(l.Bin(ir.Rotl, x, l.Const(32)))
}
