package engine

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// liftedInsn caches an instruction that Go executed, decoded and as IR, by the
// bytes at its address: what follows a short instruction is part of the key,
// so that a look needs no decoding.
type liftedInsn struct {
	valid bool
	key   insnKey
	in    isa.Insn
	block ir.Block
}

const liftedEntries = 512

// insnKey is as much of the code at an instruction's address as the longest
// instruction has; what is behind is zero.
type insnKey [core.MaxInsn + 1]byte

// hash is an index in lifted behind 0.
func (k *insnKey) hash() uint32 {
	le := binary.LittleEndian
	a, b := le.Uint64(k[:]), le.Uint64(k[8:])
	a ^= b ^ b>>32
	return 1 + uint32(a^a>>32)*0x9E3779B1>>23%(liftedEntries-1)
}

// Single executes the instruction at State.PC in Go.
func (e *Engine) Single() {
	l, f := e.fetch()
	if f == nil {
		if e.Profile != nil && e.forms[l.in.Form].Lift == nil {
			e.returnTo(e.S.PC + uint64(l.in.Len))
		}
		f = e.execute(l)
	}
	if e.S.FRM > maxRounding {
		// Dynamic rounding by a reserved mode traps: every FP instruction has
		// to come here.
		e.S.SetFP(false)
	}
	if f != nil {
		e.raise(f)
		return
	}
	e.Stats.Single++
	e.S.Budget--
}

// maxRounding is the largest softfloat.Rounding.
const maxRounding = 4

// fetch decodes the instruction at State.PC, which may lie in two pages.
func (e *Engine) fetch() (*liftedInsn, *isa.Fault) {
	pc := e.S.PC
	code, f := e.codeAt(pc, core.PageSize-int(pc&core.PageMask))
	if f != nil {
		return nil, f
	}
	var key insnKey
	l := &e.lifted[0] // for what has no key
	keyed := len(code) >= e.maxLen
	if keyed {
		copy(key[:], code[:e.maxLen])
		l = &e.lifted[key.hash()]
		if l.valid && l.key == key {
			return l, nil
		}
	}
	in, ok := e.ISA.Decode(code)
	if !ok {
		var both [2 * core.MaxInsn]byte
		n := copy(both[:], code)
		more, f := e.codeAt(pc+uint64(n), core.MaxInsn)
		if f != nil {
			return nil, f
		}
		n += copy(both[n:], more)
		if in, ok = e.ISA.Decode(both[:n]); !ok {
			panic("BUG: engine: an instruction longer than core.MaxInsn bytes")
		}
	}
	l.valid, l.key, l.in = keyed, key, in
	e.builder.Reset()
	isa.LiftInsn(&e.builder, e.ISA, &in, 0)
	l.block.Nodes = append(l.block.Nodes[:0], e.builder.Nodes...)
	return l, nil
}

func (e *Engine) codeAt(pc uint64, n int) ([]byte, *isa.Fault) {
	frame, _, f := e.codeFrame(pc)
	if f != nil {
		return nil, f
	}
	at := frame<<core.PageShift + int(pc&core.PageMask)
	return e.RAM.Bytes[at : at+n], nil
}

// codeFrame is the RAM frame from which the instruction at pc is fetched.
func (e *Engine) codeFrame(pc uint64) (frame int, global bool, f *isa.Fault) {
	s := &e.jump.sets[core.CodeMode(e.S.Mode)]
	if p := s.page(pc); p != nil {
		return int(p.frame), p.global, nil
	}
	m, f := e.Priv.Translate(pc, isa.AccessExec)
	if f != nil {
		return 0, false, f
	}
	frame, ok := e.RAM.Frame(m.Phys)
	if !ok {
		return 0, false, e.Priv.AccessFault(pc, isa.AccessExec)
	}
	s.add(pc, frame, m.Global)
	return frame, m.Global, nil
}

// execute runs one decoded instruction.
func (e *Engine) execute(l *liftedInsn) *isa.Fault {
	in := &l.in
	for tries := 0; ; tries++ {
		if e.forms[in.Form].Lift != nil {
			out, err := e.eval.Eval(&l.block, e.S, e.S.PC, (*guestMemory)(e))
			if err != nil {
				return err.(*isa.Fault)
			}
			if out == ir.Continue {
				return nil
			}
		}
		retry, f := e.Priv.System(in)
		if f != nil || !retry {
			return f
		}
		if tries > 0 {
			panic("BUG: engine: form " + e.forms[in.Form].Name + " leaves for ever")
		}
	}
}

// guestMemory is the engine as ir.Memory: any address, any alignment, devices
// included.
type guestMemory Engine

func (g *guestMemory) Load(va uint64, size int) (uint64, error) {
	return (*Engine)(g).load(va, size, isa.AccessRead)
}

func (g *guestMemory) LoadForStore(va uint64, size int) (uint64, error) {
	return (*Engine)(g).load(va, size, isa.AccessWrite)
}

func (e *Engine) load(va uint64, size int, a isa.Access) (uint64, error) {
	if int(va&core.PageMask)+size > core.PageSize {
		return e.loadBytes(va, size, a)
	}
	m, f := e.Priv.Translate(va, a)
	if f != nil {
		return 0, f
	}
	pa := m.Phys | va&core.PageMask
	if v, ok := e.RAM.Load(pa, size); ok {
		return v, nil
	}
	if v, ok := e.Platform.MMIORead(pa, size); ok {
		return v, nil
	}
	return 0, e.Priv.AccessFault(va, a)
}

func (e *Engine) loadBytes(va uint64, size int, a isa.Access) (v uint64, err error) {
	for i := range size {
		b, err := e.load(va+uint64(i), 1, a)
		if err != nil {
			return 0, err
		}
		v |= b << (8 * i)
	}
	return v, nil
}

func (g *guestMemory) Store(va uint64, size int, v uint64) error {
	e := (*Engine)(g)
	if int(va&core.PageMask)+size > core.PageSize {
		// Both pages must accept the store before either changes.
		if err := g.CheckStore(va, size); err != nil {
			return err
		}
		for i := range size {
			if err := g.Store(va+uint64(i), 1, v>>(8*i)&0xff); err != nil {
				return err
			}
		}
		return nil
	}
	m, f := e.Priv.Translate(va, isa.AccessWrite)
	if f != nil {
		return f
	}
	pa := m.Phys | va&core.PageMask
	if frame, ok := e.RAM.Frame(pa); ok {
		e.code.stored(frame, int(pa&core.PageMask), size)
		e.RAM.Store(pa, size, v)
		return nil
	}
	if e.Platform.MMIOWrite(pa, size, v) {
		return nil
	}
	return e.Priv.AccessFault(va, isa.AccessWrite)
}

// CheckStore is a store's faults of address translation.
func (g *guestMemory) CheckStore(va uint64, size int) error {
	for _, at := range [2]uint64{va, va + uint64(size) - 1} {
		if _, f := g.Priv.Translate(at, isa.AccessWrite); f != nil {
			return f
		}
	}
	return nil
}
