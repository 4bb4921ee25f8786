package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mattn/go-shellwords"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/rootfs"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/trial"
)

// Bounds of training runs; both count from where the container is ready.
var (
	// ownBound is that of the image's own command: about a second.
	ownBound = trial.Bound{Insns: 300e6, Idle: 10e9}
	// trainBound is that of commands that the user names, which may be servers.
	trainBound = trial.Bound{Insns: 20e9, Idle: 60e9}
)

// workload is a command to train with.
type workload struct {
	name  string // as the user should see it
	o     machine.RunOptions
	bound trial.Bound
	must  bool // it has to succeed
}

// trained returns the profile of the image: the one given, what training finds,
// or both.
func (c *code) trained(b booting, disk machine.Source, tree *rootfs.Tree) (aot.Profile, error) {
	given := c.o.Profile
	if given != nil && len(c.o.Train) == 0 {
		return given, nil
	}
	var profile aot.Profile
	err := c.stage("train", func() (detail string, err error) {
		key := c.training.trainingKey(c.pipeline, c.img)
		if !c.trainFresh {
			if profile = c.training.profile(key); profile != nil {
				return "as before", nil
			}
		}
		list, note, err := c.workloads(tree)
		if err != nil {
			return "", err
		}
		if profile, detail, err = c.train(list, trial.Guest{
			Board:  c.plat.board,
			Kernel: bytes.NewReader(b.kernel), Initrd: bytes.NewReader(b.initrd), Disk: disk,
			RAM: c.parts.Manifest.RAM, Cmdline: c.parts.Manifest.Cmdline,
		}); err != nil {
			return "", err
		}
		c.training.keepProfile(c.ctx, key, Trained{c.o.Ref, c.o.Train}, profile)
		return detail + note, nil
	})
	if err != nil {
		return nil, err
	}
	if given != nil {
		profile = aot.Merge(given.Scale(share), profile.Scale(share))
	}
	if c.o.KeepProfile != nil {
		if err := c.o.KeepProfile(c.ctx, profile); err != nil {
			return nil, err
		}
	}
	return profile, nil
}

// shell is what runs training commands, if the image has it.
const shell = "/bin/sh"

// workloads lists what there is to train with. Without a command there is the
// boot, which ends with that of the shortest.
func (c *code) workloads(tree *rootfs.Tree) (list []workload, note string, err error) {
	if len(c.o.Train) == 0 {
		w := workload{name: "the image's own command", bound: ownBound}
		if len(c.parts.Manifest.Entrypoint)+len(c.parts.Manifest.Cmd) == 0 {
			w.o.Args = []string{"/"}
			note = "; the image names no command: --train COMMAND"
		}
		return []workload{w}, note, nil
	}
	sh, err := tree.Lookup(shell)
	hasShell := err == nil && sh.Mode.IsRegular() && sh.Mode&0o111 != 0
	for _, text := range c.o.Train {
		w := workload{name: fmt.Sprintf("the training command %q", text), bound: trainBound, must: true}
		w.o.Entrypoint = []string{shell, "-c", text}
		if !hasShell {
			if w.o.Entrypoint, err = split(text); err != nil {
				return nil, "", fmt.Errorf("%s: %w; the image has no %s", w.name, err, shell)
			}
		}
		list = append(list, w)
	}
	return list, "", nil
}

// split makes words of a command, as a shell would that knows quotes and nothing
// else.
func split(text string) ([]string, error) {
	p := shellwords.NewParser()
	words, err := p.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("its quotes do not match")
	case p.Position >= 0 || len(words) == 0:
		return nil, errors.New("it is more than words")
	}
	return words, nil
}

// perRun is what the samples of one training run are scaled to: all commands
// weigh the same, and 200 of them do not overflow.
const perRun = 1 << 24

// train runs the workloads and adds up what they show.
func (c *code) train(list []workload, g trial.Guest) (_ aot.Profile, detail string, err error) {
	ctx, stop := context.WithCancel(c.ctx)
	defer stop()
	var (
		wait    sync.WaitGroup
		next    atomic.Int64
		insns   atomic.Uint64
		results = make([]aot.Profile, len(list))
		notes   = make([]string, len(list))
		errs    = make([]error, len(list)+1) // the last: of a core
	)
	for range min(len(list), runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			core, err := trial.NewCore(emit.NewCore(c.parts.ISA, native.Base, native.Caches), g)
			if err != nil {
				errs[len(list)] = err
				return
			}
			defer core.Close()
			for i := int(next.Add(1)) - 1; i < len(list) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				var n uint64
				results[i], n, notes[i], errs[i] = c.trainOne(ctx, core, g, &list[i])
				insns.Add(n)
				if errs[i] != nil {
					stop()
				}
			}
		})
	}
	wait.Wait()
	if c.ctx.Err() != nil {
		return nil, "", context.Cause(c.ctx)
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, "", err
		}
	}
	detail = fmt.Sprintf("%d million instructions", insns.Load()/1e6)
	if len(list) > 1 {
		detail = plural(len(list), "command") + ", " + detail
	}
	for i := range results {
		results[i] = results[i].Scale(perRun)
		detail += notes[i]
	}
	return aot.Merge(results...), detail, nil
}

// trainOne runs one workload. The note says what a person should know of it.
func (c *code) trainOne(ctx context.Context, core *native.Core, g trial.Guest, w *workload) (_ aot.Profile, insns uint64, note string, err error) {
	spec, err := c.parts.Manifest.Spec(w.o)
	if err != nil {
		return nil, 0, "", fmt.Errorf("training: %w", err)
	}
	said := &tail{}
	prof := engine.NewProfile()
	t, err := trial.New(trial.Config{Guest: g, Core: core, Spec: spec, Profile: prof, Stderr: said})
	if err != nil {
		return nil, 0, "", fmt.Errorf("training: %w", err)
	}
	r, err := t.Run(ctx, w.bound)
	switch {
	case err != nil:
		return nil, 0, "", err
	case !r.Done && w.must:
		note = fmt.Sprintf("; %s was ended after %d million instructions", w.name, (t.Retired()-t.Began)/1e6)
	case r.Done && r.Status != 0 && w.must:
		return nil, 0, "", fmt.Errorf("%s ended with status %d%s", w.name, r.Status, said)
	case r.Done && r.Status != 0 && w.o.Args == nil:
		note = fmt.Sprintf("; %s ended with status %d%s", w.name, r.Status, said)
	}
	return aot.Of(prof), t.Retired(), note, nil
}

// tail is a writer that keeps the end of what is written, for an error.
type tail struct{ b []byte }

// maxTail is what is kept, in bytes.
const maxTail = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - maxTail; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

// String is the last line, behind a colon. A guest may have written anything.
func (t *tail) String() string {
	line := strings.TrimSpace(string(t.b))
	line = line[strings.LastIndexByte(line, '\n')+1:]
	if line == "" {
		return ""
	}
	if quoted := fmt.Sprintf("%q", line); quoted != `"`+line+`"` {
		line = quoted
	}
	return ": " + line
}

var _ io.Writer = (*tail)(nil)
