package wasm

import "fmt"

// MaxLocals is the largest number of locals and parameters of a function that
// engines take.
const MaxLocals = 50_000

// LocalRun is a declaration of Count locals of one type.
type LocalRun struct {
	Count uint32
	Type  ValType
}

// SplitBody separates a function body into its local declarations and its
// code, which ends with the closing end. The code aliases body.
func SplitBody(body []byte) (locals []LocalRun, code []byte, err error) {
	d := decoder{b: body}
	total := uint64(0)
	for range d.count(2) {
		l := LocalRun{d.u32(), d.valType()}
		total += uint64(l.Count)
		locals = append(locals, l)
	}
	if d.err == nil && total > MaxLocals {
		d.failf("%d locals", total)
	}
	if d.err != nil {
		return nil, nil, fmt.Errorf("local declarations: %w", d.err)
	}
	return locals, body[d.pos:], nil
}

// CheckCore checks that m uses only what core 2.0 without SIMD has: no vector,
// thread, tail call, exception, reference type beyond 2.0, 64-bit or second
// memory. The error names the first thing that is outside. It checks every
// instruction's encoding and the nesting of blocks, but not types, which
// engines do.
func CheckCore(m *Module) error {
	for i, t := range m.Types {
		for _, v := range append(append([]ValType(nil), t.Params...), t.Results...) {
			if v == V128 {
				return fmt.Errorf("type %d has a v128 (SIMD)", i)
			}
		}
	}
	for i := range m.Globals {
		if m.Globals[i].Type == V128 {
			return fmt.Errorf("global %d is a v128 (SIMD)", i)
		}
	}
	first := m.ImportedFuncs()
	for i, body := range m.Bodies {
		if err := checkBody(body); err != nil {
			return fmt.Errorf("function %d: %w", first+i, err)
		}
	}
	return nil
}

func checkBody(body []byte) error {
	locals, code, err := SplitBody(body)
	if err != nil {
		return err
	}
	for _, l := range locals {
		if l.Type == V128 {
			return fmt.Errorf("a local is a v128 (SIMD)")
		}
	}
	it := NewInstrs(code)
	for it.Next() {
	}
	if err := it.Err(); err != nil {
		return err
	}
	if it.Depth() != -1 {
		return fmt.Errorf("the code ends inside of a block")
	}
	return nil
}
