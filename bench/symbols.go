package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/c2w/c2w/internal/convert/machinewasm"
	"github.com/c2w/c2w/internal/cpu/abi"
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

func readSymbols(ctx context.Context, file string) (*symbols, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	own, err := machinewasm.Find(ctx, machinewasm.FromEnvironment())
	if err != nil {
		return nil, err
	}
	return newSymbols(b, own.Module)
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
	}
	if s.imports > s.gofuncs || s.core >= s.end {
		return nil, errors.New("the file was not made with this machine")
	}
	if s.pages, err = pageFunctions(m); err != nil {
		return nil, err
	}
	largest := 0
	for i := s.core; i < s.end; i++ {
		if _, page := s.pages[i]; page {
			continue
		}
		if n := len(m.Bodies[i-s.imports]); n > largest {
			s.interp, largest = i, n
		}
	}
	section, _ := own.Custom("name")
	s.names = functionNames(section)
	return s, nil
}

// pageFunctions numbers the page functions of a file: they fill the core's table
// behind the hooks.
func pageFunctions(m *wasm.Module) (map[uint32]int, error) {
	table, ok := m.Export("c2w_table")
	if !ok || table.Kind != wasm.KindTable {
		return nil, errors.New("the file has no table of page functions")
	}
	pages := map[uint32]int{}
	for _, e := range m.Elems {
		if e.Mode != wasm.Active || e.Table != table.Index {
			continue
		}
		at, ok := e.Offset.I32()
		if !ok {
			return nil, errors.New("the file was not made by c2w")
		}
		for i, f := range e.Funcs {
			if slot := int(at) + i; slot >= abi.FirstPage {
				pages[f] = slot - abi.FirstPage
			}
		}
	}
	return pages, nil
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
