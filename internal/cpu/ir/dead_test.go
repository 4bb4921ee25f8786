package ir

import "testing"

func TestDropDead(t *testing.T) {
	var b Builder
	r := func(off uint16) Loc { return Loc{Off: off} }
	b.Insn(0, 4)
	x := b.Get(r(0x108))
	y := b.Get(r(0x110))
	b.Bin(Add, x, y) // nobody's
	b.Load(8, false, y)
	b.Set(r(0x118), b.Bin(Sub, y, b.PC()))
	b.DropDead()
	if err := b.Check(); err != nil {
		t.Fatalf("%v in\n%s", err, b.Format())
	}
	gets := 0
	for _, n := range b.Nodes {
		switch n.Op {
		case Get:
			gets++
			if n.Loc.Off != 0x110 {
				t.Errorf("kept the read of %v", n.Loc)
			}
		case Add:
			t.Error("kept the sum")
		}
	}
	if gets != 1 {
		t.Errorf("%d reads, want 1 in\n%s", gets, b.Format())
	}
}
