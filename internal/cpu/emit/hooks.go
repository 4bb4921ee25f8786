package emit

import "github.com/c2w/c2w/internal/wasm"

// Hooks are abilities of a host beyond WASI. They are the first slots of the
// core's table, all of one type, and hold a default that answers "not
// available" (-1) until a host puts a function of its own there, before the
// start or while the file runs. A host that fills any slot fills HookVersion
// too; the machine asks it before it uses another.
const (
	// HookVersion (version, 0, 0) → the newest version of this list that both
	// know, at most the given one.
	HookVersion = 0
	// HookTerminal (0, 0, 0) → rows<<16 | columns of the host's terminal.
	HookTerminal = 1
	// HookCompilesLate (0, 0, 0) → 1 if the host compiles functions while they
	// run, as V8 does, 0 if they are compiled before; since version 2.
	HookCompilesLate = 2

	// HookSlots is how many slots are kept for hooks.
	HookSlots = 16
)

// HooksVersion is the version of the list of hooks.
const HooksVersion = 2

// HookUnavailable is what a hook without a host's function returns.
const HookUnavailable = -1

// HookType is the type of every hook.
var HookType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I32}}

// hookDefault is the function in slots that no host has filled.
func hookDefault() *wasm.Func {
	f := &wasm.Func{Name: "hook_default", Type: HookType}
	f.Body.I32Const(HookUnavailable)
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
	c.I32Const(HookSlots)
	c.Op(wasm.OpI32GeU)
	c.If(wasm.Void)
	c.I32Const(HookUnavailable)
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
	table := make([]int, 0, FirstPage+len(k.Pages))
	for range HookSlots {
		table = append(table, k.hookDefault)
	}
	return append(table, k.Pages...)
}
