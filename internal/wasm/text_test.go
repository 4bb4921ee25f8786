package wasm

import (
	"fmt"
	"strings"
	"testing"
)

// TestText prints marked code, whose symbols are longer than nothing.
func TestText(t *testing.T) {
	var c, d Code
	c.Mark(1)
	c.Block(BlockValue(I64))
	c.LocalGet(0)
	c.CallSym(5)
	c.Mark(2)
	c.I64Load(3, 0x30)
	d.Mark(3)
	d.CallSym(6)
	d.I64Const(-1 << 40)
	d.F64Const(0.5)
	d.Mark(4)
	d.I32Const(-4097)
	c.Append(&d)
	c.BrTable([]uint32{0, 1}, 1)
	c.End()
	r := Resolver{Func: func(s int) (uint32, bool) { return uint32(s) * 100, true }}
	code, err := c.Resolve(r)
	if err != nil {
		t.Fatal(err)
	}
	marks, err := c.Marks(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Text(append(code, byte(OpEnd)), TextOptions{
		Call:  func(i uint32) string { return map[uint32]string{600: "six"}[i] },
		Local: func(uint32) string { return "zero" },
		Before: func(off int) (s string) {
			for _, m := range marks {
				if m.Off == off {
					s += fmt.Sprintf("#%d\n", m.Tag)
				}
			}
			return s
		},
	})
	want := strings.Join([]string{"#1", "block (result i64)", "  local.get zero", "  call 500", "#2", "  i64.load offset=0x30",
		"#3", "  call six", "  i64.const 0xffffff0000000000", "  f64.const 0.5", "#4", "  i32.const 0xffffefff",
		"  br_table 0 1; 1", "end", "end", ""}, "\n")
	if got != want || err != nil {
		t.Errorf("got\n%s%v", got, err)
	}
	if _, err := Text([]byte{0xff}, TextOptions{}); err == nil {
		t.Error("no error")
	}
}
