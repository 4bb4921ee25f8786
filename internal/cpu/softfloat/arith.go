package softfloat

import (
	"math"
	"math/bits"
)

// add delivers a + b, with b's sign flipped by flip (0 or f.sign()) unless b
// is a NaN.
func (p Policy) add(f format, a, b, flip uint64, rm Rounding, flags *Flags) uint64 {
	sign, inf := f.sign(), f.inf()
	ma, mb := a&^sign, b&^sign
	if ma >= inf || mb >= inf {
		switch {
		case ma > inf || mb > inf:
			return p.nan2(f, a, b, flags)
		case ma != inf:
			return b ^ flip
		case mb == inf && a != b^flip:
			return p.invalid(f, flags)
		}
		return a
	}
	b ^= flip
	if mb == 0 {
		if ma == 0 && a != b {
			return zeroSum(f, rm)
		}
		return a
	}
	if ma == 0 {
		return b
	}
	if ma < mb {
		a, b, ma, mb = b, a, mb, ma
	}
	ea, sa := f.unpack(ma)
	eb, sb := f.unpack(mb)
	sb = shiftRightJam(sb, ea-eb)
	if (a^b)&sign == 0 {
		sum, carry := bits.Add64(sa, sb, 0)
		if carry != 0 {
			sum, ea = 1<<63|shiftRightJam(sum, 1), ea+1
		}
		return p.round(f, a&sign, ea, sum, rm, flags)
	}
	diff := sa - sb
	if diff == 0 {
		return zeroSum(f, rm)
	}
	n := bits.LeadingZeros64(diff)
	return p.round(f, a&sign, ea-n, diff<<n, rm, flags)
}

// zeroSum is the exact zero sum of operands with opposite signs
// (IEEE 754-2019, 6.3).
func zeroSum(f format, rm Rounding) uint64 {
	if rm == RDN {
		return f.sign()
	}
	return 0
}

func (p Policy) mul(f format, a, b uint64, rm Rounding, flags *Flags) uint64 {
	sign, inf := f.sign(), f.inf()
	ma, mb, s := a&^sign, b&^sign, (a^b)&sign
	if ma >= inf || mb >= inf {
		switch {
		case ma > inf || mb > inf:
			return p.nan2(f, a, b, flags)
		case ma == 0 || mb == 0:
			return p.invalid(f, flags)
		}
		return s | inf
	}
	if ma == 0 || mb == 0 {
		return s
	}
	ea, sa := f.unpack(ma)
	eb, sb := f.unpack(mb)
	exp, hi, lo := mulSig(ea, sa, eb, sb)
	return p.round(f, s, exp, jam(hi, lo), rm, flags)
}

// mulSig is the exact product of two unpacked magnitudes,
// (hi,lo) × 2^(exp-127) with bit 63 of hi set.
func mulSig(ea int, sa uint64, eb int, sb uint64) (exp int, hi, lo uint64) {
	hi, lo = bits.Mul64(sa, sb)
	if hi>>63 != 0 {
		return ea + eb + 1, hi, lo
	}
	return ea + eb, hi<<1 | lo>>63, lo << 1
}

func jam(hi, lo uint64) uint64 {
	if lo != 0 {
		hi |= 1
	}
	return hi
}

// jamSign takes a root or quotient rounded to nearest in 53 bits and the
// difference (exact value - rounded one, any scale), and delivers the jammed
// significand. It is enough for all roundings because neither a quotient nor a
// root of 53-bit numbers ever lies half way between two 53-bit numbers.
func jamSign(nearest uint64, rest int64) uint64 {
	sig := nearest << 11
	if rest > 0 {
		return sig | 1
	}
	if rest < 0 {
		return sig - 1
	}
	return sig
}

func (p Policy) div(f format, a, b uint64, rm Rounding, flags *Flags) uint64 {
	sign, inf := f.sign(), f.inf()
	ma, mb, s := a&^sign, b&^sign, (a^b)&sign
	if ma >= inf || mb >= inf {
		switch {
		case ma > inf || mb > inf:
			return p.nan2(f, a, b, flags)
		case ma != inf:
			return s
		case mb == inf:
			return p.invalid(f, flags)
		}
		return s | inf
	}
	if mb == 0 {
		if ma == 0 {
			return p.invalid(f, flags)
		}
		*flags |= DZ
		return s | inf
	}
	if ma == 0 {
		return s
	}
	ea, sa := f.unpack(ma)
	eb, sb := f.unpack(mb)
	// Integers of 53 bits: the host's division is correctly rounded, never up
	// to the next binade, and the remainder is below 2^53 in magnitude, so 64
	// wrapping bits hold it.
	sa, sb = sa>>11, sb>>11
	exp, scale := ea-eb, 52
	if sa < sb {
		exp, scale = exp-1, 53
	}
	n := significand(float64(int64(sa)) / float64(int64(sb)))
	return p.round(f, s, exp, jamSign(n, int64(sa<<scale-n*sb)), rm, flags)
}

// significand is the 53-bit significand of a positive normal number.
func significand(x float64) uint64 {
	return math.Float64bits(x)&(1<<52-1) | 1<<52
}

func (p Policy) sqrt(f format, a uint64, rm Rounding, flags *Flags) uint64 {
	switch {
	case f.isNaN(a):
		return p.nan2(f, a, a, flags)
	case a&^f.sign() == 0 || a == f.inf():
		return a
	case a&f.sign() != 0:
		return p.invalid(f, flags)
	}
	exp, sig := f.unpack(a)
	sig >>= 11
	if exp&1 != 0 {
		sig, exp = sig<<1, exp-1
	}
	// sig × 2^-52 lies in [1,4), its root below 2 even when rounded; the
	// remainder fits as in div.
	n := significand(math.Sqrt(float64(int64(sig)) * 0x1p-52))
	return p.round(f, 0, exp/2, jamSign(n, int64(sig<<52-n*n)), rm, flags)
}

func (p Policy) fma(f format, a, b, c uint64, rm Rounding, flags *Flags) uint64 {
	sign, inf := f.sign(), f.inf()
	ma, mb, mc, s := a&^sign, b&^sign, c&^sign, (a^b)&sign
	if ma >= inf || mb >= inf || mc >= inf {
		switch {
		case ma > inf || mb > inf || mc > inf:
			return p.nan3(f, a, b, c, flags)
		case ma < inf && mb < inf:
			return c
		case ma == 0 || mb == 0 || mc == inf && s != c&sign:
			return p.invalid(f, flags)
		}
		return s | inf
	}
	if ma == 0 || mb == 0 {
		if mc == 0 && s != c {
			return zeroSum(f, rm)
		}
		return c
	}
	ea, sa := f.unpack(ma)
	eb, sb := f.unpack(mb)
	exp, hi, lo := mulSig(ea, sa, eb, sb)
	if mc == 0 {
		return p.round(f, s, exp, jam(hi, lo), rm, flags)
	}
	ec, ch := f.unpack(mc)
	cl := uint64(0)
	// The larger magnitude goes first. Only an addend whose lower bits are
	// lost is jammed, and then at most one leading bit cancels, because the
	// product has 22 and c has 75 zero bits at its end.
	cs := c & sign
	if ec > exp || ec == exp && ch > hi {
		exp, ec, hi, ch, lo, cl, s, cs = ec, exp, ch, hi, cl, lo, cs, s
	}
	ch, cl = shiftRightJam128(ch, cl, exp-ec)
	if s == cs {
		var carry uint64
		lo, carry = bits.Add64(lo, cl, 0)
		hi, carry = bits.Add64(hi, ch, carry)
		sig := jam(hi, lo)
		if carry != 0 {
			sig, exp = 1<<63|shiftRightJam(sig, 1), exp+1
		}
		return p.round(f, s, exp, sig, rm, flags)
	}
	lo, borrow := bits.Sub64(lo, cl, 0)
	hi, _ = bits.Sub64(hi, ch, borrow)
	if hi == 0 {
		if lo == 0 {
			return zeroSum(f, rm)
		}
		hi, lo, exp = lo, 0, exp-64
	}
	n := uint(bits.LeadingZeros64(hi))
	hi = hi<<n | lo>>1>>(63-n)
	return p.round(f, s, exp-int(n), jam(hi, lo<<n), rm, flags)
}

func shiftRightJam128(hi, lo uint64, n int) (uint64, uint64) {
	switch {
	case n == 0:
		return hi, lo
	case n >= 64:
		return 0, shiftRightJam(jam(hi, lo), n-64)
	}
	out := lo<<uint(64-n) != 0
	hi, lo = hi>>uint(n), hi<<uint(64-n)|lo>>uint(n)
	if out {
		lo |= 1
	}
	return hi, lo
}
