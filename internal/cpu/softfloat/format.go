package softfloat

import "math/bits"

// format describes an interchange format of at most 64 bits. A datum lies in
// the low bits of a uint64, the bits above its sign are zero.
//
// A finite non-zero number is worked on as (exp, sig) with the value
// sig × 2^(exp-63) and bit 63 of sig set. All arithmetic keeps 64 bits of
// significand whose bit 0 also stands for everything below it ("jammed").
// binary64 leaves 11 bits below its own last place, so a jammed bit never
// reaches the rounding position.
type format struct {
	frac uint // width of the trailing significand field
	exp  uint // width of the exponent field
}

var (
	binary32 = format{frac: 23, exp: 8}
	binary64 = format{frac: 52, exp: 11}
)

func (f format) sign() uint64  { return 1 << (f.frac + f.exp) }
func (f format) inf() uint64   { return (1<<f.exp - 1) << f.frac }
func (f format) quiet() uint64 { return 1 << (f.frac - 1) }
func (f format) bias() int     { return 1<<(f.exp-1) - 1 }

// canonicalNaN is the positive quiet NaN with a zero payload.
func (f format) canonicalNaN() uint64 { return f.inf() | f.quiet() }

func (f format) isNaN(x uint64) bool { return x&^f.sign() > f.inf() }

func (f format) isSignaling(x uint64) bool { return f.isNaN(x) && x&f.quiet() == 0 }

// unpack splits a finite non-zero magnitude (sign bit clear).
func (f format) unpack(mag uint64) (exp int, sig uint64) {
	if e := int(mag >> f.frac); e != 0 {
		return e - f.bias(), 1<<63 | mag<<(63-f.frac)
	}
	n := bits.LeadingZeros64(mag)
	return 1 - f.bias() + 63 - int(f.frac) - n, mag << n
}

// shiftRightJam shifts x right by n >= 0 and keeps in bit 0 whether any bit
// that was set has been lost.
func shiftRightJam(x uint64, n int) uint64 {
	if n >= 64 {
		if x != 0 {
			return 1
		}
		return 0
	}
	r := x >> uint(n)
	if r<<uint(n) != x {
		r |= 1
	}
	return r
}

// up reports whether a magnitude is rounded away from zero, given its
// remainder below the last kept place as a fraction of 2^64, whether that
// place is odd, and its sign.
func (rm Rounding) up(rem uint64, odd, negative bool) bool {
	const half = 1 << 63
	switch rm {
	case RNE:
		return rem > half || rem == half && odd
	case RMM:
		return rem >= half
	case RDN:
		return rem != 0 && negative
	case RUP:
		return rem != 0 && !negative
	}
	return false
}

// round delivers ±sig × 2^(exp-63) in format f. Bit 63 of sig is set, bit 0 is
// jammed; sign is 0 or f.sign().
func (p Policy) round(f format, sign uint64, exp int, sig uint64, rm Rounding, flags *Flags) uint64 {
	drop := 63 - f.frac
	biased := exp + f.bias()
	if biased <= 0 {
		return p.roundTiny(f, sign, 1-biased, sig, rm, flags)
	}
	q, rem := sig>>drop, sig<<(64-drop)
	if rem != 0 {
		*flags |= NX
		if rm.up(rem, q&1 != 0, sign != 0) {
			q++
		}
	}
	// q's leading bit adds one to the exponent field; so does a carry.
	if biased > 1<<f.exp {
		biased = 1 << f.exp
	}
	mag := uint64(biased-1)<<f.frac + q
	if mag < f.inf() {
		return sign | mag
	}
	*flags |= OF | NX
	if rm == RTZ || rm == RDN && sign == 0 || rm == RUP && sign != 0 {
		return sign | (f.inf() - 1)
	}
	return sign | f.inf()
}

// roundTiny is round for magnitudes below the least normal number, shift >= 1
// binades below it.
func (p Policy) roundTiny(f format, sign uint64, shift int, sig uint64, rm Rounding, flags *Flags) uint64 {
	drop := 63 - f.frac
	sub := shiftRightJam(sig, shift)
	q, rem := sub>>drop, sub<<(64-drop)
	if rem == 0 {
		return sign | q
	}
	*flags |= NX
	if rm.up(rem, q&1 != 0, sign != 0) {
		q++
	}
	// With an unbounded exponent, rounding leaves the tiny range only from
	// the binade just below, by a carry out of a significand of all ones.
	tiny := true
	if p.Tininess == TinyAfter && shift == 1 && sig>>drop == 1<<(f.frac+1)-1 {
		tiny = !rm.up(sig<<(64-drop), true, sign != 0)
	}
	if tiny {
		*flags |= UF
	}
	return sign | q
}

// invalid delivers the default NaN and raises NV.
func (p Policy) invalid(f format, flags *Flags) uint64 {
	*flags |= NV
	return p.defaultNaN(f)
}

func (p Policy) defaultNaN(f format) uint64 {
	if p.NaN == NaNFirst {
		return f.canonicalNaN() | f.sign()
	}
	return f.canonicalNaN()
}

// nan2 delivers the result of an operation on a and b, of which at least one
// is a NaN. One-operand operations pass it twice.
func (p Policy) nan2(f format, a, b uint64, flags *Flags) uint64 {
	sa, sb := f.isSignaling(a), f.isSignaling(b)
	if sa || sb {
		*flags |= NV
	}
	switch p.NaN {
	case NaNCanonical:
		return f.canonicalNaN()
	case NaNSignalingFirst:
		if sb && !sa {
			return b | f.quiet()
		}
	}
	if f.isNaN(a) {
		return a | f.quiet()
	}
	return b | f.quiet()
}

// nan3 delivers a×b+c where at least one operand is a NaN.
func (p Policy) nan3(f format, a, b, c uint64, flags *Flags) uint64 {
	ma, mb := a&^f.sign(), b&^f.sign()
	infZero := ma == f.inf() && mb == 0 || mb == f.inf() && ma == 0
	switch p.NaN {
	case NaNFirst:
		if f.isSignaling(a) || f.isSignaling(b) || f.isSignaling(c) {
			*flags |= NV
		}
		for _, x := range [...]uint64{a, b} {
			if f.isNaN(x) {
				return x | f.quiet()
			}
		}
		return c | f.quiet()
	case NaNSignalingFirst:
		if infZero && !f.isSignaling(c) {
			return p.invalid(f, flags)
		}
		order := [...]uint64{c, a, b}
		for _, x := range order {
			if f.isSignaling(x) {
				*flags |= NV
				return x | f.quiet()
			}
		}
		for _, x := range order {
			if f.isNaN(x) {
				return x
			}
		}
	}
	if infZero || f.isSignaling(a) || f.isSignaling(b) || f.isSignaling(c) {
		*flags |= NV
	}
	return f.canonicalNaN()
}
