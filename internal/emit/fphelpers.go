package emit

import (
	"math"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/ir"
	"github.com/c2w/c2w/internal/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// The out-of-line side of native floating point: one function per operation,
// called by the interpreter when the inline condition of float.go does not hold,
// and for fused operations by page functions, too. A result that is
// a NaN means that Go has to compute; any other result has the guest's bits
// and raises nothing that is not accrued already. The conditions are those of
// package softfloat's Exact functions (and, fused, of its Sticky ones when
// State.FPRound is set); FASTPATH.md has the proofs.

// fpBuilder writes one helper as nested expressions.
type fpBuilder struct {
	f    *wasm.Func
	c    *wasm.Code
	word func(off int) expr // of the state
}

// expr pushes one value.
type expr func()

func newFP(name string, base uint32, result wasm.ValType, params ...wasm.ValType) *fpBuilder {
	f := &wasm.Func{Name: name, Type: wasm.FuncType{Params: params, Results: []wasm.ValType{result}}}
	c := &f.Body
	word := func(off int) expr {
		return func() { c.I32Const(0); c.I32Load(2, base+uint32(off)) }
	}
	return &fpBuilder{f, c, word}
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

// done ends the function with the request to leave.
func (b *fpBuilder) done() *wasm.Func {
	if b.f.Type.Results[0] == wasm.F32 {
		b.c.F32Bits(softfloat.CanonicalNaN32)
	} else {
		b.c.F64Bits(softfloat.CanonicalNaN64)
	}
	return b.f
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
// for +0 + +0), so there it is left to Go.
func (b *fpBuilder) signCertain(w *width, r expr) expr {
	return b.op(wasm.OpI32Or, b.op(w.ne, r, b.zero(w)), b.op(wasm.OpI32Ne, b.word(core.OffFRM), b.i32(int32(softfloat.RDN))))
}

func (b *fpBuilder) isZero(w *width, x expr) expr { return b.op(w.eq, x, b.zero(w)) }

func (b *fpBuilder) promote(x expr) expr { return b.op(wasm.OpF64PromoteF32, x) }

// exactSum: r = x+y lost nothing.
func (b *fpBuilder) exactSum(w *width, x, y, r expr) expr {
	return b.all(b.op(w.eq, b.op(w.sub, r, x), y), b.op(w.eq, b.op(w.sub, r, y), x), b.signCertain(w, r))
}

// exactAdd is a+b.
func exactAdd(w *width, name string, base uint32) *wasm.Func {
	b := newFP(name, base, w.t, w.t, w.t)
	x, y := b.get(0), b.get(1)
	r := b.let(w.t, b.op(w.add, x, y))
	b.retIf(r, b.exactSum(w, x, y, r))
	b.retIf(r, b.word(core.OffFPRound), b.finite(w, r))
	return b.done()
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

func exactMul64(base uint32) *wasm.Func {
	b := newFP("fmul64", base, wasm.F64, wasm.F64, wasm.F64)
	x, y := b.get(0), b.get(1)
	r := b.let(wasm.F64, b.op(wasm.OpF64Mul, x, y))
	b.retIf(r, b.zeroProduct(x, y, r))
	b.retIf(r, b.aboveTiny(r), b.op(wasm.OpI32Or, b.word(core.OffFPRound), b.shortProduct(x, y)))
	return b.done()
}

func exactDiv64(base uint32) *wasm.Func {
	b := newFP("fdiv64", base, wasm.F64, wasm.F64, wasm.F64)
	x, y := b.get(0), b.get(1)
	r := b.let(wasm.F64, b.op(wasm.OpF64Div, x, y))
	b.retIf(r, b.zeroQuotient(x, r))
	b.retIf(r, b.aboveTiny(r), b.word(core.OffFPRound))
	b.retIf(r, b.aboveTiny(r), b.aboveTiny(x), b.shortProduct(r, y), b.op(wasm.OpF64Eq, b.op(wasm.OpF64Mul, r, y), x))
	return b.done()
}

func exactSqrt64(base uint32) *wasm.Func {
	b := newFP("fsqrt64", base, wasm.F64, wasm.F64)
	x := b.get(0)
	r := b.let(wasm.F64, b.op(wasm.OpF64Sqrt, x))
	b.retIf(r, b.isZero(&width64, x))
	short := b.op(wasm.OpI64Eqz, b.op(wasm.OpI64Shl, b.op(wasm.OpI64ReinterpretF64, r), b.i64(37)))
	b.retIf(r, short, b.aboveTiny(x), b.op(wasm.OpF64Eq, b.op(wasm.OpF64Mul, r, r), x))
	return b.done()
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

func helper32(op ir.FP, base uint32) *wasm.Func {
	params := []wasm.ValType{wasm.F32, wasm.F32}
	if op == ir.FSqrt32 {
		params = params[:1]
	}
	b := newFP(op.String(), base, wasm.F32, params...)
	args := []expr{b.get(0), b.get(1)}[:len(params)]
	r := b.let(wasm.F32, b.op(arith32[op], args...))
	b.retIf(r, b.exact32(op, b.get(0), b.get(1), r))
	return b.done()
}

func (b *fpBuilder) exactDemotion(x, r expr) expr { return b.op(wasm.OpF64Eq, b.promote(r), x) }

func exactNarrow(base uint32) *wasm.Func {
	b := newFP("f64_to_f32", base, wasm.F32, wasm.F64)
	r := b.let(wasm.F32, b.op(wasm.OpF32DemoteF64, b.get(0)))
	b.retIf(r, b.exactDemotion(b.get(0), r))
	return b.done()
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

// exactFromInt converts a 64-bit integer.
func exactFromInt(w *width, signed bool, name string, base uint32) *wasm.Func {
	b := newFP(name, base, w.t, wasm.I64)
	from := w.fromU
	if signed {
		from = w.fromS
	}
	r := b.let(w.t, b.op(from, b.get(0)))
	b.retIf(r, b.exactInt(w, signed, b.get(0), r))
	return b.done()
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

func fma64(base uint32) *wasm.Func {
	b := newFP("fma64", base, wasm.F64, wasm.F64, wasm.F64, wasm.F64)
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
		b.done()
		b.c.Return()
	})
	// Cut the factors in halves of at most 26 and 27 bits: their products are
	// exact, and so is the product's error u.
	const low = 1<<27 - 1
	cut := func(e expr) expr {
		return let(b.op(wasm.OpF64ReinterpretI64, b.op(wasm.OpI64And, e, b.i64(^uint64(low)))))
	}
	b.retIf(p, b.isZero(&width64, z), b.word(core.OffFPRound), b.finite(&width64, p))
	xh := cut(bits(x))
	yh := cut(b.op(wasm.OpI64Add, bits(y), b.i64(1<<26)))
	xl, yl := let(sub(x, xh)), let(sub(y, yh))
	u := let(add(add(add(sub(mul(xh, yh), p), mul(xh, yl)), mul(xl, yh)), mul(xl, yl)))
	s := let(add(p, z))
	e := b.twoSumError(p, z, s)
	d := let(add(e, u))
	r := let(add(s, d))
	b.when(b.word(core.OffFPRound), func() {
		t := b.let(wasm.I64, bits(sub(d, sub(r, s))))
		half := b.all(b.op(wasm.OpI64Eqz, b.op(wasm.OpI64Shl, t, b.i64(12))),
			b.op(wasm.OpI64Ne, b.op(wasm.OpI64Shl, t, b.i64(1)), b.i64(0)))
		b.when(half, func() { // s+d may lie half way: what d lost decides
			f := b.twoSumError(e, u, d)
			odd := let(b.towardOdd(d, f))
			b.retIf(let(add(s, odd)), b.finite(&width64, add(s, odd)))
			b.done()
			b.c.Return()
		})
		b.retIf(r, b.finite(&width64, r))
		b.done()
		b.c.Return()
	})
	f := b.twoSumError(e, u, d)
	b.retIf(r, b.isZero(&width64, f), b.op(wasm.OpF64Eq, sub(r, s), d), b.op(wasm.OpF64Eq, sub(r, d), s), b.signCertain(&width64, r))
	return b.done()
}

// halfWay32: s lies half way between two binary32 numbers, if in their range.
func (b *fpBuilder) halfWay32(s expr) expr {
	return b.op(wasm.OpI64Eq, b.op(wasm.OpI64Shl, b.op(wasm.OpI64ReinterpretF64, s), b.i64(35)), b.i64(1<<63))
}

func fma32(base uint32) *wasm.Func {
	b := newFP("fma32", base, wasm.F32, wasm.F32, wasm.F32, wasm.F32)
	let := func(e expr) expr { return b.let(wasm.F64, e) }
	sub := func(u, v expr) expr { return b.op(wasm.OpF64Sub, u, v) }
	z := let(b.promote(b.get(2)))
	p := let(b.op(wasm.OpF64Mul, b.promote(b.get(0)), b.promote(b.get(1))))
	s := let(b.op(wasm.OpF64Add, p, z))
	narrow := func(e expr) expr { return b.let(wasm.F32, b.op(wasm.OpF32DemoteF64, e)) }
	b.when(b.word(core.OffFPRound), func() {
		b.when(b.halfWay32(s), func() { // between two binary32: the sum's own error decides
			r := narrow(b.towardOdd(s, b.twoSumError(p, z, s)))
			b.retIf(r, b.aboveTiny32(r))
			b.done()
			b.c.Return()
		})
		r := narrow(s)
		b.retIf(r, b.op(wasm.OpI32Or, b.aboveTiny32(r), b.isZero(&width64, s)))
		b.done()
		b.c.Return()
	})
	r := narrow(s)
	b.retIf(r, b.op(wasm.OpF64Eq, sub(s, p), z), b.op(wasm.OpF64Eq, sub(s, z), p), b.op(wasm.OpF64Eq, b.promote(r), s), b.signCertain(&width32, r))
	return b.done()
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

// fpHelpers adds the helpers and notes their symbols by operation. A
// difference uses the sum's, a conversion from 32 bits that from 64.
func fpHelpers(base uint32, fn *funcs, add func(*wasm.Func) int) {
	p := &fn.fp
	p[ir.FAdd64] = add(exactAdd(&width64, "fadd64", base))
	p[ir.FAdd32] = add(exactAdd(&width32, "fadd32", base))
	p[ir.FSub64], p[ir.FSub32] = p[ir.FAdd64], p[ir.FAdd32]
	p[ir.FMul64] = add(exactMul64(base))
	p[ir.FDiv64] = add(exactDiv64(base))
	p[ir.FSqrt64] = add(exactSqrt64(base))
	for _, op := range []ir.FP{ir.FMul32, ir.FDiv32, ir.FSqrt32} {
		p[op] = add(helper32(op, base))
	}
	p[ir.F64ToF32] = add(exactNarrow(base))
	p[ir.I64ToF64] = add(exactFromInt(&width64, true, "i64_to_f64", base))
	p[ir.U64ToF64] = add(exactFromInt(&width64, false, "u64_to_f64", base))
	p[ir.I64ToF32] = add(exactFromInt(&width32, true, "i64_to_f32", base))
	p[ir.U64ToF32] = add(exactFromInt(&width32, false, "u64_to_f32", base))
	p[ir.I32ToF32], p[ir.U32ToF32] = p[ir.I64ToF32], p[ir.I64ToF32]
	p[ir.FMA64] = add(fma64(base))
	p[ir.FMA32] = add(fma32(base))
	p[ir.FClass64] = add(classify("fclass64", base, 0x7ff<<52, 1<<52, 1<<51))
	p[ir.FClass32] = add(classify("fclass32", base, 0x7f80_0000<<32, 0x0080_0000<<32, 0x0040_0000<<32))
}
