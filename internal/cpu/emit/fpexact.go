package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// Exact arithmetic in Wasm, for what native operations do not show: every
// rounding mode, every flag, subnormal results. It is package softfloat's
// arithmetic in its words, and its tests are the same.
//
// A finite number is worked on as (exp, sig) with the value sig × 2^(exp-63) and
// bit 63 of sig set; bit 0 of sig also stands for what lies below it. Operands are
// the bits of a binary64 that is no NaN. Those of binary32 operations are widened,
// which is exact and leaves none subnormal: only round distinguishes the two.

// softFuncs are the symbols of these functions. In their parameters, rm is a
// softfloat.Rounding, and single is 1 if the result, in an i64, is a binary32.
type softFuncs struct {
	accrue   int // (flags i32): into the state
	up       int // (rem i64, odd, negative, rm i32) → i32: Rounding.up
	jam      int // (x i64, n i32) → i64: shiftRightJam
	narrow   int // (x i64, single i32) → i64: a result that needs no rounding
	invalid  int // (single i32) → i64: NV and the canonical NaN
	round    int // (sign, sig i64, exp, rm, single i32) → i64; sign is in bit 63
	add      int // (a, b i64, rm, single i32) → i64, and so are mul and div
	mul, div int
	sqrt     int // (a i64, rm, single i32) → i64
	demote   int // (a i64, rm i32) → i64
	fma      int // (a, b, c i64, rm, single i32) → i64
	fromInt  int // (magnitude, sign i64, rm, single i32) → i64
	integral int // (x f64, rm i32) → f64
}

// softBuilder writes one of them.
type softBuilder struct {
	*fpBuilder
	fn *funcs
}

const signBit = 1 << 63

// Expressions.

func (b *fpBuilder) and(x, y expr) expr  { return b.op(wasm.OpI64And, x, y) }
func (b *fpBuilder) or(x, y expr) expr   { return b.op(wasm.OpI64Or, x, y) }
func (b *fpBuilder) xor(x, y expr) expr  { return b.op(wasm.OpI64Xor, x, y) }
func (b *fpBuilder) plus(x, y expr) expr { return b.op(wasm.OpI64Add, x, y) }
func (b *fpBuilder) less(x, y expr) expr { return b.op(wasm.OpI64Sub, x, y) }
func (b *fpBuilder) shl(x, y expr) expr  { return b.op(wasm.OpI64Shl, x, y) }
func (b *fpBuilder) shr(x, y expr) expr  { return b.op(wasm.OpI64ShrU, x, y) }
func (b *fpBuilder) same(x, y expr) expr { return b.op(wasm.OpI64Eq, x, y) }
func (b *fpBuilder) ltU(x, y expr) expr  { return b.op(wasm.OpI64LtU, x, y) }
func (b *fpBuilder) none(x expr) expr    { return b.op(wasm.OpI64Eqz, x) }
func (b *fpBuilder) not(x expr) expr     { return b.op(wasm.OpI32Eqz, x) }
func (b *fpBuilder) both(x, y expr) expr { return b.op(wasm.OpI32And, x, y) }
func (b *fpBuilder) any(x, y expr) expr  { return b.op(wasm.OpI32Or, x, y) }
func (b *fpBuilder) is(x expr, v softfloat.Rounding) expr {
	return b.op(wasm.OpI32Eq, x, b.i32(int32(v)))
}
func (b *fpBuilder) wide(x expr) expr { return b.op(wasm.OpI64ExtendI32U, x) }

// pick is cond ≠ 0 ? x : y.
func (b *fpBuilder) pick(cond, x, y expr) expr {
	return func() { x(); y(); cond(); b.c.Select() }
}

// A variable is a local that is set more than once.
type variable struct {
	expr
	local uint32
}

func (b *fpBuilder) variable(t wasm.ValType) variable {
	l := b.f.AddLocal(t)
	return variable{b.get(l), l}
}

func (b *fpBuilder) set(v variable, e expr) { e(); b.c.LocalSet(v.local) }

func (b *fpBuilder) call(sym int, args ...expr) expr {
	return func() {
		for _, a := range args {
			a()
		}
		b.c.CallSym(sym)
	}
}

func newSoft(name string, base uint32, fn *funcs, results []wasm.ValType, params ...wasm.ValType) *softBuilder {
	var result wasm.ValType
	if len(results) > 0 {
		result = results[0]
	}
	b := newFP(name, base, result, params...)
	b.f.Type.Results = results
	return &softBuilder{b, fn}
}

func (b *softBuilder) raise(flags expr) { b.call(b.fn.soft.accrue, flags)() }

func (b *softBuilder) flags(f softfloat.Flags) expr { return b.i32(int32(f)) }

var (
	resultI64 = []wasm.ValType{wasm.I64}
	resultI32 = []wasm.ValType{wasm.I32}
	resultF64 = []wasm.ValType{wasm.F64}
)

// accrue sets flags, and the words that core.State.SetFP makes of them while
// floating point is on.
func (k *softBuilder) accrue() *wasm.Func {
	word := func(off int) uint32 { return k.base + uint32(off) }
	store := func(off int, e expr) { k.c.I32Const(0); e(); k.c.I32Store(2, word(off)) }
	all := k.let(wasm.I32, k.any(k.word(core.OffFFlags), k.get(0)))
	store(core.OffFFlags, all)
	exact := k.let(wasm.I32, k.both(all, k.flags(softfloat.NX)))
	store(core.OffFPExact, exact)
	store(core.OffFPRound, k.both(exact, k.not(k.word(core.OffFRM))))
	return k.f
}

func (b *softBuilder) up() *wasm.Func {
	rem, odd, negative, rm := b.get(0), b.get(1), b.get(2), b.get(3)
	half := b.i64(1 << 63)
	b.retIf(b.any(b.ltU(half, rem), b.both(b.same(rem, half), odd)), b.is(rm, softfloat.RNE))
	b.retIf(b.not(b.ltU(rem, half)), b.is(rm, softfloat.RMM))
	b.retIf(b.i32(0), b.is(rm, softfloat.RTZ))
	b.both(b.not(b.none(rem)), b.op(wasm.OpI32Xor, negative, b.is(rm, softfloat.RUP)))()
	return b.f
}

func (b *softBuilder) jam() *wasm.Func {
	x, n := b.get(0), b.wide(b.get(1))
	b.retIf(b.wide(b.not(b.none(x))), b.op(wasm.OpI32GeU, b.get(1), b.i32(64)))
	r := b.let(wasm.I64, b.shr(x, n))
	b.or(r, b.wide(b.not(b.same(b.shl(r, n), x))))()
	return b.f
}

func (b *softBuilder) narrow() *wasm.Func {
	b.retIf(b.get(0), b.not(b.get(1)))
	narrow := b.op(wasm.OpI32ReinterpretF32, b.op(wasm.OpF32DemoteF64, b.op(wasm.OpF64ReinterpretI64, b.get(0))))
	b.wide(narrow)()
	return b.f
}

func (b *softBuilder) invalid() *wasm.Func {
	b.raise(b.flags(softfloat.NV))
	b.pick(b.get(0), b.i64(uint64(softfloat.CanonicalNaN32)), b.i64(softfloat.CanonicalNaN64))()
	return b.f
}

// round is Policy.round and roundTiny of package softfloat.
func (b *softBuilder) round() *wasm.Func {
	sig, exp, rm, single := b.get(1), b.get(2), b.get(3), b.get(4)
	of := func(v32, v64 uint64) expr { return b.pick(single, b.i64(v32), b.i64(v64)) }
	negative := b.let(wasm.I32, b.op(wasm.OpI64LtS, b.get(0), b.i64(0)))
	sign := b.let(wasm.I64, b.pick(single, b.shr(b.get(0), b.i64(32)), b.get(0)))
	frac, drop := b.let(wasm.I64, of(23, 52)), b.let(wasm.I64, of(40, 11))
	rest := func(x expr) expr { return b.shl(x, b.less(b.i64(64), drop)) }
	up := func(rem, odd expr) expr { return b.call(b.fn.soft.up, rem, odd, negative, rm) }
	odd := func(q expr) expr { return b.op(wasm.OpI32WrapI64, b.and(q, b.i64(1))) }
	biased := b.let(wasm.I32, b.op(wasm.OpI32Add, exp, b.pick(single, b.i32(127), b.i32(1023))))
	q, rem, flags := b.variable(wasm.I64), b.variable(wasm.I64), b.variable(wasm.I32)
	b.when(b.op(wasm.OpI32LeS, biased, b.i32(0)), func() {
		shift := b.let(wasm.I32, b.op(wasm.OpI32Sub, b.i32(1), biased))
		sub := b.let(wasm.I64, b.call(b.fn.soft.jam, sig, shift))
		b.set(q, b.shr(sub, drop))
		b.set(rem, rest(sub))
		b.retIf(b.or(sign, q.expr), b.none(rem.expr))
		b.set(q, b.plus(q.expr, b.wide(up(rem.expr, odd(q.expr)))))
		// Rounding with an unbounded exponent leaves the tiny range only from the
		// binade just below, by a carry out of a significand of all ones.
		b.set(flags, b.flags(softfloat.NX|softfloat.UF))
		ones := b.none(b.plus(b.i64(1), b.op(wasm.OpI64ShrS, sig, drop)))
		b.when(b.both(b.op(wasm.OpI32Eq, shift, b.i32(1)), ones), func() {
			b.set(flags, b.pick(up(rest(sig), b.i32(1)), b.flags(softfloat.NX), flags.expr))
		})
		b.raise(flags.expr)
		b.ret(b.or(sign, q.expr))
	})
	b.set(q, b.shr(sig, drop))
	b.set(rem, rest(sig))
	b.when(b.not(b.none(rem.expr)), func() {
		b.set(flags, b.flags(softfloat.NX))
		b.set(q, b.plus(q.expr, b.wide(up(rem.expr, odd(q.expr)))))
	})
	// q's leading bit adds one to the exponent field; so does a carry. A field that
	// is far too large would run into the sign.
	field := b.let(wasm.I64, b.wide(b.pick(b.op(wasm.OpI32LtU, biased, b.i32(1<<11)), biased, b.i32(1<<11))))
	mag := b.let(wasm.I64, b.plus(b.shl(b.less(field, b.i64(1)), frac), q.expr))
	inf := b.let(wasm.I64, of(0xff<<23, 0x7ff<<52))
	b.when(b.ltU(mag, inf), func() {
		b.when(flags.expr, func() { b.raise(flags.expr) })
		b.ret(b.or(sign, mag))
	})
	b.raise(b.flags(softfloat.OF | softfloat.NX))
	// Toward zero, or toward the other infinity: the largest number.
	largest := b.any(b.is(rm, softfloat.RTZ), b.pick(negative, b.is(rm, softfloat.RUP), b.is(rm, softfloat.RDN)))
	b.or(sign, b.less(inf, b.wide(largest)))()
	return b.f
}

// An unpacked number.
type unpacked struct{ exp, sig variable }

func (b *softBuilder) newUnpacked() unpacked {
	return unpacked{b.variable(wasm.I32), b.variable(wasm.I64)}
}

// unpack splits a finite magnitude that is not zero.
func (b *softBuilder) unpack(u unpacked, mag expr) {
	b.set(u.exp, b.op(wasm.OpI32WrapI64, b.shr(mag, b.i64(52))))
	u.exp.expr()
	b.c.If(wasm.Void)
	b.set(u.exp, b.op(wasm.OpI32Sub, u.exp.expr, b.i32(1023)))
	b.set(u.sig, b.or(b.i64(signBit), b.shl(mag, b.i64(11))))
	b.c.Else()
	zeros := b.let(wasm.I64, b.op(wasm.OpI64Clz, mag))
	b.set(u.exp, b.op(wasm.OpI32Sub, b.i32(1-1023+63-52), b.op(wasm.OpI32WrapI64, zeros)))
	b.set(u.sig, b.shl(mag, zeros))
	b.c.End()
}

const infinity = 0x7ff << 52

func (b *softBuilder) isInf(mag expr) expr { return b.same(mag, b.i64(infinity)) }

func (b *softBuilder) mag(x expr) expr  { return b.let(wasm.I64, b.and(x, b.i64(math.MaxInt64))) }
func (b *softBuilder) sign(x expr) expr { return b.and(x, b.i64(signBit)) }

// zeroSum is the exact sum that is zero of operands with opposite signs.
func (b *softBuilder) zeroSum(rm, single expr) expr {
	return b.call(b.fn.soft.narrow, b.pick(b.is(rm, softfloat.RDN), b.i64(signBit), b.i64(0)), single)
}

func (b *softBuilder) add() *wasm.Func {
	x, y, rm, single := b.get(0), b.get(1), b.get(2), b.get(3)
	mx, my := b.mag(x), b.mag(y)
	narrow := func(v expr) expr { return b.call(b.fn.soft.narrow, v, single) }
	b.when(b.isInf(mx), func() {
		b.retIf(b.call(b.fn.soft.invalid, single), b.both(b.isInf(my), b.not(b.same(x, y))))
		b.ret(narrow(x))
	})
	b.retIf(narrow(y), b.isInf(my))
	b.when(b.none(my), func() {
		b.retIf(b.zeroSum(rm, single), b.both(b.none(mx), b.not(b.same(x, y))))
		b.ret(narrow(x))
	})
	b.retIf(narrow(y), b.none(mx))
	// The larger magnitude goes first.
	swap := b.let(wasm.I32, b.ltU(mx, my))
	u, v := b.newUnpacked(), b.newUnpacked()
	b.unpack(u, b.pick(swap, my, mx))
	b.unpack(v, b.pick(swap, mx, my))
	sign := b.let(wasm.I64, b.sign(b.pick(swap, y, x)))
	b.set(v.sig, b.call(b.fn.soft.jam, v.sig.expr, b.op(wasm.OpI32Sub, u.exp.expr, v.exp.expr)))
	round := func(sig, exp expr) expr { return b.call(b.fn.soft.round, sign, sig, exp, rm, single) }
	b.when(b.op(wasm.OpI64GeS, b.xor(x, y), b.i64(0)), func() {
		sum := b.let(wasm.I64, b.plus(u.sig.expr, v.sig.expr))
		b.retIf(round(sum, u.exp.expr), b.not(b.ltU(sum, u.sig.expr)))
		b.ret(b.carried(round, sum, u.exp.expr))
	})
	diff := b.let(wasm.I64, b.less(u.sig.expr, v.sig.expr))
	b.retIf(b.zeroSum(rm, single), b.none(diff))
	b.normalised(round, diff, u.exp.expr)()
	return b.f
}

// carried rounds a sum of which the leading bit was lost.
func (b *softBuilder) carried(round func(sig, exp expr) expr, sum, exp expr) expr {
	return round(b.or(b.i64(signBit), b.call(b.fn.soft.jam, sum, b.i32(1))), b.op(wasm.OpI32Add, exp, b.i32(1)))
}

// normalised rounds a difference that begins with zeros.
func (b *softBuilder) normalised(round func(sig, exp expr) expr, diff, exp expr) expr {
	zeros := b.let(wasm.I64, b.op(wasm.OpI64Clz, diff))
	return round(b.shl(diff, zeros), b.op(wasm.OpI32Sub, exp, b.op(wasm.OpI32WrapI64, zeros)))
}

// specialProduct returns the products of infinities and zeros.
func (b *softBuilder) specialProduct(mx, my, sign, single expr) {
	b.when(b.any(b.isInf(mx), b.isInf(my)), func() {
		b.retIf(b.call(b.fn.soft.invalid, single), b.any(b.none(mx), b.none(my)))
		b.ret(b.call(b.fn.soft.narrow, b.or(sign, b.i64(infinity)), single))
	})
	b.retIf(b.call(b.fn.soft.narrow, sign, single), b.any(b.none(mx), b.none(my)))
}

// product is the exact product of two magnitudes, hi:lo × 2^(exp-127) with bit 63
// of hi set.
func (b *softBuilder) product(mx, my expr) (exp, hi, lo variable) {
	u, v := b.newUnpacked(), b.newUnpacked()
	b.unpack(u, mx)
	b.unpack(v, my)
	exp, hi, lo = b.variable(wasm.I32), b.variable(wasm.I64), b.variable(wasm.I64)
	b.set(exp, b.op(wasm.OpI32Add, u.exp.expr, v.exp.expr))
	b.set(hi, b.call(b.fn.mulHU, u.sig.expr, v.sig.expr))
	b.set(lo, b.op(wasm.OpI64Mul, u.sig.expr, v.sig.expr))
	b.op(wasm.OpI64LtS, hi.expr, b.i64(0))()
	b.c.If(wasm.Void)
	b.set(exp, b.op(wasm.OpI32Add, exp.expr, b.i32(1)))
	b.c.Else()
	b.set(hi, b.or(b.shl(hi.expr, b.i64(1)), b.shr(lo.expr, b.i64(63))))
	b.set(lo, b.shl(lo.expr, b.i64(1)))
	b.c.End()
	return exp, hi, lo
}

// joined is hi with a bit for lo.
func (b *softBuilder) joined(hi, lo expr) expr { return b.or(hi, b.wide(b.not(b.none(lo)))) }

func (b *softBuilder) mul() *wasm.Func {
	x, y, rm, single := b.get(0), b.get(1), b.get(2), b.get(3)
	mx, my := b.mag(x), b.mag(y)
	sign := b.let(wasm.I64, b.sign(b.xor(x, y)))
	b.specialProduct(mx, my, sign, single)
	exp, hi, lo := b.product(mx, my)
	b.call(b.fn.soft.round, sign, b.joined(hi.expr, lo.expr), exp.expr, rm, single)()
	return b.f
}
