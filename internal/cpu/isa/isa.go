// Package isa is what every guest instruction set gives to the rest of c2w,
// and what it may ask of the machine. Decoders and lifters live in its
// subfolders, which hold the same file names side by side.
//
// An ISA is a table of forms. A form is an instruction with its operand shape
// settled: "addi" with a source of zero is the form "li", a compressed
// instruction has the form of the one that it abbreviates. Each form has one
// lifter. The lifter reads operands through Lift, which hands out constants
// (translation, evaluation) or fields of an interpreter record (the
// interpreter's handlers), so that the semantic is written once.
package isa

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
)

// Form indexes an ISA's table of forms.
type Form uint16

// Flow is how a form may change the flow of control.
type Flow uint8

const (
	FlowNext    Flow = iota // falls through
	FlowBranch              // conditional, to PC+Imm, else falls through
	FlowJump                // to PC+Imm
	FlowCall                // to PC+Imm, expected to return to the next instruction
	FlowInd                 // to a computed address
	FlowIndCall             // to a computed address, expected to return
	FlowResume              // falls through, to code that has to look at the state anew
	FlowSingle              // executed by Go (system instruction, illegal); falls through or traps
)

// Ends says that the instruction after one with this flow is reached only by a
// jump to it (or by a return, for calls): decoding a run stops here.
func (f Flow) Ends() bool { return f == FlowJump || f == FlowInd }

// Insn is a decoded instruction in the shape of an interpreter record: state
// offsets of up to three register operands and an immediate.
type Insn struct {
	Form Form
	Len  uint8  // bytes
	A    uint16 // state offset, by convention of the result
	B    uint16
	C    uint16
	Imm  int32  // immediate, branch displacement in bytes, or form-specific
	Disp int32  // displacement of a memory operand beside Imm; no record has it, so the form's Rank is 2
	Raw  uint32 // the ISA's own: what Hart.System has to know beside the operands
}

// FormInfo is one row of an ISA's table.
type FormInfo struct {
	Name string
	Flow Flow
	// Rank orders forms by how often they run: 0 is inlined into the
	// interpreter's loop, 1 is a handler of its own called from the loop, 2 is
	// executed by Go.
	Rank int
	// Lift states what the instruction does. Nil for FlowSingle.
	Lift func(*Lift)
}

// Pair is a fused pair of forms that the interpreter runs as one handler.
// Dep says which operands of the second are the first's result.
type Pair struct {
	First, Second Form
	DepB, DepC    bool // Second.B, Second.C = First.A
	Dead          bool // Second.A = First.A: the first's result need not be stored
}

// ISA is one guest instruction set.
type ISA interface {
	// Name is the architecture as in an OCI platform ("riscv64").
	Name() string
	// Forms is the table, constant for the life of the program.
	Forms() []FormInfo
	// Pairs are the fused pairs, by falling frequency.
	Pairs() []Pair
	// Decode decodes the instruction at the start of code, which holds the
	// bytes up to the end of the page. ok is false if the instruction extends
	// beyond. An undefined encoding decodes to a FlowSingle form.
	Decode(code []byte) (in Insn, ok bool)
	// Align is the alignment of instructions as a power of two: 1 says that they
	// begin at even addresses, 0 that they begin anywhere.
	Align() uint
	// MaxLen is the length of the longest instruction in bytes, at most
	// core.MaxInsn.
	MaxLen() int
	// Filling is the length in bytes of what compilers put between functions, at
	// the start of code: a piece of it, if there is more, and 0 if there is none.
	Filling(code []byte) int
	// Zero is the state offset that always reads zero, or 0 if there is none.
	Zero() uint16
	// Layout lists the numbers that generated code and Go have to agree on beside
	// the forms, such as where in core.State system registers lie: what a
	// fingerprint of the machine is made from.
	Layout() []int
	// Disasm prints the instruction at the start of code, which lies at pc, as the
	// architecture's manual does. What is cut off or undefined is shown as bytes.
	Disasm(code []byte, pc uint64) string
}

// Lift is what a lifter works with: a builder and the instruction's operands.
type Lift struct {
	*ir.Builder
	in   *Insn  // nil when lifting for the interpreter
	slot int    // record of a fused pair: 0 or 1
	zero uint16 // state offset that reads zero, see ISA.Zero
}

// LiftInsn appends one instruction with constant operands. offset is the
// instruction's byte offset in its code page.
func LiftInsn(b *ir.Builder, g ISA, in *Insn, offset int) {
	b.Insn(offset, int(in.Len))
	f := &g.Forms()[in.Form]
	if f.Lift == nil {
		b.Single()
		return
	}
	f.Lift(&Lift{Builder: b, in: in, zero: g.Zero()})
}

// LiftForm appends one form with operands from record slot 0 or 1.
func LiftForm(b *ir.Builder, g ISA, f Form, slot int) {
	b.Insn(slot, 0)
	g.Forms()[f].Lift(&Lift{Builder: b, slot: slot})
}

// fieldSlots separates the fields of a pair's two records in an ir.Field.
const fieldSlots = 8

// SlotField is field f of record slot 0 or 1.
func SlotField(f ir.Field, slot int) ir.Field { return f + ir.Field(slot*fieldSlots) }

// FieldSlot is the inverse of SlotField.
func FieldSlot(f ir.Field) (ir.Field, int) { return f % fieldSlots, int(f / fieldSlots) }

func (l *Lift) loc(f ir.Field) ir.Loc {
	if l.in == nil {
		return ir.Loc{Field: SlotField(f, l.slot)}
	}
	switch f {
	case ir.FieldA:
		return ir.Loc{Off: l.in.A}
	case ir.FieldB:
		return ir.Loc{Off: l.in.B}
	case ir.FieldC:
		return ir.Loc{Off: l.in.C}
	}
	return ir.Loc{Off: uint16(l.in.Imm)}
}

// Loc is where a register operand is, for what is written beside the result.
func (l *Lift) Loc(f ir.Field) ir.Loc { return l.loc(f) }

func (l *Lift) read(f ir.Field) ir.Value {
	loc := l.loc(f)
	if loc.Field == ir.FieldNone && loc.Off == l.zero {
		return l.Const(0)
	}
	return l.Get(loc)
}

// A, B, C and D read the register operands; D is the one whose state offset is
// the low half of the immediate.
func (l *Lift) A() ir.Value { return l.read(ir.FieldA) }
func (l *Lift) B() ir.Value { return l.read(ir.FieldB) }
func (l *Lift) C() ir.Value { return l.read(ir.FieldC) }
func (l *Lift) D() ir.Value { return l.read(ir.FieldImmLoc) }

// SetA writes the result. Writes to the sink have no other effect than the
// evaluation of v.
func (l *Lift) SetA(v ir.Value) {
	loc := l.loc(ir.FieldA)
	if loc.Field == ir.FieldNone && int(loc.Off) == core.OffG+8*core.Sink {
		return
	}
	l.Set(loc, v)
}

// Insn is the instruction, for forms with an operand that is not a register; nil
// when lifting for the interpreter, whose operands are not known.
func (l *Lift) Insn() *Insn { return l.in }

// Imm is the immediate.
func (l *Lift) Imm() ir.Value {
	if l.in == nil {
		return l.Operand(l.slot)
	}
	return l.Const(int64(l.in.Imm))
}

// Disp is the displacement of a memory operand. The interpreter's records have no
// room for it: it is for forms of Rank 2.
func (l *Lift) Disp() ir.Value {
	if l.in == nil {
		panic("BUG: isa: a form with a displacement of its own has a handler")
	}
	return l.Const(int64(l.in.Disp))
}

// BranchIf continues at PC + Imm if cond ≠ 0.
func (l *Lift) BranchIf(cond ir.Value) { l.Branch(cond, l.disp()) }

// Goto continues at PC + Imm.
func (l *Lift) Goto() { l.Jump(l.disp()) }

func (l *Lift) disp() int64 {
	if l.in == nil {
		return 0 // the emitter takes it from the record
	}
	return int64(l.in.Imm)
}

// Access is the reason for a memory access.
type Access uint8

const (
	AccessRead Access = iota
	AccessWrite
	AccessExec
)

func (a Access) String() string { return [...]string{"read", "write", "exec"}[a] }

// Mapping is the translation of one guest virtual page.
type Mapping struct {
	Phys uint64 // guest-physical address of the page, page-aligned
	// Write says that stores are allowed too and that the page is marked
	// dirty already, so that a read may fill the write TLB as well.
	Write bool
	// Global mappings survive a change of address space.
	Global bool
}

// Fault is a guest exception: Cause and Value are the ISA's.
type Fault struct {
	Cause uint64
	Value uint64
}

func (f *Fault) Error() string { return "guest exception" }

// Env is what a hart asks of the engine that runs it.
type Env interface {
	// LoadPhys and StorePhys reach guest RAM; size is 1, 2, 4 or 8, addresses
	// are naturally aligned. ok is false outside RAM.
	LoadPhys(addr uint64, size int) (v uint64, ok bool)
	StorePhys(addr uint64, size int, v uint64) (ok bool)
	// PhysBytes is a view of guest RAM; nil if any byte is outside RAM.
	PhysBytes(addr uint64, n uint64) []byte

	// FlushAll drops every cached translation, FlushSpace those that are not
	// global, FlushPage those of one virtual page.
	FlushAll()
	FlushSpace()
	FlushPage(va uint64)
	// FlushCode makes stores to code visible to instruction fetch.
	FlushCode()

	// Ticks is the timer's time in timebase ticks, Retired the number of
	// instructions retired.
	Ticks() uint64
	Retired() uint64
	// SetTimer makes Hart.TimerFired be called when Ticks() reaches at.
	SetTimer(at uint64)
	// Wait idles the hart until an interrupt is pending.
	Wait()
}

// Hart is one processor's privileged side: what its ISA adds to core.State. How it
// is started, and how interrupts reach it, is between it and its board.
type Hart interface {
	// Translate walks the page tables for an access at va. A fault is the
	// exception to raise.
	Translate(va uint64, a Access) (Mapping, *Fault)
	// Raise delivers an exception: State.PC is the instruction that caused it
	// before the call and the handler's first one after it.
	Raise(f *Fault)
	// System executes an instruction of flow FlowSingle, or prepares one whose
	// lifter left by ExitIf. retry says that the instruction should be lifted
	// and evaluated now; otherwise it is done and State.PC has moved.
	System(in *Insn) (retry bool, f *Fault)
	// Interrupt delivers a pending, enabled interrupt, if any.
	Interrupt() bool
	// TimerFired is called when the time given to Env.SetTimer has come.
	TimerFired()
	// Runnable says whether a hart in Env.Wait has a reason to go on.
	Runnable() bool
	// AccessFault is the exception for an access at va that no RAM and no device
	// takes.
	AccessFault(va uint64, a Access) *Fault
}
