package emit

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/testkit/hooks"
	"github.com/c2w/c2w/internal/wasm"
)

// hookModule is the hook functions alone, with the table exported as in a file.
func hookModule(t *testing.T) []byte {
	t.Helper()
	m := &wasm.Module{}
	types := wasm.NewTypeTable(m)
	funcs := []*wasm.Func{hookDefault(), hookCall()}
	k := &Core{hookDefault: 0}
	e := wasm.Elem{Mode: wasm.Active, Offset: wasm.ConstI32(0), Type: wasm.FuncRef}
	for _, f := range k.Table() {
		e.Funcs = append(e.Funcs, uint32(f))
	}
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: uint32(len(e.Funcs)), Max: uint32(len(e.Funcs)), HasMax: true}}}
	m.Elems = []wasm.Elem{e}
	r := wasm.Resolver{
		Table: func(sym int) (uint32, bool) { return 0, sym == TableSym },
		Type:  func(ft wasm.FuncType) (uint32, bool) { return types.Index(ft), true },
	}
	for _, f := range funcs {
		body, err := f.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		m.Funcs, m.Bodies = append(m.Funcs, types.Index(f.Type)), append(m.Bodies, body)
	}
	m.Exports = []wasm.Export{
		{Name: "hook", Kind: wasm.KindFunc, Index: 1},
		{Name: "c2w_table", Kind: wasm.KindTable, Index: 0},
	}
	return m.Encode()
}

func TestHooks(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntime(ctx)
	defer rt.Close(ctx)
	m, err := rt.InstantiateWithConfig(ctx, hookModule(t), wazero.NewModuleConfig().WithName("file"))
	if err != nil {
		t.Fatal(err)
	}
	call := func(slot uint64) int32 {
		r, err := m.ExportedFunction("hook").Call(ctx, slot, 7, 8, 9)
		if err != nil {
			t.Fatalf("slot %d: %v", slot, err)
		}
		return int32(r[0])
	}
	for _, slot := range []uint64{abi.HookVersion, abi.HookTerminal, abi.HookSlots - 1, abi.HookSlots, 1 << 31, 1<<32 - 1} {
		if got := call(slot); got != abi.HookUnavailable {
			t.Errorf("slot %d without a host: %d", slot, got)
		}
	}
	_, err = rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithFunc(func(a, b, c int32) int32 { return a*100 + b*10 + c }).Export("terminal").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	adapter := hooks.Adapter("file", "c2w_table", []hooks.Hook{{Slot: abi.HookTerminal, Name: "terminal", Type: HookType}})
	if _, err := rt.InstantiateWithConfig(ctx, adapter, wazero.NewModuleConfig().WithName("adapter")); err != nil {
		t.Fatal(err)
	}
	if got := call(abi.HookTerminal); got != 789 {
		t.Errorf("filled slot: %d, want 789", got)
	}
	if got := call(abi.HookVersion); got != abi.HookUnavailable {
		t.Errorf("slot beside the filled one: %d", got)
	}
}
