package emit

import (
	"math"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/ir"
	"github.com/c2w/c2w/internal/softfloat"
	"github.com/c2w/c2w/internal/wasm"
)

// Native floating point. An operation runs natively when its result and its
// flags are certain to be what exact arithmetic gives; otherwise it leaves and
// Go computes it. The inline conditions are the sticky ones of
// softfloat/FASTPATH.md: the rounding mode is nearest even, the inexact flag
// is accrued already (State.FPRound says both), and the result proves that no
// other flag is raised. One comparison of the result's bits with a limit that
// is zero unless State.FPRound is set tests all of that.
//
// Where it fails, the operation may still be exact. A page function tries what
// it can without a call, which would cost registers on the common path, too,
// and leaves the rest to the interpreter. The interpreter calls a helper of
// fphelpers.go before it leaves to Go.

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

// fpLeaveNaN leaves if local r is a NaN.
func (l *lowering) fpLeaveNaN(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	l.c.LocalGet(r)
	if t == wasm.F32 {
		l.c.Op(wasm.OpF32Ne)
	} else {
		l.c.Op(wasm.OpF64Ne)
	}
	l.t.exitIf(l)
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
		arg[k]()
	}
	r := l.fpLocal(result)
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
	if l.t.aside(l) {
		for k := range args {
			l.unuse(n.Args[k])
		}
		l.fpResult(r, result)
		return
	}
	l.c.If(wasm.Void)
	if l.t.interprets() {
		for k := range args {
			arg[k]()
		}
		switch op {
		case ir.FSub32:
			l.c.Op(wasm.OpF32Neg)
		case ir.FSub64:
			l.c.Op(wasm.OpF64Neg)
		}
		l.c.CallSym(l.fn.fp[op])
		l.c.LocalSet(r)
		l.fpLeaveNaN(r, result)
	} else if exact := l.exactHere(op, arg[0], arg[1], r); exact != nil {
		exact()
		l.c.Op(wasm.OpI32Eqz)
		l.t.resumeIf(l)
	} else {
		l.c.I32Const(1)
		l.t.resumeIf(l)
	}
	l.c.End()
	for k := range args {
		l.unuse(n.Args[k])
	}
	l.fpResult(r, result)
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
func (l *lowering) exactHere(op ir.FP, x, y expr, r uint32) expr {
	b := &fpBuilder{f: l.f, c: l.c, word: func(off int) expr { return func() { l.t.stateWord(l, off) } }}
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
	if t == wasm.F64 {
		l.fusedLarge(arg, r)
	} else {
		l.fusedWide(arg, r)
	}
	l.c.If(wasm.Void)
	for k := range n.Args {
		arg[k]()
	}
	l.c.CallSym(l.fn.fp[op])
	l.c.LocalSet(r)
	l.fpLeaveNaN(r, t)
	l.c.End()
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

// fpPick is min and max: as the guest's unless an operand is a NaN, which the
// native result then is, too.
func (l *lowering) fpPick(n *ir.Node, op ir.FP, t wasm.ValType) {
	r := l.fpLocal(t)
	l.fpArg(n, 0, t)
	l.fpArg(n, 1, t)
	l.c.Op(map[ir.FP]wasm.Opcode{ir.FMin32: wasm.OpF32Min, ir.FMax32: wasm.OpF32Max, ir.FMin64: wasm.OpF64Min, ir.FMax64: wasm.OpF64Max}[op])
	l.c.LocalSet(r)
	l.fpLeaveNaN(r, t)
	l.fpResult(r, t)
}

// fpCompare leaves if an operand is a NaN: of a comparison and its contrary
// exactly one holds otherwise.
func (l *lowering) fpCompare(n *ir.Node, op ir.FP, t wasm.ValType) {
	lt, ge, le, gt, eq := wasm.OpF64Lt, wasm.OpF64Ge, wasm.OpF64Le, wasm.OpF64Gt, wasm.OpF64Eq
	if t == wasm.F32 {
		lt, ge, le, gt, eq = wasm.OpF32Lt, wasm.OpF32Ge, wasm.OpF32Le, wasm.OpF32Gt, wasm.OpF32Eq
	}
	compare := func(o wasm.Opcode) {
		l.fpArg(n, 0, t)
		l.fpArg(n, 1, t)
		l.c.Op(o)
	}
	times := int32(1)
	if op == ir.FEq32 || op == ir.FEq64 {
		times = 2
	}
	l.fpUse(n, 0, t, times)
	l.fpUse(n, 1, t, times)
	r := l.alloc(ir.I32)
	switch op {
	case ir.FLt32, ir.FLt64:
		compare(lt)
		l.c.LocalTee(r)
		compare(ge)
		l.c.Op(wasm.OpI32Eq)
	case ir.FLe32, ir.FLe64:
		compare(le)
		l.c.LocalTee(r)
		compare(gt)
		l.c.Op(wasm.OpI32Eq)
	default:
		compare(eq)
		l.c.LocalSet(r)
		compare(lt)
		compare(ge)
		l.c.Op(wasm.OpI32Eq)
	}
	l.t.exitIf(l)
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
	c.LocalTee(a)
	switch mode := softfloat.Rounding(n.Aux); {
	case n.Aux == ir.RMDynamic || mode == softfloat.RNE: // in another dynamic mode only what is exact
		c.Op(wasm.OpF64Nearest)
	case mode == softfloat.RDN:
		c.Op(wasm.OpF64Floor)
	case mode == softfloat.RUP:
		c.Op(wasm.OpF64Ceil)
	case mode == softfloat.RMM: // what is added takes halves, and nothing else, to the next integer
		c.F64Const(math.Nextafter(0.5, 0))
		c.LocalGet(a)
		c.Op(wasm.OpF64Copysign)
		c.Op(wasm.OpF64Add)
	}
	c.LocalTee(m)
	// The conversion truncates what is not integral yet.
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
	convert := wasm.OpI64TruncSatF64S
	if signed {
		c.Op(wasm.OpF64Abs)
		c.F64Const(limit)
		c.Op(wasm.OpF64Lt)
	} else { // as integers, so that negative numbers and -0 are too large
		convert = wasm.OpI64TruncSatF64U
		c.Op(wasm.OpI64ReinterpretF64)
		c.I64Const(int64(math.Float64bits(limit)))
		c.Op(wasm.OpI64LtU)
	}
	c.Op(wasm.OpI32Eqz)
	l.t.exitIf(l)
	l.sticky(n)
	c.Op(wasm.OpI32Eqz)
	c.If(wasm.Void)
	c.LocalGet(a)
	c.LocalGet(a)
	c.Op(wasm.OpF64Trunc)
	c.Op(wasm.OpF64Ne)
	l.t.exitIf(l)
	c.End()
	c.LocalGet(m)
	c.Op(convert)
	if op == ir.F64ToU32 || op == ir.F32ToU32 {
		c.Op(wasm.OpI64Extend32S)
	}
}

// fpLocal2 is a second scratch local of type f64.
func (l *lowering) fpLocal2() uint32 {
	if l.fp[2] == 0 {
		l.fp[2] = l.f.AddLocal(wasm.F64)
	}
	return l.fp[2]
}
