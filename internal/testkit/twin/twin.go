// Package twin compares generated code with the Go evaluator: one guest on two
// engines, and after every few instructions one state.
//
// It is for tests only and knows no guest ISA.
package twin

import (
	"fmt"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/inspect/lockstep"
)

// Twin is one guest on two machines: Gen runs generated code, Ref executes
// every instruction in Go. Whatever is done to one is done to the other, and
// after every number of instructions both must be in the same state.
type Twin struct {
	Gen, Ref *engine.Engine
	// Early says which bits of the byte at a guest-physical address generated
	// code may set before the instruction that sets them: those by which page
	// tables note accesses, as a TLB is filled when the budget is used up
	// already. Nil means none.
	Early func(pa uint64) byte
	// Total is the number of instructions run.
	Total uint64
}

// New makes two engines, one on the core. The core's earlier engine must
// not be used any more.
func New(c *native.Core, g isa.ISA, newHart func(*core.State, isa.Env) isa.Hart) *Twin {
	*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
	clear(c.RAM.Bytes)
	clear(c.Records.Bytes)
	gen := engine.New(engine.Config{ISA: g, Hart: c.Hart, RAM: c.RAM, Records: c.Records,
		Platform: &platform{}, NewHart: newHart, Run: c.Run})
	ref := engine.New(engine.Config{ISA: g, Hart: core.NewHart(),
		RAM: &mem.RAM{Bytes: make([]byte, len(c.RAM.Bytes)), Base: c.RAM.Base}, Platform: &platform{}, NewHart: newHart})
	return &Twin{Gen: gen, Ref: ref}
}

// Both does the same to both machines.
func (t *Twin) Both(f func(e *engine.Engine)) {
	f(t.Gen)
	f(t.Ref)
}

// Write puts bytes at a guest-physical address of both machines, as a device
// does.
func (t *Twin) Write(pa uint64, b []byte) {
	t.Both(func(e *engine.Engine) {
		v := e.RAM.View(pa, uint64(len(b)))
		if v == nil {
			panic("BUG: twin: write outside of RAM")
		}
		copy(v, b)
		e.Dirty(pa, uint64(len(b)))
	})
}

// Step runs generated code for n instructions or somewhat more, the reference
// for exactly as many, and compares.
func (t *Twin) Step(n int) error {
	got := lockstep.Pair{Gen: t.Gen, Ref: t.Ref}.Run(n)
	t.Total += uint64(got)
	if d := t.Diff(); d != "" {
		return fmt.Errorf("after %d instructions, the last %d of them at once:\n%s", t.Total, got, d)
	}
	return nil
}

// Diff lists where the machines differ: got is generated code's.
func (t *Twin) Diff() string {
	d := lockstep.Format(append(lockstep.States(t.Gen.Hart.State, t.Ref.Hart.State, nil), lockstep.RAM(t.Gen.RAM, t.Ref.RAM, t.Early)...))
	p, q := t.Gen.Platform.(*platform), t.Ref.Platform.(*platform)
	if p.log != q.log {
		d += fmt.Sprintf("  platform: got %q, want %q\n", p.log, q.log)
	}
	return d
}

// Device is the guest-physical address of 4 KiB of a device that has no
// purpose: what is read depends on the address and on the accesses before.
const Device = 0x1000_0000

// platform is the machine around both engines. Its log takes part in the
// comparison.
type platform struct {
	log   string
	count uint64
}

const logMax = 4096

func (p *platform) note(format string, args ...any) {
	if len(p.log) < logMax {
		p.log += fmt.Sprintf(format, args...)
	}
}

func (p *platform) MMIORead(pa uint64, size int) (uint64, bool) {
	if pa < Device || pa >= Device+core.PageSize {
		return 0, false
	}
	p.count++
	v := (pa*0x9e37_79b9_7f4a_7c15 + p.count) & (1<<(8*size) - 1)
	p.note("r%d %x;", size, pa)
	return v, true
}

func (p *platform) MMIOWrite(pa uint64, size int, v uint64) bool {
	if pa < Device || pa >= Device+core.PageSize {
		return false
	}
	p.note("w%d %x=%x;", size, pa, v&(1<<(8*size)-1))
	return true
}

func (p *platform) Ticks() uint64      { return 0x1234 }
func (p *platform) SetTimer(at uint64) { p.note("timer %x;", at) }
func (p *platform) Reset()             { p.note("reset;") }
func (p *platform) Wait()              { p.note("wait;") }
