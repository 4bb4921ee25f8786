package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// The out-of-line side of native floating point: one function per operation,
// called by the interpreter when the inline condition of float.go does not hold,
// and for fused operations by page functions, too. The last parameter is the
// rounding mode. They try whether the native result is right and raises nothing
// that is not accrued already: the conditions are those of package softfloat's
// Exact functions (and, fused, of its Sticky ones when State.FPRound is set);
// FASTPATH.md has the proofs. Otherwise fpexact.go computes, and accrues flags.

// fpBuilder writes one helper as nested expressions.
type fpBuilder struct {
	f    *wasm.Func
	c    *wasm.Code
	base uint32             // address of the state
	word func(off int) expr // of the state
	rm   expr               // the operation's rounding mode
}

// expr pushes one value.
type expr func()

func newFP(name string, base uint32, result wasm.ValType, params ...wasm.ValType) *fpBuilder {
	f := &wasm.Func{Name: name, Type: wasm.FuncType{Params: params, Results: []wasm.ValType{result}}}
	c := &f.Body
	word := func(off int) expr {
		return func() { c.I32Const(0); c.I32Load(2, base+uint32(off)) }
	}
	return &fpBuilder{f: f, c: c, base: base, word: word}
}

func (b *fpBuilder) op(o wasm.Opcode, args ...expr) expr {
	return func() {
		for _, a := range args {
			a()
		}
		b.c.Op(o)
	}
}

func (b *fpBuilder) get(local uint32) expr { return func() { b.c.LocalGet(local) } }
func (b *fpBuilder) i32(v int32) expr      { return func() { b.c.I32Const(v) } }
func (b *fpBuilder) i64(v uint64) expr     { return func() { b.c.I64Const(int64(v)) } }
func (b *fpBuilder) f64(v float64) expr    { return func() { b.c.F64Const(v) } }

// let evaluates e into a new local.
func (b *fpBuilder) let(t wasm.ValType, e expr) expr {
	l := b.f.AddLocal(t)
	e()
	b.c.LocalSet(l)
	return b.get(l)
}

func (b *fpBuilder) when(cond expr, then func()) {
	cond()
	b.c.If(wasm.Void)
	then()
	b.c.End()
}

func (b *fpBuilder) ret(e expr) { e(); b.c.Return() }

// retIf returns r if every condition holds.
func (b *fpBuilder) retIf(r expr, conds ...expr) { b.when(b.all(conds...), func() { b.ret(r) }) }

func (b *fpBuilder) all(conds ...expr) expr {
	e := conds[0]
	for _, c := range conds[1:] {
		e = b.op(wasm.OpI32And, e, c)
	}
	return e
}

// width has the opcodes of one format.
type width struct {
	t                          wasm.ValType
	add, sub, mul, div, sqrt   wasm.Opcode
	eq, ne                     wasm.Opcode
	bits                       wasm.Opcode
	fromS, fromU, backS, backU wasm.Opcode
}

var (
	width64 = width{t: wasm.F64, add: wasm.OpF64Add, sub: wasm.OpF64Sub, mul: wasm.OpF64Mul, div: wasm.OpF64Div, sqrt: wasm.OpF64Sqrt,
		eq: wasm.OpF64Eq, ne: wasm.OpF64Ne, bits: wasm.OpI64ReinterpretF64,
		fromS: wasm.OpF64ConvertI64S, fromU: wasm.OpF64ConvertI64U, backS: wasm.OpI64TruncSatF64S, backU: wasm.OpI64TruncSatF64U}
	width32 = width{t: wasm.F32, add: wasm.OpF32Add, sub: wasm.OpF32Sub, mul: wasm.OpF32Mul, div: wasm.OpF32Div, sqrt: wasm.OpF32Sqrt,
		eq: wasm.OpF32Eq, ne: wasm.OpF32Ne, bits: wasm.OpI32ReinterpretF32,
		fromS: wasm.OpF32ConvertI64S, fromU: wasm.OpF32ConvertI64U, backS: wasm.OpI64TruncSatF32S, backU: wasm.OpI64TruncSatF32U}
)

func (b *fpBuilder) zero(w *width) expr {
	if w.t == wasm.F32 {
		return func() { b.c.F32Const(0) }
	}
	return b.f64(0)
}

// signCertain: an exact sum that is zero is -0 in the rounding mode RDN (but
// for +0 + +0), so there it is computed.
func (b *fpBuilder) signCertain(w *width, r expr) expr {
	return b.op(wasm.OpI32Or, b.op(w.ne, r, b.zero(w)), b.op(wasm.OpI32Ne, b.rm, b.i32(int32(softfloat.RDN))))
}

// sticky: the operation rounds to nearest even, and the inexact flag is accrued.
// While State.FRM is another mode State.FPRound does not say so, which costs
// instructions with a mode of their own some time, but they are rare then.
func (b *fpBuilder) sticky() expr { return b.both(b.word(core.OffFPRound), b.not(b.rm)) }

func (b *fpBuilder) isZero(w *width, x expr) expr { return b.op(w.eq, x, b.zero(w)) }

func (b *fpBuilder) promote(x expr) expr { return b.op(wasm.OpF64PromoteF32, x) }

// exactSum: r = x+y lost nothing.
func (b *fpBuilder) exactSum(w *width, x, y, r expr) expr {
	return b.all(b.op(w.eq, b.op(w.sub, r, x), y), b.op(w.eq, b.op(w.sub, r, y), x), b.signCertain(w, r))
}

// add is a+b.
func (m *maker) add(w *width, name string) *wasm.Func {
	b := m.helper(name, w.t, w.t, w.t)
	x, y := b.get(0), b.get(1)
	r := b.let(w.t, b.op(w.add, x, y))
	b.retIf(r, b.exactSum(w, x, y, r))
	b.retIf(r, b.sticky(), b.finite(w, r))
	return b.compute(w, b.fn.soft.add, w, x, y)
}

func (b *fpBuilder) magnitude(x expr) expr {
	return b.op(wasm.OpI64Shl, b.op(wasm.OpI64ReinterpretF64, x), b.i64(1))
}

// aboveTiny: the least normal number < |x| < ∞.
func (b *fpBuilder) aboveTiny(x expr) expr {
	const low = 1<<53 + 2
	return b.op(wasm.OpI64LtU, b.op(wasm.OpI64Sub, b.magnitude(x), b.i64(low)), b.i64(0x7ff<<53-low))
}

func (b *fpBuilder) aboveTiny32(x expr) expr {
	const low = 1<<24 + 2
	m := b.op(wasm.OpI32Shl, b.op(wasm.OpI32ReinterpretF32, x), b.i32(1))
	high := uint32(0xff<<24 - low)
	return b.op(wasm.OpI32LtU, b.op(wasm.OpI32Sub, m, b.i32(low)), b.i32(int32(high)))
}

// finite: x−x is a NaN for infinities and NaNs.
func (b *fpBuilder) finite(w *width, x expr) expr { return b.op(w.eq, b.op(w.sub, x, x), b.zero(w)) }

// shortProduct: the significands end in so many zeros that their product needs
// no rounding.
func (b *fpBuilder) shortProduct(x, y expr) expr {
	sig := func(v expr) expr {
		return b.op(wasm.OpI64Or, b.op(wasm.OpI64ReinterpretF64, v), b.i64(1<<52))
	}
	return b.op(wasm.OpI64Eqz, b.op(wasm.OpI64Shl, b.op(wasm.OpI64Mul, sig(x), sig(y)), b.i64(11)))
}

// zeroProduct: r = 0 because x or y is.
func (b *fpBuilder) zeroProduct(x, y, r expr) expr {
	return b.op(wasm.OpI32And, b.isZero(&width64, r), b.op(wasm.OpI32Or, b.isZero(&width64, x), b.isZero(&width64, y)))
}

// zeroQuotient: r = 0 because x is.
func (b *fpBuilder) zeroQuotient(x, r expr) expr {
	return b.op(wasm.OpI32And, b.isZero(&width64, r), b.isZero(&width64, x))
}

// exactProduct: r = x×y lost nothing.
func (b *fpBuilder) exactProduct(x, y, r expr) expr {
	return b.op(wasm.OpI32And, b.aboveTiny(r), b.shortProduct(x, y))
}

func (m *maker) mul64() *wasm.Func {
	b := m.helper("fmul64", wasm.F64, wasm.F64, wasm.F64)
	x, y := b.get(0), b.get(1)
	r := b.let(wasm.F64, b.op(wasm.OpF64Mul, x, y))
	b.retIf(r, b.zeroProduct(x, y, r))
	b.retIf(r, b.aboveTiny(r), b.op(wasm.OpI32Or, b.sticky(), b.shortProduct(x, y)))
	return b.compute(&width64, b.fn.soft.mul, &width64, x, y)
}

func (m *maker) div64() *wasm.Func {
	b := m.helper("fdiv64", wasm.F64, wasm.F64, wasm.F64)
	x, y := b.get(0), b.get(1)
	r := b.let(wasm.F64, b.op(wasm.OpF64Div, x, y))
	b.retIf(r, b.zeroQuotient(x, r))
	b.retIf(r, b.aboveTiny(r), b.sticky())
	b.retIf(r, b.aboveTiny(r), b.aboveTiny(x), b.shortProduct(r, y), b.op(wasm.OpF64Eq, b.op(wasm.OpF64Mul, r, y), x))
	return b.compute(&width64, b.fn.soft.div, &width64, x, y)
}

func (m *maker) sqrt64() *wasm.Func {
	b := m.helper("fsqrt64", wasm.F64, wasm.F64)
	x := b.get(0)
	r := b.let(wasm.F64, b.op(wasm.OpF64Sqrt, x))
	b.retIf(r, b.isZero(&width64, x))
	short := b.op(wasm.OpI64Eqz, b.op(wasm.OpI64Shl, b.op(wasm.OpI64ReinterpretF64, r), b.i64(37)))
	b.retIf(r, short, b.aboveTiny(x), b.op(wasm.OpF64Eq, b.op(wasm.OpF64Mul, r, r), x))
	return b.compute(&width64, b.fn.soft.sqrt, &width64, x)
}

// exact32 covers products, quotients and roots of binary32: in binary64 the
// product of any two is exact.
func (b *fpBuilder) exact32(op ir.FP, x, y, r expr) expr {
	product := func(u, v expr) expr { return b.op(wasm.OpF64Mul, b.promote(u), b.promote(v)) }
	switch op {
	case ir.FMul32:
		return b.op(wasm.OpF64Eq, product(x, y), b.promote(r))
	case ir.FDiv32:
		return b.op(wasm.OpF64Eq, product(r, y), b.promote(x))
	}
	return b.op(wasm.OpF64Eq, product(r, r), b.promote(x))
}

func (m *maker) helper32(op ir.FP, sym int) *wasm.Func {
	params := []wasm.ValType{wasm.F32, wasm.F32}
	if op == ir.FSqrt32 {
		params = params[:1]
	}
	b := m.helper(op.String(), wasm.F32, params...)
	args := []expr{b.get(0), b.get(1)}[:len(params)]
	r := b.let(wasm.F32, b.op(arith32[op], args...))
	b.retIf(r, b.exact32(op, b.get(0), b.get(1), r))
	return b.compute(&width32, sym, &width32, args...)
}

func (b *fpBuilder) exactDemotion(x, r expr) expr { return b.op(wasm.OpF64Eq, b.promote(r), x) }

func (m *maker) demote() *wasm.Func {
	b := m.helper("f64_to_f32", wasm.F32, wasm.F64)
	r := b.let(wasm.F32, b.op(wasm.OpF32DemoteF64, b.get(0)))
	b.retIf(r, b.exactDemotion(b.get(0), r))
	return b.compute(&width32, b.fn.soft.demote, &width64, b.get(0))
}

// exactInt: r is the 64-bit integer v. Converting back saturates: only the
// largest integer can come back from a result beyond the range.
func (b *fpBuilder) exactInt(w *width, signed bool, v, r expr) expr {
	back, largest := w.backU, uint64(math.MaxUint64)
	if signed {
		back, largest = w.backS, math.MaxInt64
	}
	return b.op(wasm.OpI32And, b.op(wasm.OpI64Eq, b.op(back, r), v), b.op(wasm.OpI64Ne, v, b.i64(largest)))
}

// fromInt converts a 64-bit integer.
func (m *maker) fromInt(w *width, signed bool, name string) *wasm.Func {
	b := m.helper(name, w.t, wasm.I64)
	from := w.fromU
	if signed {
		from = w.fromS
	}
	r := b.let(w.t, b.op(from, b.get(0)))
	b.retIf(r, b.exactInt(w, signed, b.get(0), r))
	mag, sign := b.get(0), b.i64(0)
	if signed {
		sign = b.and(b.get(0), b.i64(signBit))
		mag = b.pick(b.op(wasm.OpI64LtS, b.get(0), b.i64(0)), b.less(b.i64(0), b.get(0)), b.get(0))
	}
	b.result(w, b.call(b.fn.soft.fromInt, mag, sign, b.rm, b.single(w)))()
	return b.f
}

// twoSumError is what s = x+y lost, if nothing overflows.
func (b *fpBuilder) twoSumError(x, y, s expr) expr {
	sub := func(u, v expr) expr { return b.op(wasm.OpF64Sub, u, v) }
	v := b.let(wasm.F64, sub(s, x))
	return b.let(wasm.F64, b.op(wasm.OpF64Add, sub(x, sub(s, v)), sub(y, v)))
}

// towardOdd turns s, rounded to nearest with the error e, into s rounded to
// odd.
func (b *fpBuilder) towardOdd(s, e expr) expr {
	bits := b.let(wasm.I64, b.op(wasm.OpI64ReinterpretF64, s))
	zero := b.f64(0)
	even := b.op(wasm.OpI64Eqz, b.op(wasm.OpI64And, bits, b.i64(1)))
	inexact := b.op(wasm.OpF64Ne, e, zero)
	same := b.op(wasm.OpI32Eq, b.op(wasm.OpF64Gt, e, zero), b.op(wasm.OpF64Gt, s, zero))
	step := func() { // ±1 if it is to move, else 0
		b.i64(1)()
		b.i64(math.MaxUint64)()
		same()
		b.c.Select()
		b.op(wasm.OpI64ExtendI32U, b.all(even, inexact))()
		b.c.Op(wasm.OpI64Mul)
	}
	return b.op(wasm.OpF64ReinterpretI64, b.op(wasm.OpI64Add, bits, step))
}

// safeProduct is 2·(bits of 2^-960): a product at least as large has an exact
// error.
const safeProduct = 0x07e0_0000_0000_0000

func (m *maker) fma64() *wasm.Func {
	b := m.helper("fma64", wasm.F64, wasm.F64, wasm.F64, wasm.F64)
	compute := b.c.Block(wasm.Void)
	x, y, z := b.get(0), b.get(1), b.get(2)
	add := func(u, v expr) expr { return b.op(wasm.OpF64Add, u, v) }
	sub := func(u, v expr) expr { return b.op(wasm.OpF64Sub, u, v) }
	mul := func(u, v expr) expr { return b.op(wasm.OpF64Mul, u, v) }
	let := func(e expr) expr { return b.let(wasm.F64, e) }
	bits := func(e expr) expr { return b.op(wasm.OpI64ReinterpretF64, e) }
	p := let(mul(x, y))
	b.when(b.op(wasm.OpI64LtU, b.magnitude(p), b.i64(safeProduct)), func() {
		r := let(add(p, z))
		b.retIf(r, b.op(wasm.OpI32Or, b.isZero(&width64, x), b.isZero(&width64, y)), b.finite(&width64, r), b.signCertain(&width64, r))
		b.c.BrTo(compute)
	})
	// Cut the factors in halves of at most 26 and 27 bits: their products are
	// exact, and so is the product's error u.
	const low = 1<<27 - 1
	cut := func(e expr) expr {
		return let(b.op(wasm.OpF64ReinterpretI64, b.op(wasm.OpI64And, e, b.i64(^uint64(low)))))
	}
	b.retIf(p, b.isZero(&width64, z), b.sticky(), b.finite(&width64, p))
	xh := cut(bits(x))
	yh := cut(b.op(wasm.OpI64Add, bits(y), b.i64(1<<26)))
	xl, yl := let(sub(x, xh)), let(sub(y, yh))
	u := let(add(add(add(sub(mul(xh, yh), p), mul(xh, yl)), mul(xl, yh)), mul(xl, yl)))
	s := let(add(p, z))
	e := b.twoSumError(p, z, s)
	d := let(add(e, u))
	r := let(add(s, d))
	b.when(b.sticky(), func() {
		t := b.let(wasm.I64, bits(sub(d, sub(r, s))))
		half := b.all(b.op(wasm.OpI64Eqz, b.op(wasm.OpI64Shl, t, b.i64(12))),
			b.op(wasm.OpI64Ne, b.op(wasm.OpI64Shl, t, b.i64(1)), b.i64(0)))
		b.when(half, func() { // s+d may lie half way: what d lost decides
			f := b.twoSumError(e, u, d)
			odd := let(b.towardOdd(d, f))
			b.retIf(let(add(s, odd)), b.finite(&width64, add(s, odd)))
			b.c.BrTo(compute)
		})
		b.retIf(r, b.finite(&width64, r))
		b.c.BrTo(compute)
	})
	f := b.twoSumError(e, u, d)
	b.retIf(r, b.isZero(&width64, f), b.op(wasm.OpF64Eq, sub(r, s), d), b.op(wasm.OpF64Eq, sub(r, d), s), b.signCertain(&width64, r))
	b.c.End()
	return b.compute(&width64, b.fn.soft.fma, &width64, x, y, z)
}

// halfWay32: s lies half way between two binary32 numbers, if in their range.
func (b *fpBuilder) halfWay32(s expr) expr {
	return b.op(wasm.OpI64Eq, b.op(wasm.OpI64Shl, b.op(wasm.OpI64ReinterpretF64, s), b.i64(35)), b.i64(1<<63))
}

func (m *maker) fma32() *wasm.Func {
	b := m.helper("fma32", wasm.F32, wasm.F32, wasm.F32, wasm.F32)
	compute := b.c.Block(wasm.Void)
	let := func(e expr) expr { return b.let(wasm.F64, e) }
	sub := func(u, v expr) expr { return b.op(wasm.OpF64Sub, u, v) }
	z := let(b.promote(b.get(2)))
	p := let(b.op(wasm.OpF64Mul, b.promote(b.get(0)), b.promote(b.get(1))))
	s := let(b.op(wasm.OpF64Add, p, z))
	narrow := func(e expr) expr { return b.let(wasm.F32, b.op(wasm.OpF32DemoteF64, e)) }
	b.when(b.sticky(), func() {
		b.when(b.halfWay32(s), func() { // between two binary32: the sum's own error decides
			r := narrow(b.towardOdd(s, b.twoSumError(p, z, s)))
			b.retIf(r, b.aboveTiny32(r))
			b.c.BrTo(compute)
		})
		r := narrow(s)
		b.retIf(r, b.op(wasm.OpI32Or, b.aboveTiny32(r), b.isZero(&width64, s)))
		b.c.BrTo(compute)
	})
	r := narrow(s)
	b.retIf(r, b.op(wasm.OpF64Eq, sub(s, p), z), b.op(wasm.OpF64Eq, sub(s, z), p), b.op(wasm.OpF64Eq, b.promote(r), s), b.signCertain(&width32, r))
	b.c.End()
	return b.compute(&width32, b.fn.soft.fma, &width32, b.get(0), b.get(1), b.get(2))
}

// classify is FClass of bits shifted so that the sign is bit 63: exp is the
// exponent field, tiny the least normal number, both in that position.
func classify(name string, base uint32, exp, tiny, quiet uint64) *wasm.Func {
	b := newFP(name, base, wasm.I64, wasm.I64)
	mag := b.let(wasm.I64, b.op(wasm.OpI64And, b.get(0), b.i64(math.MaxInt64)))
	pick := func(cond, then, otherwise expr) expr {
		return func() { then(); otherwise(); cond(); b.c.Select() }
	}
	b.when(b.op(wasm.OpI64GtU, mag, b.i64(exp)), func() {
		isQuiet := b.op(wasm.OpI64Ne, b.op(wasm.OpI64And, mag, b.i64(quiet)), b.i64(0))
		b.ret(pick(isQuiet, b.i64(1<<9), b.i64(1<<8)))
	})
	// Of a negative number; a positive one counts from the other end.
	k := b.let(wasm.I64, pick(b.op(wasm.OpI64Eq, mag, b.i64(exp)), b.i64(0),
		pick(b.op(wasm.OpI64Eqz, mag), b.i64(3), pick(b.op(wasm.OpI64LtU, mag, b.i64(tiny)), b.i64(2), b.i64(1)))))
	negative := b.op(wasm.OpI64LtS, b.get(0), b.i64(0))
	b.op(wasm.OpI64Shl, b.i64(1), pick(negative, k, b.op(wasm.OpI64Sub, b.i64(7), k)))()
	return b.f
}

// maker makes the helpers of a core.
type maker struct {
	base uint32
	fn   *funcs
}

// helper begins one, with the rounding mode as another parameter at the end.
func (m *maker) helper(name string, result wasm.ValType, params ...wasm.ValType) *softBuilder {
	b := newSoft(name, m.base, m.fn, []wasm.ValType{result}, append(params[:len(params):len(params)], wasm.I32)...)
	b.rm = b.get(uint32(len(params)))
	return b
}

// single is 1 if the result is a binary32.
func (b *softBuilder) single(w *width) expr {
	if w.t == wasm.F32 {
		return b.i32(1)
	}
	return b.i32(0)
}

// result makes a float of bits.
func (b *softBuilder) result(w *width, bits expr) expr {
	if w.t == wasm.F32 {
		return b.op(wasm.OpF32ReinterpretI32, b.op(wasm.OpI32WrapI64, bits))
	}
	return b.op(wasm.OpF64ReinterpretI64, bits)
}

// compute ends a helper: it computes the result, of width w, from operands of
// width from.
func (b *softBuilder) compute(w *width, sym int, from *width, args ...expr) *wasm.Func {
	nan := func(x expr) expr { return b.op(from.ne, x, x) }
	isNaN, signals := nan(args[0]), b.signalling(from, args[0])
	for _, x := range args[1:] {
		isNaN, signals = b.any(isNaN, nan(x)), b.any(signals, b.signalling(from, x))
	}
	b.when(isNaN, func() {
		if sym == b.fn.soft.fma { // not even a NaN makes ∞×0 valid
			signals = b.any(signals, b.any(b.infTimesZero(from, args[0], args[1]), b.infTimesZero(from, args[1], args[0])))
		}
		b.when(signals, func() { b.raise(b.flags(softfloat.NV)) })
		b.ret(b.canonicalNaN(w))
	})
	var operands []expr
	for _, x := range args {
		if from.t == wasm.F32 {
			x = b.promote(x)
		}
		operands = append(operands, b.op(wasm.OpI64ReinterpretF64, x))
	}
	operands = append(operands, b.rm)
	if sym != b.fn.soft.demote {
		operands = append(operands, b.single(w))
	}
	b.result(w, b.call(sym, operands...))()
	return b.f
}

func (b *softBuilder) infTimesZero(w *width, x, y expr) expr {
	abs, inf := wasm.OpF64Abs, b.f64(math.Inf(1))
	if w.t == wasm.F32 {
		abs, inf = wasm.OpF32Abs, func() { b.c.F32Const(float32(math.Inf(1))) }
	}
	return b.both(b.op(w.eq, b.op(abs, x), inf), b.isZero(w, y))
}

// fpHelpers adds the helpers and notes their symbols by operation. A
// difference uses the sum's, a conversion from 32 bits that from 64.
func fpHelpers(base uint32, fn *funcs, add func(*wasm.Func) int) {
	addSoft(base, fn, add)
	m, p, s := &maker{base, fn}, &fn.fp, &fn.soft
	p[ir.FAdd64] = add(m.add(&width64, "fadd64"))
	p[ir.FAdd32] = add(m.add(&width32, "fadd32"))
	p[ir.FSub64], p[ir.FSub32] = p[ir.FAdd64], p[ir.FAdd32]
	p[ir.FMul64] = add(m.mul64())
	p[ir.FDiv64] = add(m.div64())
	p[ir.FSqrt64] = add(m.sqrt64())
	p[ir.FMul32] = add(m.helper32(ir.FMul32, s.mul))
	p[ir.FDiv32] = add(m.helper32(ir.FDiv32, s.div))
	p[ir.FSqrt32] = add(m.helper32(ir.FSqrt32, s.sqrt))
	p[ir.F64ToF32] = add(m.demote())
	p[ir.I64ToF64] = add(m.fromInt(&width64, true, "i64_to_f64"))
	p[ir.U64ToF64] = add(m.fromInt(&width64, false, "u64_to_f64"))
	p[ir.I64ToF32] = add(m.fromInt(&width32, true, "i64_to_f32"))
	p[ir.U64ToF32] = add(m.fromInt(&width32, false, "u64_to_f32"))
	p[ir.I32ToF32], p[ir.U32ToF32] = p[ir.I64ToF32], p[ir.I64ToF32]
	p[ir.FMA64] = add(m.fma64())
	p[ir.FMA32] = add(m.fma32())
	p[ir.FClass64] = add(classify("fclass64", base, 0x7ff<<52, 1<<52, 1<<51))
	p[ir.FClass32] = add(classify("fclass32", base, 0x7f80_0000<<32, 0x0080_0000<<32, 0x0040_0000<<32))
	m.choices(add)
}
