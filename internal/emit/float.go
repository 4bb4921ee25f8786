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
// Go computes it (package softfloat). Wasm rounds to nearest even and has no
// flags, so the conditions are:
//
//   - the rounding mode is nearest even and the inexact flag is already set
//     (State.FPRound), or the result is known to be exact;
//   - the result cannot overflow, underflow or be a NaN. After-rounding
//     tininess makes the smallest normal number itself doubtful, so products,
//     quotients and roots must lie strictly between it and infinity. A sum
//     that is subnormal or zero is exact, so sums need only be finite.

// fpFormat is one width's constants and operations.
type fpFormat struct {
	int                 ir.Type // of the bits while computing
	expMask             int64   // exponent field
	absMask             int64
	tiny                int64 // smallest normal number
	add, sub, mul       wasm.Opcode
	div, sqrt, min, max wasm.Opcode
	eq, lt, le          wasm.Opcode
	toFloat, toBits     wasm.Opcode // reinterpretations, from and to the I64 of the IR
	fromI64, fromU64    wasm.Opcode
	truncS              wasm.Opcode // saturating, by number behind the 0xfc prefix
	abs                 wasm.Opcode
	limit               func(c *wasm.Code) // 2^63
	typ                 wasm.ValType
	andOp, eqOp, subOp  wasm.Opcode
	ltuOp, shlOp, eqzOp wasm.Opcode
	constant            func(c *wasm.Code, v int64)
	reinterpretToInt    wasm.Opcode
	signBit             int64
}

var f64Format = fpFormat{
	int: ir.I64, expMask: 0x7ff << 52, absMask: math.MaxInt64, tiny: 1 << 52, signBit: math.MinInt64,
	add: wasm.OpF64Add, sub: wasm.OpF64Sub, mul: wasm.OpF64Mul, div: wasm.OpF64Div, sqrt: wasm.OpF64Sqrt,
	min: wasm.OpF64Min, max: wasm.OpF64Max, eq: wasm.OpF64Eq, lt: wasm.OpF64Lt, le: wasm.OpF64Le,
	fromI64: wasm.OpF64ConvertI64S, fromU64: wasm.OpF64ConvertI64U, truncS: wasm.OpI64TruncSatF64S, abs: wasm.OpF64Abs,
	limit: func(c *wasm.Code) { c.F64Const(0x1p63) }, typ: wasm.F64,
	andOp: wasm.OpI64And, eqOp: wasm.OpI64Eq, subOp: wasm.OpI64Sub, ltuOp: wasm.OpI64LtU, shlOp: wasm.OpI64Shl, eqzOp: wasm.OpI64Eqz,
	constant:         func(c *wasm.Code, v int64) { c.I64Const(v) },
	reinterpretToInt: wasm.OpI64ReinterpretF64,
}

var f32Format = fpFormat{
	int: ir.I32, expMask: 0xff << 23, absMask: math.MaxInt32, tiny: 1 << 23, signBit: math.MinInt32,
	add: wasm.OpF32Add, sub: wasm.OpF32Sub, mul: wasm.OpF32Mul, div: wasm.OpF32Div, sqrt: wasm.OpF32Sqrt,
	min: wasm.OpF32Min, max: wasm.OpF32Max, eq: wasm.OpF32Eq, lt: wasm.OpF32Lt, le: wasm.OpF32Le,
	fromI64: wasm.OpF32ConvertI64S, fromU64: wasm.OpF32ConvertI64U, truncS: wasm.OpI64TruncSatF32S, abs: wasm.OpF32Abs,
	limit: func(c *wasm.Code) { c.F32Const(0x1p63) }, typ: wasm.F32,
	andOp: wasm.OpI32And, eqOp: wasm.OpI32Eq, subOp: wasm.OpI32Sub, ltuOp: wasm.OpI32LtU, shlOp: wasm.OpI32Shl, eqzOp: wasm.OpI32Eqz,
	constant:         func(c *wasm.Code, v int64) { c.I32Const(int32(v)) },
	reinterpretToInt: wasm.OpI32ReinterpretF32,
}

// operand pushes argument k as a float; the argument has been forced.
func (l *lowering) fpArg(n *ir.Node, k int, s *fpFormat) {
	l.need(n.Args[k])
	if s.int == ir.I32 {
		l.c.Op(wasm.OpI32WrapI64)
		l.c.Op(wasm.OpF32ReinterpretI32)
	} else {
		l.c.Op(wasm.OpF64ReinterpretI64)
	}
}

// fpUse counts one more use of argument k, for code that reads it again.
func (l *lowering) fpUse(n *ir.Node, k int, times int32) {
	l.force(n.Args[k])
	l.uses[n.Args[k]] += times
}

// float pushes the result of a Float node as an I64.
func (l *lowering) float(n *ir.Node) {
	op := ir.FP(n.Imm)
	s := &f64Format
	if op.Single() {
		s = &f32Format
	}
	nearest := n.Aux == ir.RMDynamic || softfloat.Rounding(n.Aux) == softfloat.RNE
	switch op {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64, ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.FSqrt32, ir.FSqrt64:
		if nearest {
			l.fpArith(n, op, s)
			return
		}
	case ir.FMin32, ir.FMin64, ir.FMax32, ir.FMax64, ir.FEq32, ir.FEq64, ir.FLt32, ir.FLt64, ir.FLe32, ir.FLe64:
		l.fpCompare(n, op, s)
		return
	case ir.F64ToI32, ir.F64ToU32, ir.F64ToI64, ir.F32ToI32, ir.F32ToU32, ir.F32ToI64:
		if softfloat.Rounding(n.Aux) == softfloat.RTZ {
			l.fpToInt(n, op, s)
			return
		}
	case ir.I32ToF64, ir.U32ToF64:
		l.need(n.Args[0])
		l.c.Op(wasm.OpI32WrapI64)
		if op == ir.I32ToF64 {
			l.c.Op(wasm.OpF64ConvertI32S)
		} else {
			l.c.Op(wasm.OpF64ConvertI32U)
		}
		l.c.Op(wasm.OpI64ReinterpretF64)
		return
	case ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		if nearest {
			l.intToFP(n, op, s)
			return
		}
	case ir.F32ToF64:
		l.fpUse(n, 0, 2)
		l.fpArg(n, 0, &f32Format)
		l.fpArg(n, 0, &f32Format)
		l.c.Op(wasm.OpF32Ne)
		l.t.exitIf(l)
		l.fpArg(n, 0, &f32Format)
		l.c.Op(wasm.OpF64PromoteF32)
		l.c.Op(wasm.OpI64ReinterpretF64)
		return
	case ir.F64ToF32:
		if nearest {
			l.fpArg(n, 0, &f64Format)
			l.c.Op(wasm.OpF32DemoteF64)
			l.fpResult(&f32Format, &f32Format, func(bits uint32) { l.normal(&f32Format, bits) })
			return
		}
	case ir.FMA64:
		if nearest {
			l.fma64(n)
			return
		}
	}
	// The rest is rare: Go computes it. The value is never reached.
	for k := range n.Args {
		if n.Args[k] != ir.NoValue {
			l.force(n.Args[k])
			l.uses[n.Args[k]]--
		}
	}
	l.c.I32Const(1)
	l.t.exitIf(l)
	l.c.I64Const(0)
}

func (l *lowering) fpArith(n *ir.Node, op ir.FP, s *fpFormat) {
	var o wasm.Opcode
	switch op {
	case ir.FAdd32, ir.FAdd64:
		o = s.add
	case ir.FSub32, ir.FSub64:
		o = s.sub
	case ir.FMul32, ir.FMul64:
		o = s.mul
		// A zero factor makes an exact zero; see below.
		l.fpUse(n, 0, 1)
		l.fpUse(n, 1, 1)
	case ir.FDiv32, ir.FDiv64:
		o = s.div
	default:
		o = s.sqrt
	}
	l.fpArg(n, 0, s)
	if n.Args[1] != ir.NoValue {
		l.fpArg(n, 1, s)
	}
	l.c.Op(o)
	l.fpResult(s, s, func(bits uint32) {
		switch op {
		case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64:
			l.c.LocalGet(bits)
			s.constant(l.c, s.expMask)
			l.c.Op(s.andOp)
			s.constant(l.c, s.expMask)
			l.c.Op(s.eqOp)
		case ir.FMul32, ir.FMul64:
			l.normal(s, bits)
			// bits is ±0 and a factor is ±0: exact.
			l.c.LocalGet(bits)
			s.constant(l.c, s.absMask)
			l.c.Op(s.andOp)
			l.c.Op(s.eqzOp)
			for k := 0; k < 2; k++ {
				l.fpArg(n, k, s)
				l.c.Op(s.reinterpretToInt)
				s.constant(l.c, s.absMask)
				l.c.Op(s.andOp)
				l.c.Op(s.eqzOp)
			}
			l.c.Op(wasm.OpI32Or)
			l.c.Op(wasm.OpI32And)
			l.c.Op(wasm.OpI32Eqz)
			l.c.Op(wasm.OpI32And)
		default:
			l.normal(s, bits)
		}
	})
}

// fpResult takes a float of format s from the stack, leaves when State.FPRound
// is clear or bad pushes nonzero, and pushes the result's bits as an I64.
func (l *lowering) fpResult(s, _ *fpFormat, bad func(bits uint32)) {
	bits := l.alloc(s.int)
	l.c.Op(s.reinterpretToInt)
	l.c.LocalSet(bits)
	bad(bits)
	l.t.stateWord(l, core.OffFPRound)
	l.c.Op(wasm.OpI32Eqz)
	l.c.Op(wasm.OpI32Or)
	l.t.exitIf(l)
	l.c.LocalGet(bits)
	if s.int == ir.I32 {
		l.c.Op(wasm.OpI64ExtendI32U)
	}
	l.release(s.int, bits)
}

// normal pushes whether |bits| is not strictly between the smallest normal
// number and infinity.
func (l *lowering) normal(s *fpFormat, bits uint32) {
	l.c.LocalGet(bits)
	s.constant(l.c, s.absMask)
	l.c.Op(s.andOp)
	s.constant(l.c, s.tiny+1)
	l.c.Op(s.subOp)
	s.constant(l.c, s.expMask-s.tiny-1)
	l.c.Op(s.ltuOp)
	l.c.Op(wasm.OpI32Eqz)
}

func (l *lowering) fpCompare(n *ir.Node, op ir.FP, s *fpFormat) {
	l.fpUse(n, 0, 2)
	l.fpUse(n, 1, 2)
	for k := 0; k < 2; k++ { // NaN operands raise flags or need a quiet result
		l.fpArg(n, k, s)
		l.fpArg(n, k, s)
		l.c.Op(s.eq)
	}
	l.c.Op(wasm.OpI32And)
	l.c.Op(wasm.OpI32Eqz)
	l.t.exitIf(l)
	l.fpArg(n, 0, s)
	l.fpArg(n, 1, s)
	switch op {
	case ir.FMin32, ir.FMin64, ir.FMax32, ir.FMax64:
		if op == ir.FMin32 || op == ir.FMin64 {
			l.c.Op(s.min)
		} else {
			l.c.Op(s.max)
		}
		l.c.Op(s.reinterpretToInt)
		if s.int == ir.I64 {
			return
		}
	case ir.FEq32, ir.FEq64:
		l.c.Op(s.eq)
	case ir.FLt32, ir.FLt64:
		l.c.Op(s.lt)
	default:
		l.c.Op(s.le)
	}
	l.c.Op(wasm.OpI64ExtendI32U)
}

// fpToInt converts towards zero. A conversion is exact if converting back
// gives the operand; if not, it is inexact (never invalid) as long as the
// truncated value fits.
func (l *lowering) fpToInt(n *ir.Node, op ir.FP, s *fpFormat) {
	l.fpUse(n, 0, 3)
	r := l.alloc(ir.I64)
	l.fpArg(n, 0, s)
	l.c.Op(s.truncS)
	l.c.LocalTee(r)
	// exact, or the inexact flag is set and the operand is a number in range
	l.c.Op(s.fromI64)
	l.fpArg(n, 0, s)
	l.c.Op(s.eq)
	l.t.stateWord(l, core.OffFPExact)
	l.fpArg(n, 0, s)
	l.c.Op(s.abs)
	s.limit(l.c)
	l.c.Op(s.lt)
	l.c.Op(wasm.OpI32And)
	l.c.Op(wasm.OpI32Or)
	l.fpArg(n, 0, s)
	l.c.Op(s.abs)
	s.limit(l.c)
	l.c.Op(s.lt)
	l.c.Op(wasm.OpI32And)
	switch op {
	case ir.F64ToI32, ir.F32ToI32:
		l.c.LocalGet(r)
		l.c.LocalGet(r)
		l.c.Op(wasm.OpI64Extend32S)
		l.c.Op(wasm.OpI64Eq)
		l.c.Op(wasm.OpI32And)
	case ir.F64ToU32, ir.F32ToU32:
		l.c.LocalGet(r)
		l.c.I64Const(math.MaxUint32)
		l.c.Op(wasm.OpI64LeU)
		l.c.Op(wasm.OpI32And)
	}
	l.c.Op(wasm.OpI32Eqz)
	l.t.exitIf(l)
	l.c.LocalGet(r)
	if op == ir.F64ToU32 || op == ir.F32ToU32 {
		l.c.Op(wasm.OpI64Extend32S)
	}
	l.release(ir.I64, r)
}

// intToFP converts an integer that may need rounding; never invalid.
func (l *lowering) intToFP(n *ir.Node, op ir.FP, s *fpFormat) {
	l.force(n.Args[0])
	l.need(n.Args[0])
	switch op {
	case ir.I32ToF32:
		l.c.Op(wasm.OpI64Extend32S)
		l.c.Op(s.fromI64)
	case ir.U32ToF32:
		l.c.I64Const(math.MaxUint32)
		l.c.Op(wasm.OpI64And)
		l.c.Op(s.fromI64)
	case ir.U64ToF32, ir.U64ToF64:
		l.c.Op(s.fromU64)
	default:
		l.c.Op(s.fromI64)
	}
	l.fpResult(s, s, func(uint32) { l.c.I32Const(0) })
}

func (l *lowering) fma64(n *ir.Node) {
	for k := 0; k < 3; k++ {
		l.force(n.Args[k])
		l.uses[n.Args[k]]--
	}
	l.c.I32Const(1)
	l.t.exitIf(l)
	l.c.I64Const(0)
}
