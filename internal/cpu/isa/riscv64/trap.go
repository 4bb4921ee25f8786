package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// causeInterrupt in scause marks an interrupt.
const causeInterrupt = 1 << 63

// Raise delivers an exception to S mode.
func (h *Hart) Raise(f *isa.Fault) {
	h.enter(f.Cause, f.Value)
	h.s.PC = h.s.S[STVec] &^ 3
}

// Interrupt delivers the most urgent interrupt that is pending and enabled: in
// S mode only with sstatus.SIE, in U mode always.
func (h *Hart) Interrupt() bool {
	s := h.s
	p := s.S[SIP] & s.S[SIE]
	if p == 0 || s.Mode != modeUser && s.S[SStatus]&statusSIE == 0 {
		return false
	}
	irq := uint64(irqTimer)
	switch {
	case p&ipExternal != 0:
		irq = irqExternal
	case p&ipSoftware != 0:
		irq = irqSoftware
	}
	h.enter(causeInterrupt|irq, 0)
	s.PC = s.S[STVec] &^ 3
	if s.S[STVec]&1 != 0 {
		s.PC += 4 * irq
	}
	return true
}

// enter does what every trap does (Privileged spec 20240411, 10.1).
func (h *Hart) enter(cause, value uint64) {
	s := h.s
	s.S[SEPC], s.S[SCause], s.S[STVal] = s.PC&^1, cause, value
	st := s.S[SStatus] &^ (statusSPP | statusSPIE | statusSIE)
	if s.Mode != modeUser {
		st |= statusSPP
	}
	if s.S[SStatus]&statusSIE != 0 {
		st |= statusSPIE
	}
	s.S[SStatus] = st
	s.Mode = h.supervisorMode()
	s.Resv = core.NoResv
}

// supervisorMode is the mode of S mode as sstatus is.
func (h *Hart) supervisorMode() uint32 {
	if h.s.S[SStatus]&statusSUM != 0 {
		return modeUserData
	}
	return modeSupervisor
}

func (h *Hart) sret() {
	s := h.s
	st := s.S[SStatus]
	next := st&^(statusSPP|statusSIE) | statusSPIE
	if st&statusSPIE != 0 {
		next |= statusSIE
	}
	s.Mode = modeUser
	if st&statusSPP != 0 {
		s.Mode = h.supervisorMode()
	}
	s.S[SStatus] = next
	s.PC = s.S[SEPC]
	s.Resv = core.NoResv
}

// Runnable says that an interrupt is pending and enabled by itself, whatever
// the global enable: what ends a wfi.
func (h *Hart) Runnable() bool { return h.s.S[SIP]&h.s.S[SIE] != 0 }

// SetExternal sets the level of the interrupt controller's line.
func (h *Hart) SetExternal(level bool) { h.setPending(ipExternal, level) }

// SetSoftware makes the software interrupt pending, or not.
func (h *Hart) SetSoftware(pending bool) { h.setPending(ipSoftware, pending) }

// SetTimer arms the timer for the time at, in ticks. It clears the pending timer
// interrupt first: a time that has passed makes it pending again at once.
func (h *Hart) SetTimer(at uint64) {
	h.s.S[STimeCmp] = at
	h.setPending(ipTimer, false)
	h.env.SetTimer(at)
}

// TimerFired makes the timer interrupt pending until the next SetTimer.
func (h *Hart) TimerFired() { h.setPending(ipTimer, true) }

func (h *Hart) setPending(bit uint64, on bool) {
	h.s.S[SIP] &^= bit
	if on {
		h.s.S[SIP] |= bit
	}
	h.syncIRQ()
}
