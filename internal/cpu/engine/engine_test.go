package engine

import (
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/mem"
)

// What generated code does with the engine's records is tested beside the
// evaluator in internal/cpu/emit. Here a script stands in for
// generated code, and tests look at what the engine keeps.

const (
	ramBase = 0x8000_0000
	recBase = 0x10000
)

// board is the machine around the engine: no device, a log.
type board struct {
	waits, offs int
}

func (b *board) MMIORead(pa uint64, size int) (uint64, bool) { return 0, pa>>12 == 0x10000 }
func (b *board) MMIOWrite(pa uint64, size int, v uint64) bool {
	return pa>>12 == 0x10000
}
func (b *board) Ticks() uint64          { return 0 }
func (b *board) SetTimer(uint64)        {}
func (b *board) ConsoleWrite([]byte)    {}
func (b *board) ConsoleRead([]byte) int { return 0 }
func (b *board) PowerOff(bool)          { b.offs++ }
func (b *board) Reset()                 { b.offs++ }
func (b *board) Wait()                  { b.waits++ }

// bench is an engine whose generated code is run.
type bench struct {
	*Engine
	board *board
}

func newBench(pages, records int, run func(e *Engine)) *bench {
	b := &bench{board: &board{}}
	c := Config{
		ISA: riscv64.Guest, Hart: core.NewHart(), Platform: b.board,
		RAM:     &mem.RAM{Bytes: make([]byte, pages<<core.PageShift), Base: ramBase, Host: 0x100_0000},
		Records: Records{Bytes: make([]byte, records*core.RecordSize), Base: recBase},
		NewHart: func(s *core.State, env isa.Env) isa.Hart { return riscv64.NewHart(s, env, riscv64.Config{}) },
	}
	if run != nil {
		c.Run = func() { run(b.Engine) }
	}
	b.Engine = New(c)
	b.Priv.(*riscv64.Hart).Reset(ramBase, 0)
	return b
}

// put writes instructions at an offset in RAM.
func (b *bench) put(off int, words ...uint32) {
	for _, w := range words {
		if w&3 == 3 {
			binary.LittleEndian.PutUint32(b.RAM.Bytes[off:], w)
			off += 4
			continue
		}
		binary.LittleEndian.PutUint16(b.RAM.Bytes[off:], uint16(w))
		off += 2
	}
}

// at enters a pc into the jump cache and returns its record's address.
func (b *bench) at(pc uint64) uint32 {
	b.S.PC = pc
	b.Lookup()
	e := core.FindJump(&b.Hart.Jump[b.S.Mode], pc)
	if e == nil {
		return 0
	}
	return e.Record
}

func (b *bench) op(rec uint32) uint16 { return b.code.op(rec) }
func (b *bench) imm(rec uint32) int32 {
	return int32(binary.LittleEndian.Uint32(b.code.rec(rec)[core.RecImm:]))
}

// Instructions.
const (
	nop   = 0x00000013
	cnop  = 0x0001
	ret   = 0x00008067
	ecall = 0x00000073
	wfi   = 0x10500073
	loop  = 0x0000006f // jal x0, 0
)

func branch(d int) uint32 { // beq x5, x6
	u := uint32(d)
	return u>>12&1<<31 | u>>5&63<<25 | 6<<20 | 5<<15 | u>>1&15<<8 | u>>11&1<<7 | 0x63
}

func jump(d int) uint32 { // jal x0
	u := uint32(d)
	return u>>20&1<<31 | u>>1&0x3ff<<21 | u>>11&1<<20 | u>>12&0xff<<12 | 0x6f
}

// sv39 maps pages one to one at virtual address 0 by tables in RAM's last
// three pages, and switches translation on in supervisor mode.
func (b *bench) sv39(n int, bits uint64) {
	le := binary.LittleEndian
	size := len(b.RAM.Bytes)
	t := size - 3<<core.PageShift
	pte := func(off int) uint64 { return (ramBase + uint64(off)) >> 12 << 10 }
	le.PutUint64(b.RAM.Bytes[t:], pte(t+0x1000)|1)
	le.PutUint64(b.RAM.Bytes[t+0x1000:], pte(t+0x2000)|1)
	for i := range n {
		le.PutUint64(b.RAM.Bytes[t+0x2000+8*i:], pte(i<<core.PageShift)|bits)
	}
	b.S.S[riscv64.SATP] = 8<<60 | (ramBase+uint64(t))>>12
	b.FlushAll()
}

const (
	pteX   = 1 << 3
	pteAll = 0xcf // V R W X A D
)

func TestMain(m *testing.M) { m.Run() }
