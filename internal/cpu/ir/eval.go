package ir

import (
	"encoding/binary"
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/core"
)

// Memory is the guest memory that Eval works on. Addresses are guest virtual,
// sizes 1, 2, 4 or 8 bytes, at any alignment. An error is a guest fault, passed
// on by Eval unchanged.
type Memory interface {
	Load(addr uint64, size int) (uint64, error)
	Store(addr uint64, size int, v uint64) error
	// LoadForStore loads and checks that a store to the same bytes is allowed:
	// a read-modify-write reports its faults as a store.
	LoadForStore(addr uint64, size int) (uint64, error)
}

// StoreChecker is a Memory with permissions: CheckStore is a store without its
// effect. A StoreIf whose condition is zero asks for it.
type StoreChecker interface {
	CheckStore(addr uint64, size int) error
}

// Outcome is how evaluating a block ended.
type Outcome uint8

const (
	// Continue: State.PC is the next instruction.
	Continue Outcome = iota
	// Left: an ExitIf or Single was reached; the instruction had no effect.
	Left
)

// Evaluator evaluates blocks in Go. It is the reference for generated code and
// the way in which Go executes single instructions.
type Evaluator struct {
	vals []uint64
}

// Eval runs a block from pc. On Continue State.PC is the address that follows.
// On a fault nothing but the effects of earlier instructions has happened and
// State.PC is the faulting instruction.
func (e *Evaluator) Eval(b *Block, s *core.State, pc uint64, m Memory) (Outcome, error) {
	if cap(e.vals) < len(b.Nodes) {
		e.vals = make([]uint64, len(b.Nodes)+64)
	}
	vals := e.vals[:len(b.Nodes)]
	mem := s.Bytes()
	page := pc // the first Insn fixes the page's base
	first := true
	next := pc
	for i := range b.Nodes {
		n := &b.Nodes[i]
		arg := func(k int) uint64 { return vals[n.Args[k]] }
		switch n.Op {
		case Insn:
			if first {
				page, first = pc-uint64(n.Imm), false
			}
			pc = page + uint64(n.Imm)
			next = pc + uint64(n.Aux)
			s.PC = pc
		case Const:
			vals[i] = uint64(n.Imm)
		case Operand:
			panic("BUG: ir: evaluating a block lifted for the interpreter")
		case PC:
			vals[i] = pc
		case NextPC:
			vals[i] = next
		case Get:
			if n.Type == I32 {
				vals[i] = uint64(binary.LittleEndian.Uint32(mem[n.Loc.Off:]))
			} else {
				vals[i] = binary.LittleEndian.Uint64(mem[n.Loc.Off:])
			}
		case Set:
			binary.LittleEndian.PutUint64(mem[n.Loc.Off:], arg(0))
		case Load:
			v, err := m.Load(arg(0), int(n.Aux))
			if err != nil {
				return Continue, err
			}
			if n.Aux2&LoadSigned != 0 {
				v = signExtend(v, int(n.Aux))
			}
			vals[i] = v
		case Store:
			if err := m.Store(arg(0), int(n.Aux), arg(1)); err != nil {
				return Continue, err
			}
		case StoreIf:
			if uint32(arg(2)) != 0 {
				if err := m.Store(arg(0), int(n.Aux), arg(1)); err != nil {
					return Continue, err
				}
			} else if c, ok := m.(StoreChecker); ok {
				if err := c.CheckStore(arg(0), int(n.Aux)); err != nil {
					return Continue, err
				}
			}
		case AtomicOp:
			old, err := m.LoadForStore(arg(0), int(n.Aux))
			if err != nil {
				return Continue, err
			}
			old = signExtend(old, int(n.Aux))
			v := evalAtomic(Atomic(n.Aux2), old, signExtend(arg(1), int(n.Aux)))
			if err := m.Store(arg(0), int(n.Aux), v); err != nil {
				return Continue, err
			}
			vals[i] = old
		case Float:
			var a [3]uint64
			for k, v := range n.Args {
				if v != NoValue {
					a[k] = vals[v]
				}
			}
			vals[i] = EvalFloat(FP(n.Imm), n.Aux, s, a)
		case ExitIf:
			if uint32(arg(0)) != 0 {
				return Left, nil
			}
		case IRQCheck:
			// The caller looks at State.IRQ after every instruction anyway.
		case Branch:
			if uint32(arg(0)) != 0 {
				next = pc + uint64(n.Imm)
			}
		case Jump:
			next = pc + uint64(n.Imm)
		case JumpInd, Enter:
			next = arg(0)
		case Resume:
		case Single:
			return Left, nil
		case Select:
			if uint32(arg(0)) != 0 {
				vals[i] = arg(1)
			} else {
				vals[i] = arg(2)
			}
		default:
			t := b.Nodes[n.Args[0]].Type
			if ops[n.Op].args == 1 {
				vals[i] = evalUn(n.Op, t, arg(0))
			} else {
				vals[i] = evalBin(n.Op, t, arg(0), arg(1))
			}
		}
	}
	s.PC = next
	return Continue, nil
}

func signExtend(v uint64, size int) uint64 {
	k := uint(64 - 8*size)
	return uint64(int64(v<<k) >> k)
}

func evalAtomic(op Atomic, old, v uint64) uint64 {
	pick := func(takeNew bool) uint64 {
		if takeNew {
			return v
		}
		return old
	}
	switch op {
	case AtomicSwap:
		return v
	case AtomicAdd:
		return old + v
	case AtomicXor:
		return old ^ v
	case AtomicAnd:
		return old & v
	case AtomicOr:
		return old | v
	case AtomicMin:
		return pick(int64(v) < int64(old))
	case AtomicMax:
		return pick(int64(v) > int64(old))
	case AtomicMinU: // sign extension keeps the unsigned order
		return pick(v < old)
	case AtomicMaxU:
		return pick(v > old)
	}
	panic("BUG: ir: atomic operation")
}

// evalUn and evalBin keep 32-bit values in the low half; the upper half of an
// I32 is unspecified, as every use cuts it.
func evalUn(op Op, t Type, x uint64) uint64 {
	switch op {
	case Clz:
		if t == I32 {
			return uint64(bits.LeadingZeros32(uint32(x)))
		}
		return uint64(bits.LeadingZeros64(x))
	case Ctz:
		if t == I32 {
			return uint64(bits.TrailingZeros32(uint32(x)))
		}
		return uint64(bits.TrailingZeros64(x))
	case Popcnt:
		if t == I32 {
			x = uint64(uint32(x))
		}
		return uint64(bits.OnesCount64(x))
	case Ext8:
		return uint64(int64(int8(x)))
	case Ext16:
		return uint64(int64(int16(x)))
	case Ext32, ExtS:
		return uint64(int64(int32(x)))
	case Wrap, ExtU:
		return uint64(uint32(x))
	case Eqz:
		if t == I32 {
			x = uint64(uint32(x))
		}
		return b2u(x == 0)
	}
	panic("BUG: ir: unary operation " + op.String())
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func evalBin(op Op, t Type, x, y uint64) uint64 {
	if t == I32 {
		sx, sy := uint64(int64(int32(x))), uint64(int64(int32(y)))
		ux, uy := uint64(uint32(x)), uint64(uint32(y))
		switch op {
		case Shl:
			return uint64(uint32(x) << (y & 31))
		case ShrS:
			return uint64(uint32(int32(x) >> (y & 31)))
		case ShrU:
			return uint64(uint32(x) >> (y & 31))
		case Rotl:
			return uint64(bits.RotateLeft32(uint32(x), int(y&31)))
		case Rotr:
			return uint64(bits.RotateLeft32(uint32(x), -int(y&31)))
		case DivU, RemU, LtU, GeU, Eq, Ne:
			x, y = ux, uy
		default:
			x, y = sx, sy
		}
	}
	switch op {
	case Add:
		return x + y
	case Sub:
		return x - y
	case Mul:
		return x * y
	case And:
		return x & y
	case Or:
		return x | y
	case Xor:
		return x ^ y
	case Shl:
		return x << (y & 63)
	case ShrS:
		return uint64(int64(x) >> (y & 63))
	case ShrU:
		return x >> (y & 63)
	case Rotl:
		return bits.RotateLeft64(x, int(y&63))
	case Rotr:
		return bits.RotateLeft64(x, -int(y&63))
	case DivS, RemS, DivU, RemU:
		return evalDiv(op, x, y)
	case MulHU:
		hi, _ := bits.Mul64(x, y)
		return hi
	case MulHS:
		hi, _ := bits.Mul64(x, y)
		return hi - uint64(int64(x)>>63)&y - uint64(int64(y)>>63)&x
	case MulHSU:
		hi, _ := bits.Mul64(x, y)
		return hi - uint64(int64(x)>>63)&y
	case Eq:
		return b2u(x == y)
	case Ne:
		return b2u(x != y)
	case LtS:
		return b2u(int64(x) < int64(y))
	case LtU:
		return b2u(x < y)
	case GeS:
		return b2u(int64(x) >= int64(y))
	case GeU:
		return b2u(x >= y)
	}
	panic("BUG: ir: binary operation " + op.String())
}

func evalDiv(op Op, x, y uint64) uint64 {
	if y == 0 {
		panic("BUG: ir: division by zero left in a lifter")
	}
	switch op {
	case DivS:
		return uint64(int64(x) / int64(y))
	case RemS:
		return uint64(int64(x) % int64(y))
	case DivU:
		return x / y
	}
	return x % y
}
