// Package hooks puts functions of the host into a file's table.
package hooks

import "github.com/c2w/c2w/internal/wasm"

// Hook is a host function for a slot of an exported table: imported by the
// adapter as env.Name.
type Hook struct {
	Slot uint32
	Name string
	Type wasm.FuncType
}

// Adapter returns a module that on instantiation puts host functions into
// slots of the table that the linked module exports. It imports the table as
// module.table, with module the name under which the host offers the linked
// module's exports, and the functions from env. This is how a host
// adds abilities that WASI does not have; the module may be instantiated before _start or c2w_init, or
// while the machine runs.
func Adapter(module, table string, hooks []Hook) []byte {
	var m wasm.Module
	types := wasm.NewTypeTable(&m)
	size := uint32(0)
	for i, h := range hooks {
		m.Imports = append(m.Imports, wasm.Import{
			Module: "env", Name: h.Name, Kind: wasm.KindFunc, Type: types.Index(h.Type),
		})
		m.Elems = append(m.Elems, wasm.Elem{
			Mode: wasm.Active, Offset: wasm.ConstI32(int32(h.Slot)), Type: wasm.FuncRef, Funcs: []uint32{uint32(i)},
		})
		size = max(size, h.Slot+1)
	}
	m.Imports = append(m.Imports, wasm.Import{
		Module: module, Name: table, Kind: wasm.KindTable,
		Table: wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: size}},
	})
	return m.Encode()
}
