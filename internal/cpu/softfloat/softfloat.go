// Package softfloat computes IEEE 754-2019 binary32 and binary64 arithmetic
// exactly: every rounding mode, every exception flag, no allocation. It is the
// slow path of an emulated CPU and the reference for its fast paths
// (FASTPATH.md, fastmodel_test.go).
//
// All operands and results are raw bit patterns. Rounding and Flags have the
// values of the RISC-V frm and fflags fields (RISC-V unprivileged ISA,
// chapter "F", fcsr); other guests translate at their edge.
//
// The package-level functions follow RISC-V: canonical NaN results, tininess
// detected after rounding. A [Policy] has the same operations for other rules.
//
// This package must not know any CPU, register file or instruction encoding:
// NaN boxing, static and dynamic rounding modes and the rejection of reserved
// modes belong to the caller.
package softfloat

// Rounding is a rounding-direction attribute in the encoding of RISC-V's frm.
// Only the five values below are valid; what others do is unspecified, so a
// caller rejects them first.
type Rounding uint8

const (
	RNE Rounding = 0 // to nearest, ties to even
	RTZ Rounding = 1 // toward zero
	RDN Rounding = 2 // toward negative infinity
	RUP Rounding = 3 // toward positive infinity
	RMM Rounding = 4 // to nearest, ties away from zero
)

// Flags is a set of accrued exceptions in the encoding of RISC-V's fflags.
// Operations only ever set bits.
type Flags uint8

const (
	NX Flags = 1 << 0 // inexact
	UF Flags = 1 << 1 // underflow: tiny and inexact
	OF Flags = 1 << 2 // overflow
	DZ Flags = 1 << 3 // division by zero
	NV Flags = 1 << 4 // invalid operation
)

// NaNRule says which NaN an operation delivers. Every rule quiets its result
// and raises NV for a signaling operand.
type NaNRule uint8

const (
	// NaNCanonical always delivers the positive quiet NaN with a zero payload
	// (RISC-V; Arm with FPCR.DN).
	NaNCanonical NaNRule = iota
	// NaNFirst delivers the first NaN operand in the order a, b, c; where no
	// operand is a NaN, the negative quiet NaN with a zero payload (x86 SSE).
	// ∞×0+NaN is not invalid by itself.
	NaNFirst
	// NaNSignalingFirst delivers the first signaling operand, else the first
	// quiet one, in the order c, a, b; where no operand is a NaN, and for
	// ∞×0+qNaN, the canonical NaN (Arm's FPProcessNaNs and FPMulAdd).
	NaNSignalingFirst
)

// Tininess says when a result counts as tiny for UF (IEEE 754-2019, 7.5).
type Tininess uint8

const (
	TinyAfter  Tininess = iota // after rounding (RISC-V, x86)
	TinyBefore                 // before rounding (Arm)
)

// Policy holds what IEEE 754 leaves to the architecture. The zero value is
// RISC-V's.
type Policy struct {
	NaN      NaNRule
	Tininess Tininess
}

// Canonical quiet NaNs of RISC-V and Arm.
const (
	CanonicalNaN32 uint32 = 0x7fc0_0000
	CanonicalNaN64 uint64 = 0x7ff8_0000_0000_0000
)

// Add64 returns a + b.
func Add64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.Add64(a, b, rm, flags)
}

// Sub64 returns a - b.
func Sub64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.Sub64(a, b, rm, flags)
}

// Mul64 returns a × b.
func Mul64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.Mul64(a, b, rm, flags)
}

// Div64 returns a ÷ b.
func Div64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.Div64(a, b, rm, flags)
}

// Sqrt64 returns the square root of a.
func Sqrt64(a uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.Sqrt64(a, rm, flags)
}

// FMA64 returns a × b + c with one rounding. Callers negate operands by
// flipping their sign bits.
func FMA64(a, b, c uint64, rm Rounding, flags *Flags) uint64 {
	return Policy{}.FMA64(a, b, c, rm, flags)
}

// Add32 returns a + b.
func Add32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.Add32(a, b, rm, flags)
}

// Sub32 returns a - b.
func Sub32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.Sub32(a, b, rm, flags)
}

// Mul32 returns a × b.
func Mul32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.Mul32(a, b, rm, flags)
}

// Div32 returns a ÷ b.
func Div32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.Div32(a, b, rm, flags)
}

// Sqrt32 returns the square root of a.
func Sqrt32(a uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.Sqrt32(a, rm, flags)
}

// FMA32 returns a × b + c with one rounding. Callers negate operands by
// flipping their sign bits.
func FMA32(a, b, c uint32, rm Rounding, flags *Flags) uint32 {
	return Policy{}.FMA32(a, b, c, rm, flags)
}

// F32ToF64 widens; only a signaling NaN raises a flag.
func F32ToF64(a uint32, flags *Flags) uint64 { return Policy{}.F32ToF64(a, flags) }

// F64ToF32 narrows with one rounding.
func F64ToF32(a uint64, rm Rounding, flags *Flags) uint32 {
	return Policy{}.F64ToF32(a, rm, flags)
}

// The methods below are the operations of the same names under policy p.

func (p Policy) Add64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return p.add(binary64, a, b, 0, rm, flags)
}

func (p Policy) Sub64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return p.add(binary64, a, b, binary64.sign(), rm, flags)
}

func (p Policy) Mul64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return p.mul(binary64, a, b, rm, flags)
}

func (p Policy) Div64(a, b uint64, rm Rounding, flags *Flags) uint64 {
	return p.div(binary64, a, b, rm, flags)
}

func (p Policy) Sqrt64(a uint64, rm Rounding, flags *Flags) uint64 {
	return p.sqrt(binary64, a, rm, flags)
}

func (p Policy) FMA64(a, b, c uint64, rm Rounding, flags *Flags) uint64 {
	return p.fma(binary64, a, b, c, rm, flags)
}

func (p Policy) Add32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.add(binary32, uint64(a), uint64(b), 0, rm, flags))
}

func (p Policy) Sub32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.add(binary32, uint64(a), uint64(b), binary32.sign(), rm, flags))
}

func (p Policy) Mul32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.mul(binary32, uint64(a), uint64(b), rm, flags))
}

func (p Policy) Div32(a, b uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.div(binary32, uint64(a), uint64(b), rm, flags))
}

func (p Policy) Sqrt32(a uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.sqrt(binary32, uint64(a), rm, flags))
}

func (p Policy) FMA32(a, b, c uint32, rm Rounding, flags *Flags) uint32 {
	return uint32(p.fma(binary32, uint64(a), uint64(b), uint64(c), rm, flags))
}

func (p Policy) F32ToF64(a uint32, flags *Flags) uint64 {
	return p.convert(binary32, binary64, uint64(a), RNE, flags)
}

func (p Policy) F64ToF32(a uint64, rm Rounding, flags *Flags) uint32 {
	return uint32(p.convert(binary64, binary32, a, rm, flags))
}
