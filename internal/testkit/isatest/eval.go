package isatest

import (
	"fmt"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Eval executes code by lifting it and evaluating the IR in Go.
type Eval struct {
	ISA isa.ISA
	// Runs lifts whole runs of instructions into one block instead of one
	// instruction at a time.
	Runs bool

	eval  ir.Evaluator
	block ir.Builder
}

// Run implements Executor.
func (e *Eval) Run(s *State, code []byte) error {
	var c core.State
	s.ToCore(&c)
	end := CodeBase + uint64(len(code))
	for steps := 0; c.PC != end; steps++ {
		if c.PC < CodeBase || c.PC > end || steps > CodeMax {
			return fmt.Errorf("ran away to %#x", c.PC)
		}
		if err := e.lift(code, int(c.PC-CodeBase)); err != nil {
			return fmt.Errorf("at %#x: %w", c.PC, err)
		}
		out, err := e.eval.Eval(&e.block.Block, &c, c.PC, memory{s})
		if err != nil {
			return fmt.Errorf("at %#x: %w", c.PC, err)
		}
		if out == ir.Left {
			return fmt.Errorf("at %#x: left to Go", c.PC)
		}
	}
	s.FromCore(&c)
	return nil
}

// lift fills the block with the instruction, or the run of them, at an offset.
func (e *Eval) lift(code []byte, offset int) error {
	e.block.Reset()
	for {
		in, ok := e.ISA.Decode(code[offset:])
		if !ok {
			return fmt.Errorf("instruction at %#x is cut short", offset)
		}
		isa.LiftInsn(&e.block, e.ISA, &in, offset)
		offset += int(in.Len)
		flow := e.ISA.Forms()[in.Form].Flow
		if !e.Runs || flow != isa.FlowNext || offset == len(code) {
			break
		}
	}
	if err := e.block.Check(); err != nil {
		return fmt.Errorf("%w in\n%s", err, e.block.Format())
	}
	return nil
}

type memory struct{ s *State }

func (m memory) at(addr uint64, size int) ([]byte, error) {
	if addr < MemBase || addr > MemBase+MemSize-uint64(size) {
		return nil, fmt.Errorf("access of %d bytes at %#x, outside scratch memory", size, addr)
	}
	return m.s.Mem[addr-MemBase:][:size], nil
}

func (m memory) Load(addr uint64, size int) (v uint64, err error) {
	p, err := m.at(addr, size)
	for i, b := range p {
		v |= uint64(b) << (8 * i)
	}
	return v, err
}

func (m memory) Store(addr uint64, size int, v uint64) error {
	p, err := m.at(addr, size)
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
	return err
}

func (m memory) LoadForStore(addr uint64, size int) (uint64, error) { return m.Load(addr, size) }
