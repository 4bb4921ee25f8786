// Package convert is the pipeline from a container image to a Wasm file: image →
// layers merged → EROFS → packed disk → joined with machine, kernel and init. It
// puts the stages in order, tells progress and writes the result; the stages are
// the packages of its wing: image, rootfs, container, aot, licenses, and
// machinewasm, which has the machine.
//
// In come a reference and options, out comes a file. The command line asks, and
// what measures or tests conversions. The wing does not run files, except that a
// training run boots the guest in this process (package trial).
package convert

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/container"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/convert/rootfs"
	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/wasm"
)

// Options says what to convert. Ref, Machine and Version are needed.
type Options struct {
	// Ref names the image, see image.Forms.
	Ref string
	// Image says how it is reached.
	Image image.Options
	// Platform is one of Platforms; "" is the first.
	Platform string
	// RAM is the guest's memory in bytes, a multiple of RAMUnit from
	// machine.MinRAM to machine.MaxRAM; 0 is machine.DefaultRAM.
	RAM uint32
	// UpperSize limits what the container may write beside the host's
	// directories, in bytes; it lies in the guest's memory. 0 is half of that.
	UpperSize uint64
	// AOT says what is translated ahead of time; "" is AOTProfile.
	AOT string
	// Budget bounds what that takes, in bytes of Wasm; 0 is DefaultBudget.
	Budget int64
	// Train are commands that show what of the image runs, for AOTProfile and
	// AOTAll. Each is given to the image's /bin/sh, or split into words if there
	// is none, and has to succeed. Without any, and without a profile, the
	// image's own command runs for a while, however that ends.
	Train []string
	// Profile, if not nil, is what an earlier conversion handed to KeepProfile:
	// it takes the place of training, or with Train adds to it.
	Profile aot.Profile
	// KeepProfile, if set, is given what training found, and Profile.
	KeepProfile func(context.Context, aot.Profile) error
	// Machine is the machine's module.
	Machine []byte
	// Version is the converter's own.
	Version string
	// TempDir takes temporary files; "" is the system's place.
	TempDir string
	// Progress, if set, hears of the stages.
	Progress Progress
	// Translate, if set, adds page functions: it sets Parts.Core and
	// Parts.Manifest.Pages and says what it did.
	Translate func(context.Context, *Parts) (detail string, err error)
}

// RAMUnit is what guest memory is measured in.
const RAMUnit = 1 << 20

// maxModule is the largest file that today's engines take, in bytes.
const maxModule = 1 << 30

// File is a converted image, ready to be written.
type File struct {
	Info   *Info
	Size   int64 // in bytes
	module *wasm.Module
}

// WriteTo writes the Wasm file: the same bytes for the same options.
func (f *File) WriteTo(w io.Writer) (int64, error) { return f.module.WriteTo(w) }

// pipeline is one conversion under way.
type pipeline struct {
	ctx  context.Context
	o    Options
	plat *platform
	want v1.Platform
	// training keeps what training found; nil keeps nothing. trainFresh does
	// not look there first.
	training   *Cache
	trainFresh bool
}

func newPipeline(ctx context.Context, o Options) (*pipeline, error) {
	plat, want, err := findPlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	if o.RAM == 0 {
		o.RAM = machine.DefaultRAM
	}
	if o.RAM < machine.MinRAM || o.RAM > machine.MaxRAM || o.RAM%RAMUnit != 0 {
		return nil, fmt.Errorf("guest memory of %d bytes: it must be whole MiB from %d to %d", o.RAM, machine.MinRAM>>20, machine.MaxRAM>>20)
	}
	if err := o.CheckAOT(); err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	o.Image.TempDir = cmp.Or(o.Image.TempDir, o.TempDir)
	o.Image.Progress = meter(o.Progress)
	return &pipeline{ctx: ctx, o: o, plat: plat, want: want}, nil
}

// Convert runs the pipeline. Its errors are one line for the user; nothing is
// left behind when it fails.
func Convert(ctx context.Context, o Options) (*File, error) {
	p, err := newPipeline(ctx, o)
	if err != nil {
		return nil, err
	}
	var f *File
	img, err := p.open()
	if err == nil {
		defer img.Close()
		f, err = p.run(img)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return f, err
}

// open finds the image.
func (p *pipeline) open() (img *image.Image, err error) {
	err = p.stage("image", func() (_ string, err error) {
		if img, err = image.Open(p.ctx, p.o.Ref, p.want, p.o.Image); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s for %s, %s, %s", short(img.Digest), p.plat.name, plural(len(img.Layers), "layer"), Bytes(img.Size)), nil
	})
	return img, err
}

func (p *pipeline) run(img *image.Image) (_ *File, err error) {
	if err := checkMachine(p.o.Machine); err != nil {
		return nil, err
	}
	parts := &Parts{Machine: p.o.Machine, ISA: p.plat.board.ISA}
	c := Container{UpperSize: p.o.UpperSize}
	if c.Volumes, err = container.Volumes(img.Config.Volumes); err != nil {
		return nil, fmt.Errorf("image %s: %w", p.o.Ref, err)
	}
	if parts.Manifest, err = p.manifest(&img.Config); err != nil {
		return nil, fmt.Errorf("image %s: %w", p.o.Ref, err)
	}
	// What stages use in the background is closed behind them.
	var back background
	defer back.close()
	booted := start(&back, func() (booting, error) { return p.boot(parts, c) })
	code := p.newCode(img, parts, &back)
	tree, err := p.merge(img)
	if err != nil {
		return nil, err
	}
	back.closers = append(back.closers, tree)
	code.look(tree)
	disk, err := p.disk(tree, &back)
	if err != nil {
		return nil, err
	}
	packed := start(&back, func() ([]byte, error) { return p.pack(disk) })
	var guest booting
	err = p.stage("guest", func() (_ string, err error) {
		guest, err = booted()
		return Bytes(int64(len(parts.Kernel)+len(parts.Initrd))) + " of kernel and init", err
	})
	if err != nil {
		return nil, err
	}
	if p.o.AOT != AOTNone {
		if err := code.make(guest, disk, tree); err != nil {
			return nil, err
		}
	}
	err = p.stage("disk", func() (_ string, err error) {
		parts.Disk, err = packed()
		return fmt.Sprintf("%s packed into %s", Bytes(disk.Size()), Bytes(int64(len(parts.Disk)))), err
	})
	if err != nil {
		return nil, err
	}
	if p.o.Translate != nil {
		if err := p.stage("translate", func() (string, error) { return p.o.Translate(p.ctx, parts) }); err != nil {
			return nil, err
		}
	}
	f := &File{}
	if f.Info, err = p.info(img, parts, disk.Size()); err != nil {
		return nil, err
	}
	err = p.stage("link", func() (string, error) {
		if err := f.link(parts, code.info); err != nil {
			return "", err
		}
		return Bytes(f.Size), nil
	})
	return f, err
}

// background is work that goes on beside the stages.
type background struct {
	wait    sync.WaitGroup
	closers []io.Closer
}

// start does something in the background; the function that it returns waits
// for the result.
func start[T any](b *background, do func() (T, error)) (result func() (T, error)) {
	result = sync.OnceValues(do)
	b.wait.Go(func() { result() })
	return result
}

// close waits for what goes on, and closes what it used.
func (b *background) close() {
	b.wait.Wait()
	for i := len(b.closers) - 1; i >= 0; i-- {
		b.closers[i].Close()
	}
}

// stage runs one stage and tells its progress.
func (p *pipeline) stage(name string, do func() (detail string, err error)) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	begin := time.Now()
	p.o.Progress.Begin(name)
	detail, err := do()
	if err != nil {
		return err
	}
	p.o.Progress.End(name, detail, time.Since(begin))
	return nil
}

// manifest takes over what the image says of running it.
func (p *pipeline) manifest(c *v1.Config) (machine.Manifest, error) {
	m := machine.Manifest{
		Board: p.plat.board,
		RAM:   p.o.RAM, Cmdline: guest.CommandLine,
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, User: c.User,
	}
	var err error
	if m.StopSignal, err = parseSignal(c.StopSignal); err != nil {
		return m, fmt.Errorf("its stop signal: %w", err)
	}
	// Docker takes a relative directory as one below the root.
	if c.WorkingDir != "" {
		m.Dir = path.Join("/", c.WorkingDir)
	}
	for _, list := range [][]string{m.Entrypoint, m.Cmd, m.Env, {m.Dir, m.User}} {
		for _, s := range list {
			if strings.ContainsRune(s, 0) {
				return m, fmt.Errorf("its configuration has a zero byte in %q", s)
			}
		}
	}
	return m, nil
}

// merge puts the image's layers together.
func (p *pipeline) merge(img *image.Image) (tree *rootfs.Tree, err error) {
	layers := make([]rootfs.Layer, len(img.Layers))
	for i, l := range img.Layers {
		layers[i] = l
	}
	err = p.stage("layers", func() (_ string, err error) {
		tree, err = rootfs.Merge(p.ctx, layers, rootfs.Options{TempDir: p.o.TempDir})
		return plural(len(layers), "layer") + " verified and merged", err
	})
	return tree, err
}

// disk makes the root file system; the work that goes on uses it.
func (p *pipeline) disk(tree *rootfs.Tree, back *background) (*temp, error) {
	t, err := newTemp(p.ctx, p.o.TempDir)
	if err != nil {
		return nil, err
	}
	back.closers = append(back.closers, t)
	err = p.stage("files", func() (string, error) {
		stats, err := tree.WriteEROFS(t)
		t.size = stats.Size
		return fmt.Sprintf("%s, %s", plural(stats.Inodes, "file"), Bytes(stats.Content)), err
	})
	return t, err
}

// pack brings the disk's image into the form in which the file carries it.
func (p *pipeline) pack(t *temp) ([]byte, error) {
	var b bytes.Buffer
	if _, err := disk.Write(&guarded{p.ctx, &limited{&b, maxModule}}, t, t.size, disk.Options{}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// limited refuses to grow beyond max bytes.
type limited struct {
	w   io.Writer
	max int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.max -= int64(len(p)); l.max < 0 {
		return 0, fmt.Errorf("the root file system takes more than %s: one Wasm file ends there, choose a smaller image", Bytes(maxModule))
	}
	return l.w.Write(p)
}

// link joins the parts and adds the file's description.
func (f *File) link(parts *Parts, translated *AOTInfo) error {
	out, err := Link(parts)
	if err != nil {
		return err
	}
	labelled := map[string]int64{}
	for _, p := range out.Parts {
		labelled[p.Label] += p.Bytes
	}
	f.Info.Parts = groupParts(labelled)
	section, err := f.Info.section()
	if err != nil {
		return err
	}
	f.module = out.Module
	if translated != nil {
		section, err := translated.section()
		if err != nil {
			return err
		}
		f.module.Customs = append(f.module.Customs, section)
	}
	f.module.Customs = append(f.module.Customs, section) // the last one: Cache relies on it
	if f.Size = f.module.Size(); f.Size > maxModule {
		return fmt.Errorf("the file would take %s: engines take at most %s, choose a smaller image", Bytes(f.Size), Bytes(maxModule))
	}
	return nil
}

// temp is a temporary file that is not written any more once ctx has ended.
type temp struct {
	*os.File
	ctx  context.Context
	size int64 // in bytes, once it is written
}

// Size is that of the file once it is written, in bytes.
func (t *temp) Size() int64 { return t.size }

func newTemp(ctx context.Context, dir string) (*temp, error) {
	f, err := os.CreateTemp(dir, "c2w-disk-")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	return &temp{File: f, ctx: ctx}, nil
}

func (t *temp) Write(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, context.Cause(t.ctx)
	}
	return t.File.Write(b)
}

func (t *temp) Close() error {
	t.File.Close()
	return os.Remove(t.File.Name())
}
