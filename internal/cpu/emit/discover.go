package emit

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// block is a basic block of a page's code, or a copy of its end (slowpath.go). An
// instruction that ends in the next page is a block by itself, and an entry
// (pagecrossing.go).
type block struct {
	start, end int // offsets in the page; end may exceed it by the tail of an instruction
	insns      []isa.Insn
	flow       isa.Flow // of the last instruction, FlowNext if the block falls into the next
	// Offsets to continue at: taken and fall through; -1 if there is none.
	taken, next int
}

// codeBlocks are what a page function executes: blocks by rising offset, and where
// it is asked to be entered.
type codeBlocks struct {
	g      isa.ISA
	code   []byte
	blocks []*block
	asked  []uint16
}

// discover finds what a page function executes: the code that its entries reach
// inside the page, and of that, if it is known what ran, only this. It has up to
// limit instructions, those that are found first.
func discover(g isa.ISA, s *Source, limit int) *codeBlocks {
	asked := s.Entries
	live := reachFrom(g, s.Code, s.Ran)
	if live != nil {
		asked = entriesInto(live, g, s.Code, asked, s.Ran)
	}
	return &codeBlocks{g, s.Code, findBlocks(g, s.Code, asked, live, limit), asked}
}

// findBlocks discovers the code that entries reach inside a page, and returns
// the blocks by rising offset; live, if not nil, says which instructions count.
// What follows a call or an instruction that Go executes is reached by an entry of
// its own or not at all.
func findBlocks(g isa.ISA, code []byte, asked []uint16, live *offsets, limit int) []*block {
	forms := g.Forms()
	insns := map[int]isa.Insn{}
	leader := map[int]bool{}
	var work []int
	add := func(off int) {
		if off >= 0 && off < core.PageSize && !leader[off] {
			leader[off] = true
			work = append(work, off)
		}
	}
	for _, e := range asked {
		add(int(e))
	}
	for len(work) > 0 {
		off := work[0]
		work = work[1:]
		for off < core.PageSize {
			if _, seen := insns[off]; seen {
				break
			}
			in, ok := g.Decode(code[off:])
			if !ok || len(insns) >= limit || live != nil && !live[off] {
				break
			}
			insns[off] = in
			next := off + int(in.Len)
			if next > core.PageSize {
				leader[off] = true
			}
			flow := forms[in.Form].Flow
			switch flow {
			case isa.FlowBranch, isa.FlowJump, isa.FlowCall:
				add(off + int(in.Imm))
			}
			if flow == isa.FlowBranch || flow == isa.FlowResume {
				add(next)
			}
			off = next
			if flow != isa.FlowNext {
				break
			}
		}
	}
	var starts []int
	for off := range leader {
		if _, ok := insns[off]; ok {
			starts = append(starts, off)
		}
	}
	sort.Ints(starts)
	var blocks []*block
	for _, s := range starts {
		b := &block{start: s, taken: -1, next: -1}
		off := s
		for {
			in, ok := insns[off]
			if !ok || off > s && leader[off] {
				b.next = off // another block, or code that stays interpreted
				break
			}
			b.insns = append(b.insns, in)
			flow := forms[in.Form].Flow
			next := off + int(in.Len)
			if flow != isa.FlowNext {
				b.flow = flow
				switch flow {
				case isa.FlowBranch:
					b.taken, b.next = off+int(in.Imm), next
				case isa.FlowResume:
					b.next = next
				case isa.FlowJump, isa.FlowCall:
					b.taken = off + int(in.Imm)
				}
				off = next
				break
			}
			off = next
		}
		b.end = off
		blocks = append(blocks, b)
	}
	return blocks
}

// String prints each block's instructions and where it goes on.
func (c *codeBlocks) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "entries %#x\n", c.asked)
	for i, x := range c.blocks {
		fmt.Fprintf(&b, "block %d:", i+1)
		if x.taken >= 0 {
			fmt.Fprintf(&b, " taken %+#x", x.taken)
		}
		if x.next >= 0 {
			fmt.Fprintf(&b, " next %+#x", x.next)
		}
		b.WriteByte('\n')
		off := x.start
		for j := range x.insns {
			in := &x.insns[j]
			fmt.Fprintf(&b, "\t%+#x  %s\n", off, c.g.Disasm(c.code[off:off+int(in.Len)], uint64(off)))
			off += int(in.Len)
		}
	}
	return b.String()
}

// check: blocks are in order, each has its bytes, and only the last instruction
// changes the flow.
func (c *codeBlocks) check() error {
	var errs []error
	forms := c.g.Forms()
	for i, x := range c.blocks {
		off := x.start
		for j := range x.insns {
			in := &x.insns[j]
			off += int(in.Len)
			if last := j == len(x.insns)-1; !last && forms[in.Form].Flow != isa.FlowNext || last && forms[in.Form].Flow != x.flow {
				errs = append(errs, fmt.Errorf("block %d: instruction %d ends it", i+1, j))
			}
		}
		if off != x.end || x.start >= x.end || x.start < 0 || x.start >= core.PageSize {
			errs = append(errs, fmt.Errorf("block %d from %#x to %#x has instructions up to %#x", i+1, x.start, x.end, off))
		}
		if i > 0 && c.blocks[i-1].start >= x.start {
			errs = append(errs, fmt.Errorf("block %d is out of order", i+1))
		}
		if x.crossesPage() && (len(x.insns) != 1) {
			errs = append(errs, fmt.Errorf("block %d lies in two pages", i+1))
		}
	}
	return errors.Join(errs...)
}
