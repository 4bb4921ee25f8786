package riscv64

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Accesses to fflags, frm and fcsr: compilers put them around every quiet
// comparison. They leave to Go where floating point is off or not dirty yet, and
// where frm would become a reserved mode.

// The words that they concern lie in pairs: rounding mode and flags, and what
// SetFP makes of them.
const (
	offFRM = uint16(core.OffFRM) // in the low half, FFlags in the upper one

	maskFlags = 0x1f
	maskFRM   = 7
	shiftFRM  = 5 // in fcsr
)

var _ = [1]int{}[core.OffFFlags-core.OffFRM-4]

// A floatField is one of the three registers, by its distance from fflags.
type floatField int

const (
	fieldFlags floatField = iota
	fieldFRM
	fieldFCSR
)

// of is the register's value where the words are what Get says.
func (f floatField) of(l *isa.Lift, words ir.Value) ir.Value {
	flags := l.Bin(ir.ShrU, words, l.Const(32))
	if f == fieldFlags {
		return flags
	}
	mode := l.Bin(ir.And, words, l.Const(math.MaxUint32))
	if f == fieldFRM {
		return mode
	}
	return l.Bin(ir.Or, l.Bin(ir.Shl, mode, l.Const(shiftFRM)), flags)
}

// with is the words with the register's value v, of which what the register
// cannot hold is ignored.
func (f floatField) with(l *isa.Lift, words, v ir.Value) ir.Value {
	flags := l.Bin(ir.Shl, l.Bin(ir.And, v, l.Const(maskFlags)), l.Const(32))
	switch f {
	case fieldFlags:
		return l.Bin(ir.Or, l.Bin(ir.And, words, l.Const(math.MaxUint32)), flags)
	case fieldFRM:
		return l.Bin(ir.Or, l.Bin(ir.And, words, l.Const(maskFlags<<32)), l.Bin(ir.And, v, l.Const(maskFRM)))
	}
	return l.Bin(ir.Or, l.Bin(ir.And, l.Bin(ir.ShrU, v, l.Const(shiftFRM)), l.Const(maskFRM)), flags)
}

func readFloatCSR(f floatField) lifter {
	return func(l *isa.Lift) {
		fpOn(l)
		l.SetA(f.of(l, l.Get(ir.Loc{Off: offFRM})))
	}
}

// A bitRule yields what csrrw, csrrs or csrrc makes of a register.
type bitRule func(l *isa.Lift, old, src ir.Value) ir.Value

func swapBits(_ *isa.Lift, _, src ir.Value) ir.Value    { return src }
func setBits(l *isa.Lift, old, src ir.Value) ir.Value   { return l.Bin(ir.Or, old, src) }
func clearBits(l *isa.Lift, old, src ir.Value) ir.Value { return l.Bin(ir.And, old, not(l, src)) }

// writeFloatCSR sets what SetFP would.
func writeFloatCSR(f floatField, rule bitRule) lifter {
	return func(l *isa.Lift) {
		fpOn(l)
		src, words := l.Bin(ir.Add, l.B(), l.Imm()), l.Get(ir.Loc{Off: offFRM})
		old := f.of(l, words)
		words = f.with(l, words, rule(l, old, src))
		mode := l.Bin(ir.And, words, l.Const(math.MaxUint32))
		if f != fieldFlags {
			l.ExitIf(l.Bin(ir.LtU, l.Const(maxFRM), mode))
		}
		l.Set(ir.Loc{Off: offFRM}, words)
		exact := l.Bin(ir.And, words, l.Const(1<<32)) // the flag NX, where FPExact is
		round := l.Select(l.Un(ir.Eqz, mode), l.Bin(ir.ShrU, exact, l.Const(32)), l.Const(0))
		l.Set(ir.Loc{Off: offFPRound}, l.Bin(ir.Or, exact, round))
		l.SetA(old)
	}
}
