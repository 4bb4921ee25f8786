package wasm

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// Code is a function body under construction: an append-only assembler whose
// methods are named after the instructions. The zero value is empty and ready.
//
// Every LEB128 is in its shortest form. Two ways name a function, global,
// table, type or data segment: by its index in the module (Call, GlobalGet, …)
// when the writer knows it, or by a symbol (CallSym, GlobalGetSym, …) that
// [Code.Resolve] replaces by an index when the module is put together.
type Code struct {
	b     []byte
	fix   []fixup
	types []FuncType
	marks []Mark
	depth int
}

// fixup asks for the index of a symbol to be inserted at b[off:].
type fixup struct {
	off  int
	kind symKind
	sym  int
}

type symKind byte

const (
	symFunc symKind = iota
	symGlobal
	symTable
	symData
	symType      // sym is an index into Code.types
	symBlockType // the same, encoded as a signed number
)

// Resolver gives symbols their indexes in the final module. A nil function
// means that the module has no such symbols: meeting one is an error, and so
// is ok = false.
type Resolver struct {
	Func, Global, Table, Data func(sym int) (index uint32, ok bool)
	Type                      func(FuncType) (index uint32, ok bool)
}

// Len returns the bytes written so far; symbols are not counted.
func (c *Code) Len() int { return len(c.b) }

// Bytes returns the code, which must be free of symbols. It aliases c.
func (c *Code) Bytes() []byte {
	if len(c.fix) != 0 {
		panic("BUG: wasm.Code.Bytes: symbols are not resolved")
	}
	return c.b
}

// Resolve returns the code with every symbol replaced by its index.
func (c *Code) Resolve(r Resolver) ([]byte, error) {
	if len(c.fix) == 0 {
		return c.b, nil
	}
	out := make([]byte, 0, len(c.b)+3*len(c.fix))
	from := 0
	for _, f := range c.fix {
		out = append(out, c.b[from:f.off]...)
		from = f.off
		index, err := c.resolve(r, f)
		if err != nil {
			return nil, err
		}
		if f.kind == symBlockType {
			out = AppendS(out, int64(index))
		} else {
			out = AppendU(out, uint64(index))
		}
	}
	return append(out, c.b[from:]...), nil
}

func (c *Code) resolve(r Resolver, f fixup) (uint32, error) {
	if f.kind == symType || f.kind == symBlockType {
		if r.Type != nil {
			if i, ok := r.Type(c.types[f.sym]); ok {
				return i, nil
			}
		}
		return 0, errors.New("type " + c.types[f.sym].String() + " is not in the module")
	}
	kind := [...]string{symFunc: "function", symGlobal: "global", symTable: "table", symData: "data"}[f.kind]
	by := [...]func(int) (uint32, bool){symFunc: r.Func, symGlobal: r.Global, symTable: r.Table, symData: r.Data}[f.kind]
	if by != nil {
		if i, ok := by(f.sym); ok {
			return i, nil
		}
	}
	return 0, errors.New(kind + " symbol " + strconv.Itoa(f.sym) + " is not in the module")
}

// Types returns the signatures that the code's symbols refer to, in order of
// appearance, with repetitions.
func (c *Code) Types() []FuncType { return c.types }

// Append adds the instructions of d, which may have opened and closed blocks
// only in pairs.
func (c *Code) Append(d *Code) {
	base, types := len(c.b), len(c.types)
	for _, m := range d.marks {
		c.marks = append(c.marks, Mark{base + m.Off, m.Tag})
	}
	c.b = append(c.b, d.b...)
	for _, f := range d.fix {
		f.off += base
		if f.kind == symType || f.kind == symBlockType {
			f.sym += types
		}
		c.fix = append(c.fix, f)
	}
	c.types = append(c.types, d.types...)
}

// Sub returns empty code at c's block depth, so that labels of c hold in it.
// It is meant to be filled and handed to c.Append.
func (c *Code) Sub() *Code { return &Code{depth: c.depth} }

// Reset empties c and keeps its memory.
func (c *Code) Reset() {
	*c = Code{b: c.b[:0], fix: c.fix[:0], types: c.types[:0], marks: c.marks[:0]}
}

func (c *Code) sym(kind symKind, sym int) {
	c.fix = append(c.fix, fixup{len(c.b), kind, sym})
}

func (c *Code) typeSym(kind symKind, t FuncType) {
	c.sym(kind, len(c.types))
	c.types = append(c.types, t)
}

// Op writes an instruction that has no immediates.
func (c *Code) Op(op Opcode) {
	if op.Immediate() != ImmNone || op.String() == "" {
		panic("BUG: wasm.Code.Op: " + op.String() + " takes immediates or is unknown")
	}
	c.op(op)
	if op == OpEnd {
		c.depth--
	}
}

func (c *Code) op(op Opcode) {
	if op < 0x100 {
		c.b = append(c.b, byte(op))
		return
	}
	c.b = AppendU(append(c.b, byte(op>>8)), uint64(op&0xff))
}

func (c *Code) opU(op Opcode, v uint32) {
	c.op(op)
	c.b = AppendU(c.b, uint64(v))
}

// Label names an open block by its absolute depth: the function's body is 0,
// the block inside it 1. See [Code.Rel].
type Label int

// Depth returns the label of the innermost open block.
func (c *Code) Depth() Label { return Label(c.depth) }

// Rel returns the relative depth that reaches l from here: the operand for Br,
// BrIf and BrTable.
func (c *Code) Rel(l Label) uint32 {
	if l < 0 || int(l) > c.depth {
		panic("BUG: wasm.Code.Rel: the block is closed")
	}
	return uint32(c.depth - int(l))
}

func (c *Code) open(op Opcode, bt BlockType) Label {
	c.op(op)
	c.b = AppendS(c.b, int64(bt))
	c.depth++
	return Label(c.depth)
}

func (c *Code) openFunc(op Opcode, t FuncType) Label {
	c.op(op)
	c.typeSym(symBlockType, t)
	c.depth++
	return Label(c.depth)
}

// Block, Loop and If open a block of type bt; BlockFunc, LoopFunc and IfFunc
// one with parameters and results. All return its label; End closes it.
func (c *Code) Block(bt BlockType) Label   { return c.open(OpBlock, bt) }
func (c *Code) Loop(bt BlockType) Label    { return c.open(OpLoop, bt) }
func (c *Code) If(bt BlockType) Label      { return c.open(OpIf, bt) }
func (c *Code) BlockFunc(t FuncType) Label { return c.openFunc(OpBlock, t) }
func (c *Code) LoopFunc(t FuncType) Label  { return c.openFunc(OpLoop, t) }
func (c *Code) IfFunc(t FuncType) Label    { return c.openFunc(OpIf, t) }
func (c *Code) Else()                      { c.op(OpElse) }
func (c *Code) End()                       { c.Op(OpEnd) }
func (c *Code) Unreachable()               { c.op(OpUnreachable) }
func (c *Code) Return()                    { c.op(OpReturn) }
func (c *Code) Drop()                      { c.op(OpDrop) }
func (c *Code) Select()                    { c.op(OpSelect) }
func (c *Code) Br(depth uint32)            { c.opU(OpBr, depth) }
func (c *Code) BrIf(depth uint32)          { c.opU(OpBrIf, depth) }
func (c *Code) BrTo(l Label)               { c.Br(c.Rel(l)) }
func (c *Code) BrIfTo(l Label)             { c.BrIf(c.Rel(l)) }

// BrTable jumps to targets[i], or to def for i ≥ len(targets); relative depths.
func (c *Code) BrTable(targets []uint32, def uint32) {
	c.opU(OpBrTable, uint32(len(targets)))
	for _, t := range targets {
		c.b = AppendU(c.b, uint64(t))
	}
	c.b = AppendU(c.b, uint64(def))
}

// Call calls function f of the final module; CallSym the function of a symbol.
func (c *Code) Call(f uint32) { c.opU(OpCall, f) }
func (c *Code) CallSym(sym int) {
	c.op(OpCall)
	c.sym(symFunc, sym)
}

// CallIndirect calls through table with the signature of type index typ.
// CallIndirectSym takes the signature itself and the table's symbol.
func (c *Code) CallIndirect(typ, table uint32) {
	c.opU(OpCallIndirect, typ)
	c.b = AppendU(c.b, uint64(table))
}
func (c *Code) CallIndirectSym(t FuncType, table int) {
	c.op(OpCallIndirect)
	c.typeSym(symType, t)
	c.sym(symTable, table)
}

func (c *Code) LocalGet(i uint32)  { c.opU(OpLocalGet, i) }
func (c *Code) LocalSet(i uint32)  { c.opU(OpLocalSet, i) }
func (c *Code) LocalTee(i uint32)  { c.opU(OpLocalTee, i) }
func (c *Code) GlobalGet(i uint32) { c.opU(OpGlobalGet, i) }
func (c *Code) GlobalSet(i uint32) { c.opU(OpGlobalSet, i) }
func (c *Code) GlobalGetSym(sym int) {
	c.op(OpGlobalGet)
	c.sym(symGlobal, sym)
}
func (c *Code) GlobalSetSym(sym int) {
	c.op(OpGlobalSet)
	c.sym(symGlobal, sym)
}

func (c *Code) I32Const(v int32) {
	c.op(OpI32Const)
	c.b = AppendS(c.b, int64(v))
}
func (c *Code) I64Const(v int64) {
	c.op(OpI64Const)
	c.b = AppendS(c.b, v)
}

// F32Const and F64Const keep the bits of v, NaN payloads included, as far as
// Go's conversions did; F32Bits and F64Bits take the bits.
func (c *Code) F32Const(v float32) { c.F32Bits(math.Float32bits(v)) }
func (c *Code) F64Const(v float64) { c.F64Bits(math.Float64bits(v)) }
func (c *Code) F32Bits(v uint32) {
	c.op(OpF32Const)
	c.b = binary.LittleEndian.AppendUint32(c.b, v)
}
func (c *Code) F64Bits(v uint64) {
	c.op(OpF64Const)
	c.b = binary.LittleEndian.AppendUint64(c.b, v)
}

// MemoryInit copies from passive segment seg: (dst, offset in segment, length).
func (c *Code) MemoryInit(seg uint32) {
	c.opU(OpMemoryInit, seg)
	c.b = append(c.b, 0)
}
func (c *Code) MemoryInitSym(sym int) {
	c.op(OpMemoryInit)
	c.sym(symData, sym)
	c.b = append(c.b, 0)
}
func (c *Code) DataDrop(seg uint32) { c.opU(OpDataDrop, seg) }
func (c *Code) DataDropSym(sym int) {
	c.op(OpDataDrop)
	c.sym(symData, sym)
}

// MemoryCopy takes (dst, src, length), MemoryFill (dst, byte, length).
func (c *Code) MemoryCopy() {
	c.op(OpMemoryCopy)
	c.b = append(c.b, 0, 0)
}
func (c *Code) MemoryFill() {
	c.op(OpMemoryFill)
	c.b = append(c.b, 0)
}
func (c *Code) MemorySize() { c.opU(OpMemorySize, 0) }
func (c *Code) MemoryGrow() { c.opU(OpMemoryGrow, 0) }

// TableGet, TableSet, TableSize and TableGrow act on table index table.
func (c *Code) TableGet(table uint32)  { c.opU(OpTableGet, table) }
func (c *Code) TableSet(table uint32)  { c.opU(OpTableSet, table) }
func (c *Code) TableSize(table uint32) { c.opU(OpTableSize, table) }
func (c *Code) TableGrow(table uint32) { c.opU(OpTableGrow, table) }
