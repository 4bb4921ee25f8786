package ir

import "math"

// Narrow rewrites a block so that what is computed from 32-bit results stays
// 32 bits wide: an extension in the middle of a chain disappears, and what is
// left of it is done once, where a register is set. Two shifts that make a
// rotation become one. The block does the same as before.
//
// Interpreter handlers hold one or two instructions and gain nothing.
func (b *Block) Narrow() Block {
	w := narrowing{}
	at := make([]Value, len(b.Nodes))
	for i := range b.Nodes {
		at[i] = w.again(&b.Nodes[i], at)
	}
	return w.Block
}

type narrowing struct{ Builder }

// again appends a node whose operands have moved.
func (w *narrowing) again(n *Node, at []Value) Value {
	var a [3]Value
	for i, v := range n.Args {
		a[i] = NoValue
		if v >= 0 {
			a[i] = at[v]
		}
	}
	switch n.Op {
	case Insn:
		w.Insn(int(n.Imm), int(n.Aux))
	case Const:
		return w.constant(n.Type, uint64(n.Imm))
	case PC:
		return w.PC()
	case NextPC:
		return w.NextPC()
	case Get:
		if n.Type == I32 {
			return w.Get32(int(n.Loc.Off))
		}
		return w.Get(n.Loc)
	case Set:
		w.Set(n.Loc, a[0])
	case Select:
		return w.Select(a[0], a[1], a[2])
	default:
		switch {
		case !n.Op.Pure():
			m := *n
			m.Args = a
			return w.push(m)
		case n.Op.Args() == 1:
			return w.un(n.Op, a[0])
		}
		return w.bin(n.Op, a[0], a[1])
	}
	return NoValue
}

func (w *narrowing) un(op Op, x Value) Value {
	n := &w.Nodes[x]
	switch {
	case op == Wrap && (n.Op == ExtS || n.Op == ExtU):
		return n.Args[0]
	case op == Ext32 && (n.Op == Add || n.Op == Sub || n.Op == Mul) && (w.Nodes[n.Args[0]].Op == ExtS || w.Nodes[n.Args[1]].Op == ExtS):
		l, r := n.Args[0], n.Args[1]
		return w.Un(ExtS, w.Bin(n.Op, w.un(Wrap, l), w.un(Wrap, r)))
	case op == Ext32 && n.Op == Shl:
		l := n.Args[0]
		if k, ok := w.IsConst(n.Args[1]); ok && k >= 0 && k < 32 {
			return w.Un(ExtS, w.Bin(Shl, w.un(Wrap, l), w.Const32(int32(k))))
		}
	}
	return w.Un(op, x)
}

func (w *narrowing) bin(op Op, x, y Value) Value {
	switch op {
	case And, Or, Xor:
		l, okl := w.signed32(x)
		r, okr := w.signed32(y)
		if okl && okr {
			if l == NoValue {
				l = w.Const32(int32(w.Nodes[x].Imm))
			}
			if r == NoValue {
				r = w.Const32(int32(w.Nodes[y].Imm))
			}
			return w.Un(ExtS, w.bin(op, l, r))
		}
		if v, k, ok := w.rotation(x, y); ok && op != And {
			return w.Bin(Rotr, v, k)
		}
	}
	return w.Bin(op, x, y)
}

// signed32 says that a 64-bit value is the sign extension of a 32-bit one:
// which, or NoValue for a constant's low half.
func (w *narrowing) signed32(v Value) (Value, bool) {
	n := &w.Nodes[v]
	if n.Type != I64 {
		return NoValue, false
	}
	if n.Op == ExtS {
		return n.Args[0], true
	}
	return NoValue, n.Op == Const && n.Imm >= math.MinInt32 && n.Imm <= math.MaxInt32
}

// rotation says that x and y are a value shifted left and right so that no bit
// is lost or meets another: the value, and by how much it goes to the right.
func (w *narrowing) rotation(x, y Value) (v, k Value, ok bool) {
	if w.Nodes[x].Op == Shl {
		x, y = y, x
	}
	r, l := &w.Nodes[x], &w.Nodes[y]
	if r.Op != ShrU || l.Op != Shl || r.Args[0] != l.Args[0] {
		return
	}
	width := int64(64)
	if r.Type == I32 {
		width = 32
	}
	a, oka := w.IsConst(r.Args[1])
	c, okc := w.IsConst(l.Args[1])
	return r.Args[0], r.Args[1], oka && okc && a > 0 && c > 0 && a+c == width
}
