package emit

import (
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/wasm"
)

// The IR has floating-point values as their bits. Here they stay f64 from where
// they are made to where they are used: bits are made of them, and they of
// bits, only between the two kinds of instructions.

// typeF64 is the type of a local that holds a binary64 for a value of type I64.
const typeF64 = ir.I64 + 1

// native64 says that a value is best computed as an f64.
func (l *lowering) native64(v ir.Value) bool {
	n := &l.b.Nodes[v]
	switch n.Op {
	case ir.Float:
		return result64(ir.FP(n.Imm))
	case ir.Get:
		return n.Type == ir.I64 && l.t.floatSlot(n.Loc)
	case ir.Load:
		// That fills a register of doubles.
		for i := int(v) + 1; n.Aux == 8 && i < len(l.b.Nodes); i++ {
			switch s := &l.b.Nodes[i]; s.Op {
			case ir.Insn:
				return false
			case ir.Set:
				return s.Args[0] == v && l.t.floatSlot(s.Loc)
			}
		}
	}
	return false
}

// result64 says that an operation yields a binary64.
func result64(op ir.FP) bool {
	switch op {
	case ir.FAdd64, ir.FSub64, ir.FMul64, ir.FDiv64, ir.FSqrt64, ir.FMA64, ir.FMin64, ir.FMax64,
		ir.I32ToF64, ir.U32ToF64, ir.I64ToF64, ir.U64ToF64, ir.F32ToF64:
		return true
	}
	return false
}

// needF64 is need for a value as an f64.
func (l *lowering) needF64(v ir.Value) {
	if l.held[v] >= 0 && l.float64s[v] {
		l.uses[v]--
		l.c.LocalGet(uint32(l.held[v]))
		if l.uses[v] == 0 && l.temp[v] {
			l.release(typeF64, uint32(l.held[v]))
		}
		return
	}
	if l.held[v] >= 0 {
		l.need(v)
		l.c.Op(wasm.OpF64ReinterpretI64)
		return
	}
	if c, ok := l.b.IsConst(v); ok {
		l.uses[v]--
		l.c.F64Bits(uint64(c))
		return
	}
	l.uses[v]--
	l.computeF64(v)
	if l.uses[v] > 0 && !l.cheapAgain(v) {
		l.holdAs(v, typeF64)
		l.c.LocalTee(uint32(l.held[v]))
	}
}

// computeF64 is compute for a value as an f64, which is not held.
func (l *lowering) computeF64(v ir.Value) {
	n := &l.b.Nodes[v]
	if l.signOp(n) {
		return
	}
	if !l.native64(v) {
		l.compute(v)
		l.c.Op(wasm.OpF64ReinterpretI64)
		return
	}
	if n.Op == ir.Get {
		l.t.getF64(l, n.Loc)
		return
	}
	saved := l.cur
	l.cur = int(v)
	if n.Op == ir.Load {
		off := l.access(n, 0)
		l.c.Mem(wasm.OpF64Load, 3, off)
	} else {
		l.float(n)
	}
	l.cur = saved
}

// signOp pushes what changes nothing but the sign.
func (l *lowering) signOp(n *ir.Node) bool {
	constant := func(v ir.Value, want uint64) bool {
		c, ok := l.b.IsConst(v)
		return ok && uint64(c) == want
	}
	const sign = 1 << 63
	switch {
	case n.Op == ir.Xor && constant(n.Args[1], sign):
		l.needF64(n.Args[0])
		l.c.Op(wasm.OpF64Neg)
	case n.Op == ir.And && constant(n.Args[1], sign-1):
		l.needF64(n.Args[0])
		l.c.Op(wasm.OpF64Abs)
	default:
		return false
	}
	l.uses[n.Args[1]]--
	return true
}

// forceF64 is force for a value as an f64.
func (l *lowering) forceF64(v ir.Value) {
	if l.held[v] >= 0 || l.b.Nodes[v].Op == ir.Const {
		return
	}
	l.computeF64(v)
	l.holdAs(v, typeF64)
	l.c.LocalSet(uint32(l.held[v]))
}

// storeF64 ends a Store whose address is on the stack, if its value is an f64.
func (l *lowering) storeF64(n *ir.Node, off uint32) bool {
	v := n.Args[1]
	if n.Aux != 8 || l.held[v] < 0 && !l.native64(v) || l.held[v] >= 0 && !l.float64s[v] {
		return false
	}
	l.needF64(v)
	l.c.Mem(wasm.OpF64Store, 3, off)
	return true
}

// float pushes the result of a Float node as an f64, if result64 says so, and
// as an I64 otherwise.
func (l *lowering) float(n *ir.Node) {
	l.t.ready(l)
	op := ir.FP(n.Imm)
	t := wasm.F64
	if op.Single() {
		t = wasm.F32
	}
	switch op {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64, ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.FSqrt32, ir.FSqrt64,
		ir.F64ToF32, ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		l.fpArith(n, op, t)
	case ir.FMA32, ir.FMA64:
		l.fpFused(n, op, t)
	case ir.FMin32, ir.FMin64, ir.FMax32, ir.FMax64:
		l.fpPick(n, op, t)
	case ir.FEq32, ir.FEq64, ir.FLt32, ir.FLt64, ir.FLe32, ir.FLe64:
		l.fpCompare(n, op, t)
	case ir.FClass32, ir.FClass64:
		l.need(n.Args[0])
		if t == wasm.F32 {
			l.c.I64Const(32)
			l.c.Op(wasm.OpI64Shl)
		}
		l.c.CallSym(l.fn.fp[op])
	case ir.F64ToI32, ir.F64ToU32, ir.F64ToI64, ir.F64ToU64, ir.F32ToI32, ir.F32ToU32, ir.F32ToI64, ir.F32ToU64:
		l.fpToInt(n, op, t)
	case ir.I32ToF64, ir.U32ToF64:
		l.need(n.Args[0])
		l.c.Op(wasm.OpI32WrapI64)
		if op == ir.I32ToF64 {
			l.c.Op(wasm.OpF64ConvertI32S)
		} else {
			l.c.Op(wasm.OpF64ConvertI32U)
		}
	case ir.F32ToF64:
		r := l.fpLocal(wasm.F64)
		l.fpUse(n, 0, wasm.F32, 0)
		x := l.fpAgain(n.Args[0], op, wasm.F32)
		x()
		l.c.Op(wasm.OpF64PromoteF32)
		l.c.LocalSet(r)
		l.fpNaN(r, op, wasm.F64, x)
		l.unuse(n.Args[0])
		l.c.LocalGet(r)
	default:
		panic("BUG: emit: " + op.String())
	}
}
