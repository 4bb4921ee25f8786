package wasm

import (
	"math"
	"strconv"
	"strings"
)

// TextOptions say how a body is printed. The zero value prints indexes.
type TextOptions struct {
	// Call names the function that an instruction calls; "" stands for the
	// index.
	Call func(index uint32) string
	// Local names a local or parameter, likewise.
	Local func(index uint32) string
	// Before, if set, is called before each instruction with its offset in the
	// code and returns lines to put there, each with its end of line.
	Before func(off int) string
}

// Text prints code, as SplitBody returns it, an instruction a line in the order
// in which it executes, indented by block. Names and immediates are those of
// the text format (6.5), except that numbers of locals, labels and functions
// have no $, br_table's default comes last behind a semicolon, and large
// numbers are hexadecimal.
func Text(code []byte, o TextOptions) (string, error) {
	var b strings.Builder
	it := NewInstrs(code)
	depth := 0
	for it.Next() {
		if o.Before != nil {
			b.WriteString(o.Before(it.Pos()))
		}
		if it.Op == OpEnd || it.Op == OpElse {
			depth--
		}
		for range depth {
			b.WriteString("  ")
		}
		b.WriteString(it.Op.String())
		b.WriteString(o.immediates(it))
		b.WriteByte('\n')
		switch it.Op {
		case OpBlock, OpLoop, OpIf, OpElse:
			depth++
		}
	}
	return b.String(), it.Err()
}

func (o *TextOptions) immediates(it *Instrs) string {
	number := func(v uint32) string { return " " + strconv.FormatUint(uint64(v), 10) }
	named := func(name func(uint32) string) string {
		if name != nil {
			if s := name(it.Index); s != "" {
				return " " + s
			}
		}
		return number(it.Index)
	}
	switch it.Op.Immediate() {
	case ImmBlock:
		return blockText(it.Int)
	case ImmLocal:
		return named(o.Local)
	case ImmFunc:
		return named(o.Call)
	case ImmLabel, ImmGlobal, ImmTable, ImmElem, ImmData, ImmMemoryInit:
		return number(it.Index)
	case ImmCallIndirect, ImmTableInit, ImmTableCopy:
		return number(it.Index) + number(it.Index2)
	case ImmMem:
		s := ""
		if it.Index2 != 0 {
			s = " offset=0x" + strconv.FormatUint(uint64(it.Index2), 16)
		}
		return s
	case ImmI32, ImmI64:
		return " " + integer(it)
	case ImmF32:
		return " " + strconv.FormatFloat(float64(math.Float32frombits(uint32(it.Int))), 'g', -1, 32)
	case ImmF64:
		return " " + strconv.FormatFloat(math.Float64frombits(uint64(it.Int)), 'g', -1, 64)
	case ImmBrTable:
		return tableText(it.Raw())
	}
	return ""
}

// integer prints what is not small in hexadecimal: such constants are addresses
// and masks.
func integer(it *Instrs) string {
	if it.Int > -4096 && it.Int < 4096 {
		return strconv.FormatInt(it.Int, 10)
	}
	v := uint64(it.Int)
	if it.Op == OpI32Const {
		v = uint64(uint32(it.Int))
	}
	return "0x" + strconv.FormatUint(v, 16)
}

func blockText(t int64) string {
	switch {
	case t == int64(Void):
		return ""
	case t < 0:
		return " (result " + ValType(t+128).String() + ")"
	}
	return " (type " + strconv.FormatInt(t, 10) + ")"
}

// tableText prints the labels of a br_table that has been checked.
func tableText(raw []byte) string {
	d := decoder{b: raw, pos: 1}
	var b strings.Builder
	for range d.u32() {
		b.WriteString(" " + strconv.FormatUint(uint64(d.u32()), 10))
	}
	b.WriteString("; " + strconv.FormatUint(uint64(d.u32()), 10))
	return b.String()
}
