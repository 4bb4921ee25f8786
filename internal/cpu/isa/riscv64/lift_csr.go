package riscv64

import (
	"math"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Accesses to system registers that a kernel makes on every trap and in every
// spin lock. All others are executed by Go.

func slot(i int) ir.Loc { return ir.Loc{Off: slotOff(i)} }

func slotOff(i int) uint16 { return uint16(core.OffS + 8*i) }

// supervisor leaves to Go in user mode, which raises an illegal instruction.
func supervisor(l *isa.Lift) { l.ExitIf(l.Un(ir.Eqz, l.Get32(core.OffMode))) }

// readCSR: B is the register's slot.
func readCSR(l *isa.Lift) { supervisor(l); l.SetA(l.B()) }

// writeCSR: A is the register's slot.
func writeCSR(l *isa.Lift) { supervisor(l); l.SetA(l.B()) }

// writeSEPC keeps bit 0 of sepc clear.
func writeSEPC(l *isa.Lift) { supervisor(l); l.SetA(l.Bin(ir.And, l.B(), l.Const(-2))) }

func swapSScratch(l *isa.Lift) {
	supervisor(l)
	v, old := l.B(), l.Get(slot(SScratch))
	l.Set(slot(SScratch), v)
	l.SetA(old)
}

// writeStatus gives sstatus the value v, as Hart.setStatus does. It leaves to Go
// if that takes a permission away which a TLB may hold. Resume has to follow, for
// it changes what no code expects to change in passing, and before it IRQCheck
// where v may enable interrupts.
func writeStatus(l *isa.Lift, old, v ir.Value) {
	const keep = int64(statusWritable)
	v = l.Bin(ir.Or, l.Bin(ir.And, v, l.Const(keep)), l.Const(statusUXL))
	gone := l.Bin(ir.And, old, not(l, v))
	l.ExitIf(l.Bin(ir.Ne, l.Bin(ir.And, gone, l.Const(statusMXR)), l.Const(0)))
	// SD says that FS is dirty.
	fs := l.Bin(ir.And, v, l.Const(statusFS))
	dirty := l.Un(ir.ExtU, l.Bin(ir.Eq, fs, l.Const(statusFS)))
	v = l.Bin(ir.Or, v, l.Bin(ir.Shl, dirty, l.Const(63)))
	// Where FS changes, the next floating-point instruction leaves to Go, which
	// finds out what it may do.
	same := l.Bin(ir.Eq, l.Bin(ir.And, old, l.Const(statusFS)), fs)
	on, rounding := ir.Loc{Off: offIRQ}, ir.Loc{Off: offFPRound}
	words := l.Get(on)
	l.Set(rounding, l.Select(same, l.Get(rounding), l.Const(0)))
	l.Set(on, l.Select(same, words, l.Bin(ir.And, words, l.Const(math.MaxUint32))))
	l.Set(slot(SStatus), v)
	setMode(l, supervisorMode(l, v))
}

// supervisorMode is the mode of S mode where sstatus is v, as setMode takes it.
func supervisorMode(l *isa.Lift, v ir.Value) ir.Value {
	sum := l.Bin(ir.Shl, l.Bin(ir.And, v, l.Const(statusSUM)), l.Const(32-shiftSUM))
	return l.Bin(ir.Add, sum, l.Const(modeSupervisor<<32))
}

// setMode sets the mode that lies in the upper half of a value.
func setMode(l *isa.Lift, mode ir.Value) { l.Set(ir.Loc{Off: offKind}, mode) }

// The words of core.State that generated code tests before floating-point
// instructions, and State.Mode, lie in pairs: an ir.Set writes two. The kind of
// an exit, which shares State.Mode's, counts only when a tier leaves.
const (
	offIRQ     = uint16(core.OffIRQ)     // and FPOn
	offFPRound = uint16(core.OffFPRound) // and FPExact
	offKind    = uint16(core.OffExitKind)
)

var _ = [1]int{}[core.OffFPOn-core.OffIRQ-4+core.OffFPExact-core.OffFPRound-4+core.OffMode-core.OffExitKind-4]

func setSIE(l *isa.Lift) {
	supervisor(l)
	old := l.Get(slot(SStatus))
	l.Set(slot(SStatus), l.Bin(ir.Or, old, l.Const(SStatusSIE)))
	l.SetA(old)
	l.IRQCheck()
}

func clearSIE(l *isa.Lift) {
	supervisor(l)
	old := l.Get(slot(SStatus))
	l.Set(slot(SStatus), l.Bin(ir.And, old, l.Const(^SStatusSIE)))
	l.SetA(old)
}

func setStatus(l *isa.Lift) {
	supervisor(l)
	v, old := l.B(), l.Get(slot(SStatus))
	writeStatus(l, old, l.Bin(ir.Or, old, v))
	l.SetA(old)
	l.IRQCheck()
	l.Resume()
}

func clearStatus(l *isa.Lift) {
	supervisor(l)
	v, old := l.B(), l.Get(slot(SStatus))
	writeStatus(l, old, l.Bin(ir.And, old, not(l, v)))
	l.SetA(old)
	l.Resume()
}

// swapStatus is csrrw.
func swapStatus(l *isa.Lift) {
	supervisor(l)
	v, old := l.B(), l.Get(slot(SStatus))
	writeStatus(l, old, v)
	l.SetA(old)
	l.IRQCheck()
	l.Resume()
}

// enterMode continues at pc in another mode.
func enterMode(l *isa.Lift, mode, pc ir.Value) {
	setMode(l, mode)
	l.Set(ir.Loc{Off: uint16(core.OffResv)}, l.Const(-1))
	l.Enter(pc)
}

// userCall is ecall in user mode, as Hart.enter does it; the supervisor's calls
// are the machine's.
func userCall(l *isa.Lift) {
	l.ExitIf(l.Get32(core.OffMode))
	old := l.Get(slot(SStatus))
	const clear = int64(statusSPP | statusSPIE | statusSIE)
	enabled := l.Bin(ir.Shl, l.Bin(ir.And, old, l.Const(statusSIE)), l.Const(4)) // SIE to SPIE
	l.Set(slot(SEPC), l.PC())
	l.Set(slot(SCause), l.Const(causeEcallUser))
	l.Set(slot(STVal), l.Const(0))
	l.Set(slot(SStatus), l.Bin(ir.Or, l.Bin(ir.And, old, l.Const(^clear)), enabled))
	enterMode(l, supervisorMode(l, old), l.Bin(ir.And, l.Get(slot(STVec)), l.Const(-4)))
}

// trapReturn is sret. Where an interrupt waits it leaves to Go, which lets it in.
func trapReturn(l *isa.Lift) {
	supervisor(l)
	l.ExitIf(l.Get32(core.OffIRQ))
	old := l.Get(slot(SStatus))
	const clear = int64(statusSPP | statusSIE)
	enabled := l.Bin(ir.And, l.Bin(ir.ShrU, old, l.Const(4)), l.Const(statusSIE)) // SPIE to SIE
	next := l.Bin(ir.Or, l.Bin(ir.And, old, l.Const(^clear)), l.Const(statusSPIE))
	l.Set(slot(SStatus), l.Bin(ir.Or, next, enabled))
	spp := l.Un(ir.Wrap, l.Bin(ir.And, old, l.Const(statusSPP)))
	enterMode(l, l.Select(spp, supervisorMode(l, old), l.Const(modeUser<<32)), l.Get(slot(SEPC)))
}
