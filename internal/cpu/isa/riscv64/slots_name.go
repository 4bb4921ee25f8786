package riscv64

import "github.com/c2w/c2w/internal/cpu/core"

// systemNames are the names of core.State.S.
var systemNames = [SFirstFree]string{
	SStatus: "sstatus", SEPC: "sepc", SCause: "scause", STVal: "stval", SScratch: "sscratch", SATP: "satp", STVec: "stvec",
	SIE: "sie", SIP: "sip", SEnvCfg: "senvcfg", SCounter: "scounteren", STimeCmp: "stimecmp",
}

// SlotName is the manual's name of the register at a state offset, "" if none
// lies there.
func (ISA) SlotName(off int) string {
	switch {
	case off >= core.OffG && off < core.OffG+8*32:
		return xnames[(off-core.OffG)/8]
	case off >= core.OffF && off < core.OffF+8*32:
		return fnames[(off-core.OffF)/8]
	case off >= core.OffS && off < core.OffS+8*int(SFirstFree):
		return systemNames[(off-core.OffS)/8]
	}
	return ""
}
