package wasm

import (
	"bytes"
	"context"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

// everything is a module with one of each thing that the format can say.
func everything() *Module {
	ft := FuncType{Params: []ValType{I32, F64}, Results: []ValType{FuncRef, ExternRef}}
	return &Module{
		Types: []FuncType{{}, ft},
		Imports: []Import{
			{Module: "m", Name: "f", Kind: KindFunc, Type: 1},
			{Module: "m", Name: "t", Kind: KindTable, Table: Table{FuncRef, Limits{Min: 1}}},
			{Module: "ä", Name: "g", Kind: KindGlobal, Global: GlobalType{I64, false}},
		},
		Funcs:    []uint32{0, 0},
		Bodies:   [][]byte{{0, 0x0b}, {1, 3, 0x7e, 0x0b}},
		Tables:   []Table{{ExternRef, Limits{Min: 2, Max: 9, HasMax: true}}, {FuncRef, Limits{Min: 4}}},
		Memories: []Limits{{Min: 1, Max: 65536, HasMax: true}},
		Globals:  []Global{{GlobalType{I32, true}, ConstI32(-1)}, {GlobalType{I64, false}, AppendS([]byte{byte(OpI64Const)}, 1<<40)}},
		Exports:  []Export{{"a", KindFunc, 2}, {"b", KindTable, 2}, {"c", KindMemory, 0}, {"", KindGlobal, 2}},
		HasStart: true, Start: 1,
		Elems: []Elem{
			{Mode: Active, Offset: ConstI32(0), Type: FuncRef, Funcs: []uint32{0, 1}},
			{Mode: Active, Table: 2, Offset: ConstI32(1), Type: FuncRef, Funcs: []uint32{2}},
			{Mode: Passive, Type: FuncRef, Funcs: []uint32{1}},
			{Mode: Declarative, Type: FuncRef, Funcs: []uint32{1, 2}},
			{Mode: Active, Offset: ConstI32(0), Type: FuncRef, Exprs: []Expr{{0xd2, 1}, {0xd0, 0x70}}},
			{Mode: Active, Table: 1, Offset: ConstI32(0), Type: ExternRef, Exprs: []Expr{{0xd0, 0x6f}}},
			{Mode: Passive, Type: ExternRef, Exprs: []Expr{}},
			{Mode: Declarative, Type: FuncRef, Exprs: []Expr{{0xd2, 0}}},
		},
		Data: []Data{
			{Offset: ConstI32(8), Bytes: []byte("active")},
			{Mode: Passive, Bytes: bytes.Repeat([]byte("p"), 3*largeBytes)},
			{Offset: Expr{0x23, 0}, Bytes: []byte{}},
		},
		Customs: []Custom{{"name", []byte{0}}, {"c2w", []byte("x")}},
	}
}

func TestRoundTrip(t *testing.T) {
	m := everything()
	b := m.Encode()
	if int64(len(b)) != m.Size() {
		t.Errorf("%d bytes, Size %d", len(b), m.Size())
	}
	var w bytes.Buffer
	if n, err := m.WriteTo(&w); err != nil || n != int64(len(b)) || !bytes.Equal(w.Bytes(), b) {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Errorf("got  %+v\nwant %+v", got, m)
	}
	if err := CheckCore(got); err != nil {
		t.Error(err)
	}
	got.DropCustoms("name", "producers")
	if c, ok := got.Custom("c2w"); len(got.Customs) != 1 || !ok || string(c) != "x" {
		t.Errorf("custom sections %v", got.Customs)
	}
	// A cut at any place is an error or, between sections, a smaller module
	// that lacks what comes later; never a panic.
	for i := range b {
		_, _ = Parse(b[:i])
	}
}

func TestRoundTripRuns(t *testing.T) {
	m, err := Parse(sumModule(t))
	if err != nil {
		t.Fatal(err)
	}
	m.Data = []Data{{Mode: Passive, Bytes: []byte("x")}}
	m.Memories = []Limits{{Min: 1}}
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
	defer r.Close(context.Background())
	if _, err := r.CompileModule(context.Background(), m.Encode()); err != nil {
		t.Error(err)
	}
}

func TestMalformed(t *testing.T) {
	const head = "0061736d01000000"
	for in, want := range map[string]string{
		"":                                           "no module header",
		"0061736d02000000":                           "version 02000000",
		head + "01":                                  "section header at byte 8: the bytes end",
		head + "0180808080808000":                    "LEB128",
		head + "0105":                                "the bytes end",
		head + "0d00":                                "section number 13",
		head + "0101000101 00":                       "type section at byte 11 is out of order",
		head + "03010001 0100":                       "type section at byte 11 is out of order",
		head + "0102 0000":                           "1 bytes too many",
		head + "0106 ffffffff0f60":                   "vector of 4294967295 items",
		head + "0104 01610000":                       "0x61 is no function type",
		head + "0104 01600150":                       "0x50 is no value type",
		head + "0105 0160015000":                     "0x50 is no value type",
		head + "0206 01 00 00 00 00 00":              "type 0 of 0 does not exist",
		head + "0205 01 00 00 04 00":                 "import of kind 4",
		head + "0205 01 01ff 00 00":                  "not UTF-8",
		head + "0104 01600000 0302 0100":             "1 functions have 0 bodies",
		head + "0504 01010201":                       "maximum 1 is below minimum 2",
		head + "0503 010300":                         "shared and 64-bit",
		head + "0505 0100818004":                     "more than 65536 pages",
		head + "0505 0200010001":                     "2 memories",
		head + "0604 017f020b":                       "neither 0 nor 1",
		head + "0606 017f0041000b 00":                "the bytes end",
		head + "0608 017f0041006a0b":                 "the bytes end",
		head + "0607 017f0041006a0b":                 "i32.add in a constant expression",
		head + "0606 017f0023000b":                   "global 0 of 0",
		head + "0604 017f0041":                       "item 0",
		head + "0705 01 0161 00 00":                  "export 0 of 0",
		head + "0503010001 0709 0201610200 01610200": `second export named "a"`,
		head + "0801 00":                             "function 0 of 0",
		head + "0902 0108":                           "does not fit the 1 bytes left",
		head + "0903 010800":                         "form 8",
		head + "0906 010041000b00":                   "table 0 of 0",
		head + "0b05 0100000b 00":                    "segment without memory",
		head + "0503010001 0b03 010100 0c01 01":      "out of order",
		head + "0503010001 0c0102 0b03 010100":       "data count is 2",
		head + "0503010001 0b03 010300":              "data segment of form 3",
		head + "0503010001 0b08 01020141000b00":      "the bytes end",
		head + "0503010001 0b07 01020141000b00":      "memory other than 0",
		head + "0002 05 61":                          "the bytes end",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		if err != nil {
			t.Fatal(in)
		}
		if _, err := Parse(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", in, err, want)
		}
	}
}

func TestForeign(t *testing.T) {
	for code, want := range map[string]string{
		"000b":                 "",
		"00fd0c":               "SIMD",
		"00fe0000":             "threads",
		"0012000b":             "tail calls",
		"0006400b0b":           "exceptions",
		"00fb000b":             "garbage collection",
		"00ff0b":               "opcode 0xff",
		"00fc120b":             "opcode 0xfc12",
		"00fc8080040b":         "unknown instruction 0xfc 65536",
		"0041002840000b":       "multiple memories",
		"00410028040b":         "alignment 2^4",
		"003f010b":             "multiple memories",
		"00027b0b0b":           "SIMD",
		"0002600b0b":           "no block type",
		"01017b0b":             "local is a v128",
		"01ffffffff0f7f0b":     "4294967295 locals",
		"0002400b":             "ends inside of a block",
		"00":                   "ends inside of a block",
		"000b0b":               "behind the closing end",
		"00050b":               "else outside",
		"000c010b":             "branch to block 1 of 0",
		"000e ffffffff0f 000b": "vector of 4294967295",
		"00d0710b":             "no reference type",
	} {
		body, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
		if err != nil {
			t.Fatal(code)
		}
		m := Module{Types: []FuncType{{}}, Funcs: []uint32{0}, Bodies: [][]byte{body}}
		err = CheckCore(&m)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", code, err, want)
		}
	}
	if err := CheckCore(&Module{Types: []FuncType{{Results: []ValType{V128}}}}); err == nil {
		t.Error("a type with v128 passes")
	}
}

// FuzzParse: what parses encodes to a fixed point.
func FuzzParse(f *testing.F) {
	small := everything()
	small.Data[1].Bytes = small.Data[1].Bytes[:3]
	f.Add(small.Encode())
	f.Add([]byte(header))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		_ = CheckCore(m)
		first := m.Encode()
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("parsing what was written: %v", err)
		}
		if !bytes.Equal(again.Encode(), first) {
			t.Error("encoding twice differs")
		}
	})
}
