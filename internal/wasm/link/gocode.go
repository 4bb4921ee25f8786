package link

import (
	"fmt"

	"github.com/c2w/c2w/internal/wasm"
)

// patchGo renumbers the Go module where functions moved, and ends its heap at
// the reserve.
func (l *linker) patchGo() error {
	m := l.m
	moved := l.moved()
	if moved {
		for i := range m.Exports {
			if m.Exports[i].Kind == wasm.KindFunc {
				m.Exports[i].Index = l.oldFunc[m.Exports[i].Index]
			}
		}
		for i := range m.Elems {
			if m.Elems[i].Exprs != nil {
				return fmt.Errorf("machine: element segment %d has expressions, which Go does not write", i)
			}
			for j, f := range m.Elems[i].Funcs {
				m.Elems[i].Funcs[j] = l.oldFunc[f]
			}
		}
	}
	for i := range m.Globals {
		it := wasm.NewInstrs(m.Globals[i].Init)
		for it.Next() {
			if it.Op == wasm.OpRefFunc || it.Op == wasm.OpGlobalGet {
				return fmt.Errorf("machine: global %d starts as %v, which Go does not write", i, it.Op)
			}
		}
	}
	p := bodyPatcher{l: l, moved: moved}
	for i := range m.Bodies {
		body, err := p.patch(m.Bodies[i])
		if err != nil {
			return fmt.Errorf("machine: function %d: %w", i, err)
		}
		m.Bodies[i] = body
		l.report.goCode += int64(len(body))
	}
	for i := range m.Data {
		l.report.goData += m.Data[i].Size()
	}
	// A second memory.size could be one that Go compares with the break, and
	// none would mean that it learns its size in a way that we do not know.
	if p.sizes != 1 || p.grows != 1 {
		return fmt.Errorf("machine: %d memory.size and %d memory.grow instead of one each", p.sizes, p.grows)
	}
	return nil
}

type bodyPatcher struct {
	l            *linker
	moved        bool
	sizes, grows int
}

// patch returns body with function indexes renumbered and the memory
// instructions replaced. Bodies without either are returned as they are.
func (p *bodyPatcher) patch(body []byte) ([]byte, error) {
	_, code, err := wasm.SplitBody(body)
	if err != nil {
		return nil, err
	}
	head := len(body) - len(code)
	var out []byte
	from := 0 // code[:from] is in out
	replace := func(it *wasm.Instrs) {
		if out == nil {
			out = append(make([]byte, 0, len(body)+16), body[:head]...)
		}
		out = append(out, code[from:it.Pos()]...)
		from = it.Pos() + len(it.Raw())
	}
	it := wasm.NewInstrs(code)
	for it.Next() {
		switch it.Op {
		case wasm.OpCall, wasm.OpRefFunc:
			if uint64(it.Index) >= uint64(len(p.l.oldFunc)) {
				return nil, fmt.Errorf("calls function %d, which does not exist", it.Index)
			}
			if now := p.l.oldFunc[it.Index]; now != it.Index {
				replace(it)
				out = wasm.AppendU(append(out, byte(it.Op)), uint64(now))
			}
		case wasm.OpMemorySize:
			p.sizes++
			replace(it)
			var c wasm.Code
			c.I32Const(int32(p.l.in.Reserve))
			out = append(out, c.Bytes()...)
		case wasm.OpMemoryGrow:
			p.grows++
			replace(it)
			var c wasm.Code
			c.Drop()
			c.I32Const(-1)
			out = append(out, c.Bytes()...)
		}
	}
	if err := it.Err(); err != nil {
		return nil, err
	}
	if out == nil {
		return body, nil
	}
	return append(out, code[from:]...), nil
}
