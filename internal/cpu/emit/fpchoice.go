package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// The helpers of operations whose result is no rounded number: conversions to
// integers, and what comparisons, min, max and promotion do with NaNs.

// signalling says that bits of a float are those of a signalling NaN.
func (b *fpBuilder) signalling(w *width, x expr) expr {
	bits := b.op(w.bits, x)
	if w.t == wasm.F32 {
		return b.both(
			b.op(wasm.OpI32Eq, b.both(bits, b.i32(0x7fc0_0000)), b.i32(0x7f80_0000)),
			b.op(wasm.OpI32Ne, b.both(bits, b.i32(0x003f_ffff)), b.i32(0)))
	}
	return b.both(
		b.same(b.and(bits, b.i64(0x7ff8<<48)), b.i64(0x7ff0<<48)),
		b.not(b.none(b.and(bits, b.i64(1<<51-1)))))
}

func (b *fpBuilder) canonicalNaN(w *width) expr {
	if w.t == wasm.F32 {
		return func() { b.c.F32Bits(softfloat.CanonicalNaN32) }
	}
	return func() { b.c.F64Bits(softfloat.CanonicalNaN64) }
}

// An intKind is a type of integers that floats are converted to. Those of 32 bits
// are extended by their sign, whether they have one or not.
type intKind struct {
	low, high float64     // between which integral values fit: low <= x < high
	convert   wasm.Opcode // saturates
	narrow    bool
	largest   int64
}

// intKinds are by the conversion's operation on a binary64.
var intKinds = map[ir.FP]intKind{
	ir.F64ToI32: {-0x1p31, 0x1p31, wasm.OpI32TruncSatF64S, true, math.MaxInt32},
	ir.F64ToU32: {0, 0x1p32, wasm.OpI32TruncSatF64U, true, -1},
	ir.F64ToI64: {-0x1p63, 0x1p63, wasm.OpI64TruncSatF64S, false, math.MaxInt64},
	ir.F64ToU64: {0, 0x1p64, wasm.OpI64TruncSatF64U, false, -1},
}

// toInt converts to an integer: beyond its range to the end of it, and a NaN as
// the largest.
func (m *maker) toInt(name string, k intKind) *wasm.Func {
	b := m.helper(name, wasm.I64, wasm.F64)
	x := b.get(0)
	r := b.let(wasm.F64, b.call(b.fn.soft.integral, x, b.rm))
	result := b.op(k.convert, r)
	if k.narrow {
		result = b.op(wasm.OpI64ExtendI32S, result)
	}
	b.when(b.both(b.op(wasm.OpF64Ge, r, b.f64(k.low)), b.op(wasm.OpF64Lt, r, b.f64(k.high))), func() {
		b.when(b.op(wasm.OpF64Ne, r, x), func() { b.raise(b.flags(softfloat.NX)) })
		b.ret(result)
	})
	b.raise(b.flags(softfloat.NV))
	b.pick(b.op(wasm.OpF64Ne, x, x), b.i64(uint64(k.largest)), result)()
	return b.f
}

// minMax is min and max where an operand is a NaN: the other one.
func (m *maker) minMax(w *width, name string) *wasm.Func {
	b := newSoft(name, m.base, m.fn, []wasm.ValType{w.t}, w.t, w.t)
	x, y := b.get(0), b.get(1)
	b.quiet(w, x, y)
	b.retIf(x, b.op(w.eq, x, x))
	b.retIf(y, b.op(w.eq, y, y))
	b.canonicalNaN(w)()
	return b.f
}

// quiet raises NV if an operand signals.
func (b *softBuilder) quiet(w *width, args ...expr) {
	signals := b.signalling(w, args[0])
	for _, x := range args[1:] {
		signals = b.any(signals, b.signalling(w, x))
	}
	b.when(signals, func() { b.raise(b.flags(softfloat.NV)) })
}

// unordered does what comparisons do with NaNs beside being false: the quiet one
// raises NV for those that signal, the others always.
func (m *maker) unordered(w *width, name string) *wasm.Func {
	b := newSoft(name, m.base, m.fn, nil, w.t, w.t)
	b.quiet(w, b.get(0), b.get(1))
	return b.f
}

// choices adds these helpers.
func (m *maker) choices(add func(*wasm.Func) int) {
	p := &m.fn.fp
	for _, op := range []ir.FP{ir.F64ToI32, ir.F64ToU32, ir.F64ToI64, ir.F64ToU64} {
		p[op] = add(m.toInt(op.String(), intKinds[op]))
	}
	p[ir.F32ToI32], p[ir.F32ToU32], p[ir.F32ToI64], p[ir.F32ToU64] = p[ir.F64ToI32], p[ir.F64ToU32], p[ir.F64ToI64], p[ir.F64ToU64]
	p[ir.FMin64] = add(m.minMax(&width64, "minmax64"))
	p[ir.FMin32] = add(m.minMax(&width32, "minmax32"))
	p[ir.FMax64], p[ir.FMax32] = p[ir.FMin64], p[ir.FMin32]
	p[ir.FEq64] = add(m.unordered(&width64, "feq64"))
	p[ir.FEq32] = add(m.unordered(&width32, "feq32"))
	b := newSoft("f32_to_f64", m.base, m.fn, resultF64, wasm.F32)
	b.quiet(&width32, b.get(0))
	b.canonicalNaN(&width64)()
	p[ir.F32ToF64] = add(b.f)
}
