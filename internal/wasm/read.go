package wasm

import "fmt"

const header = "\x00asm\x01\x00\x00\x00"

// Section numbers (5.5.2).
const (
	secCustom = iota
	secType
	secImport
	secFunc
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElem
	secCode
	secData
	secDataCount
)

var sectionNames = [...]string{
	secCustom: "custom", secType: "type", secImport: "import", secFunc: "function",
	secTable: "table", secMemory: "memory", secGlobal: "global", secExport: "export",
	secStart: "start", secElem: "element", secCode: "code", secData: "data",
	secDataCount: "data count",
}

// sectionOrder is the position of each section in the file.
var sectionOrder = [...]int{
	secType: 1, secImport: 2, secFunc: 3, secTable: 4, secMemory: 5, secGlobal: 6,
	secExport: 7, secStart: 8, secElem: 9, secDataCount: 10, secCode: 11, secData: 12,
}

// Parse reads a module. It checks every length and that indexes outside of
// code name something that exists; it does not look into function bodies, see
// [CheckCore]. The result aliases b.
func Parse(b []byte) (*Module, error) {
	if len(b) < len(header) || string(b[:4]) != header[:4] {
		return nil, fmt.Errorf("parsing WebAssembly: no module header")
	}
	if string(b[:len(header)]) != header {
		return nil, fmt.Errorf("parsing WebAssembly: version %x is not 1", b[4:8])
	}
	p := parser{m: &Module{}}
	d := decoder{b: b, pos: len(header)}
	last := 0
	for d.more() {
		at := d.pos
		id := int(d.byte())
		body := d.bytes(d.u32())
		if d.err != nil {
			return nil, fmt.Errorf("parsing WebAssembly: section header at byte %d: %w", at, d.err)
		}
		if id >= len(sectionNames) {
			return nil, fmt.Errorf("parsing WebAssembly: section number %d at byte %d is unknown", id, at)
		}
		if id != secCustom {
			if sectionOrder[id] <= last {
				return nil, fmt.Errorf("parsing WebAssembly: %s section at byte %d is out of order", sectionNames[id], at)
			}
			last = sectionOrder[id]
		}
		if err := p.section(id, body); err != nil {
			return nil, fmt.Errorf("parsing WebAssembly: %s section at byte %d: %w", sectionNames[id], at, err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("parsing WebAssembly: %w", err)
	}
	return p.m, nil
}

type parser struct {
	m            *Module
	d            decoder
	hasDataCount bool
	dataCount    uint32
	// Sizes of the index spaces, imports included.
	funcs, tables, memories, globals int
}

func (p *parser) section(id int, body []byte) error {
	p.d = decoder{b: body}
	switch id {
	case secCustom:
		name := p.d.name()
		p.m.Customs = append(p.m.Customs, Custom{name, p.d.b[p.d.pos:]})
		p.d.pos = len(p.d.b)
	case secType:
		p.each(3, p.funcType)
	case secImport:
		p.each(4, p.importDesc)
	case secFunc:
		p.each(1, p.function)
	case secTable:
		p.each(3, func() { p.m.Tables = append(p.m.Tables, p.table()); p.tables++ })
	case secMemory:
		p.each(2, func() { p.m.Memories = append(p.m.Memories, p.memory()); p.memories++ })
	case secGlobal:
		p.each(3, p.global)
	case secExport:
		p.exports()
	case secStart:
		p.m.HasStart, p.m.Start = true, p.index("function", p.funcs)
	case secElem:
		p.each(2, p.elem)
	case secDataCount:
		p.hasDataCount, p.dataCount = true, p.d.u32()
	case secCode:
		p.each(3, func() { p.m.Bodies = append(p.m.Bodies, p.d.bytes(p.d.u32())) })
	case secData:
		p.each(2, p.data)
	}
	if p.d.err == nil && p.d.pos != len(p.d.b) {
		p.d.failf("%d bytes too many", len(p.d.b)-p.d.pos)
	}
	return p.d.err
}

// finish checks what spans sections.
func (p *parser) finish() error {
	switch m := p.m; {
	case len(m.Funcs) != len(m.Bodies):
		return fmt.Errorf("%d functions have %d bodies", len(m.Funcs), len(m.Bodies))
	case p.hasDataCount && int64(p.dataCount) != int64(len(m.Data)):
		return fmt.Errorf("the data count is %d, the data section has %d segments", p.dataCount, len(m.Data))
	case p.memories > 1:
		return fmt.Errorf("%d memories (multiple memories) are not part of core 2.0", p.memories)
	}
	return nil
}

// each reads a vector whose items take at least min bytes.
func (p *parser) each(min int, item func()) {
	for i, n := 0, p.d.count(min); i < n; i++ {
		if item(); p.d.err != nil {
			p.d.err = fmt.Errorf("item %d: %w", i, p.d.err)
			return
		}
	}
}

// index reads an index below n.
func (p *parser) index(what string, n int) uint32 {
	i := p.d.u32()
	if p.d.err == nil && uint64(i) >= uint64(n) {
		p.d.failf("%s %d of %d does not exist", what, i, n)
	}
	return i
}

func (p *parser) funcType() {
	if b := p.d.byte(); p.d.err == nil && b != 0x60 {
		p.d.failf("%#x is no function type", b)
	}
	p.m.Types = append(p.m.Types, FuncType{p.valTypes(), p.valTypes()})
}

func (p *parser) valTypes() []ValType {
	n := p.d.count(1)
	if n == 0 {
		return nil
	}
	ts := make([]ValType, n)
	for i := range ts {
		ts[i] = p.d.valType()
	}
	return ts
}

func (p *parser) importDesc() {
	im := Import{Module: p.d.name(), Name: p.d.name(), Kind: Kind(p.d.byte())}
	switch im.Kind {
	case KindFunc:
		im.Type = p.index("type", len(p.m.Types))
		p.funcs++
	case KindTable:
		im.Table = p.table()
		p.tables++
	case KindMemory:
		im.Memory = p.memory()
		p.memories++
	case KindGlobal:
		im.Global = p.globalType()
		p.globals++
	default:
		p.d.failf("import of kind %d", im.Kind)
	}
	p.m.Imports = append(p.m.Imports, im)
}

func (p *parser) function() {
	p.m.Funcs = append(p.m.Funcs, p.index("type", len(p.m.Types)))
	p.funcs++
}

func (p *parser) limits() Limits {
	l := Limits{HasMax: p.d.flag("limits (shared and 64-bit memories are not part of core 2.0)")}
	l.Min = p.d.u32()
	if l.HasMax {
		if l.Max = p.d.u32(); p.d.err == nil && l.Max < l.Min {
			p.d.failf("maximum %d is below minimum %d", l.Max, l.Min)
		}
	}
	return l
}

func (p *parser) memory() Limits {
	l := p.limits()
	if p.d.err == nil && (l.Min > 65536 || l.HasMax && l.Max > 65536) {
		p.d.failf("a memory of more than 65536 pages")
	}
	return l
}

func (p *parser) table() Table { return Table{p.d.refType(), p.limits()} }

func (p *parser) globalType() GlobalType {
	return GlobalType{p.d.valType(), p.d.flag("mutability")}
}

func (p *parser) global() {
	p.m.Globals = append(p.m.Globals, Global{p.globalType(), p.expr()})
	p.globals++
}

func (p *parser) exports() {
	seen := make(map[string]bool)
	p.each(3, func() {
		e := Export{Name: p.d.name(), Kind: Kind(p.d.byte())}
		if p.d.err == nil && e.Kind > KindGlobal {
			p.d.failf("export of kind %d", e.Kind)
			return
		}
		e.Index = p.index("export", [...]int{p.funcs, p.tables, p.memories, p.globals}[e.Kind])
		if seen[e.Name] {
			p.d.failf("a second export named %q", e.Name)
		}
		seen[e.Name] = true
		p.m.Exports = append(p.m.Exports, e)
	})
}

// expr reads a constant expression and returns it without its end.
func (p *parser) expr() Expr {
	it := NewInstrs(p.d.b[p.d.pos:])
	for it.Next() {
		switch it.Op {
		case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpRefNull:
		case OpGlobalGet:
			if uint64(it.Index) >= uint64(p.globals) {
				p.d.failf("global %d of %d does not exist", it.Index, p.globals)
				return nil
			}
		case OpRefFunc:
			if uint64(it.Index) >= uint64(p.funcs) {
				p.d.failf("function %d of %d does not exist", it.Index, p.funcs)
				return nil
			}
		case OpEnd:
			return Expr(p.d.bytes(uint32(it.Pos() + 1))[:it.Pos():it.Pos()])
		default:
			p.d.failf("%v in a constant expression", it.Op)
			return nil
		}
	}
	if err := it.Err(); err != nil {
		p.d.fail(err)
	}
	p.d.fail(errEnd)
	return nil
}

// elem reads an element segment; the eight forms of 5.5.12.
func (p *parser) elem() {
	flags := p.d.u32()
	if flags > 7 {
		p.d.failf("element segment of form %d", flags)
		return
	}
	e := Elem{Type: FuncRef}
	switch {
	case flags&1 == 0:
		e.Mode = Active
		if flags&2 != 0 {
			e.Table = p.d.u32()
		}
		if p.d.err == nil && uint64(e.Table) >= uint64(p.tables) {
			p.d.failf("table %d of %d does not exist", e.Table, p.tables)
		}
		e.Offset = p.expr()
	case flags&2 == 0:
		e.Mode = Passive
	default:
		e.Mode = Declarative
	}
	if flags&3 != 0 {
		if flags&4 != 0 {
			e.Type = p.d.refType()
		} else if p.d.byte() != 0 {
			p.d.failf("an element kind other than function")
		}
	}
	n := p.d.count(1)
	if flags&4 != 0 {
		e.Exprs = make([]Expr, n)
		for i := range e.Exprs {
			e.Exprs[i] = p.expr()
		}
	} else {
		e.Funcs = make([]uint32, n)
		for i := range e.Funcs {
			e.Funcs[i] = p.index("function", p.funcs)
		}
	}
	p.m.Elems = append(p.m.Elems, e)
}

// data reads a data segment; the three forms of 5.5.14.
func (p *parser) data() {
	var s Data
	switch form := p.d.u32(); {
	case p.d.err != nil:
	case form == 1:
		s.Mode = Passive
	case form == 0 || form == 2:
		if form == 2 && p.d.u32() != 0 {
			p.d.failf("a data segment for memory other than 0 (multiple memories)")
		}
		if p.memories == 0 {
			p.d.failf("a data segment without memory")
		}
		s.Offset = p.expr()
	default:
		p.d.failf("data segment of form %d", form)
	}
	s.Bytes = p.d.bytes(p.d.u32())
	p.m.Data = append(p.m.Data, s)
}
