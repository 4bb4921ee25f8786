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
// other flag is raised. Where they fail a helper of fphelpers.go tries whether
// the operation is exact, before the code leaves.

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
	if t == wasm.F64 {
		l.forceF64(n.Args[k])
	} else {
		l.force(n.Args[k])
	}
	l.uses[n.Args[k]] += times
}

// fpResult pushes local r of type t as the result of a Float node.
func (l *lowering) fpResult(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	if t == wasm.F32 {
		l.c.Op(wasm.OpI32ReinterpretF32)
		l.c.Op(wasm.OpI64ExtendI32U)
	}
}

// sticky pushes whether a result that is rounded to nearest even may raise the
// inexact flag: in the dynamic rounding mode that mode must be right, too.
func (l *lowering) sticky(n *ir.Node) {
	if n.Aux == ir.RMDynamic {
		l.t.stateWord(l, core.OffFPRound)
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
	native := arith64[op]
	result := t
	if t == wasm.F32 {
		native = arith32[op]
	} else if op == ir.F64ToF32 {
		result = wasm.F32
	}
	from := t
	switch op {
	case ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		from = wasm.I64
	}
	for k := range args {
		l.fpUse(n, k, from, 1)
	}
	push := func(k int) {
		switch op {
		case ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32:
			l.need(n.Args[k])
		case ir.I32ToF32:
			l.need(n.Args[k])
			l.c.Op(wasm.OpI64Extend32S)
		case ir.U32ToF32:
			l.need(n.Args[k])
			l.c.I64Const(math.MaxUint32)
			l.c.Op(wasm.OpI64And)
		default:
			l.fpArg(n, k, t)
		}
	}
	r := l.fpLocal(result)
	for k := range args {
		push(k)
	}
	l.c.Op(native)
	l.c.LocalSet(r)
	l.sticky(n)
	switch op {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64:
		l.finite(r, t)
		l.c.Op(wasm.OpI32And)
	case ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.F64ToF32:
		l.aboveTiny(r, result)
		l.c.Op(wasm.OpI32And)
	case ir.FSqrt32, ir.FSqrt64: // the square root of a number is no NaN and raises nothing else
		l.c.LocalGet(r)
		l.c.LocalGet(r)
		if t == wasm.F32 {
			l.c.Op(wasm.OpF32Eq)
		} else {
			l.c.Op(wasm.OpF64Eq)
		}
		l.c.Op(wasm.OpI32And)
	}
	l.c.Op(wasm.OpI32Eqz)
	l.c.If(wasm.Void)
	for k := range args {
		push(k)
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
	l.c.End()
	l.fpResult(r, result)
}

// finite pushes whether local r is neither infinite nor a NaN.
func (l *lowering) finite(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	if t == wasm.F32 {
		l.c.Op(wasm.OpF32Abs)
		l.c.F32Const(float32(math.Inf(1)))
		l.c.Op(wasm.OpF32Lt)
	} else {
		l.c.Op(wasm.OpF64Abs)
		l.c.F64Const(math.Inf(1))
		l.c.Op(wasm.OpF64Lt)
	}
}

// aboveTiny pushes whether local r lies, in magnitude, strictly between the
// least normal number and infinity.
func (l *lowering) aboveTiny(r uint32, t wasm.ValType) {
	l.c.LocalGet(r)
	if t == wasm.F32 {
		const low = 1<<24 + 2
		high := uint32(0xff<<24 - low)
		l.c.Op(wasm.OpI32ReinterpretF32)
		l.c.I32Const(1)
		l.c.Op(wasm.OpI32Shl)
		l.c.I32Const(low)
		l.c.Op(wasm.OpI32Sub)
		l.c.I32Const(int32(high))
		l.c.Op(wasm.OpI32LtU)
		return
	}
	const low = 1<<53 + 2
	high := uint64(0x7ff<<53 - low)
	l.c.Op(wasm.OpI64ReinterpretF64)
	l.c.I64Const(1)
	l.c.Op(wasm.OpI64Shl)
	l.c.I64Const(low)
	l.c.Op(wasm.OpI64Sub)
	l.c.I64Const(int64(high))
	l.c.Op(wasm.OpI64LtU)
}

// fpFused is all out of line.
func (l *lowering) fpFused(n *ir.Node, op ir.FP, t wasm.ValType) {
	for k := range n.Args {
		l.fpArg(n, k, t)
	}
	r := l.fpLocal(t)
	l.c.CallSym(l.fn.fp[op])
	l.c.LocalSet(r)
	l.fpLeaveNaN(r, t)
	l.fpResult(r, t)
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

// fpToInt rounds to an integral value by the native instruction for the mode.
// That is exact if it changes nothing; otherwise it is inexact, and never
// invalid as long as the value fits.
func (l *lowering) fpToInt(n *ir.Node, op ir.FP, t wasm.ValType) {
	a, m := l.fpLocal(wasm.F64), l.fpLocal2()
	l.fpArg(n, 0, t)
	if t == wasm.F32 {
		l.c.Op(wasm.OpF64PromoteF32)
	}
	l.c.LocalTee(a)
	switch n.Aux {
	case ir.RMDynamic: // nearest even if that is the mode; else only what is exact
		l.c.Op(wasm.OpF64Nearest)
		l.c.LocalGet(a)
		l.c.Op(wasm.OpF64Trunc)
		l.sticky(n)
		l.c.Select()
	default:
		l.c.Op([...]wasm.Opcode{softfloat.RNE: wasm.OpF64Nearest, softfloat.RTZ: wasm.OpF64Trunc,
			softfloat.RDN: wasm.OpF64Floor, softfloat.RUP: wasm.OpF64Ceil}[n.Aux])
	}
	l.c.LocalTee(m)
	l.c.LocalGet(a)
	l.c.Op(wasm.OpF64Eq)
	l.sticky(n)
	l.c.Op(wasm.OpI32Or)
	l.c.LocalGet(m)
	convert := wasm.OpI64TruncSatF64S
	switch op {
	case ir.F64ToI32, ir.F32ToI32, ir.F64ToI64, ir.F32ToI64:
		l.c.Op(wasm.OpF64Abs)
		if op == ir.F64ToI64 || op == ir.F32ToI64 {
			l.c.F64Const(0x1p63)
		} else {
			l.c.F64Const(0x1p31)
		}
		l.c.Op(wasm.OpF64Lt)
	default: // as integers, so that negative numbers and -0 are too large
		convert = wasm.OpI64TruncSatF64U
		l.c.Op(wasm.OpI64ReinterpretF64)
		if op == ir.F64ToU64 || op == ir.F32ToU64 {
			l.c.I64Const(int64(math.Float64bits(0x1p64)))
		} else {
			l.c.I64Const(int64(math.Float64bits(0x1p32)))
		}
		l.c.Op(wasm.OpI64LtU)
	}
	l.c.Op(wasm.OpI32And)
	l.c.Op(wasm.OpI32Eqz)
	l.t.exitIf(l)
	l.c.LocalGet(m)
	l.c.Op(convert)
	if op == ir.F64ToU32 || op == ir.F32ToU32 {
		l.c.Op(wasm.OpI64Extend32S)
	}
}

// fpLocal2 is a second scratch local of type f64.
func (l *lowering) fpLocal2() uint32 {
	if l.fp[2] == 0 {
		l.fp[2] = l.f.AddLocal(wasm.F64)
	}
	return l.fp[2]
}
