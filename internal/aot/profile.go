// Package aot chooses and makes the page functions that a file holds: a profile
// says which pages of the guest's own programs run often and where they are
// entered, and the pages are translated from those programs as they are now.
//
// It must not know how profiles are gathered (internal/aot/train does that),
// nor what becomes of the core that it adds to.
package aot

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/core"
)

// Page is one code page of a profile.
type Page struct {
	// Program is the name of the program that holds the page, Offset its place
	// in the program's file, in bytes, a multiple of 4096.
	Program string
	Offset  uint32
	// Mode is the core.State.Mode in which the page ran.
	Mode uint32
	// Samples is how often the page was found running.
	Samples uint32
	// Entries are the offsets in the page at which it was entered, rising.
	Entries []uint16
}

// Profile lists pages, hottest first.
type Profile []Page

// Sort puts the pages into their order: by samples, then by place.
func (p Profile) Sort() {
	slices.SortFunc(p, func(a, b Page) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Program, b.Program),
			cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Mode, b.Mode))
	})
}

// Format writes the profile: a line for each page with its program, offset,
// mode, samples, and entries; offsets and entries are hexadecimal.
func (p Profile) Format() []byte {
	var b bytes.Buffer
	for _, g := range p {
		fmt.Fprintf(&b, "%s %x %d %d", g.Program, g.Offset, g.Mode, g.Samples)
		for _, e := range g.Entries {
			fmt.Fprintf(&b, " %x", e)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// Parse reads what Format wrote, and comments: lines that begin with #.
func Parse(text []byte) (Profile, error) {
	var p Profile
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		g, err := parsePage(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("profile, line %d: %w", n, err)
		}
		p = append(p, g)
	}
	return p, lines.Err()
}

func parsePage(f []string) (g Page, err error) {
	if len(f) < 4 {
		return g, errors.New("a page has a program, an offset, a mode and samples")
	}
	number := func(s string, base, bits int) uint32 {
		v, e := strconv.ParseUint(s, base, bits)
		err = cmp.Or(err, e)
		return uint32(v)
	}
	g = Page{Program: f[0], Offset: number(f[1], 16, 32), Mode: number(f[2], 10, 32), Samples: number(f[3], 10, 32)}
	for _, s := range f[4:] {
		g.Entries = append(g.Entries, uint16(number(s, 16, 16)))
	}
	switch {
	case err != nil:
		return g, err
	case g.Offset%core.PageSize != 0 || g.Mode >= core.Modes:
		return g, fmt.Errorf("page %x in mode %d", g.Offset, g.Mode)
	}
	for i, e := range g.Entries {
		if e >= core.PageSize || i > 0 && e <= g.Entries[i-1] {
			return g, fmt.Errorf("entry %x", e)
		}
	}
	return g, nil
}
