package emit_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
	"github.com/c2w/c2w/internal/wasm"
)

// smallCore is a core whose interpreter leaves every instruction to Go: an
// engine compiles it a hundred times as fast. It is copied for use.
var smallCore = sync.OnceValue(func() *emit.Core {
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	for i := k.Interp; i < len(k.Funcs); i++ {
		f := &wasm.Func{Name: k.Funcs[i].Name, Type: k.Funcs[i].Type}
		c := &f.Body
		if i != k.Interp {
			c.Unreachable()
			k.Funcs[i] = f
			continue
		}
		c.I32Const(0)
		c.LocalGet(1) // the page's address
		c.LocalGet(0) // the record
		c.Mem(wasm.OpI64Load16U, 1, core.RecPC)
		c.Op(wasm.OpI64Add)
		c.I64Store(3, native.Base+uint32(core.OffPC))
		c.I32Const(0)
		c.I32Const(int32(core.ExitSingle))
		c.I32Store(2, native.Base+uint32(core.OffExit))
		k.Funcs[i] = f
	}
	return k
})

// FuzzPage translates any bytes with any entries: the function must be valid
// and do what the evaluator does.
func FuzzPage(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(newWild(seed).code(core.PageSize), []byte{0, 8, 50, 51, 200}, seed)
	}
	gen := isatest.NewRISCV64(3)
	f.Add(gen.Sequence(60), []byte{40, 0}, uint64(5))
	f.Add([]byte{0x01, 0x00, 0xfd, 0xbf}, []byte{0, 0, 1, 0}, uint64(1)) // c.nop; c.j back
	f.Fuzz(func(t *testing.T, b, at []byte, seed uint64) {
		p := make([]byte, core.PageSize)
		copy(p, b)
		entries := []uint16{0}
		for i := 0; i+1 < len(at) && i < 64; i += 2 {
			entries = append(entries, (uint16(at[i])|uint16(at[i+1])<<8)%core.PageSize&^1)
		}
		k := *smallCore()
		k.Funcs = slices.Clone(k.Funcs)
		k.SeePass = func(_ *emit.Source, p emit.Pass) {
			if err := p.Check(); err != nil {
				t.Errorf("%v\n%s", err, p)
			}
		}
		fn, ok := k.Translate(p, 1, entries)
		if !ok {
			return
		}
		slot, list := k.AddPage(fn), fn.Entries
		if !slices.IsSorted(list) {
			t.Fatalf("entries out of order: %v", list)
		}
		tr := &translated{bound: engine.NewBindings()}
		tr.bound.Add(engine.PageKey(p, 1), &engine.Binding{Slot: slot, Entries: list})
		c, err := native.Instantiate(&k, layout)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		tr.core = c
		if err := runPage(tr.guest(), p, seed); err != nil {
			t.Fatalf("%v\n%s", err, listing(p))
		}
	})
}
