package aot

import (
	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
	"github.com/c2w/c2w/internal/machine"
)

// Result is what Add did.
type Result struct {
	Bindings []machine.PageBinding
	Bytes    int // of Wasm, all page functions together
}

// Add translates the profile's first pages, at most max, out of the programs
// that hold them, and adds them to a core. Pages that the programs do not have,
// or twice, are passed over, so that a profile of an older build does no harm
// but to speed. The same input gives the same functions.
func Add(k *emit.Core, p Profile, programs map[string][]byte, max int) Result {
	var r Result
	seen := map[engine.Key]bool{}
	for _, g := range p {
		if len(r.Bindings) == max {
			break
		}
		program := programs[g.Program]
		if uint64(g.Offset)+core.PageSize > uint64(len(program)) {
			continue
		}
		code := program[g.Offset : g.Offset+core.PageSize]
		key := engine.PageKey(code, g.Mode)
		if seen[key] {
			continue
		}
		f, ok := k.Translate(code, g.Mode, g.Entries)
		if !ok {
			continue
		}
		seen[key] = true
		r.Bindings = append(r.Bindings, machine.PageBinding{Key: key, Binding: engine.Binding{Slot: k.AddPage(f), Entries: f.Entries}})
		r.Bytes += f.Func.Body.Len()
	}
	return r
}
