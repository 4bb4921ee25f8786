package emit

import "github.com/c2w/c2w/internal/cpu/ir"

// tier is what differs between the ways to run a block: where registers are,
// how code leaves, and where the program counter is.
type tier interface {
	registerTier
	exitTier
	memoryTier
	floatTier
	pc(l *lowering, next bool)
	operand(l *lowering, slot int)
	// terminator emits a node that ends the block, or the fall through (nil).
	terminator(l *lowering, n *ir.Node)
}

// registerTier is where the state's slots are.
type registerTier interface {
	// get pushes a state slot.
	get(l *lowering, loc ir.Loc, t ir.Type)
	// set takes a value for a slot: to write it now, or before anyone looks.
	set(l *lowering, loc ir.Loc, v ir.Value)
	// setsNow says that set does not wait.
	setsNow() bool
	// stateWord pushes a 32-bit word of the state.
	stateWord(l *lowering, off int)
	// cached says that reading a slot again costs no memory access.
	cached(loc ir.Loc) bool
	// inLocal brings a slot of integers into a local that stays its own; without
	// such a local it does nothing, and says so.
	inLocal(loc ir.Loc) (local uint32, ok bool)
	// home is the slot whose own local a local is, or the zero Loc.
	home(local int32) ir.Loc
}

// exitTier is how code leaves.
type exitTier interface {
	// ready comes before code that may leave, while nothing is conditional.
	ready(l *lowering)
	// exitIf pops a condition and leaves for Go to execute the instruction.
	exitIf(l *lowering)
	// missIf pops two 64-bit values and leaves, if they differ, because the TLB
	// lacks the address in l.addr.
	missIf(l *lowering, kind uint32)
	// irqCheck leaves after the instruction if State.IRQ is set.
	irqCheck(l *lowering)
	// toSlowPath pops a condition and, if it holds, goes to where the instruction is
	// executed with all that may be needed; or it does nothing, and says so.
	toSlowPath(l *lowering) bool
}

// memoryTier is how an address is found in TLBs.
type memoryTier interface {
	// tlb pops the index within a TLB (entry × size) and pushes an address to
	// which the returned offset is added to reach the entry.
	tlb(l *lowering, which int) (offset uint32)
	// accessByCopy pushes the host's address of an access that knows a shorter way
	// than by a TLB; or it does nothing, and says so.
	accessByCopy(l *lowering, n *ir.Node, which int, kind uint32) bool
}

// floatTier is how floating point is computed.
type floatTier interface {
	// floatSlot says that a slot is kept as an f64; getF64 is get as an f64.
	floatSlot(loc ir.Loc) bool
	getF64(l *lowering, loc ir.Loc)
	// interprets says that this is the interpreter.
	interprets() bool
	// helps says that what native operations do not show is for a helper, called
	// in place; elsewhere resumeIf pops a condition and leaves for the interpreter
	// to execute the instruction.
	helps(l *lowering) bool
	resumeIf(l *lowering)
	// recordMode pushes the rounding mode in the record's immediate.
	recordMode(l *lowering)
	// fpLimit and fmaBound push what results are compared with (float.go).
	fpLimit(l *lowering)
	fmaBound(l *lowering)
}
