package ir

import (
	"errors"
	"fmt"

	"github.com/c2w/c2w/internal/cpu/core"
)

// Check reports the first violation of the rules of this package: operands
// come before their uses and have the right types, a terminator is the last
// node, and a node that may leave the block comes before the first effect of
// its instruction.
func (b *Block) Check() error {
	c := checker{b: b}
	for i := range b.Nodes {
		if err := c.node(Value(i)); err != nil {
			return fmt.Errorf("node %d (%s): %w", i, b.Nodes[i].Op, err)
		}
	}
	return nil
}

type checker struct {
	b        *Block
	started  bool // an Insn was seen
	effect   bool // the current instruction has had an effect
	checked  bool // IRQCheck was seen in the current instruction
	finished bool // a terminator was seen
}

func (c *checker) node(v Value) error {
	n := &c.b.Nodes[v]
	if n.Op == OpInvalid || n.Op >= numOps {
		return errors.New("no such operation")
	}
	if c.finished {
		return errors.New("follows a terminator")
	}
	if n.Op == Insn {
		c.started, c.effect, c.checked = true, false, false
		return nil
	}
	if c.checked && n.Op != Enter && n.Op != Resume {
		return errors.New("follows an irq_check in its instruction")
	}
	if err := c.order(n); err != nil {
		return err
	}
	if err := c.args(v, n); err != nil {
		return err
	}
	return c.types(n)
}

// order checks the rules about a node's place in its instruction.
func (c *checker) order(n *Node) error {
	if !n.Op.Pure() && !c.started {
		return errors.New("precedes the first insn")
	}
	switch n.Op {
	case Load, ExitIf, Single:
		if c.effect {
			return errors.New("may leave after an effect of its instruction")
		}
	case Store, StoreIf, AtomicOp:
		if c.effect {
			return errors.New("may leave after an effect of its instruction")
		}
		c.effect = true
	case Set, Float:
		c.effect = true
	case IRQCheck:
		c.checked = true
	}
	c.finished = n.Op.Terminator()
	return nil
}

func (c *checker) args(v Value, n *Node) error {
	for k, a := range n.Args {
		switch {
		case k >= n.Op.Args():
			if a != NoValue {
				return fmt.Errorf("operand %d is too many", k)
			}
		case a == NoValue && n.Op == Float && k > 0:
		case a < 0 || a >= v:
			return fmt.Errorf("operand %d is v%d, not an earlier node", k, a)
		case c.b.Type(a) == Void:
			return fmt.Errorf("operand %d is v%d, which has no value", k, a)
		}
	}
	return nil
}

func (c *checker) types(n *Node) error {
	arg := func(k int) Type { return c.b.Type(n.Args[k]) }
	want := func(ok bool, rule string) error {
		if ok {
			return nil
		}
		return errors.New(rule)
	}
	switch n.Op {
	case Const:
		return want(n.Type == I64 || n.Type == I32 && n.Imm == int64(int32(n.Imm)), "constant exceeds its type")
	case Get:
		if n.Type == I32 {
			return want(n.Loc.Field == FieldNone && n.Loc.Off%4 == 0 && n.Loc.Off <= core.StateSize-4, "not a 32-bit slot")
		}
		return want(n.Type == I64 && c.slot(n.Loc), "not a 64-bit slot")
	case Set:
		return want(arg(0) == I64 && c.slot(n.Loc), "not a 64-bit value for a 64-bit slot")
	case Wrap, Ext32, MulHS, MulHU, MulHSU:
		return want(arg(0) == I64 && (n.Op.Args() < 2 || arg(1) == I64), "operands are not i64")
	case ExtS, ExtU:
		return want(arg(0) == I32, "operand is not i32")
	case Select:
		return want(arg(0) == I32 && arg(1) == arg(2) && n.Type == arg(1), "not a choice of one type by an i32")
	case Load, Store, StoreIf, AtomicOp:
		if n.Aux != 1 && n.Aux != 2 && n.Aux != 4 && n.Aux != 8 || n.Op == AtomicOp && n.Aux < 4 {
			return fmt.Errorf("access of %d bytes", n.Aux)
		}
		return want(arg(0) == I64 && (n.Op == Load || arg(1) == I64) && (n.Op != StoreIf || arg(2) == I32), "operand types")
	case Float:
		if n.Imm <= int64(FPInvalid) || n.Imm >= int64(NumFP) || n.Aux > 4 && n.Aux != RMDynamic && n.Aux != RMRecord {
			return errors.New("no such floating-point operation or mode")
		}
		for k, a := range n.Args {
			if a != NoValue && arg(k) != I64 {
				return errors.New("operands are not i64")
			}
		}
	case ExitIf, Branch:
		return want(arg(0) == I32, "condition is not i32")
	case JumpInd, Enter:
		return want(arg(0) == I64, "target is not i64")
	default:
		return c.arithmetic(n, arg, want)
	}
	return nil
}

// arithmetic checks the operations whose result type follows the operands, and
// the comparisons.
func (c *checker) arithmetic(n *Node, arg func(int) Type, want func(bool, string) error) error {
	if !n.Op.Pure() || n.Op.Args() == 0 {
		return nil
	}
	if n.Op.Args() == 2 && arg(0) != arg(1) {
		return errors.New("operands differ in type")
	}
	result := ops[n.Op].fixed
	if result == Void {
		result = arg(0)
	}
	return want(n.Type == result, "result type does not follow the operands")
}

func (c *checker) slot(l Loc) bool {
	if l.Field != FieldNone {
		return l.Off == 0
	}
	return l.Off%8 == 0 && l.Off <= core.StateSize-8
}
