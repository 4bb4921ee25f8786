package riscv64

// Indices into core.State.S of the system registers that lifted code reads and
// writes itself. The privileged side keeps each one in the canonical form in
// which a csrr reads it, so that a plain read needs no Go.
const (
	SStatus  = 0 // sstatus as read: SD, UXL and the S-mode view of mstatus
	SEPC     = 1 // bit 0 is clear
	SCause   = 2
	STVal    = 3
	SScratch = 4
	SATP     = 5
	STVec    = 6
	SIE      = 7
	SIP      = 8
	SEnvCfg  = 9
	SCounter = 10 // scounteren
	STimeCmp = 11 // time at which the S-mode timer interrupt is due
	// SFirstFree and those above are the privileged side's own.
	SFirstFree = 16
)

// Bits of sstatus that lifted code changes.
const (
	SStatusSIE = 1 << 1
)

// Layout lists the indices.
func (ISA) Layout() []int {
	return []int{SStatus, SEPC, SCause, STVal, SScratch, SATP, STVec, SIE, SIP, SEnvCfg, SCounter, STimeCmp, SFirstFree}
}
