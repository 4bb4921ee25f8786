package lockstep

import (
	"encoding/binary"
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

func word(s *core.State, off int) uint64 { return binary.LittleEndian.Uint64(s.Bytes()[off:]) }

// look says what the instruction at an engine's program counter will do.
func look(e *engine.Engine) Step {
	s := Step{PC: e.S.PC, Mode: e.S.Mode}
	page := codeAt(e.RAM, e.Priv, s.PC&^core.PageMask)
	if page == nil {
		s.Bad = true
		return s
	}
	code := page[s.PC&core.PageMask:]
	in, ok := e.ISA.Decode(code)
	if !ok {
		both := append([]byte(nil), code...)
		if next := codeAt(e.RAM, e.Priv, s.PC&^core.PageMask+core.PageSize); next != nil {
			both = append(both, next[:core.MaxInsn+1]...)
		}
		if in, ok = e.ISA.Decode(both); !ok {
			s.Bad = true
			return s
		}
		code = both
	}
	s.Insn, s.Code = in, slices.Clone(code[:in.Len])
	if e.ISA.Forms()[in.Form].Lift == nil {
		return s
	}
	var b ir.Builder
	isa.LiftInsn(&b, e.ISA, &in, int(s.PC&core.PageMask))
	stores := false
	for _, n := range b.Nodes {
		switch n.Op {
		case ir.Set:
			if off := int(n.Loc.Off); !slices.Contains(s.Writes, off) {
				s.Writes = append(s.Writes, off)
			}
		case ir.Store, ir.StoreIf, ir.AtomicOp:
			stores = true
		}
	}
	if stores {
		var v ir.Evaluator
		state := *e.S
		v.Eval(&b.Block, &state, s.PC, &watch{e, &s}) // a fault ends it, as it will
	}
	return s
}

// watch is an engine's memory, into which nothing is stored.
type watch struct {
	e *engine.Engine
	s *Step
}

func (w *watch) phys(va uint64, a isa.Access) (uint64, error) {
	m, f := w.e.Priv.Translate(va, a)
	if f != nil {
		return 0, f
	}
	return m.Phys | va&core.PageMask, nil
}

func (w *watch) load(va uint64, size int, a isa.Access) (v uint64, err error) {
	for i := range size {
		pa, err := w.phys(va+uint64(i), a)
		if err != nil {
			return 0, err
		}
		b, _ := w.e.RAM.Load(pa, 1) // a device's registers are left alone
		v |= b << (8 * i)
	}
	return v, nil
}

func (w *watch) Load(va uint64, size int) (uint64, error) { return w.load(va, size, isa.AccessRead) }

func (w *watch) LoadForStore(va uint64, size int) (uint64, error) {
	return w.load(va, size, isa.AccessWrite)
}

func (w *watch) Store(va uint64, size int, _ uint64) error {
	for i := range size {
		pa, err := w.phys(va+uint64(i), isa.AccessWrite)
		if err != nil {
			return err
		}
		w.s.Stores = append(w.s.Stores, store{pa})
	}
	return nil
}
