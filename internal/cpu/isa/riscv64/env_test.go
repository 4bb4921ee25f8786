package riscv64

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/testkit/fakeenv"
)

const (
	ramBase = fakeenv.RAMBase
	ramSize = fakeenv.RAMSize
)

// rig is a hart in a fake machine, entered at ramBase in S mode.
type rig struct {
	*testing.T
	*Hart
	s *core.State
	e *fakeenv.Env
}

func newRig(t *testing.T) *rig { return newRigConfig(t, Config{}) }

func newRigConfig(t *testing.T, c Config) *rig {
	r := &rig{T: t, s: new(core.State), e: new(fakeenv.Env)}
	r.Hart = NewHart(r.s, r.e, c)
	r.Hart.Reset(ramBase, 0x8200_0000)
	r.e.Took()
	return r
}

// lifted is a form that lifted code carries out.
const lifted = fAdd

// try executes one instruction as the machine does when lifted code leaves.
func (r *rig) try(raw uint32) (retry bool, f *isa.Fault) {
	in := isa.Insn{Form: lifted, Len: 4, Raw: raw}
	if raw&3 != 3 {
		in.Len = 2
	}
	return r.System(&in)
}

// do executes one instruction that must succeed and end at the next.
func (r *rig) do(raw uint32) {
	r.Helper()
	pc := r.s.PC
	if retry, f := r.try(raw); retry || f != nil || r.s.PC != pc+4 {
		r.Fatalf("%08x: retry %v, fault %+v, pc %x", raw, retry, f, r.s.PC)
	}
}

// fails executes one instruction that must end in a fault and change nothing.
func (r *rig) fails(raw uint32, cause, value uint64) {
	r.Helper()
	before := *r.s
	retry, f := r.try(raw)
	if retry || f == nil || f.Cause != cause || f.Value != value {
		r.Fatalf("%08x: retry %v, fault %+v, want cause %d value %x", raw, retry, f, cause, value)
	}
	if *r.s != before {
		r.Fatalf("%08x: a faulting instruction changed the state", raw)
	}
}

func (r *rig) illegalInsn(raw uint32) { r.Helper(); r.fails(raw, causeIllegal, uint64(raw)) }

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

// Encoders.
const (
	csrrw  = 1
	csrrs  = 2
	csrrc  = 3
	csrrwi = 5
	csrrsi = 6
	csrrci = 7
)

func csrInsn(funct, csr, rd, rs1 uint32) uint32 {
	return csr<<20 | rs1<<15 | funct<<12 | rd<<7 | majorSystem
}

func sfenceInsn(rs1, rs2 uint32) uint32 { return 0x12000073 | rs1<<15 | rs2<<20 }

const (
	insnEcall  = 0x00000073
	insnEbreak = 0x00100073
	insnSret   = 0x10200073
	insnWfi    = 0x10500073
	insnFenceI = 0x0000100f
	insnFence  = 0x0ff0000f
)

// write writes a CSR by csrrw through t0 and returns what it reads afterwards.
func (r *rig) write(csr uint32, v uint64) uint64 {
	r.Helper()
	r.s.G[5] = v
	r.do(csrInsn(csrrw, csr, 0, 5))
	return r.read(csr)
}

func (r *rig) read(csr uint32) uint64 {
	r.Helper()
	r.do(csrInsn(csrrs, csr, 6, 0))
	return r.s.G[6]
}
