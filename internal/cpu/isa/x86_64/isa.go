package x86_64

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/isa"
)

// Guest is the instruction set in 64-bit mode, as far as it is done.
var Guest isa.ISA = guest{}

type guest struct{}

func (guest) Name() string          { return "amd64" }
func (guest) Forms() []isa.FormInfo { return theTable().infos }
func (guest) Pairs() []isa.Pair     { return nil }
func (guest) Align() uint           { return 0 }
func (guest) MaxLen() int           { return MaxLen }
func (guest) Zero() uint16          { return 0 }

// Filling: INT3, or a piece of the no-operations that assemblers put there.
func (guest) Filling(code []byte) int {
	if len(code) > 0 && code[0] == 0xcc {
		return 1
	}
	return 0
}

func (guest) Disasm(code []byte, pc uint64) string { return Disasm(code, pc, Mode64) }

// Decode decodes and chooses the form.
func (guest) Decode(code []byte) (out isa.Insn, ok bool) {
	var in Insn
	if !in.Decode(code, Mode64) {
		return out, false
	}
	out.Len = in.Len
	t := theTable()
	if in.Undefined() || in.Has(PrefixLock|PrefixRep|PrefixRepne) && in.Row.row().attr&rep != 0 {
		return out, true
	}
	var s opShape
	if in.Mem() {
		s = inMemory
		if in.Seg == SegFS || in.Seg == SegGS {
			return out, true // segment bases are not there yet
		}
	}
	next := 0
	reg := func(n uint8) {
		at, high := &out.A, highA
		if next > 0 {
			at, high = &out.B, highB
		}
		next++
		if t.byteOperand(in.Row, next-1) && in.HighByte(n) {
			n -= 4
			s |= high
		}
		*at = offG(int(n))
	}
	hasImm := false
	for _, o := range t.ops[in.Row] {
		switch {
		case o.method == 'G':
			reg(in.Reg)
		case o.method == 'Z', o.method == 'E' && !in.Mem():
			reg(in.RM)
		case o.method == 'I':
			hasImm = true
			out.Imm = int32(in.Imm)
			if int64(int32(in.Imm)) != in.Imm && o.typ == tV {
				s |= wideImm
				out.Disp = int32(in.Imm >> 32)
			}
		case o.method == 'J':
			rel := in.Imm + int64(in.Len)
			if rel < math.MinInt32 || rel > math.MaxInt32 {
				return isa.Insn{Len: in.Len}, true
			}
			out.Imm = int32(rel)
		}
	}
	if s&inMemory != 0 {
		if in.Base < 0 || in.Index >= 0 || in.RIPRel || in.AddrSize != 8 || hasImm {
			s |= anyAddress
			out.Disp = in.Disp
			if in.Scale > 1 {
				out.Raw = uint32(map[uint8]int{2: 1, 4: 2, 8: 3}[in.Scale])
			}
			if in.Base >= 0 {
				out.Raw |= rawBase
			}
			if in.Index >= 0 {
				out.Raw |= rawIndex
				out.C = offG(int(in.Index))
			}
			if in.RIPRel {
				out.Raw |= rawRIP
			}
			if in.AddrSize == 4 {
				out.Raw |= rawAddr32
			}
		} else {
			out.Imm = in.Disp
		}
		if in.Base >= 0 {
			out.B = offG(int(in.Base))
		}
	}
	f, ok := t.find[findKey{in.Row, in.OpSize, s}]
	if !ok {
		return isa.Insn{Len: in.Len}, true
	}
	out.Form = f
	return out, true
}

// byteOperand says whether register operand n of a row has one byte.
func (t *table) byteOperand(id RowID, n int) bool {
	for _, o := range t.ops[id] {
		if o.method != 'G' && o.method != 'E' && o.method != 'Z' {
			continue
		}
		if n == 0 {
			return o.typ == tB
		}
		n--
	}
	return false
}
