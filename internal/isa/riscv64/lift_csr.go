package riscv64

import (
	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/ir"
	"github.com/c2w/c2w/internal/isa"
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

// onlySIE leaves to Go if bits other than SIE are to change.
func onlySIE(l *isa.Lift) ir.Value {
	v := l.B()
	l.ExitIf(l.Bin(ir.Ne, l.Bin(ir.And, v, l.Const(^SStatusSIE)), l.Const(0)))
	return v
}

func setStatus(l *isa.Lift) {
	supervisor(l)
	v := onlySIE(l)
	old := l.Get(slot(SStatus))
	l.Set(slot(SStatus), l.Bin(ir.Or, old, v))
	l.SetA(old)
	l.IRQCheck()
}

func clearStatus(l *isa.Lift) {
	supervisor(l)
	v := onlySIE(l)
	old := l.Get(slot(SStatus))
	l.Set(slot(SStatus), l.Bin(ir.And, old, not(l, v)))
	l.SetA(old)
}
