package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// ISA is the guest instruction set rv64gc with Zba, Zbb, Zbs, Zicsr and
// Zifencei.
type ISA struct{}

// Guest is the one value of ISA.
var Guest isa.ISA = ISA{}

// Name is the architecture as in an OCI platform.
func (ISA) Name() string { return "riscv64" }

// Align: with the C extension, instructions begin at even addresses.
func (ISA) Align() uint { return 1 }

// Filling is two zero bytes, which are no instruction, or what is left of them.
func (ISA) Filling(code []byte) int {
	n := min(len(code), 2)
	for _, b := range code[:n] {
		if b != 0 {
			return 0
		}
	}
	return n
}

// MaxLen: there are no instructions longer than four bytes yet.
func (ISA) MaxLen() int { return 4 }

// Forms is the table of forms.
func (ISA) Forms() []isa.FormInfo { return forms[:] }

// Zero is the state offset of x0.
func (ISA) Zero() uint16 { return zero }

const (
	zero = uint16(core.OffG)               // what a read of x0 reads
	sink = uint16(core.OffG + 8*core.Sink) // where a write to x0 goes
)

// The forms. Their order carries meaning in three places: see firstPure,
// firstRound and firstStatic.
const (
	fIllegal isa.Form = iota

	// Pure integer forms: with rd = x0 each of them is fNop.
	fLi
	fMv
	fAddi
	fSlti
	fSltiu
	fSeqz
	fXori
	fOri
	fAndi
	fSlli
	fSrli
	fSrai
	fAddiw
	fSextW
	fSlliw
	fSrliw
	fSraiw
	fAuipc
	fAdd
	fSub
	fSll
	fSlt
	fSltu
	fSnez
	fXor
	fSrl
	fSra
	fOr
	fAnd
	fAddw
	fSubw
	fSllw
	fSrlw
	fSraw
	fMul
	fMulh
	fMulhsu
	fMulhu
	fDiv
	fDivu
	fRem
	fRemu
	fMulw
	fDivw
	fDivuw
	fRemw
	fRemuw
	fAddUW
	fZextW
	fSh1add
	fSh2add
	fSh3add
	fSh1addUW
	fSh2addUW
	fSh3addUW
	fSlliUW
	fAndn
	fOrn
	fXnor
	fClz
	fClzw
	fCtz
	fCtzw
	fCpop
	fCpopw
	fMax
	fMaxu
	fMin
	fMinu
	fSextB
	fSextH
	fZextH
	fRol
	fRolw
	fRor
	fRori
	fRoriw
	fRorw
	fOrcB
	fRev8
	fBclr
	fBclri
	fBext
	fBexti
	fBinv
	fBinvi
	fBset
	fBseti

	fNop
	fLb
	fLh
	fLw
	fLd
	fLbu
	fLhu
	fLwu
	fSb
	fSh
	fSw
	fSd
	fBeq
	fBne
	fBlt
	fBge
	fBltu
	fBgeu
	fBeqz
	fBnez
	fBltz
	fBgez
	fBlez
	fBgtz
	fJ
	fJal
	fJr
	fRet
	fJalr

	fLrW
	fScW
	fAmoswapW
	fAmoaddW
	fAmoxorW
	fAmoandW
	fAmoorW
	fAmominW
	fAmomaxW
	fAmominuW
	fAmomaxuW
	fLrD
	fScD
	fAmoswapD
	fAmoaddD
	fAmoxorD
	fAmoandD
	fAmoorD
	fAmominD
	fAmomaxD
	fAmominuD
	fAmomaxuD

	fFlw
	fFsw
	fFld
	fFsd
	fFsgnjS
	fFsgnjnS
	fFsgnjxS
	fFminS
	fFmaxS
	fFeqS
	fFltS
	fFleS
	fFclassS
	fFmvXW
	fFmvWX
	fFsgnjD
	fFsgnjnD
	fFsgnjxD
	fFmvD
	fFnegD
	fFabsD
	fFminD
	fFmaxD
	fFeqD
	fFltD
	fFleD
	fFclassD
	fFmvXD
	fFmvDX
	fFcvtDS // exact, whatever the rounding mode
	fFcvtDW
	fFcvtDWu

	// Forms that round, with the dynamic mode.
	fFcvtWS
	fFcvtWuS
	fFcvtLS
	fFcvtLuS
	fFcvtWD
	fFcvtWuD
	fFcvtLD
	fFcvtLuD
	fFaddS
	fFsubS
	fFmulS
	fFdivS
	fFsqrtS
	fFmaddS
	fFmsubS
	fFnmsubS
	fFnmaddS
	fFcvtSW
	fFcvtSWu
	fFcvtSL
	fFcvtSLu
	fFcvtSD
	fFaddD
	fFsubD
	fFmulD
	fFdivD
	fFsqrtD
	fFmaddD
	fFmsubD
	fFnmsubD
	fFnmaddD
	fFcvtDL
	fFcvtDLu

	// The same with the mode in bits 16 to 18 of the immediate, filled by
	// roundForms.
	firstStatic
	lastStatic = firstStatic + (lastRound - firstRound)
	// The same to nearest even: what V8's compiler always writes.
	firstRNE = lastStatic + 1
	lastRNE  = firstRNE + (lastRound - firstRound)
	// The conversions to integers, rounding toward zero.
	firstRTZ = lastRNE + 1
	lastRTZ  = firstRTZ + (fFcvtLuD - fFcvtWS)
)

const (
	firstPure, lastPure   = fLi, fBseti
	firstRound, lastRound = fFcvtWS, fFcvtDLu
)

const (
	fFrflags isa.Form = lastRTZ + 1 + iota // csrrs rd, fflags, x0
	fFrrm
	fFrcsr
	// Writes of these: the source is a register plus an immediate, of which one
	// is zero.
	fSwapFlags // csrrw, csrrwi
	fSetFlags  // csrrs, csrrsi
	fClearFlags
	fSwapFRM
	fSetFRM
	fClearFRM
	fSwapFCSR
	fSetFCSR
	fClearFCSR

	fCsrr
	fCsrw
	fCsrwSepc
	fCsrrwSscratch
	fSetSIE // csrrsi rd, sstatus, 2
	fClearSIE
	fSetStatus // csrrs rd, sstatus, rs
	fClearStatus
	fSwapStatus // csrrw rd, sstatus, rs
	fEcall
	fSret

	fEbreak
	fMret
	fWfi
	fSfenceVMA
	fFenceI
	fCsr // every other access to a control and status register
	numForms
)

type lifter = func(*isa.Lift)

func form(name string, flow isa.Flow, rank int, lift lifter) isa.FormInfo {
	return isa.FormInfo{Name: name, Flow: flow, Rank: rank, Lift: lift}
}

// hot forms are inlined in the interpreter's loop, warm ones have a handler.
func hot(name string, lift lifter) isa.FormInfo  { return form(name, isa.FlowNext, 0, lift) }
func warm(name string, lift lifter) isa.FormInfo { return form(name, isa.FlowNext, 1, lift) }

func branch(name string, lift lifter) isa.FormInfo { return form(name, isa.FlowBranch, 0, lift) }

func single(name string) isa.FormInfo { return form(name, isa.FlowSingle, 2, nil) }

var forms = roundForms([numForms]isa.FormInfo{
	fIllegal: single("illegal"),

	fLi:    hot("li", func(l *isa.Lift) { l.SetA(l.Imm()) }),
	fMv:    hot("mv", func(l *isa.Lift) { l.SetA(l.B()) }),
	fNop:   hot("nop", func(*isa.Lift) {}),
	fAuipc: hot("auipc", func(l *isa.Lift) { l.SetA(l.Bin(ir.Add, l.PC(), l.Imm())) }),

	fAddi:  hot("addi", regImm(ir.Add)),
	fSlti:  warm("slti", compareImm(ir.LtS)),
	fSltiu: warm("sltiu", compareImm(ir.LtU)),
	fSeqz:  hot("seqz", func(l *isa.Lift) { l.SetA(l.Un(ir.ExtU, l.Un(ir.Eqz, l.B()))) }),
	fXori:  hot("xori", regImm(ir.Xor)),
	fOri:   hot("ori", regImm(ir.Or)),
	fAndi:  hot("andi", regImm(ir.And)),
	fSlli:  hot("slli", regImm(ir.Shl)),
	fSrli:  hot("srli", regImm(ir.ShrU)),
	fSrai:  hot("srai", regImm(ir.ShrS)),
	fAddiw: hot("addiw", func(l *isa.Lift) { l.SetA(l.Un(ir.Ext32, l.Bin(ir.Add, l.B(), l.Imm()))) }),
	fSextW: hot("sext.w", func(l *isa.Lift) { l.SetA(l.Un(ir.Ext32, l.B())) }),
	fSlliw: hot("slliw", func(l *isa.Lift) { l.SetA(l.Un(ir.Ext32, l.Bin(ir.Shl, l.B(), l.Imm()))) }),
	fSrliw: hot("srliw", wordImm(ir.ShrU)),
	fSraiw: hot("sraiw", wordImm(ir.ShrS)),

	fAdd:  hot("add", regReg(ir.Add)),
	fSub:  hot("sub", regReg(ir.Sub)),
	fSll:  hot("sll", regReg(ir.Shl)),
	fSlt:  warm("slt", compare(ir.LtS)),
	fSltu: hot("sltu", compare(ir.LtU)),
	fSnez: hot("snez", func(l *isa.Lift) { l.SetA(l.Un(ir.ExtU, l.Bin(ir.Ne, l.C(), l.Const(0)))) }),
	fXor:  hot("xor", regReg(ir.Xor)),
	fSrl:  hot("srl", regReg(ir.ShrU)),
	fSra:  warm("sra", regReg(ir.ShrS)),
	fOr:   hot("or", regReg(ir.Or)),
	fAnd:  hot("and", regReg(ir.And)),
	fAddw: hot("addw", regRegExt32(ir.Add)),
	fSubw: hot("subw", regRegExt32(ir.Sub)),
	fSllw: hot("sllw", word(ir.Shl)),
	fSrlw: hot("srlw", word(ir.ShrU)),
	fSraw: warm("sraw", word(ir.ShrS)),

	fMul:    hot("mul", regReg(ir.Mul)),
	fMulh:   warm("mulh", regReg(ir.MulHS)),
	fMulhsu: warm("mulhsu", regReg(ir.MulHSU)),
	fMulhu:  warm("mulhu", regReg(ir.MulHU)),
	fDiv:    warm("div", divide(ir.DivS)),
	fDivu:   warm("divu", divide(ir.DivU)),
	fRem:    warm("rem", divide(ir.RemS)),
	fRemu:   warm("remu", divide(ir.RemU)),
	fMulw:   hot("mulw", regRegExt32(ir.Mul)),
	fDivw:   warm("divw", divideWord(ir.DivS)),
	fDivuw:  warm("divuw", divideWord(ir.DivU)),
	fRemw:   warm("remw", divideWord(ir.RemS)),
	fRemuw:  warm("remuw", divideWord(ir.RemU)),

	fAddUW:    warm("add.uw", func(l *isa.Lift) { l.SetA(l.Bin(ir.Add, zext32(l, l.B()), l.C())) }),
	fZextW:    warm("zext.w", func(l *isa.Lift) { l.SetA(zext32(l, l.B())) }),
	fSh1add:   warm("sh1add", shiftAdd(1, false)),
	fSh2add:   warm("sh2add", shiftAdd(2, false)),
	fSh3add:   warm("sh3add", shiftAdd(3, false)),
	fSh1addUW: warm("sh1add.uw", shiftAdd(1, true)),
	fSh2addUW: warm("sh2add.uw", shiftAdd(2, true)),
	fSh3addUW: warm("sh3add.uw", shiftAdd(3, true)),
	fSlliUW:   warm("slli.uw", func(l *isa.Lift) { l.SetA(l.Bin(ir.Shl, zext32(l, l.B()), l.Imm())) }),

	fAndn:  warm("andn", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.B(), not(l, l.C()))) }),
	fOrn:   warm("orn", func(l *isa.Lift) { l.SetA(l.Bin(ir.Or, l.B(), not(l, l.C()))) }),
	fXnor:  warm("xnor", func(l *isa.Lift) { l.SetA(not(l, l.Bin(ir.Xor, l.B(), l.C()))) }),
	fClz:   warm("clz", unary(ir.Clz)),
	fClzw:  warm("clzw", unaryWord(ir.Clz)),
	fCtz:   warm("ctz", unary(ir.Ctz)),
	fCtzw:  warm("ctzw", unaryWord(ir.Ctz)),
	fCpop:  warm("cpop", unary(ir.Popcnt)),
	fCpopw: warm("cpopw", unaryWord(ir.Popcnt)),
	fMax:   warm("max", pick(ir.GeS)),
	fMaxu:  warm("maxu", pick(ir.GeU)),
	fMin:   warm("min", pick(ir.LtS)),
	fMinu:  warm("minu", pick(ir.LtU)),
	fSextB: warm("sext.b", unary(ir.Ext8)),
	fSextH: warm("sext.h", unary(ir.Ext16)),
	fZextH: warm("zext.h", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.B(), l.Const(0xffff))) }),
	fRol:   warm("rol", regReg(ir.Rotl)),
	fRolw:  warm("rolw", word(ir.Rotl)),
	fRor:   warm("ror", regReg(ir.Rotr)),
	fRori:  warm("rori", regImm(ir.Rotr)),
	fRoriw: warm("roriw", wordImm(ir.Rotr)),
	fRorw:  warm("rorw", word(ir.Rotr)),
	fOrcB:  warm("orc.b", orCombine),
	fRev8:  warm("rev8", reverseBytes),

	fBclr:  warm("bclr", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.B(), not(l, bit(l, l.C())))) }),
	fBclri: warm("bclri", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.B(), not(l, bit(l, l.Imm())))) }),
	fBext:  warm("bext", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.Bin(ir.ShrU, l.B(), l.C()), l.Const(1))) }),
	fBexti: warm("bexti", func(l *isa.Lift) { l.SetA(l.Bin(ir.And, l.Bin(ir.ShrU, l.B(), l.Imm()), l.Const(1))) }),
	fBinv:  warm("binv", func(l *isa.Lift) { l.SetA(l.Bin(ir.Xor, l.B(), bit(l, l.C()))) }),
	fBinvi: warm("binvi", func(l *isa.Lift) { l.SetA(l.Bin(ir.Xor, l.B(), bit(l, l.Imm()))) }),
	fBset:  warm("bset", func(l *isa.Lift) { l.SetA(l.Bin(ir.Or, l.B(), bit(l, l.C()))) }),
	fBseti: warm("bseti", func(l *isa.Lift) { l.SetA(l.Bin(ir.Or, l.B(), bit(l, l.Imm()))) }),

	fLb:  hot("lb", load(1, true)),
	fLh:  hot("lh", load(2, true)),
	fLw:  hot("lw", load(4, true)),
	fLd:  hot("ld", load(8, false)),
	fLbu: hot("lbu", load(1, false)),
	fLhu: hot("lhu", load(2, false)),
	fLwu: hot("lwu", load(4, false)),
	fSb:  hot("sb", store(1)),
	fSh:  hot("sh", store(2)),
	fSw:  hot("sw", store(4)),
	fSd:  hot("sd", store(8)),

	fBeq:  branch("beq", branchIf(ir.Eq)),
	fBne:  branch("bne", branchIf(ir.Ne)),
	fBlt:  branch("blt", branchIf(ir.LtS)),
	fBge:  branch("bge", branchIf(ir.GeS)),
	fBltu: branch("bltu", branchIf(ir.LtU)),
	fBgeu: branch("bgeu", branchIf(ir.GeU)),
	fBeqz: branch("beqz", func(l *isa.Lift) { l.BranchIf(l.Un(ir.Eqz, l.B())) }),
	fBnez: branch("bnez", branchZero(ir.Ne)),
	fBltz: branch("bltz", branchZero(ir.LtS)),
	fBgez: branch("bgez", branchZero(ir.GeS)),
	fBlez: branch("blez", func(l *isa.Lift) { l.BranchIf(l.Bin(ir.GeS, l.Const(0), l.C())) }),
	fBgtz: branch("bgtz", func(l *isa.Lift) { l.BranchIf(l.Bin(ir.LtS, l.Const(0), l.C())) }),

	fJ:    form("j", isa.FlowJump, 0, (*isa.Lift).Goto),
	fJal:  form("jal", isa.FlowCall, 0, func(l *isa.Lift) { l.SetA(l.NextPC()); l.Goto() }),
	fJr:   form("jr", isa.FlowInd, 0, func(l *isa.Lift) { l.JumpInd(indirect(l, l.Bin(ir.Add, l.B(), l.Imm()))) }),
	fRet:  form("ret", isa.FlowInd, 0, func(l *isa.Lift) { l.JumpInd(indirect(l, l.B())) }),
	fJalr: form("jalr", isa.FlowIndCall, 0, jumpLink),

	fLrW:      warm("lr.w", loadReserved(4)),
	fScW:      warm("sc.w", storeConditional(4)),
	fAmoswapW: warm("amoswap.w", atomic(ir.AtomicSwap, 4)),
	fAmoaddW:  warm("amoadd.w", atomic(ir.AtomicAdd, 4)),
	fAmoxorW:  warm("amoxor.w", atomic(ir.AtomicXor, 4)),
	fAmoandW:  warm("amoand.w", atomic(ir.AtomicAnd, 4)),
	fAmoorW:   warm("amoor.w", atomic(ir.AtomicOr, 4)),
	fAmominW:  warm("amomin.w", atomic(ir.AtomicMin, 4)),
	fAmomaxW:  warm("amomax.w", atomic(ir.AtomicMax, 4)),
	fAmominuW: warm("amominu.w", atomic(ir.AtomicMinU, 4)),
	fAmomaxuW: warm("amomaxu.w", atomic(ir.AtomicMaxU, 4)),
	fLrD:      warm("lr.d", loadReserved(8)),
	fScD:      warm("sc.d", storeConditional(8)),
	fAmoswapD: warm("amoswap.d", atomic(ir.AtomicSwap, 8)),
	fAmoaddD:  warm("amoadd.d", atomic(ir.AtomicAdd, 8)),
	fAmoxorD:  warm("amoxor.d", atomic(ir.AtomicXor, 8)),
	fAmoandD:  warm("amoand.d", atomic(ir.AtomicAnd, 8)),
	fAmoorD:   warm("amoor.d", atomic(ir.AtomicOr, 8)),
	fAmominD:  warm("amomin.d", atomic(ir.AtomicMin, 8)),
	fAmomaxD:  warm("amomax.d", atomic(ir.AtomicMax, 8)),
	fAmominuD: warm("amominu.d", atomic(ir.AtomicMinU, 8)),
	fAmomaxuD: warm("amomaxu.d", atomic(ir.AtomicMaxU, 8)),

	fFlw:     warm("flw", func(l *isa.Lift) { fpOn(l); l.SetA(box(l, l.Load(4, false, address(l)))) }),
	fFsw:     warm("fsw", func(l *isa.Lift) { fpOn(l); l.Store(4, address(l), l.C()) }),
	fFld:     hot("fld", func(l *isa.Lift) { fpOn(l); l.SetA(l.Load(8, false, address(l))) }),
	fFsd:     hot("fsd", func(l *isa.Lift) { fpOn(l); l.Store(8, address(l), l.C()) }),
	fFsgnjS:  warm("fsgnj.s", signS(copySign)),
	fFsgnjnS: warm("fsgnjn.s", signS(copyNotSign)),
	fFsgnjxS: warm("fsgnjx.s", signS(xorSign)),
	fFminS:   warm("fmin.s", floatS2(ir.FMin32)),
	fFmaxS:   warm("fmax.s", floatS2(ir.FMax32)),
	fFeqS:    warm("feq.s", compareS(ir.FEq32)),
	fFltS:    warm("flt.s", compareS(ir.FLt32)),
	fFleS:    warm("fle.s", compareS(ir.FLe32)),
	fFclassS: warm("fclass.s", func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(ir.FClass32, 0, unbox(l, l.B()))) }),
	fFmvXW:   warm("fmv.x.w", func(l *isa.Lift) { fpOn(l); l.SetA(l.Un(ir.Ext32, l.B())) }),
	fFmvWX:   warm("fmv.w.x", func(l *isa.Lift) { fpOn(l); l.SetA(box(l, l.B())) }),
	fFsgnjD:  warm("fsgnj.d", signD(copySign)),
	fFsgnjnD: warm("fsgnjn.d", signD(copyNotSign)),
	fFsgnjxD: warm("fsgnjx.d", signD(xorSign)),
	fFmvD:    warm("fmv.d", func(l *isa.Lift) { fpOn(l); l.SetA(l.B()) }),
	fFnegD:   warm("fneg.d", func(l *isa.Lift) { fpOn(l); l.SetA(l.Bin(ir.Xor, l.B(), l.Const(sign64))) }),
	fFabsD:   warm("fabs.d", func(l *isa.Lift) { fpOn(l); l.SetA(l.Bin(ir.And, l.B(), l.Const(^sign64))) }),
	fFminD:   warm("fmin.d", floatD2(ir.FMin64)),
	fFmaxD:   warm("fmax.d", floatD2(ir.FMax64)),
	fFeqD:    warm("feq.d", floatD2(ir.FEq64)),
	fFltD:    warm("flt.d", floatD2(ir.FLt64)),
	fFleD:    warm("fle.d", floatD2(ir.FLe64)),
	fFclassD: warm("fclass.d", func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(ir.FClass64, 0, l.B())) }),
	fFmvXD:   warm("fmv.x.d", func(l *isa.Lift) { fpOn(l); l.SetA(l.B()) }),
	fFmvDX:   warm("fmv.d.x", func(l *isa.Lift) { fpOn(l); l.SetA(l.B()) }),
	fFcvtDS:  warm("fcvt.d.s", func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(ir.F32ToF64, 0, unbox(l, l.B()))) }),
	fFcvtDW:  warm("fcvt.d.w", func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(ir.I32ToF64, 0, l.B())) }),
	fFcvtDWu: warm("fcvt.d.wu", func(l *isa.Lift) { fpOn(l); l.SetA(l.Float(ir.U32ToF64, 0, l.B())) }),

	fFrflags:    warm("frflags", readFloatCSR(fieldFlags)),
	fFrrm:       warm("frrm", readFloatCSR(fieldFRM)),
	fFrcsr:      warm("frcsr", readFloatCSR(fieldFCSR)),
	fSwapFlags:  warm("csrrw.fflags", writeFloatCSR(fieldFlags, swapBits)),
	fSetFlags:   warm("csrrs.fflags", writeFloatCSR(fieldFlags, setBits)),
	fClearFlags: warm("csrrc.fflags", writeFloatCSR(fieldFlags, clearBits)),
	fSwapFRM:    warm("csrrw.frm", writeFloatCSR(fieldFRM, swapBits)),
	fSetFRM:     warm("csrrs.frm", writeFloatCSR(fieldFRM, setBits)),
	fClearFRM:   warm("csrrc.frm", writeFloatCSR(fieldFRM, clearBits)),
	fSwapFCSR:   warm("csrrw.fcsr", writeFloatCSR(fieldFCSR, swapBits)),
	fSetFCSR:    warm("csrrs.fcsr", writeFloatCSR(fieldFCSR, setBits)),
	fClearFCSR:  warm("csrrc.fcsr", writeFloatCSR(fieldFCSR, clearBits)),

	fCsrr:          warm("csrr", readCSR),
	fCsrw:          warm("csrw", writeCSR),
	fCsrwSepc:      warm("csrw.sepc", writeSEPC),
	fCsrrwSscratch: warm("csrrw.sscratch", swapSScratch),
	fSetSIE:        warm("csrrsi.sie", setSIE),
	fClearSIE:      warm("csrrci.sie", clearSIE),
	fSetStatus:     form("csrrs.sstatus", isa.FlowResume, 1, setStatus),
	fClearStatus:   form("csrrc.sstatus", isa.FlowResume, 1, clearStatus),
	fSwapStatus:    form("csrrw.sstatus", isa.FlowResume, 1, swapStatus),
	fEcall:         form("ecall", isa.FlowIndCall, 1, userCall),
	fSret:          form("sret", isa.FlowInd, 1, trapReturn),

	fEbreak:    single("ebreak"),
	fMret:      single("mret"),
	fWfi:       single("wfi"),
	fSfenceVMA: single("sfence.vma"),
	fFenceI:    single("fence.i"),
	fCsr:       single("csr"),
})

// rounding states each form that rounds, as a function of the mode.
var rounding = [lastRound - firstRound + 1]struct {
	name string
	lift func(rm roundMode) lifter
}{
	fFcvtWS - firstRound:  {"fcvt.w.s", fromS(ir.F32ToI32)},
	fFcvtWuS - firstRound: {"fcvt.wu.s", fromS(ir.F32ToU32)},
	fFcvtLS - firstRound:  {"fcvt.l.s", fromS(ir.F32ToI64)},
	fFcvtLuS - firstRound: {"fcvt.lu.s", fromS(ir.F32ToU64)},
	fFcvtWD - firstRound:  {"fcvt.w.d", roundD1(ir.F64ToI32)},
	fFcvtWuD - firstRound: {"fcvt.wu.d", roundD1(ir.F64ToU32)},
	fFcvtLD - firstRound:  {"fcvt.l.d", roundD1(ir.F64ToI64)},
	fFcvtLuD - firstRound: {"fcvt.lu.d", roundD1(ir.F64ToU64)},

	fFaddS - firstRound:   {"fadd.s", roundS2(ir.FAdd32)},
	fFsubS - firstRound:   {"fsub.s", roundS2(ir.FSub32)},
	fFmulS - firstRound:   {"fmul.s", roundS2(ir.FMul32)},
	fFdivS - firstRound:   {"fdiv.s", roundS2(ir.FDiv32)},
	fFsqrtS - firstRound:  {"fsqrt.s", sqrtS},
	fFmaddS - firstRound:  {"fmadd.s", fmaS(false, false)},
	fFmsubS - firstRound:  {"fmsub.s", fmaS(false, true)},
	fFnmsubS - firstRound: {"fnmsub.s", fmaS(true, false)},
	fFnmaddS - firstRound: {"fnmadd.s", fmaS(true, true)},
	fFcvtSW - firstRound:  {"fcvt.s.w", toS(ir.I32ToF32)},
	fFcvtSWu - firstRound: {"fcvt.s.wu", toS(ir.U32ToF32)},
	fFcvtSL - firstRound:  {"fcvt.s.l", toS(ir.I64ToF32)},
	fFcvtSLu - firstRound: {"fcvt.s.lu", toS(ir.U64ToF32)},
	fFcvtSD - firstRound:  {"fcvt.s.d", toS(ir.F64ToF32)},

	fFaddD - firstRound:   {"fadd.d", roundD2(ir.FAdd64)},
	fFsubD - firstRound:   {"fsub.d", roundD2(ir.FSub64)},
	fFmulD - firstRound:   {"fmul.d", roundD2(ir.FMul64)},
	fFdivD - firstRound:   {"fdiv.d", roundD2(ir.FDiv64)},
	fFsqrtD - firstRound:  {"fsqrt.d", roundD1(ir.FSqrt64)},
	fFmaddD - firstRound:  {"fmadd.d", fmaD(false, false)},
	fFmsubD - firstRound:  {"fmsub.d", fmaD(false, true)},
	fFnmsubD - firstRound: {"fnmsub.d", fmaD(true, false)},
	fFnmaddD - firstRound: {"fnmadd.d", fmaD(true, true)},
	fFcvtDL - firstRound:  {"fcvt.d.l", roundD1(ir.I64ToF64)},
	fFcvtDLu - firstRound: {"fcvt.d.lu", roundD1(ir.U64ToF64)},
}

// roundForms adds the variants of each form that rounds.
func roundForms(t [numForms]isa.FormInfo) [numForms]isa.FormInfo {
	for i, r := range rounding {
		f := isa.Form(i)
		t[firstRound+f] = warm(r.name, r.lift(dynamic))
		t[firstStatic+f] = warm(r.name+".rm", r.lift(static))
		t[firstRNE+f] = warm(r.name+".rne", r.lift(nearest))
		if firstRTZ+f <= lastRTZ {
			t[firstRTZ+f] = warm(r.name+".rtz", r.lift(towardZero))
		}
	}
	for _, f := range []isa.Form{fFaddD, fFsubD, fFmulD} { // what numeric loops are made of
		t[f].Rank = 0
	}
	return t
}
