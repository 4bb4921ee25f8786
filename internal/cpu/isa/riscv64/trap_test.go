package riscv64

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

func TestReset(t *testing.T) {
	r := newRigConfig(t, Config{ID: 3})
	r.s.G[7], r.s.F[1], r.s.S[SIE], r.s.FRM = 1, 1, 0x222, 2
	r.Hart.Reset(0x8020_0000, 0x1234)
	r.equal("pc", r.s.PC, 0x8020_0000)
	r.equal("a0", r.s.G[regA0], 3)
	r.equal("a1", r.s.G[regA1], 0x1234)
	r.equal("sstatus", r.s.S[SStatus], statusUXL)
	r.equal("mode", uint64(r.s.Mode), modeSupervisor)
	r.equal("reservation", r.s.Resv, core.NoResv)
	r.equal("scounteren", r.s.S[SCounter], counterMask)
	r.equal("t2", r.s.G[7]|r.s.F[1]|r.s.S[SIE]|uint64(r.s.FRM), 0)
	r.asked("all")
	if c := r.cfg; c.MMUType() != "riscv,sv48" || (Config{MMU: Sv39}).MMUType() != "riscv,sv39" {
		t.Error("mmu-type")
	}
}

func TestTrapFromUser(t *testing.T) {
	r := newRig(t)
	r.write(csrSTVec, 0x80003001) // vectored: exceptions still go to the base
	r.write(csrSStatus, statusSIE)
	r.s.Mode, r.s.PC, r.s.Resv = modeUser, 0x10000, 8
	r.fails(insnEcall, causeEcallUser, 0)
	_, f := r.try(insnEcall)
	r.Raise(f)
	r.equal("pc", r.s.PC, 0x80003000)
	r.equal("sepc", r.s.S[SEPC], 0x10000)
	r.equal("scause", r.s.S[SCause], 8)
	r.equal("stval", r.s.S[STVal], 0)
	r.equal("sstatus", r.s.S[SStatus], statusUXL|statusSPIE)
	r.equal("mode", uint64(r.s.Mode), modeSupervisor)
	r.equal("reservation", r.s.Resv, core.NoResv)

	// A page fault in the handler, before it has saved anything.
	f = r.pageFault(0x777, isa.AccessWrite)
	r.Raise(f)
	r.equal("sepc", r.s.S[SEPC], 0x80003000)
	r.equal("scause", r.s.S[SCause], causeStorePage)
	r.equal("stval", r.s.S[STVal], 0x777)
	r.equal("sstatus", r.s.S[SStatus], statusUXL|statusSPP)

	// Back to the first handler, and from there to the program.
	r.s.Resv = 8
	if retry, f := r.try(insnSret); retry || f != nil {
		t.Fatal("sret")
	}
	r.equal("pc", r.s.PC, 0x80003000)
	r.equal("mode", uint64(r.s.Mode), modeSupervisor)
	r.equal("sstatus", r.s.S[SStatus], statusUXL|statusSPIE)
	r.equal("reservation", r.s.Resv, core.NoResv)
	r.write(csrSEPC, 0x10004)
	r.try(insnSret)
	r.equal("pc", r.s.PC, 0x10004)
	r.equal("mode", uint64(r.s.Mode), modeUser)
	r.equal("sstatus", r.s.S[SStatus], statusUXL|statusSIE|statusSPIE)
}

func TestInterruptOrder(t *testing.T) {
	for _, vectored := range []uint64{0, 1} {
		r := newRig(t)
		r.write(csrSTVec, 0x80004000|vectored)
		r.write(csrSIE, ipAll)
		r.SetExternal(true)
		r.TimerFired()
		r.write(csrSIP, ipSoftware)
		r.equal("sip", r.s.S[SIP], ipAll)
		r.equal("IRQ", uint64(r.s.IRQ), 1)
		if r.Interrupt() {
			t.Fatal("delivered in S mode with SIE clear")
		}
		for _, irq := range []uint64{irqExternal, irqSoftware, irqTimer} {
			r.s.S[SStatus] |= statusSIE
			pc := r.s.PC
			if !r.Interrupt() {
				t.Fatalf("interrupt %d not delivered", irq)
			}
			r.equal("scause", r.s.S[SCause], 1<<63|irq)
			r.equal("stval", r.s.S[STVal], 0)
			r.equal("sepc", r.s.S[SEPC], pc)
			r.equal("pc", r.s.PC, 0x80004000+vectored*4*irq)
			r.equal("sstatus", r.s.S[SStatus], statusUXL|statusSPP|statusSPIE)
			if r.Interrupt() {
				t.Fatal("delivered twice")
			}
			switch irq {
			case irqExternal:
				r.SetExternal(false)
			case irqSoftware:
				r.write(csrSIP, 0)
			case irqTimer:
				r.SetTimer(^uint64(0))
			}
		}
		r.equal("sip", r.s.S[SIP], 0)
		r.equal("IRQ", uint64(r.s.IRQ), 0)
	}
}

// TestInterruptEnable: what is pending shows in IRQ whatever sstatus says, and
// in U mode sstatus.SIE does not count.
func TestInterruptEnable(t *testing.T) {
	r := newRig(t)
	r.TimerFired()
	r.equal("IRQ", uint64(r.s.IRQ), 0)
	if r.Runnable() {
		t.Error("runnable with the timer masked")
	}
	r.write(csrSIE, ipSoftware|ipExternal)
	r.equal("IRQ", uint64(r.s.IRQ), 0)
	r.write(csrSIE, ipTimer)
	r.equal("IRQ", uint64(r.s.IRQ), 1)
	if !r.Runnable() {
		t.Error("not runnable")
	}
	r.s.Mode = modeUser
	if !r.Interrupt() {
		t.Error("not delivered in U mode")
	}
	r.equal("sstatus", r.s.S[SStatus], statusUXL)
	r.write(csrSIP, ^uint64(0)) // from S mode only SSIP changes
	r.equal("sip", r.s.S[SIP], ipTimer|ipSoftware)
	r.do(csrInsn(csrrc, csrSIP, 0, 5))
	r.equal("sip", r.s.S[SIP], ipTimer)
	r.write(csrSIE, 0)
	r.equal("IRQ", uint64(r.s.IRQ), 0)
}

func TestBreakpointAndIllegal(t *testing.T) {
	r := newRig(t)
	for _, mode := range []uint32{modeSupervisor, modeUser} {
		r.s.Mode = mode
		r.fails(insnEbreak, causeBreakpoint, r.s.PC)
		r.fails(0x9002, causeBreakpoint, r.s.PC)
		r.illegalInsn(0)
		r.illegalInsn(0xffffffff)
		r.illegalInsn(0x30200073)            // mret
		r.illegalInsn(0x10200073 | 1<<7)     // sret with rd
		r.illegalInsn(0x16000073)            // sinval.vma
		r.illegalInsn(0x18000073)            // sfence.w.inval
		r.illegalInsn(0x0005200f)            // cbo.inval
		r.illegalInsn(0x60104073)            // hlv
		r.illegalInsn(insnEcall | 1<<15)     // ecall with rs1
		r.fails(0xabcd0000, causeIllegal, 0) // 2 bytes: the rest is another instruction
	}
}

func TestWaitAndFences(t *testing.T) {
	r := newRig(t)
	r.do(insnWfi)
	r.asked("wait")
	r.do(insnFenceI)
	r.asked("code")
	r.do(insnFence)
	r.asked("")
	r.write(csrSIE, ipTimer)
	r.TimerFired()
	r.do(insnWfi) // pending although SIE is clear: goes on
	r.asked("")
	r.s.Mode = modeUser
	for _, raw := range []uint32{insnWfi, insnSret, sfenceInsn(0, 0)} {
		r.illegalInsn(raw)
	}
	r.do(insnFenceI)
	r.do(insnFence)
}

func TestFenceVMA(t *testing.T) {
	r := newRig(t)
	r.write(csrSATP, 8<<60|7<<44|0x80001)
	r.e.Took()
	r.s.G[1], r.s.G[2], r.s.G[3] = 0x1234567, 7, 8
	r.s.G[4] = 0xabcd0007 // bits above ASID are ignored
	for _, c := range []struct {
		rs1, rs2 uint32
		want     string
	}{
		{0, 0, "all"}, {0, 2, "space"}, {0, 3, ""}, {1, 0, "page:1234567"}, {1, 2, "page:1234567"}, {1, 3, ""}, {1, 4, "page:1234567"},
	} {
		r.do(sfenceInsn(c.rs1, c.rs2))
		r.asked(c.want)
	}
	// rs1 = a register that holds zero is still one page.
	r.do(sfenceInsn(9, 0))
	r.asked("page:0")
}

func TestMisalignedAtomics(t *testing.T) {
	r := newRig(t)
	const (
		lrW, lrD   = 0x1000252f, 0x1000352f
		scW, scD   = 0x1800252f, 0x1800352f
		amoW, amoD = 0x0000252f, 0x0000352f
	)
	for _, c := range []struct {
		raw   uint32
		va    uint64
		cause uint64
	}{
		{lrW, 0x1002, causeLoadMisaligned}, {lrD, 0x1004, causeLoadMisaligned},
		{scW, 0x1001, causeStoreMisaligned}, {scD, 0x1004, causeStoreMisaligned},
		{amoW, 0x1003, causeStoreMisaligned}, {amoD, 0x1004, causeStoreMisaligned},
	} {
		r.s.G[8] = c.va
		r.fails(c.raw|8<<15, c.cause, c.va)
	}
	r.s.G[8] = 0x1004
	if retry, f := r.try(amoW | 8<<15); !retry || f != nil {
		t.Error("aligned atomic is not retried")
	}
	in := isa.Insn{Form: fIllegal, Len: 4, Raw: amoW | 1<<12<<2}
	if _, f := r.System(&in); f == nil || f.Cause != causeIllegal {
		t.Error("undefined atomic is not illegal")
	}
}

func TestRestored(t *testing.T) {
	r := newRig(t)
	r.s.S[SStatus] |= statusFS | statusSD
	r.s.S[SIP], r.s.S[SIE], r.s.S[STimeCmp] = ipTimer, ipTimer, 99
	r.Restored()
	r.equal("IRQ", uint64(r.s.IRQ), 1)
	r.equal("FPOn", uint64(r.s.FPOn), 1)
	r.equal("timer", r.e.Timer, 99)
	r.asked("all timer")
}

// TestNoAllocation: the way of a system call makes no garbage.
func TestNoAllocation(t *testing.T) {
	r := newRig(t)
	r.e.Quiet = true
	if n := testing.AllocsPerRun(100, func() { syscall(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// syscall is what a system call asks of the hart: ecall, some CSRs, sret.
func syscall(r *rig) {
	r.s.Mode = modeUser
	_, f := r.try(insnEcall)
	r.Raise(f)
	r.try(csrInsn(csrrs, csrSCause, 5, 0))
	r.try(csrInsn(csrrc, csrSStatus, 5, 0))
	r.try(insnSret)
}

func BenchmarkSyscall(b *testing.B) {
	r := newRig(nil)
	r.e.Quiet = true
	for b.Loop() {
		syscall(r)
	}
}

func FuzzSystem(f *testing.F) {
	for _, raw := range []uint32{insnEcall, insnSret, insnWfi, insnFenceI, 0x9002, sfenceInsn(10, 11), csrInsn(csrrw, csrSATP, 10, 11)} {
		f.Add(raw, uint16(lifted), uint64(0x4442434e), uint64(0), uint64(ramBase), uint64(8), uint32(1))
	}
	f.Fuzz(func(t *testing.T, raw uint32, form uint16, a7, a0, a1, a2 uint64, mode uint32) {
		r := newRig(t)
		r.e.Quiet = true
		r.s.Mode = mode & 1
		r.s.S[SStatus] |= a7 & statusFS
		for i := range uint64(32) {
			r.s.G[i] = a0 + i*a2
		}
		r.s.G[0] = 0
		r.s.G[regA0], r.s.G[regA1] = a0, a1
		in := isa.Insn{Form: isa.Form(form % uint16(len(forms)+1)), Len: 4, Raw: raw}
		_, fault := r.System(&in)
		if fault != nil {
			r.Raise(fault)
		}
		r.Interrupt()
		r.Translate(a1, isa.Access(raw%3))
		if r.s.G[0] != 0 {
			t.Error("x0 was written")
		}
		if r.s.S[SStatus]&^(statusWritable|statusUXL|statusSD) != 0 || r.s.S[SIP]&^ipAll != 0 || r.s.S[SEPC]&1 != 0 {
			t.Error("a register holds what it cannot")
		}
	})
}
