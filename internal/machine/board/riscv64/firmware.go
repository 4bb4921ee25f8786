package riscv64

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	cpu "github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// The SBI (RISC-V Supervisor Binary Interface, version 2.0), which the machine
// offers in the place of a firmware: base, timer, IPI, remote fence, hart
// state, system reset and debug console. There is one hart. The legacy
// extensions and the PMU are absent.

// Registers of the calling convention.
const (
	regA0 = 10
	regA1 = 11
	regA2 = 12
	regA3 = 13
	regA4 = 14
	regA6 = 16
	regA7 = 17
)

const (
	sbiSpecVersion = 2 << 24
	// sbiImplID is "c2w" in ASCII: above all ids that are registered.
	sbiImplID      = 'c'<<16 | '2'<<8 | 'w'
	sbiImplVersion = 1
)

// Extension ids.
const (
	sbiBase   = 0x10
	sbiTime   = 0x54494d45
	sbiIPI    = 0x735049
	sbiRFence = 0x52464e43
	sbiHSM    = 0x48534d
	sbiSRST   = 0x53525354
	sbiDBCN   = 0x4442434e
)

type sbiError int64

const (
	sbiSuccess          sbiError = 0
	sbiFailed           sbiError = -1
	sbiNotSupported     sbiError = -2
	sbiInvalidParam     sbiError = -3
	sbiInvalidAddress   sbiError = -5
	sbiAlreadyAvailable sbiError = -6
)

// firmware answers the calls of its hart.
type firmware struct {
	s       *core.State
	env     isa.Env
	hart    *cpu.Hart
	console func(p []byte)
	off     func(crashed bool)
	buf     [1]byte
}

// call serves a call; State.PC is already behind it. Only a0 and a1 change.
func (f *firmware) call() {
	g := &f.s.G
	fn := uint32(g[regA6])
	var value uint64
	err := sbiNotSupported
	switch uint32(g[regA7]) {
	case sbiBase:
		value, err = f.sbiBase(fn, g[regA0])
	case sbiTime:
		if fn == 0 {
			f.hart.SetTimer(g[regA0])
			err = sbiSuccess
		}
	case sbiIPI:
		if fn == 0 {
			err = f.sendIPI(g[regA0], g[regA1])
		}
	case sbiRFence:
		err = f.remoteFence(fn)
	case sbiHSM:
		var served bool
		if value, err, served = f.hartState(fn); served {
			return
		}
	case sbiSRST:
		if fn == 0 {
			err = f.systemReset(uint32(g[regA0]), uint32(g[regA1]))
		}
	case sbiDBCN:
		value, err = f.debugConsole(fn)
	}
	g[regA0], g[regA1] = uint64(err), value
}

// sbiBase: mvendorid, marchid and mimpid are zero, "not implemented", so that
// no kernel applies a vendor's errata.
func (f *firmware) sbiBase(fn uint32, arg uint64) (uint64, sbiError) {
	switch fn {
	case 0:
		return sbiSpecVersion, sbiSuccess
	case 1:
		return sbiImplID, sbiSuccess
	case 2:
		return sbiImplVersion, sbiSuccess
	case 3:
		switch uint32(arg) {
		case sbiBase, sbiTime, sbiIPI, sbiRFence, sbiHSM, sbiSRST, sbiDBCN:
			return 1, sbiSuccess
		}
		return 0, sbiSuccess
	case 4, 5, 6:
		return 0, sbiSuccess
	}
	return 0, sbiNotSupported
}

// named resolves a hart mask. ok is false if it names a hart other than this
// one.
func (f *firmware) named(mask, base uint64) (self, ok bool) {
	if base == ^uint64(0) {
		return true, true
	}
	if bit := f.hart.ID() - base; base <= f.hart.ID() && bit < 64 {
		self = mask>>bit&1 != 0
		mask &^= 1 << bit
	}
	return self, mask == 0
}

func (f *firmware) sendIPI(mask, base uint64) sbiError {
	self, ok := f.named(mask, base)
	if !ok {
		return sbiInvalidParam
	}
	if self {
		f.hart.SetSoftware(true)
	}
	return sbiSuccess
}

// fencePages is where a range is better fenced by dropping everything: a
// kernel refills some dozens of pages faster than this many are looked for.
const fencePages = 64

// remoteFence: functions 3 to 6 need the hypervisor extension.
func (f *firmware) remoteFence(fn uint32) sbiError {
	if fn > 2 {
		return sbiNotSupported
	}
	g := &f.s.G
	self, ok := f.named(g[regA0], g[regA1])
	if !ok {
		return sbiInvalidParam
	}
	if fn == 0 {
		if self {
			f.env.FlushCode()
		}
		return sbiSuccess
	}
	start, size := g[regA2], g[regA3]
	everything := start == 0 && size == 0 || size == ^uint64(0)
	if !everything && size != 0 && start+size-1 < start {
		return sbiInvalidAddress
	}
	oneSpace := fn == 2
	if !self || oneSpace && uint16(g[regA4]) != f.hart.ASID() {
		return sbiSuccess
	}
	switch {
	case !everything && size <= fencePages<<12:
		if size != 0 {
			for va, n := start>>12, (start+size-1)>>12-start>>12; ; va, n = va+1, n-1 {
				f.hart.FlushPage(va << 12)
				if n == 0 {
					break
				}
			}
		}
	case oneSpace:
		f.hart.FlushSpace()
	default:
		f.hart.FlushAll()
	}
	return sbiSuccess
}

// hartState is the HSM extension for a hart that is the only one. served says
// that the call does not return by way of a0 and a1.
func (f *firmware) hartState(fn uint32) (value uint64, err sbiError, served bool) {
	g := &f.s.G
	switch fn {
	case 0: // hart_start
		if g[regA0] != f.hart.ID() {
			return 0, sbiInvalidParam, false
		}
		return 0, sbiAlreadyAvailable, false
	case 1: // hart_stop: nobody could start it again
		return 0, sbiFailed, false
	case 2: // hart_get_status
		if g[regA0] != f.hart.ID() {
			return 0, sbiInvalidParam, false
		}
		return 0, sbiSuccess, false // started
	case 3:
		return f.suspend(uint32(g[regA0]), g[regA1], g[regA2])
	}
	return 0, sbiNotSupported, false
}

// suspend is hart_suspend: the retentive form is a wfi, the other resumes as a
// hart start does.
func (f *firmware) suspend(kind uint32, resume, opaque uint64) (uint64, sbiError, bool) {
	const retentive, nonRetentive = 0, 1 << 31
	g := &f.s.G
	switch kind {
	case retentive:
		g[regA0], g[regA1] = uint64(sbiSuccess), 0
	case nonRetentive:
		if resume&1 != 0 || f.env.PhysBytes(resume, 2) == nil {
			return 0, sbiInvalidAddress, false
		}
		f.hart.Resume(resume, opaque)
	default:
		return 0, sbiInvalidParam, false
	}
	if !f.hart.Runnable() {
		f.env.Wait()
	}
	return 0, sbiSuccess, true
}

// systemReset knows shutdown, cold and warm reboot (these two are one here),
// for no reason or after a failure.
func (f *firmware) systemReset(kind, reason uint32) sbiError {
	if kind > 2 || reason > 1 {
		return sbiInvalidParam
	}
	if kind == 0 {
		f.off(reason == 1)
	} else {
		f.off(true)
	}
	return sbiSuccess
}

// maxConsoleWrite bounds what one call writes, in bytes. The caller repeats for
// the rest.
const maxConsoleWrite = 4096

func (f *firmware) debugConsole(fn uint32) (uint64, sbiError) {
	g := &f.s.G
	n, at := g[regA0], g[regA1]
	if fn == 2 { // write_byte
		f.buf[0] = byte(n)
		f.console(f.buf[:1])
		return 0, sbiSuccess
	}
	if fn > 2 {
		return 0, sbiNotSupported
	}
	if g[regA2] != 0 { // the upper half of a 128-bit address
		return 0, sbiInvalidParam
	}
	if n == 0 {
		return 0, sbiSuccess
	}
	mem := f.env.PhysBytes(at, n)
	if mem == nil {
		return 0, sbiInvalidParam
	}
	if fn == 0 {
		mem = mem[:min(len(mem), maxConsoleWrite)]
		f.console(mem)
		return uint64(len(mem)), sbiSuccess
	}
	return 0, sbiSuccess // nobody types on the firmware's console
}
