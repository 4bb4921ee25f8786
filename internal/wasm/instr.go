package wasm

import "fmt"

// Instrs iterates over the instructions of a function body or expression:
//
//	it := NewInstrs(code)
//	for it.Next() {
//		use(it.Op, it.Index, …)
//	}
//	err := it.Err()
//
// It checks the encoding, not the types; nesting is checked as far as that
// every end and else has its block. An instruction outside of core 2.0 without
// SIMD is an error that names its proposal.
type Instrs struct {
	d     decoder
	start int
	// open counts the blocks that are not closed. It goes to -1 at the end
	// that closes the function itself.
	open int

	Op Opcode
	// Index is the first index among the immediates, or of a memory access
	// its alignment's log2; Index2 the second, or the offset.
	Index, Index2 uint32
	// Int is the value of i32.const and i64.const, the bits of f32.const and
	// f64.const, or the [BlockType].
	Int int64
}

// NewInstrs iterates over code, which is aliased.
func NewInstrs(code []byte) *Instrs { return &Instrs{d: decoder{b: code}} }

// Err returns the error that ended the iteration, if any.
func (it *Instrs) Err() error {
	if it.d.err == nil {
		return nil
	}
	return fmt.Errorf("instruction at byte %d: %w", it.start, it.d.err)
}

// Raw returns the bytes of the current instruction.
func (it *Instrs) Raw() []byte { return it.d.b[it.start:it.d.pos] }

// Pos returns the offset of the current instruction in the code.
func (it *Instrs) Pos() int { return it.start }

// Depth returns the number of blocks open behind the current instruction; -1
// behind the end that closes the whole.
func (it *Instrs) Depth() int { return it.open }

// Next moves to the next instruction. It returns false at the end of the code
// and on an error.
func (it *Instrs) Next() bool {
	if !it.d.more() {
		return false
	}
	d := &it.d
	it.start = d.pos
	it.Index, it.Index2, it.Int = 0, 0, 0
	if it.open < 0 {
		d.failf("code behind the closing end")
		return false
	}
	it.Op = it.opcode()
	if d.err == nil {
		it.immediates()
	}
	return d.err == nil
}

func (it *Instrs) opcode() Opcode {
	op := Opcode(it.d.byte())
	if op == 0xfc {
		sub := it.d.u32()
		if sub > 0xff {
			it.d.failf("unknown instruction 0xfc %d", sub)
			return 0
		}
		op = 0xfc00 | Opcode(sub)
	}
	if it.d.err == nil && op.String() == "" {
		it.d.failf("%s is not part of core 2.0 without SIMD", foreign(op))
	}
	return op
}

// foreign names an opcode of the proposals that came after core 2.0, or that
// are left out.
func foreign(op Opcode) string {
	names := map[Opcode]string{
		0x06: "try (exceptions)", 0x07: "catch (exceptions)", 0x08: "throw (exceptions)",
		0x09: "rethrow (exceptions)", 0x0a: "throw_ref (exceptions)",
		0x12: "return_call (tail calls)", 0x13: "return_call_indirect (tail calls)",
		0x14: "call_ref (typed function references)", 0x15: "return_call_ref (tail calls)",
		0x18: "delegate (exceptions)", 0x19: "catch_all (exceptions)",
		0x1f: "try_table (exceptions)",
		0xd3: "ref.eq (garbage collection)", 0xd4: "ref.as_non_null (typed function references)",
		0xd5: "br_on_null (typed function references)", 0xd6: "br_on_non_null (typed function references)",
		0xfb: "an instruction with prefix 0xfb (garbage collection)",
		0xfd: "an instruction with prefix 0xfd (SIMD)",
		0xfe: "an instruction with prefix 0xfe (threads)",
	}
	if n, ok := names[op]; ok {
		return n
	}
	return fmt.Sprintf("opcode %#x", uint16(op))
}

func (it *Instrs) immediates() {
	d := &it.d
	switch it.Op.Immediate() {
	case ImmNone:
		if it.Op == OpEnd {
			it.open--
		} else if it.Op == OpElse && it.open == 0 {
			d.failf("else outside of a block")
		}
	case ImmBlock:
		it.open++
		it.blockType()
	case ImmLabel:
		it.Index = it.label()
	case ImmBrTable:
		for range d.count(1) {
			it.label()
		}
		it.Index = it.label()
	case ImmFunc, ImmLocal, ImmGlobal, ImmTable, ImmElem, ImmData:
		it.Index = d.u32()
	case ImmCallIndirect, ImmTableInit, ImmTableCopy:
		it.Index, it.Index2 = d.u32(), d.u32()
	case ImmMem:
		it.memory()
	case ImmMemory:
		it.zero()
	case ImmMemoryCopy:
		it.zero()
		it.zero()
	case ImmMemoryInit:
		it.Index = d.u32()
		it.zero()
	case ImmI32:
		it.Int = d.signed(32)
	case ImmI64:
		it.Int = d.signed(64)
	case ImmF32, ImmF64:
		it.float()
	case ImmRefType:
		d.refType()
	case ImmSelectT:
		for range d.count(1) {
			d.valType()
		}
	}
}

func (it *Instrs) blockType() {
	it.Int = it.d.signed(33)
	if it.d.err != nil || it.Int >= 0 || it.Int == int64(Void) {
		return
	}
	if it.Int < -64 || !ValType(it.Int+128).valid() {
		it.d.failf("%d is no block type", it.Int)
	} else if ValType(it.Int+128) == V128 {
		it.d.failf("a block of type v128 (SIMD) is not part of core 2.0 without SIMD")
	}
}

func (it *Instrs) label() uint32 {
	l := it.d.u32()
	if uint64(l) > uint64(it.open) {
		it.d.failf("branch to block %d of %d", l, it.open)
	}
	return l
}

func (it *Instrs) memory() {
	it.Index = it.d.u32()
	if it.Index >= 0x40 {
		it.d.failf("an access with a memory index (multiple memories) is not part of core 2.0")
	} else if it.Index > 3 {
		it.d.failf("alignment 2^%d is larger than any access", it.Index)
	}
	it.Index2 = it.d.u32()
}

func (it *Instrs) zero() {
	if m := it.d.byte(); it.d.err == nil && m != 0 {
		it.d.failf("memory %d (multiple memories) is not part of core 2.0", m)
	}
}

func (it *Instrs) float() {
	n := 4
	if it.Op == OpF64Const {
		n = 8
	}
	var v uint64
	for i := range n {
		v |= uint64(it.d.byte()) << (8 * i)
	}
	it.Int = int64(v)
}
