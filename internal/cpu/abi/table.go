package abi

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

// FirstPage is the slot of the first page function in the core's table, behind
// the hooks.
const FirstPage = HookSlots
