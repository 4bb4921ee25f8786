//go:build linux

// Command train makes the profile of the guest's own programs, its kernel above
// all: it boots the demo image natively, on the machine's own packages with the
// generated core in wazero, runs a set of workloads, and writes which pages of
// kernel and OCI runtime ran how often.
//
//	go run ./internal/aot/train [-o guest/profile-riscv64]     (make profile)
//
// Samples are scaled, so that every workload weighs the same.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/aot"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/disk"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/engine"
	"github.com/c2w/c2w/internal/hostfs"
	"github.com/c2w/c2w/internal/hostfs/osfs"
	"github.com/c2w/c2w/internal/isa/riscv64"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/native"
	"github.com/c2w/c2w/internal/wasi"
)

//go:embed workloads/*.sh
var workloads embed.FS

func main() {
	out := flag.String("o", "guest/profile-riscv64", "write the profile to `FILE`")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	var profile aot.Profile
	// The machine's module takes no part in a native run.
	o := convert.Options{Ref: "demo:", Version: "train", AOT: convert.AOTNone}
	o.Translate = func(ctx context.Context, p *convert.Parts) (string, error) {
		var err error
		profile, err = train(ctx, p)
		return "", errors.Join(err, errDone)
	}
	if _, err := convert.Convert(ctx, o); !errors.Is(err, errDone) || profile == nil {
		return err
	}
	head, err := head()
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(head, profile.Format()...), 0o644)
}

// head says what the profile is of; a test compares.
func head() ([]byte, error) {
	programs, err := guest.Programs(riscv64.Guest.Name())
	if err != nil {
		return nil, err
	}
	b := []byte("# Made by internal/aot/train: program, offset of the page, mode, samples, entries.\n")
	for _, name := range programNames {
		b = fmt.Appendf(b, "# %s sha256:%x\n", name, sha256.Sum256(programs[name]))
	}
	return b, nil
}

// errDone ends the conversion: the file is not wanted.
var errDone = errors.New("done")

// weight is what the samples of one workload add up to.
const weight = 100_000

func train(ctx context.Context, p *convert.Parts) (aot.Profile, error) {
	arch := riscv64.Guest.Name()
	programs, err := guest.Programs(arch)
	if err != nil {
		return nil, err
	}
	places := find(programs)
	initrd, err := convert.Initramfs(arch, convert.Container{})
	if err != nil {
		return nil, err
	}
	c, err := native.Instantiate(emit.NewCore(riscv64.Guest, native.Base, native.Caches),
		native.Layout{RAM: p.Manifest.RAM, Records: machine.RecordSize, RAMBase: machine.RAMBase})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names, err := fs.Glob(workloads, "workloads/*.sh")
	if err != nil {
		return nil, err
	}
	sum := map[place]*aot.Page{}
	for _, name := range names {
		script, err := workloads.ReadFile(name)
		if err != nil {
			return nil, err
		}
		prof := engine.NewProfile()
		n, err := boot(ctx, c, programs["kernel"], initrd, p, string(script), prof)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		total, known := add(sum, places, prof)
		fmt.Fprintf(os.Stderr, "%s: %d M instructions, %.1f %% of the samples in pages of %s\n",
			path.Base(name), n/1e6, 100*float64(known)/float64(max(total, 1)), strings.Join(programNames, ", "))
	}
	var profile aot.Profile
	for _, g := range sum {
		slices.Sort(g.Entries)
		g.Entries = slices.Compact(g.Entries)
		if g.Samples > 0 {
			profile = append(profile, *g)
		}
	}
	profile.Sort()
	return profile, nil
}

// place is where a code page comes from.
type place struct {
	program string
	offset  uint32
	mode    uint32
}

var programNames = []string{"kernel", "runc"}

// find maps the contents of pages to the first place that has them.
func find(programs map[string][]byte) map[string]place {
	places := map[string]place{}
	for _, name := range programNames {
		b := programs[name]
		for off := 0; off+core.PageSize <= len(b); off += core.PageSize {
			content := string(b[off : off+core.PageSize])
			if _, ok := places[content]; !ok {
				places[content] = place{program: name, offset: uint32(off)}
			}
		}
	}
	return places
}

// add adds what a workload's profile knows of the programs' pages.
func add(sum map[place]*aot.Page, places map[string]place, prof *engine.Profile) (total, known int) {
	for _, p := range prof.Pages {
		total += p.Samples
	}
	for key, p := range prof.Pages {
		at, ok := places[string(p.Code)]
		if !ok {
			continue
		}
		known += p.Samples
		at.mode = key.Mode
		g := sum[at]
		if g == nil {
			g = &aot.Page{Program: at.program, Offset: at.offset, Mode: at.mode}
			sum[at] = g
		}
		g.Samples += uint32(p.Samples * weight / max(total, 1))
		g.Entries = append(g.Entries, p.Offsets()...)
	}
	return total, known
}

// boot runs a script in the guest, with the directory of the host that it may
// use at /mnt.
func boot(ctx context.Context, c *native.Core, kernel, initrd []byte, p *convert.Parts, script string, prof *engine.Profile) (uint64, error) {
	*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
	clear(c.RAM.Bytes)
	d, err := disk.Open(bytes.NewReader(p.Disk), int64(len(p.Disk)))
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "c2w-train-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	files, err := osfs.New(dir)
	if err != nil {
		return 0, err
	}
	spec, err := p.Manifest.Spec(machine.RunOptions{Args: []string{"sh", "-c", script}})
	if err != nil {
		return 0, err
	}
	var stdout, stderr bytes.Buffer
	m, err := machine.New(machine.Config{
		Host: wasi.Streams{Stdin: io.LimitReader(zeros{}, 4<<20), Stdout: &stdout, Stderr: &stderr}.NewHost(),
		RAM:  c.RAM, Hart: c.Hart, Records: c.Records, Run: c.Run, Profile: prof,
		Kernel: bytes.NewReader(kernel), Initrd: bytes.NewReader(initrd), Disk: d,
		Cmdline: p.Manifest.Cmdline, Spec: spec, Files: renamed{files},
	})
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		if r := m.Step(); r.Done {
			if r.Err != nil || r.Status != 0 {
				return 0, fmt.Errorf("status %d, %v; %s", r.Status, r.Err, stderr.String())
			}
			return m.Engine.S.Retired, nil
		}
	}
	return 0, context.Cause(ctx)
}

// renamed is a host whose only directory is called /mnt.
type renamed struct{ *osfs.FS }

func (r renamed) Roots() []hostfs.Root {
	roots := r.FS.Roots()
	roots[0].Path = "/mnt"
	return roots
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
