package emit

import "github.com/c2w/c2w/internal/wasm"

var binaryType = wasm.FuncType{Params: []wasm.ValType{wasm.I64, wasm.I64}, Results: []wasm.ValType{wasm.I64}}

// mulHU emits the high half of an unsigned 64×64 product from four 32×32 ones.
func mulHU() *wasm.Func {
	f := &wasm.Func{Name: "mulhu", Type: binaryType}
	c := &f.Body
	const a, b = 0, 1
	al, ah := f.AddLocal(wasm.I64), f.AddLocal(wasm.I64)
	bl, bh := f.AddLocal(wasm.I64), f.AddLocal(wasm.I64)
	t, u := f.AddLocal(wasm.I64), f.AddLocal(wasm.I64)
	low := func(x uint32) { c.LocalGet(x); c.I64Const(0xffffffff); c.Op(wasm.OpI64And) }
	high := func(x uint32) { c.LocalGet(x); c.I64Const(32); c.Op(wasm.OpI64ShrU) }
	mul := func(x, y uint32) { c.LocalGet(x); c.LocalGet(y); c.Op(wasm.OpI64Mul) }
	low(a)
	c.LocalSet(al)
	high(a)
	c.LocalSet(ah)
	low(b)
	c.LocalSet(bl)
	high(b)
	c.LocalSet(bh)
	// t = ah·bl + (al·bl >> 32), u = al·bh + low(t): neither overflows.
	mul(ah, bl)
	mul(al, bl)
	c.I64Const(32)
	c.Op(wasm.OpI64ShrU)
	c.Op(wasm.OpI64Add)
	c.LocalSet(t)
	mul(al, bh)
	low(t)
	c.Op(wasm.OpI64Add)
	c.LocalSet(u)
	mul(ah, bh)
	high(t)
	c.Op(wasm.OpI64Add)
	high(u)
	c.Op(wasm.OpI64Add)
	return f
}

// mulHigh corrects the unsigned product for a negative first operand and, if
// both are signed, a negative second one.
func mulHigh(name string, mulHU int, both bool) *wasm.Func {
	f := &wasm.Func{Name: name, Type: binaryType}
	c := &f.Body
	correct := func(sign, other uint32) {
		c.LocalGet(sign)
		c.I64Const(63)
		c.Op(wasm.OpI64ShrS)
		c.LocalGet(other)
		c.Op(wasm.OpI64And)
		c.Op(wasm.OpI64Sub)
	}
	c.LocalGet(0)
	c.LocalGet(1)
	c.CallSym(mulHU)
	correct(0, 1)
	if both {
		correct(1, 0)
	}
	return f
}
