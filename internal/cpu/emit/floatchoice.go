package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// Native operations whose result is no rounded number: min, max, comparisons,
// conversions to integers. Their helpers are in fpchoice.go.

// fpPick is min and max: as the guest's unless an operand is a NaN, which the
// native result then is, too.
func (l *lowering) fpPick(n *ir.Node, op ir.FP, t wasm.ValType) {
	r := l.fpLocal(t)
	x, y := l.fpTwo(n, op, t)
	x()
	y()
	l.c.Op(map[ir.FP]wasm.Opcode{ir.FMin32: wasm.OpF32Min, ir.FMax32: wasm.OpF32Max, ir.FMin64: wasm.OpF64Min, ir.FMax64: wasm.OpF64Max}[op])
	l.c.LocalSet(r)
	l.fpNaN(r, op, t, x, y)
	l.unuse(n.Args[0])
	l.unuse(n.Args[1])
	l.fpResult(r, t)
}

// fpTwo computes two operands now; unuse has to follow for each.
func (l *lowering) fpTwo(n *ir.Node, op ir.FP, t wasm.ValType) (x, y expr) {
	l.fpUse(n, 0, t, 0)
	l.fpUse(n, 1, t, 0)
	return l.fpAgain(n.Args[0], op, t), l.fpAgain(n.Args[1], op, t)
}

// fpCompare finds out whether an operand is a NaN: of a comparison and its
// contrary exactly one holds otherwise. With one, what is left to do is to raise
// NV, which is set already as a rule, or not to be raised: then it is done.
func (l *lowering) fpCompare(n *ir.Node, op ir.FP, t wasm.ValType) {
	w, lt, ge, le, gt := &width64, wasm.OpF64Lt, wasm.OpF64Ge, wasm.OpF64Le, wasm.OpF64Gt
	if t == wasm.F32 {
		w, lt, ge, le, gt = &width32, wasm.OpF32Lt, wasm.OpF32Ge, wasm.OpF32Le, wasm.OpF32Gt
	}
	x, y := l.fpTwo(n, op, t)
	compare := func(o wasm.Opcode) { x(); y(); l.c.Op(o) }
	quiet := false
	r := l.alloc(ir.I32)
	switch op {
	case ir.FLt32, ir.FLt64:
		compare(lt)
		l.c.LocalTee(r)
		compare(ge)
	case ir.FLe32, ir.FLe64:
		compare(le)
		l.c.LocalTee(r)
		compare(gt)
	default:
		quiet = true
		compare(w.eq)
		l.c.LocalSet(r)
		compare(lt)
		compare(ge)
	}
	l.c.Op(wasm.OpI32Eq)
	l.c.If(wasm.Void)
	switch b := (&fpBuilder{f: l.f, c: l.c}); {
	case l.t.helps(l) && quiet:
		x()
		y()
		l.c.CallSym(l.fn.fp[op])
	case l.t.helps(l):
		l.c.I32Const(int32(softfloat.NV))
		l.c.CallSym(l.fn.soft.accrue)
	case quiet:
		b.any(b.signalling(w, x), b.signalling(w, y))()
		l.t.resumeIf(l)
	default:
		l.t.stateWord(l, core.OffFFlags)
		l.c.I32Const(int32(softfloat.NV))
		l.c.Op(wasm.OpI32And)
		l.c.Op(wasm.OpI32Eqz)
		l.t.resumeIf(l)
	}
	l.c.End()
	l.unuse(n.Args[0])
	l.unuse(n.Args[1])
	l.c.LocalGet(r)
	l.c.Op(wasm.OpI64ExtendI32U)
	l.release(ir.I32, r)
}

// fpToInt rounds to an integral value by what is native for the mode. That is
// exact if it changes nothing; otherwise it is inexact, and never invalid as
// long as the value fits.
func (l *lowering) fpToInt(n *ir.Node, op ir.FP, t wasm.ValType) {
	c, a, m := l.c, l.fpLocal(wasm.F64), l.fpLocal2()
	l.fpArg(n, 0, t)
	if t == wasm.F32 {
		c.Op(wasm.OpF64PromoteF32)
	}
	help := func() { l.fpHelp(n, op, func() { c.LocalGet(a) }) }
	c.LocalTee(a)
	switch mode := softfloat.Rounding(n.Aux); {
	case n.Aux == ir.RMRecord:
		l.fpMode(n)
		c.CallSym(l.fn.fp[op])
		return
	case n.Aux == ir.RMDynamic || mode == softfloat.RNE: // in another dynamic mode only what is exact
		c.Op(wasm.OpF64Nearest)
	case mode == softfloat.RDN:
		c.Op(wasm.OpF64Floor)
	case mode == softfloat.RUP:
		c.Op(wasm.OpF64Ceil)
	case mode == softfloat.RMM:
		b := &fpBuilder{f: l.f, c: c}
		c.Drop()
		b.awayFromZero(b.get(a))()
	}
	c.LocalSet(m)
	if l.t.helps(l) {
		l.fitsInt(op, a, m)
		c.If(wasm.BlockValue(wasm.I64))
		l.lostInt(n, a)
		c.If(wasm.BlockValue(wasm.I64))
		help()
		c.Else()
		l.convertInt(op, m)
		c.End()
		c.Else()
		help()
		c.End()
		return
	}
	l.fitsInt(op, a, m)
	c.Op(wasm.OpI32Eqz)
	l.t.resumeIf(l)
	l.sticky(n)
	c.Op(wasm.OpI32Eqz)
	c.If(wasm.Void)
	c.LocalGet(a)
	c.LocalGet(a)
	c.Op(wasm.OpF64Trunc)
	c.Op(wasm.OpF64Ne)
	l.t.resumeIf(l)
	c.End()
	l.convertInt(op, m)
}

// lostInt pushes whether local a is not integral, where that may raise a flag.
func (l *lowering) lostInt(n *ir.Node, a uint32) {
	l.sticky(n)
	l.c.Op(wasm.OpI32Eqz)
	l.c.LocalGet(a)
	l.c.LocalGet(a)
	l.c.Op(wasm.OpF64Trunc)
	l.c.Op(wasm.OpF64Ne)
	l.c.Op(wasm.OpI32And)
}

// fitsInt pushes whether the conversion of local m, which may not be integral yet,
// is in range.
func (l *lowering) fitsInt(op ir.FP, a, m uint32) {
	c := l.c
	signed, bits := true, 63
	switch op {
	case ir.F64ToI32, ir.F32ToI32:
		bits = 31
	case ir.F64ToU32, ir.F32ToU32:
		signed, bits = false, 32
	case ir.F64ToU64, ir.F32ToU64:
		signed, bits = false, 64
	}
	limit := math.Ldexp(1, bits)
	c.LocalGet(m)
	if signed {
		c.Op(wasm.OpF64Abs)
		c.F64Const(limit)
		c.Op(wasm.OpF64Lt)
	} else { // as integers, so that negative numbers and -0 are too large
		c.Op(wasm.OpI64ReinterpretF64)
		c.I64Const(int64(math.Float64bits(limit)))
		c.Op(wasm.OpI64LtU)
	}
}

// convertInt pushes local m as an integer, in whose range it is; the conversion
// truncates what is not integral yet.
func (l *lowering) convertInt(op ir.FP, m uint32) {
	l.c.LocalGet(m)
	switch op {
	case ir.F64ToU32, ir.F32ToU32:
		l.c.Op(wasm.OpI64TruncSatF64U)
		l.c.Op(wasm.OpI64Extend32S)
	case ir.F64ToU64, ir.F32ToU64:
		l.c.Op(wasm.OpI64TruncSatF64U)
	default:
		l.c.Op(wasm.OpI64TruncSatF64S)
	}
}
