package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/aot"
	"github.com/c2w/c2w/internal/emit"
	"github.com/c2w/c2w/internal/image"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/rootfs"
)

// What Options.AOT can be.
const (
	AOTNone    = "none"
	AOTKernel  = "kernel"  // hot pages of the guest's own programs
	AOTProfile = "profile" // and those of the image's that training found
	AOTAll     = "all"     // and the rest of the image's code
)

// AOTModes lists what Options.AOT can be.
func AOTModes() []string { return []string{AOTNone, AOTKernel, AOTProfile} }

// DefaultBudget is what translated code takes unless told otherwise, in bytes
// of Wasm: see docs/RATIONALE.md.
const DefaultBudget = 4 << 20

// CheckAOT completes and checks what the options say of translation.
func (o *Options) CheckAOT() error {
	o.AOT = cmp.Or(o.AOT, AOTProfile)
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	switch {
	case !slices.Contains(AOTModes(), o.AOT):
		return fmt.Errorf("ahead-of-time translation of %q: it can be %s", o.AOT, strings.Join(AOTModes(), ", "))
	case o.Budget < 0:
		return fmt.Errorf("translated code cannot take %d bytes", o.Budget)
	case (len(o.Train) > 0 || o.Profile != nil || o.KeepProfile != nil) && !o.trains():
		return fmt.Errorf("training and profiles are for the ahead-of-time translation of %s or %s, not %s", AOTProfile, AOTAll, o.AOT)
	}
	for _, c := range o.Train {
		if strings.TrimSpace(c) == "" || strings.ContainsRune(c, 0) {
			return fmt.Errorf("the training command %q is none", c)
		}
	}
	return nil
}

// trains says that the image's own code is translated.
func (o *Options) trains() bool { return o.AOT == AOTProfile || o.AOT == AOTAll }

// code is the translation of a file's guest code under way.
type code struct {
	*pipeline
	img   *image.Image
	parts *Parts
	back  *background
	index func() (*aot.Index, error)
}

func (p *pipeline) newCode(img *image.Image, parts *Parts, back *background) *code {
	return &code{pipeline: p, img: img, parts: parts, back: back}
}

// look begins to read what code there is.
func (c *code) look(tree *rootfs.Tree) {
	if c.o.AOT == AOTNone {
		return
	}
	c.index = start(c.back, func() (*aot.Index, error) {
		programs, err := c.programs(tree)
		if err != nil {
			return nil, err
		}
		return aot.NewIndex(programs)
	})
}

// programs lists the files whose code may run: the guest's own, and if it is
// wanted, the image's.
func (c *code) programs(tree *rootfs.Tree) (list []aot.Program, err error) {
	own, err := guest.Programs(c.plat.arch)
	if err != nil {
		return nil, err
	}
	for _, name := range guest.ProgramNames {
		list = append(list, aot.BytesProgram(name, own[name]))
	}
	if c.o.trains() {
		tree.Files(func(path string, f *rootfs.File) {
			list = append(list, aot.Program{Name: path, Size: f.Size, Open: f.Open})
		})
	}
	return list, nil
}

// make trains and translates.
func (c *code) make(b booting, disk machine.Source, tree *rootfs.Tree) error {
	general, err := aot.Parse(guest.Profile())
	if err != nil {
		return fmt.Errorf("reading the guest's profile: %w", err)
	}
	profile := general.Scale(share)
	if c.o.trains() {
		trained, err := c.trained(b, disk, tree)
		if err != nil {
			return err
		}
		profile = aot.Merge(trained.Scale(share), general.Scale(share/floor))
	}
	return c.stage("translate", func() (string, error) { return c.translate(profile) })
}

const (
	// share is what the samples of a scaled profile add up to: enough that
	// rounding is nothing, and that sums do not overflow.
	share = 1 << 30
	// floor is how many times more what training found counts than what is
	// known of the guest's own programs in general. They run at every start,
	// and in ways that training may not have seen.
	floor = 8
)

// translate chooses from a profile and makes the core.
func (c *code) translate(profile aot.Profile) (detail string, err error) {
	x, err := c.index()
	if err != nil {
		return "", err
	}
	found, err := x.Find(profile.Contents())
	if err != nil {
		return "", err
	}
	c.parts.Core = emit.NewCore(c.parts.ISA, machine.StateBase, machine.CachesBase)
	choice := aot.Choose(c.parts.Core, aot.Candidates(profile, found), int(c.o.Budget))
	c.parts.Manifest.Pages = choice.Add(c.parts.Core)
	detail = fmt.Sprintf("%s of code into %s", plural(len(choice.Pages), "page"), Bytes(int64(choice.Bytes)))
	if choice.Left.Pages > 0 {
		detail += fmt.Sprintf(", the budget leaves out %d", choice.Left.Pages)
	}
	return detail, nil
}
