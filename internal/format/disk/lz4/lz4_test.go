package lz4

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func inputs() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, MaxBlock)
	words := make([]byte, 0, MaxBlock)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for len(words) < MaxBlock-8 {
		words = fmt.Appendf(words, "%d ", r.IntN(300)*r.IntN(300))
	}
	m := map[string][]byte{"empty": {}, "noise": noise, "words": words,
		"zeros": make([]byte, 65536), "period3": []byte(strings.Repeat("abc", 20000)),
		"long match far": append(append(bytes.Clone(noise[:300]), make([]byte, 64900)...), noise[:300]...)}
	for n := 1; n < 40; n++ {
		m[fmt.Sprintf("a%d", n)] = bytes.Repeat([]byte{'a'}, n)
		m[fmt.Sprintf("n%d", n)] = noise[:n]
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	var e Encoder
	for name, src := range inputs() {
		packed := e.Encode(nil, src)
		got := make([]byte, len(src))
		if err := Decode(got, packed); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: %d bytes packed to %d do not come back: %v", name, len(src), len(packed), err)
		}
		if limit := len(src) + len(src)/255 + 16; len(packed) > limit {
			t.Errorf("%s: %d bytes became %d, more than %d", name, len(src), len(packed), limit)
		}
		if again := new(Encoder).Encode(nil, src); !bytes.Equal(again, packed) {
			t.Errorf("%s: a used encoder packs differently from a new one", name)
		}
	}
}

// The block format's own rules and its description's example of lengths.
func TestDecodeKnown(t *testing.T) {
	for _, c := range []struct{ packed, want string }{
		{"\x00", ""},
		{"\x50hello", "hello"},
		{"\x11a\x01\x00\x50bbbbb", "aaaaaabbbbb"},
		{"\x1fa\x01\x00\x00\x50bbbbb", "a" + strings.Repeat("a", 19) + "bbbbb"},
		{"\xf0\x00" + strings.Repeat("x", 15), strings.Repeat("x", 15)},
	} {
		got := make([]byte, len(c.want))
		if err := Decode(got, []byte(c.packed)); err != nil || string(got) != c.want {
			t.Errorf("Decode(%q) = %q, %v; want %q", c.packed, got, err, c.want)
		}
	}
}

func TestDecodeCorrupt(t *testing.T) {
	for name, c := range map[string]struct {
		packed string
		size   int
	}{
		"nothing, something wanted":  {"", 1},
		"too short":                  {"\x50hello", 6},
		"too long":                   {"\x50hello", 4},
		"literals missing":           {"\x50hel", 5},
		"offset cut":                 {"\x10a\x01", 5},
		"offset zero":                {"\x10a\x00\x00\x50bbbbb", 10},
		"offset before the start":    {"\x10a\x02\x00\x50bbbbb", 10},
		"length cut":                 {"\xf0", 15},
		"length goes on for ever":    {"\xf0\xff\xff", 600},
		"match longer than the rest": {"\x1fa\x01\x00\xff\x00", 20},
	} {
		if err := Decode(make([]byte, c.size), []byte(c.packed)); err != ErrCorrupt {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var e Encoder
	for _, src := range inputs() {
		f.Add(e.Encode(nil, src), len(src))
	}
	f.Fuzz(func(t *testing.T, packed []byte, size int) {
		if size < 0 || size > 1<<17 {
			return
		}
		// Guard bytes behind both: the fast path must not touch them.
		in := append(bytes.Clone(packed), 0xa5, 0xa5)
		out := bytes.Repeat([]byte{0x5a}, size+64)
		Decode(out[:size], in[:len(packed)])
		if !bytes.Equal(out[size:], bytes.Repeat([]byte{0x5a}, 64)) {
			t.Fatal("wrote behind the output")
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, src := range inputs() {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		src = src[:min(len(src), MaxBlock)]
		var e Encoder
		got := make([]byte, len(src))
		if err := Decode(got, e.Encode(nil, src)); err != nil || !bytes.Equal(got, src) {
			t.Fatalf("%d bytes do not come back: %v", len(src), err)
		}
	})
}
