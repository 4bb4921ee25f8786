// Package riscv64 is the guest instruction set rv64gc with Zba, Zbb, Zbs,
// Zicsr and Zifencei.
//
// The unprivileged side is a table that reads like the manual (table.go) with
// its decoder and disassembler, and one lifter per form (forms.go, lift_*.go).
// What lifters leave to Go (traps, most system registers, address translation,
// the supervisor binary interface) is the privileged side: csr.go, trap.go,
// mmu.go, sbi.go, hart.go.
//
// The package must not know how a lifted instruction is executed, nor any
// device.
package riscv64

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// pattern is a row made ready for matching.
type pattern struct {
	mask, match uint32
	row         *row
}

// The lookup: rows that can match a word, by a few of its bits (see key32 and
// key16), in the order of the table.
var (
	lookup32 = index(rows32, 32, key32)
	lookup16 = index(rows16, 16, key16)
)

// key32 is the major opcode with funct3, or for OP-FP, where that may be a
// rounding mode, with the low bits of funct5.
func key32(w uint32) uint32 {
	major := w >> 2 & 31
	if major == majorOpFP {
		return major<<3 | w>>27&7
	}
	return major<<3 | w>>12&7
}

const majorOpFP = 0b10100

func key16(w uint32) uint32 { return w&3<<3 | w>>13&7 }

// index sorts rows into buckets. A row whose key bits are not all fixed goes to
// every bucket that it can match.
func index(rows []row, width int, key func(uint32) uint32) (buckets [256][]pattern) {
	for i := range rows {
		p := parse(&rows[i], width)
		for k := range buckets {
			// w runs through every key: the bits that key32 and key16 look at.
			k := uint32(k)
			w := k>>3&31<<2 | 3 | k&7<<12
			if width == 16 {
				w = k>>3&3 | k&7<<13
			} else if k>>3 == majorOpFP {
				w = majorOpFP<<2 | 3 | k&7<<27
			}
			keyBits := keyMask(width, w)
			if key(w) == k && (w^p.match)&p.mask&keyBits == 0 {
				buckets[k] = append(buckets[k], p)
			}
		}
	}
	return buckets
}

// keyMask is the set of bits that make up the key of a word like w.
func keyMask(width int, w uint32) uint32 {
	switch {
	case width == 16:
		return 0xe003
	case w>>2&31 == majorOpFP:
		return 7<<27 | 0x7f
	}
	return 7<<12 | 0x7f
}

func parse(r *row, width int) pattern {
	p := pattern{row: r}
	n := 0
	for _, c := range r.bits {
		if c == ' ' {
			continue
		}
		p.mask, p.match = p.mask<<1, p.match<<1
		switch c {
		case '0':
			p.mask |= 1
		case '1':
			p.mask |= 1
			p.match |= 1
		case '.':
		default:
			panic("BUG: riscv64: pattern of " + r.name)
		}
		n++
	}
	if n != width {
		panic("BUG: riscv64: width of the pattern of " + r.name)
	}
	return p
}

var noRow = row{name: "unimp", kind: kNone, form: fIllegal}

// find is the row of an instruction word; raw's low two bits tell its width.
func find(raw uint32) *row {
	var bucket []pattern
	if raw&3 == 3 {
		bucket = lookup32[key32(raw)]
	} else {
		bucket = lookup16[key16(raw)]
	}
	for i := range bucket {
		if p := &bucket[i]; raw&p.mask == p.match {
			return p.row
		}
	}
	return &noRow
}

// Decode decodes the instruction at the start of code.
func (ISA) Decode(code []byte) (in isa.Insn, ok bool) {
	if len(code) < 2 {
		return in, false
	}
	raw, length := uint32(binary.LittleEndian.Uint16(code)), uint8(2)
	if raw&3 == 3 {
		if len(code) < 4 {
			return in, false
		}
		raw, length = binary.LittleEndian.Uint32(code), 4
	}
	r := find(raw)
	in = isa.Insn{Form: r.form, Len: length, A: sink, B: zero, C: zero, Raw: raw}
	if length == 2 {
		operands16(&in, r.kind, raw)
	} else {
		operands32(&in, r.kind, raw)
	}
	specialise(&in)
	return in, true
}

// Operands. An instruction without a destination has A = sink, without a
// source B or C = zero.

func xreg(n uint32) uint16 { return uint16(core.OffG) + uint16(n&31)*8 }

func xdest(n uint32) uint16 {
	if n&31 == 0 {
		return sink
	}
	return xreg(n)
}

func freg(n uint32) uint16 { return uint16(core.OffF) + uint16(n&31)*8 }

func rd(w uint32) uint32  { return w >> 7 & 31 }
func rs1(w uint32) uint32 { return w >> 15 & 31 }
func rs2(w uint32) uint32 { return w >> 20 & 31 }
func rs3(w uint32) uint32 { return w >> 27 }
func rm(w uint32) uint32  { return w >> 12 & 7 }

func immI(w uint32) int32 { return int32(w) >> 20 }
func immS(w uint32) int32 { return int32(w)>>25<<5 | int32(w>>7&31) }
func immU(w uint32) int32 { return int32(w &^ 0xfff) }
func immB(w uint32) int32 {
	return int32(w)>>31<<12 | int32(w>>7&1<<11|w>>25&0x3f<<5|w>>8&15<<1)
}
func immJ(w uint32) int32 {
	return int32(w)>>31<<20 | int32(w&0xff000|w>>20&1<<11|w>>21&0x3ff<<1)
}

func operands32(in *isa.Insn, k kind, w uint32) {
	switch k {
	case kR, kAMO:
		in.A, in.B, in.C = xdest(rd(w)), xreg(rs1(w)), xreg(rs2(w))
	case kR1, kLR:
		in.A, in.B = xdest(rd(w)), xreg(rs1(w))
	case kI, kLoad, kJalr:
		in.A, in.B, in.Imm = xdest(rd(w)), xreg(rs1(w)), immI(w)
	case kSh6:
		in.A, in.B, in.Imm = xdest(rd(w)), xreg(rs1(w)), int32(w>>20&63)
	case kSh5:
		in.A, in.B, in.Imm = xdest(rd(w)), xreg(rs1(w)), int32(w>>20&31)
	case kU:
		in.A, in.Imm = xdest(rd(w)), immU(w)
	case kStore:
		in.B, in.C, in.Imm = xreg(rs1(w)), xreg(rs2(w)), immS(w)
	case kB:
		in.B, in.C, in.Imm = xreg(rs1(w)), xreg(rs2(w)), immB(w)
	case kJ:
		in.A, in.Imm = xdest(rd(w)), immJ(w)
	case kCSR, kCSRI:
		operandsCSR(in, w)
	default:
		operandsFP(in, k, w)
	}
}

func operandsFP(in *isa.Insn, k kind, w uint32) {
	switch k {
	case kFLoad:
		in.A, in.B, in.Imm = freg(rd(w)), xreg(rs1(w)), immI(w)
	case kFStore:
		in.B, in.C, in.Imm = xreg(rs1(w)), freg(rs2(w)), immS(w)
	case kFR, kFRm:
		in.A, in.B, in.C = freg(rd(w)), freg(rs1(w)), freg(rs2(w))
	case kF1Rm:
		in.A, in.B = freg(rd(w)), freg(rs1(w))
	case kFRm4:
		in.A, in.B, in.C = freg(rd(w)), freg(rs1(w)), freg(rs2(w))
		in.Imm = int32(freg(rs3(w)))
	case kFX, kFXRm:
		in.A, in.B = freg(rd(w)), xreg(rs1(w))
	case kXF, kXFRm:
		in.A, in.B = xdest(rd(w)), freg(rs1(w))
	case kXFF:
		in.A, in.B, in.C = xdest(rd(w)), freg(rs1(w)), freg(rs2(w))
	}
	if k.rounds() {
		setRounding(in, rm(w))
	}
}

// rounds says that the layout has a rounding mode.
func (k kind) rounds() bool {
	return k == kFRm || k == kF1Rm || k == kFRm4 || k == kFXRm || k == kXFRm
}

// setRounding chooses the variant of a form that rounds.
func setRounding(in *isa.Insn, mode uint32) {
	const dynamic, toNearest, towardZero = 7, 0, 1
	switch {
	case mode == 5 || mode == 6:
		undefine(in)
	case mode == dynamic || in.Form < firstRound: // below: exact conversions
	case mode == toNearest:
		in.Form += firstRNE - firstRound
	case mode == towardZero && in.Form <= fFcvtLuD:
		in.Form += firstRTZ - firstRound
	default:
		in.Form += firstStatic - firstRound
		in.Imm |= int32(mode) << ir.RecordMode
	}
}

// undefine makes an illegal instruction of in.
func undefine(in *isa.Insn) {
	*in = isa.Insn{Form: fIllegal, Len: in.Len, A: sink, B: zero, C: zero, Raw: in.Raw}
}

// Numbers of the system registers that have forms of their own.
const (
	numSStatus  = 0x100
	numSScratch = 0x140
	numSEPC     = 0x141
	numSCause   = 0x142
	numSTVal    = 0x143
)

// csrSlot is where a register with plain reads lies in the state, or 0.
func csrSlot(number uint32) uint16 {
	switch number {
	case numSStatus:
		return slotOff(SStatus)
	case numSScratch:
		return slotOff(SScratch)
	case numSEPC:
		return slotOff(SEPC)
	case numSCause:
		return slotOff(SCause)
	case numSTVal:
		return slotOff(STVal)
	}
	return 0
}

// operandsCSR picks the forms that are lifted out of the Zicsr instructions;
// funct3 is 1 csrrw, 2 csrrs, 3 csrrc, with 4 added for an immediate source.
func operandsCSR(in *isa.Insn, w uint32) {
	number, src, op := w>>20, rs1(w), rm(w)
	slot := csrSlot(number)
	switch {
	case number >= csrFFlags && number <= csrFCSR:
		operandsFCSR(in, w)
	case slot == 0:
	case op&2 != 0 && src == 0:
		in.Form, in.A, in.B = fCsrr, xdest(rd(w)), slot
	case number == numSStatus:
		operandsStatus(in, op, src, w)
	case op != 1:
	case number == numSScratch && rd(w) != 0:
		in.Form, in.A, in.B = fCsrrwSscratch, xreg(rd(w)), xreg(src)
	case rd(w) != 0:
	case number == numSEPC:
		in.Form, in.A, in.B = fCsrwSepc, slot, xreg(src)
	default:
		in.Form, in.A, in.B = fCsrw, slot, xreg(src)
	}
}

func operandsStatus(in *isa.Insn, op, src, w uint32) {
	switch {
	case op == 1:
		in.Form, in.A, in.B = fSwapStatus, xdest(rd(w)), xreg(src)
	case op == 2:
		in.Form, in.A, in.B = fSetStatus, xdest(rd(w)), xreg(src)
	case op == 3:
		in.Form, in.A, in.B = fClearStatus, xdest(rd(w)), xreg(src)
	case op == 6 && src == SStatusSIE:
		in.Form, in.A = fSetSIE, xdest(rd(w))
	case op == 7 && src == SStatusSIE:
		in.Form, in.A = fClearSIE, xdest(rd(w))
	}
}

// operandsFCSR picks the forms of accesses to fflags, frm and fcsr. What does not
// write, for want of a source, only reads.
func operandsFCSR(in *isa.Insn, w uint32) {
	field, src, op := isa.Form(w>>20-csrFFlags), rs1(w), rm(w)
	in.A = xdest(rd(w))
	switch {
	case op&2 != 0 && src == 0:
		in.Form = fFrflags + field
		return
	case op&4 != 0:
		in.Imm = int32(src)
	default:
		in.B = xreg(src)
	}
	in.Form = fSwapFlags + 3*field + isa.Form(op&3-1)
}
