// Package link joins a Go program compiled to WebAssembly with generated
// functions into one module that imports WASI preview 1 and nothing else.
//
// The Go program is a reactor (GOOS=wasip1 GOARCH=wasm, -buildmode=c-shared)
// that declares what it wants from the generated side as go:wasmimport
// functions of one module name. The linker defines those imports with core
// functions and renumbers whatever that moves.
//
// # Memory
//
// The joined module's memory has a fixed size, and Go owns only its lower part:
//
//	0 … Reserve pages       Go: stack, data, heap
//	Reserve … MemoryPages   the core's: whatever Data and the core put there
//
// Go's runtime takes the end of its heap from memory.size and grows it with
// memory.grow, one place each. The linker puts the constant Reserve for the
// first and -1, "no more", for the second, so the heap ends below Reserve, and
// exhausting it is Go's own "fatal error: out of memory" on standard error and
// a trap. (Go ends reactors by a trap, commands by exit status 2; a panic that
// the step function does not recover ends the same way.) The program should
// call debug.SetMemoryLimit with three quarters of the reserve, so that the
// collector works harder before that.
//
// # Exports
//
// What the Go program exports stays, save for _initialize, which is exported as
// c2w_init: a module with _start must not have _initialize (Node refuses it).
// Command-style hosts call _start, which initialises and steps until the step
// function returns a negative number. Reactor-style hosts call c2w_init once
// and then the step function themselves.
//
// The package knows the Go toolchain's output and the binary format. It knows
// nothing of what the functions do.
package link

import (
	"fmt"

	"github.com/c2w/c2w/internal/wasm"
)

// InitExport is the name under which a reactor's _initialize is exported.
const InitExport = "c2w_init"

// WASI is the module name of the only imports that are left.
const WASI = "wasi_snapshot_preview1"

// maxBody is the largest function that all engines take, in bytes: V8's limit.
const maxBody = 7_654_321

// Input is what is joined. Code refers to the slices' items by symbols, which
// are their indexes: CallSym(3) calls Funcs[3].
type Input struct {
	// Machine is the Go module.
	Machine []byte
	// ImportModule is the module name of the imports to define, such as "c2w".
	ImportModule string
	// Defines says which function stands for which import; it must name all
	// of them and no others.
	Defines []Define
	// Step is the Go export that _start calls in a loop: () -> i32 or i64.
	Step string
	// Reserve is the part of memory that belongs to Go and MemoryPages the
	// whole, in pages of 64 KiB; Reserve ≤ MemoryPages ≤ 65536.
	Reserve, MemoryPages uint32
	// Low is the address below which Go has no data: the core may use what
	// lies between the first page of 4 KiB, whose accesses Go takes for nil
	// pointers, and Low. 0 means that the core uses nothing there.
	Low uint32

	Funcs   []*wasm.Func
	Globals []Global
	Tables  []Table
	Data    []Data
	// Exports makes core functions visible to the host.
	Exports []Export
	// Customs are written at the end of the file, in this order.
	Customs []wasm.Custom
}

// Define names the function that an import is replaced by.
type Define struct {
	Import string
	Func   int // symbol
}

// Export names a core function for the host.
type Export struct {
	Name string
	Func int // symbol
}

// Global is a global of the core. It is exported if Export is not empty.
type Global struct {
	Type   wasm.GlobalType
	Init   wasm.Expr
	Export string
}

// Table is a function table of the core. Slot i is at first Funcs[i], or null
// for NoFunc. Hosts fill slots of an exported table before or while the module
// runs: the table is how a host offers what WASI does not have, with default
// functions in the slots of hosts that do not.
type Table struct {
	// Size is the number of slots, at least len(Funcs). Max is the limit of
	// growing, 0 for none.
	Size, Max uint32
	Funcs     []int // symbols
	Export    string
}

// NoFunc leaves a table slot null.
const NoFunc = -1

// Data is a data segment. A passive one lies outside of memory until code
// copies from it (MemoryInitSym of its index); an active one is at Addr when
// the module starts. Label groups segments in the report.
type Data struct {
	Label   string
	Passive bool
	Addr    uint32
	Bytes   []byte
}

// Output is the joined module and where its bytes went.
type Output struct {
	Module *wasm.Module
	Parts  []Part

	l *linker
}

// Marked returns a core function's code, as [wasm.SplitBody] returns it, and the
// marks of that code.
func (o *Output) Marked(sym int) (code []byte, marks []wasm.Mark, err error) {
	l := o.l
	if marks, err = l.in.Funcs[sym].Body.Marks(l.resolver()); err != nil {
		return nil, nil, err
	}
	_, code, err = wasm.SplitBody(o.Module.Bodies[l.sym[sym]-uint32(len(l.m.Imports))])
	return code, marks, err
}

// Part is a share of the file.
type Part struct {
	Label string
	Bytes int64
}

type linker struct {
	in      *Input
	m       *wasm.Module
	types   *wasm.TypeTable
	oldFunc []uint32 // function index in the Go module → in the output
	sym     []uint32 // core function symbol → index in the output
	placed  []bool   // by symbol: in sym already
	// Where the core's things start in their index spaces.
	global0, table0, data0 uint32
	report                 report
}

// Link joins in. The result aliases in's byte slices.
func Link(in *Input) (*Output, error) {
	m, err := wasm.Parse(in.Machine)
	if err != nil {
		return nil, fmt.Errorf("linking: machine: %w", err)
	}
	l := &linker{in: in, m: m, types: wasm.NewTypeTable(m)}
	for _, step := range []func() error{
		l.checkMachine,
		l.number,
		l.patchGo,
		l.addGlobals,
		l.addTables,
		l.addData,
		l.addFuncs,
		l.addStart,
		l.addExports,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("linking: %w", err)
		}
	}
	m.Customs = append([]wasm.Custom(nil), in.Customs...)
	return &Output{m, l.report.parts(m), l}, nil
}

// checkMachine checks the Go module's shape and sets the memory.
func (l *linker) checkMachine() error {
	in, m := l.in, l.m
	switch {
	case in.Reserve > in.MemoryPages || in.MemoryPages > 65536:
		return fmt.Errorf("a reserve of %d pages in a memory of %d pages", in.Reserve, in.MemoryPages)
	case len(m.Memories) != 1:
		return fmt.Errorf("machine: %d memories instead of 1", len(m.Memories))
	case m.Memories[0].Min > in.Reserve:
		return fmt.Errorf("machine: needs %d pages to start, the reserve is %d", m.Memories[0].Min, in.Reserve)
	case m.HasStart:
		return fmt.Errorf("machine: has a start function; it must be a reactor (-buildmode=c-shared)")
	}
	end := uint64(in.Reserve) * wasm.PageSize
	for i := range m.Data {
		addr, ok := m.Data[i].Offset.I32()
		if ok && uint32(addr) < in.Low {
			return fmt.Errorf("machine: data at %#x is below %#x, where the core keeps its state", uint32(addr), in.Low)
		}
		if m.Data[i].Mode != wasm.Active || !ok || uint64(uint32(addr))+uint64(len(m.Data[i].Bytes)) > end {
			return fmt.Errorf("machine: data segment %d is not below the reserve's end", i)
		}
	}
	m.Memories[0] = wasm.Limits{Min: in.MemoryPages, Max: in.MemoryPages, HasMax: true}
	return nil
}

// number decides every function's index: the imports that stay, the core
// functions that stand for imports, Go's functions, the rest of the core. When
// the replaced imports come last among the imports, none of Go's functions
// moves.
func (l *linker) number() error {
	in, m := l.in, l.m
	defines := make(map[string]int, len(in.Defines))
	for _, d := range in.Defines {
		if _, dup := defines[d.Import]; dup {
			return fmt.Errorf("import %q is defined twice", d.Import)
		}
		if d.Func < 0 || d.Func >= len(in.Funcs) {
			return fmt.Errorf("import %q is defined by function symbol %d, which does not exist", d.Import, d.Func)
		}
		defines[d.Import] = d.Func
	}
	l.sym = make([]uint32, len(in.Funcs))
	l.placed = make([]bool, len(in.Funcs))
	var kept []wasm.Import
	for _, im := range m.Imports {
		switch {
		case im.Kind != wasm.KindFunc:
			return fmt.Errorf("machine: imports %s.%s, which is no function", im.Module, im.Name)
		case im.Module == WASI:
			kept = append(kept, im)
		case im.Module != in.ImportModule:
			return fmt.Errorf("machine: imports %s.%s, which is neither of %s nor of %s", im.Module, im.Name, in.ImportModule, WASI)
		}
	}
	next := uint32(len(kept))
	keptIndex := uint32(0)
	seen := make(map[string]bool)
	for _, im := range m.Imports {
		if im.Module == WASI {
			l.oldFunc = append(l.oldFunc, keptIndex)
			keptIndex++
			continue
		}
		f, ok := defines[im.Name]
		if !ok {
			return fmt.Errorf("machine: imports %s.%s, which nothing defines", im.Module, im.Name)
		}
		seen[im.Name] = true
		if want, have := m.Types[im.Type], in.Funcs[f].Type; want.Key() != have.Key() {
			return fmt.Errorf("machine: imports %s.%s as %v, its definition is %v", im.Module, im.Name, want, have)
		}
		if !l.placed[f] {
			l.placed[f] = true
			l.sym[f] = next
			next++
		}
		l.oldFunc = append(l.oldFunc, l.sym[f])
	}
	for _, d := range in.Defines {
		if !seen[d.Import] {
			return fmt.Errorf("the machine does not import %s.%s", in.ImportModule, d.Import)
		}
	}
	for range m.Funcs {
		l.oldFunc = append(l.oldFunc, next)
		next++
	}
	for f := range in.Funcs {
		if !l.placed[f] {
			l.sym[f] = next
			next++
		}
	}
	m.Imports = kept
	return nil
}

func (l *linker) moved() bool {
	for old, now := range l.oldFunc {
		if uint32(old) != now {
			return true
		}
	}
	return false
}

func (l *linker) addGlobals() error {
	l.global0 = uint32(l.m.ImportedGlobals() + len(l.m.Globals))
	for i, g := range l.in.Globals {
		l.m.Globals = append(l.m.Globals, wasm.Global{GlobalType: g.Type, Init: g.Init})
		if g.Export != "" {
			l.export(g.Export, wasm.KindGlobal, l.global0+uint32(i))
		}
	}
	return nil
}

func (l *linker) addTables() error {
	l.table0 = uint32(len(l.m.Tables))
	for i, t := range l.in.Tables {
		if uint64(len(t.Funcs)) > uint64(t.Size) || t.Max != 0 && t.Max < t.Size {
			return fmt.Errorf("table %d: %d functions in %d slots, at most %d", i, len(t.Funcs), t.Size, t.Max)
		}
		index := l.table0 + uint32(i)
		l.m.Tables = append(l.m.Tables, wasm.Table{
			Type:   wasm.FuncRef,
			Limits: wasm.Limits{Min: t.Size, Max: t.Max, HasMax: t.Max != 0},
		})
		if err := l.fillTable(index, t.Funcs); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
		if t.Export != "" {
			l.export(t.Export, wasm.KindTable, index)
		}
	}
	return nil
}

// fillTable writes one element segment per run of slots that are not null.
func (l *linker) fillTable(table uint32, funcs []int) error {
	for i := 0; i < len(funcs); {
		if funcs[i] == NoFunc {
			i++
			continue
		}
		e := wasm.Elem{Mode: wasm.Active, Table: table, Offset: wasm.ConstI32(int32(i)), Type: wasm.FuncRef}
		for ; i < len(funcs) && funcs[i] != NoFunc; i++ {
			if funcs[i] < 0 || funcs[i] >= len(l.sym) {
				return fmt.Errorf("slot %d is function symbol %d, which does not exist", i, funcs[i])
			}
			e.Funcs = append(e.Funcs, l.sym[funcs[i]])
		}
		l.m.Elems = append(l.m.Elems, e)
	}
	return nil
}

func (l *linker) export(name string, kind wasm.Kind, index uint32) {
	l.m.Exports = append(l.m.Exports, wasm.Export{Name: name, Kind: kind, Index: index})
}

func (l *linker) addExports() error {
	for _, e := range l.in.Exports {
		if e.Func < 0 || e.Func >= len(l.sym) {
			return fmt.Errorf("export %q is function symbol %d, which does not exist", e.Name, e.Func)
		}
		l.export(e.Name, wasm.KindFunc, l.sym[e.Func])
	}
	seen := make(map[string]bool, len(l.m.Exports))
	for _, e := range l.m.Exports {
		if seen[e.Name] {
			return fmt.Errorf("two exports are named %q", e.Name)
		}
		seen[e.Name] = true
	}
	return nil
}
