package wasm

import "io"

// WriteTo writes the module: sections in the order of the specification,
// shortest LEB128 everywhere, so that equal modules give equal bytes. Segments
// and bodies are written from where they lie, never copied.
func (m *Module) WriteTo(w io.Writer) (int64, error) {
	var e encoder
	m.encode(&e)
	var n int64
	for _, c := range e.finish() {
		k, err := w.Write(c)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Encode returns the module's bytes.
func (m *Module) Encode() []byte {
	var e encoder
	m.encode(&e)
	chunks := e.finish()
	size := 0
	for _, c := range chunks {
		size += len(c)
	}
	out := make([]byte, 0, size)
	for _, c := range chunks {
		out = append(out, c...)
	}
	return out
}

// Size returns the length of the encoded module in bytes.
func (m *Module) Size() int64 {
	var e encoder
	m.encode(&e)
	e.flush()
	return int64(e.size)
}

// Size returns the bytes that the segment takes in the file.
func (s *Data) Size() int64 {
	var e encoder
	e.data(s)
	e.flush()
	return int64(e.size)
}

// encoder collects the output as chunks: small things in cur, large ones as
// references.
type encoder struct {
	chunks [][]byte
	size   int // of chunks
	cur    []byte
}

// largeBytes is from where a reference costs less than a copy.
const largeBytes = 4096

func (e *encoder) flush() {
	if len(e.cur) > 0 {
		e.chunks = append(e.chunks, e.cur)
		e.size += len(e.cur)
		e.cur = nil
	}
}

func (e *encoder) finish() [][]byte {
	e.flush()
	return e.chunks
}

func (e *encoder) raw(b []byte) {
	if len(b) < largeBytes {
		e.cur = append(e.cur, b...)
		return
	}
	e.flush()
	e.chunks = append(e.chunks, b)
	e.size += len(b)
}

func (e *encoder) byte(b byte)   { e.cur = append(e.cur, b) }
func (e *encoder) u(v int)       { e.cur = AppendU(e.cur, uint64(v)) }
func (e *encoder) u32(v uint32)  { e.cur = AppendU(e.cur, uint64(v)) }
func (e *encoder) name(s string) { e.cur = appendName(e.cur, s) }

// sized writes what fill writes behind its size in bytes.
func (e *encoder) sized(fill func(*encoder)) {
	var in encoder
	fill(&in)
	in.flush()
	e.u(in.size)
	for _, c := range in.chunks {
		e.raw(c)
	}
}

// vector writes section id with n items, or nothing for no items.
func (e *encoder) vector(id byte, n int, item func(e *encoder, i int)) {
	if n == 0 {
		return
	}
	e.byte(id)
	e.sized(func(e *encoder) {
		e.u(n)
		for i := range n {
			item(e, i)
		}
	})
}

func (m *Module) encode(e *encoder) {
	e.cur = append(e.cur, header...)
	e.vector(secType, len(m.Types), func(e *encoder, i int) {
		e.byte(0x60)
		e.valTypes(m.Types[i].Params)
		e.valTypes(m.Types[i].Results)
	})
	e.vector(secImport, len(m.Imports), func(e *encoder, i int) { e.importDesc(&m.Imports[i]) })
	e.vector(secFunc, len(m.Funcs), func(e *encoder, i int) { e.u32(m.Funcs[i]) })
	e.vector(secTable, len(m.Tables), func(e *encoder, i int) { e.table(m.Tables[i]) })
	e.vector(secMemory, len(m.Memories), func(e *encoder, i int) { e.limits(m.Memories[i]) })
	e.vector(secGlobal, len(m.Globals), func(e *encoder, i int) {
		e.globalType(m.Globals[i].GlobalType)
		e.expr(m.Globals[i].Init)
	})
	e.vector(secExport, len(m.Exports), func(e *encoder, i int) {
		e.name(m.Exports[i].Name)
		e.byte(byte(m.Exports[i].Kind))
		e.u32(m.Exports[i].Index)
	})
	if m.HasStart {
		e.byte(secStart)
		e.sized(func(e *encoder) { e.u32(m.Start) })
	}
	e.vector(secElem, len(m.Elems), func(e *encoder, i int) { e.elem(&m.Elems[i]) })
	if m.passiveData() {
		e.byte(secDataCount)
		e.sized(func(e *encoder) { e.u(len(m.Data)) })
	}
	e.vector(secCode, len(m.Bodies), func(e *encoder, i int) {
		e.u(len(m.Bodies[i]))
		e.raw(m.Bodies[i])
	})
	e.vector(secData, len(m.Data), func(e *encoder, i int) { e.data(&m.Data[i]) })
	for _, c := range m.Customs {
		e.byte(secCustom)
		e.sized(func(e *encoder) {
			e.name(c.Name)
			e.raw(c.Data)
		})
	}
}

// passiveData reports whether the module needs a data count section: only
// passive segments are named by code.
func (m *Module) passiveData() bool {
	for i := range m.Data {
		if m.Data[i].Mode == Passive {
			return true
		}
	}
	return false
}

func (e *encoder) valTypes(ts []ValType) {
	e.u(len(ts))
	for _, t := range ts {
		e.byte(byte(t))
	}
}

func (e *encoder) importDesc(im *Import) {
	e.name(im.Module)
	e.name(im.Name)
	e.byte(byte(im.Kind))
	switch im.Kind {
	case KindFunc:
		e.u32(im.Type)
	case KindTable:
		e.table(im.Table)
	case KindMemory:
		e.limits(im.Memory)
	case KindGlobal:
		e.globalType(im.Global)
	}
}

func (e *encoder) limits(l Limits) {
	if !l.HasMax {
		e.byte(0)
		e.u32(l.Min)
		return
	}
	e.byte(1)
	e.u32(l.Min)
	e.u32(l.Max)
}

func (e *encoder) table(t Table) {
	e.byte(byte(t.Type))
	e.limits(t.Limits)
}

func (e *encoder) globalType(t GlobalType) {
	e.byte(byte(t.Type))
	if t.Mutable {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) expr(x Expr) {
	e.raw(x)
	e.byte(byte(OpEnd))
}

func (e *encoder) elem(s *Elem) {
	flags := byte(0)
	switch s.Mode {
	case Active:
		// Form 0 (4) has neither table nor type.
		if s.Table != 0 || s.Type != FuncRef {
			flags = 2
		}
	case Passive:
		flags = 1
	case Declarative:
		flags = 3
	}
	if s.Exprs != nil {
		flags |= 4
	}
	e.byte(flags)
	if s.Mode == Active {
		if flags&2 != 0 {
			e.u32(s.Table)
		}
		e.expr(s.Offset)
	}
	if flags&3 != 0 {
		if s.Exprs != nil {
			e.byte(byte(s.Type))
		} else {
			e.byte(0)
		}
	}
	if s.Exprs != nil {
		e.u(len(s.Exprs))
		for _, x := range s.Exprs {
			e.expr(x)
		}
		return
	}
	e.u(len(s.Funcs))
	for _, f := range s.Funcs {
		e.u32(f)
	}
}

func (e *encoder) data(s *Data) {
	if s.Mode == Passive {
		e.byte(1)
	} else {
		e.byte(0)
		e.expr(s.Offset)
	}
	e.u(len(s.Bytes))
	e.raw(s.Bytes)
}

// Encode returns the function's body as [Module.Bodies] holds it: local
// declarations, run-length encoded, and code with its symbols resolved.
func (f *Func) Encode(r Resolver) ([]byte, error) {
	code, err := f.Body.Resolve(r)
	if err != nil {
		return nil, err
	}
	var runs, n int
	var decl []byte
	for i := 0; i < len(f.Locals); i += n {
		for n = 1; i+n < len(f.Locals) && f.Locals[i+n] == f.Locals[i]; n++ {
		}
		decl = append(AppendU(decl, uint64(n)), byte(f.Locals[i]))
		runs++
	}
	out := make([]byte, 0, len(decl)+len(code)+4)
	out = append(AppendU(out, uint64(runs)), decl...)
	out = append(out, code...)
	return append(out, byte(OpEnd)), nil
}
