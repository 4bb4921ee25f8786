package aot

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/cpu/engine"
)

func key(content uint64, mode uint32) engine.Key { return engine.Key{Content: content, Mode: mode} }

func page(k engine.Key, points ...Point) Page { return Page{k, points} }

// one is a page with all its samples at one entry.
func one(k engine.Key, samples uint32) Page { return page(k, Point{0, true, samples}) }

func TestFormatParse(t *testing.T) {
	p := Profile{
		one(key(3, 0), 5),
		page(key(0xc0000, 1), Point{0, true, 0}, Point{2, false, 7}, Point{0xffe, true, 2}),
		one(key(2, 1), 9),
		one(key(2, 0), 9),
	}
	p.Sort()
	text := string(p.Format())
	if want := header + "\n0000000000000002 0 0:9\n0000000000000002 1 0:9\n00000000000c0000 1 0 2-:7 ffe:2\n0000000000000003 0 0:5\n"; text != want {
		t.Errorf("got %q", text)
	}
	if got, want := p[2].Entries(), []uint16{0, 0xffe}; !reflect.DeepEqual(got, want) || p[2].Samples() != 9 || p.Samples() != 32 {
		t.Errorf("entries %v, %d and %d samples", got, p[2].Samples(), p.Samples())
	}
	lines := strings.SplitAfter(text, "\n")
	other := lines[0] + "# comment\n\n" + lines[4] + lines[1] + lines[3] + lines[2]
	got, err := Parse([]byte(other))
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"7", "g 1 1", "7 9 1", "7 2 1", "-7 1 1", "7 1 -1", "7 1 1:4294967296", "7 1 1000", "7 1 4 4", "7 1 4 2",
		"7 1 x", "7 1 1:", "7 1 1-1", "7 1 :1", "10000000000000000 1 1", "7 1 1\n7 1 2", strings.Repeat("7 ", 1e5)} {
		if _, err := Parse([]byte(header + "\n" + bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for bad, want := range map[string]error{
		"": ErrFormat, "7 1 1": ErrFormat, "c2w-profiles 2\n": ErrFormat,
		"c2w-profile 1\n": ErrVersion, header + "0": ErrVersion,
	} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, want) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMerge(t *testing.T) {
	a := Profile{one(key(4, 0), math.MaxUint32), page(key(1, 0), Point{2, true, 10}, Point{8, false, 0}), one(key(2, 0), 5)}
	b := Profile{one(key(3, 0), 20), page(key(1, 0), Point{2, false, 1}, Point{4, false, 7}, Point{8, true, 0}), one(key(1, 1), 1), one(key(4, 0), 1)}
	want := Profile{one(key(4, 0), math.MaxUint32), one(key(3, 0), 20),
		page(key(1, 0), Point{2, true, 11}, Point{4, false, 7}, Point{8, true, 0}), one(key(2, 0), 5), one(key(1, 1), 1)}
	if got := Merge(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestScale(t *testing.T) {
	p := Profile{page(key(1, 0), Point{0, true, 50}, Point{2, false, 10}), page(key(2, 0), Point{0, true, 0}, Point{2, false, 30}, Point{4, false, 9}), one(key(3, 0), 1)}
	want := Profile{page(key(1, 0), Point{0, true, 5}, Point{2, false, 1}), page(key(2, 0), Point{0, true, 0}, Point{2, false, 3})}
	if got := p.Scale(10); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	big := Profile{one(key(1, 0), math.MaxUint32), one(key(2, 0), math.MaxUint32)}
	if got := big.Scale(math.MaxUint32); got.Samples() > math.MaxUint32 || got[1].Samples() < math.MaxUint32/2-1 {
		t.Errorf("got %+v", got)
	}
	if got := Profile(nil).Scale(1 << 30); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header + "\nc0000 1 0 2-:7 ffe:2\n# x\n\n12 0\n"))
	f.Add(guest.Profile()[:2000])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if q, err := Parse(p.Format()); err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("%v: %+v, then %+v", err, p, q)
		}
	})
}
