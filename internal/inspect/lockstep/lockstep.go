// Package lockstep runs a guest twice at the same time, with page functions and
// without, and finds the first instruction after which the two differ. Time is
// the number of instructions, and there is no chance (package trial): whatever
// differs is a page function's fault, or that of what binds them.
//
// Check does so for a converted file, with the functions that are in it. Pair,
// States and RAM serve tests, too.
//
// It must not know the command line.
package lockstep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/trial"
)

// Config says what is checked.
type Config struct {
	File *dissect.File
	// Spec makes the container's command; it is called for each machine.
	Spec  func() (*agent.Spec, error)
	Stdin []byte
	// Stdout and Stderr take what the machine with page functions writes; nil
	// swallows it.
	Stdout, Stderr io.Writer
	// Evaluate makes the reference the evaluator, which executes every
	// instruction in Go: slow, and independent of all generated code.
	// Otherwise it is the file's interpreter.
	Evaluate bool
	// Progress, if set, hears of what takes long.
	Progress func(string)
}

// Outcome is how a check ended.
type Outcome struct {
	Result machine.Result // of the run, if nothing differed
	Insns  uint64         // executed by each machine
	Pages  int            // page functions that were bound, counting each binding
	// Difference is nil if there was none.
	Difference *Difference
}

// Check runs the file's container to its end, or to the first difference.
func Check(ctx context.Context, cfg Config) (*Outcome, error) {
	c := &checker{Config: cfg}
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := c.compile(); err != nil {
		return nil, err
	}
	defer c.code.Close()
	r, err := c.run(ctx, plan{every: compareEvery, stdout: c.Stdout, stderr: c.Stderr})
	if err != nil {
		return nil, err
	}
	out := &Outcome{Result: r.result, Insns: r.at, Pages: r.pages}
	if r.found != nil {
		out.Difference, err = c.locate(ctx, r)
	}
	return out, err
}

// compareEvery is how many instructions lie between two comparisons of all
// RAM: they take some 1/10 of the time.
const compareEvery = 1 << 26

type checker struct {
	Config
	code *native.Code
	gen  *native.Core
	ref  *native.Core
}

func (c *checker) compile() error {
	module, err := c.File.Core()
	if err != nil {
		return fmt.Errorf("taking the core out of the file: %w", err)
	}
	if c.code, err = native.Compile(module); err != nil {
		return err
	}
	places := native.Places{
		State: machine.StateBase, Caches: machine.CachesBase, Records: machine.RecordBase, RAMAt: machine.RAMHost,
		Layout: native.Layout{RAM: c.File.Manifest.RAM, Records: machine.RecordSize, RAMBase: c.File.Manifest.Board.RAMBase},
	}
	for _, to := range []**native.Core{&c.gen, &c.ref} {
		if *to, err = c.code.Instantiate(places); err != nil {
			c.code.Close()
			return err
		}
	}
	return nil
}

// plan says how closely a run is watched.
type plan struct {
	// from is how many instructions run before anything is compared: they are
	// known to be the same.
	from uint64
	// every is how many instructions may lie between two comparisons of RAM.
	every uint64
	// step, if set, is called in place of the slice that begins at from.
	step           func(r *run, n int) int
	stdout, stderr io.Writer
}

// run is one run of both machines.
type run struct {
	plan
	Pair
	gen, ref *trial.Trial
	out      [2]output
	next     func() (int, bool)
	ran      int // what Ref is to return from its drive
	stopped  bool
	cancel   context.CancelFunc

	at     uint64 // instructions so far
	same   uint64 // number of them after which everything was the same
	checks uint64 // the last comparison of RAM
	slice  uint64 // beginning of the current slice
	pages  int
	result machine.Result
	found  *finding
}

// finding is a difference, as it was met.
type finding struct {
	deltas []Delta
	what   string // a difference that is not of state
	n      int    // size of the slice, as asked for
}

// output gathers what a machine writes, until the other has written the same.
type output struct {
	stream [2]bytes.Buffer
	to     [2]io.Writer
}

type outputStream struct {
	o *output
	n int
}

func (s outputStream) Write(p []byte) (int, error) {
	s.o.stream[s.n].Write(p)
	if w := s.o.to[s.n]; w != nil {
		return w.Write(p)
	}
	return len(p), nil
}

var errStop = errors.New("the check has ended")

// run runs both machines to the end or the first difference.
func (c *checker) run(ctx context.Context, p plan) (*run, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{plan: p, cancel: func() { cancel(errStop) }}
	r.out[0].to = [2]io.Writer{p.stdout, p.stderr}
	var err error
	if r.gen, err = c.trial(c.gen, &r.out[0], false, c.File.Bindings(), r.drive); err != nil {
		return nil, err
	}
	var refResult machine.Result
	var refErr error
	steps := func(yield func(int) bool) {
		r.ref, refErr = c.trial(c.ref, &r.out[1], c.Evaluate, nil, func(_ *engine.Engine, n int) int {
			if r.stopped || !yield(n) {
				r.stopped = true
				return n
			}
			return r.ran
		})
		if refErr == nil {
			refResult, refErr = r.ref.Run(ctx, trial.Bound{})
		}
	}
	next, stop := iter.Pull(steps)
	defer stop()
	defer cancel(errStop) // before stop
	r.next = next
	r.result, err = r.gen.Run(ctx, trial.Bound{})
	r.pages = int(r.gen.Machine.Stats().Bound)
	switch {
	case r.found != nil:
		return r, nil
	case err != nil:
		return r, err
	}
	if _, more := next(); more {
		r.differ(nil, "with page functions the machine ended, without it runs on", 0)
		return r, nil
	}
	if refErr != nil {
		return nil, refErr
	}
	if got, want := fmt.Sprint(r.result), fmt.Sprint(refResult); got != want {
		r.differ(nil, fmt.Sprintf("the run's result: got %s, want %s", got, want), 0)
	}
	r.compare(0, true)
	return r, nil
}

func (c *checker) trial(core *native.Core, out *output, evaluate bool, b *engine.Bindings, drive func(*engine.Engine, int) int) (*trial.Trial, error) {
	guest, err := c.File.Guest()
	if err != nil {
		return nil, err
	}
	spec, err := c.Spec()
	if err != nil {
		return nil, err
	}
	return trial.New(trial.Config{
		Guest: guest, Core: core, Spec: spec, Bindings: b, Drive: drive, Go: evaluate,
		Stdin: bytes.NewReader(c.Stdin), Stdout: outputStream{out, 0}, Stderr: outputStream{out, 1},
	})
}

// drive is machine.Config.Drive of the machine with page functions. Both
// machines stand at the same place in their run loops: the reference in its
// own drive, or at the beginning.
func (r *run) drive(e *engine.Engine, n int) int {
	if r.found != nil {
		return n
	}
	want, ok := r.next()
	r.Pair = Pair{Gen: e}
	if !ok {
		return r.differ(nil, "without page functions the machine has ended", n)
	}
	r.Ref = r.ref.Machine.Engine
	if want != n {
		return r.differ(nil, "BUG: lockstep: the machines are not at the same place", n)
	}
	if r.at >= r.from {
		// What devices did since.
		if r.compare(n, r.checks < r.at && r.at-r.checks >= r.every); r.found != nil {
			return n
		}
	}
	r.slice = r.at
	if r.step != nil && r.at >= r.from {
		r.ran = r.step(r, n)
	} else {
		r.ran = r.both(n)
	}
	r.at += uint64(r.ran)
	if r.at > r.from && r.found == nil {
		r.compare(n, false)
	}
	return r.ran
}

// both runs both machines. A trap of generated code is a difference.
func (r *run) both(n int) (ran int) {
	defer func() {
		if v := recover(); v != nil {
			ran = r.differ(nil, fmt.Sprint(v), n)
		}
	}()
	return r.Run(n)
}

// compare compares registers and outputs, and RAM if all is set.
func (r *run) compare(n int, all bool) {
	ds := States(r.Gen.Hart.State, r.Ref.Hart.State, r.name())
	for i := range r.out[0].stream {
		got, want := &r.out[0].stream[i], &r.out[1].stream[i]
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			r.differ(ds, fmt.Sprintf("standard output or error: got %.60q, want %.60q", got, want), n)
			return
		}
		got.Reset()
		want.Reset()
	}
	if all {
		ds = append(ds, RAM(r.Gen.RAM, r.Ref.RAM, nil)...)
	}
	if len(ds) > 0 {
		r.differ(ds, "", n)
		return
	}
	if all {
		r.same, r.checks = r.at, r.at
	}
}

// differ notes a difference and ends both runs.
func (r *run) differ(ds []Delta, what string, n int) int {
	r.found = &finding{ds, what, n}
	r.cancel()
	return n
}

// name names registers, if the ISA does.
func (r *run) name() func(off int) string {
	if n, ok := r.Gen.ISA.(interface{ SlotName(int) string }); ok {
		return n.SlotName
	}
	return nil
}
