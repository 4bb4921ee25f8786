package emit

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// Native floating point. An operation runs natively when its result and its
// flags are certain to be what exact arithmetic gives; otherwise a helper of
// fphelpers.go computes it. The inline conditions are the sticky ones of
// softfloat/FASTPATH.md: the rounding mode is nearest even, the inexact flag
// is accrued already (State.FPRound says both), and the result proves that no
// other flag is raised. One comparison of the result's bits with a limit that
// is zero unless State.FPRound is set tests all of that.
//
// Where it fails, the interpreter calls the helper. A page function tries what it
// can without a call, which would cost registers on the common path, too, and
// leaves the rest to the interpreter.

// opcodes of the two formats that the inline code uses.
var (
	arith64 = map[ir.FP]wasm.Opcode{ir.FAdd64: wasm.OpF64Add, ir.FSub64: wasm.OpF64Sub, ir.FMul64: wasm.OpF64Mul,
		ir.FDiv64: wasm.OpF64Div, ir.FSqrt64: wasm.OpF64Sqrt, ir.F64ToF32: wasm.OpF32DemoteF64,
		ir.I64ToF64: wasm.OpF64ConvertI64S, ir.U64ToF64: wasm.OpF64ConvertI64U}
	arith32 = map[ir.FP]wasm.Opcode{ir.FAdd32: wasm.OpF32Add, ir.FSub32: wasm.OpF32Sub, ir.FMul32: wasm.OpF32Mul,
		ir.FDiv32: wasm.OpF32Div, ir.FSqrt32: wasm.OpF32Sqrt,
		ir.I32ToF32: wasm.OpF32ConvertI64S, ir.U32ToF32: wasm.OpF32ConvertI64S,
		ir.I64ToF32: wasm.OpF32ConvertI64S, ir.U64ToF32: wasm.OpF32ConvertI64U}
)

// fpLocal is a float scratch local, one of each type in a function. It holds a
// value only within the code of one node.
func (l *lowering) fpLocal(t wasm.ValType) uint32 {
	i := 0
	if t == wasm.F32 {
		i = 1
	}
	if l.fp[i] == 0 { // never a float's number: parameters come first
		l.fp[i] = l.f.AddLocal(t)
	}
	return l.fp[i]
}

// fpArg pushes argument k as a float of type t, counting one use.
func (l *lowering) fpArg(n *ir.Node, k int, t wasm.ValType) {
	if t == wasm.F64 {
		l.needF64(n.Args[k])
		return
	}
	l.need(n.Args[k])
	l.c.Op(wasm.OpI32WrapI64)
	l.c.Op(wasm.OpF32ReinterpretI32)
}

// fpUse computes an argument of type t now, as it is read more than once: times
// more than the block says.
func (l *lowering) fpUse(n *ir.Node, k int, t wasm.ValType, times int32) {
	v := n.Args[k]
	l.uses[v] += times
	switch {
	case l.cheapAgain(v):
	case t == wasm.F64:
		l.forceF64(v)
	default:
		l.force(v)
	}
}

// fpResult pushes local r of type t as the result of a Float node.
func (l *lowering) fpResult(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	if t == wasm.F32 {
		l.c.Op(wasm.OpI32ReinterpretF32)
		l.c.Op(wasm.OpI64ExtendI32U)
	}
}

// sticky pushes whether a conversion to an integer may raise the inexact flag:
// in the dynamic rounding mode that has to be nearest even, too.
func (l *lowering) sticky(n *ir.Node) {
	if n.Aux == ir.RMDynamic {
		l.t.fpLimit(l)
	} else {
		l.t.stateWord(l, core.OffFPExact)
	}
}

// fpMode pushes the rounding mode of a Float node.
func (l *lowering) fpMode(n *ir.Node) {
	switch n.Aux {
	case ir.RMDynamic:
		l.t.stateWord(l, core.OffFRM)
	case ir.RMRecord:
		l.t.recordMode(l)
	default:
		l.c.I32Const(int32(n.Aux))
	}
}

// isNearest says that a Float node rounds to nearest even, or may.
func isNearest(n *ir.Node) bool {
	return n.Aux == ir.RMDynamic || softfloat.Rounding(n.Aux) == softfloat.RNE
}

// fpHelp pushes operands and calls the helper of an operation, which takes the
// rounding mode last.
func (l *lowering) fpHelp(n *ir.Node, op ir.FP, args ...expr) {
	for _, a := range args {
		a()
	}
	l.fpMode(n)
	l.c.CallSym(l.fn.fp[op])
}

// fpNaN is the way of a result r that is a NaN: to a helper that takes the
// operands alone, or to the interpreter.
func (l *lowering) fpNaN(r uint32, op ir.FP, t wasm.ValType, args ...expr) {
	ne := wasm.OpF64Ne
	if t == wasm.F32 {
		ne = wasm.OpF32Ne
	}
	l.c.LocalGet(r)
	l.c.LocalGet(r)
	l.c.Op(ne)
	if !l.t.helps(l) {
		l.t.resumeIf(l)
		return
	}
	l.c.If(wasm.Void)
	for _, a := range args {
		a()
	}
	l.c.CallSym(l.fn.fp[op])
	l.c.LocalSet(r)
	l.c.End()
}

// fpArith is an operation of one or two operands that rounds.
func (l *lowering) fpArith(n *ir.Node, op ir.FP, t wasm.ValType) {
	args := 1
	if n.Args[1] != ir.NoValue {
		args = 2
	}
	native, result, from := arith64[op], t, t
	if t == wasm.F32 {
		native = arith32[op]
	}
	switch op {
	case ir.F64ToF32:
		result = wasm.F32
	case ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		from = wasm.I64
	}
	var arg [2]expr
	for k := range args {
		l.fpUse(n, k, from, 0)
		arg[k] = l.fpAgain(n.Args[k], op, from)
	}
	r := l.fpLocal(result)
	help := func() {
		y := arg[1]
		switch op {
		case ir.FSub32:
			y = func() { arg[1](); l.c.Op(wasm.OpF32Neg) }
		case ir.FSub64:
			y = func() { arg[1](); l.c.Op(wasm.OpF64Neg) }
		}
		l.fpHelp(n, op, []expr{arg[0], y}[:args]...)
		l.c.LocalSet(r)
	}
	finish := func() {
		for k := range args {
			l.unuse(n.Args[k])
		}
		l.fpResult(r, result)
	}
	if !isNearest(n) {
		help()
		finish()
		return
	}
	for k := range args {
		arg[k]()
	}
	l.c.Op(native)
	l.c.LocalSet(r)
	switch op {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64, ir.FSqrt32, ir.FSqrt64:
		// A sum that is tiny is exact, and a root is not; finite and no NaN
		// is enough.
		l.magnitude(r, result)
		l.t.fpLimit(l)
		l.c.Op(wasm.OpI32GeU)
	case ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.F64ToF32:
		l.offLimits(r, result)
	default:
		l.t.fpLimit(l)
		l.c.Op(wasm.OpI32Eqz)
	}
	if l.t.toSlowPath(l) {
		finish()
		return
	}
	l.c.If(wasm.Void)
	if l.t.helps(l) {
		help()
	} else if exact := l.exactHere(n, op, arg[0], arg[1], r); exact != nil {
		exact()
		l.c.Op(wasm.OpI32Eqz)
		l.t.resumeIf(l)
	} else {
		l.c.I32Const(1)
		l.t.resumeIf(l)
	}
	l.c.End()
	finish()
}

// fpAgain pushes an operand that fpUse has computed, without counting a use.
func (l *lowering) fpAgain(v ir.Value, op ir.FP, t wasm.ValType) expr {
	return func() {
		l.uses[v] += 2 // not the last one
		if t == wasm.F64 {
			l.needF64(v)
		} else {
			l.need(v)
		}
		l.uses[v]--
		switch {
		case t == wasm.F32:
			l.c.Op(wasm.OpI32WrapI64)
			l.c.Op(wasm.OpF32ReinterpretI32)
		case op == ir.I32ToF32:
			l.c.Op(wasm.OpI64Extend32S)
		case op == ir.U32ToF32:
			l.c.I64Const(math.MaxUint32)
			l.c.Op(wasm.OpI64And)
		}
	}
}

// unuse counts a use of an operand that fpUse has computed.
func (l *lowering) unuse(v ir.Value) {
	l.uses[v]--
	if l.uses[v] == 0 && l.held[v] >= 0 && l.temp[v] {
		l.release(l.heldType(v), uint32(l.held[v]))
	}
}

// exactHere is the condition that an operation with result r was exact, where
// that is short; nil where it is not.
func (l *lowering) exactHere(n *ir.Node, op ir.FP, x, y expr, r uint32) expr {
	b := &fpBuilder{f: l.f, c: l.c, rm: func() { l.fpMode(n) }}
	result := b.get(r)
	switch op {
	case ir.FAdd64:
		return b.exactSum(&width64, x, y, result)
	case ir.FSub64:
		return b.exactSum(&width64, x, b.op(wasm.OpF64Neg, y), result)
	case ir.FAdd32:
		return b.exactSum(&width32, x, y, result)
	case ir.FSub32:
		return b.exactSum(&width32, x, b.op(wasm.OpF32Neg, y), result)
	case ir.FMul64:
		return b.op(wasm.OpI32Or, b.zeroProduct(x, y, result), b.exactProduct(x, y, result))
	case ir.FDiv64:
		return b.zeroQuotient(x, result)
	case ir.FMul32, ir.FDiv32, ir.FSqrt32:
		return b.exact32(op, x, y, result)
	case ir.F64ToF32:
		return b.exactDemotion(x, result)
	case ir.I64ToF64:
		return b.exactInt(&width64, true, x, result)
	case ir.U64ToF64:
		return b.exactInt(&width64, false, x, result)
	case ir.I64ToF32, ir.I32ToF32, ir.U32ToF32:
		return b.exactInt(&width32, true, x, result)
	case ir.U64ToF32:
		return b.exactInt(&width32, false, x, result)
	}
	return nil
}

// fpLimit is what a result's magnitude is compared with where State.FPRound is
// set; otherwise the limit is zero. Sums must lie below. Products, after
// leastLarge is subtracted, then lie between the least normal number and
// infinity. The limit is that of binary32; binary64 from 2^1008 on are refused,
// too.
const fpLimit = 0xfdff_fffe

// pushLimit pushes the limit of results, from the state, whose words word pushes.
func pushLimit(c *wasm.Code, word func(off int)) {
	limit := uint32(fpLimit)
	c.I32Const(int32(limit))
	c.I32Const(0)
	word(core.OffFPRound)
	c.Select()
}

// pushFMABound pushes the bound of fusedLarge.
func pushFMABound(c *wasm.Code, word func(off int)) {
	c.F64Const(fmaLeast)
	c.F64Const(math.Inf(1))
	word(core.OffFPRound)
	c.Select()
}

// leastLarge is a magnitude that is no result of rounding a tiny number.
func leastLarge(t wasm.ValType) int32 {
	if t == wasm.F32 {
		return 0x0100_0002
	}
	return 0x0020_0002
}

// magnitude pushes the upper 32 bits of local r behind its sign.
func (l *lowering) magnitude(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	if t == wasm.F32 {
		l.c.Op(wasm.OpI32ReinterpretF32)
		l.c.I32Const(1)
		l.c.Op(wasm.OpI32Shl)
		return
	}
	l.c.Op(wasm.OpI64ReinterpretF64)
	l.c.I64Const(31)
	l.c.Op(wasm.OpI64ShrU)
	l.c.Op(wasm.OpI32WrapI64)
}

// offLimits pushes whether local r may be the result of rounding a tiny number,
// or is too large.
func (l *lowering) offLimits(r uint32, t wasm.ValType) {
	l.magnitude(r, t)
	l.c.I32Const(leastLarge(t))
	l.c.Op(wasm.OpI32Sub)
	l.t.fpLimit(l)
	l.c.Op(wasm.OpI32GeU)
}

// fpFused tries whether the sum of rounded product and addend is the result,
// which it mostly is where the addend is much larger; otherwise a helper
// computes what was lost.
func (l *lowering) fpFused(n *ir.Node, op ir.FP, t wasm.ValType) {
	var arg [3]expr
	for k := range n.Args {
		l.fpUse(n, k, t, 0)
		arg[k] = l.fpAgain(n.Args[k], op, t)
	}
	r := l.fpLocal(t)
	help := func() { l.fpHelp(n, op, arg[:]...); l.c.LocalSet(r) }
	switch {
	case !isNearest(n):
		help()
	case t == wasm.F64:
		l.fusedLarge(arg, r)
		l.c.If(wasm.Void)
		help()
		l.c.End()
	default:
		l.fusedWide(arg, r)
		l.c.If(wasm.Void)
		help()
		l.c.End()
	}
	for k := range n.Args {
		l.unuse(n.Args[k])
	}
	l.fpResult(r, t)
}

// fusedLarge sets r to RN(p+z), p = RN(x×y), and pushes whether that may not be
// x×y+z rounded once. With e = p − (s − z), which is what the sum lost if
// |z| ≥ |p|, and |x×y − p| ≤ ulp(p)/2 ≤ |p|×2^-53, it is if |e| + |p|×2^-52 is
// not more than half the distance from s to the next number towards zero. If
// |z| < |p| that never holds; FASTPATH.md has the proof. The least sum, far from
// any underflow, takes part as a third term.
func (l *lowering) fusedLarge(arg [3]expr, r uint32) {
	b := &fpBuilder{f: l.f, c: l.c}
	p := l.fpLocal2()
	arg[0]()
	arg[1]()
	l.c.Op(wasm.OpF64Mul)
	l.c.LocalTee(p)
	arg[2]()
	l.c.Op(wasm.OpF64Add)
	l.c.LocalSet(r)
	abs := func(e expr) expr { return b.op(wasm.OpF64Abs, e) }
	bound := b.op(wasm.OpF64Add, b.op(wasm.OpF64Mul, abs(b.get(p)), b.f64(0x1p-52)), func() { l.t.fmaBound(l) })
	lost := abs(b.op(wasm.OpF64Sub, b.get(p), b.op(wasm.OpF64Sub, b.get(r), arg[2])))
	sum := abs(b.get(r))
	b.op(wasm.OpI32Eqz, b.op(wasm.OpF64Ge, b.op(wasm.OpF64Sub, sum, b.op(wasm.OpF64Add, lost, bound)), sum))()
}

// fmaLeast is what the sum in fusedLarge has to be much larger than.
const fmaLeast = 0x1p-900

// fusedWide sets r to the binary64 result rounded to binary32, and pushes
// whether that may be wrong: if the first lies half way between two of the
// second kind, or r is tiny or too large.
func (l *lowering) fusedWide(arg [3]expr, r uint32) {
	b := &fpBuilder{f: l.f, c: l.c}
	s := l.fpLocal(wasm.F64)
	b.op(wasm.OpF64Add, b.op(wasm.OpF64Mul, b.promote(arg[0]), b.promote(arg[1])), b.promote(arg[2]))()
	l.c.LocalTee(s)
	l.c.Op(wasm.OpF32DemoteF64)
	l.c.LocalSet(r)
	b.halfWay32(b.get(s))()
	l.offLimits(r, wasm.F32)
	l.c.Op(wasm.OpI32Or)
}

// fpLocal2 is a second scratch local of type f64.
func (l *lowering) fpLocal2() uint32 {
	if l.fp[2] == 0 {
		l.fp[2] = l.f.AddLocal(wasm.F64)
	}
	return l.fp[2]
}
