package riscv64

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// TestLiftedCSRsAgree: a CSR instruction, a system call and a return from a trap
// do the same whether their lifters or Go execute them, from canonical states.
func TestLiftedCSRsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := []uint32{csrSStatus, csrSScratch, csrSEPC, csrSCause, csrSTVal, csrSIE, csrSIP, csrSTVec, csrSATP}
	var b ir.Builder
	var e ir.Evaluator
	agreed, left := map[isa.Form]int{}, 0
	for range 20000 {
		raw := csrInsn(1+rng.Uint32N(3)+rng.Uint32N(2)*4, numbers[rng.IntN(len(numbers))], rng.Uint32N(4), rng.Uint32N(4))
		switch rng.IntN(10) {
		case 0:
			raw = 0x00000073 // ecall
		case 1:
			raw = 0x10200073 // sret
		}
		in, ok := Guest.Decode(binary.LittleEndian.AppendUint32(nil, raw))
		if !ok {
			t.Fatalf("%08x does not decode", raw)
		}
		if forms[in.Form].Flow == isa.FlowSingle {
			continue
		}
		r := newRig(t)
		for i := 1; i < 4; i++ {
			r.s.G[i] = rng.Uint64() & -rng.Uint64N(2)
			if rng.IntN(2) == 0 {
				r.s.G[i] = statusSIE
			}
		}
		for _, n := range numbers[:5] {
			r.writeCSR(n, rng.Uint64())
		}
		r.writeCSR(csrSTVec, rng.Uint64())
		if r.s.Mode = modeUser; rng.IntN(2) == 0 {
			r.s.Mode = r.supervisorMode()
		}
		lifted := *r.s
		b.Reset()
		isa.LiftInsn(&b, Guest, &in, int(lifted.PC&core.PageMask))
		outcome, err := e.Eval(&b.Block, &lifted, lifted.PC, nil)
		if err != nil {
			t.Fatal(err)
		}
		if outcome == ir.Left {
			left++
			continue
		}
		_, fault := r.System(&in)
		if fault != nil && raw == 0x00000073 {
			r.Raise(fault)
			fault = nil
		}
		agreed[in.Form]++
		lifted.G[core.Sink] = 0
		if fault != nil || lifted != *r.s {
			t.Fatalf("%08x: fault %v, lifted and executed by Go differ:\n%x\n%x", raw, fault, lifted.S[:10], r.s.S[:10])
		}
	}
	if left == 0 || len(agreed) < 9 {
		t.Errorf("compared too little: %d left, %v agreed", left, agreed)
	}
}

// TestRetried: what System lets be tried again does not leave a second time.
func TestRetried(t *testing.T) {
	for _, raw := range []uint32{
		0x02007053, // fadd.d ft0, ft0, ft0, dyn
		0x02000053, // fadd.d ft0, ft0, ft0, rne
		0xf2000053, // fmv.d.x ft0, zero
		0x22000053, // fsgnj.d ft0, ft0, ft0
		0xe2001053, // fclass.d zero, ft0
	} {
		in, _ := Guest.Decode(binary.LittleEndian.AppendUint32(nil, raw))
		r := newRig(t)
		r.write(csrSStatus, 1<<13)
		retry, f := r.System(&in)
		if !retry || f != nil {
			t.Errorf("%08x: retry %v, fault %v", raw, retry, f)
			continue
		}
		var b ir.Builder
		var e ir.Evaluator
		isa.LiftInsn(&b, Guest, &in, 0)
		if outcome, err := e.Eval(&b.Block, r.s, r.s.PC, nil); outcome != ir.Continue || err != nil {
			t.Errorf("%08x: %v, %v", raw, outcome, err)
		}
	}
}
