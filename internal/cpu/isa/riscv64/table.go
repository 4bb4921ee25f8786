package riscv64

import "github.com/c2w/c2w/internal/cpu/isa"

// A row is one encoding as the manual's tables draw it: most significant bit
// first, 0 and 1 fixed, a point for an operand bit, blanks between fields.
// Where two rows match a word the first counts.
type row struct {
	bits string
	name string // as the assembler spells it without aliases
	kind kind
	form isa.Form // before specialisation (see specialise)
}

// kind is an instruction's operand layout.
type kind uint8

const (
	kNone  kind = iota
	kR          // rd, rs1, rs2
	kR1         // rd, rs1
	kI          // rd, rs1, imm
	kSh6        // rd, rs1, shamt of 6 bits
	kSh5        // rd, rs1, shamt of 5 bits
	kU          // rd, imm[31:12]
	kLoad       // rd, imm(rs1)
	kStore      // rs2, imm(rs1)
	kB          // rs1, rs2, target
	kJ          // rd, target
	kJalr       // rd, imm(rs1)
	kFence
	kLR   // rd, (rs1)
	kAMO  // rd, rs2, (rs1)
	kCSR  // rd, csr, rs1
	kCSRI // rd, csr, uimm
	kSfence

	kFLoad  // frd, imm(rs1)
	kFStore // frs2, imm(rs1)
	kFR     // frd, frs1, frs2
	kFRm    // frd, frs1, frs2, rm
	kF1Rm   // frd, frs1, rm
	kFRm4   // frd, frs1, frs2, frs3, rm
	kFX     // frd, rs1
	kFXRm   // frd, rs1, rm
	kXF     // rd, frs1
	kXFRm   // rd, frs1, rm
	kXFF    // rd, frs1, frs2

	// Compressed.
	kCIW    // rd', sp, nzuimm
	kCLW    // rd', uimm(rs1')
	kCLD    //
	kCSW    // rs2', uimm(rs1')
	kCSD    //
	kCFLD   // frd', uimm(rs1')
	kCFSD   // frs2', uimm(rs1')
	kCI     // rd, imm (rd is rs1 too)
	kCLI    // rd, imm (rs1 is x0)
	kCNop   // imm
	kCSh    // rd, shamt
	kC16SP  // sp, imm
	kCLUI   // rd, imm
	kCShB   // rd', shamt
	kCIB    // rd', imm
	kCA     // rd', rs2'
	kCJ     // target
	kCBZ    // rs1', target
	kCLWSP  // rd, uimm(sp)
	kCLDSP  //
	kCFLDSP // frd, uimm(sp)
	kCSWSP  // rs2, uimm(sp)
	kCSDSP  //
	kCFSDSP // frs2, uimm(sp)
	kCJR    // rs1
	kCJALR  // rs1 (rd is ra)
	kCMV    // rd, rs2
	kCR     // rd, rs2 (rd is rs1 too)
)

// rows32 are the 32-bit encodings: unprivileged manual, "RV32/64G Instruction
// Set Listings" and the chapters of Zba, Zbb and Zbs; privileged manual,
// "RISC-V Privileged Instruction Set Listings".
var rows32 = []row{
	// RV64I
	{"....... ..... ..... ... ..... 0110111", "lui", kU, fLi},
	{"....... ..... ..... ... ..... 0010111", "auipc", kU, fAuipc},
	{"....... ..... ..... ... ..... 1101111", "jal", kJ, fJal},
	{"....... ..... ..... 000 ..... 1100111", "jalr", kJalr, fJalr},
	{"....... ..... ..... 000 ..... 1100011", "beq", kB, fBeq},
	{"....... ..... ..... 001 ..... 1100011", "bne", kB, fBne},
	{"....... ..... ..... 100 ..... 1100011", "blt", kB, fBlt},
	{"....... ..... ..... 101 ..... 1100011", "bge", kB, fBge},
	{"....... ..... ..... 110 ..... 1100011", "bltu", kB, fBltu},
	{"....... ..... ..... 111 ..... 1100011", "bgeu", kB, fBgeu},
	{"....... ..... ..... 000 ..... 0000011", "lb", kLoad, fLb},
	{"....... ..... ..... 001 ..... 0000011", "lh", kLoad, fLh},
	{"....... ..... ..... 010 ..... 0000011", "lw", kLoad, fLw},
	{"....... ..... ..... 011 ..... 0000011", "ld", kLoad, fLd},
	{"....... ..... ..... 100 ..... 0000011", "lbu", kLoad, fLbu},
	{"....... ..... ..... 101 ..... 0000011", "lhu", kLoad, fLhu},
	{"....... ..... ..... 110 ..... 0000011", "lwu", kLoad, fLwu},
	{"....... ..... ..... 000 ..... 0100011", "sb", kStore, fSb},
	{"....... ..... ..... 001 ..... 0100011", "sh", kStore, fSh},
	{"....... ..... ..... 010 ..... 0100011", "sw", kStore, fSw},
	{"....... ..... ..... 011 ..... 0100011", "sd", kStore, fSd},
	{"....... ..... ..... 000 ..... 0010011", "addi", kI, fAddi},
	{"....... ..... ..... 010 ..... 0010011", "slti", kI, fSlti},
	{"....... ..... ..... 011 ..... 0010011", "sltiu", kI, fSltiu},
	{"....... ..... ..... 100 ..... 0010011", "xori", kI, fXori},
	{"....... ..... ..... 110 ..... 0010011", "ori", kI, fOri},
	{"....... ..... ..... 111 ..... 0010011", "andi", kI, fAndi},
	{"000000. ..... ..... 001 ..... 0010011", "slli", kSh6, fSlli},
	{"000000. ..... ..... 101 ..... 0010011", "srli", kSh6, fSrli},
	{"010000. ..... ..... 101 ..... 0010011", "srai", kSh6, fSrai},
	{"0000000 ..... ..... 000 ..... 0110011", "add", kR, fAdd},
	{"0100000 ..... ..... 000 ..... 0110011", "sub", kR, fSub},
	{"0000000 ..... ..... 001 ..... 0110011", "sll", kR, fSll},
	{"0000000 ..... ..... 010 ..... 0110011", "slt", kR, fSlt},
	{"0000000 ..... ..... 011 ..... 0110011", "sltu", kR, fSltu},
	{"0000000 ..... ..... 100 ..... 0110011", "xor", kR, fXor},
	{"0000000 ..... ..... 101 ..... 0110011", "srl", kR, fSrl},
	{"0100000 ..... ..... 101 ..... 0110011", "sra", kR, fSra},
	{"0000000 ..... ..... 110 ..... 0110011", "or", kR, fOr},
	{"0000000 ..... ..... 111 ..... 0110011", "and", kR, fAnd},
	{"....... ..... ..... 000 ..... 0011011", "addiw", kI, fAddiw},
	{"0000000 ..... ..... 001 ..... 0011011", "slliw", kSh5, fSlliw},
	{"0000000 ..... ..... 101 ..... 0011011", "srliw", kSh5, fSrliw},
	{"0100000 ..... ..... 101 ..... 0011011", "sraiw", kSh5, fSraiw},
	{"0000000 ..... ..... 000 ..... 0111011", "addw", kR, fAddw},
	{"0100000 ..... ..... 000 ..... 0111011", "subw", kR, fSubw},
	{"0000000 ..... ..... 001 ..... 0111011", "sllw", kR, fSllw},
	{"0000000 ..... ..... 101 ..... 0111011", "srlw", kR, fSrlw},
	{"0100000 ..... ..... 101 ..... 0111011", "sraw", kR, fSraw},
	{"0000000 10000 00000 000 00000 0001111", "pause", kNone, fNop},
	{"1000001 10011 00000 000 00000 0001111", "fence.tso", kNone, fNop},
	{"....... ..... ..... 000 ..... 0001111", "fence", kFence, fNop},
	{"....... ..... ..... 001 ..... 0001111", "fence.i", kNone, fFenceI},
	{"0000000 00000 00000 000 00000 1110011", "ecall", kNone, fEcall},
	{"0000000 00001 00000 000 00000 1110011", "ebreak", kNone, fEbreak},

	// Zicsr
	{"....... ..... ..... 001 ..... 1110011", "csrrw", kCSR, fCsr},
	{"....... ..... ..... 010 ..... 1110011", "csrrs", kCSR, fCsr},
	{"....... ..... ..... 011 ..... 1110011", "csrrc", kCSR, fCsr},
	{"....... ..... ..... 101 ..... 1110011", "csrrwi", kCSRI, fCsr},
	{"....... ..... ..... 110 ..... 1110011", "csrrsi", kCSRI, fCsr},
	{"....... ..... ..... 111 ..... 1110011", "csrrci", kCSRI, fCsr},

	// Privileged
	{"0001000 00010 00000 000 00000 1110011", "sret", kNone, fSret},
	{"0011000 00010 00000 000 00000 1110011", "mret", kNone, fMret},
	{"0001000 00101 00000 000 00000 1110011", "wfi", kNone, fWfi},
	{"0001001 ..... ..... 000 00000 1110011", "sfence.vma", kSfence, fSfenceVMA},

	// RV64M
	{"0000001 ..... ..... 000 ..... 0110011", "mul", kR, fMul},
	{"0000001 ..... ..... 001 ..... 0110011", "mulh", kR, fMulh},
	{"0000001 ..... ..... 010 ..... 0110011", "mulhsu", kR, fMulhsu},
	{"0000001 ..... ..... 011 ..... 0110011", "mulhu", kR, fMulhu},
	{"0000001 ..... ..... 100 ..... 0110011", "div", kR, fDiv},
	{"0000001 ..... ..... 101 ..... 0110011", "divu", kR, fDivu},
	{"0000001 ..... ..... 110 ..... 0110011", "rem", kR, fRem},
	{"0000001 ..... ..... 111 ..... 0110011", "remu", kR, fRemu},
	{"0000001 ..... ..... 000 ..... 0111011", "mulw", kR, fMulw},
	{"0000001 ..... ..... 100 ..... 0111011", "divw", kR, fDivw},
	{"0000001 ..... ..... 101 ..... 0111011", "divuw", kR, fDivuw},
	{"0000001 ..... ..... 110 ..... 0111011", "remw", kR, fRemw},
	{"0000001 ..... ..... 111 ..... 0111011", "remuw", kR, fRemuw},

	// RV64A
	{"00010.. 00000 ..... 010 ..... 0101111", "lr.w", kLR, fLrW},
	{"00011.. ..... ..... 010 ..... 0101111", "sc.w", kAMO, fScW},
	{"00001.. ..... ..... 010 ..... 0101111", "amoswap.w", kAMO, fAmoswapW},
	{"00000.. ..... ..... 010 ..... 0101111", "amoadd.w", kAMO, fAmoaddW},
	{"00100.. ..... ..... 010 ..... 0101111", "amoxor.w", kAMO, fAmoxorW},
	{"01100.. ..... ..... 010 ..... 0101111", "amoand.w", kAMO, fAmoandW},
	{"01000.. ..... ..... 010 ..... 0101111", "amoor.w", kAMO, fAmoorW},
	{"10000.. ..... ..... 010 ..... 0101111", "amomin.w", kAMO, fAmominW},
	{"10100.. ..... ..... 010 ..... 0101111", "amomax.w", kAMO, fAmomaxW},
	{"11000.. ..... ..... 010 ..... 0101111", "amominu.w", kAMO, fAmominuW},
	{"11100.. ..... ..... 010 ..... 0101111", "amomaxu.w", kAMO, fAmomaxuW},
	{"00010.. 00000 ..... 011 ..... 0101111", "lr.d", kLR, fLrD},
	{"00011.. ..... ..... 011 ..... 0101111", "sc.d", kAMO, fScD},
	{"00001.. ..... ..... 011 ..... 0101111", "amoswap.d", kAMO, fAmoswapD},
	{"00000.. ..... ..... 011 ..... 0101111", "amoadd.d", kAMO, fAmoaddD},
	{"00100.. ..... ..... 011 ..... 0101111", "amoxor.d", kAMO, fAmoxorD},
	{"01100.. ..... ..... 011 ..... 0101111", "amoand.d", kAMO, fAmoandD},
	{"01000.. ..... ..... 011 ..... 0101111", "amoor.d", kAMO, fAmoorD},
	{"10000.. ..... ..... 011 ..... 0101111", "amomin.d", kAMO, fAmominD},
	{"10100.. ..... ..... 011 ..... 0101111", "amomax.d", kAMO, fAmomaxD},
	{"11000.. ..... ..... 011 ..... 0101111", "amominu.d", kAMO, fAmominuD},
	{"11100.. ..... ..... 011 ..... 0101111", "amomaxu.d", kAMO, fAmomaxuD},

	// RV64F
	{"....... ..... ..... 010 ..... 0000111", "flw", kFLoad, fFlw},
	{"....... ..... ..... 010 ..... 0100111", "fsw", kFStore, fFsw},
	{".....00 ..... ..... ... ..... 1000011", "fmadd.s", kFRm4, fFmaddS},
	{".....00 ..... ..... ... ..... 1000111", "fmsub.s", kFRm4, fFmsubS},
	{".....00 ..... ..... ... ..... 1001011", "fnmsub.s", kFRm4, fFnmsubS},
	{".....00 ..... ..... ... ..... 1001111", "fnmadd.s", kFRm4, fFnmaddS},
	{"0000000 ..... ..... ... ..... 1010011", "fadd.s", kFRm, fFaddS},
	{"0000100 ..... ..... ... ..... 1010011", "fsub.s", kFRm, fFsubS},
	{"0001000 ..... ..... ... ..... 1010011", "fmul.s", kFRm, fFmulS},
	{"0001100 ..... ..... ... ..... 1010011", "fdiv.s", kFRm, fFdivS},
	{"0101100 00000 ..... ... ..... 1010011", "fsqrt.s", kF1Rm, fFsqrtS},
	{"0010000 ..... ..... 000 ..... 1010011", "fsgnj.s", kFR, fFsgnjS},
	{"0010000 ..... ..... 001 ..... 1010011", "fsgnjn.s", kFR, fFsgnjnS},
	{"0010000 ..... ..... 010 ..... 1010011", "fsgnjx.s", kFR, fFsgnjxS},
	{"0010100 ..... ..... 000 ..... 1010011", "fmin.s", kFR, fFminS},
	{"0010100 ..... ..... 001 ..... 1010011", "fmax.s", kFR, fFmaxS},
	{"1100000 00000 ..... ... ..... 1010011", "fcvt.w.s", kXFRm, fFcvtWS},
	{"1100000 00001 ..... ... ..... 1010011", "fcvt.wu.s", kXFRm, fFcvtWuS},
	{"1100000 00010 ..... ... ..... 1010011", "fcvt.l.s", kXFRm, fFcvtLS},
	{"1100000 00011 ..... ... ..... 1010011", "fcvt.lu.s", kXFRm, fFcvtLuS},
	{"1110000 00000 ..... 000 ..... 1010011", "fmv.x.w", kXF, fFmvXW},
	{"1010000 ..... ..... 010 ..... 1010011", "feq.s", kXFF, fFeqS},
	{"1010000 ..... ..... 001 ..... 1010011", "flt.s", kXFF, fFltS},
	{"1010000 ..... ..... 000 ..... 1010011", "fle.s", kXFF, fFleS},
	{"1110000 00000 ..... 001 ..... 1010011", "fclass.s", kXF, fFclassS},
	{"1101000 00000 ..... ... ..... 1010011", "fcvt.s.w", kFXRm, fFcvtSW},
	{"1101000 00001 ..... ... ..... 1010011", "fcvt.s.wu", kFXRm, fFcvtSWu},
	{"1101000 00010 ..... ... ..... 1010011", "fcvt.s.l", kFXRm, fFcvtSL},
	{"1101000 00011 ..... ... ..... 1010011", "fcvt.s.lu", kFXRm, fFcvtSLu},
	{"1111000 00000 ..... 000 ..... 1010011", "fmv.w.x", kFX, fFmvWX},

	// RV64D
	{"....... ..... ..... 011 ..... 0000111", "fld", kFLoad, fFld},
	{"....... ..... ..... 011 ..... 0100111", "fsd", kFStore, fFsd},
	{".....01 ..... ..... ... ..... 1000011", "fmadd.d", kFRm4, fFmaddD},
	{".....01 ..... ..... ... ..... 1000111", "fmsub.d", kFRm4, fFmsubD},
	{".....01 ..... ..... ... ..... 1001011", "fnmsub.d", kFRm4, fFnmsubD},
	{".....01 ..... ..... ... ..... 1001111", "fnmadd.d", kFRm4, fFnmaddD},
	{"0000001 ..... ..... ... ..... 1010011", "fadd.d", kFRm, fFaddD},
	{"0000101 ..... ..... ... ..... 1010011", "fsub.d", kFRm, fFsubD},
	{"0001001 ..... ..... ... ..... 1010011", "fmul.d", kFRm, fFmulD},
	{"0001101 ..... ..... ... ..... 1010011", "fdiv.d", kFRm, fFdivD},
	{"0101101 00000 ..... ... ..... 1010011", "fsqrt.d", kF1Rm, fFsqrtD},
	{"0010001 ..... ..... 000 ..... 1010011", "fsgnj.d", kFR, fFsgnjD},
	{"0010001 ..... ..... 001 ..... 1010011", "fsgnjn.d", kFR, fFsgnjnD},
	{"0010001 ..... ..... 010 ..... 1010011", "fsgnjx.d", kFR, fFsgnjxD},
	{"0010101 ..... ..... 000 ..... 1010011", "fmin.d", kFR, fFminD},
	{"0010101 ..... ..... 001 ..... 1010011", "fmax.d", kFR, fFmaxD},
	{"0100000 00001 ..... ... ..... 1010011", "fcvt.s.d", kF1Rm, fFcvtSD},
	{"0100001 00000 ..... ... ..... 1010011", "fcvt.d.s", kF1Rm, fFcvtDS},
	{"1010001 ..... ..... 010 ..... 1010011", "feq.d", kXFF, fFeqD},
	{"1010001 ..... ..... 001 ..... 1010011", "flt.d", kXFF, fFltD},
	{"1010001 ..... ..... 000 ..... 1010011", "fle.d", kXFF, fFleD},
	{"1110001 00000 ..... 001 ..... 1010011", "fclass.d", kXF, fFclassD},
	{"1100001 00000 ..... ... ..... 1010011", "fcvt.w.d", kXFRm, fFcvtWD},
	{"1100001 00001 ..... ... ..... 1010011", "fcvt.wu.d", kXFRm, fFcvtWuD},
	{"1100001 00010 ..... ... ..... 1010011", "fcvt.l.d", kXFRm, fFcvtLD},
	{"1100001 00011 ..... ... ..... 1010011", "fcvt.lu.d", kXFRm, fFcvtLuD},
	{"1101001 00000 ..... ... ..... 1010011", "fcvt.d.w", kFXRm, fFcvtDW},
	{"1101001 00001 ..... ... ..... 1010011", "fcvt.d.wu", kFXRm, fFcvtDWu},
	{"1101001 00010 ..... ... ..... 1010011", "fcvt.d.l", kFXRm, fFcvtDL},
	{"1101001 00011 ..... ... ..... 1010011", "fcvt.d.lu", kFXRm, fFcvtDLu},
	{"1110001 00000 ..... 000 ..... 1010011", "fmv.x.d", kXF, fFmvXD},
	{"1111001 00000 ..... 000 ..... 1010011", "fmv.d.x", kFX, fFmvDX},

	// Zba
	{"0000100 ..... ..... 000 ..... 0111011", "add.uw", kR, fAddUW},
	{"0010000 ..... ..... 010 ..... 0110011", "sh1add", kR, fSh1add},
	{"0010000 ..... ..... 100 ..... 0110011", "sh2add", kR, fSh2add},
	{"0010000 ..... ..... 110 ..... 0110011", "sh3add", kR, fSh3add},
	{"0010000 ..... ..... 010 ..... 0111011", "sh1add.uw", kR, fSh1addUW},
	{"0010000 ..... ..... 100 ..... 0111011", "sh2add.uw", kR, fSh2addUW},
	{"0010000 ..... ..... 110 ..... 0111011", "sh3add.uw", kR, fSh3addUW},
	{"000010. ..... ..... 001 ..... 0011011", "slli.uw", kSh6, fSlliUW},

	// Zbb
	{"0100000 ..... ..... 111 ..... 0110011", "andn", kR, fAndn},
	{"0100000 ..... ..... 110 ..... 0110011", "orn", kR, fOrn},
	{"0100000 ..... ..... 100 ..... 0110011", "xnor", kR, fXnor},
	{"0110000 00000 ..... 001 ..... 0010011", "clz", kR1, fClz},
	{"0110000 00000 ..... 001 ..... 0011011", "clzw", kR1, fClzw},
	{"0110000 00001 ..... 001 ..... 0010011", "ctz", kR1, fCtz},
	{"0110000 00001 ..... 001 ..... 0011011", "ctzw", kR1, fCtzw},
	{"0110000 00010 ..... 001 ..... 0010011", "cpop", kR1, fCpop},
	{"0110000 00010 ..... 001 ..... 0011011", "cpopw", kR1, fCpopw},
	{"0000101 ..... ..... 110 ..... 0110011", "max", kR, fMax},
	{"0000101 ..... ..... 111 ..... 0110011", "maxu", kR, fMaxu},
	{"0000101 ..... ..... 100 ..... 0110011", "min", kR, fMin},
	{"0000101 ..... ..... 101 ..... 0110011", "minu", kR, fMinu},
	{"0110000 00100 ..... 001 ..... 0010011", "sext.b", kR1, fSextB},
	{"0110000 00101 ..... 001 ..... 0010011", "sext.h", kR1, fSextH},
	{"0000100 00000 ..... 100 ..... 0111011", "zext.h", kR1, fZextH},
	{"0110000 ..... ..... 001 ..... 0110011", "rol", kR, fRol},
	{"0110000 ..... ..... 001 ..... 0111011", "rolw", kR, fRolw},
	{"0110000 ..... ..... 101 ..... 0110011", "ror", kR, fRor},
	{"011000. ..... ..... 101 ..... 0010011", "rori", kSh6, fRori},
	{"0110000 ..... ..... 101 ..... 0011011", "roriw", kSh5, fRoriw},
	{"0110000 ..... ..... 101 ..... 0111011", "rorw", kR, fRorw},
	{"0010100 00111 ..... 101 ..... 0010011", "orc.b", kR1, fOrcB},
	{"0110101 11000 ..... 101 ..... 0010011", "rev8", kR1, fRev8},

	// Zbs
	{"0100100 ..... ..... 001 ..... 0110011", "bclr", kR, fBclr},
	{"010010. ..... ..... 001 ..... 0010011", "bclri", kSh6, fBclri},
	{"0100100 ..... ..... 101 ..... 0110011", "bext", kR, fBext},
	{"010010. ..... ..... 101 ..... 0010011", "bexti", kSh6, fBexti},
	{"0110100 ..... ..... 001 ..... 0110011", "binv", kR, fBinv},
	{"011010. ..... ..... 001 ..... 0010011", "binvi", kSh6, fBinvi},
	{"0010100 ..... ..... 001 ..... 0110011", "bset", kR, fBset},
	{"001010. ..... ..... 001 ..... 0010011", "bseti", kSh6, fBseti},
}

// rows16 are the compressed encodings, with the form of their expansion:
// unprivileged manual, chapter "C", "RVC Instruction Set Listings".
var rows16 = []row{
	{"000 00000000 ... 00", "unimp", kNone, fIllegal},
	{"000 ........ ... 00", "c.addi4spn", kCIW, fAddi},
	{"001 ... ... .. ... 00", "c.fld", kCFLD, fFld},
	{"010 ... ... .. ... 00", "c.lw", kCLW, fLw},
	{"011 ... ... .. ... 00", "c.ld", kCLD, fLd},
	{"101 ... ... .. ... 00", "c.fsd", kCFSD, fFsd},
	{"110 ... ... .. ... 00", "c.sw", kCSW, fSw},
	{"111 ... ... .. ... 00", "c.sd", kCSD, fSd},

	{"000 . 00000 ..... 01", "c.nop", kCNop, fNop},
	{"000 . ..... ..... 01", "c.addi", kCI, fAddi},
	{"001 . 00000 ..... 01", "unimp", kNone, fIllegal},
	{"001 . ..... ..... 01", "c.addiw", kCI, fAddiw},
	{"010 . ..... ..... 01", "c.li", kCLI, fLi},
	{"011 0 ..... 00000 01", "unimp", kNone, fIllegal},
	{"011 . 00010 ..... 01", "c.addi16sp", kC16SP, fAddi},
	{"011 . ..... ..... 01", "c.lui", kCLUI, fLi},
	{"100 . 00 ... ..... 01", "c.srli", kCShB, fSrli},
	{"100 . 01 ... ..... 01", "c.srai", kCShB, fSrai},
	{"100 . 10 ... ..... 01", "c.andi", kCIB, fAndi},
	{"100 0 11 ... 00 ... 01", "c.sub", kCA, fSub},
	{"100 0 11 ... 01 ... 01", "c.xor", kCA, fXor},
	{"100 0 11 ... 10 ... 01", "c.or", kCA, fOr},
	{"100 0 11 ... 11 ... 01", "c.and", kCA, fAnd},
	{"100 1 11 ... 00 ... 01", "c.subw", kCA, fSubw},
	{"100 1 11 ... 01 ... 01", "c.addw", kCA, fAddw},
	{"101 ........... 01", "c.j", kCJ, fJ},
	{"110 ... ... ..... 01", "c.beqz", kCBZ, fBeqz},
	{"111 ... ... ..... 01", "c.bnez", kCBZ, fBnez},

	{"000 . ..... ..... 10", "c.slli", kCSh, fSlli},
	{"001 . ..... ..... 10", "c.fldsp", kCFLDSP, fFld},
	{"010 . 00000 ..... 10", "unimp", kNone, fIllegal},
	{"010 . ..... ..... 10", "c.lwsp", kCLWSP, fLw},
	{"011 . 00000 ..... 10", "unimp", kNone, fIllegal},
	{"011 . ..... ..... 10", "c.ldsp", kCLDSP, fLd},
	{"100 0 00000 00000 10", "unimp", kNone, fIllegal},
	{"100 0 ..... 00000 10", "c.jr", kCJR, fJr},
	{"100 0 ..... ..... 10", "c.mv", kCMV, fAdd},
	{"100 1 00000 00000 10", "c.ebreak", kNone, fEbreak},
	{"100 1 ..... 00000 10", "c.jalr", kCJALR, fJalr},
	{"100 1 ..... ..... 10", "c.add", kCR, fAdd},
	{"101 ...... ..... 10", "c.fsdsp", kCFSDSP, fFsd},
	{"110 ...... ..... 10", "c.swsp", kCSWSP, fSw},
	{"111 ...... ..... 10", "c.sdsp", kCSDSP, fSd},
}

// Encoding is a row of the instruction table, for tests that make words of it.
type Encoding struct {
	Name        string
	Mask, Match uint32 // fixed bits and their values
	Size        int    // bytes
	Operands    string // letters as at syntax
}

// Encodings lists the instruction table, without the rows that stand for
// undefined words.
func Encodings() []Encoding {
	var list []Encoding
	add := func(rows []row, width int) {
		for i := range rows {
			if r := &rows[i]; r.form != fIllegal {
				p := parse(r, width)
				list = append(list, Encoding{r.name, p.mask, p.match, width / 8, syntax[r.kind]})
			}
		}
	}
	add(rows32, 32)
	add(rows16, 16)
	return list
}
