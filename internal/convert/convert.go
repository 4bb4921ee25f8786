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
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/container"
	"github.com/c2w/c2w/internal/disk"
	"github.com/c2w/c2w/internal/image"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/rootfs"
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
	// AOT says what is translated ahead of time: AOTKernel or AOTNone; "" is
	// AOTKernel.
	AOT string
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

// What Options.AOT can be.
const (
	AOTNone   = "none"
	AOTKernel = "kernel" // hot pages of the kernel and the OCI runtime
)

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
	if o.AOT != "" && o.AOT != AOTNone && o.AOT != AOTKernel {
		return nil, fmt.Errorf("ahead-of-time translation of %q: it can be %s or %s", o.AOT, AOTKernel, AOTNone)
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
	parts := &Parts{Machine: p.o.Machine, ISA: p.plat.isa}
	c := Container{UpperSize: p.o.UpperSize}
	if c.Volumes, err = container.Volumes(img.Config.Volumes); err != nil {
		return nil, fmt.Errorf("image %s: %w", p.o.Ref, err)
	}
	if parts.Manifest, err = p.manifest(&img.Config); err != nil {
		return nil, fmt.Errorf("image %s: %w", p.o.Ref, err)
	}
	// What does not depend on the image is made meanwhile.
	booted := make(chan error, 1)
	go func() { booted <- p.boot(parts, c) }()
	disk, diskSize, err := p.disk(img)
	if err != nil {
		<-booted
		return nil, err
	}
	err = p.stage("guest", func() (string, error) {
		err := <-booted
		return plural(len(parts.Manifest.Pages), "page") + " of its code translated", err
	})
	if err != nil {
		return nil, err
	}
	parts.Disk = disk
	if p.o.Translate != nil {
		if err := p.stage("translate", func() (string, error) { return p.o.Translate(p.ctx, parts) }); err != nil {
			return nil, err
		}
	}
	f := &File{}
	if f.Info, err = p.info(img, parts, diskSize); err != nil {
		return nil, err
	}
	err = p.stage("link", func() (string, error) {
		if err := f.link(parts); err != nil {
			return "", err
		}
		return Bytes(f.Size), nil
	})
	return f, err
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
		RAM: p.o.RAM, Cmdline: guest.CommandLine,
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

// disk makes the root file system, as the machine reads it.
func (p *pipeline) disk(img *image.Image) (packed []byte, size int64, err error) {
	layers := make([]rootfs.Layer, len(img.Layers))
	for i, l := range img.Layers {
		layers[i] = l
	}
	var tree *rootfs.Tree
	err = p.stage("layers", func() (_ string, err error) {
		tree, err = rootfs.Merge(p.ctx, layers, rootfs.Options{TempDir: p.o.TempDir})
		return plural(len(layers), "layer") + " verified and merged", err
	})
	if err != nil {
		return nil, 0, err
	}
	defer tree.Close()
	temp, err := newTemp(p.ctx, p.o.TempDir)
	if err != nil {
		return nil, 0, err
	}
	defer temp.Close()
	err = p.stage("files", func() (string, error) {
		stats, err := tree.WriteEROFS(temp)
		size = stats.Size
		return fmt.Sprintf("%s, %s", plural(stats.Inodes, "file"), Bytes(stats.Content)), err
	})
	if err != nil {
		return nil, 0, err
	}
	err = p.stage("disk", func() (_ string, err error) {
		packed, err = p.pack(temp, size)
		return fmt.Sprintf("%s packed into %s", Bytes(size), Bytes(int64(len(packed)))), err
	})
	return packed, size, err
}

// pack brings the disk's image into the form in which the file carries it.
func (p *pipeline) pack(r io.ReaderAt, size int64) ([]byte, error) {
	var b bytes.Buffer
	if _, err := disk.Write(&guarded{p.ctx, &limited{&b, maxModule}}, r, size, disk.Options{}); err != nil {
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
func (f *File) link(parts *Parts) error {
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
	f.module.Customs = append(f.module.Customs, section)
	if f.Size = f.module.Size(); f.Size > maxModule {
		return fmt.Errorf("the file would take %s: engines take at most %s, choose a smaller image", Bytes(f.Size), Bytes(maxModule))
	}
	return nil
}

// temp is a temporary file that is not written any more once ctx has ended.
type temp struct {
	*os.File
	ctx context.Context
}

func newTemp(ctx context.Context, dir string) (*temp, error) {
	f, err := os.CreateTemp(dir, "c2w-disk-")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	return &temp{f, ctx}, nil
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
