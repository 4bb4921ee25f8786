package aot

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/core"
	"github.com/c2w/c2w/internal/engine"
)

// Page is one code page of a profile: a content in a mode, wherever it lies.
type Page struct {
	Key engine.Key
	// Samples is how often the page was found running, or another measure of
	// how much it matters.
	Samples uint32
	// Entries are the offsets in the page at which it was entered, rising.
	Entries []uint16
}

// Profile lists pages, each once, hottest first.
type Profile []Page

// compareKeys orders keys.
func compareKeys(a, b engine.Key) int {
	return cmp.Or(cmp.Compare(a.Content, b.Content), cmp.Compare(a.Mode, b.Mode))
}

// Sort puts the pages into their order: by samples, then by key.
func (p Profile) Sort() {
	slices.SortFunc(p, func(a, b Page) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), compareKeys(a.Key, b.Key))
	})
}

// Samples adds up those of all pages.
func (p Profile) Samples() (sum uint64) {
	for i := range p {
		sum += uint64(p[i].Samples)
	}
	return sum
}

// Of takes over what an engine collected, but for pages that no sample found.
func Of(e *engine.Profile) Profile {
	var p Profile
	for key, g := range e.Pages {
		if g.Samples > 0 {
			p = append(p, Page{Key: key, Samples: uint32(min(g.Samples, math.MaxUint32)), Entries: g.Offsets()})
		}
	}
	p.Sort()
	return p
}

// Merge adds profiles up: samples add, entries unite.
func Merge(profiles ...Profile) Profile {
	at := map[engine.Key]int{}
	var sum Profile
	for _, p := range profiles {
		for _, g := range p {
			i, ok := at[g.Key]
			if !ok {
				at[g.Key] = len(sum)
				sum = append(sum, g)
				continue
			}
			s := &sum[i]
			s.Samples = uint32(min(uint64(s.Samples)+uint64(g.Samples), math.MaxUint32))
			s.Entries = slices.Concat(s.Entries, g.Entries)
			slices.Sort(s.Entries)
			s.Entries = slices.Compact(s.Entries)
		}
	}
	sum.Sort()
	return sum
}

// Scale returns the profile with samples that add up to about sum, rounded
// down, and without pages of which nothing is left.
func (p Profile) Scale(sum uint32) Profile {
	total := max(p.Samples(), 1)
	var out Profile
	for _, g := range p {
		if g.Samples = uint32(uint64(g.Samples) * uint64(sum) / total); g.Samples > 0 {
			out = append(out, g)
		}
	}
	return out
}

// header begins every profile; the number changes with the format.
const header = "c2w-profile 1"

// ErrFormat is what Parse returns for what is no profile at all.
var ErrFormat = errors.New("it does not begin with " + header)

// Format writes the profile: the header and a line for each page with its
// content's hash in hexadecimal, mode, samples, and entries in hexadecimal.
func (p Profile) Format() []byte {
	b := []byte(header + "\n")
	for _, g := range p {
		b = fmt.Appendf(b, "%016x %d %d", g.Key.Content, g.Key.Mode, g.Samples)
		for _, e := range g.Entries {
			b = append(b, ' ')
			b = strconv.AppendUint(b, uint64(e), 16)
		}
		b = append(b, '\n')
	}
	return b
}

// Parse reads what Format wrote, in any order, with comments behind the header:
// lines that begin with #.
func Parse(text []byte) (Profile, error) {
	p := Profile{} // an empty profile is one
	seen := map[engine.Key]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	if !lines.Scan() || lines.Text() != header {
		return nil, ErrFormat
	}
	for n := 2; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		g, err := parsePage(strings.Fields(line))
		if err == nil && seen[g.Key] {
			err = errors.New("the page is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		seen[g.Key] = true
		p = append(p, g)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	p.Sort()
	return p, nil
}

func parsePage(f []string) (g Page, err error) {
	if len(f) < 3 {
		return g, errors.New("a page has a content, a mode and samples")
	}
	number := func(s string, base, bits int) uint64 {
		v, e := strconv.ParseUint(s, base, bits)
		err = cmp.Or(err, e)
		return v
	}
	g.Key = engine.Key{Content: number(f[0], 16, 64), Mode: uint32(number(f[1], 10, 32))}
	g.Samples = uint32(number(f[2], 10, 32))
	for _, s := range f[3:] {
		g.Entries = append(g.Entries, uint16(number(s, 16, 16)))
	}
	switch {
	case err != nil:
		return g, err
	case g.Key.Mode >= core.Modes:
		return g, fmt.Errorf("mode %d", g.Key.Mode)
	}
	for i, e := range g.Entries {
		if e >= core.PageSize || i > 0 && e <= g.Entries[i-1] {
			return g, fmt.Errorf("entry %x", e)
		}
	}
	return g, nil
}
