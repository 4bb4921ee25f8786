package hostcpu

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/testkit/isatest"
)

func TestMemoryOfAState(t *testing.T) {
	s := Default()
	s.Write(DataBase+PageSize-3, []byte{1, 2, 3, 4, 5})
	s.Write(StackBase, []byte{9})
	s.Write(DataBase+2*LineSize, make([]byte, 200))
	if got := s.Read(DataBase+PageSize-4, 7); !bytes.Equal(got, []byte{0, 1, 2, 3, 4, 5, 0}) {
		t.Errorf("read %x", got)
	}
	if len(s.Mem) != 3 || !slices.IsSortedFunc(s.Mem, func(a, b Line) int { return int(a.Addr) - int(b.Addr) }) {
		t.Errorf("lines %v", lines(&s))
	}
	s.Write(DataBase+PageSize-3, make([]byte, 5))
	s.Write(StackBase, []byte{0})
	if len(s.Mem) != 0 {
		t.Errorf("zero lines are kept: %v", lines(&s))
	}
	for _, addr := range []uint64{DataBase - 1, DataBase + DataSize - 1, StackBase + StackSize - 1, CodeBase, ^uint64(0)} {
		if InMemory(addr, 2) {
			t.Errorf("%#x is memory", addr)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Case){
		"code outside":     func(c *Case) { c.Start.RIP = DataBase },
		"code too long":    func(c *Case) { c.Code = make([]byte, CodeSize+1) },
		"no IF":            func(c *Case) { c.Start.Flags = 2 },
		"IOPL":             func(c *Case) { c.Start.Flags |= 3 << 12 },
		"kernel's FS base": func(c *Case) { c.Start.FSBase = 1 << 63 },
		"reserved MXCSR":   func(c *Case) { c.Start.MXCSR = 1 << 16 },
		"line outside":     func(c *Case) { c.Start.Mem = []Line{{Addr: CodeBase}} },
		"lines in disorder": func(c *Case) {
			c.Start.Mem = []Line{{Addr: DataBase + LineSize}, {Addr: DataBase}}
		},
	} {
		c := Case{Start: Default(), Code: []byte{0x90}}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if spoil(&c); c.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Every register and memory are told in text, and read back.
func TestChangesRoundTrip(t *testing.T) {
	for seed := range uint64(50) {
		from, to := Start(seed), Start(seed+1000)
		to.RIP, to.FSBase, to.GSBase = CodeBase+seed, seed<<40, seed
		back := from.Clone()
		if err := back.Apply(Changes(&from, &to)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, to) {
			t.Fatalf("seed %d: %s", seed, Changes(&to, &back))
		}
		if Changes(&to, &back) != "" {
			t.Fatalf("equal states differ: %s", Changes(&to, &back))
		}
	}
}

func TestMistakesAreSeen(t *testing.T) {
	right := func() Result {
		return Result{State: Start(1), Stop: Stop{Reason: Faulted, Vector: 14, Err: 6, Addr: 0x123}}
	}
	type mistake struct {
		name, seen string
		make       func(*Result)
	}
	list := []mistake{
		{"flag", "cf=1", func(r *Result) { r.Flags ^= CF }},
		{"memory", "m10020fff: got", func(r *Result) { r.Write(DataBase+PageSize-1, []byte{r.Read(DataBase+PageSize-1, 1)[0] ^ 1}) }},
		{"other memory", "m10020000: got 01, want 00", func(r *Result) { r.Write(DataBase, []byte{1}) }},
		{"vector", "stop: got #GP", func(r *Result) { r.Stop.Vector = 13 }},
		{"error code", "stop: got #PF err=7", func(r *Result) { r.Stop.Err = 7 }},
		{"address", "addr=124", func(r *Result) { r.Stop.Addr++ }},
		{"reason", "stop: got end", func(r *Result) { r.Stop = Stop{} }},
	}
	for _, f := range fields {
		list = append(list, mistake{f.name, f.name + ": got", func(r *Result) {
			v := f.get(&r.State)
			v[(f.bits-1)/64] ^= 1 << ((f.bits - 1) % 64)
			f.set(&r.State, v)
		}})
	}
	for _, m := range list {
		got, want := right(), right()
		if diff := Diff(&got, &want, Ignore{}); len(diff) != 0 {
			t.Fatalf("equal results differ: %v", diff)
		}
		want.Flags &^= CF
		got.Flags &^= CF
		m.make(&got)
		diff := Diff(&got, &want, Ignore{})
		if len(diff) != 1 || !strings.Contains(diff[0], m.seen) {
			t.Errorf("%s: %q, want one of %q", m.name, diff, m.seen)
		}
	}
	got, want := right(), right()
	got.Flags ^= AF | OF
	got.FSW ^= 1 << 9
	got.ST[7].Mantissa++
	if diff := Diff(&got, &want, Ignore{Flags: AF | OF, FSW: 1 << 9, Fields: []string{"st7"}}); len(diff) != 0 {
		t.Errorf("ignored: %v", diff)
	}
	got.Stop.Err = Unknown
	if diff := Diff(&got, &want, Ignore{Flags: OF, FSW: 1 << 9, Fields: []string{"st7"}}); len(diff) != 1 || !strings.Contains(diff[0], "(af=") {
		t.Errorf("not ignored: %v", diff)
	}
}

func TestVectorRoundTrip(t *testing.T) {
	var text strings.Builder
	var list []Vector
	for seed := range uint64(20) {
		c := Case{Start: Start(seed), Code: []byte{0x90, byte(seed)}, Compat: seed%3 == 0}
		c.Start.Write(DataBase+seed, []byte{7})
		r := Result{State: Start(seed + 100)}
		r.RIP = c.End()
		if seed%2 == 0 {
			r.RIP = CodeBase + 1
			r.Stop = Stop{Reason: Faulted, Vector: 14, Err: int(seed), Addr: seed << 32}
		}
		v, err := Freeze("case "+string(rune('a'+seed)), []string{"avx"}, seed, &c, &r, Ignore{Flags: AF | CF, FSW: 1 << 8, Fields: []string{"y3"}})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
		text.WriteString(v.String() + "\n")

		if back, err := v.Case(); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("case %d: %+v %v", seed, back, err)
		}
		if diff, err := v.Check(&r); err != nil || len(diff) != 0 {
			t.Errorf("case %d: %v %v", seed, diff, err)
		}
		r.G[5]++
		if diff, err := v.Check(&r); err != nil || len(diff) != 1 {
			t.Errorf("case %d: %v %v", seed, diff, err)
		}
	}
	back, err := ParseVectors("# comment\n\n" + text.String())
	if err != nil || !reflect.DeepEqual(back, list) {
		t.Errorf("%v", err)
	}
	if _, err := Freeze("lost", nil, 0, &Case{Start: Default()}, &Result{Stop: Stop{Reason: TimedOut}}, Ignore{}); err == nil {
		t.Error("a timeout was frozen")
	}
}

func TestParseVectorsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name a\ncode 9\n":                                   "line 2: code",
		"name a\nfoo 9\n":                                    "line 2: foo",
		"name a\ncode 90\ncode 90\n":                         "code twice",
		"name a\ncode 90\nin rzx=1\n":                        "there is no \"rzx\"",
		"name a\ncode 90\nin ftw=100\n":                      "does not fit",
		"name a\ncode 90\nout m10010000=00\n":                "not memory",
		"name a\ncode 90\nstop #XX\n":                        "no exception",
		"name a\ncode 90\nstop #PF eror=1\n":                 "there is no \"eror\"",
		"name a\ncode 90\nundefined zz\n":                    "line 3: undefined",
		"name a\ncode 90\nmode 16\n":                         "line 3: mode",
		"code 90\n":                                          "no name",
		"name a\ncode 90\n\nname a\ncode 90\n":               "second vector",
		"name a\ncode 90\nin rip=10020000\n":                 "not in the code pages",
		"name a\ncode 90\nin y0=1" + strings.Repeat("0", 64): "too long",
	} {
		if _, err := ParseVectors(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestStartIsReproducibleAndVaried(t *testing.T) {
	if !reflect.DeepEqual(Start(7), Start(7)) || reflect.DeepEqual(Start(7), Start(8)) {
		t.Error("a number does not stand for a state")
	}
	for seed := range uint64(200) {
		c := Case{Start: Start(seed)}
		if err := c.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// The failure needs two of eight instructions, one bit of a register, one byte
// of memory and half of a vector.
func TestMinimise(t *testing.T) {
	r := isatest.Random(1)
	for range 20 {
		c := Case{Start: Start(r.Next())}
		for i := range 8 {
			c.Starts = append(c.Starts, len(c.Code))
			c.Code = append(c.Code, bytes.Repeat([]byte{byte(0x10 + i)}, 1+r.N(4))...)
		}
		c.Start.G[3] |= 1 << 17
		c.Start.YMM[4][2] |= 1 << 5
		c.Start.Write(DataBase+77, []byte{0xa5})
		before := c.Start.Clone()
		fails := func(c *Case) bool {
			return bytes.IndexByte(c.Code, 0x12) >= 0 && bytes.IndexByte(c.Code, 0x16) > bytes.IndexByte(c.Code, 0x12) &&
				c.Start.G[3]>>17&1 != 0 && c.Start.YMM[4][2] != 0 && c.Start.Read(DataBase+77, 1)[0] == 0xa5
		}
		m := Minimise(c, fails)
		plain := Default()
		if got := Changes(&plain, &m.Start); !fails(&m) || len(m.Starts) != 2 || !strings.HasPrefix(got, "rbx=20000 y4=") ||
			!strings.HasSuffix(got, " m1002004d=a5") || ones(m.Start.YMM[4]) != 1 {
			t.Fatalf("%x %v, %s", m.Code, m.Starts, got)
		}
		if !reflect.DeepEqual(c.Start, before) {
			t.Fatal("the case that was given has changed")
		}
	}
}
