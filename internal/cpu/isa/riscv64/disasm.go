package riscv64

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/cpu/isa"
)

// syntax is each kind's operand list. Letters stand for operands, everything
// else for itself:
//
//	d s t    rd rs1 rs2          D S T R  the same in FP registers, frs3
//	j        immediate           k  shift count       u  upper immediate
//	o        offset of a load    q  offset of a store
//	p        branch target       a  jump target       m  rounding mode
//	E        system register     Z  unsigned 5-bit immediate
//	e f      rd' (bits 4:2) and rs1'/rd' (bits 9:7) of the C extension
//	F        FP rd' (bits 4:2)   V v  rs2 (bits 6:2), FP
//	i        the decoded immediate of a compressed instruction
var syntax = [...]string{
	kNone: "", kR: "d,s,t", kR1: "d,s", kI: "d,s,j", kSh6: "d,s,k", kSh5: "d,s,k", kU: "d,u",
	kLoad: "d,o(s)", kStore: "t,q(s)", kB: "s,t,p", kJ: "d,a", kJalr: "d,o(s)", kFence: "P,Q",
	kLR: "d,(s)", kAMO: "d,t,(s)", kCSR: "d,E,s", kCSRI: "d,E,Z", kSfence: "s,t",

	kFLoad: "D,o(s)", kFStore: "T,q(s)", kFR: "D,S,T", kFRm: "D,S,Tm", kF1Rm: "D,Sm", kFRm4: "D,S,T,Rm",
	kFX: "D,s", kFXRm: "D,sm", kXF: "d,S", kXFRm: "d,Sm", kXFF: "d,S,T",

	kCIW: "e,sp,i", kCLW: "e,i(f)", kCLD: "e,i(f)", kCSW: "e,i(f)", kCSD: "e,i(f)", kCFLD: "F,i(f)", kCFSD: "F,i(f)",
	kCI: "d,i", kCLI: "d,i", kCNop: "", kCSh: "d,h", kC16SP: "sp,i", kCLUI: "d,u", kCShB: "f,h", kCIB: "f,i",
	kCA: "f,e", kCJ: "p", kCBZ: "f,p", kCLWSP: "d,i(sp)", kCLDSP: "d,i(sp)", kCFLDSP: "D,i(sp)",
	kCSWSP: "V,i(sp)", kCSDSP: "V,i(sp)", kCFSDSP: "v,i(sp)", kCJR: "d", kCJALR: "d", kCMV: "d,V", kCR: "d,V",
}

// Disasm prints an instruction as the manual does, without aliases: a compressed
// one by its own name, branch targets as absolute addresses for an instruction
// at pc.
func (ISA) Disasm(code []byte, pc uint64) string {
	var word [4]byte
	if n := copy(word[:], code); n < 2 || n < 4 && word[0]&3 == 3 {
		return fmt.Sprintf(".byte % x", code)
	}
	raw := binary.LittleEndian.Uint32(word[:])
	if raw&3 != 3 {
		raw &= 0xffff
	}
	r := find(raw)
	in := isa.Insn{Form: r.form, Raw: raw}
	if raw&3 != 3 {
		operands16(&in, r.kind, raw)
	} else {
		operands32(&in, r.kind, raw)
	}
	if in.Form == fIllegal {
		if raw&3 == 3 {
			return ".4byte 0x" + strconv.FormatUint(uint64(raw), 16)
		}
		return ".2byte 0x" + strconv.FormatUint(uint64(raw), 16)
	}
	var b strings.Builder
	b.WriteString(r.name)
	if k := r.kind; k == kLR || k == kAMO {
		b.WriteString([...]string{"", ".rl", ".aq", ".aqrl"}[raw>>25&3])
	}
	if syntax[r.kind] != "" {
		b.WriteByte(' ')
	}
	for i, c := range syntax[r.kind] {
		if c == 's' && strings.HasPrefix(syntax[r.kind][i:], "sp") || c == 'p' && i > 0 && syntax[r.kind][i-1] == 's' {
			b.WriteRune(c)
			continue
		}
		b.WriteString(operand(c, &in, raw, pc))
	}
	return b.String()
}

func operand(c rune, in *isa.Insn, w uint32, pc uint64) string {
	imm := int64(in.Imm)
	switch c {
	case 'd':
		return xnames[rd(w)]
	case 's':
		return xnames[rs1(w)]
	case 't':
		return xnames[rs2(w)]
	case 'e':
		return xnames[cReg(w, 2)]
	case 'f':
		return xnames[cReg(w, 7)]
	case 'V':
		return xnames[w>>2&31]
	case 'D':
		return fnames[rd(w)]
	case 'S':
		return fnames[rs1(w)]
	case 'T':
		return fnames[rs2(w)]
	case 'R':
		return fnames[rs3(w)]
	case 'F':
		return fnames[cReg(w, 2)]
	case 'v':
		return fnames[w>>2&31]
	case 'i', 'j', 'o', 'q':
		return strconv.FormatInt(imm, 10)
	case 'h', 'k':
		return "0x" + strconv.FormatInt(imm, 16)
	case 'u':
		return "0x" + strconv.FormatInt(imm>>12&0xfffff, 16)
	case 'a', 'p':
		return "0x" + strconv.FormatUint(pc+uint64(imm), 16)
	case 'm':
		if in.Form < firstRound && rm(w) == 0 {
			return "" // an exact conversion as assemblers encode it
		}
		return [...]string{",rne", ",rtz", ",rdn", ",rup", ",rmm", "", "", ""}[rm(w)]
	case 'E':
		return csrName(w >> 20)
	case 'Z':
		return strconv.FormatUint(uint64(rs1(w)), 10)
	case 'P':
		return fenceSet(w >> 24 & 15)
	case 'Q':
		return fenceSet(w >> 20 & 15)
	}
	return string(c)
}

func fenceSet(bits uint32) string {
	if bits == 0 {
		return "unknown"
	}
	s := ""
	for i, c := range "iorw" {
		if bits>>(3-i)&1 != 0 {
			s += string(c)
		}
	}
	return s
}

var xnames = [32]string{
	"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
	"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
}

var fnames = [32]string{
	"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
	"fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
}

// csrName is a system register's name in the manual, for those that software
// for this machine uses, else its number.
func csrName(n uint32) string {
	switch n {
	case 0x001:
		return "fflags"
	case 0x002:
		return "frm"
	case 0x003:
		return "fcsr"
	case numSStatus:
		return "sstatus"
	case 0x104:
		return "sie"
	case 0x105:
		return "stvec"
	case 0x106:
		return "scounteren"
	case 0x10a:
		return "senvcfg"
	case numSScratch:
		return "sscratch"
	case numSEPC:
		return "sepc"
	case numSCause:
		return "scause"
	case numSTVal:
		return "stval"
	case 0x144:
		return "sip"
	case 0x14d:
		return "stimecmp"
	case 0x180:
		return "satp"
	case 0xc00:
		return "cycle"
	case 0xc01:
		return "time"
	case 0xc02:
		return "instret"
	}
	return "0x" + strconv.FormatUint(uint64(n), 16)
}
