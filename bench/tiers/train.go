package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/disk"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
	"github.com/c2w/c2w/internal/isa/riscv64"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/native"
	"github.com/c2w/c2w/internal/wasi"
)

// translation makes a file's page functions.
type translation struct {
	o      *options
	log    io.Writer
	report report
}

// userMode is core.State.Mode of user programs.
const userMode = 0

// translate is convert.Options.Translate.
func (t *translation) translate(ctx context.Context, p *convert.Parts) (string, error) {
	prof := engine.NewProfile()
	if _, err := t.boot(ctx, p, emit.NewCore(riscv64.Guest, native.Base, native.Caches), machine.Config{Profile: prof}); err != nil {
		return "", fmt.Errorf("the training run: %w", err)
	}
	p.Core = emit.NewCore(riscv64.Guest, machine.StateBase, machine.CachesBase)
	p.Manifest.Pages = t.add(p.Core, prof)

	// The same translations once more, where they can be counted.
	k := emit.NewCountingCore(riscv64.Guest, native.Base, native.Caches)
	bound := engine.NewBindings()
	for _, b := range (&translation{o: t.o}).add(k, prof) {
		bound.Add(b.Key, &b.Binding)
	}
	m, err := t.boot(ctx, p, k, machine.Config{Bindings: bound})
	if err != nil {
		return "", fmt.Errorf("the run with translations: %w", err)
	}
	s := m.Engine.S
	t.report.Run = runReport{
		Command: t.o.run, Instructions: s.Retired, Translated: s.Translated, PageCalls: s.PageCalls, InterpCalls: s.InterpCalls,
		Bound: m.Engine.Stats.Bound, Dropped: m.Engine.Stats.Dropped,
	}
	return fmt.Sprintf("%d pages, %s", len(p.Manifest.Pages), convert.Bytes(t.report.total())), nil
}

// add translates the pages that the command line asks for.
func (t *translation) add(k *emit.Core, prof *engine.Profile) (bindings []machine.PageBinding) {
	var user, kernel int
	for _, key := range prof.Hottest(len(prof.Pages)) {
		n := &kernel
		if key.Mode == userMode {
			n = &user
		}
		if *n == t.o.pages {
			continue
		}
		p := prof.Pages[key]
		f, ok := k.Translate(p.Code, key.Mode, p.Offsets())
		if !ok {
			continue
		}
		*n++
		bindings = append(bindings, machine.PageBinding{Key: key, Binding: engine.Binding{Slot: k.AddPage(f), Entries: f.Entries}})
		t.report.Pages = append(t.report.Pages, pageReport{
			Content: fmt.Sprintf("%016x", key.Content), Mode: key.Mode, Samples: p.Samples, Entries: len(f.Entries),
			Instructions: f.Insns, Bytes: f.Func.Body.Len(),
		})
	}
	return bindings
}

// boot runs the command natively, with generated code in wazero.
func (t *translation) boot(ctx context.Context, p *convert.Parts, k *emit.Core, cfg machine.Config) (*machine.Machine, error) {
	c, err := native.Instantiate(k, native.Layout{RAM: p.Manifest.RAM, Records: machine.RecordSize, RAMBase: machine.RAMBase})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	kernel, err := guest.Kernel(riscv64.Guest.Name())
	if err != nil {
		return nil, err
	}
	initrd, err := convert.Initramfs(riscv64.Guest.Name(), convert.Container{})
	if err != nil {
		return nil, err
	}
	d, err := disk.Open(bytes.NewReader(p.Disk), int64(len(p.Disk)))
	if err != nil {
		return nil, err
	}
	spec, err := p.Manifest.Spec(machine.RunOptions{Args: strings.Fields(t.o.run)})
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.RAM, cfg.Hart, cfg.Records, cfg.Run = wasi.New(), c.RAM, c.Hart, c.Records, c.Run
	cfg.Kernel, cfg.Initrd, cfg.Disk = bytes.NewReader(kernel), bytes.NewReader(initrd), d
	cfg.Cmdline, cfg.Spec = p.Manifest.Cmdline, spec
	m, err := machine.New(cfg)
	if err != nil {
		return nil, err
	}
	for ctx.Err() == nil {
		if r := m.Step(); r.Done {
			if r.Err != nil || r.Status != 0 {
				return nil, fmt.Errorf("%s: status %d, %w", t.o.run, r.Status, r.Err)
			}
			return m, nil
		}
	}
	return nil, context.Cause(ctx)
}
