package dissect

import (
	"fmt"
	"slices"

	"github.com/c2w/c2w/internal/wasm"
)

// findCore collects the functions that the dispatcher and the slots of the
// table need.
func (f *File) findCore() error {
	first := uint32(f.m.ImportedFuncs())
	found := false
	for i := range f.m.Bodies {
		t, _ := f.m.FuncType(first + uint32(i))
		if len(t.Params) != 0 || len(t.Results) != 0 {
			continue
		}
		calls, err := f.callsTable(i)
		if err != nil {
			return err
		}
		if calls && found {
			return errShape
		}
		if calls {
			found, f.run = true, first+uint32(i)
		}
	}
	if !found {
		return errShape
	}
	seen := map[uint32]bool{f.run: true}
	work := []uint32{f.run}
	add := func(fn uint32) {
		if !seen[fn] {
			seen[fn] = true
			work = append(work, fn)
		}
	}
	for _, fn := range f.slots {
		if fn != noFunc {
			add(fn)
		}
	}
	for len(work) > 0 {
		fn := work[0]
		work = work[1:]
		f.core = append(f.core, fn)
		it, err := f.code(fn)
		if err != nil {
			return err
		}
		for it.Next() {
			if it.Op == wasm.OpCall || it.Op == wasm.OpRefFunc {
				add(it.Index)
			}
		}
		if err := it.Err(); err != nil {
			return fmt.Errorf("function %d: %w", fn, err)
		}
	}
	slices.Sort(f.core)
	f.moved = make(map[uint32]int, len(f.core))
	for i, fn := range f.core {
		f.moved[fn] = i
	}
	return nil
}

// code iterates over a function of the file.
func (f *File) code(fn uint32) (*wasm.Instrs, error) {
	body, _, err := f.body(fn)
	if err != nil {
		return nil, err
	}
	return wasm.NewInstrs(body), nil
}

func (f *File) body(fn uint32) (code, whole []byte, err error) {
	first := uint32(f.m.ImportedFuncs())
	if fn < first || uint64(fn-first) >= uint64(len(f.m.Bodies)) {
		return nil, nil, fmt.Errorf("the core calls function %d, which is not its own: %w", fn, errShape)
	}
	whole = f.m.Bodies[fn-first]
	_, code, err = wasm.SplitBody(whole)
	return code, whole, err
}

// callsTable says that a function calls through the core's table.
func (f *File) callsTable(i int) (bool, error) {
	_, code, err := wasm.SplitBody(f.m.Bodies[i])
	if err != nil {
		return false, err
	}
	it := wasm.NewInstrs(code)
	for it.Next() {
		if it.Op == wasm.OpCallIndirect && it.Index2 == f.table {
			return true, nil
		}
	}
	return false, it.Err()
}

// renumber returns the body of a function for the core's module.
func (f *File) renumber(fn uint32) ([]byte, error) {
	code, whole, err := f.body(fn)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(whole)), whole[:len(whole)-len(code)]...)
	it := wasm.NewInstrs(code)
	for it.Next() {
		switch it.Op {
		case wasm.OpCall, wasm.OpRefFunc:
			out = wasm.AppendU(append(out, byte(it.Op)), uint64(f.moved[it.Index]))
		case wasm.OpCallIndirect:
			if it.Index2 != f.table {
				return nil, errShape
			}
			out = wasm.AppendU(wasm.AppendU(append(out, byte(it.Op)), uint64(it.Index)), 0)
		case wasm.OpGlobalGet, wasm.OpGlobalSet, wasm.OpMemoryInit, wasm.OpDataDrop:
			return nil, fmt.Errorf("function %d of the core has %v: %w", fn, it.Op, errShape)
		default:
			out = append(out, it.Raw()...)
		}
	}
	return out, it.Err()
}

// Core returns the core as a module of its own: its functions as they are in
// the file, the file's memory, which starts empty, and exports "run" and
// "memory", as package native wants them.
func (f *File) Core() ([]byte, error) {
	m := &wasm.Module{Types: f.m.Types, Memories: f.m.Memories}
	for _, fn := range f.core {
		body, err := f.renumber(fn)
		if err != nil {
			return nil, err
		}
		m.Funcs = append(m.Funcs, f.m.Funcs[fn-uint32(f.m.ImportedFuncs())])
		m.Bodies = append(m.Bodies, body)
	}
	slots := uint32(len(f.slots))
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: slots, Max: slots, HasMax: true}}}
	for at := 0; at < len(f.slots); {
		if f.slots[at] == noFunc {
			at++
			continue
		}
		e := wasm.Elem{Mode: wasm.Active, Offset: wasm.ConstI32(int32(at)), Type: wasm.FuncRef}
		for ; at < len(f.slots) && f.slots[at] != noFunc; at++ {
			e.Funcs = append(e.Funcs, uint32(f.moved[f.slots[at]]))
		}
		m.Elems = append(m.Elems, e)
	}
	m.Exports = []wasm.Export{
		{Name: "run", Kind: wasm.KindFunc, Index: uint32(f.moved[f.run])},
		{Name: "memory", Kind: wasm.KindMemory},
	}
	if err := wasm.CheckCore(m); err != nil {
		return nil, fmt.Errorf("the file's core: %w", err)
	}
	return m.Encode(), nil
}
