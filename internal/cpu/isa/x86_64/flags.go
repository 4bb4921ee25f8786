package x86_64

import (
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
)

// The arithmetic flags are in three slots, in a form that costs an instruction which
// writes them two or three operations, says each flag by one or two, and needs no
// note of which instruction it was. With R, the result, extended with its sign from
// the size of the operation, and K, what was carried into each bit: for a sum and a
// difference alike a ^ b ^ r, extended from its uppermost bit:
//
//	CF   C, 0 or 1
//	ZF   R = 0
//	SF   bit 63 of R
//	PF   even parity of R's low byte
//	AF   bit 4 of K
//	OF   CF ^ bit 63 of K, for the carry out of and into the uppermost bit differ
//
// What leaves CF alone, such as INC, leaves C alone, and what writes only CF and OF,
// such as ROL, leaves R alone. Flags that come from elsewhere may be such that no
// result has them, zero and negative: bit 0 of K inverts SF, and the parity of its
// bits 8 to 15 PF. Arithmetic clears them: of K there are the bits of kMask.
const (
	kCarry  = -1 << 63
	kAdjust = 1 << 4
	kSign   = 1 << 0
	kParity = 0xff << 8

	kMask = kCarry | kAdjust
)

// Bits of RFLAGS.
const (
	flagCF = 1 << 0
	flagPF = 1 << 2
	flagAF = 1 << 4
	flagZF = 1 << 6
	flagSF = 1 << 7
	flagOF = 1 << 11

	// Arithmetic are the flags that are in the three slots.
	Arithmetic = flagCF | flagPF | flagAF | flagZF | flagSF | flagOF
)

// Flags are the arithmetic flags of a state, as in RFLAGS.
func Flags(s *core.State) (f uint64) {
	c, r, k := s.G[slotC], s.G[slotR], s.G[slotK]
	set := func(flag uint64, on bool) {
		if on {
			f |= flag
		}
	}
	set(flagCF, c != 0)
	set(flagPF, bits.OnesCount8(uint8(r^k>>8))&1 == 0)
	set(flagAF, k&kAdjust != 0)
	set(flagZF, r == 0)
	set(flagSF, r>>63^k&kSign != 0)
	set(flagOF, c^k>>63 != 0)
	return f
}

// SetFlags makes the arithmetic flags of a state those of f, as in RFLAGS.
func SetFlags(s *core.State, f uint64) {
	bit := func(flag uint64) uint64 {
		if f&flag != 0 {
			return 1
		}
		return 0
	}
	c := bit(flagCF)
	r := 1 ^ bit(flagZF)             // not negative, and PF says whether it is zero
	odd := bit(flagPF) ^ bit(flagZF) // whether PF is not what r has
	s.G[slotC], s.G[slotR] = c, r
	s.G[slotK] = (c^bit(flagOF))<<63 | bit(flagAF)*kAdjust | bit(flagSF)*kSign | odd<<8
}

// widen extends a value of the operation's size with its sign to 64 bits.
func (x *lifter) widen(v ir.Value) ir.Value {
	switch x.size {
	case 1:
		v = x.Un(ir.Ext8, v)
	case 2:
		v = x.Un(ir.Ext16, v)
	case 8:
		return v
	}
	return x.Un(ir.ExtS, v)
}

// carries is K for a sum or difference.
func (x *lifter) carries(a, b, r ir.Value) ir.Value {
	return x.Bin(ir.And, x.widen(x.Bin(ir.Xor, x.Bin(ir.Xor, a, b), r)), x.Const(kMask))
}

// setC, setR and setK write the slots. C is an I32 of 0 or 1.
func (x *lifter) setC(c ir.Value) { x.Set(locG(slotC), x.Un(ir.ExtU, c)) }
func (x *lifter) setR(r ir.Value) { x.Set(locG(slotR), x.widen(r)) }
func (x *lifter) setK(k ir.Value) { x.Set(locG(slotK), k) }

// carry is CF as an I32.
func (x *lifter) carry() ir.Value {
	c := x.Get(locG(slotC))
	if n := x.Nodes[c]; n.Op == ir.ExtU {
		return n.Args[0]
	}
	return x.Un(ir.Wrap, c)
}

// negative is SF as an I32, other than zero if it is set.
func (x *lifter) negative() ir.Value {
	r, k := x.Get(locG(slotR)), x.Get(locG(slotK))
	if x.lacks(k, kSign) {
		return x.Bin(ir.LtS, r, x.Const(0))
	}
	return x.Bin(ir.LtS, x.Bin(ir.Xor, r, x.Bin(ir.Shl, k, x.Const(63))), x.Const(0))
}

// lacks reports whether some bits of a value are known to be zero.
func (x *lifter) lacks(v ir.Value, mask int64) bool {
	if c, ok := x.IsConst(v); ok {
		return c&mask == 0
	}
	if n := x.Nodes[v]; n.Op == ir.And {
		c, ok := x.IsConst(n.Args[1])
		return ok && c&mask == 0
	}
	return false
}

// compared is the two values whose difference the flags tell of, if the block shows
// that: a comparison of the two then says more directly what a condition asks.
func (x *lifter) compared() (a, b ir.Value, ok bool) {
	r, ok1 := x.Known(locG(slotR))
	k, ok2 := x.Known(locG(slotK))
	c, ok3 := x.Known(locG(slotC))
	if !ok1 || !ok2 || !ok3 {
		return 0, 0, false
	}
	n := x.Nodes[r]
	if n.Op == ir.ExtS {
		n = x.Nodes[n.Args[0]]
	}
	if n.Op != ir.Sub {
		return 0, 0, false
	}
	a, b = n.Args[0], n.Args[1]
	borrow := x.Nodes[c]
	if borrow.Op != ir.ExtU || x.Nodes[borrow.Args[0]].Op != ir.LtU || x.Nodes[borrow.Args[0]].Args[0] != a || x.Nodes[borrow.Args[0]].Args[1] != b {
		return 0, 0, false
	}
	// K is of the same two: it was written beside C and R, unless something else
	// has written it since.
	mask := x.Nodes[k]
	if mask.Op != ir.And {
		return 0, 0, false
	}
	sum := x.Nodes[mask.Args[0]]
	if sum.Op == ir.ExtS {
		sum = x.Nodes[sum.Args[0]]
	}
	if sum.Op != ir.Xor {
		return 0, 0, false
	}
	both := x.Nodes[sum.Args[0]]
	return a, b, both.Op == ir.Xor && both.Args[0] == a && both.Args[1] == b
}

// holds is whether condition cc, the low half of the opcode of Jcc, holds: an I32
// that is 0 if not.
func (x *lifter) holds(cc uint8) ir.Value {
	v := x.condition(cc >> 1)
	if cc&1 != 0 {
		v = x.Un(ir.Eqz, v)
	}
	return v
}

func (x *lifter) condition(pair uint8) ir.Value {
	a, b, compared := x.compared()
	r := func() ir.Value { return x.Get(locG(slotR)) }
	zero := func() ir.Value { return x.Un(ir.Eqz, r()) }
	overflow := func() ir.Value {
		return x.Bin(ir.Xor, x.carry(), x.Un(ir.Wrap, x.Bin(ir.ShrU, x.Get(locG(slotK)), x.Const(63))))
	}
	switch pair {
	case 0: // O
		return overflow()
	case 1: // B
		return x.carry()
	case 2: // E
		if compared {
			return x.Bin(ir.Eq, a, b)
		}
		return zero()
	case 3: // BE
		if compared {
			return x.Bin(ir.GeU, b, a)
		}
		return x.Bin(ir.Or, x.carry(), zero())
	case 4: // S
		return x.negative()
	case 5: // P
		v := x.Bin(ir.Xor, r(), x.Bin(ir.ShrU, x.Get(locG(slotK)), x.Const(8)))
		return x.Un(ir.Eqz, x.Bin(ir.And, x.Un(ir.Popcnt, x.Bin(ir.And, v, x.Const(0xff))), x.Const(1)))
	case 6: // L
		if compared {
			return x.Bin(ir.LtS, a, b)
		}
		return x.Bin(ir.Xor, x.negative(), overflow())
	}
	if compared { // LE
		return x.Bin(ir.GeS, b, a)
	}
	return x.Bin(ir.Or, x.Bin(ir.Xor, x.negative(), overflow()), zero())
}
