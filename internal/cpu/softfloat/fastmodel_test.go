package softfloat

import "math"

// The functions in this file are models of the Wasm that the emitter inlines;
// FASTPATH.md has the sequences and the reasons. They work on the host's own
// float64 and float32, whose operations round to nearest even, and answer
// whether the result may be used as it stands:
//
//   - Sticky functions presume rounding mode RNE and NX already accrued. ok
//     means: r is the result, and no other exception is raised.
//   - Exact functions presume nothing accrued. ok means: r is exact and
//     nothing at all is raised; it then holds in every rounding mode, but for
//     the sign of a zero sum in RDN (see FASTPATH.md).
//
// Without ok, r means nothing and the exact functions decide. Products are
// wrapped in conversions where Go could contract them with a following sum.

// Bits of 2^-960, of infinity and of the least normal numbers.
const (
	safeProduct64 = 0x03f0_0000_0000_0000
	infinity64    = 0x7ff0_0000_0000_0000
	infinity32    = 0x7f80_0000
	leastNormal64 = 0x0010_0000_0000_0000
	leastNormal32 = 0x0080_0000
	hidden64      = 1 << 52
)

// Finite64 reports that r is neither infinite nor a NaN.
func Finite64(r float64) bool { return math.Float64bits(r)<<1 < infinity64<<1 }

// Finite32 is Finite64 for binary32.
func Finite32(r float32) bool { return math.Float32bits(r)<<1 < infinity32<<1 }

// AboveTiny64 reports that |r| lies strictly between the least normal number
// and infinity. A rounded result there was not tiny, neither before nor after
// rounding; the least normal number itself may be a tiny result rounded up.
func AboveTiny64(r float64) bool {
	const low = leastNormal64<<1 + 2
	return math.Float64bits(r)<<1-low < infinity64<<1-low
}

// AboveTiny32 is AboveTiny64 for binary32.
func AboveTiny32(r float32) bool {
	const low = leastNormal32<<1 + 2
	return math.Float32bits(r)<<1-low < infinity32<<1-low
}

// Sums. For a difference negate b.

func StickyAdd64(a, b float64) (r float64, ok bool) {
	r = a + b
	return r, Finite64(r)
}

func StickyAdd32(a, b float32) (r float32, ok bool) {
	r = a + b
	return r, Finite32(r)
}

func ExactAdd64(a, b float64) (r float64, ok bool) {
	r = a + b
	return r, r-a == b && r-b == a
}

func ExactAdd32(a, b float32) (r float32, ok bool) {
	r = a + b
	return r, r-a == b && r-b == a
}

// Products.

func StickyMul64(a, b float64) (r float64, ok bool) {
	r = float64(a * b)
	return r, AboveTiny64(r) || r == 0 && (a == 0 || b == 0)
}

func StickyMul32(a, b float32) (r float32, ok bool) {
	r = float32(a * b)
	return r, AboveTiny32(r) || r == 0 && (a == 0 || b == 0)
}

func ExactMul64(a, b float64) (r float64, ok bool) {
	r = float64(a * b)
	return r, AboveTiny64(r) && shortProduct(a, b) || r == 0 && (a == 0 || b == 0)
}

// shortProduct reports that the significands of a and b end in at least 53
// zeros together, so that their product has at most 53 bits. Bits above the
// hidden one, and a hidden bit too many in a subnormal number, do not change
// the low 53 bits in question being zero.
func shortProduct(a, b float64) bool {
	return (math.Float64bits(a)|hidden64)*(math.Float64bits(b)|hidden64)<<11 == 0
}

func ExactMul32(a, b float32) (r float32, ok bool) {
	p := float64(a) * float64(b) // exact: 48 bits
	r = float32(p)
	return r, float64(r) == p
}

// Quotients.

func StickyDiv64(a, b float64) (r float64, ok bool) {
	r = a / b
	return r, AboveTiny64(r) || r == 0 && a == 0
}

func StickyDiv32(a, b float32) (r float32, ok bool) {
	r = a / b
	return r, AboveTiny32(r) || r == 0 && a == 0
}

func ExactDiv64(a, b float64) (r float64, ok bool) {
	r = a / b
	return r, AboveTiny64(r) && AboveTiny64(a) && shortProduct(r, b) && float64(r*b) == a || r == 0 && a == 0
}

func ExactDiv32(a, b float32) (r float32, ok bool) {
	r = a / b
	return r, float64(r)*float64(b) == float64(a)
}

// Square roots.

func StickySqrt64(a float64) (r float64, ok bool) {
	r = math.Sqrt(a)
	return r, r == r
}

func StickySqrt32(a float32) (r float32, ok bool) {
	r = float32(math.Sqrt(float64(a)))
	return r, r == r
}

func ExactSqrt64(a float64) (r float64, ok bool) {
	r = math.Sqrt(a)
	return r, math.Float64bits(r)<<37 == 0 && AboveTiny64(a) && float64(r*r) == a || a == 0
}

func ExactSqrt32(a float32) (r float32, ok bool) {
	r = float32(math.Sqrt(float64(a)))
	return r, float64(r)*float64(r) == float64(a)
}

// Fused products and sums.

// twoSum is a + b = s + e without error unless something overflows; then e is
// not finite (Knuth; Møller).
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	v := s - a
	return s, (a - (s - v)) + (b - v)
}

// productError is a×b - p for p = a×b rounded, exact where |p| >= 2^-960 and
// nothing overflows (Dekker). Otherwise it may be wrong or not finite.
//
// a is cut by truncation into 26 and 27 bits, b by rounding into 26 and a
// signed 26, so that every partial product has at most 53 bits. Both cuts are
// at a fixed bit of the significand field, which serves subnormal operands too.
func productError(a, b, p float64) float64 {
	ah := math.Float64frombits(math.Float64bits(a) &^ (1<<27 - 1))
	bh := math.Float64frombits((math.Float64bits(b) + 1<<26) &^ (1<<27 - 1))
	al, bl := a-ah, b-bh
	e := float64(ah*bh) - p
	e += float64(ah * bl)
	e += float64(al * bh)
	return e + float64(al*bl)
}

// towardOdd turns s, a sum rounded to nearest with the error e, into the sum
// rounded to odd (Boldo, Melquiond).
func towardOdd(s, e float64) float64 {
	u := math.Float64bits(s)
	if e == 0 || u&1 != 0 {
		return s
	}
	if (e > 0) == (s > 0) {
		return math.Float64frombits(u + 1)
	}
	return math.Float64frombits(u - 1)
}

// StickyFMA64 is a×b+c. Exponent ranges: |a×b| >= 2^-960 or an operand of the
// product zero; the result, a and b stay clear of overflow. c is free.
func StickyFMA64(a, b, c float64) (r float64, ok bool) {
	p := float64(a * b)
	if math.Float64bits(p)<<1 < safeProduct64<<1 {
		r = p + c
		return r, (a == 0 || b == 0) && Finite64(r)
	}
	u := productError(a, b, p)
	s, e := twoSum(p, c)
	d := e + u
	r = s + d
	if t := math.Float64bits(d - (r - s)); t<<12 == 0 && t<<1 != 0 {
		// Perhaps s+d lies half way between two numbers: then what d lost
		// decides.
		_, f := twoSum(e, u)
		r = s + towardOdd(d, f)
	}
	return r, Finite64(r)
}

// fmaLeast bounds the results of LargeFMA64 from below.
const fmaLeast = 0x1p-900

// LargeFMA64 is a×b+c for a c that is much larger than the product: its ok is
// mostly true then, and never where |c| < |a×b|. There is no stated range.
func LargeFMA64(a, b, c float64) (r float64, ok bool) {
	p := float64(a * b)
	r = p + c
	lost := math.Abs(p - float64(r-c))
	bound := lost + float64(float64(math.Abs(p)*0x1p-52)+fmaLeast)
	return r, math.Abs(r)-bound >= math.Abs(r)
}

// ExactFMA64 has StickyFMA64's ranges.
func ExactFMA64(a, b, c float64) (r float64, ok bool) {
	p := float64(a * b)
	if math.Float64bits(p)<<1 < safeProduct64<<1 {
		r = p + c
		return r, (a == 0 || b == 0) && Finite64(r)
	}
	s, e := twoSum(p, c)
	d, f := twoSum(e, productError(a, b, p))
	r = s + d
	return r, f == 0 && r-s == d && r-d == s
}

func StickyFMA32(a, b, c float32) (r float32, ok bool) {
	p := float64(a) * float64(b) // exact: 48 bits
	s := p + float64(c)
	if math.Float64bits(s)<<35 == 1<<63 {
		// s lies half way between two binary32: its own error decides.
		_, e := twoSum(p, float64(c))
		s = towardOdd(s, e)
	}
	r = float32(s)
	return r, AboveTiny32(r) || s == 0
}

func ExactFMA32(a, b, c float32) (r float32, ok bool) {
	p := float64(a) * float64(b)
	s := p + float64(c)
	r = float32(s)
	return r, s-p == float64(c) && s-float64(c) == p && float64(r) == s
}

// Conversions. Integers of 32 bits to binary64 are always exact, and with NX
// accrued every conversion from an integer is one host instruction.

func StickyF64ToF32(a float64) (r float32, ok bool) {
	r = float32(a)
	return r, AboveTiny32(r) || a == 0
}

func ExactF64ToF32(a float64) (r float32, ok bool) {
	r = float32(a)
	return r, float64(r) == a
}

// ExactI64ToF64 and its kin convert back with saturation, as Wasm's trunc_sat
// does: only the largest integer can come back from a result beyond the range.
func ExactI64ToF64(v int64) (r float64, ok bool) {
	r = float64(v)
	return r, r < 1<<63 && int64(r) == v
}

func ExactU64ToF64(v uint64) (r float64, ok bool) {
	r = float64(v)
	return r, r < 1<<64 && uint64(r) == v
}

func ExactI64ToF32(v int64) (r float32, ok bool) {
	r = float32(v)
	return r, r < 1<<63 && int64(r) == v
}

func ExactU64ToF32(v uint64) (r float32, ok bool) {
	r = float32(v)
	return r, r < 1<<64 && uint64(r) == v
}

// integral rounds to an integral value by the host's instruction for rm; RMM
// has none.
func integral(a float64, rm Rounding) (r float64, ok bool) {
	switch rm {
	case RNE:
		return math.RoundToEven(a), true
	case RTZ:
		return math.Trunc(a), true
	case RDN:
		return math.Floor(a), true
	case RUP:
		return math.Ceil(a), true
	}
	return 0, false
}

// StickyF64ToInteger delivers the integral value that a conversion in mode rm
// to a signed or unsigned integer type with the given number of value bits (31
// or 63; 32 or 64) has; the end of the negative range is left to the exact
// functions. binary32 widens first.
func StickyF64ToInteger(a float64, rm Rounding, bits int, signed bool) (r float64, ok bool) {
	limit := math.Ldexp(1, bits)
	r, ok = integral(a, rm)
	if signed {
		return r, ok && math.Abs(r) < limit
	}
	return r, ok && math.Float64bits(r) < math.Float64bits(limit)
}

// ExactF64ToInteger is StickyF64ToInteger with nothing accrued, in any
// rounding mode.
func ExactF64ToInteger(a float64, bits int, signed bool) (r float64, ok bool) {
	r, ok = StickyF64ToInteger(a, RTZ, bits, signed)
	return r, ok && r == a
}

// Comparisons and choices: no operand is a NaN, the host's result stands.

func Ordered64(a, b float64) bool { return (a < b) != (a >= b) }

func Ordered32(a, b float32) bool { return (a < b) != (a >= b) }
