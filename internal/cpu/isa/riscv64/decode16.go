package riscv64

import "github.com/c2w/c2w/internal/cpu/isa"

// Compressed instructions scatter their immediates. The comment of each
// extractor quotes the manual: which bits of the immediate, in descending
// order of the instruction's bits.

// cReg is a register of the eight that three bits can name.
func cReg(w uint32, at uint) uint32 { return w>>at&7 + 8 }

func immCI(w uint32) int32 { return int32(w)<<19>>31<<5 | int32(w>>2&31) }

func shamtC(w uint32) int32 { return int32(w>>12&1<<5 | w>>2&31) }

// nzuimm[5:4|9:6|2|3] in bits 12 to 5
func immCIW(w uint32) int32 {
	return int32(w>>11&3<<4 | w>>7&15<<6 | w>>6&1<<2 | w>>5&1<<3)
}

// uimm[5:3] in 12 to 10, uimm[2|6] in 6 and 5
func immCLW(w uint32) int32 { return int32(w>>10&7<<3 | w>>6&1<<2 | w>>5&1<<6) }

// uimm[5:3] in 12 to 10, uimm[7:6] in 6 and 5
func immCLD(w uint32) int32 { return int32(w>>10&7<<3 | w>>5&3<<6) }

// nzimm[9] in 12, nzimm[4|6|8:7|5] in 6 to 2
func immC16SP(w uint32) int32 {
	return int32(w)<<19>>31<<9 | int32(w>>6&1<<4|w>>5&1<<6|w>>3&3<<7|w>>2&1<<5)
}

// imm[11|4|9:8|10|6|7|3:1|5] in 12 to 2
func immCJ(w uint32) int32 {
	return int32(w)<<19>>31<<11 | int32(w>>11&1<<4|w>>9&3<<8|w>>8&1<<10|
		w>>7&1<<6|w>>6&1<<7|w>>3&7<<1|w>>2&1<<5)
}

// imm[8|4:3] in 12 to 10, imm[7:6|2:1|5] in 6 to 2
func immCB(w uint32) int32 {
	return int32(w)<<19>>31<<8 | int32(w>>10&3<<3|w>>5&3<<6|w>>3&3<<1|w>>2&1<<5)
}

// uimm[5] in 12, uimm[4:2|7:6] in 6 to 2
func immCLWSP(w uint32) int32 { return int32(w>>12&1<<5 | w>>4&7<<2 | w>>2&3<<6) }

// uimm[5] in 12, uimm[4:3|8:6] in 6 to 2
func immCLDSP(w uint32) int32 { return int32(w>>12&1<<5 | w>>5&3<<3 | w>>2&7<<6) }

// uimm[5:2|7:6] in 12 to 7
func immCSWSP(w uint32) int32 { return int32(w>>9&15<<2 | w>>7&3<<6) }

// uimm[5:3|8:6] in 12 to 7
func immCSDSP(w uint32) int32 { return int32(w>>10&7<<3 | w>>7&7<<6) }

const (
	ra = 1
	sp = 2
)

func operands16(in *isa.Insn, k kind, w uint32) {
	switch k {
	case kCI:
		in.A, in.B, in.Imm = xdest(rd(w)), xreg(rd(w)), immCI(w)
	case kCLI:
		in.A, in.Imm = xdest(rd(w)), immCI(w)
	case kCSh:
		in.A, in.B, in.Imm = xdest(rd(w)), xreg(rd(w)), shamtC(w)
	case kC16SP:
		in.A, in.B, in.Imm = xreg(sp), xreg(sp), immC16SP(w)
	case kCLUI:
		in.A, in.Imm = xdest(rd(w)), immCI(w)<<12
	case kCIW:
		in.A, in.B, in.Imm = xreg(cReg(w, 2)), xreg(sp), immCIW(w)
	case kCShB:
		in.A, in.B, in.Imm = xreg(cReg(w, 7)), xreg(cReg(w, 7)), shamtC(w)
	case kCIB:
		in.A, in.B, in.Imm = xreg(cReg(w, 7)), xreg(cReg(w, 7)), immCI(w)
	case kCA:
		in.A, in.B, in.C = xreg(cReg(w, 7)), xreg(cReg(w, 7)), xreg(cReg(w, 2))
	case kCJ:
		in.Imm = immCJ(w)
	case kCBZ:
		in.B, in.Imm = xreg(cReg(w, 7)), immCB(w)
	case kCJR:
		in.B = xreg(rd(w))
	case kCJALR:
		in.A, in.B = xreg(ra), xreg(rd(w))
	case kCMV:
		in.A, in.C = xdest(rd(w)), xreg(w>>2)
	case kCR:
		in.A, in.B, in.C = xdest(rd(w)), xreg(rd(w)), xreg(w>>2)
	default:
		memory16(in, k, w)
	}
}

func memory16(in *isa.Insn, k kind, w uint32) {
	switch k {
	case kCLW:
		in.A, in.B, in.Imm = xreg(cReg(w, 2)), xreg(cReg(w, 7)), immCLW(w)
	case kCLD:
		in.A, in.B, in.Imm = xreg(cReg(w, 2)), xreg(cReg(w, 7)), immCLD(w)
	case kCFLD:
		in.A, in.B, in.Imm = freg(cReg(w, 2)), xreg(cReg(w, 7)), immCLD(w)
	case kCSW:
		in.C, in.B, in.Imm = xreg(cReg(w, 2)), xreg(cReg(w, 7)), immCLW(w)
	case kCSD:
		in.C, in.B, in.Imm = xreg(cReg(w, 2)), xreg(cReg(w, 7)), immCLD(w)
	case kCFSD:
		in.C, in.B, in.Imm = freg(cReg(w, 2)), xreg(cReg(w, 7)), immCLD(w)
	case kCLWSP:
		in.A, in.B, in.Imm = xreg(rd(w)), xreg(sp), immCLWSP(w)
	case kCLDSP:
		in.A, in.B, in.Imm = xreg(rd(w)), xreg(sp), immCLDSP(w)
	case kCFLDSP:
		in.A, in.B, in.Imm = freg(rd(w)), xreg(sp), immCLDSP(w)
	case kCSWSP:
		in.C, in.B, in.Imm = xreg(w>>2), xreg(sp), immCSWSP(w)
	case kCSDSP:
		in.C, in.B, in.Imm = xreg(w>>2), xreg(sp), immCSDSP(w)
	case kCFSDSP:
		in.C, in.B, in.Imm = freg(w>>2), xreg(sp), immCSDSP(w)
	}
}

// specialise replaces a form by the one for its particular operands.
func specialise(in *isa.Insn) {
	if firstPure <= in.Form && in.Form <= lastPure && in.A == sink {
		*in = isa.Insn{Form: fNop, Len: in.Len, A: sink, B: zero, C: zero, Raw: in.Raw}
		return
	}
	switch in.Form {
	case fAddi:
		switch {
		case in.B == zero:
			in.Form = fLi
		case in.Imm == 0:
			in.Form = fMv
		}
	case fAdd:
		switch {
		case in.C == zero:
			in.Form = fMv
		case in.B == zero:
			in.Form, in.B, in.C = fMv, in.C, zero
		}
	case fSltiu:
		if in.Imm == 1 {
			in.Form, in.Imm = fSeqz, 0
		}
	case fSltu:
		if in.B == zero {
			in.Form = fSnez
		}
	case fAddiw:
		if in.Imm == 0 {
			in.Form = fSextW
		}
	case fAddUW:
		if in.C == zero {
			in.Form = fZextW
		}
	case fFsgnjD, fFsgnjnD, fFsgnjxD:
		if in.B == in.C {
			in.Form += fFmvD - fFsgnjD
		}
	case fJal:
		if in.A == sink {
			in.Form = fJ
		}
	case fJalr:
		if in.A == sink {
			in.Form = fJr
			specialise(in)
		}
	case fJr:
		if in.Imm == 0 {
			in.Form = fRet
		}
	default:
		specialiseBranch(in)
	}
}

// specialiseBranch finds comparisons with zero.
func specialiseBranch(in *isa.Insn) {
	if in.C == zero {
		switch in.Form {
		case fBeq:
			in.Form = fBeqz
		case fBne:
			in.Form = fBnez
		case fBlt:
			in.Form = fBltz
		case fBge:
			in.Form = fBgez
		}
	} else if in.B == zero {
		switch in.Form {
		case fBeq:
			in.Form, in.B, in.C = fBeqz, in.C, zero
		case fBne:
			in.Form, in.B, in.C = fBnez, in.C, zero
		case fBlt:
			in.Form = fBgtz
		case fBge:
			in.Form = fBlez
		}
	}
}
