// Package core is the contract between the Go machine and the generated Wasm
// code ("the core"): the layout of a hart's state, of the TLBs, of the jump
// caches and of interpreter records, and the reasons for which generated code
// returns ("exits").
//
// Both sides take every offset from here. The package knows no guest ISA: it
// offers register files and leaves the numbering to internal/cpu/isa.
package core

import "unsafe"

// Sizes and counts of the architectural areas. All sizes are in bytes.
const (
	PageShift = 12
	PageSize  = 1 << PageShift // guest code and data page
	PageMask  = PageSize - 1

	// Modes is the number of TLB sets. A set serves one (privilege, what data
	// it reaches) pair so that a system call flushes nothing.
	Modes = 3

	// CodeModes is the number of jump caches. The modes from CodeModes-1 on
	// execute the same code and differ in the data that they reach.
	CodeModes = 2

	TLBEntries   = 8192 // per access kind and mode, in sets of TLBWays
	TLBWays      = 2    // entries of a set: that which serves a page, and another
	TLBEntrySize = 16
	TLBSize      = TLBEntries * TLBEntrySize // one access kind of one mode

	JumpWays      = 4     // entries that may serve one pc
	JumpEntries   = 32768 // in sets of JumpWays, per code mode
	JumpEntrySize = 16
	JumpSize      = JumpEntries * JumpEntrySize

	RecordSize = 16 // one pre-decoded guest instruction

	// MaxInsn is the longest guest instruction of any ISA (x86's).
	MaxInsn = 15
)

// ReadTLB and WriteTLB say which half of a mode's TLB set serves an access.
const (
	ReadTLB  = 0
	WriteTLB = TLBSize
)

// StateSize is the room for a State, a page.
const StateSize = 0x1000

// TLBCopies is how many TLB entries a page function may keep copies of while it
// runs, at OffTLBCopies behind the State. Nobody else reads them.
const (
	TLBCopies    = 32
	OffTLBCopies = StateSize - TLBCopies*TLBEntrySize
)

// Offsets in Caches.
const (
	TLBBase    = 0
	ModeTLB    = 2 * TLBSize // stride from one mode's TLB set to the next
	JumpBase   = TLBBase + Modes*ModeTLB
	LinkBase   = JumpBase + CodeModes*JumpSize
	CachesSize = LinkBase + LinkSlots*8
)

// LinkSlots is how many page functions, the first ones, can be called by name
// from others. Caches.Links says of each for which virtual page, in the address
// space and mode of its code, the jump cache leads to it: the page's address with
// LinkValid set, or something else.
const (
	LinkSlots = 4096
	LinkValid = 1
)

// CodeMode is the mode whose code a mode executes.
func CodeMode(mode uint32) uint32 { return min(mode, CodeModes-1) }

// A TLB entry is {addend u32 @0, unused u32 @4, tag u64 @8}. The tag is
// compared first and lies above the addend: wazero drops the second bounds
// check only when the higher offset was checked first.
//
//	hit  ⇔  tag == va & (^PageMask | (size-1))
//	host =  uint32(va) + addend   (mod 2^32)
//
// so that an access that is not naturally aligned never hits.
const (
	TLBAddend = 0
	TLBTag    = 8
	// InvalidTag is never equal to a masked address: its bits 4 to 11 are set,
	// which the mask clears.
	InvalidTag = ^uint64(0)
)

// A jump-cache entry is {record u32 @0, target u32 @4, tag u64 @8}. The tag is
// the complement of pc, so that an entry of zeros is empty and a cache is
// emptied by clearing memory; hit ⇔ tag + pc == -1. record is the address of
// the interpreter record that stands for pc. target is zero or,
// when pc is an entry of a translated page, the page function and the entry
// (see Target).
const (
	JumpRecord = 0
	JumpTarget = 4
	JumpTag    = 8
)

// Target packs a page function's slot in the core's table and an entry number.
// Slot 0 is never a page function, hence a Target is never zero.
func Target(slot uint32, entry uint32) uint32 { return slot<<12 | entry }

// TargetEntries is the largest number of entries of one page function.
const TargetEntries = 1 << 12

// An interpreter record is
//
//	@0  A u16   state offset of the first operand (by convention the result)
//	@2  B u16   state offset of the second operand
//	@4  C u16   state offset of the third operand
//	@6  PC u16  byte offset of the instruction from the start of its page (in
//	            the record behind a page's last instruction PageSize or more)
//	@8  Imm i32 immediate, branch delta in bytes of records, or a fourth operand
//	@12 Orig u16 handler to restore when a translation is unbound
//	@14 Op u16  handler
const (
	RecA    = 0
	RecB    = 2
	RecC    = 4
	RecPC   = 6
	RecImm  = 8
	RecOrig = 12
	RecOp   = 14
)

// Exit is why generated code returned to Go.
type Exit uint32

const (
	// ExitNone: continue with State.PC (used between tiers, never seen by Go).
	ExitNone Exit = iota
	// ExitBudget: State.Budget is used up.
	ExitBudget
	// ExitMiss: the TLB has no entry for State.ExitAddr; State.ExitKind tells
	// the access. State.PC is the instruction, which has had no effect yet.
	ExitMiss
	// ExitSingle: Go executes the one instruction at State.PC.
	ExitSingle
	// ExitLookup: State.PC is the target of a jump and in no jump cache.
	ExitLookup
	// ExitIRQ: interrupts were enabled while one is pending; State.PC is the
	// next instruction.
	ExitIRQ
	// ExitDecode: the interpreter came to State.PC without a jump cache, and it
	// is not decoded yet.
	ExitDecode
	// ExitMode: State.Mode has changed; the dispatcher goes on at State.PC, and Go
	// never sees it.
	ExitMode
	exits
)

// NumExits is the number of exit reasons.
const NumExits = int(exits)

var exitNames = [...]string{"none", "budget", "miss", "single", "lookup", "irq", "decode", "mode"}

func (e Exit) String() string {
	if int(e) < len(exitNames) {
		return exitNames[e]
	}
	return "exit?"
}

// Bits of State.ExitKind.
const (
	KindSize  = 3 // log2 of the access size in bytes, 0–3
	KindWrite = 4
)

// State is one hart as generated code sees it. Every offset below StateSize is
// reachable with a u16 record field.
type State struct {
	PC       uint64 // guest virtual address of the next instruction
	Budget   int32  // instructions left before ExitBudget; may end below zero
	Exit     Exit
	ExitAddr uint64 // guest virtual address of a missed access
	ExitKind uint32
	Mode     uint32 // TLB set in force, < Modes; its CodeMode's jump cache
	IRQ      uint32 // nonzero: an interrupt waits only for the global enable
	FPOn     uint32 // nonzero: FP instructions may run and need not mark state dirty
	FPRound  uint32 // nonzero: FPOn, rounding to nearest even, inexact flag already set
	FPExact  uint32 // nonzero: FPOn and inexact flag already set
	FRM      uint32 // dynamic rounding mode, softfloat.Rounding
	FFlags   uint32 // accrued exception flags, softfloat.Flags
	Resv     uint64 // virtual address of the load reservation, NoResv if none
	Retired  uint64 // instructions retired before the current slice

	// What the dispatcher adds up: instructions that the interpreter retired, its
	// calls, and those of page functions.
	Interpreted, PageCalls, InterpCalls uint64

	_ [0x100 - 96]byte

	G [64]uint64 // general registers; G[Zero] reads 0, writes go to G[Sink]
	F [64]uint64 // floating-point registers
	S [64]uint64 // system registers that lifted code reads and writes itself
	V [64]uint64 // vector registers, as many slots each as the ISA's are wide: 32 of 128 bits, or 16 of 256
}

// NoResv in State.Resv means that no reservation is held: reservations are
// naturally aligned, this value is not.
const NoResv = ^uint64(0)

// Sink is the G slot that receives writes to a register that reads as zero.
const Sink = 63

// Offsets of State fields.
const (
	OffPC       = int(unsafe.Offsetof(State{}.PC))
	OffBudget   = int(unsafe.Offsetof(State{}.Budget))
	OffExit     = int(unsafe.Offsetof(State{}.Exit))
	OffExitAddr = int(unsafe.Offsetof(State{}.ExitAddr))
	OffExitKind = int(unsafe.Offsetof(State{}.ExitKind))
	OffMode     = int(unsafe.Offsetof(State{}.Mode))
	OffIRQ      = int(unsafe.Offsetof(State{}.IRQ))
	OffFPOn     = int(unsafe.Offsetof(State{}.FPOn))
	OffFPRound  = int(unsafe.Offsetof(State{}.FPRound))
	OffFPExact  = int(unsafe.Offsetof(State{}.FPExact))
	OffFRM      = int(unsafe.Offsetof(State{}.FRM))
	OffFFlags   = int(unsafe.Offsetof(State{}.FFlags))
	OffResv     = int(unsafe.Offsetof(State{}.Resv))
	OffRetired  = int(unsafe.Offsetof(State{}.Retired))

	OffInterpreted = int(unsafe.Offsetof(State{}.Interpreted))
	OffPageCalls   = int(unsafe.Offsetof(State{}.PageCalls))
	OffInterpCalls = int(unsafe.Offsetof(State{}.InterpCalls))

	OffG = int(unsafe.Offsetof(State{}.G))
	OffF = int(unsafe.Offsetof(State{}.F))
	OffS = int(unsafe.Offsetof(State{}.S))
	OffV = int(unsafe.Offsetof(State{}.V))
)

// SetFP recomputes the words that let generated code use native floating-point
// operations. on says that FP instructions may run without further bookkeeping.
// It must be called after every change of FRM or FFlags.
func (s *State) SetFP(on bool) {
	s.FPOn, s.FPRound, s.FPExact = 0, 0, 0
	if !on {
		return
	}
	s.FPOn = 1
	const inexact = 1 // softfloat.NX
	if s.FFlags&inexact != 0 {
		s.FPExact = 1
		if s.FRM == 0 {
			s.FPRound = 1
		}
	}
}

// Bytes views the state as memory, for access by offset.
func (s *State) Bytes() *[StateSize]byte { return (*[StateSize]byte)(unsafe.Pointer(s)) }

// Hart is one hart's part of linear memory. The two lie apart: generated code
// reaches both by constant offsets, which engines take without a bounds check
// only below some 32 MiB (wasmtime's guard region).
type Hart struct {
	*State
	*Caches
}

// NewHart allocates a hart outside of any linear memory.
func NewHart() *Hart { return &Hart{new(State), new(Caches)} }

// Caches are a hart's TLBs and jump caches, as they lie in memory.
type Caches struct {
	TLB  [Modes][2][TLBEntries]TLBEntry // [mode][0 read, 1 write]
	Jump [CodeModes][JumpEntries]JumpEntry
	// Links are by the number of the page function. One stays only as long as the
	// jump cache may have entries for its page.
	Links [LinkSlots]uint64
}

// TLBEntry maps one guest virtual page to linear memory.
type TLBEntry struct {
	Addend uint32
	_      uint32
	Tag    uint64
}

// JumpEntry maps one guest pc to code.
type JumpEntry struct {
	Record uint32
	Target uint32
	Tag    uint64
}

// TLBIndex is the entry that serves a virtual address; one that was there before
// may wait at TLBIndex ^ TLBOther, from where the core takes it back when it is
// missed.
func TLBIndex(va uint64) int { return int(va>>PageShift) & (TLBEntries - 1) }

// TLBOther is the distance between the two entries of a set.
const TLBOther = TLBEntries / TLBWays

// FindTLB returns the entry of a virtual address's page in either place, nil if
// there is none.
func FindTLB(tlb *[TLBEntries]TLBEntry, va uint64) *TLBEntry {
	i := TLBIndex(va)
	for _, i := range [TLBWays]int{i, i ^ TLBOther} {
		if e := &tlb[i]; e.Tag == va&^uint64(PageMask) {
			return e
		}
	}
	return nil
}

// JumpIndex is the first of the entries that may serve a pc, the others are
// JumpIndex ^ way, for ways below JumpWays.
func JumpIndex(pc uint64) int { return int(pc>>JumpShift) & (JumpEntries - 1) }

// JumpShift: neighbouring entries are for code that lies 1<<JumpShift bytes apart,
// as far as most ISAs' instructions do at least.
const JumpShift = 1

// FindJump returns the entry that generated code takes for a pc, nil if there
// is none.
func FindJump(cache *[JumpEntries]JumpEntry, pc uint64) *JumpEntry {
	i := JumpIndex(pc)
	for way := range JumpWays {
		if e := &cache[i^way]; e.Tag == ^pc {
			return e
		}
	}
	return nil
}
