package ir

import (
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
)

func slotG(i int) Loc { return Loc{Off: uint16(core.OffG + 8*i)} }

// TestNarrowRotation: a rotation made of two shifts and an or, as compilers
// without rotate instructions make it.
func TestNarrowRotation(t *testing.T) {
	for _, op := range []Op{Or, Xor} {
		var b Builder
		b.Insn(0, 4)
		x := b.Un(Wrap, b.Get(slotG(5)))
		r := b.Un(ExtS, b.Bin(ShrU, x, b.Const32(7)))
		l := b.Un(ExtS, b.Bin(Shl, x, b.Const32(25)))
		b.Set(slotG(6), b.Bin(op, l, r))
		n := b.Narrow()
		n.DropDead()
		if err := n.Check(); err != nil {
			t.Fatalf("%v in\n%s", err, n.Format())
		}
		count := map[Op]int{}
		for i := range n.Nodes {
			count[n.Nodes[i].Op]++
		}
		if count[Rotr] != 1 || count[ExtS] != 1 || count[ShrU]+count[Shl]+count[op] != 0 {
			t.Errorf("%v:\n%s", op, n.Format())
		}
	}
}

// TestNarrow compares random blocks with their narrowed forms.
func TestNarrow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shorter := 0
	for range 2000 {
		var b Builder
		b.Insn(0, 4)
		wide := []Value{b.Get(slotG(1)), b.Get(slotG(2)), b.Const(int64(int32(r.Uint32()))), b.Const(int64(r.Uint64()))}
		slim := []Value{b.Un(Wrap, wide[0])}
		pick := func(list []Value) Value { return list[r.IntN(len(list))] }
		for range 4 + r.IntN(30) {
			switch r.IntN(7) {
			case 0:
				slim = append(slim, b.Un(Wrap, pick(wide)))
			case 1:
				k := int32(1 + r.IntN(31))
				x := pick(slim)
				slim = append(slim, b.Bin(ShrU, x, b.Const32(k)), b.Bin(Shl, x, b.Const32(32-k+int32(r.IntN(8)/7))))
			case 2:
				wide = append(wide, b.Un([]Op{ExtS, ExtS, ExtU}[r.IntN(3)], pick(slim)))
			case 3:
				wide = append(wide, b.Bin([]Op{And, Or, Xor, Add, Sub, Mul}[r.IntN(6)], pick(wide), pick(wide)))
			case 4:
				slim = append(slim, b.Bin([]Op{And, Or, Xor, Add, Sub, Mul}[r.IntN(6)], pick(slim), pick(slim)))
			case 5:
				wide = append(wide, b.Un(Ext32, pick(wide)))
			case 6:
				k := int64(r.IntN(64))
				x := pick(wide)
				wide = append(wide, b.Bin(Or, b.Bin(ShrU, x, b.Const(k)), b.Bin(Shl, x, b.Const((64-k)&63))))
			}
		}
		for i := range 6 {
			b.Set(slotG(10+i), wide[len(wide)-1-r.IntN(min(8, len(wide)))])
		}
		n := b.Narrow()
		n.DropDead()
		if err := n.Check(); err != nil {
			t.Fatalf("%v in\n%s", err, n.Format())
		}
		x, y := new(core.State), new(core.State)
		for i := range x.G {
			x.G[i] = r.Uint64()
		}
		*y = *x
		var e Evaluator
		if _, err := e.Eval(&b.Block, x, 0x1000, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Eval(&n, y, 0x1000, nil); err != nil {
			t.Fatal(err)
		}
		if *x != *y {
			t.Fatalf("before:\n%safter:\n%s", b.Format(), n.Format())
		}
		b.DropDead()
		if work(&n) < work(&b.Block) {
			shorter++
		}
	}
	if shorter < 200 {
		t.Errorf("only %d blocks became shorter", shorter)
	}
}

func work(b *Block) (n int) {
	for i := range b.Nodes {
		if op := b.Nodes[i].Op; op != Const {
			n++
		}
	}
	return n
}
