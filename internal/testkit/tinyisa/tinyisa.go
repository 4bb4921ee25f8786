// Package tinyisa is an instruction set that exists in tests only, to keep what is
// neutral neutral: it differs from riscv64 in everything that code around an ISA
// might take for granted. Instructions have 1 to 15 bytes and lie at any address;
// none reads as zero; one has an immediate beside a memory operand with a
// displacement; and there are registers of 256 bits.
//
// Integers are little-endian, registers are bytes from 0 to 7. Any number of bytes
// 0x66, as far as the longest instruction allows, may stand before an instruction
// and mean nothing.
//
//	00                      undefined
//	01                      nop
//	02 r                    r = r + 1
//	03 r s t                r = s + t
//	04 r imm32              r = imm32, sign-extended
//	05 r disp32 imm32       64 bits at r + disp32 = imm32, sign-extended
//	06 r s disp32           r = 64 bits at s + disp32
//	07 r rel32              if r is not 0, go on at rel32 from here
//	08 rel32                go on at rel32 from here
//	09 r                    go on at r
//	0a v w                  v = w, of 256 bits
//	0b v r                  every 64 bits of v = r
//	0c                      wait, which Go does
//	0d rel32                r7 = address of what follows, go on at rel32 from here
package tinyisa

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// The first byte of each instruction behind its prefixes.
const (
	Nop = iota + 1
	Inc
	Add
	LoadImm
	StoreImm
	Load
	BranchNotZero
	Jump
	JumpReg
	Move256
	Spread
	Wait
	Call

	Prefix = 0x66
)

const maxLen = core.MaxInsn

// Guest is the instruction set.
var Guest isa.ISA = tiny{}

type tiny struct{}

func reg(n byte) uint16 { return uint16(core.OffG + 8*int(n)) }

func vec(n byte, lane int) uint16 { return uint16(core.OffV + 32*int(n) + 8*lane) }

func lane(l *isa.Lift, base int32, i int) ir.Loc {
	return ir.Loc{Off: uint16(base) + 8*uint16(i)}
}

var forms = [...]isa.FormInfo{
	0:   {Name: "undefined", Flow: isa.FlowSingle, Rank: 2},
	Nop: {Name: "nop", Rank: 0, Lift: func(*isa.Lift) {}},
	Inc: {Name: "inc", Rank: 0, Lift: func(l *isa.Lift) { l.SetA(l.Bin(ir.Add, l.B(), l.Imm())) }},
	Add: {Name: "add", Rank: 0, Lift: func(l *isa.Lift) { l.SetA(l.Bin(ir.Add, l.B(), l.C())) }},
	LoadImm: {Name: "loadi", Rank: 1, Lift: func(l *isa.Lift) {
		l.SetA(l.Imm())
	}},
	StoreImm: {Name: "storei", Rank: 2, Lift: func(l *isa.Lift) {
		l.Store(8, l.Bin(ir.Add, l.B(), l.Disp()), l.Imm())
	}},
	Load: {Name: "load", Rank: 1, Lift: func(l *isa.Lift) {
		l.SetA(l.Load(8, false, l.Bin(ir.Add, l.B(), l.Imm())))
	}},
	BranchNotZero: {Name: "bnz", Flow: isa.FlowBranch, Rank: 0, Lift: func(l *isa.Lift) {
		l.BranchIf(l.Bin(ir.Ne, l.B(), l.Const(0)))
	}},
	Jump:    {Name: "jump", Flow: isa.FlowJump, Rank: 0, Lift: func(l *isa.Lift) { l.Goto() }},
	JumpReg: {Name: "jumpr", Flow: isa.FlowInd, Rank: 1, Lift: func(l *isa.Lift) { l.JumpInd(l.B()) }},
	Move256: {Name: "move256", Rank: 2, Lift: func(l *isa.Lift) {
		in := l.Insn()
		for i := range 4 {
			l.Set(lane(l, in.Disp, i), l.Get(lane(l, in.Imm, i)))
		}
	}},
	Spread: {Name: "spread", Rank: 2, Lift: func(l *isa.Lift) {
		in := l.Insn()
		v := l.B()
		for i := range 4 {
			l.Set(lane(l, in.Disp, i), v)
		}
	}},
	Wait: {Name: "wait", Flow: isa.FlowSingle, Rank: 2},
	Call: {Name: "call", Flow: isa.FlowCall, Rank: 1, Lift: func(l *isa.Lift) {
		l.SetA(l.NextPC())
		l.Goto()
	}},
}

var lengths = [...]int{0: 1, Nop: 1, Inc: 2, Add: 4, LoadImm: 6, StoreImm: 10, Load: 7, BranchNotZero: 6, Jump: 5, JumpReg: 2, Move256: 3, Spread: 3, Wait: 1, Call: 5}

func (tiny) Name() string          { return "tiny" }
func (tiny) Forms() []isa.FormInfo { return forms[:] }
func (tiny) Pairs() []isa.Pair {
	return []isa.Pair{{First: Inc, Second: Add, DepB: true}, {First: Inc, Second: BranchNotZero}}
}
func (tiny) Align() uint { return 0 }
func (tiny) Filling(code []byte) int {
	if len(code) > 0 && code[0] == 0 {
		return 1
	}
	return 0
}
func (tiny) MaxLen() int   { return maxLen }
func (tiny) Zero() uint16  { return 0 }
func (tiny) Layout() []int { return nil }

func (tiny) Decode(code []byte) (in isa.Insn, ok bool) {
	n := 0
	for n < len(code) && n < maxLen-1 && code[n] == Prefix {
		n++
	}
	if n == len(code) {
		return in, false
	}
	op := code[n]
	if int(op) >= len(forms) || n+lengths[op] > maxLen {
		return isa.Insn{Form: 0, Len: uint8(n + 1)}, true
	}
	b := code[n:]
	if len(b) < lengths[op] {
		return in, false
	}
	in.Form, in.Len, in.Raw = isa.Form(op), uint8(n+lengths[op]), uint32(op)
	number := func(at int) int32 { return int32(binary.LittleEndian.Uint32(b[at:])) }
	register := func(at int) byte { return b[at] & 7 }
	switch op {
	case Inc:
		in.A, in.B, in.Imm = reg(register(1)), reg(register(1)), 1
	case Add:
		in.A, in.B, in.C = reg(register(1)), reg(register(2)), reg(register(3))
	case LoadImm:
		in.A, in.Imm = reg(register(1)), number(2)
	case StoreImm:
		in.B, in.Disp, in.Imm = reg(register(1)), number(2), number(6)
	case Load:
		in.A, in.B, in.Imm = reg(register(1)), reg(register(2)), number(3)
	case BranchNotZero:
		in.B, in.Imm = reg(register(1)), number(2)
	case Jump:
		in.Imm = number(1)
	case Call:
		in.A, in.Imm = reg(7), number(1)
	case JumpReg:
		in.B = reg(register(1))
	case Move256:
		in.Disp, in.Imm = int32(vec(register(1), 0)), int32(vec(register(2), 0))
	case Spread:
		in.Disp, in.B = int32(vec(register(1), 0)), reg(register(2))
	}
	return in, true
}

func (g tiny) Disasm(code []byte, pc uint64) string {
	in, ok := g.Decode(code)
	if !ok {
		return ".byte " + hex.EncodeToString(code)
	}
	return fmt.Sprintf("%s %#x %#x %#x %d %d", forms[in.Form].Name, in.A, in.B, in.C, in.Imm, in.Disp)
}

// Vector is where exceptions lead.
const Vector = 0x8000_0000

// Hart has no modes and no page tables. Exceptions leave their cause and value in
// the first two slots of core.State.S, and the address in the third.
type Hart struct {
	s   *core.State
	env isa.Env
}

// NewHart makes the privileged side of a hart.
func NewHart(s *core.State, env isa.Env) isa.Hart { return &Hart{s, env} }

// Causes of exceptions.
const (
	CauseUndefined = iota + 1
	CauseAccess
)

// Enter begins at pc.
func (h *Hart) Enter(pc uint64) { h.s.PC = pc; h.env.FlushAll() }

func (h *Hart) Translate(va uint64, _ isa.Access) (isa.Mapping, *isa.Fault) {
	return isa.Mapping{Phys: va &^ core.PageMask, Write: true, Global: true}, nil
}

func (h *Hart) Raise(f *isa.Fault) {
	h.s.S[0], h.s.S[1], h.s.S[2] = f.Cause, f.Value, h.s.PC
	h.s.PC = Vector
}

func (h *Hart) System(in *isa.Insn) (retry bool, f *isa.Fault) {
	if in.Form != Wait {
		return false, &isa.Fault{Cause: CauseUndefined, Value: h.s.PC}
	}
	h.s.PC += uint64(in.Len)
	h.env.Wait()
	return false, nil
}

func (h *Hart) Interrupt() bool { return false }
func (h *Hart) TimerFired()     {}
func (h *Hart) Runnable() bool  { return true }
func (h *Hart) AccessFault(va uint64, _ isa.Access) *isa.Fault {
	return &isa.Fault{Cause: CauseAccess, Value: va}
}
