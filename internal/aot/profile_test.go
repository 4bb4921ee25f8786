package aot

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/engine"
)

func key(content uint64, mode uint32) engine.Key { return engine.Key{Content: content, Mode: mode} }

func TestFormatParse(t *testing.T) {
	p := Profile{
		{Key: key(3, 0), Samples: 5},
		{Key: key(0xc0000, 1), Samples: 9, Entries: []uint16{0, 2, 0xffe}},
		{Key: key(2, 1), Samples: 9},
		{Key: key(2, 0), Samples: 9},
	}
	p.Sort()
	text := string(p.Format())
	if want := "c2w-profile 1\n0000000000000002 0 9\n0000000000000002 1 9\n00000000000c0000 1 9 0 2 ffe\n0000000000000003 0 5\n"; text != want {
		t.Errorf("got %q", text)
	}
	lines := strings.SplitAfter(text, "\n")
	other := lines[0] + "# comment\n\n" + lines[4] + lines[1] + lines[3] + lines[2]
	got, err := Parse([]byte(other))
	if err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"7", "7 1", "g 1 1", "7 9 1", "-7 1 1", "7 1 -1", "7 1 4294967296", "7 1 1 1000", "7 1 1 4 4", "7 1 1 4 2",
		"7 1 x", "10000000000000000 1 1", "7 1 1\n7 1 2", strings.Repeat("7 ", 1e5)} {
		if _, err := Parse([]byte(header + "\n" + bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, bad := range []string{"", "7 1 1", "c2w-profile 2\n", header + "x"} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMerge(t *testing.T) {
	a := Profile{{key(1, 0), 10, []uint16{2, 8}}, {key(2, 0), 5, nil}, {key(4, 0), math.MaxUint32, nil}}
	b := Profile{{key(3, 0), 20, nil}, {key(1, 0), 7, []uint16{4, 8}}, {key(1, 1), 1, nil}, {key(4, 0), 1, nil}}
	want := Profile{{key(4, 0), math.MaxUint32, nil}, {key(3, 0), 20, nil}, {key(1, 0), 17, []uint16{2, 4, 8}}, {key(2, 0), 5, nil}, {key(1, 1), 1, nil}}
	if got := Merge(a, b); !reflect.DeepEqual(got[1:], want[1:]) || got[0].Samples != math.MaxUint32 {
		t.Errorf("got %+v", got)
	}
	if !reflect.DeepEqual(a[0].Entries, []uint16{2, 8}) {
		t.Errorf("merging changed what was merged: %v", a)
	}
}

func TestScale(t *testing.T) {
	p := Profile{{Key: key(1, 0), Samples: 60}, {Key: key(2, 0), Samples: 39}, {Key: key(3, 0), Samples: 1}}
	if got, want := p.Scale(10), (Profile{{Key: key(1, 0), Samples: 6}, {Key: key(2, 0), Samples: 3}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	big := Profile{{Key: key(1, 0), Samples: math.MaxUint32}, {Key: key(2, 0), Samples: math.MaxUint32}}
	if got := big.Scale(math.MaxUint32); got.Samples() > math.MaxUint32 || got[1].Samples < math.MaxUint32/2-1 {
		t.Errorf("got %+v", got)
	}
	if got := Profile(nil).Scale(1 << 30); got != nil {
		t.Errorf("got %+v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header + "\nc0000 1 9 0 2 ffe\n# x\n\n12 0 0\n"))
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
