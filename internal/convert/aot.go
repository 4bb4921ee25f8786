package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/convert/rootfs"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/machine"
)

// What Options.AOT can be.
const (
	AOTNone    = "none"
	AOTKernel  = "kernel"  // hot pages of the guest's own programs
	AOTProfile = "profile" // and those of the image's that training found
	AOTAll     = "all"     // and the rest of the image's code
)

// AOTModes lists what Options.AOT can be.
func AOTModes() []string { return []string{AOTNone, AOTKernel, AOTProfile, AOTAll} }

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
	img      *image.Image
	parts    *Parts
	back     *background
	programs []aot.Program              // the image's files, if their code is wanted
	index    func() (*aot.Index, error) // of these and the guest's own
	info     *AOTInfo                   // once it is made
}

func (p *pipeline) newCode(img *image.Image, parts *Parts, back *background) *code {
	return &code{pipeline: p, img: img, parts: parts, back: back}
}

// look begins to read what code there is.
func (c *code) look(tree *rootfs.Tree) {
	if c.o.AOT == AOTNone {
		return
	}
	if c.o.trains() {
		tree.Files(func(path string, f *rootfs.File) {
			c.programs = append(c.programs, aot.Program{Name: path, Size: f.Size, Open: f.Open})
		})
	}
	c.index = start(c.back, func() (*aot.Index, error) {
		own, err := guest.Programs(c.plat.arch)
		if err != nil {
			return nil, err
		}
		var list []aot.Program
		for _, name := range guest.ProgramNames {
			list = append(list, aot.BytesProgram(name, own[name]))
		}
		return aot.NewIndex(append(list, c.programs...))
	})
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

// minPage is less than most pages of code take, in bytes of Wasm.
const minPage = 2 << 10

const (
	// share is what the samples of a scaled profile add up to: enough that
	// rounding is nothing, and that sums do not overflow.
	share = 1 << 30
	// floor is how many times more what training found counts than what is
	// known of the guest's own programs in general. They run at every start,
	// and in ways that training may not have seen.
	floor = 32
)

// translate chooses from a profile and makes the core.
func (c *code) translate(profile aot.Profile) (detail string, err error) {
	c.parts.Core = emit.NewCore(c.parts.ISA, machine.StateBase, machine.CachesBase)
	choice, err := c.choose(c.parts.Core, profile)
	if err != nil {
		return "", err
	}
	c.parts.Manifest.Pages = choice.Add(c.parts.Core)
	c.info = c.o.describe(profile, &choice)
	detail = fmt.Sprintf("%s of code into %s", plural(len(choice.Pages), "page"), Bytes(int64(choice.Bytes)))
	if choice.Left.Pages > 0 {
		detail += fmt.Sprintf(", the budget leaves out %d", choice.Left.Pages)
	}
	return detail, nil
}

// choose makes page functions for a core, as far as the budget goes.
func (c *code) choose(k *emit.Core, profile aot.Profile) (aot.Choice, error) {
	x, err := c.index()
	if err != nil {
		return aot.Choice{}, err
	}
	found, err := x.Find(profile.Contents())
	if err != nil {
		return aot.Choice{}, err
	}
	choice := aot.Choose(k, aot.Candidates(profile, found), int(c.o.Budget))
	if c.o.AOT == AOTAll {
		all, err := c.everything(&choice)
		if err != nil {
			return choice, err
		}
		choice.Fill(k, all, int(c.o.Budget))
	}
	return choice, nil
}

// everything lists the code of the image, that of the programs which the choice
// has most of first.
func (c *code) everything(choice *aot.Choice) ([]aot.Candidate, error) {
	hot := map[string]uint64{}
	for _, t := range choice.Pages {
		hot[t.Program] += t.Hot
	}
	programs := slices.Clone(c.programs)
	slices.SortStableFunc(programs, func(a, b aot.Program) int { return cmp.Compare(hot[b.Name], hot[a.Name]) })
	var all []aot.Candidate
	for _, p := range programs {
		list, err := aot.Everything(c.parts.ISA, c.plat.machine, p)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", p.Name, err)
		}
		all = append(all, list...)
		if len(all)*minPage > int(c.o.Budget) {
			break // more than fits
		}
	}
	return all, nil
}
