package x86_64

import (
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// lifter is what states an instruction's meaning: a builder, the form, and access to
// its operands. Values of 8 bytes are I64, smaller ones I32, zero-extended.
type lifter struct {
	*isa.Lift
	f    *formKey
	size int // of the operation, in bytes
	addr ir.Value
}

// opShape is what of a form depends on the operands' kinds.
type opShape uint8

const (
	// inMemory: ModRM names memory, at the register of field B plus a displacement:
	// the immediate, which the instruction does not have otherwise.
	inMemory opShape = 1 << iota
	// anyAddress: with everything that an address may be made of, and an immediate
	// beside it. The displacement is Insn.Disp, what else there is in Insn.Raw.
	anyAddress
	// highA, highB: the byte register of field A or B is one of AH, CH, DH, BH.
	highA
	highB
	// wideImm: the immediate's upper half is Insn.Disp.
	wideImm

	opShapes = 1 << iota
)

// Bits of Insn.Raw with anyAddress.
const (
	rawScale  = 3 // log2
	rawBase   = 1 << 2
	rawIndex  = 1 << 3
	rawRIP    = 1 << 4
	rawAddr32 = 1 << 5
)

// wide is a constant of a size.
func (x *lifter) konst(v int64, size int) ir.Value {
	if size == 8 {
		return x.Const(v)
	}
	return x.Const32(int32(v & (1<<(8*size) - 1)))
}

// narrow is the low part of a 64-bit value.
func (x *lifter) narrow(v ir.Value, size int) ir.Value {
	if size == 8 {
		return v
	}
	return x.clip(x.Un(ir.Wrap, v), size)
}

// clip zero-extends a value again after an operation.
func (x *lifter) clip(v ir.Value, size int) ir.Value {
	if size < 4 {
		return x.Bin(ir.And, v, x.Const32(1<<(8*size)-1))
	}
	return v
}

// long is a value zero-extended to 64 bits.
func (x *lifter) long(v ir.Value, size int) ir.Value {
	if size == 8 {
		return v
	}
	return x.Un(ir.ExtU, v)
}

// signed is a value sign-extended to 64 bits.
func (x *lifter) signed(v ir.Value, size int) ir.Value {
	y := *x
	y.size = size
	return y.widen(v)
}

// merge is a register's value with its low part replaced, as x86 does it: 32-bit
// results clear the upper half, smaller ones leave the rest.
func (x *lifter) merge(old func() ir.Value, v ir.Value, size int, high bool) ir.Value {
	v = x.long(v, size)
	if size >= 4 {
		return v
	}
	mask := int64(1)<<(8*size) - 1
	if high {
		v, mask = x.Bin(ir.Shl, v, x.Const(8)), mask<<8
	}
	return x.Bin(ir.Or, x.Bin(ir.And, old(), x.Const(^mask)), v)
}

// address is that of the operand in memory.
func (x *lifter) address() ir.Value {
	if x.addr != ir.NoValue {
		return x.addr
	}
	if x.f.shape&anyAddress == 0 {
		x.addr = x.Bin(ir.Add, x.B(), x.Imm())
		return x.addr
	}
	raw := x.Insn().Raw
	v := x.Disp()
	if raw&rawRIP != 0 {
		v = x.Bin(ir.Add, x.NextPC(), v)
	}
	if raw&rawBase != 0 {
		v = x.Bin(ir.Add, x.B(), v)
	}
	if raw&rawIndex != 0 {
		v = x.Bin(ir.Add, v, x.Bin(ir.Shl, x.C(), x.Const(int64(raw&rawScale))))
	}
	if raw&rawAddr32 != 0 {
		v = x.Un(ir.ExtU, x.Un(ir.Wrap, v))
	}
	x.addr = v
	return v
}

// read is operand i.
func (x *lifter) read(i int) ir.Value {
	o := &x.f.ops[i]
	size := o.size
	field := func(v ir.Value, high opShape) ir.Value {
		if x.f.shape&high != 0 {
			v = x.Bin(ir.ShrU, v, x.Const(8))
		}
		return x.narrow(v, size)
	}
	switch o.in {
	case inA:
		return field(x.A(), highA)
	case inB:
		return field(x.B(), highB)
	case inMem:
		return x.narrow(x.Load(size, false, x.address()), size)
	case inSlot:
		return x.narrow(x.Get(locG(o.slot)), size)
	case inOne:
		return x.konst(1, size)
	}
	v := x.Imm()
	if x.f.shape&wideImm != 0 {
		v = x.Const(int64(x.Insn().Disp)<<32 | int64(uint32(x.Insn().Imm)))
	}
	return x.narrow(v, size)
}

// write sets operand i. What is in memory can fault: it comes before everything else
// that the instruction changes.
func (x *lifter) write(i int, v ir.Value) {
	o := &x.f.ops[i]
	switch o.in {
	case inA:
		x.SetA(x.merge(x.A, v, o.size, x.f.shape&highA != 0))
	case inB:
		old := x.B
		x.Set(x.locB(), x.merge(old, v, o.size, x.f.shape&highB != 0))
	case inMem:
		x.Store(o.size, x.address(), x.long(v, o.size))
	case inSlot:
		x.Set(locG(o.slot), x.merge(func() ir.Value { return x.Get(locG(o.slot)) }, v, o.size, false))
	default:
		panic("BUG: x86_64: writing an immediate")
	}
}

func (x *lifter) locB() ir.Loc { return x.Loc(ir.FieldB) }
