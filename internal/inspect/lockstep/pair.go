package lockstep

import "github.com/c2w/c2w/internal/cpu/engine"

// Pair is one guest on two harts: Gen runs page functions, Ref does not. What
// is done to one is done to the other, and after as many instructions both must
// be in the same state.
type Pair struct{ Gen, Ref *engine.Engine }

// margin is how many instructions before the end generated code is not asked to
// run on: it runs beyond what it is asked for, up to the next branch. Go
// executes the rest.
const margin = 48

// Run runs Gen for about n instructions and Ref for exactly as many as it was
// in the end, and returns how many that is.
func (p Pair) Run(n int) int {
	gen, ref := p.Gen.Run(n), 0
	if p.Ref.Config.Run != nil && gen > margin {
		ref = p.Ref.Run(gen - margin)
	}
	ref += exactly(p.Ref, gen-ref)
	gen += exactly(p.Gen, ref-gen)
	return gen
}

// exactly executes n instructions in Go.
func exactly(e *engine.Engine, n int) (done int) {
	run := e.Config.Run
	e.Config.Run = nil
	for done < n {
		done += e.Run(n - done)
	}
	e.Config.Run = run
	return done
}
