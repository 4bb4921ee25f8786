package aot

import (
	"bytes"
	"debug/elf"
	"io"
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// maxELF bounds the programs that are read as a whole, in bytes.
const maxELF = 512 << 20

// userMode is the mode in which a file's code runs.
const userMode = 0

// Everything returns all code pages of a program that is an ELF file for the
// given machine, in order of their offsets, with the entries that can be told
// without running it; nothing for other files. A file may say anything of
// itself: what is wrong makes no code, or code that is never bound.
func Everything(g isa.ISA, machine elf.Machine, p Program) ([]Candidate, error) {
	if p.Size < int64(len(elf.ELFMAG)) || p.Size > maxELF {
		return nil, nil
	}
	r := p.Open()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != elf.ELFMAG {
		return nil, err
	}
	b := make([]byte, p.Size)
	copy(b, magic)
	if _, err := io.ReadFull(r, b[len(magic):]); err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil || f.Machine != machine {
		return nil, nil
	}
	s := &scan{g: g, b: b, points: map[int64]map[uint16]bool{}, inner: map[int64]bool{}}
	for _, part := range executable(f, int64(len(b))) {
		s.parts = append(s.parts, part)
		s.sweep(part)
	}
	s.symbols(f)
	return s.candidates(p.Name), nil
}

// part is code in a file, in bytes; vaddr is where its first byte appears.
type part struct {
	off, size int64
	vaddr     uint64
}

func (p part) has(off int64) bool { return off >= p.off && off < p.off+p.size }

// maxParts bounds the parts of one file; compilers make a handful.
const maxParts = 64

// executable returns the sections with code, or without sections the segments;
// none of them overlaps another in the file.
func executable(f *elf.File, size int64) (list []part) {
	add := func(off, n, vaddr uint64) {
		overlaps := func(p part) bool { return int64(off) < p.off+p.size && p.off < int64(off+n) }
		if n > 0 && off < uint64(size) && n <= uint64(size)-off && len(list) < maxParts && !slices.ContainsFunc(list, overlaps) {
			list = append(list, part{int64(off), int64(n), vaddr})
		}
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR != 0 && s.Type == elf.SHT_PROGBITS {
			add(s.Offset, s.FileSize, s.Addr)
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, s := range f.Progs {
		if s.Type == elf.PT_LOAD && s.Flags&elf.PF_X != 0 {
			add(s.Off, s.Filesz, s.Vaddr)
		}
	}
	return list
}

// scan finds entries.
type scan struct {
	g      isa.ISA
	b      []byte
	parts  []part
	points map[int64]map[uint16]bool // by page: offset in the page
	inner  map[int64]bool            // targets of branches in the same page
}

// enter notes an offset in the file as an entry, if there is code.
func (s *scan) enter(off int64) {
	if !slices.ContainsFunc(s.parts, func(p part) bool { return p.has(off) }) {
		return
	}
	page := off &^ core.PageMask
	if s.points[page] == nil {
		s.points[page] = map[uint16]bool{}
	}
	s.points[page][uint16(off&core.PageMask)] = true
}

// sweep decodes a part from its beginning to its end. Code is entered where
// calls and system calls return to, where calls and jumps from other pages
// lead, and behind jumps, where nothing else in the page leads: there a
// function begins, or the case of a switch.
func (s *scan) sweep(p part) {
	forms := s.g.Forms()
	end := p.off + p.size
	var behind []int64
	s.enter(p.off)
	for off := p.off; off < end; {
		code := s.b[off:min(end, off+16)]
		if n := s.g.Filling(code); n > 0 {
			off += int64(n)
			continue
		}
		in, ok := s.g.Decode(code)
		if !ok {
			break
		}
		next, flow := off+int64(in.Len), forms[in.Form].Flow
		target := off + int64(in.Imm)
		switch {
		case flow == isa.FlowCall, (flow == isa.FlowBranch || flow == isa.FlowJump) && target&^core.PageMask != off&^core.PageMask:
			s.enter(target)
		case flow == isa.FlowBranch || flow == isa.FlowJump:
			s.inner[target] = true
		}
		switch flow {
		case isa.FlowCall, isa.FlowIndCall, isa.FlowSingle:
			s.enter(next)
		case isa.FlowJump, isa.FlowInd:
			behind = append(behind, next)
		default:
			// The next page begins in the middle of what runs straight on.
			if next&^core.PageMask != off&^core.PageMask {
				s.enter(next)
			}
		}
		off = next
	}
	for _, off := range behind {
		if off < end && !s.inner[off] && s.g.Filling(s.b[off:end]) == 0 {
			s.enter(off)
		}
	}
}

// symbols enters what the file names as functions, and its entry point.
func (s *scan) symbols(f *elf.File) {
	enter := func(vaddr uint64) {
		for _, p := range s.parts {
			if d := vaddr - p.vaddr; d < uint64(p.size) {
				s.enter(p.off + int64(d))
			}
		}
	}
	enter(f.Entry)
	for _, read := range []func() ([]elf.Symbol, error){f.Symbols, f.DynamicSymbols} {
		list, err := read()
		if err != nil {
			continue // stripped
		}
		for _, sym := range list {
			if elf.ST_TYPE(sym.Info) == elf.STT_FUNC {
				enter(sym.Value)
			}
		}
	}
}

// candidates returns the pages that have entries.
func (s *scan) candidates(name string) (list []Candidate) {
	var hashes []uint64
	for page := 0; page < len(s.b); page += core.PageSize {
		code := make([]byte, core.PageSize)
		copy(code, s.b[page:])
		hashes = append(hashes, engine.PageKey(code, userMode).Content)
	}
	for page, at := range s.points {
		code := make([]byte, core.PageSize)
		copy(code, s.b[page:])
		code = append(code, s.b[min(page+core.PageSize, int64(len(s.b))):min(page+core.PageSize+tailMax, int64(len(s.b)))]...)
		c := Candidate{Page{Key: engine.PageKey(code[:core.PageSize], userMode)}, Found{Place{name, page}, code, around{hashes, int(page / core.PageSize)}}}
		for off := range at {
			c.Points = append(c.Points, Point{Off: off, Entry: true})
		}
		sortPoints(c.Points)
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Candidate) int { return int(a.Offset - b.Offset) })
	return list
}
