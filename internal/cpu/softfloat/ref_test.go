package softfloat

import (
	"math/big"
	"testing"
)

// The reference works on exact numbers of unlimited size and shares only the
// format's field widths with the package.

// exact is ±(m + ε) × 2^e with 0 < ε < 1 when more is set, else ε = 0.
type exact struct {
	neg  bool
	m    *big.Int
	e    int
	more bool
}

func shl(x *big.Int, n int) *big.Int { return new(big.Int).Lsh(x, uint(n)) }

func refUnpack(f format, x uint64) exact {
	exp := int(x>>f.frac) & (1<<f.exp - 1)
	frac := x & (1<<f.frac - 1)
	if exp != 0 {
		frac |= 1 << f.frac
	} else {
		exp = 1
	}
	return exact{x>>(f.frac+f.exp) != 0, new(big.Int).SetUint64(frac), exp - f.bias() - int(f.frac), false}
}

// refInteger rounds |x| / 2^unit to an integer.
func refInteger(x exact, unit int, rm Rounding) (q *big.Int, inexact bool) {
	m, e := x.m, x.e
	if x.more { // room for ε: 2 bits below show less, equal, more than half
		m, e = new(big.Int).Or(shl(m, 2), big.NewInt(1)), e-2
	}
	if e >= unit {
		if x.more {
			panic("BUG: the reference has too few bits")
		}
		return shl(m, e-unit), false
	}
	q, rest := new(big.Int).QuoRem(m, shl(big.NewInt(1), unit-e), new(big.Int))
	if rest.Sign() == 0 {
		return q, false
	}
	half := rest.Cmp(shl(big.NewInt(1), unit-e-1))
	var up bool
	switch rm {
	case RNE:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case RMM:
		up = half >= 0
	case RDN:
		up = x.neg
	case RUP:
		up = !x.neg
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	return q, true
}

func refRound(f format, x exact, rm Rounding, tininess Tininess) (uint64, Flags) {
	sign := uint64(0)
	if x.neg {
		sign = f.sign()
	}
	if x.m.Sign() == 0 {
		return sign, 0
	}
	emin, p := 1-f.bias(), int(f.frac)+1
	top := x.m.BitLen() - 1 + x.e
	unit := max(top, emin) - p + 1
	q, inexact := refInteger(x, unit, rm)
	var fl Flags
	if inexact {
		fl |= NX
		tiny := top < emin
		if tiny && tininess == TinyAfter {
			free, _ := refInteger(x, top-p+1, rm)
			tiny = free.BitLen()-1+top-p+1 < emin
		}
		if tiny {
			fl |= UF
		}
	}
	if q.BitLen() > p { // carry
		q.Rsh(q, 1)
		unit++
	}
	biased := unit + p - 1 + f.bias()
	if q.BitLen() < p {
		biased = 0
	}
	if biased >= 1<<f.exp-1 {
		fl |= OF | NX
		switch {
		case rm == RTZ, rm == RDN && !x.neg, rm == RUP && x.neg:
			return sign | (f.inf() - 1), fl
		}
		return sign | f.inf(), fl
	}
	return sign | uint64(biased)<<f.frac | q.Uint64()&(1<<f.frac-1), fl
}

func refAdd(x, y exact, rm Rounding) exact {
	e := min(x.e, y.e)
	xm, ym := shl(x.m, x.e-e), shl(y.m, y.e-e)
	if x.neg {
		xm.Neg(xm)
	}
	if y.neg {
		ym.Neg(ym)
	}
	s := xm.Add(xm, ym)
	neg := s.Sign() < 0
	if s.Sign() == 0 {
		neg = x.neg
		if x.neg != y.neg {
			neg = rm == RDN
		}
	}
	return exact{neg, s.Abs(s), e, false}
}

func refMul(x, y exact) exact {
	return exact{x.neg != y.neg, new(big.Int).Mul(x.m, y.m), x.e + y.e, false}
}

func refDiv(x, y exact) exact {
	q, rest := new(big.Int).QuoRem(shl(x.m, 200), y.m, new(big.Int))
	return exact{x.neg != y.neg, q, x.e - y.e - 200, rest.Sign() != 0}
}

func refSqrt(x exact) exact {
	m, e := shl(x.m, 200), x.e-200
	if e&1 != 0 {
		m, e = shl(m, 1), e-1
	}
	r := new(big.Int).Sqrt(m)
	return exact{false, r, e / 2, new(big.Int).Mul(r, r).Cmp(m) != 0}
}

func finite(f format, xs ...uint64) bool {
	for _, x := range xs {
		if x&f.inf() == f.inf() {
			return false
		}
	}
	return true
}

// TestReference compares finite operands; NaN and infinity have their own
// tables, and QEMU.
func TestReference(t *testing.T) {
	n := 12_000
	if testing.Short() {
		n /= 10
	}
	o := newOperands(2)
	for i := range n {
		p := Policy{Tininess: Tininess(i & 1)}
		for _, f := range []format{binary64, binary32} {
			a, b, c := o.next(f), o.next(f), o.next(f)
			if !finite(f, a, b, c) {
				continue
			}
			x, y, z := refUnpack(f, a), refUnpack(f, b), refUnpack(f, c)
			for rm := RNE; rm <= RMM; rm++ {
				check := func(op string, got uint64, fl Flags, want exact, to format) {
					t.Helper()
					bits, flags := refRound(to, want, rm, p.Tininess)
					if got != bits || fl != flags {
						t.Fatalf("%s%d rm=%d tininess=%d %#x %#x %#x = %#x flags %#x, want %#x flags %#x",
							op, f.frac+f.exp+1, rm, p.Tininess, a, b, c, got, fl, bits, flags)
					}
				}
				var fl Flags
				check("add", p.add(f, a, b, 0, rm, &fl), fl, refAdd(x, y, rm), f)
				fl = 0
				ny := y
				ny.neg = !y.neg
				check("sub", p.add(f, a, b, f.sign(), rm, &fl), fl, refAdd(x, ny, rm), f)
				fl = 0
				check("mul", p.mul(f, a, b, rm, &fl), fl, refMul(x, y), f)
				fl = 0
				check("fma", p.fma(f, a, b, c, rm, &fl), fl, refAdd(refMul(x, y), z, rm), f)
				if y.m.Sign() != 0 {
					fl = 0
					check("div", p.div(f, a, b, rm, &fl), fl, refDiv(x, y), f)
				}
				if !x.neg {
					fl = 0
					check("sqrt", p.sqrt(f, a, rm, &fl), fl, refSqrt(x), f)
				}
				for _, to := range []format{binary64, binary32} {
					fl = 0
					check("convert", p.convert(f, to, a, rm, &fl), fl, x, to)
				}
				refIntegers(t, f, a, x, rm)
			}
		}
	}
}

func refIntegers(t *testing.T, f format, a uint64, x exact, rm Rounding) {
	q, inexact := refInteger(x, 0, rm)
	if x.neg {
		q.Neg(q)
	}
	one := big.NewInt(1)
	for _, k := range []struct {
		bits   int
		signed bool
		got    func(*Flags) uint64
		back   func(*Flags) uint64
	}{
		{32, true, func(fl *Flags) uint64 { return uint64(toSigned(f, a, maxI32, rm, fl)) },
			func(fl *Flags) uint64 { return fromSigned(f, int64(int32(a)), rm, fl) }},
		{64, true, func(fl *Flags) uint64 { return uint64(toSigned(f, a, maxI64, rm, fl)) },
			func(fl *Flags) uint64 { return fromSigned(f, int64(a), rm, fl) }},
		{32, false, func(fl *Flags) uint64 { return toUnsigned(f, a, maxU32, rm, fl) },
			func(fl *Flags) uint64 { return fromUnsigned(f, uint64(uint32(a)), 0, rm, fl) }},
		{64, false, func(fl *Flags) uint64 { return toUnsigned(f, a, maxU64, rm, fl) },
			func(fl *Flags) uint64 { return fromUnsigned(f, a, 0, rm, fl) }},
	} {
		lo, hi := new(big.Int), new(big.Int).Sub(shl(one, k.bits), one)
		in := new(big.Int).SetUint64(a & (1<<(k.bits-1)<<1 - 1))
		if k.signed {
			lo.Neg(shl(one, k.bits-1))
			hi.Sub(shl(one, k.bits-1), one)
			if in.Cmp(hi) > 0 {
				in.Sub(in, shl(one, k.bits))
			}
		}
		want, flags := q, Flags(0)
		switch {
		case q.Cmp(lo) < 0:
			want, flags = lo, NV
		case q.Cmp(hi) > 0:
			want, flags = hi, NV
		case inexact:
			flags = NX
		}
		w := want.Uint64()
		if want.Sign() < 0 {
			w = uint64(want.Int64())
		}
		var fl Flags
		if got := k.got(&fl); got != w || fl != flags {
			t.Fatalf("to %d bits, signed %v, rm=%d, %#x = %#x flags %#x, want %#x flags %#x",
				k.bits, k.signed, rm, a, got, fl, w, flags)
		}
		fl = 0
		bits, flags := refRound(f, exact{in.Sign() < 0, new(big.Int).Abs(in), 0, false}, rm, TinyAfter)
		if got := k.back(&fl); got != bits || fl != flags {
			t.Fatalf("from %v, rm=%d = %#x flags %#x, want %#x flags %#x", in, rm, got, fl, bits, flags)
		}
	}
}
