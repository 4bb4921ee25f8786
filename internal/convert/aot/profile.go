package aot

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// Page is one code page of a profile: a content in a mode, wherever it lies.
type Page struct {
	Key    engine.Key
	Points []Point // by rising offset, each once
}

// Point is an offset in a page that something jumped to.
type Point struct {
	Off uint16
	// Entry says that the jump came from elsewhere.
	Entry bool
	// Samples is how often code was found running from here straight on, or
	// another measure of how much that matters.
	Samples uint32
}

// Samples adds up those of all points.
func (p *Page) Samples() (sum uint64) {
	for _, x := range p.Points {
		sum += uint64(x.Samples)
	}
	return sum
}

// Entries are the offsets of the points that are entries.
func (p *Page) Entries() (list []uint16) {
	for _, x := range p.Points {
		if x.Entry {
			list = append(list, x.Off)
		}
	}
	return list
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
		return cmp.Or(cmp.Compare(b.Samples(), a.Samples()), compareKeys(a.Key, b.Key))
	})
}

// Samples adds up those of all pages.
func (p Profile) Samples() (sum uint64) {
	for i := range p {
		sum += p[i].Samples()
	}
	return sum
}

// Of takes over what an engine collected, but for pages that no sample found.
func Of(e *engine.Profile) Profile {
	var p Profile
	for key, g := range e.Pages {
		if g.Samples == 0 {
			continue
		}
		at := map[uint16]Point{}
		for off := range g.Entries {
			at[off] = Point{Off: off, Entry: true}
		}
		for off, n := range g.Hits {
			at[off] = Point{off, at[off].Entry, uint32(min(n, math.MaxUint32))}
		}
		p = append(p, Page{key, sortPoints(slices.Collect(maps.Values(at)))})
	}
	p.Sort()
	return p
}

func sortPoints(list []Point) []Point {
	slices.SortFunc(list, func(a, b Point) int { return cmp.Compare(a.Off, b.Off) })
	return list
}

// Merge adds profiles up: samples add, entries unite.
func Merge(profiles ...Profile) Profile {
	sum := map[engine.Key]map[uint16]Point{}
	for _, p := range profiles {
		for _, g := range p {
			at := sum[g.Key]
			if at == nil {
				at = map[uint16]Point{}
				sum[g.Key] = at
			}
			for _, x := range g.Points {
				old := at[x.Off]
				at[x.Off] = Point{x.Off, x.Entry || old.Entry, uint32(min(uint64(x.Samples)+uint64(old.Samples), math.MaxUint32))}
			}
		}
	}
	out := Profile{}
	for key, at := range sum {
		out = append(out, Page{key, sortPoints(slices.Collect(maps.Values(at)))})
	}
	out.Sort()
	return out
}

// Scale returns the profile with samples that add up to about sum, rounded
// down, and without pages of which nothing is left.
func (p Profile) Scale(sum uint32) Profile {
	total := max(p.Samples(), 1)
	out := Profile{}
	for _, g := range p {
		s := Page{Key: g.Key}
		for _, x := range g.Points {
			// samples × sum / total, of which the product may have 96 bits
			hi, lo := bits.Mul64(uint64(x.Samples), uint64(sum))
			n, _ := bits.Div64(hi, lo, total)
			if x.Samples = uint32(n); x.Entry || n > 0 {
				s.Points = append(s.Points, x)
			}
		}
		if s.Samples() > 0 {
			out = append(out, s)
		}
	}
	out.Sort()
	return out
}

// header begins every profile; the number changes with the format, and with what
// a key or a point means. Nothing else makes a profile unfit: it knows no layout
// of the machine, and pages that an image does not have are passed over.
const header = "c2w-profile 2"

// Parse returns these for what is no profile at all, and for one of another
// format.
var (
	ErrFormat  = errors.New("it does not begin with " + header)
	ErrVersion = errors.New("it is of another version of c2w: remove it, and training makes it anew")
)

// Format writes the profile: the header and a line for each page with its
// content's hash in hexadecimal, its mode, and its points: the offset in
// hexadecimal, "-" if it is no entry, and ":" and its samples if it has any.
func (p Profile) Format() []byte {
	b := []byte(header + "\n")
	for _, g := range p {
		b = fmt.Appendf(b, "%016x %d", g.Key.Content, g.Key.Mode)
		for _, x := range g.Points {
			b = strconv.AppendUint(append(b, ' '), uint64(x.Off), 16)
			if !x.Entry {
				b = append(b, '-')
			}
			if x.Samples > 0 {
				b = strconv.AppendUint(append(b, ':'), uint64(x.Samples), 10)
			}
		}
		b = append(b, '\n')
	}
	return b
}

// maxLine bounds a line, in bytes: a page has no more than 4096 points.
const maxLine = 128 << 10

// Parse reads what Format wrote, in any order, with comments behind the header:
// lines that begin with #.
func Parse(text []byte) (Profile, error) {
	p := Profile{} // an empty profile is one
	seen := map[engine.Key]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxLine)
	if !lines.Scan() || lines.Text() != header {
		if kind, _, _ := strings.Cut(header, " "); strings.HasPrefix(lines.Text(), kind+" ") {
			return nil, ErrVersion
		}
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
	if len(f) < 2 {
		return g, errors.New("a page has a content and a mode")
	}
	number := func(s string, base, bits int) uint64 {
		v, e := strconv.ParseUint(s, base, bits)
		err = cmp.Or(err, e)
		return v
	}
	g.Key = engine.Key{Content: number(f[0], 16, 64), Mode: uint32(number(f[1], 10, 32))}
	for _, s := range f[2:] {
		off, samples, sampled := strings.Cut(s, ":")
		off, inside := strings.CutSuffix(off, "-")
		x := Point{Off: uint16(number(off, 16, 16)), Entry: !inside}
		if sampled {
			x.Samples = uint32(number(samples, 10, 32))
		}
		if n := len(g.Points); err == nil && (x.Off >= core.PageSize || n > 0 && x.Off <= g.Points[n-1].Off) {
			err = fmt.Errorf("point %s", s)
		}
		g.Points = append(g.Points, x)
	}
	if err == nil && g.Key.Mode >= core.CodeModes {
		err = fmt.Errorf("mode %d", g.Key.Mode)
	}
	return g, err
}
