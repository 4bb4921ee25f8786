package engine

import (
	"sort"

	"github.com/c2w/c2w/internal/cpu/core"
)

// Profile is what a training run learns: which code pages ran, how much, and
// where they were entered. It is keyed by content, so that it holds for every
// run of the same code.
type Profile struct {
	Pages map[Key]*PageProfile

	random random
}

// PageProfile is one code page in a profile.
type PageProfile struct {
	Code    []byte // the page's content
	Samples int    // slices of the run that ended in the page
	Entries map[uint16]struct{}
	// Hits says where in the page those slices ended: behind a jump. What lies
	// straight behind such an offset runs as often.
	Hits map[uint16]int
}

// NewProfile returns an empty profile.
func NewProfile() *Profile { return &Profile{Pages: map[Key]*PageProfile{}} }

// sampleEvery is the mean distance of samples in instructions.
const sampleEvery = 97

// random is the state of a sequence of numbers, the same each time.
type random uint32

// around is how many instructions lie before the next sample, from half of mean
// to three halves. It varies because a sample falls on the next jump: with an
// even distance, samples of a loop of some hundred instructions settle on the
// same few jumps in every round. mean is less than 32,768.
func (r *random) around(mean int) int {
	*r = *r*1664525 + 1013904223 // Numerical Recipes' generator; its upper bits are good
	return mean/2 + int(*r>>16)*mean>>16
}

// Hottest lists the keys of the n pages with the most samples, hottest first.
func (p *Profile) Hottest(n int) []Key {
	var keys []Key
	for k, v := range p.Pages {
		if v.Samples > 0 {
			keys = append(keys, k)
		}
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := p.Pages[keys[i]], p.Pages[keys[j]]
		if a.Samples != b.Samples {
			return a.Samples > b.Samples
		}
		return keys[i].Content < keys[j].Content || keys[i].Content == keys[j].Content && keys[i].Mode < keys[j].Mode
	})
	return keys[:min(n, len(keys))]
}

// resume is what tells a jump from an exit's coming back, while a profile is
// made: only where code is jumped to is an entry.
type resume struct {
	pc      uint64 // where the last exit left the hart, or noPC
	trapped bool   // that exit raised a fault, whose handler is an entry
	// stray is an address in the jump cache of a mode that was not jumped to.
	// It is taken out again, so that a jump there is seen.
	stray     uint64
	strayMode uint32
}

// noPC is no instruction's address.
const noPC = ^uint64(0)

// exited takes note of an exit that has been handled.
func (e *Engine) exited(exit core.Exit) {
	r := &e.resume
	r.pc = e.S.PC
	if r.trapped || exit == core.ExitLookup || exit == core.ExitDecode {
		r.pc = noPC
	}
	r.trapped = false
}

// forget takes the stray address out of the jump cache.
func (e *Engine) forget() {
	r := &e.resume
	if r.stray != noPC {
		e.jump.sets[r.strayMode].clear(r.stray)
		r.stray = noPC
	}
}

// enterAt counts State.PC, which is in a frame, among the entries if it was
// jumped to.
func (e *Engine) enterAt(frame int) {
	pc, mode := e.S.PC, core.CodeMode(e.S.Mode)
	// Without decoded code the interpreter stood on a record of old.
	if e.S.Exit == core.ExitLookup && pc != e.resume.pc || e.S.Exit == core.ExitDecode && !e.code.has(frame) {
		e.profilePage(frame, mode).Entries[uint16(pc&core.PageMask)] = struct{}{}
		return
	}
	e.resume.stray, e.resume.strayMode = pc, mode
}

// returnTo counts the address behind an instruction that only Go executes among
// the entries, even if it leads elsewhere first, as a system call does.
func (e *Engine) returnTo(next uint64) {
	if next&core.PageMask == 0 {
		return
	}
	if frame, _, f := e.codeFrame(next); f == nil {
		e.profilePage(frame, core.CodeMode(e.S.Mode)).Entries[uint16(next&core.PageMask)] = struct{}{}
	}
}

// Offsets lists the entries in rising order.
func (p *PageProfile) Offsets() []uint16 {
	var out []uint16
	for off := range p.Entries {
		out = append(out, off)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

// profilePage returns the profile of a frame's content: the one that it had when
// its code was decoded.
func (e *Engine) profilePage(frame int, mode uint32) *PageProfile {
	c := e.code.page(frame)
	if c != nil && uint32(c.mode) != mode {
		c = nil
	}
	if c != nil && c.profile != nil {
		return c.profile
	}
	code := e.RAM.Bytes[frame<<core.PageShift : (frame+1)<<core.PageShift]
	k := PageKey(code, mode)
	p := e.Profile.Pages[k]
	if p == nil {
		p = &PageProfile{Code: append([]byte(nil), code...), Entries: map[uint16]struct{}{}, Hits: map[uint16]int{}}
		e.Profile.Pages[k] = p
	}
	if c != nil {
		c.profile = p
	}
	return p
}

// sample counts the page of State.PC.
func (e *Engine) sample() {
	frame, _, f := e.codeFrame(e.S.PC)
	if f != nil {
		return
	}
	p := e.profilePage(frame, core.CodeMode(e.S.Mode))
	p.Samples++
	p.Hits[uint16(e.S.PC&core.PageMask)]++
}
