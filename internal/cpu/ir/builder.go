package ir

import (
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/core"
)

// Builder appends nodes to a block, folding constants and merging equal pure
// nodes and repeated reads of a state slot on the way.
type Builder struct {
	Block
	known map[Loc]Value  // current value of a slot
	pure  map[Node]Value // value numbering
	zero  map[Value]bool // conditions by which an ExitIf would have left
	pc    [2]Value       // PC and NextPC of the current instruction
}

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	b.Nodes = b.Nodes[:0]
	clear(b.known)
	clear(b.pure)
	clear(b.zero)
	b.pc = [2]Value{NoValue, NoValue}
}

func (b *Builder) push(n Node) Value {
	if b.known == nil {
		b.known, b.pure, b.zero = map[Loc]Value{}, map[Node]Value{}, map[Value]bool{}
		b.pc = [2]Value{NoValue, NoValue}
	}
	if n.Op == Float {
		for _, off := range [...]int{core.OffFPRound, core.OffFPExact, core.OffFRM, core.OffFFlags} {
			delete(b.known, Loc{Off: uint16(off)})
		}
	}
	b.Nodes = append(b.Nodes, n)
	return Value(len(b.Nodes) - 1)
}

func (b *Builder) pushPure(n Node) Value {
	if v, ok := b.pure[n]; ok {
		return v
	}
	v := b.push(n)
	b.pure[n] = v
	return v
}

func noArgs(n Node) Node {
	n.Args = [3]Value{NoValue, NoValue, NoValue}
	return n
}

// Type is the type of a value.
func (b *Block) Type(v Value) Type { return b.Nodes[v].Type }

// IsConst returns the constant that v is.
func (b *Block) IsConst(v Value) (int64, bool) {
	if v >= 0 && b.Nodes[v].Op == Const {
		return b.Nodes[v].Imm, true
	}
	return 0, false
}

// Insn starts a guest instruction of length bytes at a byte offset from the
// start of its code page.
func (b *Builder) Insn(offset int, length int) {
	b.push(noArgs(Node{Op: Insn, Imm: int64(offset), Aux: uint8(length)}))
	b.pc = [2]Value{NoValue, NoValue}
}

// Const is a 64-bit constant.
func (b *Builder) Const(x int64) Value {
	return b.pushPure(noArgs(Node{Op: Const, Type: I64, Imm: x}))
}

// Const32 is a 32-bit constant.
func (b *Builder) Const32(x int32) Value {
	return b.pushPure(noArgs(Node{Op: Const, Type: I32, Imm: int64(x)}))
}

// Operand is the current record's immediate.
func (b *Builder) Operand(slot int) Value {
	return b.pushPure(noArgs(Node{Op: Operand, Type: I64, Imm: int64(slot)}))
}

// PC is the address of the current instruction.
func (b *Builder) PC() Value { return b.pcNode(0, PC) }

// NextPC is the address of the instruction after the current one.
func (b *Builder) NextPC() Value { return b.pcNode(1, NextPC) }

func (b *Builder) pcNode(i int, op Op) Value {
	if len(b.Nodes) == 0 {
		panic("BUG: ir: PC before the first Insn")
	}
	if b.pc[i] == NoValue {
		b.pc[i] = b.push(noArgs(Node{Op: op, Type: I64}))
	}
	return b.pc[i]
}

// Get reads a 64-bit state slot.
func (b *Builder) Get(l Loc) Value {
	if v, ok := b.known[l]; ok {
		return v
	}
	v := b.push(noArgs(Node{Op: Get, Type: I64, Loc: l}))
	b.known[l] = v
	return v
}

// Get32 reads a 32-bit word of the state that no lifted code writes.
func (b *Builder) Get32(off int) Value {
	l := Loc{Off: uint16(off)}
	if v, ok := b.known[l]; ok {
		return v
	}
	v := b.push(noArgs(Node{Op: Get, Type: I32, Loc: l}))
	b.known[l] = v
	return v
}

// Set writes a 64-bit state slot.
func (b *Builder) Set(l Loc, v Value) {
	n := noArgs(Node{Op: Set, Loc: l})
	n.Args[0] = v
	b.push(n)
	// A record's fields may name the same slot, so a write through one makes
	// what is known of the others stale.
	if l.Field != FieldNone {
		for k := range b.known {
			if k.Field != FieldNone || k.Off >= 0x100 {
				delete(b.known, k)
			}
		}
	}
	b.known[l] = v
}

// Forward tells the builder that a slot holds v now. The interpreter's fused
// pairs use it where the decoder has checked that two fields name one slot.
func (b *Builder) Forward(l Loc, v Value) { b.known[l] = v }

// Known is the value that a slot is known to hold.
func (b *Builder) Known(l Loc) (Value, bool) { v, ok := b.known[l]; return v, ok }

// Un applies a unary operation.
func (b *Builder) Un(op Op, x Value) Value {
	t := ops[op].fixed
	if t == Void {
		t = b.Type(x)
	}
	if c, ok := b.IsConst(x); ok {
		return b.constant(t, evalUn(op, b.Type(x), uint64(c)))
	}
	return b.pushPure(Node{Op: op, Type: t, Args: [3]Value{x, NoValue, NoValue}})
}

func (b *Builder) constant(t Type, x uint64) Value {
	if t == I32 {
		return b.Const32(int32(x))
	}
	return b.Const(int64(x))
}

// Bin applies a binary operation to two values of one type.
func (b *Builder) Bin(op Op, x, y Value) Value {
	if b.Type(x) != b.Type(y) {
		panic("BUG: ir: " + op.String() + " of " + b.Type(x).String() + " and " + b.Type(y).String())
	}
	t := ops[op].fixed
	if t == Void {
		t = b.Type(x)
	}
	cx, okx := b.IsConst(x)
	cy, oky := b.IsConst(y)
	if okx && oky && (op < DivS || op > RemU) {
		return b.constant(t, evalBin(op, b.Type(x), uint64(cx), uint64(cy)))
	}
	if okx && op.Commutative() {
		x, y, cx, cy, okx, oky = y, x, cy, cx, oky, okx
	}
	if oky {
		switch {
		case cy == 0 && (op == Add || op == Sub || op == Or || op == Xor || op == Shl || op == ShrS || op == ShrU || op == Rotl || op == Rotr):
			return x
		case cy == -1 && op == And:
			return x
		case cy == 0 && (op == And || op == Mul):
			return y
		case cy == 0 && op == Eq:
			return b.Un(Eqz, x)
		}
	}
	return b.pushPure(Node{Op: op, Type: t, Args: [3]Value{x, y, NoValue}})
}

// Select is cond ≠ 0 ? x : y.
func (b *Builder) Select(cond, x, y Value) Value {
	if c, ok := b.IsConst(cond); ok {
		if c != 0 {
			return x
		}
		return y
	}
	if x == y {
		return x
	}
	return b.pushPure(Node{Op: Select, Type: b.Type(x), Args: [3]Value{cond, x, y}})
}

// Load reads size bytes of guest memory, zero- or sign-extended to 64 bits.
func (b *Builder) Load(size int, signed bool, addr Value) Value {
	n := Node{Op: Load, Type: I64, Aux: sizeAux(size), Args: [3]Value{addr, NoValue, NoValue}}
	if signed {
		n.Aux2 = LoadSigned
	}
	return b.push(n)
}

// Store writes the low size bytes of v to guest memory.
func (b *Builder) Store(size int, addr, v Value) {
	b.push(Node{Op: Store, Aux: sizeAux(size), Args: [3]Value{addr, v, NoValue}})
}

// StoreIf stores if cond ≠ 0.
func (b *Builder) StoreIf(size int, cond, addr, v Value) {
	b.push(Node{Op: StoreIf, Aux: sizeAux(size), Args: [3]Value{addr, v, cond}})
}

// Atomic applies op to size bytes (4 or 8) of guest memory and returns the old
// value, sign-extended.
func (b *Builder) Atomic(op Atomic, size int, addr, v Value) Value {
	return b.push(Node{Op: AtomicOp, Type: I64, Aux: sizeAux(size), Aux2: uint8(op), Args: [3]Value{addr, v, NoValue}})
}

func sizeAux(size int) uint8 {
	if size > 8 || bits.OnesCount(uint(size)) != 1 {
		panic("BUG: ir: access size")
	}
	return uint8(size)
}

// Float applies an IEEE operation with rounding mode rm (or RMDynamic).
func (b *Builder) Float(op FP, rm int, args ...Value) Value {
	n := noArgs(Node{Op: Float, Type: I64, Aux: uint8(rm), Imm: int64(op)})
	copy(n.Args[:], args)
	return b.push(n)
}

// ExitIf leaves to Go before the instruction's first effect if cond ≠ 0.
func (b *Builder) ExitIf(cond Value) {
	if c, ok := b.IsConst(cond); ok && c == 0 || b.zero[cond] {
		return
	}
	b.push(Node{Op: ExitIf, Args: [3]Value{cond, NoValue, NoValue}})
	b.zero[cond] = true
}

// IRQCheck leaves after the instruction if an interrupt became deliverable.
func (b *Builder) IRQCheck() { b.push(noArgs(Node{Op: IRQCheck})) }

// Branch continues at PC + the instruction's branch displacement if cond ≠ 0.
func (b *Builder) Branch(cond Value, disp int64) {
	n := noArgs(Node{Op: Branch, Imm: disp})
	n.Args[0] = cond
	b.push(n)
}

// Jump continues at PC + disp.
func (b *Builder) Jump(disp int64) { b.push(noArgs(Node{Op: Jump, Imm: disp})) }

// JumpInd continues at an address.
func (b *Builder) JumpInd(addr Value) {
	n := noArgs(Node{Op: JumpInd})
	n.Args[0] = addr
	b.push(n)
}

// Enter continues at an address in another mode: the block has written
// State.Mode.
func (b *Builder) Enter(addr Value) {
	n := noArgs(Node{Op: Enter})
	n.Args[0] = addr
	b.push(n)
}

// Resume continues behind the instruction, where nothing is taken for granted:
// State.Mode may be another one that executes the same code.
func (b *Builder) Resume() { b.push(noArgs(Node{Op: Resume})) }

// Single hands the instruction to Go.
func (b *Builder) Single() { b.push(noArgs(Node{Op: Single})) }
