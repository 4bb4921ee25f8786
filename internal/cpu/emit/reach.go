package emit

import (
	"slices"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// The reach of an offset is what is executed with it for certain: the instructions
// straight behind it up to a jump or call. A profile knows some offsets of a page;
// their reach is all of the page that is known to run.

// offsets is a set of offsets in a page.
type offsets [core.PageSize]bool

// reachFrom returns the reach of offsets; nil without any offset.
func reachFrom(g isa.ISA, code []byte, from []uint16) *offsets {
	if len(from) == 0 {
		return nil
	}
	live := &offsets{}
	for _, off := range from {
		live.add(g, code, off)
	}
	return live
}

// Reach says how many instructions each of the offsets adds to those that a
// function with Source.Ran has by the offsets before it.
func (k *Core) Reach(code []byte, ran []uint16) []int {
	live := &offsets{}
	n := make([]int, len(ran))
	for i, off := range ran {
		n[i] = live.add(k.g, code, off)
	}
	return n
}

// add adds the reach of an offset, and says how much of it was not there yet.
func (o *offsets) add(g isa.ISA, code []byte, from uint16) (n int) {
	for off := int(from); off < core.PageSize && !o[off]; {
		in, ok := g.Decode(code[off:])
		if !ok {
			break
		}
		o[off] = true
		n++
		off += int(in.Len)
		if f := g.Forms()[in.Form].Flow; f.Ends() || f == isa.FlowCall || f == isa.FlowIndCall {
			break
		}
	}
	return n
}

// entriesInto adds to the entries where code of the page that is not live leads
// into live code.
func entriesInto(live *offsets, g isa.ISA, code []byte, asked, ran []uint16) []uint16 {
	entry := &offsets{}
	for _, off := range asked {
		entry[off] = live[off]
	}
	enter := func(off int) {
		if off >= 0 && off < core.PageSize && live[off] {
			entry[off] = true
		}
	}
	forms := g.Forms()
	for _, b := range findBlocks(g, code, slices.Concat(asked, ran), nil, core.PageSize) {
		off := b.start
		for i := range b.insns {
			in := &b.insns[i]
			next, flow := off+int(in.Len), forms[in.Form].Flow
			if !live[off] {
				switch flow {
				case isa.FlowBranch, isa.FlowJump, isa.FlowCall:
					enter(off + int(in.Imm))
				}
				if !flow.Ends() {
					enter(next)
				}
			}
			off = next
		}
	}
	var list []uint16
	for off, is := range entry {
		if is {
			list = append(list, uint16(off))
		}
	}
	return list
}
