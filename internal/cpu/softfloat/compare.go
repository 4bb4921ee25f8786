package softfloat

// key maps a datum that is not a NaN to an integer of the same order; both
// zeros map to 0.
func (f format) key(x uint64) int64 {
	mag := int64(x &^ f.sign())
	if x&f.sign() != 0 {
		return -mag
	}
	return mag
}

func eq(f format, a, b uint64, flags *Flags) bool {
	if f.isNaN(a) || f.isNaN(b) {
		if f.isSignaling(a) || f.isSignaling(b) {
			*flags |= NV
		}
		return false
	}
	return f.key(a) == f.key(b)
}

func lt(f format, a, b uint64, flags *Flags) bool {
	if f.isNaN(a) || f.isNaN(b) {
		*flags |= NV
		return false
	}
	return f.key(a) < f.key(b)
}

func le(f format, a, b uint64, flags *Flags) bool {
	if f.isNaN(a) || f.isNaN(b) {
		*flags |= NV
		return false
	}
	return f.key(a) <= f.key(b)
}

// Eq64 is compareQuietEqual: only a signaling NaN raises NV.
func Eq64(a, b uint64, flags *Flags) bool { return eq(binary64, a, b, flags) }

// Lt64 is compareSignalingLess: any NaN raises NV.
func Lt64(a, b uint64, flags *Flags) bool { return lt(binary64, a, b, flags) }

// Le64 is compareSignalingLessEqual: any NaN raises NV.
func Le64(a, b uint64, flags *Flags) bool { return le(binary64, a, b, flags) }

// Eq32 is compareQuietEqual: only a signaling NaN raises NV.
func Eq32(a, b uint32, flags *Flags) bool { return eq(binary32, uint64(a), uint64(b), flags) }

// Lt32 is compareSignalingLess: any NaN raises NV.
func Lt32(a, b uint32, flags *Flags) bool { return lt(binary32, uint64(a), uint64(b), flags) }

// Le32 is compareSignalingLessEqual: any NaN raises NV.
func Le32(a, b uint32, flags *Flags) bool { return le(binary32, uint64(a), uint64(b), flags) }

// pick is minimumNumber (greater clear) or maximumNumber (greater set, equal
// to f.sign()) of IEEE 754-2019, 9.6: -0 is below +0, a number wins over a
// NaN, two NaNs give the canonical one, a signaling NaN raises NV.
func pick(f format, a, b, greater uint64, flags *Flags) uint64 {
	na, nb := f.isNaN(a), f.isNaN(b)
	if na || nb {
		if f.isSignaling(a) || f.isSignaling(b) {
			*flags |= NV
		}
		switch {
		case !na:
			return a
		case !nb:
			return b
		}
		return f.canonicalNaN()
	}
	ka, kb := f.key(a), f.key(b)
	switch {
	case ka == kb: // the same, or zeros: a negative sign makes the lesser
		if greater != 0 {
			return a & b
		}
		return a | b
	case (ka < kb) == (greater == 0):
		return a
	}
	return b
}

// Min64 is minimumNumber, the fmin of RISC-V's D 2.2.
func Min64(a, b uint64, flags *Flags) uint64 { return pick(binary64, a, b, 0, flags) }

// Max64 is maximumNumber, the fmax of RISC-V's D 2.2.
func Max64(a, b uint64, flags *Flags) uint64 { return pick(binary64, a, b, 1, flags) }

// Min32 is minimumNumber, the fmin of RISC-V's F 2.2.
func Min32(a, b uint32, flags *Flags) uint32 {
	return uint32(pick(binary32, uint64(a), uint64(b), 0, flags))
}

// Max32 is maximumNumber, the fmax of RISC-V's F 2.2.
func Max32(a, b uint32, flags *Flags) uint32 {
	return uint32(pick(binary32, uint64(a), uint64(b), 1, flags))
}

// The classes of RISC-V's fclass, one bit each.
const (
	ClassNegInf uint64 = 1 << iota
	ClassNegNormal
	ClassNegSubnormal
	ClassNegZero
	ClassPosZero
	ClassPosSubnormal
	ClassPosNormal
	ClassPosInf
	ClassSignaling
	ClassQuiet
)

func class(f format, a uint64) uint64 {
	mag := a &^ f.sign()
	var pos, neg uint64
	switch {
	case mag > f.inf():
		if f.isSignaling(a) {
			return ClassSignaling
		}
		return ClassQuiet
	case mag == f.inf():
		pos, neg = ClassPosInf, ClassNegInf
	case mag>>f.frac != 0:
		pos, neg = ClassPosNormal, ClassNegNormal
	case mag != 0:
		pos, neg = ClassPosSubnormal, ClassNegSubnormal
	default:
		pos, neg = ClassPosZero, ClassNegZero
	}
	if a != mag {
		return neg
	}
	return pos
}

// Class64 returns the class of a, one of the ten Class bits.
func Class64(a uint64) uint64 { return class(binary64, a) }

// Class32 returns the class of a, one of the ten Class bits.
func Class32(a uint32) uint64 { return class(binary32, uint64(a)) }
