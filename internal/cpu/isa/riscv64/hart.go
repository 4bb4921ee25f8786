package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Values of core.State.Mode. S mode has two, for what it reaches depends on
// sstatus.SUM: a kernel sets and clears it around each access to user memory,
// and that must not empty a TLB.
const (
	modeUser       = 0
	modeSupervisor = 1
	modeUserData   = 2 // S mode with sstatus.SUM
)

// Causes of exceptions (Privileged spec 20240411, table 22).
const (
	causeFetchAccess     = 1
	causeIllegal         = 2
	causeBreakpoint      = 3
	causeLoadMisaligned  = 4
	causeLoadAccess      = 5
	causeStoreMisaligned = 6
	causeStoreAccess     = 7
	causeEcallUser       = 8
	causeFetchPage       = 12
	causeLoadPage        = 13
	causeStorePage       = 15
)

// MMU is an address-translation scheme.
type MMU uint8

const (
	Sv48 MMU = iota // and all that is below it
	Sv39
)

// Config says what a hart offers beyond rv64gc with S and U mode. The zero
// value is hart 0 with up to Sv48.
type Config struct {
	ID  uint64 // hart id, told to the kernel in a0
	MMU MMU    // largest scheme that satp accepts
	// Environment answers an environment call from S mode, when State.PC is already
	// behind it, as SBI does. Nil makes such a call an illegal instruction.
	Environment func()
}

// MMUType is the device tree's mmu-type property of the hart.
func (c Config) MMUType() string {
	if c.MMU == Sv39 {
		return "riscv,sv39"
	}
	return "riscv,sv48"
}

// Extensions is the device tree's riscv,isa-extensions property of the hart,
// in canonical order.
//
// svadu: Translate sets A and D itself. svvptc: a translation that failed is
// never cached, so a PTE that becomes valid is seen without a fence, and the
// kernel can save most of its fences. Stimecmp is absent on purpose: timers
// are set through SBI.
func (c Config) Extensions() []string {
	return []string{"i", "m", "a", "f", "d", "c", "zicntr", "zicsr", "zifencei",
		"zba", "zbb", "zbs", "svadu", "svvptc"}
}

// Hart is the privileged side of one rv64 hart: S and U mode, with the machine
// itself in the place of M mode. Exceptions and interrupts are delegated as a
// firmware would have set medeleg and mideleg: all to S mode, but a call from
// S mode is one of Config.Environment.
//
// All of its state is in core.State (mostly in S, see slots.go), which is thus
// all that a snapshot needs; see Restored.
type Hart struct {
	s   *core.State
	env isa.Env
	cfg Config

	fault isa.Fault // what a returned *isa.Fault points to, valid until the next call

	// Leaves above 4 KiB that Translate has handed out in pieces, not global
	// and global; see sfence.
	large [2]leafSet
}

var _ isa.Hart = (*Hart)(nil)

// NewHart makes the privileged side of the hart whose state is s. The state is
// not touched: call Reset or Restored.
func NewHart(s *core.State, env isa.Env, cfg Config) *Hart {
	return &Hart{s: s, env: env, cfg: cfg}
}

// Reset enters S mode at pc as the SBI's hart start does: a0 is the hart id, a1
// is bootArg, translation and interrupts are off, everything else is zero.
func (h *Hart) Reset(pc, bootArg uint64) {
	s := h.s
	clear(s.G[:])
	clear(s.F[:])
	clear(s.S[:])
	s.FRM, s.FFlags = 0, 0
	s.S[SStatus] = statusUXL
	s.S[STimeCmp] = ^uint64(0)
	s.S[SCounter] = counterMask // as firmwares leave it: Linux's vDSO reads the time in user mode
	s.G[regA0], s.G[regA1] = h.cfg.ID, bootArg
	s.PC, s.Mode, s.Resv = pc, modeSupervisor, core.NoResv
	h.syncFP()
	h.syncIRQ()
	h.FlushAll()
}

// Resume enters S mode at pc as the SBI's hart start and its non-retentive suspend
// do, with everything else as it is: translation and interrupts are off, a0 is the
// hart id, a1 is opaque.
func (h *Hart) Resume(pc, opaque uint64) {
	h.setSATP(0)
	h.s.S[SStatus] &^= statusSIE
	h.s.PC = pc
	h.s.G[regA0], h.s.G[regA1] = h.cfg.ID, opaque
}

// ID is the hart's id.
func (h *Hart) ID() uint64 { return h.cfg.ID }

// ASID is the address space in force, of satp.
func (h *Hart) ASID() uint16 { return uint16(h.s.S[SATP] & satpASID >> satpASIDShift) }

// Restored makes the machine agree with a core.State that was loaded from a
// snapshot: cached translations go, the timer is armed.
func (h *Hart) Restored() {
	h.syncFP()
	h.syncIRQ()
	h.FlushAll()
	h.env.SetTimer(h.s.S[STimeCmp])
}

// The registers in which a kernel is told of its machine.
const (
	regA0 = 10
	regA1 = 11
)

// Major opcodes, bits 6:0 of a 4-byte instruction.
const (
	majorLoadFP  = 0x07
	majorMiscMem = 0x0f
	majorStoreFP = 0x27
	majorAMO     = 0x2f
	majorMAdd    = 0x43
	majorMSub    = 0x47
	majorNMSub   = 0x4b
	majorNMAdd   = 0x4f
	majorFP      = 0x53
	majorSystem  = 0x73
)

// System executes an instruction that lifted code leaves to Go.
func (h *Hart) System(in *isa.Insn) (retry bool, f *isa.Fault) {
	if in.Raw&3 != 3 {
		return h.compressed(in)
	}
	switch in.Raw & 0x7f {
	case majorSystem:
		return false, h.system(in.Raw)
	case majorMiscMem:
		return false, h.fence(in.Raw)
	case majorAMO:
		return h.atomic(in)
	case majorLoadFP, majorStoreFP, majorMAdd, majorMSub, majorNMSub, majorNMAdd, majorFP:
		return h.float(in)
	}
	return false, h.illegal(in.Raw)
}

// system executes the SYSTEM major opcode.
func (h *Hart) system(raw uint32) *isa.Fault {
	if raw>>12&3 != 0 {
		return h.csr(raw)
	}
	switch raw {
	case 0x00000073: // ecall
		if h.s.Mode == modeUser {
			return h.except(causeEcallUser, 0)
		}
		if h.cfg.Environment == nil {
			return h.illegal(raw)
		}
		h.s.PC += 4
		h.cfg.Environment()
		return nil
	case 0x00100073: // ebreak
		return h.except(causeBreakpoint, h.s.PC)
	}
	if h.s.Mode == modeUser {
		return h.illegal(raw)
	}
	switch {
	case raw == 0x10200073: // sret
		h.sret()
	case raw == 0x10500073: // wfi
		h.s.PC += 4
		if !h.Runnable() {
			h.env.Wait()
		}
	case raw&0xfe007fff == 0x12000073: // sfence.vma
		h.sfence(raw>>15&31, raw>>20&31)
		h.s.PC += 4
	default:
		return h.illegal(raw)
	}
	return nil
}

// fence executes fence.i and, as memory is always in order, any fence.
func (h *Hart) fence(raw uint32) *isa.Fault {
	switch raw >> 12 & 7 {
	case 0:
	case 1:
		h.env.FlushCode()
	default:
		return h.illegal(raw)
	}
	h.s.PC += 4
	return nil
}

// atomic handles an LR, SC or AMO that left because its address, rs1, is
// misaligned. LR is a load, all others are stores.
func (h *Hart) atomic(in *isa.Insn) (retry bool, f *isa.Fault) {
	if notLifted(in) {
		return false, h.illegal(in.Raw)
	}
	va := h.s.G[in.Raw>>15&31]
	size := uint64(1) << (in.Raw >> 12 & 7)
	if va&(size-1) == 0 {
		return true, nil
	}
	if in.Raw>>27 == 2 {
		return false, h.except(causeLoadMisaligned, va)
	}
	return false, h.except(causeStoreMisaligned, va)
}

// compressed handles the 2-byte instructions that lifted code leaves: c.ebreak,
// the floating-point loads and stores, and undefined ones.
func (h *Hart) compressed(in *isa.Insn) (retry bool, f *isa.Fault) {
	raw := in.Raw & 0xffff
	if raw == 0x9002 {
		return false, h.except(causeBreakpoint, h.s.PC)
	}
	// c.fld, c.fsd, c.fldsp, c.fsdsp: quadrants 0 and 2, funct3 1 and 5.
	if raw&1 == 0 && raw>>13&3 == 1 {
		return h.float(in)
	}
	return false, h.illegal(raw)
}

// float handles a floating-point instruction that left because State.FPOn is
// zero: FS is not Dirty, or frm holds a reserved rounding mode.
func (h *Hart) float(in *isa.Insn) (retry bool, f *isa.Fault) {
	if notLifted(in) || h.s.S[SStatus]&statusFS == 0 {
		return false, h.illegal(in.Raw)
	}
	if h.s.FRM > maxFRM && dynamicRounding(in.Raw) {
		return false, h.illegal(in.Raw)
	}
	h.dirtyFP()
	h.s.SetFP(true) // also where frm is reserved: this instruction does not use it
	return true, nil
}

// maxFRM is the last rounding mode that is not reserved.
const maxFRM = 4

// dynamicRounding says whether a defined floating-point instruction rounds by
// frm. In OP-FP, sign injection, min/max, compare, class and move use the
// field for something else, never for 7.
func dynamicRounding(raw uint32) bool {
	switch raw & 0x7f {
	case majorMAdd, majorMSub, majorNMSub, majorNMAdd, majorFP:
		return raw>>12&7 == 7
	}
	return false
}

// notLifted says that in is no instruction of the table that lifted code could
// carry out.
func notLifted(in *isa.Insn) bool {
	return int(in.Form) >= len(forms) || forms[in.Form].Flow == isa.FlowSingle
}

func (h *Hart) except(cause, value uint64) *isa.Fault {
	h.fault = isa.Fault{Cause: cause, Value: value}
	return &h.fault
}

func (h *Hart) illegal(raw uint32) *isa.Fault {
	if raw&3 != 3 {
		raw &= 0xffff
	}
	return h.except(causeIllegal, uint64(raw))
}

// reg reads an integer register by number.
func (h *Hart) reg(n uint32) uint64 { return h.s.G[n&31] }

// setReg writes an integer register by number, 0 to no effect.
func (h *Hart) setReg(n uint32, v uint64) {
	if n != 0 {
		h.s.G[n&31] = v
	}
}
