// Package trial runs a guest in this process, from its boot to the end of a
// command, on a host without time and chance of its own: the same guest and
// command execute the same instructions each time. The converter trains by it,
// and tests and checks compare runs.
//
// It must not know where guests come from, nor what a run is for.
package trial

import (
	"context"
	"fmt"
	"io"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// Guest is what is booted.
type Guest struct {
	Board *board.Kind
	// Kernel, Initrd and Disk are unpacked: those of package disk do that.
	Kernel, Initrd, Disk machine.Source
	RAM                  uint32 // bytes
	Cmdline              string
}

// Config is a guest and what it is to do.
type Config struct {
	Guest
	// Core runs the hart; NewCore made it for as much RAM. New wipes it, so
	// that one serves any number of trials, one after the other.
	Core *native.Core
	Spec *agent.Spec
	// Bindings are the page functions that Core has; Profile collects what
	// runs. Either may be nil.
	Bindings *engine.Bindings
	Profile  *engine.Profile
	// Drive is machine.Config.Drive.
	Drive func(e *engine.Engine, n int) int
	// Go executes every instruction in Go, by the evaluator: slow, and what
	// generated code is measured against.
	Go bool
	// Nil streams are empty or swallow everything.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Files are the host's directories, or nil. What a guest does with them is
	// as reproducible as they are.
	Files hostfs.FS
}

// NewCore compiles a core, emitted for native.Base and native.Caches, for a
// guest's RAM.
func NewCore(k *emit.Core, g Guest) (*native.Core, error) {
	return native.Instantiate(k, native.Layout{RAM: g.RAM, Records: machine.RecordSize, RAMBase: g.Board.RAMBase})
}

const (
	// insnNanos is how much of the guest's time an instruction takes: about as
	// much as in a file, so that its timers come as often.
	insnNanos = 2
	// epoch is the time at which every trial begins, in nanoseconds since 1970.
	epoch = 1_700_000_000_000_000_000
	seed  = 1
)

// Trial is a guest that has been loaded.
type Trial struct {
	Machine *machine.Machine
	// Began is how many instructions had retired when the container was ready
	// for its command; 0 before.
	Began uint64

	host *wasi.Host
	idle int64 // when the container was ready
}

// New loads a guest. The core is the trial's until that has ended.
func New(cfg Config) (*Trial, error) {
	*cfg.Core.Hart.State, *cfg.Core.Hart.Caches = core.State{}, core.Caches{}
	clear(cfg.Core.RAM.Bytes)
	clear(cfg.Core.Records.Bytes)
	t := &Trial{}
	t.host = wasi.Virtual{
		Stdin: cfg.Stdin, Stdout: cfg.Stdout, Stderr: cfg.Stderr, Seed: seed, Realtime: epoch, Worked: t.worked,
	}.NewHost()
	run := cfg.Core.Run
	if cfg.Go {
		run = nil
	}
	var err error
	t.Machine, err = machine.New(machine.Config{
		Host: t.host, Board: cfg.Board, RAM: cfg.Core.RAM, Hart: cfg.Core.Hart, Records: cfg.Core.Records, Run: run, Drive: cfg.Drive,
		Bindings: cfg.Bindings, Profile: cfg.Profile,
		Kernel: cfg.Kernel, Initrd: cfg.Initrd, Disk: cfg.Disk, Cmdline: cfg.Cmdline, Spec: cfg.Spec, Files: cfg.Files,
		Trace: t.reached,
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// worked is the time that the guest's instructions took, in nanoseconds.
func (t *Trial) worked() int64 { return int64(t.Retired()) * insnNanos }

// Retired is how many instructions the guest has executed.
func (t *Trial) Retired() uint64 {
	if t.Machine == nil || t.Machine.Engine == nil {
		return 0
	}
	return t.Machine.Engine.Retired()
}

// Idle is how long the guest has waited, in nanoseconds of its own time.
func (t *Trial) Idle() int64 { return t.host.Monotonic() - t.worked() }

func (t *Trial) reached(stage string) {
	if stage == "container" {
		t.Began, t.idle = t.Retired(), t.Idle()
	}
}

// Bound ends a command that does not end by itself. Both count from the moment
// at which the container was ready; 0 is no bound.
type Bound struct {
	Insns uint64 // executed instructions; a million more may be
	Idle  int64  // what the guest waited, in nanoseconds of its own time
}

// maxBoot is how many instructions a boot may take: more than ten times what
// it does.
const maxBoot = 10_000_000_000

// Run runs the guest until the command has ended or the bound is reached; then
// the result is not Done. The error is ctx's, or that the boot takes for ever.
func (t *Trial) Run(ctx context.Context, b Bound) (machine.Result, error) {
	for ctx.Err() == nil {
		r := t.Machine.Step()
		switch {
		case r.Done:
			t.Machine.End(r)
			return r, nil
		case t.Began == 0 && t.Retired() > maxBoot:
			return r, fmt.Errorf("the guest's container is not ready after %d instructions", uint64(maxBoot))
		case t.Began > 0 && (b.Insns > 0 && t.Retired()-t.Began >= b.Insns || b.Idle > 0 && t.Idle()-t.idle >= b.Idle):
			return r, nil
		}
	}
	return machine.Result{}, context.Cause(ctx)
}
