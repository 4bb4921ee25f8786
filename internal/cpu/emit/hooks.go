package emit

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/wasm"
)

// HookType is the type of every hook.
var HookType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I32}}

// hookDefault is the function in slots that no host has filled.
func hookDefault() *wasm.Func {
	f := &wasm.Func{Name: "hook_default", Type: HookType}
	f.Body.I32Const(abi.HookUnavailable)
	return f
}

// hookCall is the function (slot, a, b, c i32) -> i32 that Go calls hooks by.
func hookCall() *wasm.Func {
	f := &wasm.Func{Name: "hook", Type: wasm.FuncType{
		Params:  []wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32},
		Results: []wasm.ValType{wasm.I32},
	}}
	c := &f.Body
	c.LocalGet(0)
	c.I32Const(abi.HookSlots)
	c.Op(wasm.OpI32GeU)
	c.If(wasm.Void)
	c.I32Const(abi.HookUnavailable)
	c.Return()
	c.End()
	for i := uint32(1); i < 4; i++ {
		c.LocalGet(i)
	}
	c.LocalGet(0)
	c.CallIndirectSym(HookType, TableSym)
	return f
}

// Table lists the functions of the core's table by slot.
func (k *Core) Table() []int {
	table := make([]int, 0, abi.FirstPage+len(k.Pages))
	for range abi.HookSlots {
		table = append(table, k.hookDefault)
	}
	return append(table, k.Pages...)
}
