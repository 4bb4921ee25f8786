package riscv64

import (
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	cpu "github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/fakeenv"
)

const (
	ramBase = fakeenv.RAMBase
	ramSize = fakeenv.RAMSize

	ipSoftware, ipTimer  = 1 << 1, 1 << 5
	statusSIE, statusUXL = cpu.SStatusSIE, 2 << 32
)

// rig is a hart with its firmware, entered at ramBase in S mode.
type rig struct {
	*testing.T
	*cpu.Hart
	f   firmware
	s   *core.State
	e   *fakeenv.Env
	out []byte // what the console was told
}

func newRig(t *testing.T) *rig { return newRigConfig(t, cpu.Config{}) }

func newRigConfig(t *testing.T, c cpu.Config) *rig {
	r := &rig{T: t, s: new(core.State), e: new(fakeenv.Env)}
	c.Environment = r.f.call
	r.Hart = cpu.NewHart(r.s, r.e, c)
	r.f = firmware{
		s: r.s, env: r.e, hart: r.Hart,
		console: func(p []byte) { r.out = append(r.out, p...) },
		off:     func(crashed bool) { r.e.Note("off:%v", crashed) },
	}
	r.Hart.Reset(ramBase, 0x8200_0000)
	r.e.Took()
	return r
}

// ecall executes the instruction, which must succeed.
func (r *rig) ecall() {
	r.Helper()
	in, _ := cpu.Guest.Decode([]byte{0x73, 0, 0, 0})
	if retry, f := r.System(&in); retry || f != nil {
		r.Fatalf("ecall: retry %v, fault %+v", retry, f)
	}
}

func (r *rig) equal(what string, got, want uint64) {
	r.Helper()
	if got != want {
		r.Errorf("%s = %#x, want %#x", what, got, want)
	}
}

func (r *rig) asked(want string) {
	r.Helper()
	if got := r.e.Took(); got != want {
		r.Errorf("the machine was asked %q, want %q", got, want)
	}
}

// call makes an SBI call and returns a0 and a1; all else must stay.
func (r *rig) call(eid, fid uint64, args ...uint64) (sbiError, uint64) {
	r.Helper()
	for i := range uint64(32) {
		r.s.G[i] = i * 0x1111
	}
	copy(r.s.G[regA0:regA0+6], args)
	for i := len(args); i < 6; i++ {
		r.s.G[regA0+i] = 0
	}
	r.s.G[regA6], r.s.G[regA7] = fid, eid
	before := r.s.G
	pc := r.s.PC
	r.ecall()
	r.equal("pc", r.s.PC, pc+4)
	for i := range before {
		if i != regA0 && i != regA1 && r.s.G[i] != before[i] {
			r.Errorf("call %x/%d changed x%d", eid, fid, i)
		}
	}
	return sbiError(r.s.G[regA0]), r.s.G[regA1]
}

func (r *rig) returns(wantErr sbiError, wantValue uint64, eid, fid uint64, args ...uint64) {
	r.Helper()
	if err, v := r.call(eid, fid, args...); err != wantErr || err == sbiSuccess && v != wantValue {
		r.Errorf("call %x/%d %x: %d, %#x; want %d, %#x", eid, fid, args, err, v, wantErr, wantValue)
	}
}

const allOnes = ^uint64(0)

func TestSBIBase(t *testing.T) {
	r := newRig(t)
	r.returns(0, 0x2000000, sbiBase, 0)
	r.returns(0, 0x633277, sbiBase, 1)
	r.returns(0, 1, sbiBase, 2)
	for _, id := range []uint64{sbiBase, sbiTime, sbiIPI, sbiRFence, sbiHSM, sbiSRST, sbiDBCN} {
		r.returns(0, 1, sbiBase, 3, id)
		r.returns(sbiNotSupported, 0, id, 99)
	}
	// Legacy, PMU, suspend to RAM, steal time and nonsense.
	for _, id := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 0x504d55, 0x53555350, 0x535441, allOnes} {
		r.returns(0, 0, sbiBase, 3, id)
		r.returns(sbiNotSupported, 0, id, 0)
	}
	for fid := uint64(4); fid < 7; fid++ {
		r.returns(0, 0, sbiBase, fid)
	}
	r.returns(0, 1, 0xffffffff_00000010, 2) // ids are 32 bits wide
	r.asked("")
}

func TestSBITimer(t *testing.T) {
	r := newRig(t)
	r.s.S[cpu.SIE] = ipTimer
	r.TimerFired()
	r.equal("sip", r.s.S[cpu.SIP], ipTimer)
	r.returns(0, 0, sbiTime, 0, 12345)
	r.equal("sip", r.s.S[cpu.SIP], 0)
	r.equal("IRQ", uint64(r.s.IRQ), 0)
	r.equal("timer", r.e.Timer, 12345)
	r.equal("kept", r.s.S[cpu.STimeCmp], 12345)
}

func TestSBIMasks(t *testing.T) {
	const id = 70
	r := newRigConfig(t, cpu.Config{ID: id})
	for _, c := range []struct {
		mask, base uint64
		self       bool
		err        sbiError
	}{
		{0, allOnes, true, 0},
		{1, id, true, 0},
		{1 << 63, 7, true, 0},
		{2, id, false, sbiInvalidParam},
		{3, id, false, sbiInvalidParam},
		{1, 6, false, sbiInvalidParam},
		{1, 0, false, sbiInvalidParam},
		{1, id + 1, false, sbiInvalidParam},
		{allOnes, allOnes - 1, false, sbiInvalidParam},
		{0, 0, false, 0},
	} {
		r.s.S[cpu.SIP] = 0
		r.returns(c.err, 0, sbiIPI, 0, c.mask, c.base)
		r.equal("SSIP", r.s.S[cpu.SIP], ipSoftware*b2u(c.self))
		r.returns(c.err, 0, sbiRFence, 0, c.mask, c.base)
		r.asked(strings.Repeat("code", int(b2u(c.self))))
		r.returns(c.err, 0, sbiRFence, 1, c.mask, c.base)
		r.asked(strings.Repeat("all", int(b2u(c.self))))
	}
}

func TestSBIRemoteFence(t *testing.T) {
	r := newRig(t)
	r.s.S[cpu.SATP] = 9 << 44
	for _, c := range []struct {
		fid         uint64
		start, size uint64
		asid        uint64
		err         sbiError
		want        string
	}{
		{1, 0, 0, 0, 0, "all"},
		{1, 0x5000, allOnes, 0, 0, "all"},
		{1, 0x5000, 0, 0, 0, ""},
		{1, 0x5000, 0x2000, 0, 0, "page:5000 page:6000"},
		{1, 0x5fff, 2, 0, 0, "page:5000 page:6000"},
		{1, 0x5000, fencePages<<12 + 1, 0, 0, "all"},
		{1, allOnes &^ 0xfff, 0x1000, 0, 0, "page:fffffffffffff000"},
		{1, allOnes &^ 0xfff, 0x1001, 0, sbiInvalidAddress, ""},
		{1, allOnes, allOnes - 1, 0, sbiInvalidAddress, ""},
		{2, 0, 0, 9, 0, "space"},
		{2, 0, 0, 8, 0, ""},
		{2, 0x5000, 0x1000, 9, 0, "page:5000"},
		{2, 0x5000, 0x1000, 8, 0, ""},
		{2, 0x5000, 1 << 40, 9, 0, "space"},
		{3, 0, 0, 0, sbiNotSupported, ""},
		{6, 0, 0, 0, sbiNotSupported, ""},
	} {
		r.returns(c.err, 0, sbiRFence, c.fid, 1, 0, c.start, c.size, c.asid)
		r.asked(c.want)
	}
}

func TestSBIHartState(t *testing.T) {
	r := newRig(t)
	r.returns(sbiAlreadyAvailable, 0, sbiHSM, 0, 0, ramBase)
	r.returns(sbiInvalidParam, 0, sbiHSM, 0, 1, ramBase)
	r.returns(sbiFailed, 0, sbiHSM, 1)
	r.returns(0, 0, sbiHSM, 2, 0)
	r.returns(sbiInvalidParam, 0, sbiHSM, 2, 1)
	for _, kind := range []uint64{1, 0x10000000, 0x7fffffff, 0x80000001, 0xffffffff} {
		r.returns(sbiInvalidParam, 0, sbiHSM, 3, kind, ramBase)
	}
	for _, at := range []uint64{0, ramBase + 1, ramBase + ramSize, allOnes - 1} {
		r.returns(sbiInvalidAddress, 0, sbiHSM, 3, 1<<31, at)
	}
	r.asked("")
	r.returns(0, 0, sbiHSM, 3, 0)
	r.asked("wait")

	r.s.S[cpu.SATP], r.s.S[cpu.SStatus] = 8<<60|5, statusUXL|statusSIE
	r.s.G[regA0], r.s.G[regA1], r.s.G[regA2] = 1<<31, ramBase+0x100, 77
	r.s.G[regA6], r.s.G[regA7] = 3, sbiHSM
	r.ecall()
	r.asked("all wait")
	r.equal("pc", r.s.PC, ramBase+0x100)
	r.equal("a0", r.s.G[regA0], 0)
	r.equal("a1", r.s.G[regA1], 77)
	r.equal("satp", r.s.S[cpu.SATP], 0)
	r.equal("sstatus", r.s.S[cpu.SStatus], statusUXL)
}

func TestSBIReset(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		kind, reason uint64
		err          sbiError
		want         string
	}{
		{0, 0, 0, "off:false"}, {0, 1, 0, "off:true"}, {1, 0, 0, "off:true"}, {2, 1, 0, "off:true"},
		{3, 0, sbiInvalidParam, ""}, {0, 2, sbiInvalidParam, ""}, {0xf0000000, 0, sbiInvalidParam, ""},
		{0, 0xe0000000, sbiInvalidParam, ""},
	} {
		r.returns(c.err, 0, sbiSRST, 0, c.kind, c.reason)
		r.asked(c.want)
	}
}

func TestSBIConsole(t *testing.T) {
	r := newRig(t)
	copy(r.e.RAM[100:], "hello")
	r.returns(0, 5, sbiDBCN, 0, 5, ramBase+100)
	r.returns(0, 0, sbiDBCN, 2, 0x121)
	if string(r.out) != "hello!" {
		t.Errorf("wrote %q", r.out)
	}
	r.returns(0, 0, sbiDBCN, 1, 3, ramBase+200) // nobody types
	r.out = nil
	r.returns(0, maxConsoleWrite, sbiDBCN, 0, ramSize, ramBase) // the rest is for the next call
	r.equal("written", uint64(len(r.out)), maxConsoleWrite)
	r.returns(0, 0, sbiDBCN, 0, 0, 0)

	for _, c := range [][3]uint64{
		{1, 0, 0}, {5, ramBase - 1, 0}, {5, ramBase + ramSize - 4, 0}, {allOnes, ramBase, 0}, {ramSize + 1, ramBase, 0},
		{5, ramBase, 1}, {1, allOnes, 0}, {2, allOnes, 0}, {allOnes, allOnes, allOnes},
	} {
		r.returns(sbiInvalidParam, 0, sbiDBCN, 0, c[:]...)
		r.returns(sbiInvalidParam, 0, sbiDBCN, 1, c[:]...)
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// FuzzFirmware calls whatever with whatever: nothing may break, and nothing but a0
// and a1 may change unless the call does not return.
func FuzzFirmware(f *testing.F) {
	for _, id := range []uint64{sbiBase, sbiTime, sbiIPI, sbiRFence, sbiHSM, sbiSRST, sbiDBCN, 0} {
		for fid := range uint64(4) {
			f.Add(id, fid, uint64(ramBase), uint64(8), uint64(0), uint64(0), uint64(0))
			f.Add(id, fid, uint64(8), uint64(ramBase), uint64(0), uint64(1)<<40, uint64(3))
		}
	}
	f.Fuzz(func(t *testing.T, id, fid, a0, a1, a2, a3, a4 uint64) {
		r := newRig(t)
		r.e.Quiet = true
		if suspends := uint32(id) == sbiHSM && uint32(fid) == 3 && uint32(a0) == 1<<31; suspends {
			r.s.G[regA0], r.s.G[regA1], r.s.G[regA2], r.s.G[regA6], r.s.G[regA7] = a0, a1, a2, fid, id
			r.ecall()
			return
		}
		r.call(id, fid, a0, a1, a2, a3, a4)
		if r.s.G[0] != 0 {
			t.Error("x0 was written")
		}
	})
}
