package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/wasm"
)

// How generated code finds its way in core.Caches. What it computes are offsets
// in there: where Caches begins is in the accesses, which costs nothing in engines
// that need no bounds check for it (see machine.CachesBase).

// tlbIndex pops an address and pushes its entry's offset in a TLB.
func tlbIndex(c *wasm.Code) {
	c.I64Const(core.PageShift - 4)
	c.Op(wasm.OpI64ShrU)
	c.Op(wasm.OpI32WrapI64)
	c.I32Const((core.TLBEntries - 1) << 4)
	c.Op(wasm.OpI32And)
}

// tlbSet pops a mode and pushes the distance of its TLB set from the first one,
// at core.TLBBase.
func tlbSet(c *wasm.Code) {
	c.I32Const(core.ModeTLB)
	c.Op(wasm.OpI32Mul)
}

// jumpSet pops a mode and pushes the distance of its code mode's jump cache from
// the first one, at core.JumpBase.
func jumpSet(c *wasm.Code) {
	if core.CodeModes != 2 {
		panic("BUG: emit: code modes")
	}
	c.I32Const(0)
	c.Op(wasm.OpI32Ne)
	c.I32Const(core.JumpSize)
	c.Op(wasm.OpI32Mul)
}

// jumpsOf is the address of the jump cache of a code mode.
func jumpsOf(caches, mode uint32) uint32 {
	return caches + core.JumpBase + core.CodeMode(mode)*core.JumpSize
}

// jumpPlace pushes where in a jump cache the first entry that may serve a pc
// lies.
func jumpPlace(c *wasm.Code, pc uint32) {
	c.LocalGet(pc)
	c.Op(wasm.OpI32WrapI64)
	c.I32Const(3) // (pc >> 1) * JumpEntrySize
	c.Op(wasm.OpI32Shl)
	c.I32Const((core.JumpEntries - 1) << 4)
	c.Op(wasm.OpI32And)
}

// jumpDiffers pops the distance of an entry from the start of the jump caches, or
// of the one that is at jumps, and pushes whether the entry is of another pc.
func jumpDiffers(c *wasm.Code, jumps, pc uint32) {
	c.I64Load(3, jumps+core.JumpTag)
	c.LocalGet(pc)
	c.Op(wasm.OpI64Add)
	c.I64Const(-1)
	c.Op(wasm.OpI64Ne)
}

// findJump moves from the first jump-cache entry that may serve a pc to the one
// that does, or goes to none, which must leave.
func findJump(c *wasm.Code, jumps, pc, entry uint32, none func()) {
	for way := range core.JumpWays {
		if way > 0 {
			c.LocalGet(entry)
			c.I32Const(int32((way ^ (way - 1)) * core.JumpEntrySize))
			c.Op(wasm.OpI32Xor)
			c.LocalSet(entry)
		}
		c.LocalGet(entry)
		jumpDiffers(c, jumps, pc)
		c.If(wasm.Void)
	}
	none()
	for range core.JumpWays {
		c.End()
	}
}
