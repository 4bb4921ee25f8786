package emit

import (
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/wasm"
)

// translation is a page on its way to a page function: what each pass has made.
// A pass reads what those before it made, and changes nothing of it.
type translation struct {
	core  *Core
	src   *Source
	insns int // at most

	code    *codeBlocks
	lifted  *lifted
	jumps   indirectJumps
	first   *control // without slow paths
	copies  *tlbCopies
	slow    *slowPaths
	all     *lifted // slow.all
	control *control
	scopes  copyScopes
	regs    *registers
	nest    *graph.Nesting
	out     *output
}

// value is what a pass makes.
type value interface {
	fmt.Stringer
	check() error
}

// A pass is a step of the translation.
type pass struct {
	name, why string
	run       func(t *translation) value
}

// passes are all of them, in their order.
var passes = []pass{
	{"discover", "the code that entries reach, of what ran, in basic blocks: all others ask for them",
		func(t *translation) value { t.code = discover(t.core.g, t.src, t.insns); return t.code }},
	{"lift", "what the instructions mean; behind it nothing knows the guest's ISA",
		func(t *translation) value { t.lifted = lift(t.core.g, t.code.blocks); return t.lifted }},
	{"narrow", "32 bits stay 32 bits wide, and what nobody reads goes, before uses are counted",
		func(t *translation) value { t.lifted = narrow(t.lifted); return t.lifted }},
	{"indirect jumps", "those that are likely to come back to this page stay in the function; found in the code's own blocks",
		func(t *translation) value { t.jumps = planIndirectJumps(t.lifted); return t.jumps }},
	{"control flow", "loops, each with one way in: the next two plan for loops",
		func(t *translation) value { t.first = connect(t.lifted, t.code.asked, nil); return t.first }},
	{"TLB copies", "accesses of an innermost loop that stay in a page need no lookup there",
		func(t *translation) value { t.copies = planTLBCopies(t.lifted, t.first); return t.copies }},
	{"slow paths", "what a failing check of an innermost loop needs is copied, so that the loop has none of it",
		func(t *translation) value {
			t.slow = planSlowPaths(t.core.g, t.lifted, t.first, t.copies)
			t.all = t.slow.all
			return t.slow
		}},
	{"control flow of all", "the copies are nodes: registers have to agree on the ways through them",
		func(t *translation) value {
			if t.control = t.first; len(t.slow.then) > 0 {
				t.control = connect(t.all, t.code.asked, t.slow)
			}
			return t.control
		}},
	{"TLB scopes", "a TLB copy is valid in the whole outermost loop around it, slow paths included",
		func(t *translation) value { t.scopes = scopeCopies(t.copies, t.control); return t.scopes }},
	{"registers", "what is in locals, the same on every way to a node",
		func(t *translation) value { t.regs = planRegisters(t.all, t.control, t.slow); return t.regs }},
	{"nesting", "Wasm has blocks and loops only",
		func(t *translation) value { t.nest = t.control.Nest(); return nesting{t.nest} }},
	{"emit", "all is decided, and is written",
		func(t *translation) value { t.out = emitPage(t); return t.out }},
}

// run executes the passes. It ends early, and returns false, if there is no code.
func (t *translation) run() bool {
	for i := range passes {
		v := passes[i].run(t)
		if see := t.core.SeePass; see != nil {
			see(t.src, Pass{passes[i].name, passes[i].why, v})
		}
		if len(t.code.blocks) == 0 {
			return false
		}
	}
	return true
}

// Pass is what a pass of a translation has made.
type Pass struct {
	Name string
	Why  string // the pass is there, and where it is
	v    value
}

// String prints what the pass has made, in lines.
func (p Pass) String() string { return p.v.String() }

// Check returns what is wrong with it; an error is a bug of this package.
func (p Pass) Check() error {
	if err := p.v.check(); err != nil {
		return fmt.Errorf("pass %s: %w", p.Name, err)
	}
	return nil
}

// nesting is a graph.Nesting as a value of a pass.
type nesting struct{ *graph.Nesting }

func (n nesting) check() error { return n.Check() }

// String prints the function's code, with symbols in place of indexes.
func (o *output) String() string {
	body, err := o.encode()
	if err != nil {
		return err.Error() + "\n"
	}
	_, code, err := wasm.SplitBody(body)
	if err != nil {
		return err.Error() + "\n"
	}
	text, err := wasm.Text(code, wasm.TextOptions{})
	if err != nil {
		text += err.Error() + "\n"
	}
	return text
}

// check: it is code, with blocks that nest.
func (o *output) check() error {
	body, err := o.encode()
	if err != nil {
		return err
	}
	_, code, err := wasm.SplitBody(body)
	if err != nil {
		return err
	}
	it := wasm.NewInstrs(code)
	for it.Next() {
	}
	if err := it.Err(); err != nil {
		return err
	}
	if it.Depth() != -1 {
		return errors.New("the code ends inside of a block")
	}
	return nil
}

func (o *output) encode() ([]byte, error) {
	types := wasm.NewTypeTable(&wasm.Module{})
	same := func(sym int) (uint32, bool) { return uint32(sym), true }
	return o.f.Encode(wasm.Resolver{Func: same, Table: same, Type: func(t wasm.FuncType) (uint32, bool) { return types.Index(t), true }})
}
