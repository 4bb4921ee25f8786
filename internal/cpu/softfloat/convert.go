package softfloat

import "math/bits"

// convert delivers a, a datum of format from, in format to.
func (p Policy) convert(from, to format, a uint64, rm Rounding, flags *Flags) uint64 {
	mag, sign := a&^from.sign(), uint64(0)
	if a != mag {
		sign = to.sign()
	}
	switch {
	case mag == 0:
		return sign
	case mag == from.inf():
		return sign | to.inf()
	case mag > from.inf():
		q := p.nan2(from, a, a, flags)
		if p.NaN == NaNCanonical {
			return to.canonicalNaN()
		}
		// The payload keeps its most significant bits.
		top := q << (64 - from.frac)
		return sign | to.inf() | top>>(64-to.frac)
	}
	exp, sig := from.unpack(mag)
	return p.round(to, sign, exp, sig, rm, flags)
}

// toInteger rounds a to an integer magnitude. Where that exceeds 64 bits, or a
// is infinite or a NaN, ok is false. exact says that nothing was lost.
func toInteger(f format, a uint64, rm Rounding) (mag uint64, exact, ok bool) {
	m := a &^ f.sign()
	if m == 0 {
		return 0, true, true
	}
	if m >= f.inf() {
		return 0, false, false
	}
	exp, sig := f.unpack(m)
	if exp > 63 {
		return 0, false, false
	}
	q, rem := uint64(0), uint64(1)
	if n := uint(63 - exp); n < 64 {
		q, rem = sig>>n, sig<<1<<(63-n)
	} else if n == 64 {
		rem = sig
	}
	// At 63-exp = 0 nothing is dropped, so q+1 cannot carry out.
	if rm.up(rem, q&1 != 0, a != m) {
		q++
	}
	return q, rem == 0, true
}

// toSigned converts to a two's complement integer whose largest value is max
// (2^31-1 or 2^63-1). Out of range saturates and raises only NV, a NaN counts
// as +∞ (RISC-V unprivileged ISA, chapter "F", conversions).
func toSigned(f format, a uint64, max uint64, rm Rounding, flags *Flags) int64 {
	mag, exact, ok := toInteger(f, a, rm)
	negative := a&f.sign() != 0 && !f.isNaN(a)
	limit := max
	if negative {
		limit++
	}
	if !ok || mag > limit {
		*flags |= NV
		mag = limit
	} else if !exact {
		*flags |= NX
	}
	if negative {
		return -int64(mag)
	}
	return int64(mag)
}

// toUnsigned is toSigned for the range 0..max (2^32-1 or 2^64-1).
func toUnsigned(f format, a uint64, max uint64, rm Rounding, flags *Flags) uint64 {
	mag, exact, ok := toInteger(f, a, rm)
	negative := a&f.sign() != 0 && !f.isNaN(a)
	switch {
	case negative && (!ok || mag != 0):
		*flags |= NV
		return 0
	case !ok || mag > max:
		*flags |= NV
		return max
	case !exact:
		*flags |= NX
	}
	return mag
}

// fromUnsigned rounds ±mag to format f.
func fromUnsigned(f format, mag, sign uint64, rm Rounding, flags *Flags) uint64 {
	if mag == 0 {
		return 0
	}
	n := bits.LeadingZeros64(mag)
	return Policy{}.round(f, sign, 63-n, mag<<n, rm, flags)
}

func fromSigned(f format, v int64, rm Rounding, flags *Flags) uint64 {
	if v < 0 {
		return fromUnsigned(f, -uint64(v), f.sign(), rm, flags)
	}
	return fromUnsigned(f, uint64(v), 0, rm, flags)
}

const (
	maxI32 = 1<<31 - 1
	maxU32 = 1<<32 - 1
	maxI64 = 1<<63 - 1
	maxU64 = 1<<64 - 1
)

// Conversions to integers deliver, out of range, the nearest end of the range
// and raise only NV; a NaN gives the largest value. For guests with other
// results, NV raised into a cleared Flags is the condition to replace them.

func F64ToI64(a uint64, rm Rounding, flags *Flags) int64 {
	return toSigned(binary64, a, maxI64, rm, flags)
}

func F64ToI32(a uint64, rm Rounding, flags *Flags) int32 {
	return int32(toSigned(binary64, a, maxI32, rm, flags))
}

func F64ToU64(a uint64, rm Rounding, flags *Flags) uint64 {
	return toUnsigned(binary64, a, maxU64, rm, flags)
}

func F64ToU32(a uint64, rm Rounding, flags *Flags) uint32 {
	return uint32(toUnsigned(binary64, a, maxU32, rm, flags))
}

func F32ToI64(a uint32, rm Rounding, flags *Flags) int64 {
	return toSigned(binary32, uint64(a), maxI64, rm, flags)
}

func F32ToI32(a uint32, rm Rounding, flags *Flags) int32 {
	return int32(toSigned(binary32, uint64(a), maxI32, rm, flags))
}

func F32ToU64(a uint32, rm Rounding, flags *Flags) uint64 {
	return toUnsigned(binary32, uint64(a), maxU64, rm, flags)
}

func F32ToU32(a uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(toUnsigned(binary32, uint64(a), maxU32, rm, flags))
}

// Conversions from integers can raise only NX; those of 32 bits to binary64
// are exact.

func I64ToF64(v int64, rm Rounding, flags *Flags) uint64 {
	return fromSigned(binary64, v, rm, flags)
}

func I32ToF64(v int32, rm Rounding, flags *Flags) uint64 {
	return fromSigned(binary64, int64(v), rm, flags)
}

func U64ToF64(v uint64, rm Rounding, flags *Flags) uint64 {
	return fromUnsigned(binary64, v, 0, rm, flags)
}

func U32ToF64(v uint32, rm Rounding, flags *Flags) uint64 {
	return fromUnsigned(binary64, uint64(v), 0, rm, flags)
}

func I64ToF32(v int64, rm Rounding, flags *Flags) uint32 {
	return uint32(fromSigned(binary32, v, rm, flags))
}

func I32ToF32(v int32, rm Rounding, flags *Flags) uint32 {
	return uint32(fromSigned(binary32, int64(v), rm, flags))
}

func U64ToF32(v uint64, rm Rounding, flags *Flags) uint32 {
	return uint32(fromUnsigned(binary32, v, 0, rm, flags))
}

func U32ToF32(v uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(fromUnsigned(binary32, uint64(v), 0, rm, flags))
}
