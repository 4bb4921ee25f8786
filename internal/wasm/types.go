package wasm

import "strings"

// ValType is a value type in its binary encoding (5.3.1 to 5.3.4).
type ValType byte

// The value types of core 2.0.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

// String returns the name that the text format uses.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return "valtype?"
}

func (t ValType) valid() bool {
	return t >= V128 && t <= I32 || t.reference()
}

func (t ValType) reference() bool { return t == FuncRef || t == ExternRef }

// FuncType is a function's signature. Two types are equal when [FuncType.Key]
// is.
type FuncType struct {
	Params, Results []ValType
}

// Key is a comparable form of t: the bytes of its parameters and results
// around a separator that is no value type.
func (t FuncType) Key() string {
	b := make([]byte, 0, len(t.Params)+len(t.Results)+1)
	for _, p := range t.Params {
		b = append(b, byte(p))
	}
	b = append(b, 0)
	for _, r := range t.Results {
		b = append(b, byte(r))
	}
	return string(b)
}

// String renders t as (i32 i64) -> (i32).
func (t FuncType) String() string {
	var b strings.Builder
	list := func(ts []ValType) {
		b.WriteByte('(')
		for i, t := range ts {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(t.String())
		}
		b.WriteByte(')')
	}
	list(t.Params)
	b.WriteString(" -> ")
	list(t.Results)
	return b.String()
}

// BlockType is the type of a block, loop or if (5.4.1): [Void], one value type
// by [BlockValue], or a type index ≥ 0 of the module that the code ends up in.
// A block that takes parameters or leaves several values and does not know
// its module yet is opened with [Code.BlockFunc] and its siblings.
type BlockType int64

// Void is the type of a block without parameters and results.
const Void BlockType = -64

// BlockValue is the type of a block without parameters that leaves one t.
func BlockValue(t ValType) BlockType { return BlockType(int64(t) - 128) }

// Func is a function being assembled: its signature, the types of its locals
// beyond the parameters (local i of the code is parameter i, then
// Locals[i-len(Params)]), and its body without the closing end, which is added
// on encoding.
type Func struct {
	// Name is for reports and errors; it is not written to the module.
	Name   string
	Type   FuncType
	Locals []ValType
	Body   Code
}

// AddLocal declares one more local of type t and returns its index.
func (f *Func) AddLocal(t ValType) uint32 {
	f.Locals = append(f.Locals, t)
	return uint32(len(f.Type.Params) + len(f.Locals) - 1)
}
