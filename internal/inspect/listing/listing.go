// Package listing prints what becomes of guest code: instruction, intermediate
// representation, and the page function that a converted file holds for it.
//
// It must not know who asks, nor how code runs.
package listing

import (
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/inspect/dissect"
	"github.com/c2w/c2w/internal/wasm"
)

// Page is a code page and its page function.
type Page struct {
	ISA  isa.ISA
	Code []byte // core.PageSize bytes and, with a function, the end of its last instruction
	Mode uint32
	// Base is the address of the page's start, as it is shown.
	Base uint64
	// Entries are the offsets at which the function is entered; nil if there is
	// no function.
	Entries []uint16

	body    []byte // of the function, with its local declarations
	marks   []wasm.Mark
	unknown error // why marks is not known
}

// New looks for the page function that a file has for a page in a mode. If the
// file does not say which of the function's code belongs to which instruction,
// Write shows it without.
func New(f *dissect.File, g isa.ISA, code []byte, mode uint32, base uint64) *Page {
	p := &Page{ISA: g, Code: code, Mode: mode, Base: base}
	b := f.Page(engine.PageKey(code, core.CodeMode(mode)))
	if b == nil {
		return p
	}
	if body, ok := f.Body(b.Slot); ok {
		p.Code = slices.Concat(code, b.Tail)
		p.Entries, p.body = b.Entries, body
		p.marks, p.unknown = f.Marks(b.Slot)
	}
	return p
}

// marked reports whether there is a function and it is known what in it belongs
// to which instruction.
func (p *Page) marked() bool { return p.body != nil && p.unknown == nil }

// insn is an instruction of the page.
type insn struct {
	off int
	in  isa.Insn
}

// insns decodes the page from an offset on, as far as an instruction is in it.
func (p *Page) insns(from int) (list []insn) {
	for off := from; off < core.PageSize; {
		in, ok := p.ISA.Decode(p.Code[off:])
		if !ok || in.Len == 0 {
			break
		}
		list = append(list, insn{off, in})
		off += int(in.Len)
	}
	return list
}

// instructions lists the page's instructions: those that the function executes
// or, if that is not known, all from the start on.
func (p *Page) instructions() []insn {
	if !p.marked() {
		return p.insns(0)
	}
	seen := map[int]bool{}
	var list []insn
	for _, m := range p.marks {
		off := int(m.Tag)
		if off < 0 || seen[off] {
			continue
		}
		seen[off] = true
		if in, ok := p.ISA.Decode(p.Code[off:]); ok {
			list = append(list, insn{off, in})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].off < list[j].off })
	return list
}

// Line is an instruction's line: address, bytes, disassembly.
func Line(g isa.ISA, addr uint64, code []byte) string {
	return fmt.Sprintf("%#x  %-*s  %s", addr, 2*min(g.MaxLen(), 8), bytesOf(g, code), g.Disasm(code, addr))
}

// bytesOf prints an instruction's bytes: as one number where all have as many as a
// number's, as the manual does, otherwise in the order in which they lie.
func bytesOf(g isa.ISA, code []byte) string {
	if g.Align() == 0 {
		return hex.EncodeToString(code)
	}
	number := slices.Clone(code)
	slices.Reverse(number)
	return hex.EncodeToString(number)
}

func (p *Page) line(off int, in *isa.Insn) string {
	return Line(p.ISA, p.Base+uint64(off), p.Code[off:off+int(in.Len)])
}

// Write prints the instructions at the offsets for which want holds, each with
// its intermediate representation, then the function's code that belongs to
// them. Nil wants all that the function has, or the whole page if there is none.
func (p *Page) Write(w io.Writer, want func(off int) bool) error {
	list, has := p.instructions(), map[int]bool{}
	for _, i := range list {
		has[i.off] = true
	}
	if want == nil {
		want = func(int) bool { return true }
	} else {
		list = nil
		for off := range core.PageSize {
			if in, ok := p.ISA.Decode(p.Code[off:]); ok && want(off) {
				list = append(list, insn{off, in})
			}
		}
	}
	var b strings.Builder
	for _, i := range list {
		line := p.line(i.off, &i.in)
		if p.marked() && !has[i.off] {
			line += "  ;; not in the page function"
		}
		fmt.Fprintf(&b, "%s\n", line)
		var x ir.Builder
		isa.LiftInsn(&x, p.ISA, &i.in, i.off)
		lines := strings.SplitAfter(x.Block.Format(), "\n")
		for _, l := range lines[1:] { // the first says where the instruction is
			if l != "" {
				fmt.Fprintf(&b, "        %s", slotInIR.ReplaceAllStringFunc(strings.TrimLeft(l, "\t"), p.named))
			}
		}
	}
	b.WriteByte('\n')
	if err := p.writeFunction(&b, want); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Page) writeFunction(b *strings.Builder, want func(off int) bool) error {
	if p.body == nil {
		fmt.Fprintf(b, ";; the file has no page function for this page in mode %d\n", core.CodeMode(p.Mode))
		return nil
	}
	locals, code, err := wasm.SplitBody(p.body)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, ";; page function: %d bytes, entries", len(p.body))
	for _, e := range p.Entries {
		fmt.Fprintf(b, " +%#x", e)
	}
	b.WriteString("\n;; (param $vbase i64) (param $entry i32) (param $depth i32) (result i64)")
	for _, l := range locals {
		fmt.Fprintf(b, " (local %d × %v)", l.Count, l.Type)
	}
	b.WriteByte('\n')
	if !p.marked() {
		fmt.Fprintf(b, ";; what belongs to which instruction is not known: %v\n", p.unknown)
	}
	text, err := p.wat(code, want)
	b.WriteString(text)
	return err
}

// wat prints the function's code: a line with the guest's instruction in front
// of what belongs to it, and dots in place of what is not wanted.
func (p *Page) wat(code []byte, want func(off int) bool) (string, error) {
	next := 0
	// What a mark says holds for the lines up to the next one; skipped text is
	// cut out afterwards, by these two.
	const hide, show = "\x00hide\n", "\x00show\n"
	heading := func(tag int32) string {
		if tag < 0 {
			return hide + ";; the function's own\n"
		}
		line := ";; +" + fmt.Sprintf("%#x", tag)
		if in, ok := p.ISA.Decode(p.Code[tag:]); ok {
			line = ";; " + p.line(int(tag), &in)
		}
		if want(int(tag)) {
			return show + line + "\n"
		}
		return hide + line + "\n"
	}
	text, err := wasm.Text(code, wasm.TextOptions{
		Local: func(i uint32) string { return map[uint32]string{0: "$vbase", 1: "$entry", 2: "$depth"}[i] },
		Before: func(off int) (lines string) {
			for ; next < len(p.marks) && p.marks[next].Off <= off; next++ {
				lines += heading(p.marks[next].Tag)
			}
			return lines
		},
	})
	if !p.marked() {
		return text, err
	}
	all := true // is anything left out?
	for off := range core.PageSize {
		all = all && want(off)
	}
	var b strings.Builder
	shown, dots := all, false
	for _, l := range strings.SplitAfter(text, "\n") {
		l = p.noted(l)
		switch {
		case l == show:
			shown = true
		case l == hide:
			shown = all
		case shown:
			b.WriteString(l)
			dots = false
		case !dots && l != "":
			b.WriteString(";; …\n")
			dots = true
		}
	}
	return b.String(), err
}

// Registers as package ir prints them, and in accesses of the state.
var (
	slotInIR   = regexp.MustCompile(`\[0x[0-9a-f]+\]`)
	slotInWasm = regexp.MustCompile(`(?:load|store) offset=(0x[0-9a-f]+)\n$`)
)

// named puts a register's name in place of its state offset, if the ISA has one.
func (p *Page) named(slot string) string {
	off, err := strconv.ParseInt(strings.Trim(slot, "[]"), 0, 32)
	n, ok := p.ISA.(interface{ SlotName(int) string })
	if err != nil || !ok || n.SlotName(int(off)) == "" {
		return slot
	}
	return "[" + n.SlotName(int(off)) + "]"
}

// noted is a line of Wasm, with the register's name behind an access of it.
func (p *Page) noted(line string) string {
	if m := slotInWasm.FindStringSubmatch(line); m != nil {
		if name := p.named(m[1]); name != m[1] {
			return strings.TrimSuffix(line, "\n") + "  ;; " + strings.Trim(name, "[]") + "\n"
		}
	}
	return line
}

// Around returns what Write is to be given to print the instruction at an offset
// and n before and behind it.
func (p *Page) Around(off, n int) func(off int) bool {
	list := p.instructions()
	if p.marked() && !slices.ContainsFunc(list, func(i insn) bool { return i.off == off }) {
		list = p.insns(off >> p.ISA.Align() << p.ISA.Align()) // the function does not have it
		return p.among(list[:min(len(list), n+1)])
	}
	at := sort.Search(len(list), func(i int) bool { return list[i].off >= off })
	return p.among(list[max(0, at-n):min(len(list), at+n+1)])
}

func (p *Page) among(list []insn) func(off int) bool {
	wanted := make(map[int]bool, len(list))
	for _, i := range list {
		wanted[i.off] = true
	}
	return func(off int) bool { return wanted[off] }
}
