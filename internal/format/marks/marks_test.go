package marks_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/marks"
	"github.com/c2w/c2w/internal/wasm"
)

// list makes marks of offsets and tags.
func list(numbers ...int) (l []wasm.Mark) {
	for i := 0; i < len(numbers); i += 2 {
		l = append(l, wasm.Mark{Off: numbers[i], Tag: int32(numbers[i+1])})
	}
	return l
}

var funcs = []marks.Func{
	{Size: 5, Marks: list(1, 4, 3, 0, 5, -1)},
	{},
	{Size: 40_000, Marks: list(7, 4094, 9, -1, 300, 4094, 300, 6, 39_999, 2)},
}

func encode(t testing.TB, funcs []marks.Func) []byte {
	t.Helper()
	s, err := marks.Encode(funcs)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != marks.Section {
		t.Error(s.Name)
	}
	return s.Data
}

func TestRoundTrip(t *testing.T) {
	b := encode(t, funcs)
	for i := range funcs {
		if got, err := marks.Read(b, i); err != nil || !reflect.DeepEqual(got, funcs[i]) {
			t.Errorf("function %d: %v, %v", i, got, err)
		}
	}
	for _, i := range []int{-1, len(funcs), 1 << 30} {
		if f, err := marks.Read(b, i); err == nil {
			t.Errorf("function %d: %v", i, f)
		}
	}
	if !bytes.Equal(b, encode(t, funcs)) {
		t.Error("encoding twice gives different bytes")
	}
}

// TestTidy has marks that say nothing.
func TestTidy(t *testing.T) {
	in := list(0, -1, 2, 8, 4, -1, 4, 8, 6, 8, 6, 10, 6, 12, 9, -1, 9, -1, 9, 12, 11, -1, 12, -7)
	want := list(2, 8, 6, 10, 6, 12, 11, -1)
	if got, err := marks.Read(encode(t, []marks.Func{{Size: 12, Marks: in}}), 0); err != nil || !reflect.DeepEqual(got.Marks, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestEncodeRefused(t *testing.T) {
	for name, bad := range map[string][]wasm.Mark{
		"falls":          list(3, 2, 2, 4),
		"negative":       list(-1, 2),
		"behind the end": list(6, 2),
		"no offset":      list(1, 4096),
	} {
		if _, err := marks.Encode([]marks.Func{{Size: 5, Marks: bad}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// section packs numbers as a section.
func section(numbers ...uint64) []byte {
	var b bytes.Buffer
	b.WriteByte(1)
	w := zlib.NewWriter(&b)
	for _, n := range numbers {
		w.Write(binary.AppendUvarint(nil, n))
	}
	w.Close()
	return b.Bytes()
}

func TestRefused(t *testing.T) {
	const huge = 1<<64 - 1
	if f, err := marks.Read(section(1, 9, 1, 1+2*6, 9), 0); err != nil || !reflect.DeepEqual(f, marks.Func{Size: 9, Marks: list(9, 6)}) {
		t.Fatalf("%v, %v", f, err)
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"no more":               {1},
		"another format":        append([]byte{2}, section(1, 9, 0)[1:]...),
		"not packed":            {1, 2, 3, 4, 5, 6, 7, 8},
		"no number":             section(),
		"no function":           section(0),
		"too many functions":    section(huge, 9, 0),
		"cut short":             section(1, 9, 1, 3),
		"a large function":      section(1, huge, 0),
		"many marks":            section(1, 9, huge),
		"more than fit":         section(1, 9, 1<<16+1),
		"behind the end":        section(1, 9, 1, 3, 10),
		"far behind the end":    section(1, 9, 1, 3, huge),
		"the second behind it":  section(1, 9, 2, 3, 8, 3, 2),
		"in front of the page":  section(1, 9, 1, 1+1, 0),
		"behind the page":       section(1, 9, 1, 1+2*4096, 0),
		"behind it in two":      section(1, 9, 2, 1+2*4094, 0, 1+2*4, 0),
		"far behind the page":   section(1, 9, 1, huge, 0),
		"a number of 80 bits":   section(1, 9, 1, huge, huge, huge),
		"much, and much packed": section(make([]uint64, 1<<20)...),
	} {
		f, err := marks.Read(b, 0)
		if err == nil || !strings.Contains(err.Error(), `"c2w.marks" is damaged (`) || f.Size != 0 || f.Marks != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// check says what is wrong with what was read of a damaged section.
func check(t *testing.T, f marks.Func, err error) {
	t.Helper()
	last := 0
	for _, m := range f.Marks {
		if err != nil || m.Off < last || m.Off > f.Size || m.Tag < -1 || m.Tag >= 4096 {
			t.Fatalf("%v: %v of %d bytes", err, m, f.Size)
		}
		last = m.Off
	}
}

// TestDamaged changes bits of what is packed, so that they are not all found out
// by the checksum.
func TestDamaged(t *testing.T) {
	b := encode(t, funcs)
	for n := range b {
		for i := range funcs {
			f, err := marks.Read(b[:n], i)
			check(t, f, err)
		}
	}
	numbers := []uint64{3, 5, 3, 9, 1, 8, 2, 0, 2, 0, 0, 40_000, 5, 8189, 7, 0, 2, 1, 291, 8176, 0, 8, 39_699}
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bad := append([]uint64(nil), numbers...)
		for range 1 + r.IntN(2) {
			bad[r.IntN(len(bad))] = r.Uint64() >> r.IntN(64)
		}
		for i := range funcs {
			f, err := marks.Read(section(bad...), i)
			check(t, f, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(f, funcs), 2)
	f.Add(section(1, 9, 1, 3, 9), 0)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		got, err := marks.Read(b, i)
		check(t, got, err)
	})
}
