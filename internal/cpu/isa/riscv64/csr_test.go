package riscv64

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/isa"
)

// TestCSRWARL writes all ones, zero and some values of interest to each
// register and reads back what it keeps.
func TestCSRWARL(t *testing.T) {
	const ones = ^uint64(0)
	status := uint64(statusWritable | statusUXL | statusSD)
	for _, c := range []struct {
		name       string
		csr        uint32
		v, want    uint64
		keepsPrior bool
	}{
		{name: "sstatus", csr: csrSStatus, v: ones, want: status},
		{name: "sstatus", csr: csrSStatus, v: 0, want: statusUXL},
		{name: "sstatus clean", csr: csrSStatus, v: 2 << 13, want: statusUXL | 2<<13},
		{name: "sstatus UXL", csr: csrSStatus, v: 1 << 32, want: statusUXL},
		{name: "sie", csr: csrSIE, v: ones, want: 0x222},
		{name: "sie", csr: csrSIE, v: 0, want: 0},
		{name: "sip", csr: csrSIP, v: ones, want: 2},
		{name: "sip", csr: csrSIP, v: 0, want: 0},
		{name: "stvec direct", csr: csrSTVec, v: 0xffffffff80001234, want: 0xffffffff80001234},
		{name: "stvec vectored", csr: csrSTVec, v: 0x80001001, want: 0x80001001},
		{name: "stvec reserved", csr: csrSTVec, v: ones, want: ones - 2},
		{name: "scounteren", csr: csrSCounterEn, v: ones, want: 7},
		{name: "senvcfg", csr: csrSEnvCfg, v: ones, want: 1},
		{name: "sscratch", csr: csrSScratch, v: ones, want: ones},
		{name: "sepc", csr: csrSEPC, v: ones, want: ones - 1},
		{name: "scause", csr: csrSCause, v: 1<<63 | 9, want: 1<<63 | 9},
		{name: "stval", csr: csrSTVal, v: ones, want: ones},
		{name: "satp sv39", csr: csrSATP, v: 8<<60 | ones>>4, want: 8<<60 | ones>>4},
		{name: "satp sv48", csr: csrSATP, v: 9<<60 | 5, want: 9<<60 | 5},
		{name: "satp sv57", csr: csrSATP, v: 10<<60 | 6, want: 9<<60 | 5},
		{name: "satp reserved", csr: csrSATP, v: 1<<60 | 6, want: 9<<60 | 5},
		{name: "satp bare", csr: csrSATP, v: 123, want: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if c.csr == csrSATP {
				r.write(csrSATP, 9<<60|5)
			}
			r.equal(c.name, r.write(c.csr, c.v), c.want)
		})
	}
}

func TestSv39OnlyRefusesSv48(t *testing.T) {
	r := newRigConfig(t, Config{MMU: Sv39})
	r.equal("satp", r.write(csrSATP, 8<<60|1), 8<<60|1)
	r.equal("satp", r.write(csrSATP, 9<<60|2), 8<<60|1)
}

// TestZicsrForms checks which of the six instructions read and write.
func TestZicsrForms(t *testing.T) {
	const reg, imm = 0b1100, 0b0110 // imm doubles as the number of the source register
	for _, c := range []struct {
		funct, rs1 uint32
		want       uint64
	}{
		{csrrw, imm, reg}, {csrrs, imm, 0b1110}, {csrrc, imm, 0b0010},
		{csrrwi, imm, imm}, {csrrsi, imm, 0b1110}, {csrrci, imm, 0b1000},
		{csrrw, 0, 0}, {csrrwi, 0, 0},
	} {
		for _, rd := range []uint32{0, 7} {
			r := newRig(t)
			old := uint64(0b1010)
			if c.funct >= csrrwi {
				old |= 0b0100
			}
			if c.funct == csrrsi {
				old = 0b1010
			}
			r.s.S[SScratch], r.s.G[imm] = old, reg
			want := c.want
			switch c.funct {
			case csrrci:
				want = old &^ imm
			case csrrsi:
				want = old | imm
			}
			r.do(csrInsn(c.funct, csrSScratch, rd, c.rs1))
			r.equal("sscratch", r.s.S[SScratch], want)
			if rd != 0 {
				r.equal("rd", r.s.G[rd], old)
			}
			r.equal("x0", r.s.G[0], 0)
		}
	}
	// rd = rs1 takes the old value of rs1.
	r := newRig(t)
	r.s.S[SScratch], r.s.G[5] = 1, 2
	r.do(csrInsn(csrrw, csrSScratch, 5, 5))
	r.equal("sscratch", r.s.S[SScratch], 2)
	r.equal("t0", r.s.G[5], 1)
	// A set or clear of nothing does not write: not even a read-only register.
	r.do(csrInsn(csrrs, csrTime, 5, 0))
	r.do(csrInsn(csrrci, csrTime, 5, 0))
	r.illegalInsn(csrInsn(csrrsi, csrTime, 5, 1))
	r.illegalInsn(csrInsn(csrrw, csrTime, 0, 0))
	r.illegalInsn(csrInsn(csrrs, csrCycle, 0, 1)) // even if the register holds zero
	r.illegalInsn(csrInsn(4, csrSScratch, 0, 0))
}

func TestCSRPrivilege(t *testing.T) {
	known := map[uint32]bool{}
	for _, n := range []uint32{csrFFlags, csrFRM, csrFCSR, csrSStatus, csrSIE, csrSTVec, csrSCounterEn, csrSEnvCfg,
		csrSScratch, csrSEPC, csrSCause, csrSTVal, csrSIP, csrSATP, csrCycle, csrTime, csrInstRet} {
		known[n] = true
	}
	r := newRig(t)
	r.write(csrSStatus, 1<<13)
	r.write(csrSCounterEn, 7)
	for n := range uint32(1 << 12) {
		r.s.Mode = modeSupervisor
		read := csrInsn(csrrs, n, 0, 0)
		if known[n] {
			r.do(read)
		} else {
			r.illegalInsn(read)
		}
		r.s.Mode = modeUser
		if known[n] && n>>8&3 == 0 {
			r.do(read)
		} else {
			r.illegalInsn(read)
		}
	}
}

func TestCounters(t *testing.T) {
	r := newRig(t)
	r.e.Time, r.e.Count = 1234, 5678
	for n, want := range map[uint32]uint64{csrTime: 1234, csrCycle: 5678, csrInstRet: 5678} {
		r.equal("S mode", r.read(n), want)
		for enable := range uint64(8) {
			r.s.Mode = modeSupervisor
			r.write(csrSCounterEn, enable)
			r.s.Mode = modeUser
			if enable>>(n-csrCycle)&1 != 0 {
				r.equal("U mode", r.read(n), want)
			} else {
				r.illegalInsn(csrInsn(csrrs, n, 6, 0))
			}
		}
		r.s.Mode = modeSupervisor
	}
}

func TestFloatCSRs(t *testing.T) {
	r := newRig(t)
	for _, n := range []uint32{csrFFlags, csrFRM, csrFCSR} {
		r.illegalInsn(csrInsn(csrrs, n, 5, 0))
		r.illegalInsn(csrInsn(csrrwi, n, 0, 3))
	}
	clean := uint64(2 << 13)
	r.write(csrSStatus, clean)
	r.equal("fcsr", r.read(csrFCSR), 0)
	r.equal("reading leaves FS", r.s.S[SStatus], statusUXL|clean)
	r.equal("fcsr", r.write(csrFCSR, ^uint64(0)), 0xff)
	r.equal("writing sets FS", r.s.S[SStatus], statusUXL|statusFS|statusSD)
	r.equal("frm", r.read(csrFRM), 7)
	r.equal("fflags", r.read(csrFFlags), 31)
	r.equal("reserved rounding leaves FP", uint64(r.s.FPOn), 0)
	r.equal("frm", r.write(csrFRM, 0xf8), 0)
	r.equal("fcsr", r.read(csrFCSR), 31)
	r.equal("FPRound", uint64(r.s.FPRound), 1)
	r.equal("frm", r.write(csrFRM, 1), 1)
	r.equal("FPRound", uint64(r.s.FPRound), 0)
	r.equal("FPExact", uint64(r.s.FPExact), 1)
	r.equal("fflags", r.write(csrFFlags, 0x20), 0)
	r.equal("FPExact", uint64(r.s.FPExact), 0)
}

// TestFloatUnit walks FS through its states.
func TestFloatUnit(t *testing.T) {
	const (
		faddDyn = 0x02007053 | 7<<12 // fadd.d ft0, ft0, ft0, dyn
		faddRNE = 0x02000053         // fadd.d ft0, ft0, ft0, rne
		fsd     = 0x00053027         // fsd ft0, 0(a0)
		cFld    = 0x2000             // c.fld
	)
	all := []uint32{faddDyn, faddRNE, fsd, cFld}
	r := newRig(t)
	for _, raw := range all {
		r.illegalInsn(raw)
	}
	for _, fs := range []uint64{1, 2, 3} {
		for _, raw := range all {
			r.write(csrSStatus, fs<<13)
			r.equal("FPOn", uint64(r.s.FPOn), fs/3)
			pc := r.s.PC
			if retry, f := r.try(raw); !retry || f != nil || r.s.PC != pc {
				t.Fatalf("FS %d, %x: retry %v, fault %v", fs, raw, retry, f)
			}
			r.equal("sstatus", r.s.S[SStatus], statusUXL|statusFS|statusSD)
			r.equal("FPOn", uint64(r.s.FPOn), 1)
		}
	}
	// An undefined encoding is illegal and dirties nothing.
	r.write(csrSStatus, 1<<13)
	in := isa.Insn{Form: fIllegal, Len: 4, Raw: 0xfe000053}
	if retry, f := r.System(&in); retry || f == nil || f.Cause != causeIllegal || f.Value != 0xfe000053 {
		t.Errorf("undefined: retry %v, fault %v", retry, f)
	}
	r.equal("sstatus", r.s.S[SStatus], statusUXL|1<<13)
	// Reserved rounding modes stop those that use them.
	for frm := uint64(5); frm < 8; frm++ {
		r.write(csrFRM, frm)
		r.equal("FPOn", uint64(r.s.FPOn), 0)
		r.illegalInsn(faddDyn)
		if retry, f := r.try(faddRNE); !retry || f != nil {
			t.Errorf("static rounding: retry %v, fault %v", retry, f)
		}
		r.write(csrFRM, frm)
		if retry, f := r.try(fsd); !retry || f != nil {
			t.Errorf("fsd: retry %v, fault %v", retry, f)
		}
	}
}

// TestStatusFlushes checks that a permission that goes takes its cached
// translations along, and that one that comes costs nothing. For SUM there are
// two modes.
func TestStatusFlushes(t *testing.T) {
	r := newRig(t)
	mode := func(want uint64) { t.Helper(); r.equal("mode", uint64(r.s.Mode), want) }
	r.write(csrSStatus, statusSUM|statusMXR|statusSIE)
	r.asked("")
	mode(modeUserData)
	r.write(csrSStatus, statusMXR)
	r.asked("")
	mode(modeSupervisor)
	r.write(csrSStatus, statusMXR|statusSUM)
	r.asked("")
	r.write(csrSStatus, statusSUM)
	r.asked("all")
	mode(modeUserData)
	r.do(csrInsn(csrrwi, csrSStatus, 0, 2))
	r.asked("")
	mode(modeSupervisor)
}

// TestUserDataMode: traps and returns from them leave SUM alone, and the mode
// follows it. What belongs to higher privileges stays out of reach.
func TestUserDataMode(t *testing.T) {
	for _, from := range []uint32{modeUser, modeSupervisor, modeUserData} {
		for _, sum := range []uint64{0, statusSUM} {
			r := newRig(t)
			r.write(csrSStatus, sum)
			inS := r.s.Mode
			if from == modeUser {
				r.s.Mode = modeUser
			} else if from != inS {
				continue
			}
			r.Raise(r.except(causeLoadPage, 0x1234))
			r.equal("mode of the handler", uint64(r.s.Mode), uint64(inS))
			r.illegalInsn(csrInsn(csrrs, 0x200, 5, 0)) // vsstatus
			r.illegalInsn(csrInsn(csrrs, 0x300, 5, 0)) // mstatus
			if _, f := r.try(insnSret); f != nil {
				t.Fatal(f)
			}
			r.equal("mode after sret", uint64(r.s.Mode), uint64(from))
			r.asked("")
		}
	}
}

func TestSATPFlushes(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		v    uint64
		want string
	}{
		{8<<60 | 5, "all"},
		{8<<60 | 5, ""},
		{8<<60 | 6, "space"},
		{8<<60 | 1<<44 | 6, "space"},
		{15<<60 | 9, ""},
		{9<<60 | 1<<44 | 6, "all"},
		{0, "all"},
		{7, ""},
	} {
		r.write(csrSATP, c.v)
		r.asked(c.want)
	}
}
