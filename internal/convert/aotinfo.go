package convert

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/wasm"
)

// AOTSection is the name of the custom section that holds an [AOTInfo], as JSON
// in the format of RFC 1950.
const AOTSection = "c2w.aot"

// aotFormat is the version of AOTInfo's encoding; readers refuse others.
const aotFormat = 1

// maxAOT bounds what ReadAOT unpacks of a hostile file, in bytes: a file has
// some thousand pages, 100 bytes each.
const maxAOT = 16 << 20

// AOTInfo says what of a file's guest code is translated.
type AOTInfo struct {
	Format int `json:"format"`
	// Mode is Options.AOT, Budget Options.Budget, Train Options.Train.
	Mode   string   `json:"mode"`
	Budget int64    `json:"budget"`
	Train  []string `json:"train,omitempty"`
	// Bytes of Wasm and guest instructions of all page functions.
	Bytes        int64 `json:"bytes"`
	Instructions int64 `json:"instructions"`
	// Samples are those of the profile, in units that mean nothing by
	// themselves: Covered of them are in translated code; Unknown are in code
	// that no file of the image holds.
	Samples uint64 `json:"samples"`
	Covered uint64 `json:"covered"`
	Unknown uint64 `json:"unknown"`
	// Left is what the budget left out.
	Left AOTLeft `json:"left"`
	// Programs are those with translated pages, hottest first.
	Programs []AOTProgram `json:"programs"`
}

// AOTLeft is what the budget left out.
type AOTLeft struct {
	Pages int   `json:"pages"` // of which nothing is translated
	Bytes int64 `json:"bytes"` // how much Wasm they would take
	// Samples are those of all code that is not translated.
	Samples uint64 `json:"samples"`
}

// AOTProgram is a program of the guest's or a file of the image.
type AOTProgram struct {
	Name  string    `json:"name"`
	Pages []AOTPage `json:"pages"`
}

// AOTPage is one translated page.
type AOTPage struct {
	Offset       int64  `json:"offset"` // in the program's file, in bytes
	Mode         uint32 `json:"mode"`   // core.CodeMode
	Instructions int    `json:"instructions"`
	Entries      int    `json:"entries"`
	Bytes        int    `json:"bytes"` // of Wasm
	Samples      uint64 `json:"samples"`
}

// Sum adds up a program's pages.
func (p *AOTProgram) Sum() (sum AOTPage) {
	for _, g := range p.Pages {
		sum.Instructions += g.Instructions
		sum.Bytes += g.Bytes
		sum.Samples += g.Samples
	}
	return sum
}

// describe makes the description of a choice from a profile.
func (o *Options) describe(p aot.Profile, c *aot.Choice) *AOTInfo {
	a := &AOTInfo{
		Format: aotFormat, Mode: o.AOT, Budget: o.Budget, Train: o.Train, Bytes: int64(c.Bytes),
		Samples: p.Samples(), Covered: c.Hot,
		Left: AOTLeft{Pages: c.Left.Pages, Bytes: int64(c.Left.Bytes), Samples: c.Left.Samples},
	}
	a.Unknown = a.Samples - a.Covered - a.Left.Samples
	at := map[string]int{}
	for _, t := range c.Pages {
		i, ok := at[t.Program]
		if !ok {
			i = len(a.Programs)
			at[t.Program] = i
			a.Programs = append(a.Programs, AOTProgram{Name: t.Program})
		}
		a.Programs[i].Pages = append(a.Programs[i].Pages, AOTPage{
			Offset: t.Offset, Mode: t.Key.Mode, Instructions: t.Func.Insns, Entries: len(t.Func.Entries), Bytes: t.Bytes, Samples: t.Hot,
		})
		a.Instructions += int64(t.Func.Insns)
	}
	slices.SortStableFunc(a.Programs, func(x, y AOTProgram) int { return cmp.Compare(y.Sum().Samples, x.Sum().Samples) })
	return a
}

func (a *AOTInfo) section() (wasm.Custom, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return wasm.Custom{}, fmt.Errorf("encoding what is translated: %w", err)
	}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(text) // a buffer takes everything
	w.Close()
	return wasm.Custom{Name: AOTSection, Data: b.Bytes()}, nil
}

// ReadAOT reads out of a file of the given size what of its guest's code is
// translated; nil if nothing is.
func ReadAOT(r io.ReaderAt, size int64) (*AOTInfo, error) {
	s, err := wasm.OpenCustom(r, size, AOTSection)
	if err != nil || s == nil {
		return nil, err
	}
	damaged := func(err error) (*AOTInfo, error) {
		return nil, fmt.Errorf("the file's section %q is damaged (%w): convert the image again", AOTSection, err)
	}
	z, err := zlib.NewReader(s)
	if err != nil {
		return damaged(err)
	}
	b, err := io.ReadAll(io.LimitReader(z, maxAOT))
	if err != nil {
		return damaged(err)
	}
	var a AOTInfo
	if err := json.Unmarshal(b, &a); err != nil {
		return damaged(err)
	}
	if a.Format != aotFormat {
		return nil, fmt.Errorf("the file's section %q has format %d, this c2w reads %d: convert the image again", AOTSection, a.Format, aotFormat)
	}
	return &a, nil
}
