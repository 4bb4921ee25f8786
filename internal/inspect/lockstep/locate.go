package lockstep

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
)

// locate runs the guest again, ever more closely watched, until the difference
// that a run met is between two places at which the page functions could be
// left. The guest does the same each time.
func (c *checker) locate(ctx context.Context, first *run) (*Difference, error) {
	r := first
	for _, every := range []uint64{1 << 20, 1} {
		if r.at-r.same <= 1 {
			break
		}
		c.Progress(fmt.Sprintf("they differ after %d instructions; running again, with a closer look from %d on", r.at, r.same))
		again, err := c.run(ctx, plan{from: r.same, every: every})
		if err != nil {
			return nil, err
		}
		if again.found == nil {
			return coarse(r, "it was not there when the run was repeated"), nil
		}
		r = again
	}
	c.Progress(fmt.Sprintf("they differ after %d instructions; running again, block by block from %d on", r.at, r.slice))
	n := r.found.n
	if n == 0 {
		n = 10_000
	}
	t := &tracer{full: 64}
	again, err := c.run(ctx, plan{from: r.slice, every: 1, step: t.hops})
	if err == nil && again.found != nil && t.stray {
		t = &tracer{full: 1, quiet: t.clean}
		_, err = c.run(ctx, plan{from: r.slice, every: 1, step: t.hops})
	}
	if err != nil {
		return nil, err
	}
	if !t.hit {
		if t, err = c.bisect(ctx, r.slice, n); err != nil {
			return nil, err
		}
		if t == nil {
			return coarse(r, "it was not there when the machines ran in shorter pieces"), nil
		}
	}
	return t.difference(c.File), nil
}

// bisect finds the shortest piece of the slice that begins at from which shows
// the difference: a page function may go wrong only if it runs for long. nil
// means that none does.
func (c *checker) bisect(ctx context.Context, from uint64, n int) (*tracer, error) {
	good, bad := 0, n+1
	try := func(k, skip int) (*tracer, error) {
		c.Progress(fmt.Sprintf("running again, %d instructions from %d on at once", k, from))
		t := &tracer{whole: k, skip: skip}
		_, err := c.run(ctx, plan{from: from, every: 1, step: t.piece})
		return t, err
	}
	ran := 0 // by the longest good piece
	for bad-good > 1 {
		k := (good + bad) / 2
		if bad > n {
			k = n
		}
		t, err := try(k, 0)
		if err != nil {
			return nil, err
		}
		if t.hit {
			bad = k
			continue
		}
		if k == n {
			return nil, nil
		}
		good, ran = k, t.ran
	}
	return try(bad, ran)
}

// tracer steps through the slice at which a plan begins.
type tracer struct {
	full  int    // how many hops lie between comparisons of all RAM
	quiet uint64 // none before this many instructions
	whole int    // piece: instructions at once
	skip  int    // piece: how many of them are not looked at

	name   func(int) string
	isa    isa.ISA
	start  uint64 // instructions before the trace
	trace  []Step
	deltas []Delta
	what   string
	hit    bool
	stray  bool   // found by the comparison of all RAM, some hops late
	clean  uint64 // number of instructions at the last one that found nothing
	ran    int
	code   func(pc uint64) (page []byte, mode uint32)
}

// Step is an instruction that the reference executed.
type Step struct {
	PC   uint64
	Mode uint32
	Insn isa.Insn
	Code []byte // its bytes
	Bad  bool   // it could not be fetched
	// Writes are the state offsets that it wrote; Regs what is there afterwards.
	Writes []int
	Regs   []uint64
	Stores []store
}

// store is a byte that was stored.
type store struct{ pa uint64 }

// hops runs the slice from one place at which a page function may be left to
// the next.
func (t *tracer) hops(r *run, n int) (done int) {
	t.clean = r.at
	for hop := 0; done < n && !t.hit; hop++ {
		t.start, t.trace = r.at+uint64(done), t.trace[:0]
		gen := t.try(r, func() int { return r.Gen.Run(1) })
		ref := t.follow(r, gen)
		gen += exactly(r.Gen, ref-gen)
		done += gen
		t.look(r)
		if at := r.at + uint64(done); !t.hit && at > t.quiet && (hop%t.full == t.full-1 || done >= n) {
			if t.deltas = RAM(r.Gen.RAM, r.Ref.RAM, nil); len(t.deltas) > 0 {
				t.hit, t.stray = true, t.full > 1
			} else {
				t.clean = at
			}
		}
	}
	t.finish(r)
	return done
}

// piece runs the slice's first instructions at once.
func (t *tracer) piece(r *run, n int) int {
	gen := t.try(r, func() int { return r.Gen.Run(t.whole) })
	if t.skip > 0 {
		exactly(r.Ref, t.skip)
	}
	t.start = r.at + uint64(t.skip)
	t.ran = t.skip + t.follow(r, gen-t.skip)
	exactly(r.Gen, t.ran-gen)
	if t.look(r); !t.hit {
		t.deltas = RAM(r.Gen.RAM, r.Ref.RAM, nil)
		t.hit = len(t.deltas) > 0
	}
	t.finish(r)
	return t.ran
}

// finish ends the run: its slice is over.
func (t *tracer) finish(r *run) {
	t.name, t.isa = r.name(), r.Gen.ISA
	pages := map[uint64][]byte{}
	for _, s := range t.trace {
		if code := codeAt(r.Ref.RAM, r.Ref.Priv, s.PC&^core.PageMask); code != nil {
			pages[s.PC>>core.PageShift] = bytes.Clone(code)
		}
	}
	t.code = func(pc uint64) ([]byte, uint32) {
		for _, s := range t.trace {
			if s.PC == pc {
				return pages[pc>>core.PageShift], s.Mode
			}
		}
		return nil, 0
	}
	r.differ(t.deltas, "", t.ran)
}

func (t *tracer) try(r *run, run func() int) (n int) {
	defer func() {
		if v := recover(); v != nil {
			t.hit, t.what, n = true, fmt.Sprint(v), 1
		}
	}()
	return run()
}

// look compares registers, and the RAM that the reference wrote.
func (t *tracer) look(r *run) {
	ds := States(r.Gen.Hart.State, r.Ref.Hart.State, r.name())
	for _, s := range t.trace {
		for _, w := range s.Stores {
			if d, differ := ramWord(r.Gen.RAM, r.Ref.RAM, w.pa, nil); differ && !slices.Contains(ds, d) {
				ds = append(ds, d)
			}
		}
	}
	if len(ds) > 0 {
		t.hit, t.deltas = true, ds
	}
}

// follow has the reference execute n instructions, one by one, and notes what
// each of them does.
func (t *tracer) follow(r *run, n int) (done int) {
	e := r.Ref
	for done < n {
		s := look(e)
		before := *e.S
		done += exactly(e, 1)
		for off := core.OffG; off < core.StateSize; off += 8 {
			if off >= core.OffG+8*slotCount && off < core.OffF || off >= core.OffF+8*slotCount && off < core.OffS || off >= core.OffS+8*len(before.S) {
				continue
			}
			if v := word(e.S, off); v != word(&before, off) && !slices.Contains(s.Writes, off) {
				s.Writes = append(s.Writes, off)
			}
		}
		for _, off := range s.Writes {
			s.Regs = append(s.Regs, word(e.S, off))
		}
		t.trace = append(t.trace, s)
	}
	return done
}

// codeAt is the RAM from which a page is fetched, nil if it cannot be.
func codeAt(ram *mem.RAM, h isa.Hart, va uint64) []byte {
	m, f := h.Translate(va, isa.AccessExec)
	if f != nil {
		return nil
	}
	return ram.View(m.Phys, core.PageSize)
}
