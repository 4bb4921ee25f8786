// Package ir is the intermediate representation between guest ISAs and the
// ways to execute them. A lifter states what one guest instruction does as a
// short list of nodes; the same list becomes Wasm (translated page functions
// and the interpreter's handlers, package emit) or is evaluated in Go (Eval,
// the reference).
//
// A Block is straight-line code in SSA form: one instruction, or a run of
// them. There is no control flow inside a block: what is conditional is a
// Select, a StoreIf, or a side exit. Values are 32- or 64-bit integers;
// floating-point values travel as their bits.
//
// The package knows no guest ISA and no Wasm.
package ir

import "fmt"

// Type is a value's type.
type Type uint8

const (
	Void Type = iota
	I32
	I64
)

func (t Type) String() string { return [...]string{"void", "i32", "i64"}[t] }

// Value names a node of its block by index. NoValue is "none".
type Value int32

// NoValue is the absent value.
const NoValue Value = -1

// Field is an operand of an interpreter record. In a block lifted for the
// interpreter, locations and immediates are fields instead of constants.
type Field uint8

const (
	FieldNone   Field = iota
	FieldA            // location
	FieldB            // location
	FieldC            // location
	FieldImm          // signed 32-bit immediate
	FieldImmLoc       // location in the low half of the immediate
)

// Loc is a 64-bit slot (or, for the few words of core.State, a 32-bit one) of
// the hart's state: a constant byte offset, or a record field that holds one.
type Loc struct {
	Off   uint16
	Field Field
}

func (l Loc) String() string {
	if l.Field != FieldNone {
		return "field" + string("?ABCIJ"[l.Field])
	}
	return fmt.Sprintf("[%#x]", l.Off)
}

// Node is one operation. Which fields count depends on Op.
type Node struct {
	Op   Op
	Type Type  // of the result, Void for a pure effect
	Aux  uint8 // size in bytes, sub-operation or rounding mode; see Op
	Aux2 uint8 // flags; see Op
	Args [3]Value
	Imm  int64
	Loc  Loc
}

// Block is a list of nodes. The zero Block is empty and ready.
type Block struct {
	Nodes []Node
}

// Op is an operation.
type Op uint8

const (
	OpInvalid Op = iota

	// Insn starts a guest instruction: Imm is its byte offset from the start
	// of its code page (it may lie in the next page), Aux its length in bytes.
	Insn

	Const   // Imm
	Operand // the record's immediate, sign-extended; Imm is the record slot
	PC      // address of the current instruction
	NextPC  // address of the following instruction

	Get // state slot Loc
	Set // state slot Loc ← Args[0]

	// Integer operations. Shift counts are taken modulo the width. Division
	// requires a divisor that is not zero and, signed, no overflow: the lifter
	// selects around those.
	Add
	Sub
	Mul
	And
	Or
	Xor
	Shl
	ShrS
	ShrU
	Rotl
	Rotr
	DivS
	DivU
	RemS
	RemU
	MulHS  // high 64 bits of a signed 64×64 product
	MulHU  // unsigned
	MulHSU // signed × unsigned
	Clz
	Ctz
	Popcnt
	Ext8  // sign-extend the low 8 bits
	Ext16 // sign-extend the low 16 bits
	Ext32 // sign-extend the low 32 bits, I64 only
	Wrap  // I64 → I32
	ExtS  // I32 → I64
	ExtU  // I32 → I64
	Eqz   // → I32, as every comparison
	Eq
	Ne
	LtS
	LtU
	GeS
	GeU
	Select // Args[0] (I32) ≠ 0 ? Args[1] : Args[2]

	// Guest memory. Aux is the size in bytes (1, 2, 4, 8); Args[0] the guest
	// virtual address. All may leave before having any effect.
	Load     // → I64; Aux2 LoadSigned sign-extends
	Store    // Args[1]
	StoreIf  // store Args[1] if Args[2] (I32) ≠ 0; faults either way
	AtomicOp // → I64, the old value, sign-extended; Args[1] operand; Aux2 an Atomic

	// Exact IEEE 754 operations. Imm is the FP operation, Aux its rounding
	// mode (RMDynamic: State.FRM). They accrue flags: behind one, nothing is
	// known of the state's words about floating point. Operands and result are
	// bits in an I64; a binary32 uses the low half and yields zeros above.
	Float

	// ExitIf leaves to Go before the instruction has had any effect if
	// Args[0] (I32) ≠ 0. Go handles the cause and executes the instruction.
	ExitIf
	// IRQCheck leaves after the instruction if State.IRQ ≠ 0. In the same
	// instruction nothing may follow but an Enter at the next one, or Resume.
	IRQCheck

	// Terminators: the last node of a block.
	Branch  // if Args[0] (I32) ≠ 0 continue at PC + target
	Jump    // continue at PC + target
	JumpInd // continue at Args[0] (I64)
	Enter   // continue at Args[0] (I64), in the mode that the block has set
	Resume  // continue behind the instruction: the block has set State.Mode, or what else code relies on between jumps
	Single  // leave to Go, which executes this instruction
	numOps
)

// Flags and sub-operations in Aux2.
const LoadSigned = 1

// Atomic is a read-modify-write operation.
type Atomic uint8

const (
	AtomicSwap Atomic = iota
	AtomicAdd
	AtomicXor
	AtomicAnd
	AtomicOr
	AtomicMin
	AtomicMax
	AtomicMinU
	AtomicMaxU
)

// Rounding modes in Aux of a Float, beside those of softfloat.Rounding: RMDynamic
// takes State.FRM, RMRecord what the interpreter record's immediate has in its
// bits from RecordMode on, in a block lifted for the interpreter.
const (
	RMDynamic = 7
	RMRecord  = 6

	RecordMode = 16
)

// FP is a floating-point operation. The 32 or 64 at the end is the width of
// the operands; conversions name both ends.
type FP uint8

const (
	FPInvalid FP = iota
	FAdd32
	FSub32
	FMul32
	FDiv32
	FSqrt32
	FMA32 // Args[0]*Args[1]+Args[2], rounded once
	FMin32
	FMax32
	FEq32 // → 0 or 1
	FLt32
	FLe32
	FClass32 // → RISC-V class mask
	F32ToI32 // → sign-extended
	F32ToU32 // → sign-extended from bit 31
	F32ToI64
	F32ToU64
	I32ToF32
	U32ToF32
	I64ToF32
	U64ToF32
	FAdd64
	FSub64
	FMul64
	FDiv64
	FSqrt64
	FMA64
	FMin64
	FMax64
	FEq64
	FLt64
	FLe64
	FClass64
	F64ToI32
	F64ToU32
	F64ToI64
	F64ToU64
	I32ToF64
	U32ToF64
	I64ToF64
	U64ToF64
	F32ToF64
	F64ToF32
	NumFP
)

type opInfo struct {
	name  string
	args  int
	pure  bool // no effect and no dependence on state: may be merged and moved
	term  bool
	fixed Type // result type if it does not follow the operands
}

var ops = [numOps]opInfo{
	Insn: {"insn", 0, false, false, Void}, Const: {"const", 0, true, false, 0},
	Operand: {"operand", 0, true, false, I64}, PC: {"pc", 0, false, false, I64}, NextPC: {"nextpc", 0, false, false, I64},
	Get: {"get", 0, false, false, 0}, Set: {"set", 1, false, false, Void},
	Add: {"add", 2, true, false, 0}, Sub: {"sub", 2, true, false, 0}, Mul: {"mul", 2, true, false, 0},
	And: {"and", 2, true, false, 0}, Or: {"or", 2, true, false, 0}, Xor: {"xor", 2, true, false, 0},
	Shl: {"shl", 2, true, false, 0}, ShrS: {"shr_s", 2, true, false, 0}, ShrU: {"shr_u", 2, true, false, 0},
	Rotl: {"rotl", 2, true, false, 0}, Rotr: {"rotr", 2, true, false, 0},
	DivS: {"div_s", 2, true, false, 0}, DivU: {"div_u", 2, true, false, 0},
	RemS: {"rem_s", 2, true, false, 0}, RemU: {"rem_u", 2, true, false, 0},
	MulHS: {"mulh_s", 2, true, false, I64}, MulHU: {"mulh_u", 2, true, false, I64}, MulHSU: {"mulh_su", 2, true, false, I64},
	Clz: {"clz", 1, true, false, 0}, Ctz: {"ctz", 1, true, false, 0}, Popcnt: {"popcnt", 1, true, false, 0},
	Ext8: {"ext8", 1, true, false, 0}, Ext16: {"ext16", 1, true, false, 0}, Ext32: {"ext32", 1, true, false, I64},
	Wrap: {"wrap", 1, true, false, I32}, ExtS: {"ext_s", 1, true, false, I64}, ExtU: {"ext_u", 1, true, false, I64},
	Eqz: {"eqz", 1, true, false, I32}, Eq: {"eq", 2, true, false, I32}, Ne: {"ne", 2, true, false, I32},
	LtS: {"lt_s", 2, true, false, I32}, LtU: {"lt_u", 2, true, false, I32},
	GeS: {"ge_s", 2, true, false, I32}, GeU: {"ge_u", 2, true, false, I32},
	Select: {"select", 3, true, false, 0},
	Load:   {"load", 1, false, false, I64}, Store: {"store", 2, false, false, Void},
	StoreIf: {"store_if", 3, false, false, Void}, AtomicOp: {"atomic", 2, false, false, I64},
	Float:  {"float", 3, false, false, I64},
	ExitIf: {"exit_if", 1, false, false, Void}, IRQCheck: {"irq_check", 0, false, false, Void},
	Branch: {"branch", 1, false, true, Void}, Jump: {"jump", 0, false, true, Void},
	JumpInd: {"jump_ind", 1, false, true, Void}, Enter: {"enter", 1, false, true, Void}, Resume: {"resume", 0, false, true, Void}, Single: {"single", 0, false, true, Void},
}

func (o Op) String() string {
	if o < numOps && ops[o].name != "" {
		return ops[o].name
	}
	return fmt.Sprintf("op%d", uint8(o))
}

// Args is the number of operands; Float's unused ones are NoValue.
func (o Op) Args() int { return ops[o].args }

// Pure says that the node has no effect and depends on its operands alone.
func (o Op) Pure() bool { return ops[o].pure }

// Terminator says that the node ends its block.
func (o Op) Terminator() bool { return ops[o].term }

// Commutative says that the operands may be swapped.
func (o Op) Commutative() bool {
	switch o {
	case Add, Mul, And, Or, Xor, Eq, Ne, MulHS, MulHU:
		return true
	}
	return false
}
