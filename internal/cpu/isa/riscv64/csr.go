package riscv64

import "github.com/c2w/c2w/internal/cpu/isa"

// Control and status registers that exist here (Privileged spec 20240411,
// chapter 2). There are no others: a reference to one is illegal. Sstc is
// absent, and so are the hypervisor's, debug's and M mode's registers.
const (
	csrFFlags     = 0x001
	csrFRM        = 0x002
	csrFCSR       = 0x003
	csrSStatus    = 0x100
	csrSIE        = 0x104
	csrSTVec      = 0x105
	csrSCounterEn = 0x106
	csrSEnvCfg    = 0x10a
	csrSScratch   = 0x140
	csrSEPC       = 0x141
	csrSCause     = 0x142
	csrSTVal      = 0x143
	csrSIP        = 0x144
	csrSATP       = 0x180
	csrCycle      = 0xc00
	csrTime       = 0xc01
	csrInstRet    = 0xc02
)

// Fields of sstatus. UBE, VS, XS, SPELP and SDT are zero.
const (
	statusSIE  = SStatusSIE
	statusSPIE = 1 << 5
	statusSPP  = 1 << 8
	statusFS   = 3 << 13 // 0 off, 1 initial, 2 clean, 3 dirty
	statusSUM  = 1 << shiftSUM
	statusMXR  = 1 << 19
	statusUXL  = 2 << 32 // U mode is 64 bits wide, for good
	statusSD   = 1 << 63

	shiftSUM = 18

	statusWritable = statusSIE | statusSPIE | statusSPP | statusFS | statusSUM | statusMXR
)

// Interrupts, as bits of sip and sie.
const (
	irqSoftware = 1
	irqTimer    = 5
	irqExternal = 9

	ipSoftware = 1 << irqSoftware
	ipTimer    = 1 << irqTimer
	ipExternal = 1 << irqExternal
	ipAll      = ipSoftware | ipTimer | ipExternal
)

// Fields of satp. All 16 bits of ASID are kept.
const (
	satpModeShift = 60
	satpBare      = 0
	satpSv39      = 8
	satpSv48      = 9
	satpASIDShift = 44
	satpASID      = 0xffff << satpASIDShift
	satpPPN       = 1<<satpASIDShift - 1
)

const (
	// counterMask: cycle, time and instret may be given to U mode.
	counterMask = 7
	// envcfgFIOM has no effect, as fences order all memory alike.
	envcfgFIOM = 1
)

// csr executes the six Zicsr instructions.
func (h *Hart) csr(raw uint32) *isa.Fault {
	n, funct, rs1, rd := raw>>20, raw>>12&7, raw>>15&31, raw>>7&31
	src := uint64(rs1)
	if funct&4 == 0 {
		src = h.reg(rs1)
	}
	// csrrs and csrrc with x0 or a zero immediate do not write, whatever the
	// value; csrrw always does.
	write := funct&3 == 1 || rs1 != 0
	if n>>8&3 > min(h.s.Mode, modeSupervisor) || write && n>>10 == 3 {
		return h.illegal(raw)
	}
	old, ok := h.readCSR(n)
	if !ok {
		return h.illegal(raw)
	}
	if write {
		switch funct & 3 {
		case 2:
			src |= old
		case 3:
			src = old &^ src
		}
		h.writeCSR(n, src)
	}
	h.setReg(rd, old)
	h.s.PC += 4
	return nil
}

// readCSR reads a register that the mode may reach. ok is false if there is no
// such register or its unit is off.
func (h *Hart) readCSR(n uint32) (v uint64, ok bool) {
	s := h.s
	switch n {
	case csrFFlags:
		return uint64(s.FFlags), h.floatOn()
	case csrFRM:
		return uint64(s.FRM), h.floatOn()
	case csrFCSR:
		return uint64(s.FRM)<<5 | uint64(s.FFlags), h.floatOn()
	case csrSStatus:
		return s.S[SStatus], true
	case csrSIE:
		return s.S[SIE], true
	case csrSTVec:
		return s.S[STVec], true
	case csrSCounterEn:
		return s.S[SCounter], true
	case csrSEnvCfg:
		return s.S[SEnvCfg], true
	case csrSScratch:
		return s.S[SScratch], true
	case csrSEPC:
		return s.S[SEPC], true
	case csrSCause:
		return s.S[SCause], true
	case csrSTVal:
		return s.S[STVal], true
	case csrSIP:
		return s.S[SIP], true
	case csrSATP:
		return s.S[SATP], true
	case csrCycle, csrInstRet:
		return h.env.Retired(), h.counterOn(n)
	case csrTime:
		return h.env.Ticks(), h.counterOn(n)
	}
	return 0, false
}

// writeCSR writes a register that readCSR has allowed to reach and that is not
// read-only, keeping what the register can hold.
func (h *Hart) writeCSR(n uint32, v uint64) {
	s := h.s
	switch n {
	case csrFFlags:
		s.FFlags = uint32(v & 0x1f)
		h.dirtyFP()
	case csrFRM:
		s.FRM = uint32(v & 7)
		h.dirtyFP()
	case csrFCSR:
		s.FFlags, s.FRM = uint32(v&0x1f), uint32(v>>5&7)
		h.dirtyFP()
	case csrSStatus:
		h.setStatus(v)
	case csrSIE:
		s.S[SIE] = v & ipAll
		h.syncIRQ()
	case csrSTVec:
		s.S[STVec] = v &^ 2 // modes 2 and 3 are reserved
	case csrSCounterEn:
		s.S[SCounter] = v & counterMask
	case csrSEnvCfg:
		s.S[SEnvCfg] = v & envcfgFIOM
	case csrSScratch:
		s.S[SScratch] = v
	case csrSEPC:
		s.S[SEPC] = v &^ 1
	case csrSCause:
		s.S[SCause] = v
	case csrSTVal:
		s.S[STVal] = v
	case csrSIP:
		s.S[SIP] = s.S[SIP]&^ipSoftware | v&ipSoftware
		h.syncIRQ()
	case csrSATP:
		h.setSATP(v)
	}
}

// counterOn says whether the mode may read a counter. M mode allows S mode all.
func (h *Hart) counterOn(n uint32) bool {
	return h.s.Mode != modeUser || h.s.S[SCounter]>>(n-csrCycle)&1 != 0
}

func (h *Hart) floatOn() bool { return h.s.S[SStatus]&statusFS != 0 }

// setStatus writes sstatus in S mode.
func (h *Hart) setStatus(v uint64) {
	old := h.s.S[SStatus]
	v = v&statusWritable | statusUXL
	if v&statusFS == statusFS {
		v |= statusSD
	}
	h.s.S[SStatus] = v
	// What a new permission allows is found by the next walk; only what it
	// no longer allows may lie in a TLB.
	gone := old &^ v
	if gone&statusMXR != 0 {
		h.FlushAll()
	}
	h.s.Mode = h.supervisorMode()
	if (old^v)&statusFS != 0 {
		// The next floating-point instruction finds out, as where lifted code
		// writes sstatus.
		h.s.SetFP(false)
	}
}

// setSATP ignores a mode that is not offered, as the specification demands.
// TLBs are not tagged by ASID: they hold the current one's translations only.
func (h *Hart) setSATP(v uint64) {
	switch v >> satpModeShift {
	case satpBare:
		v = 0
	case satpSv39:
	case satpSv48:
		if h.cfg.MMU != Sv48 {
			return
		}
	default:
		return
	}
	old := h.s.S[SATP]
	h.s.S[SATP] = v
	switch {
	case old>>satpModeShift != v>>satpModeShift:
		h.FlushAll()
	case old != v:
		h.FlushSpace()
	}
}

// dirtyFP notes that floating-point state differs from what is in memory.
func (h *Hart) dirtyFP() {
	h.s.S[SStatus] |= statusFS | statusSD
	h.syncFP()
}

// syncFP sets the words by which generated code knows that floating-point
// instructions may run. With a reserved rounding mode in frm they all leave, so
// that those which use it can be refused.
func (h *Hart) syncFP() {
	h.s.SetFP(h.s.S[SStatus]&statusFS == statusFS && h.s.FRM <= maxFRM)
}

// syncIRQ sets the word by which generated code knows that enabling interrupts
// would let one in.
func (h *Hart) syncIRQ() {
	h.s.IRQ = 0
	if h.Runnable() {
		h.s.IRQ = 1
	}
}
