package fdt

import (
	"bytes"
	"testing"
)

// sample is a tree with every kind of property.
func sample() *Node {
	root := NewRoot().U32("#address-cells", 2).Strings("compatible", "one", "two")
	root.Child("memory@80000000").Strings("device_type", "memory").U64("reg", 0x8000_0000, 512<<20)
	soc := root.Child("soc").Flag("ranges")
	soc.Child("empty")
	soc.Child("device@1000").Bytes("seed", []byte("0123456789abc")).U32("interrupts", 1, 9).Strings("compatible", "two")
	return root
}

func TestParse(t *testing.T) {
	blob := sample().Encode()
	root, err := Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path []string
		prop string
		want string
	}{
		{nil, "#address-cells", "\x00\x00\x00\x02"},
		{nil, "compatible", "one\x00two\x00"},
		{[]string{"memory@80000000"}, "reg", "\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00"},
		{[]string{"soc"}, "ranges", ""},
		{[]string{"soc", "device@1000"}, "seed", "0123456789abc"},
		{[]string{"soc", "device@1000"}, "interrupts", "\x00\x00\x00\x01\x00\x00\x00\x09"},
		{[]string{"soc", "device@1000"}, "compatible", "two\x00"},
	} {
		n := root.Find(tt.path...)
		if n == nil {
			t.Errorf("no node %v", tt.path)
			continue
		}
		if got, ok := n.Prop(tt.prop); !ok || string(got) != tt.want {
			t.Errorf("%v %s = %q, %v; want %q", tt.path, tt.prop, got, ok, tt.want)
		}
	}
	if root.Find("soc", "empty") == nil || root.Find("soc", "none") != nil {
		t.Error("nodes without properties")
	}
	if again := sample().Encode(); !bytes.Equal(blob, again) {
		t.Error("the same tree gives different bytes")
	}
}

func TestParseErrors(t *testing.T) {
	blob := sample().Encode()
	for n := range blob {
		if _, err := Parse(blob[:n]); err == nil {
			t.Fatalf("a tree cut at %d of %d bytes was accepted", n, len(blob))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Encode())
	f.Add(NewRoot().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Parse(b)
		if err != nil {
			return
		}
		if _, err := Parse(n.Encode()); err != nil {
			t.Fatalf("written again, the tree does not parse: %v", err)
		}
	})
}
