package x86_64

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/testkit/hostcpu"
)

// memory is that of a case: data and stack.
type memory struct {
	data  [hostcpu.DataSize]byte
	stack [hostcpu.StackSize]byte
}

func (m *memory) at(addr uint64, n int) []byte {
	if off := addr - hostcpu.DataBase; off < uint64(len(m.data)) && off+uint64(n) <= uint64(len(m.data)) {
		return m.data[off:][:n]
	}
	if off := addr - hostcpu.StackBase; off < uint64(len(m.stack)) && off+uint64(n) <= uint64(len(m.stack)) {
		return m.stack[off:][:n]
	}
	return nil
}

var errOutside = errors.New("outside of memory")

func (m *memory) Load(addr uint64, size int) (uint64, error) {
	b := m.at(addr, size)
	if b == nil {
		return 0, errOutside
	}
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:]), nil
}

func (m *memory) LoadForStore(addr uint64, size int) (uint64, error) { return m.Load(addr, size) }

func (m *memory) Store(addr uint64, size int, v uint64) error {
	b := m.at(addr, size)
	if b == nil {
		return errOutside
	}
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], v)
	copy(b, w[:])
	return nil
}

func (m *memory) lines() (list []hostcpu.Line) {
	for _, part := range []struct {
		base uint64
		b    []byte
	}{{hostcpu.DataBase, m.data[:]}, {hostcpu.StackBase, m.stack[:]}} {
		for off := 0; off < len(part.b); off += hostcpu.LineSize {
			l := hostcpu.Line{Addr: part.base + uint64(off)}
			copy(l.Data[:], part.b[off:])
			if l.Data != [hostcpu.LineSize]byte{} {
				list = append(list, l)
			}
		}
	}
	return list
}

// evaluate executes a case by the lifters and the evaluator. It returns false if an
// instruction is none that they have.
func evaluate(c *hostcpu.Case) (hostcpu.Result, bool) {
	s := new(core.State)
	copy(s.G[:], c.Start.G[:])
	SetFlags(s, c.Start.Flags)
	m := new(memory)
	for _, l := range c.Start.Mem {
		copy(m.at(l.Addr, len(l.Data)), l.Data[:])
	}
	s.PC = c.Start.RIP
	out := hostcpu.Result{State: c.Start}
	for steps := 0; s.PC != c.End(); steps++ {
		off := s.PC - c.Start.RIP
		if off >= uint64(len(c.Code)) || steps > 100 {
			return out, false
		}
		in, ok := Guest.Decode(c.Code[off:])
		if !ok || in.Form == 0 {
			return out, false
		}
		var b ir.Builder
		isa.LiftInsn(&b, Guest, &in, 0)
		if err := b.Block.Check(); err != nil {
			panic(fmt.Sprintf("% x: %v", c.Code[off:], err))
		}
		var e ir.Evaluator
		if outcome, err := e.Eval(&b.Block, s, s.PC, m); err != nil || outcome != ir.Continue {
			out.Stop.Reason = hostcpu.Faulted
			break
		}
	}
	copy(out.State.G[:], s.G[:])
	out.State.RIP = s.PC
	out.State.Flags = c.Start.Flags&^Arithmetic | Flags(s)
	out.State.Mem = m.lines()
	return out, true
}

// undefinedFlags are the flags that an instruction leaves undefined.
func undefinedFlags(in *Insn, start *hostcpu.State) uint64 {
	r := in.Row.row()
	count := uint64(in.Imm)
	if strings.HasSuffix(r.ops, ",CL") {
		count = start.G[rCX]
	} else if strings.HasSuffix(r.ops, ",1") {
		count = 1
	}
	if count &= 31; in.OpSize == 8 {
		count = uint64(in.Imm) & 63
		if strings.HasSuffix(r.ops, ",CL") {
			count = start.G[rCX] & 63
		} else if strings.HasSuffix(r.ops, ",1") {
			count = 1
		}
	}
	switch r.name {
	case "AND", "OR", "XOR", "TEST":
		return flagAF
	case "IMUL":
		return flagSF | flagZF | flagAF | flagPF
	case "SHL", "SHR", "SAR":
		if count == 0 {
			return 0
		}
		f := uint64(flagAF)
		if count != 1 {
			f |= flagOF
		}
		if count > uint64(8*in.OpSize) || count == uint64(8*in.OpSize) && in.OpSize < 4 {
			f |= flagCF
		}
		return f
	case "ROL", "ROR":
		if count > 1 {
			return flagOF
		}
	}
	return 0
}

// random makes a case of one instruction that the lifters have.
func random(g *rand.Rand) (c hostcpu.Case, in Insn, ok bool) {
	var code []byte
	if g.IntN(5) == 0 {
		code = append(code, 0x66)
	}
	if g.IntN(16) == 0 {
		code = append(code, 0x67)
	}
	if g.IntN(2) == 0 {
		code = append(code, byte(0x40+g.IntN(16)))
	}
	if g.IntN(3) == 0 {
		code = append(code, 0x0f)
	}
	for range 14 {
		code = append(code, byte(g.Uint32()))
	}
	if in, ok = Decode(code, Mode64); !ok || in.Undefined() {
		return c, in, false
	}
	code = code[:in.Len]
	i, _ := Guest.Decode(code)
	if i.Form == 0 || in.RIPRel || in.Row.row().name == "BSWAP" && in.OpSize == 2 || in.Row.row().name == "NOP" && in.Map == Map0F && in.Op == 0x0d {
		// What BSWAP makes of 16 bits is undefined; AMD's processors raise #UD for
		// a PREFETCHW of a register, which Intel's take for a NOP.
		return c, in, false
	}
	if f := Guest.Forms()[i.Form].Flow; f != isa.FlowNext {
		return c, in, false
	}
	c.Start = hostcpu.Start(g.Uint64())
	s := &c.Start
	s.RIP = hostcpu.CodeBase + uint64(g.IntN(64))
	s.Flags = 2 | 1<<9 | g.Uint64()&Arithmetic
	for r := range s.G {
		switch g.IntN(4) {
		case 0:
			s.G[r] = g.Uint64()
		case 1:
			s.G[r] = uint64(int64(int8(g.Uint32())))
		case 2:
			s.G[r] = 1<<g.IntN(64) - uint64(g.IntN(3))
		default:
			s.G[r] = uint64(g.Uint32()) | g.Uint64()&0xffff_0000_0000_0000
		}
	}
	s.G[rSP] = hostcpu.StackBase + 512 + uint64(g.IntN(32))*8
	s.G[rBP] = hostcpu.StackBase + 1024 + uint64(g.IntN(32))*8
	if in.Mem() {
		target := uint64(hostcpu.DataBase + 64 + g.IntN(1024))
		if in.Base < 0 || in.Index == in.Base {
			return c, in, false
		}
		if in.Index >= 0 {
			if in.Index == rSP {
				return c, in, false
			}
			s.G[in.Index] = uint64(g.IntN(64))
			target -= s.G[in.Index] * uint64(in.Scale)
		}
		if in.Base == rSP || in.Base == rBP {
			return c, in, false // they are for the stack
		}
		s.G[in.Base] = target - uint64(int64(in.Disp))
		if in.AddrSize == 4 {
			s.G[in.Base] = uint64(uint32(s.G[in.Base])) | uint64(g.Uint32())<<32
		}
	}
	c.Code = code
	return c, in, c.Validate() == nil
}

// TestHost compares single instructions with the host's CPU.
func TestHost(t *testing.T) {
	h, err := hostcpu.New(hostcpu.Options{})
	if err != nil {
		t.Skip(err)
	}
	defer h.Close()
	n := 60_000
	if testing.Short() {
		n = 10_000
	}
	seed := uint64(1)
	g := rand.New(rand.NewPCG(seed, 1))
	tried := map[isa.Form]int{}
	failures := 0
	for done := 0; done < n; {
		var cases []hostcpu.Case
		var insns []Insn
		for len(cases) < 2000 {
			if c, in, ok := random(g); ok {
				cases, insns = append(cases, c), append(insns, in)
			}
		}
		want, err := h.Run(cases)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cases {
			got, ok := evaluate(&cases[i])
			if !ok {
				t.Fatalf("% x is not executed", cases[i].Code)
			}
			if want[i].Stop.Reason != hostcpu.Ended {
				got.Stop = want[i].Stop // a fault: what is in memory and registers counts
			}
			form, _ := Guest.Decode(cases[i].Code)
			tried[form.Form]++
			ignore := hostcpu.Ignore{Flags: hostcpu.RF | undefinedFlags(&insns[i], &cases[i].Start)}
			if d := hostcpu.Diff(&got, &want[i], ignore); len(d) > 0 {
				t.Errorf("% x  %s\n\tfrom %s\n\t%s", cases[i].Code, Disasm(cases[i].Code, 0, Mode64), hostcpu.Changes(&hostcpu.State{}, &cases[i].Start), strings.Join(d, "\n\t"))
				if failures++; failures > 10 {
					t.FailNow()
				}
			}
		}
		done += len(cases)
	}
	t.Logf("%d forms of %d tried, seed %d", len(tried), len(Guest.Forms()), seed)
}
