package emit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/softfloat"
)

// In innermost loops, what is done where a check fails is not in the check's
// place: engines lay code out as it is written, and every check that passes
// would jump over it, with values moved to where it leaves them. Instead the
// slow path is a copy of the block from the instruction with such a check on. A
// block with several of them has a copy for each: from one to the next, which
// fall through from one to the other and end as the block does. A failing check
// goes to the copy that begins with its instruction. The state there is that
// before the instruction, as at an exit.
//
// A copy is the same IR, lowered with everything in place; an access that is
// looked up there may fill its TLB copy (tlbcopies.go).

// slowPaths are the copies of the blocks of a page, as blocks of their own behind
// them.
type slowPaths struct {
	all  *lifted // blocks and copies
	code int     // blocks that are no copies
	of   [][]int // by block: the nodes of its copies, by rising offset
	then []int   // by copy: the node of the copy that it falls through to, or 0
	paid []int   // by copy: how many instructions behind it the budget has been charged for
}

// maxSlowPaths bounds the copies of a block.
const maxSlowPaths = 32

// planSlowPaths makes the slow paths of the innermost loops' blocks.
func planSlowPaths(arch isa.ISA, x *lifted, g *control, t *tlbCopies) *slowPaths {
	s := &slowPaths{all: x, code: len(x.blocks), of: make([][]int, len(x.blocks))}
	var copies []*block
	g.innermostLoops(func(l *graph.Loop) {
		for _, v := range l.Body {
			if g.Dispatch(v) != nil {
				continue
			}
			b := x.blocks[v-1]
			from := risky(b, x.of(v), t)
			for i, k := range from {
				copies = append(copies, part(b, from[i:]))
				node, then := s.code+len(copies), 0
				if i < len(from)-1 {
					then = node + 1
				}
				s.of[v-1] = append(s.of[v-1], node)
				s.then = append(s.then, then)
				s.paid = append(s.paid, len(b.insns)-k-len(copies[len(copies)-1].insns))
			}
		}
	})
	if len(copies) > 0 {
		y := narrow(lift(arch, copies))
		s.all = &lifted{slices.Concat(x.blocks, copies), slices.Concat(x.ir, y.ir)}
	}
	return s
}

// risky lists the instructions of a block that have a check whose failing is for
// a slow path, by index; none if they are too many.
func risky(b *block, x *ir.Block, t *tlbCopies) (list []int) {
	groups := formGroups(x, nil)
	insn, k := insnsOf(x), -1
	for i := range x.Nodes {
		n := &x.Nodes[i]
		if n.Op == ir.Insn {
			k++
		}
		off := int(x.Nodes[insn[i]].Imm)
		if n.Op == ir.Float && checked(n) ||
			(n.Op == ir.Load || n.Op == ir.Store) && groups[i] == nil && t.of[access{off, n.Op == ir.Store}] != nil {
			if len(list) == 0 || list[len(list)-1] != k {
				list = append(list, k)
			}
		}
	}
	if len(list) > maxSlowPaths {
		return nil
	}
	return list
}

// part is a block's instructions from the first of some indexes to the second, or
// to the block's end.
func part(b *block, from []int) *block {
	off := b.start
	for j := range from[0] {
		off += int(b.insns[j].Len)
	}
	c := &block{start: off, end: b.end, insns: b.insns[from[0]:], flow: b.flow, taken: b.taken, next: b.next}
	if len(from) == 1 {
		return c
	}
	c.insns = c.insns[:from[1]-from[0]]
	for j := range c.insns {
		off += int(c.insns[j].Len)
	}
	c.end, c.flow, c.taken, c.next = off, isa.FlowNext, -1, off
	return c
}

// checked says that a result is compared with a limit, and that there is more to
// try if it is not below.
func checked(n *ir.Node) bool {
	if n.Aux != ir.RMDynamic && softfloat.Rounding(n.Aux) != softfloat.RNE {
		return false
	}
	switch ir.FP(n.Imm) {
	case ir.FAdd32, ir.FAdd64, ir.FSub32, ir.FSub64, ir.FMul32, ir.FMul64, ir.FDiv32, ir.FDiv64, ir.FSqrt32,
		ir.F64ToF32, ir.I64ToF64, ir.U64ToF64, ir.I64ToF32, ir.U64ToF32, ir.I32ToF32, ir.U32ToF32:
		return true
	}
	return false
}

// isCopy reports whether a node is a copy.
func (s *slowPaths) isCopy(v int) bool { return v > s.code && v <= len(s.all.blocks) }

// paidBehind is how many instructions behind a block the budget has been charged
// for.
func (s *slowPaths) paidBehind(v int) int {
	if s.isCopy(v) {
		return s.paid[v-1-s.code]
	}
	return 0
}

// at is the node of the copy of a node's block that begins with the instruction
// at an offset.
func (s *slowPaths) at(v, off int) (node int, ok bool) {
	if v > s.code {
		return 0, false
	}
	i := slices.IndexFunc(s.of[v-1], func(c int) bool { return s.all.blocks[c-1].start == off })
	if i < 0 {
		return 0, false
	}
	return s.of[v-1][i], true
}

func (s *slowPaths) String() string {
	var b strings.Builder
	for i, list := range s.of {
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "block %d has copies", i+1)
		for _, v := range list {
			x := s.all.blocks[v-1]
			fmt.Fprintf(&b, " %d (%+#x to %+#x)", v, x.start, x.end)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check: the copies of a block cover it from the first on, one behind the other,
// and end as it does.
func (s *slowPaths) check() error {
	errs := []error{s.all.check()}
	for i, list := range s.of {
		b := s.all.blocks[i]
		for j, v := range list {
			x, then, end, left := s.all.blocks[v-1], 0, b.end, 0
			for _, w := range list[j+1:] {
				left += len(s.all.blocks[w-1].insns)
			}
			if j < len(list)-1 {
				then, end = list[j+1], s.all.blocks[list[j+1]-1].start
			} else if x.flow != b.flow || x.taken != b.taken || x.next != b.next {
				errs = append(errs, fmt.Errorf("copy %d does not end as block %d", v, i+1))
			}
			if x.end != end || s.then[v-1-s.code] != then || s.paidBehind(v) != left || x.start < b.start {
				errs = append(errs, fmt.Errorf("copy %d of block %d from %#x to %#x: behind it comes %d, with %d instructions paid", v, i+1, x.start, x.end, s.then[v-1-s.code], s.paidBehind(v)))
			}
		}
	}
	return errors.Join(errs...)
}
