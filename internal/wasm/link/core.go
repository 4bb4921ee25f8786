package link

import (
	"fmt"
	"sort"

	"github.com/c2w/c2w/internal/wasm"
)

// addData appends the core's segments behind Go's. Active ones must lie above
// the reserve and not overlap.
func (l *linker) addData() error {
	l.data0 = uint32(len(l.m.Data))
	if n := len(l.m.Data) + len(l.in.Data); n > 100_000 {
		return fmt.Errorf("%d data segments are more than engines take (100000)", n)
	}
	var active []*Data
	for i := range l.in.Data {
		d := &l.in.Data[i]
		s := wasm.Data{Mode: wasm.Passive, Bytes: d.Bytes}
		if !d.Passive {
			s.Mode, s.Offset = wasm.Active, wasm.ConstI32(int32(d.Addr))
			active = append(active, d)
		}
		l.m.Data = append(l.m.Data, s)
		l.report.addData(d.Label, s.Size())
	}
	sort.SliceStable(active, func(i, j int) bool { return active[i].Addr < active[j].Addr })
	end := uint64(l.in.Reserve) * wasm.PageSize
	for _, d := range active {
		if uint64(d.Addr) < end {
			return fmt.Errorf("data %q at %#x overlaps what ends at %#x", d.Label, d.Addr, end)
		}
		end = uint64(d.Addr) + uint64(len(d.Bytes))
	}
	if size := uint64(l.in.MemoryPages) * wasm.PageSize; end > size {
		return fmt.Errorf("data ends at %#x, the memory at %#x", end, size)
	}
	return nil
}

func (l *linker) resolver() wasm.Resolver {
	shift := func(base uint32, n int) func(int) (uint32, bool) {
		return func(sym int) (uint32, bool) { return base + uint32(sym), sym >= 0 && sym < n }
	}
	return wasm.Resolver{
		Func: func(sym int) (uint32, bool) {
			if sym < 0 || sym >= len(l.sym) {
				return 0, false
			}
			return l.sym[sym], true
		},
		Global: shift(l.global0, len(l.in.Globals)),
		Table:  shift(l.table0, len(l.in.Tables)),
		Data: func(sym int) (uint32, bool) {
			ok := sym >= 0 && sym < len(l.in.Data) && l.in.Data[sym].Passive
			return l.data0 + uint32(sym), ok
		},
		Type: func(t wasm.FuncType) (uint32, bool) { return l.types.Index(t), true },
	}
}

// addFuncs encodes the core's functions: those that stand for imports in front
// of Go's, the others behind.
func (l *linker) addFuncs() error {
	r := l.resolver()
	first := uint32(len(l.m.Imports))
	total := len(l.m.Funcs) + len(l.in.Funcs)
	funcs := make([]uint32, total)
	bodies := make([][]byte, total)
	for i := range l.m.Funcs {
		at := l.oldFunc[len(l.oldFunc)-len(l.m.Funcs)+i] - first
		funcs[at], bodies[at] = l.m.Funcs[i], l.m.Bodies[i]
	}
	for sym, f := range l.in.Funcs {
		body, err := f.Encode(r)
		if err != nil {
			return fmt.Errorf("core function %d %s: %w", sym, f.Name, err)
		}
		if len(body) > maxBody || len(f.Type.Params)+len(f.Locals) > wasm.MaxLocals {
			return fmt.Errorf("core function %d %s: %d bytes and %d locals are more than engines take (%d and %d)",
				sym, f.Name, len(body), len(f.Locals), maxBody, wasm.MaxLocals)
		}
		at := l.sym[sym] - first
		funcs[at], bodies[at] = l.types.Index(f.Type), body
		l.report.coreCode += int64(len(body))
	}
	l.m.Funcs, l.m.Bodies = funcs, bodies
	return nil
}

// addStart renames the initialiser and adds _start, which calls it and then
// the step function until that returns a negative number.
func (l *linker) addStart() error {
	var init uint32
	found := false
	for i := range l.m.Exports {
		switch e := &l.m.Exports[i]; e.Name {
		case "_initialize":
			e.Name, init, found = InitExport, e.Index, true
		case "_start":
			return fmt.Errorf("machine: exports _start; it must be a reactor (-buildmode=c-shared)")
		}
	}
	if !found {
		return fmt.Errorf("machine: exports no _initialize; it must be a reactor (-buildmode=c-shared)")
	}
	step, ok := l.m.Export(l.in.Step)
	if !ok || step.Kind != wasm.KindFunc {
		return fmt.Errorf("machine: exports no function %q", l.in.Step)
	}
	t, _ := l.m.FuncType(step.Index)
	wide := len(t.Results) == 1 && t.Results[0] == wasm.I64
	if len(t.Params) != 0 || len(t.Results) != 1 || !wide && t.Results[0] != wasm.I32 {
		return fmt.Errorf("machine: %s is %v, not () -> (i32) or () -> (i64)", l.in.Step, t)
	}
	f := wasm.Func{Name: "_start"}
	f.Body.Call(init)
	loop := f.Body.Loop(wasm.Void)
	f.Body.Call(step.Index)
	if wide {
		f.Body.I64Const(0)
		f.Body.Op(wasm.OpI64GeS)
	} else {
		f.Body.I32Const(0)
		f.Body.Op(wasm.OpI32GeS)
	}
	f.Body.BrIfTo(loop)
	f.Body.End()
	body, err := f.Encode(wasm.Resolver{})
	if err != nil {
		return err
	}
	l.export("_start", wasm.KindFunc, uint32(len(l.m.Imports)+len(l.m.Funcs)))
	l.m.Funcs = append(l.m.Funcs, l.types.Index(f.Type))
	l.m.Bodies = append(l.m.Bodies, body)
	return nil
}

// report counts bytes by part; the file's remainder is "other".
type report struct {
	goCode, goData, coreCode int64
	data                     []Part
}

func (r *report) addData(label string, n int64) {
	for i := range r.data {
		if r.data[i].Label == label {
			r.data[i].Bytes += n
			return
		}
	}
	r.data = append(r.data, Part{label, n})
}

// parts returns the shares of the encoded module, in file order, data by label
// in order of appearance. They add up to the file's size.
func (r *report) parts(m *wasm.Module) []Part {
	parts := []Part{{"machine code", r.goCode}, {"machine data", r.goData}, {"core code", r.coreCode}}
	parts = append(parts, r.data...)
	var custom int64
	for _, c := range m.Customs {
		custom += int64(len(c.Data))
	}
	parts = append(parts, Part{"metadata", custom})
	other := m.Size()
	for _, p := range parts {
		other -= p.Bytes
	}
	return append(parts, Part{"tables and types", other})
}

// SegmentReader returns a function (seg, off, dst, n i32) -> (i32) that copies
// n bytes from offset off of passive segment Data[seg] to memory address dst
// and returns n, or copies nothing and returns -1 if seg is not passive or the
// range is not inside of the segment or the memory. It is correct only with
// this data and this memory size. All operands are unsigned.
func SegmentReader(data []Data, memoryPages uint32) *wasm.Func {
	const seg, off, dst, n = 0, 1, 2, 3
	f := &wasm.Func{Name: "segment_read", Type: wasm.FuncType{
		Params:  []wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32},
		Results: []wasm.ValType{wasm.I32},
	}}
	c := &f.Body
	// inside leaves early with -1 unless [at, at+n) is within size bytes; in
	// 64 bits, where the sum cannot wrap.
	inside := func(at uint32, size uint64) {
		c.LocalGet(at)
		c.Op(wasm.OpI64ExtendI32U)
		c.LocalGet(n)
		c.Op(wasm.OpI64ExtendI32U)
		c.Op(wasm.OpI64Add)
		c.I64Const(int64(size))
		c.Op(wasm.OpI64GtU)
		c.If(wasm.Void)
		c.I32Const(-1)
		c.Return()
		c.End()
	}
	inside(dst, uint64(memoryPages)*wasm.PageSize)
	var passive []int
	targets := make([]uint32, len(data))
	for i := range data {
		targets[i] = ^uint32(0)
		if data[i].Passive {
			targets[i] = uint32(len(passive))
			passive = append(passive, i)
		}
	}
	// One block per segment around a br_table; behind block k's end is the
	// case of passive[k], behind the outermost the way out.
	out := c.Block(wasm.Void)
	for range passive {
		c.Block(wasm.Void)
	}
	for i, t := range targets {
		if t == ^uint32(0) {
			targets[i] = c.Rel(out)
		}
	}
	c.LocalGet(seg)
	c.BrTable(targets, c.Rel(out))
	for _, i := range passive {
		c.End()
		inside(off, uint64(len(data[i].Bytes)))
		c.LocalGet(dst)
		c.LocalGet(off)
		c.LocalGet(n)
		c.MemoryInitSym(i)
		c.LocalGet(n)
		c.Return()
	}
	c.End()
	c.I32Const(-1)
	return f
}
