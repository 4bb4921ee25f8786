package wasm

// Module is a module's contents, section by section (5.5). Byte slices of a
// parsed module alias the input. Nothing here is renumbered automatically:
// whoever adds an import must know what that does to indexes.
type Module struct {
	Types   []FuncType
	Imports []Import
	// Funcs holds the type indexes of the functions that the module defines;
	// Bodies their bodies, in the same order: local declarations and
	// instructions up to the closing end, without the leading size.
	Funcs  []uint32
	Bodies [][]byte

	Tables   []Table
	Memories []Limits
	Globals  []Global
	Exports  []Export
	// Start is the start function's index if HasStart.
	HasStart bool
	Start    uint32
	Elems    []Elem
	Data     []Data
	// Customs are the custom sections in file order. They are written behind
	// everything else, where the name section has to be.
	Customs []Custom
}

// Kind is what an import or export is (5.5.5, 5.5.10).
type Kind byte

// The kinds in their binary encoding.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
)

// Import is one import. Of the descriptions only the one of its kind is set.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32 // KindFunc: type index
	Table        Table
	Memory       Limits
	Global       GlobalType
}

// Limits bound a memory in pages of 64 KiB, a table in elements.
type Limits struct {
	Min, Max uint32
	HasMax   bool
}

// Table is a table's type.
type Table struct {
	Type   ValType
	Limits Limits
}

// GlobalType is a global's type.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// Global is a defined global.
type Global struct {
	GlobalType
	Init Expr
}

// Export is one export. Index counts in the index space of Kind.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// SegmentMode says when a segment is copied.
type SegmentMode byte

// The modes of segments. Declarative exists for elements only.
const (
	Active SegmentMode = iota
	Passive
	Declarative
)

// Elem is an element segment. It holds function indexes, or constant
// expressions if Exprs is not nil.
type Elem struct {
	Mode   SegmentMode
	Table  uint32 // Active
	Offset Expr   // Active
	Type   ValType
	Funcs  []uint32
	Exprs  []Expr
}

// Data is a data segment. Offset counts if Mode is Active.
type Data struct {
	Mode   SegmentMode
	Offset Expr
	Bytes  []byte
}

// Custom is a custom section.
type Custom struct {
	Name string
	Data []byte
}

// PageSize is the unit of memory limits, in bytes.
const PageSize = 65536

// Expr is a constant expression (5.4.9) without the closing end.
type Expr []byte

// ConstI32 is the expression i32.const v.
func ConstI32(v int32) Expr { return AppendS([]byte{byte(OpI32Const)}, int64(v)) }

// I32 returns v of the expression i32.const v.
func (e Expr) I32() (v int32, ok bool) {
	it := NewInstrs(e)
	if !it.Next() || it.Op != OpI32Const {
		return 0, false
	}
	v = int32(it.Int)
	return v, !it.Next() && it.Err() == nil
}

// ImportedFuncs returns the number of imported functions, which is the index
// of the first defined one.
func (m *Module) ImportedFuncs() int { return m.imported(KindFunc) }

// ImportedGlobals returns the number of imported globals.
func (m *Module) ImportedGlobals() int { return m.imported(KindGlobal) }

func (m *Module) imported(k Kind) (n int) {
	for i := range m.Imports {
		if m.Imports[i].Kind == k {
			n++
		}
	}
	return n
}

// FuncType returns the signature of function index f.
func (m *Module) FuncType(f uint32) (FuncType, bool) {
	n := uint32(0)
	for i := range m.Imports {
		if m.Imports[i].Kind != KindFunc {
			continue
		}
		if n == f {
			return m.Types[m.Imports[i].Type], true
		}
		n++
	}
	if f < n || uint64(f-n) >= uint64(len(m.Funcs)) {
		return FuncType{}, false
	}
	return m.Types[m.Funcs[f-n]], true
}

// Export returns the export of the given name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// Custom returns the contents of the first custom section of that name.
func (m *Module) Custom(name string) ([]byte, bool) {
	for _, c := range m.Customs {
		if c.Name == name {
			return c.Data, true
		}
	}
	return nil, false
}

// DropCustoms removes the custom sections of the given names, such as "name"
// and "producers".
func (m *Module) DropCustoms(names ...string) {
	var kept []Custom
next:
	for _, c := range m.Customs {
		for _, n := range names {
			if c.Name == n {
				continue next
			}
		}
		kept = append(kept, c)
	}
	m.Customs = kept
}

// AddType returns the index of t, appending it if the module does not have it.
// A module with many types is better served by [TypeTable].
func (m *Module) AddType(t FuncType) uint32 { return NewTypeTable(m).Index(t) }

// TypeTable finds and adds the types of a module by signature.
type TypeTable struct {
	m     *Module
	byKey map[string]uint32
}

// NewTypeTable indexes the types of m, to which it adds.
func NewTypeTable(m *Module) *TypeTable {
	t := &TypeTable{m, make(map[string]uint32, len(m.Types))}
	for i, ft := range m.Types {
		if _, dup := t.byKey[ft.Key()]; !dup {
			t.byKey[ft.Key()] = uint32(i)
		}
	}
	return t
}

// Index returns the index of ft, adding it to the module if it is new.
func (t *TypeTable) Index(ft FuncType) uint32 {
	key := ft.Key()
	i, ok := t.byKey[key]
	if !ok {
		i = uint32(len(t.m.Types))
		t.m.Types = append(t.m.Types, ft)
		t.byKey[key] = i
	}
	return i
}
