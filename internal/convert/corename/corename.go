// Package corename names the core that a build of the machine is for, so that a
// machine is never joined with another one's generated code.
package corename

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/wasm"
)

// Section is the custom section in which a machine's module says Name as it was at
// its build, where it is to be taken to another program (C2W_MACHINE).
const Section = "c2w.core"

// Name names the core for the machine of this program and an ISA: the layout that both have,
// and the code of dispatcher and helpers, which know more of the machine than a
// layout tells.
func Name(g isa.ISA) string {
	k := emit.NewCore(g, machine.StateBase, machine.CachesBase)
	h := xxhash.New()
	number := func(sym int) (uint32, bool) { return uint32(sym), true }
	for _, f := range k.Funcs[:k.Interp] {
		b, err := f.Encode(wasm.Resolver{Func: number, Global: number, Table: number, Data: number,
			Type: func(t wasm.FuncType) (uint32, bool) { h.WriteString(t.String()); return 0, true }})
		if err != nil {
			panic("BUG: " + err.Error())
		}
		h.Write(b)
	}
	return fmt.Sprintf("layout %08x code %016x", machine.Fingerprint(g), h.Sum64())
}
