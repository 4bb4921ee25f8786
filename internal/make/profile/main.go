//go:build linux

// Command profile makes the profile of the guest's own programs, its kernel above
// all: it boots the demo image natively, on the machine's own packages with the
// generated core in wazero, runs a set of workloads, and writes which pages of
// kernel and OCI runtime ran how often.
//
//	go run ./internal/make/profile [-o guest/profile-riscv64]     (make profile)
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
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/hostfs/osfs"
	"github.com/c2w/c2w/internal/machine/trial"
)

//go:embed workloads/*.sh
var workloads embed.FS

func main() {
	out := flag.String("o", "guest/profile-riscv64", "write the profile to `FILE`")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
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
	notes, err := notes()
	if err != nil {
		return err
	}
	first, rest, _ := bytes.Cut(profile.Format(), []byte("\n"))
	return os.WriteFile(out, slices.Concat(first, []byte("\n"), notes, rest), 0o644)
}

// notes say what the profile is of, behind its first line; a test compares.
func notes() ([]byte, error) {
	programs, err := guest.Programs(riscv64.Guest.Name())
	if err != nil {
		return nil, err
	}
	b := []byte("# Made by internal/make/profile: content of a page, mode, samples, entries. It is of\n")
	for _, name := range guest.ProgramNames {
		b = fmt.Appendf(b, "# %s sha256:%x\n", name, sha256.Sum256(programs[name]))
	}
	return b, nil
}

// errDone ends the conversion: the file is not wanted.
var errDone = errors.New("done")

// weight is what the samples of one workload add up to.
const weight = 1 << 20

func train(ctx context.Context, p *convert.Parts) (aot.Profile, error) {
	own, err := contents()
	if err != nil {
		return nil, err
	}
	g, err := p.Guest()
	if err != nil {
		return nil, err
	}
	c, err := trial.NewCore(emit.NewCore(riscv64.Guest, native.Base, native.Caches), g)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	names, err := fs.Glob(workloads, "workloads/*.sh")
	if err != nil {
		return nil, err
	}
	var profile aot.Profile
	for _, name := range names {
		script, err := workloads.ReadFile(name)
		if err != nil {
			return nil, err
		}
		prof := engine.NewProfile()
		n, err := play(ctx, c, g, p, string(script), prof)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		all := aot.Of(prof)
		known := slices.DeleteFunc(slices.Clone(all), func(g aot.Page) bool { return !own[g.Key.Content] })
		fmt.Fprintf(os.Stderr, "%s: %d M instructions, %.1f %% of the samples in pages of %s\n",
			path.Base(name), n/1e6, 100*float64(known.Samples())/float64(max(all.Samples(), 1)), strings.Join(guest.ProgramNames, ", "))
		// What others than these programs take is left out of the sum, but
		// counts for the weight.
		profile = aot.Merge(profile, known.Scale(uint32(weight*known.Samples()/max(all.Samples(), 1))))
	}
	return profile, nil
}

// contents are the hashes of the guest's own programs' pages.
func contents() (map[uint64]bool, error) {
	programs, err := guest.Programs(riscv64.Guest.Name())
	if err != nil {
		return nil, err
	}
	var list []aot.Program
	for _, name := range guest.ProgramNames {
		list = append(list, aot.BytesProgram(name, programs[name]))
	}
	x, err := aot.NewIndex(list)
	if err != nil {
		return nil, err
	}
	return x.Contents(), nil
}

// play runs a script in the guest, with the directory of the host that it may
// use at /mnt.
func play(ctx context.Context, c *native.Core, g trial.Guest, p *convert.Parts, script string, prof *engine.Profile) (uint64, error) {
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
	var stderr bytes.Buffer
	t, err := trial.New(trial.Config{
		Guest: g, Core: c, Spec: spec, Profile: prof, Files: renamed{files},
		Stdin: io.LimitReader(zeros{}, 4<<20), Stderr: &stderr,
	})
	if err != nil {
		return 0, err
	}
	r, err := t.Run(ctx, trial.Bound{})
	if err == nil && (r.Err != nil || r.Status != 0) {
		err = fmt.Errorf("status %d, %v; %s", r.Status, r.Err, stderr.String())
	}
	return t.Retired(), err
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
