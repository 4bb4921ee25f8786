package wasm

import (
	"bytes"
	"io"
	"testing"
)

func TestSections(t *testing.T) {
	b := AppendCustom(everything().Encode(), Custom{"more", []byte("contents")})
	list, err := Sections(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, s := range list {
		names += s.Name + " "
		if s.Custom && s.Name == "c2w" && string(b[s.Offset:s.Offset+s.Size]) != "x" {
			t.Errorf("c2w holds %q", b[s.Offset:s.Offset+s.Size])
		}
	}
	if want := "type import function table memory global export start element data count code data name c2w more "; names != want {
		t.Errorf("sections %q, want %q", names, want)
	}
	r, err := OpenCustom(bytes.NewReader(b), int64(len(b)), "more")
	if err != nil || r == nil {
		t.Fatal(err)
	}
	if c, _ := io.ReadAll(r); string(c) != "contents" {
		t.Errorf("%q", c)
	}
	if r, err := OpenCustom(bytes.NewReader(b), int64(len(b)), "none"); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
	if m, err := Parse(b); err != nil || len(m.Customs) != 3 {
		t.Errorf("parsing: %v", err)
	}
	for _, n := range []int{0, 7, 9, len(b) - 1} {
		if _, err := Sections(bytes.NewReader(b[:n]), int64(n)); err == nil {
			t.Errorf("%d bytes pass", n)
		}
	}
	many := []byte(header)
	for range maxSections + 1 {
		many = AppendCustom(many, Custom{})
	}
	if _, err := Sections(bytes.NewReader(many), int64(len(many))); err == nil {
		t.Error("any number of sections passes")
	}
}
