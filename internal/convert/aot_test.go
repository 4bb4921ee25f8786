package convert

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/wasm"
)

func TestCheckAOT(t *testing.T) {
	o := Options{}
	if err := o.CheckAOT(); err != nil || o.AOT != AOTProfile || o.Budget != DefaultBudget {
		t.Errorf("%v: %+v", err, o)
	}
	for want, o := range map[string]Options{
		"none, kernel, profile, all": {AOT: "some"},
		"bytes":                      {Budget: -1},
		"not none":                   {AOT: AOTNone, Train: []string{"x"}},
		"not kernel":                 {AOT: AOTKernel, Profile: aot.Profile{}},
		`"\t"`:                       {Train: []string{"x", "\t"}},
		`"x\x00"`:                    {AOT: AOTAll, Train: []string{"x\x00"}},
	} {
		if err := o.CheckAOT(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"a b":            {"a", "b"},
		` /a  'b c' `:    {"/a", "b c"},
		`a "b 'c'" d\ e`: {"a", "b 'c'", "d e"},
		"a $HOME `x`":    {"a", "$HOME", "`x`"},
	} {
		if got, err := split(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{`a 'b`, "a; b", "a | b", "a > b", "''#" + "\n;"} {
		if got, err := split(text); err == nil {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestTail(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "\n\n": "", "one\n": ": one", "one\ntwo\r\n": ": two", "\x1b[2J": `: "\x1b[2J"`, strings.Repeat("x", 5000) + "\nend": ": end",
	} {
		var w tail
		for _, b := range []byte(text) {
			w.Write([]byte{b})
		}
		if w.String() != want {
			t.Errorf("%q: %q", text, w.String())
		}
	}
}

// TestAOTInfo writes a description and reads it, whole and damaged.
func TestAOTInfo(t *testing.T) {
	a := &AOTInfo{Format: aotFormat, Mode: AOTAll, Budget: 5, Train: []string{"x"}, Samples: 9, Programs: []AOTProgram{{"p", []AOTPage{{Offset: 4096, Bytes: 7}}}}}
	s, err := a.section()
	if err != nil {
		t.Fatal(err)
	}
	read := func(customs ...wasm.Custom) (*AOTInfo, error) {
		m := wasm.Module{Customs: customs}
		b := m.Encode()
		return ReadAOT(bytes.NewReader(b), int64(len(b)))
	}
	if got, err := read(s); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := read(); got != nil || err != nil {
		t.Errorf("without a section: %+v, %v", got, err)
	}
	a.Format++
	newer, _ := a.section()
	for _, data := range [][]byte{nil, {1}, s.Data[:len(s.Data)-5], newer.Data} {
		if got, err := read(wasm.Custom{Name: AOTSection, Data: data}); err == nil {
			t.Errorf("%x: %+v", data, got)
		}
	}
}
