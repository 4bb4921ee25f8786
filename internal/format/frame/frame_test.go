package frame

import (
	"bytes"
	"testing"
)

func TestBytes(t *testing.T) {
	b := append(Begin([]byte("before"), 0x7a, 4), "payload"...)
	if n := End(b[len("before"):]); n != 7 || string(b) != "before\x07\x00\x00\x00\x7a\x04\x00\x00payload" {
		t.Errorf("%d, %q", n, b)
	}
	h := Header{Size: 0x04030201, Kind: 5, Version: 6, Reserved: 0x0807}
	if got := h.Append(nil); string(got) != "\x01\x02\x03\x04\x05\x06\x07\x08" {
		t.Errorf("%x", got)
	}
	if got := AppendU64(nil, 0x0807060504030201); string(got) != "\x01\x02\x03\x04\x05\x06\x07\x08" || U64(got) != 0x0807060504030201 {
		t.Errorf("%x", got)
	}
}

// TestPieces reads frames that come in pieces of each size, the second one's
// payload as data.
func TestPieces(t *testing.T) {
	var stream []byte
	add := func(h Header, payload string) {
		h.Size = uint32(len(payload))
		stream = append(h.Append(stream), payload...)
	}
	add(Header{Kind: 1, Version: 9}, "one")
	add(Header{Kind: 2, Reserved: 0x0102}, "the second")
	add(Header{Kind: 3}, "")
	for size := 1; size <= len(stream); size++ {
		var r Reader
		var out []byte
		left, total := uint32(0), uint32(0)
		for at := 0; at < len(stream); at += size {
			r.Feed(stream[at:min(at+size, len(stream))])
			for {
				if left > 0 {
					b := r.Take(left)
					if len(b) == 0 {
						break
					}
					out, left = append(out, b...), left-uint32(len(b))
					continue
				}
				h, ok := r.Header()
				if !ok {
					break
				}
				if h.Kind == 2 {
					if r.Data(); r.Begun() {
						t.Error("a frame of data is held")
					}
					out, left, total = append(out, '/'), h.Size, total+h.Size
					continue
				}
				b, ok := r.Payload(h)
				if !ok {
					break
				}
				out = append(append(h.Append(out), b...), '.')
			}
		}
		want := "\x03\x00\x00\x00\x01\x09\x00\x00one./the second\x00\x00\x00\x00\x03\x00\x00\x00."
		if string(out) != want || r.Begun() || total != 10 {
			t.Errorf("in pieces of %d: %q", size, out)
		}
	}
}

func TestFedTooEarly(t *testing.T) {
	var r Reader
	r.Feed(bytes.Repeat([]byte{0}, 2*HeaderSize))
	if _, ok := r.Header(); !ok {
		t.Fatal("there is no header")
	}
	defer func() {
		if recover() == nil {
			t.Error("nothing was said")
		}
	}()
	r.Feed([]byte{1})
}

func TestClose(t *testing.T) {
	var r Reader
	r.Feed([]byte("abcdefghijkl"))
	if _, ok := r.Header(); !ok || !r.Begun() {
		t.Fatal("there is no header")
	}
	r.Close()
	if r.Begun() || len(r.Take(5)) != 0 {
		t.Error("something is left")
	}
}
