package wasm

import (
	"bytes"
	"context"
	"encoding/hex"
	"math"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func TestLEB128(t *testing.T) {
	values := []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8192, -8193,
		math.MaxInt32, math.MinInt32, math.MaxUint32, -1 << 32, math.MaxInt64, math.MinInt64}
	for _, v := range values {
		b := AppendS(nil, v)
		d := decoder{b: b}
		if got := d.signed(64); got != v || d.err != nil || d.pos != len(b) {
			t.Errorf("%d → %x → %d, %v", v, b, got, d.err)
		}
		d = decoder{b: b}
		fits := v == int64(int32(v))
		if got := d.signed(32); fits != (d.err == nil) || fits && got != v {
			t.Errorf("%d as 32 bits: %d, %v", v, got, d.err)
		}
		u := AppendU(nil, uint64(v))
		d = decoder{b: u}
		fits = v == int64(uint32(v))
		if got := d.u32(); fits != (d.err == nil) || fits && int64(got) != v {
			t.Errorf("%d as unsigned: %d, %v", v, got, d.err)
		}
	}
	// Longer than needed is allowed up to the type's bytes, and no further.
	for in, ok := range map[string]bool{"8000": true, "8080808000": true, "808080808000": false, "ffffffff0f": true,
		"ffffffff1f": false, "80": false, "": false} {
		b, _ := hex.DecodeString(in)
		d := decoder{b: b}
		if d.u32(); ok != (d.err == nil) {
			t.Errorf("u32 %s: %v", in, d.err)
		}
	}
	for in, ok := range map[string]bool{"ffffffff07": true, "ffffffff0f": false, "8080808078": true, "8080808070": false,
		"ff7f": true, "ffffffff7f": true} {
		b, _ := hex.DecodeString(in)
		d := decoder{b: b}
		if d.signed(32); ok != (d.err == nil) {
			t.Errorf("s32 %s: %v", in, d.err)
		}
	}
}

// TestAssemble writes every form of instruction and reads it back.
func TestAssemble(t *testing.T) {
	var c Code
	outer := c.Block(BlockValue(I32))
	c.I32Const(-65)
	c.Loop(Void)
	inner := c.If(3)
	c.Else()
	if c.Depth() != inner || c.Rel(outer) != 2 || c.Rel(0) != 3 {
		t.Errorf("depth %d, outer at %d, function at %d", c.Depth(), c.Rel(outer), c.Rel(0))
	}
	c.BrTable([]uint32{0, 2}, 1)
	c.BrTo(outer)
	c.BrIfTo(inner)
	c.End()
	c.End()
	c.End()
	c.Call(300)
	c.CallIndirect(2, 1)
	c.LocalTee(200)
	c.GlobalSet(5)
	c.I64Const(math.MinInt64)
	c.F32Bits(0x7fa00000)
	c.F64Const(1)
	c.I64Load32U(2, 1<<31)
	c.I32Store8(0, 7)
	c.MemoryInit(9)
	c.DataDrop(9)
	c.MemoryCopy()
	c.MemoryFill()
	c.MemorySize()
	c.MemoryGrow()
	c.TableGet(1)
	c.TableGrow(1)
	c.Op(OpI64TruncSatF64U)
	c.Op(OpI64Extend32S)
	c.Select()
	c.Op(OpEnd)
	const want = "027f 41bf7f 0340 0403 05 0e02000201 0c02 0d00 0b0b0b 10ac02 110201 22c801 2405" +
		"42808080808080808080 7f 430000a07f 44000000000000f03f 35028080808008 3a0007 fc080900 fc0909" +
		"fc0a0000 fc0b00 3f00 4000 2501 fc0f01 fc07 c4 1b 0b"
	w, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(want), []byte(" "), nil)))
	if err != nil || !bytes.Equal(c.Bytes(), w) {
		t.Errorf("got  %x\nwant %x", c.Bytes(), w)
	}
	it := NewInstrs(c.Bytes())
	var again []byte
	n := 0
	for ; it.Next(); n++ {
		again = append(again, it.Raw()...)
		switch it.Op {
		case OpI64Const:
			if it.Int != math.MinInt64 {
				t.Errorf("i64.const %d", it.Int)
			}
		case OpI64Load32U:
			if it.Index != 2 || it.Index2 != 1<<31 {
				t.Errorf("load of 2^%d at %d", it.Index, it.Index2)
			}
		case OpF64Const:
			if it.Int != 0x3ff0000000000000 {
				t.Errorf("f64.const %#x", it.Int)
			}
		}
	}
	if it.Err() != nil || n != 32 || !bytes.Equal(again, w) || it.Depth() != -1 {
		t.Errorf("read back %d instructions, %v", n, it.Err())
	}
}

func TestResolve(t *testing.T) {
	ft := FuncType{Params: []ValType{I32}}
	var c Code
	c.CallSym(1)
	sub := c.Sub()
	sub.CallIndirectSym(ft, 0)
	sub.BlockFunc(ft)
	sub.End()
	c.BlockFunc(FuncType{})
	c.Append(sub)
	c.GlobalGetSym(2)
	c.MemoryInitSym(3)
	c.End()
	at := func(base uint32) func(int) (uint32, bool) {
		return func(s int) (uint32, bool) { return base + uint32(s), true }
	}
	r := Resolver{Func: at(1000), Global: at(0), Table: at(1), Data: at(200),
		Type: func(f FuncType) (uint32, bool) { return uint32(63 + len(f.Params)), true }}
	got, err := c.Resolve(r)
	want := "10e907 023f 114001 02c0000b 2302 fc08cb0100 0b"
	w, _ := hex.DecodeString(string(bytes.ReplaceAll([]byte(want), []byte(" "), nil)))
	if err != nil || !bytes.Equal(got, w) {
		t.Errorf("%v\ngot  %x\nwant %x", err, got, w)
	}
	r.Global = nil
	if _, err := c.Resolve(r); err == nil || err.Error() != "global symbol 2 is not in the module" {
		t.Error(err)
	}
}

// TestOpcodeTable shows the table's shape: every opcode of core 2.0 without
// SIMD has a name, no name comes twice but select's.
func TestOpcodeTable(t *testing.T) {
	names := map[string]int{}
	for i := range 0x10000 {
		if n := Opcode(i).String(); n != "" {
			names[n]++
		}
	}
	if len(names) != 182+18 || names["select"] != 2 {
		t.Errorf("%d names", len(names))
	}
	for op, name := range map[Opcode]string{0x45: "i32.eqz", 0x50: "i64.eqz", 0x5b: "f32.eq", 0x66: "f64.ge", 0x67: "i32.clz",
		0x8a: "i64.rotr", 0x8b: "f32.abs", 0xa6: "f64.copysign", 0xa7: "i32.wrap_i64", 0xbf: "f64.reinterpret_i64",
		0xc4: "i64.extend32_s", 0x28: "i32.load", 0x3e: "i64.store32", 0xfc07: "i64.trunc_sat_f64_u", 0xfc11: "table.fill"} {
		if op.String() != name {
			t.Errorf("%#x is %q, not %q", uint16(op), op, name)
		}
	}
}

// sumModule has one function that adds up 1…n in a loop, over two locals of
// different types.
func sumModule(t *testing.T) []byte {
	f := Func{Type: FuncType{Params: []ValType{I32}, Results: []ValType{I64}}}
	sum := f.AddLocal(I64)
	c := &f.Body
	loop := c.Loop(Void)
	c.LocalGet(sum)
	c.LocalGet(0)
	c.Op(OpI64ExtendI32U)
	c.Op(OpI64Add)
	c.LocalSet(sum)
	c.LocalGet(0)
	c.I32Const(1)
	c.Op(OpI32Sub)
	c.LocalTee(0)
	c.BrIfTo(loop)
	c.End()
	c.LocalGet(sum)
	body, err := f.Encode(Resolver{})
	if err != nil {
		t.Fatal(err)
	}
	m := Module{Bodies: [][]byte{body}, Exports: []Export{{"sum", KindFunc, 0}}}
	m.Funcs = []uint32{m.AddType(f.Type)}
	return m.Encode()
}

func TestRun(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2&^api.CoreFeatureSIMD))
	defer r.Close(ctx)
	mod, err := r.Instantiate(ctx, sumModule(t))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := mod.ExportedFunction("sum").Call(ctx, 100); err != nil || v[0] != 5050 {
		t.Errorf("%v, %v", v, err)
	}
}
