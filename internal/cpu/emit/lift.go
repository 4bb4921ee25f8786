package emit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// lifted is blocks with what they mean: ir[i] is that of blocks[i], which is node
// i+1 of the graph.
type lifted struct {
	blocks []*block
	ir     []ir.Block
}

// of is the IR of a node.
func (x *lifted) of(node int) *ir.Block { return &x.ir[node-1] }

// lift states what blocks mean.
func lift(g isa.ISA, blocks []*block) *lifted {
	x := &lifted{blocks, make([]ir.Block, len(blocks))}
	for i, b := range blocks {
		var l ir.Builder
		off := b.start
		for j := range b.insns {
			isa.LiftInsn(&l, g, &b.insns[j], off)
			off += int(b.insns[j].Len)
		}
		x.ir[i] = l.Block
	}
	return x
}

// narrow makes the same of fewer and narrower operations.
func narrow(x *lifted) *lifted {
	y := &lifted{x.blocks, make([]ir.Block, len(x.ir))}
	for i := range x.ir {
		y.ir[i] = x.ir[i].Narrow()
		y.ir[i].DropDead()
	}
	return y
}

func (x *lifted) String() string {
	var b strings.Builder
	for i := range x.ir {
		fmt.Fprintf(&b, "block %d:\n%s", i+1, x.ir[i].Format())
	}
	return b.String()
}

// check: the IR keeps its rules, and has each instruction of the block in its
// place.
func (x *lifted) check() error {
	var errs []error
	for i, b := range x.blocks {
		if err := x.ir[i].Check(); err != nil {
			errs = append(errs, fmt.Errorf("block %d: %w", i+1, err))
		}
		off, k := b.start, 0
		for j := range x.ir[i].Nodes {
			n := &x.ir[i].Nodes[j]
			if n.Op != ir.Insn {
				continue
			}
			if k == len(b.insns) || int(n.Imm) != off || n.Aux != b.insns[k].Len {
				errs = append(errs, fmt.Errorf("block %d: instruction %d is at %#x, not at %#x", i+1, k, n.Imm, off))
				break
			}
			off += int(n.Aux)
			k++
		}
		if k < len(b.insns) {
			errs = append(errs, fmt.Errorf("block %d: %d of %d instructions", i+1, k, len(b.insns)))
		}
	}
	return errors.Join(errs...)
}

// insnsOf finds the Insn node that each node belongs to.
func insnsOf(b *ir.Block) []int32 {
	list := make([]int32, len(b.Nodes))
	in := int32(0)
	for i := range b.Nodes {
		if b.Nodes[i].Op == ir.Insn {
			in = int32(i)
		}
		list[i] = in
	}
	return list
}
