package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/c2w/c2w/internal/machinewasm"
	"github.com/c2w/c2w/internal/wasm"
)

// symbols says what the functions of a converted file are. The file carries no
// names: the linker puts those of the core that Go calls in the places of Go's
// imports, leaves Go's own where they were, and appends the rest of the core
// (internal/wasm/link).
type symbols struct {
	imports, gofuncs, core, end uint32         // where the imports end, Go's begin, the appended ones begin and end
	interp                      uint32         // the interpreter, which is larger than any other of the core
	pages                       map[uint32]int // page functions, numbered in the order of their slots
	names                       map[uint32]string
}

// Groups of functions.
const (
	groupPages  = "page functions"
	groupInterp = "interpreter"
	groupCore   = "dispatcher and helpers"
	groupGo     = "Go"
	groupHost   = "engine and system"
)

// pageType is the type of page functions, (page, entry) -> next pc, which no
// other function of the core has (internal/emit).
var pageType = wasm.FuncType{Params: []wasm.ValType{wasm.I64, wasm.I32}, Results: []wasm.ValType{wasm.I64}}

func readSymbols(file string) (*symbols, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	own, err := machineModule()
	if err != nil {
		return nil, err
	}
	return newSymbols(b, own)
}

// machineModule is the module that c2w puts into files.
func machineModule() ([]byte, error) {
	if name := os.Getenv("C2W_MACHINE"); name != "" {
		return os.ReadFile(name)
	}
	return machinewasm.Module()
}

func newSymbols(file, machine []byte) (*symbols, error) {
	m, err := wasm.Parse(file)
	if err != nil {
		return nil, err
	}
	own, err := wasm.Parse(machine)
	if err != nil {
		return nil, fmt.Errorf("the machine: %w", err)
	}
	s := &symbols{
		imports: uint32(len(m.Imports)), gofuncs: uint32(len(own.Imports)),
		core: uint32(len(own.Imports) + len(own.Funcs)), end: uint32(len(m.Imports) + len(m.Funcs)),
		pages: map[uint32]int{},
	}
	if s.imports > s.gofuncs || s.core >= s.end {
		return nil, errors.New("the file was not made with this machine")
	}
	largest := 0
	for i := s.core; i < s.end; i++ {
		t, _ := m.FuncType(i)
		if t.Key() == pageType.Key() {
			s.pages[i] = len(s.pages)
		} else if n := len(m.Bodies[i-s.imports]); n > largest {
			s.interp, largest = i, n
		}
	}
	section, _ := own.Custom("name")
	s.names = functionNames(section)
	return s, nil
}

// functionNames reads the names of functions from a name section (core
// specification 2.0, appendix 7.4), as far as it is well-formed.
func functionNames(section []byte) map[uint32]string {
	names := map[uint32]string{}
	r := bytes.NewReader(section)
	number := func() int64 {
		n, err := binary.ReadUvarint(r)
		if err != nil || n > 1<<31 {
			return -1
		}
		return int64(n)
	}
	for {
		id, err := r.ReadByte()
		size := number()
		if err != nil || size < 0 || size > int64(r.Len()) {
			return names
		}
		if id != 1 { // not those of functions
			r.Seek(size, 1)
			continue
		}
		for range number() {
			i, n := number(), number()
			if i < 0 || n < 0 || n > int64(r.Len()) {
				return names
			}
			b := make([]byte, n)
			r.Read(b)
			names[uint32(i)] = string(b)
		}
	}
}

// lookup returns the group of a function and what it is called.
func (s *symbols) lookup(i uint32) (group, name string) {
	if n, ok := s.pages[i]; ok {
		return groupPages, fmt.Sprintf("page function %d", n)
	}
	switch {
	case i < s.imports || i >= s.end:
		return groupHost, fmt.Sprintf("import %d", i)
	case i == s.interp:
		return groupInterp, "interpreter"
	case i < s.gofuncs:
		return groupCore, fmt.Sprintf("core, for Go's import %d", i)
	case i >= s.core:
		return groupCore, fmt.Sprintf("core function %d", i-s.core)
	}
	name = s.names[i]
	if name == "" {
		name = fmt.Sprintf("Go function %d", i)
	}
	return groupGo, name
}
