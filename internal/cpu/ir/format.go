package ir

import (
	"fmt"
	"strings"
)

// Format prints a block for people and golden files, one node a line. Values
// are numbered by node, so that a diff shows what moved.
func (b *Block) Format() string {
	var s strings.Builder
	for i := range b.Nodes {
		s.WriteString(b.formatNode(Value(i)))
		s.WriteByte('\n')
	}
	return s.String()
}

func (b *Block) formatNode(v Value) string {
	n := &b.Nodes[v]
	if n.Op == Insn {
		return fmt.Sprintf("insn +%#x len %d", n.Imm, n.Aux)
	}
	s := "\t"
	if n.Type != Void {
		s += fmt.Sprintf("v%d:%s = ", v, n.Type)
	}
	s += n.Op.String()
	switch n.Op {
	case Const:
		if n.Imm > -4096 && n.Imm < 4096 {
			s += fmt.Sprintf(" %d", n.Imm)
		} else {
			s += fmt.Sprintf(" %#x", uint64(n.Imm))
		}
	case Operand:
		s += fmt.Sprintf(" slot %d", n.Imm)
	case Get, Set:
		s += " " + n.Loc.String()
	case Load:
		s += fmt.Sprintf("%d", 8*n.Aux)
		if n.Aux2&LoadSigned != 0 {
			s += "_s"
		}
	case Store, StoreIf:
		s += fmt.Sprintf("%d", 8*n.Aux)
	case AtomicOp:
		s += fmt.Sprintf("%d.%s", 8*n.Aux, Atomic(n.Aux2))
	case Float:
		s += "." + FP(n.Imm).String() + " " + roundingName(n.Aux)
	case Branch, Jump:
		s += fmt.Sprintf(" %+d", n.Imm)
	}
	for _, a := range n.Args {
		if a != NoValue {
			s += fmt.Sprintf(" v%d", a)
		}
	}
	return s
}

func roundingName(rm uint8) string {
	if names := [...]string{"rne", "rtz", "rdn", "rup", "rmm"}; int(rm) < len(names) {
		return names[rm]
	}
	switch rm {
	case RMDynamic:
		return "dyn"
	case RMRecord:
		return "rec"
	}
	return fmt.Sprintf("rm%d", rm)
}

func (a Atomic) String() string {
	names := [...]string{"swap", "add", "xor", "and", "or", "min", "max", "minu", "maxu"}
	if int(a) < len(names) {
		return names[a]
	}
	return fmt.Sprintf("atomic%d", uint8(a))
}
