package ir

import (
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	var b Builder
	b.Insn(0x10, 2)
	x := b.Get(Loc{Off: 0x150})
	addr := b.Bin(Add, x, b.Const(-8))
	b.ExitIf(b.Un(Eqz, b.Get32(0x24)))
	v := b.Load(4, true, addr)
	old := b.Float(FAdd64, RMDynamic, v, x)
	b.Set(Loc{Field: FieldA}, old)
	b.Branch(b.Bin(LtU, x, b.Const(0x1000)), -16)
	const want = `insn +0x10 len 2
	v1:i64 = get [0x150]
	v2:i64 = const -8
	v3:i64 = add v1 v2
	v4:i32 = get [0x24]
	v5:i32 = eqz v4
	exit_if v5
	v7:i64 = load32_s v3
	v8:i64 = float.fadd64 dyn v7 v1
	set fieldA v8
	v10:i64 = const 0x1000
	v11:i32 = lt_u v1 v10
	branch -16 v11
`
	if got := b.Format(); got != want {
		t.Errorf("got\n%s", got)
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
}

// TestCheckRejects: each block breaks one rule.
func TestCheckRejects(t *testing.T) {
	reg := Loc{Off: 0x150}
	for _, c := range []struct {
		rule  string
		build func(b *Builder)
	}{
		{"precedes the first insn", func(b *Builder) { b.Get(reg) }},
		{"follows a terminator", func(b *Builder) { b.Insn(0, 4); b.Single(); b.Insn(4, 4) }},
		{"may leave after an effect", func(b *Builder) {
			b.Insn(0, 4)
			b.Set(reg, b.Const(0))
			b.Load(8, false, b.Const(0))
		}},
		{"may leave after an effect", func(b *Builder) {
			b.Insn(0, 4)
			x := b.Get(reg)
			b.Float(FAdd64, 0, x, x)
			b.ExitIf(b.Un(Wrap, x))
		}},
		{"may leave after an effect", func(b *Builder) {
			b.Insn(0, 4)
			x := b.Get(reg)
			b.Store(8, x, x)
			b.Store(8, x, x)
		}},
		{"follows an irq_check", func(b *Builder) { b.Insn(0, 4); b.IRQCheck(); b.Set(reg, b.Const(0)) }},
		{"not an earlier node", func(b *Builder) {
			b.Insn(0, 4)
			b.push(Node{Op: Wrap, Type: I32, Args: [3]Value{9, NoValue, NoValue}})
		}},
		{"not an earlier node", func(b *Builder) { b.Insn(0, 4); b.Set(reg, NoValue) }},
		{"too many", func(b *Builder) {
			x := b.Const(1)
			b.push(Node{Op: Wrap, Type: I32, Args: [3]Value{x, x, NoValue}})
		}},
		{"has no value", func(b *Builder) {
			b.Insn(0, 4)
			b.push(Node{Op: Wrap, Type: I32, Args: [3]Value{0, NoValue, NoValue}})
		}},
		{"operands differ", func(b *Builder) {
			b.push(Node{Op: Add, Type: I64, Args: [3]Value{b.Const(1), b.Const32(1), NoValue}})
		}},
		{"result type", func(b *Builder) {
			x := b.Const(1)
			b.push(Node{Op: Add, Type: I32, Args: [3]Value{x, x, NoValue}})
		}},
		{"choice of one type", func(b *Builder) { b.Insn(0, 4); b.Select(b.Get(reg), b.Const(1), b.Const(2)) }},
		{"condition is not i32", func(b *Builder) { b.Insn(0, 4); b.Branch(b.Const(1), 8) }},
		{"64-bit slot", func(b *Builder) { b.Insn(0, 4); b.Set(Loc{Off: 0x151}, b.Const(0)) }},
		{"64-bit slot", func(b *Builder) { b.Insn(0, 4); b.Set(reg, b.Const32(0)) }},
		{"access of 3 bytes", func(b *Builder) {
			b.Insn(0, 4)
			b.push(Node{Op: Load, Type: I64, Aux: 3, Args: [3]Value{b.Const(0), NoValue, NoValue}})
		}},
		{"no such floating-point", func(b *Builder) { b.Insn(0, 4); b.Float(FAdd64, 5, b.Const(0), b.Const(0)) }},
		{"no such operation", func(b *Builder) { b.push(noArgs(Node{})) }},
	} {
		var b Builder
		c.build(&b)
		if err := b.Check(); err == nil || !strings.Contains(err.Error(), c.rule) {
			t.Errorf("%v, want %q in\n%s", err, c.rule, b.Format())
		}
	}
}
