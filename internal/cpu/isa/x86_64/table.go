package x86_64

// A row is one instruction of the opcode maps in the notation of Intel's manual
// (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2): the
// encoding as the instructions' pages write it, the operands by the codes of
// appendix A. Where two rows match an encoding the first counts.
//
// # Encodings
//
//	01  0F AF  0F 38 F0   opcode, behind the escape bytes of its map
//	50+r                  a register in the opcode's low three bits
//	/0 … /7               ModRM.reg extends the opcode
//	0F 01 F8  D8 C0+i     ModRM is this byte, or one of eight
//	mem  11B              ModRM names memory, or a register; operands that can be
//	                      only one of these say so themselves
//	66  F3  F2            this mandatory prefix
//	NP                    none of the three
//	NFx                   neither F2 nor F3; 66 gives the operand size
//	REX.W  W0  B=0        REX.W is 1, or 0; REX.B is 0
//	VEX.L.pp.map.W        L: 128, 256, LZ (0), LIG (ignored), or none where the operands
//	                      have either length; W: W0, W1, WIG (ignored), or none where it
//	                      gives the size of general registers
//
// Without NP, NFx or a mandatory prefix all three mean to the row what they mean to
// every instruction: 66 an operand size, F2 and F3 a repetition or nothing.
//
// # Operands
//
// A capital letter says where the operand is:
//
//	A  far pointer in the code           N  MMX register of ModRM.rm
//	B  general register of VEX.vvvv      O  memory at an address in the code
//	C  control register of ModRM.reg     P  MMX register of ModRM.reg
//	D  debug register of ModRM.reg       Q  MMX register of ModRM.rm, or memory
//	E  general register of ModRM.rm,     R  general register of ModRM.rm
//	   or memory                         S  segment register of ModRM.reg
//	G  general register of ModRM.reg     U  vector register of ModRM.rm
//	H  vector register of VEX.vvvv       V  vector register of ModRM.reg
//	I  immediate                         W  vector register of ModRM.rm, or memory
//	J  displacement of a branch          X  memory at DS:rSI
//	L  vector register of imm8[7:4]      Y  memory at ES:rDI
//	M  memory                            Z  general register of the opcode
//
// and small ones of which size it is (see typ). Rv/Mw is a register of the one or
// memory of the other size. vm32d is memory with a vector of indices of 32 bits, whose
// elements are doublewords. Everything else is itself: AL, CL, DX, 1, FS, STi, XMM0; eAX
// has the size z, rAX the size v.
type row struct {
	enc     string
	name    string // where the operand size chooses: CBW/CWDE/CDQE
	ops     string
	feature Feature
	attr    attr
}

// attr is what appendix A says by superscripts and the pages by footnotes.
type attr uint16

const (
	i64    attr = 1 << iota // only in compatibility mode: undefined, or something else, in 64-bit mode
	o64                     // only in 64-bit mode
	d64                     // in 64-bit mode operands have 64 bits, or 16 with 66
	f64                     // in 64-bit mode operands have 64 bits whatever prefixes say
	ov                      // the operand size is v, though no operand shows it
	oy                      // the operand size is y, though no operand shows it
	byAddr                  // the address size chooses the name
	lock                    // LOCK may stand before it, if the destination is memory
	rep                     // F2 and F3 repeat it
	seg                     // accesses memory that no operand shows, of a segment that can be overridden
	mod11                   // ModRM.mod is taken as 11B
	w32                     // in compatibility mode VEX.W counts for nothing
	alias                   // a second encoding, not in the manual
)

// typ is the size of an operand. In registers the size of a vector operand is its part
// that counts.
type typ uint8

const (
	tNone typ = iota
	tB        // byte
	tBS       // byte, sign-extended to the operand size
	tW        // word
	tD        // doubleword
	tQ        // quadword
	tDQ       // 128 bits
	tQQ       // 256 bits
	tX        // 128 or 256 bits by VEX.L; 128 without VEX
	tX2       // half of x
	tX4       // a fourth of x
	tX8       // an eighth of x
	tSS       // single-precision number
	tSD       // double-precision number
	tT        // 80 bits: x87's extended precision, packed BCD
	tV        // word, doubleword or quadword by operand size
	tZ        // word or doubleword by operand size
	tY        // doubleword, or quadword with W
	tM        // doubleword, or in 64-bit mode quadword
	tDS       // doubleword, or with an operand size of 16 bits word
	tP        // far pointer: selector and z or v
	tS        // limit and base of a descriptor table
	tA        // bounds: two of z
)

var typNames = map[string]typ{
	"": tNone, "b": tB, "bs": tBS, "w": tW, "d": tD, "q": tQ, "dq": tDQ, "qq": tQQ, "x": tX, "x2": tX2, "x4": tX4, "x8": tX8,
	"ss": tSS, "sd": tSD, "t": tT, "v": tV, "z": tZ, "y": tY, "m": tM, "ds": tDS, "p": tP, "s": tS, "a": tA,
}

// parts are the rows, in the order of their numbers.
var parts = [...][]row{{
	{"", "(undefined)", "", Base, 0},
	{"", "(too long)", "", Base, 0},
}, rowsInteger, rowsX87, rowsSSE, rowsVEX}

// NumRows is the number of rows, Undefined and TooLong among them.
func NumRows() int {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	return n
}

func (id RowID) row() *row {
	for _, p := range parts {
		if int(id) < len(p) {
			return &p[id]
		}
		id -= RowID(len(p))
	}
	panic("BUG: x86_64: no such row")
}

// Encoding, Name and Operands are the row's texts, see row.
func (id RowID) Encoding() string { return id.row().enc }
func (id RowID) Name() string     { return id.row().name }
func (id RowID) Operands() string { return id.row().ops }
