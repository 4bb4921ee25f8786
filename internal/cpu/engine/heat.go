package engine

import "github.com/c2w/c2w/internal/cpu/core"

// heat finds the pages that execute much, by samples. Engines such as V8 compile
// a function when it is first called, badly, and again after some more calls:
// what a page function costs there is many times what it saves in a page that
// runs once. With Config.BindAfter, pages are interpreted until they have been
// seen often, and their functions are never called before.
//
// Samples depend on nothing but what the guest executes.
type heat struct {
	left   int // instructions before the next sample
	random random
	// samples are those of each translation whose page is not bound. They are
	// the translation's, not the page's: code that was dropped, or lies
	// elsewhere in another process, is still the same function of the host's.
	samples map[*Binding]int
}

// heatEvery is the mean distance of samples, in instructions.
const heatEvery = slice

func (h *heat) init() {
	h.left = h.random.around(heatEvery)
	h.samples = map[*Binding]int{}
}

// cold reports whether a translation has to wait.
func (e *Engine) cold(b *Binding) bool {
	return e.BindAfter > 0 && e.heat.samples[b] < max(1, e.BindAfter/heatEvery)
}

// warm takes note of executed instructions, and at a sample of the page of
// State.PC, which is bound if that was enough.
func (e *Engine) warm(executed int) {
	h := &e.heat
	if h.left -= executed; h.left > 0 {
		return
	}
	h.left = h.random.around(heatEvery)
	// A page that is not known here was not executed: no walk for its sake, which
	// the guest could see.
	mode := core.CodeMode(e.S.Mode)
	v := e.jump.sets[mode].page(e.S.PC)
	if v == nil {
		return
	}
	frame := int(v.frame)
	p := e.code.page(frame)
	if p == nil || p.cold == nil || uint32(p.mode) != mode {
		return
	}
	b := p.cold
	if h.samples[b]++; !e.cold(b) {
		e.code.rebind(p, frame)
	}
}
