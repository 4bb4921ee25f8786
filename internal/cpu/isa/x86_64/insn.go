package x86_64

// MaxLen is the length of the longest instruction in bytes. A processor answers a
// longer one with a general-protection fault: Decode reports TooLong.
const MaxLen = 15

// Mode is the width that the code segment gives to code.
type Mode uint8

const (
	Mode64 Mode = iota // 64-bit mode
	Mode32             // compatibility mode with a 32-bit code segment: i386 programs
	numModes
)

// RowID is the index of a row of the instruction table.
type RowID uint16

const (
	Undefined RowID = iota // raises #UD
	TooLong                // more than MaxLen bytes: raises #GP(0)
	firstRow               // of the table's own
)

// Map is an opcode map: the bytes that stand before the opcode, or the field mmmmm
// of a VEX prefix.
type Map uint8

const (
	MapOne     Map = iota // one-byte opcodes
	Map0F                 // 0F xx
	Map0F38               // 0F 38 xx
	Map0F3A               // 0F 3A xx
	MapVEX0F              // VEX with mmmmm = 1
	MapVEX0F38            // VEX with mmmmm = 2
	MapVEX0F3A            // VEX with mmmmm = 3
	numMaps
)

// Prefix is a set of prefixes.
type Prefix uint16

const (
	PrefixLock  Prefix = 1 << iota // F0
	PrefixRepne                    // F2, unless an F3 follows
	PrefixRep                      // F3, unless an F2 follows
	PrefixOp                       // 66
	PrefixAddr                     // 67
	PrefixREX                      // 40–4F, where it counts: directly before the opcode
	PrefixVEX                      // C4 or C5
	// The bits of REX, or of VEX as if they were REX's.
	PrefixW
	PrefixR
	PrefixX
	PrefixB
)

// Values of Insn.PP, as in a VEX prefix.
const (
	PPNone = iota
	PP66
	PPF3
	PPF2
)

// Seg is a segment register, numbered as in ModRM.
type Seg int8

const (
	SegNone Seg = iota - 1
	SegES
	SegCS
	SegSS
	SegDS
	SegFS
	SegGS
)

// NoReg says that a memory operand has no base or no index.
const NoReg int8 = -1

// Insn is a decoded instruction in x86's own terms. It holds what the bytes say;
// what operands there are is its row's (see Row).
type Insn struct {
	// Imm is the immediate, sign-extended from its width, except that Ib and Iw are
	// zero-extended. For a relative branch it is the displacement from the end of
	// the instruction; for moffs the address; for a far pointer the offset.
	Imm int64
	// Disp is the displacement of the memory operand.
	Disp int32
	// Imm2 is the second immediate: the nesting level of ENTER, the selector of a far
	// pointer.
	Imm2 uint16

	Row      RowID
	Prefixes Prefix
	Len      uint8 // bytes; of an undefined encoding those that it took to know
	Op       uint8 // opcode
	Map      Map
	PP       uint8 // the mandatory prefix, or what would be one
	Mode     Mode

	// OpSize is the size of the operation in bytes: 1, 2, 4, 8 for general registers,
	// 8 for MMX, 16 or 32 for vectors, 0 where there is none. Where vectors meet general
	// registers whose size varies, it is the latter's.
	OpSize   uint8
	AddrSize uint8 // of addresses in bytes: 2, 4, 8

	VVVV uint8 // VEX.vvvv, not inverted any more
	L    uint8 // VEX.L

	// Mod, Reg and RM are ModRM's fields, the latter two extended by R and B. Mod is 3
	// if there is no ModRM; RM then is the register in the opcode's low bits, if any.
	Mod uint8
	Reg uint8
	RM  uint8

	// The memory operand of ModRM: segment:[Base + Index × Scale + Disp], reckoned in
	// AddrSize bytes. Index is a vector register where the row has a VSIB operand.
	Base   int8  // general register or NoReg
	Index  int8  // register or NoReg
	Scale  uint8 // 1, 2, 4, 8; of a SIB without index too
	RIPRel bool  // relative to the end of the instruction
	// Seg is the segment of the memory operand, or of the source of a string
	// instruction, of XLAT and of moffs: the override if there is one that counts,
	// else the default: SS with a base of rSP or rBP, or DS.
	Seg Seg
	// Override is the last segment prefix that counts (in 64-bit mode only FS and GS
	// do), even if there is no operand in memory.
	Override Seg
}

// Has says whether any of a set of prefixes stands before the instruction.
func (in *Insn) Has(p Prefix) bool { return in.Prefixes&p != 0 }

// Mem says that ModRM names an operand in memory.
func (in *Insn) Mem() bool { return in.Mod != 3 }

// HighByte says that byte register n is bits 15:8 of register n−4 (AH, CH, DH, BH).
func (in *Insn) HighByte(n uint8) bool { return n >= 4 && n < 8 && !in.Has(PrefixREX) }

// Undefined says that the encoding raises #UD, or #GP where it is too long.
func (in *Insn) Undefined() bool { return in.Row < firstRow }
