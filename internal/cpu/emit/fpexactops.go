package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// The rest of exact arithmetic: quotients, roots, fused operations, conversions.

// jamSign takes a root or quotient rounded to nearest in 53 bits and the
// difference to the exact value, of any scale: that is enough, since neither ever
// lies half way between two numbers.
func (b *softBuilder) jamSign(nearest, rest expr) expr {
	r := b.let(wasm.I64, rest)
	above := b.wide(b.op(wasm.OpI64GtS, r, b.i64(0)))
	below := b.wide(b.op(wasm.OpI64LtS, r, b.i64(0)))
	return b.less(b.or(b.shl(nearest, b.i64(11)), above), below)
}

// significand is the 53 bits of a normal number.
func (b *softBuilder) significand(x expr) expr {
	return b.let(wasm.I64, b.or(b.and(b.op(wasm.OpI64ReinterpretF64, x), b.i64(1<<52-1)), b.i64(1<<52)))
}

func (b *softBuilder) div() *wasm.Func {
	x, y, rm, single := b.get(0), b.get(1), b.get(2), b.get(3)
	mx, my := b.mag(x), b.mag(y)
	sign := b.let(wasm.I64, b.sign(b.xor(x, y)))
	narrow := func(v expr) expr { return b.call(b.fn.soft.narrow, v, single) }
	invalid := b.call(b.fn.soft.invalid, single)
	b.when(b.isInf(mx), func() {
		b.retIf(invalid, b.isInf(my))
		b.ret(narrow(b.or(sign, b.i64(infinity))))
	})
	b.retIf(narrow(sign), b.isInf(my))
	b.when(b.none(my), func() {
		b.retIf(invalid, b.none(mx))
		b.raise(b.flags(softfloat.DZ))
		b.ret(narrow(b.or(sign, b.i64(infinity))))
	})
	b.retIf(narrow(sign), b.none(mx))
	u, v := b.newUnpacked(), b.newUnpacked()
	b.unpack(u, mx)
	b.unpack(v, my)
	// Integers of 53 bits: the native quotient is rounded right, never up to the
	// next binade, and the remainder is below 2^53 in magnitude, so that 64
	// wrapping bits hold it.
	n, d := b.let(wasm.I64, b.shr(u.sig.expr, b.i64(11))), b.let(wasm.I64, b.shr(v.sig.expr, b.i64(11)))
	small := b.let(wasm.I64, b.wide(b.ltU(n, d)))
	toF := func(v expr) expr { return b.op(wasm.OpF64ConvertI64S, v) }
	q := b.significand(b.op(wasm.OpF64Div, toF(n), toF(d)))
	rest := b.less(b.shl(n, b.plus(b.i64(52), small)), b.op(wasm.OpI64Mul, q, d))
	exp := b.op(wasm.OpI32Sub, b.op(wasm.OpI32Sub, u.exp.expr, v.exp.expr), b.op(wasm.OpI32WrapI64, small))
	sig := b.let(wasm.I64, b.jamSign(q, rest))
	b.call(b.fn.soft.round, sign, sig, exp, rm, single)()
	return b.f
}

func (b *softBuilder) sqrt() *wasm.Func {
	x, rm, single := b.get(0), b.get(1), b.get(2)
	b.retIf(b.call(b.fn.soft.narrow, x, single), b.any(b.none(b.mag(x)), b.isInf(x)))
	b.retIf(b.call(b.fn.soft.invalid, single), b.op(wasm.OpI64LtS, x, b.i64(0)))
	u := b.newUnpacked()
	b.unpack(u, x)
	// For an even exponent. sig × 2^-52 lies in [1,4), its root below 2 even when
	// rounded; the remainder fits as in div.
	odd := b.let(wasm.I32, b.both(u.exp.expr, b.i32(1)))
	sig := b.let(wasm.I64, b.shl(b.shr(u.sig.expr, b.i64(11)), b.wide(odd)))
	q := b.significand(b.op(wasm.OpF64Sqrt, b.op(wasm.OpF64Mul, b.op(wasm.OpF64ConvertI64S, sig), b.f64(0x1p-52))))
	rest := b.less(b.shl(sig, b.i64(52)), b.op(wasm.OpI64Mul, q, q))
	r := b.let(wasm.I64, b.jamSign(q, rest))
	b.call(b.fn.soft.round, b.i64(0), r, b.op(wasm.OpI32ShrS, u.exp.expr, b.i32(1)), rm, single)()
	return b.f
}

func (b *softBuilder) demote() *wasm.Func {
	x, rm := b.get(0), b.get(1)
	m := b.mag(x)
	b.retIf(b.call(b.fn.soft.narrow, x, b.i32(1)), b.any(b.none(m), b.isInf(m)))
	u := b.newUnpacked()
	b.unpack(u, m)
	b.call(b.fn.soft.round, b.sign(x), u.sig.expr, u.exp.expr, rm, b.i32(1))()
	return b.f
}

func (b *softBuilder) fromInt() *wasm.Func {
	m, sign, rm, single := b.get(0), b.get(1), b.get(2), b.get(3)
	b.retIf(b.i64(0), b.none(m))
	b.normalised(func(sig, exp expr) expr { return b.call(b.fn.soft.round, sign, sig, exp, rm, single) }, m, b.i32(63))()
	return b.f
}

func (b *softBuilder) fma() *wasm.Func {
	x, y, z, rm, single := b.get(0), b.get(1), b.get(2), b.get(3), b.get(4)
	mx, my, mz := b.mag(x), b.mag(y), b.mag(z)
	sign, signZ := b.variable(wasm.I64), b.variable(wasm.I64)
	b.set(sign, b.sign(b.xor(x, y)))
	b.set(signZ, b.sign(z))
	narrow := func(v expr) expr { return b.call(b.fn.soft.narrow, v, single) }
	invalid := b.call(b.fn.soft.invalid, single)
	zero := b.let(wasm.I32, b.any(b.none(mx), b.none(my)))
	b.when(b.any(b.isInf(mx), b.isInf(my)), func() {
		b.retIf(invalid, zero)
		b.retIf(invalid, b.isInf(mz), b.not(b.same(sign.expr, signZ.expr)))
		b.ret(narrow(b.or(sign.expr, b.i64(infinity))))
	})
	b.retIf(narrow(z), b.isInf(mz))
	b.when(zero, func() {
		b.retIf(b.zeroSum(rm, single), b.none(mz), b.not(b.same(sign.expr, z)))
		b.ret(narrow(z))
	})
	exp, hi, lo := b.product(mx, my)
	round := func(sig, exp expr) expr { return b.call(b.fn.soft.round, sign.expr, sig, exp, rm, single) }
	b.retIf(round(b.joined(hi.expr, lo.expr), exp.expr), b.none(mz))
	c := b.newUnpacked()
	b.unpack(c, mz)
	cl := b.variable(wasm.I64)
	b.set(cl, b.i64(0))
	// The larger magnitude goes first. Only an addend whose lower bits are lost is
	// jammed, and then at most one leading bit cancels, because the product has 22
	// and c has 75 zero bits at its end.
	swap := b.any(b.op(wasm.OpI32GtS, c.exp.expr, exp.expr),
		b.both(b.op(wasm.OpI32Eq, c.exp.expr, exp.expr), b.ltU(hi.expr, c.sig.expr)))
	b.when(swap, func() {
		exchange := func(v, w variable) {
			v.expr()
			w.expr()
			b.c.LocalSet(v.local)
			b.c.LocalSet(w.local)
		}
		exchange(exp, c.exp)
		exchange(hi, c.sig)
		exchange(lo, cl)
		exchange(sign, signZ)
	})
	b.shiftJam128(c.sig, cl, b.let(wasm.I32, b.op(wasm.OpI32Sub, exp.expr, c.exp.expr)))
	carry := func(sum, term expr) expr { return b.wide(b.ltU(sum, term)) }
	b.when(b.same(sign.expr, signZ.expr), func() {
		l := b.let(wasm.I64, b.plus(lo.expr, cl.expr))
		h := b.let(wasm.I64, b.plus(c.sig.expr, carry(l, cl.expr)))
		sum := b.let(wasm.I64, b.plus(hi.expr, h))
		lost := b.let(wasm.I32, b.any(b.ltU(sum, hi.expr), b.ltU(h, c.sig.expr)))
		sig := b.let(wasm.I64, b.joined(sum, l))
		b.retIf(b.carried(round, sig, exp.expr), lost)
		b.ret(round(sig, exp.expr))
	})
	borrow := b.let(wasm.I64, b.wide(b.ltU(lo.expr, cl.expr)))
	b.set(lo, b.less(lo.expr, cl.expr))
	b.set(hi, b.less(b.less(hi.expr, c.sig.expr), borrow))
	b.when(b.none(hi.expr), func() {
		b.retIf(b.zeroSum(rm, single), b.none(lo.expr))
		b.set(hi, lo.expr)
		b.set(lo, b.i64(0))
		b.set(exp, b.op(wasm.OpI32Sub, exp.expr, b.i32(64)))
	})
	zeros := b.let(wasm.I64, b.op(wasm.OpI64Clz, hi.expr))
	high := b.or(b.shl(hi.expr, zeros), b.shr(b.shr(lo.expr, b.i64(1)), b.less(b.i64(63), zeros)))
	round(b.joined(high, b.shl(lo.expr, zeros)), b.op(wasm.OpI32Sub, exp.expr, b.op(wasm.OpI32WrapI64, zeros)))()
	return b.f
}

// shiftJam128 shifts hi:lo to the right and keeps in the last bit whether any
// that was set is lost.
func (b *softBuilder) shiftJam128(hi, lo variable, n expr) {
	jam := func(x, n expr) expr { return b.call(b.fn.soft.jam, x, n) }
	b.op(wasm.OpI32GeU, n, b.i32(64))()
	b.c.If(wasm.Void)
	b.set(lo, jam(b.joined(hi.expr, lo.expr), b.op(wasm.OpI32Sub, n, b.i32(64))))
	b.set(hi, b.i64(0))
	b.c.Else()
	b.when(n, func() {
		k := b.let(wasm.I64, b.wide(n))
		b.set(lo, b.or(jam(lo.expr, n), b.shl(hi.expr, b.less(b.i64(64), k))))
		b.set(hi, b.shr(hi.expr, k))
	})
	b.c.End()
}

// integral rounds to an integral value by the native operation of the mode.
func (b *softBuilder) integral() *wasm.Func {
	x, rm := b.get(0), b.get(1)
	for _, m := range []struct {
		rm softfloat.Rounding
		op wasm.Opcode
	}{{softfloat.RTZ, wasm.OpF64Trunc}, {softfloat.RNE, wasm.OpF64Nearest}, {softfloat.RDN, wasm.OpF64Floor}, {softfloat.RUP, wasm.OpF64Ceil}} {
		b.retIf(b.op(m.op, x), b.is(rm, m.rm))
	}
	b.op(wasm.OpF64Trunc, b.awayFromZero(x))()
	return b.f
}

// awayFromZero is x plus what takes halves, and nothing else, to the next integer.
func (b *fpBuilder) awayFromZero(x expr) expr {
	return b.op(wasm.OpF64Add, x, b.op(wasm.OpF64Copysign, b.f64(math.Nextafter(0.5, 0)), x))
}

// addSoft adds these functions; each calls only earlier ones.
func addSoft(base uint32, fn *funcs, add func(*wasm.Func) int) {
	s := &fn.soft
	const i32, i64 = wasm.I32, wasm.I64
	build := func(name string, results []wasm.ValType, params ...wasm.ValType) *softBuilder {
		return newSoft("soft."+name, base, fn, results, params...)
	}
	s.accrue = add(build("accrue", nil, i32).accrue())
	s.up = add(build("up", resultI32, i64, i32, i32, i32).up())
	s.jam = add(build("jam", resultI64, i64, i32).jam())
	s.narrow = add(build("narrow", resultI64, i64, i32).narrow())
	s.invalid = add(build("invalid", resultI64, i32).invalid())
	s.round = add(build("round", resultI64, i64, i64, i32, i32, i32).round())
	s.add = add(build("add", resultI64, i64, i64, i32, i32).add())
	s.mul = add(build("mul", resultI64, i64, i64, i32, i32).mul())
	s.div = add(build("div", resultI64, i64, i64, i32, i32).div())
	s.sqrt = add(build("sqrt", resultI64, i64, i32, i32).sqrt())
	s.demote = add(build("demote", resultI64, i64, i32).demote())
	s.fma = add(build("fma", resultI64, i64, i64, i64, i32, i32).fma())
	s.fromInt = add(build("from_int", resultI64, i64, i64, i32, i32).fromInt())
	s.integral = add(build("integral", resultF64, wasm.F64, i32).integral())
}
