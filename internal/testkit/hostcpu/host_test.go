package hostcpu

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/testkit/isatest"
)

func newHost(t testing.TB, opt Options) *Host {
	t.Helper()
	h, err := New(opt)
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// ways are how a host executes a case.
var ways = []struct {
	name   string
	traced bool
	run    func(*Host, *Case) (Result, error)
}{
	{"batch", false, func(h *Host, c *Case) (Result, error) {
		list, err := h.Run([]Case{*c})
		if err != nil {
			return Result{}, err
		}
		return list[0], nil
	}},
	{"traced", true, (*Host).RunTraced},
	{"stepped", true, func(h *Host, c *Case) (Result, error) { return h.Step(c, 1<<20) }},
}

// eachWay runs f as a subtest for each way that is possible here.
func eachWay(t *testing.T, h *Host, f func(t *testing.T, run func(*Case) Result)) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			f(t, func(c *Case) Result {
				t.Helper()
				r, err := w.run(h, c)
				if errors.Is(err, ErrNotHere) {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				return r
			})
		})
	}
}

// TestVectors compares this processor with what was worked out by hand.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../../tests/isa/x86_64-manual.txt"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := ParseVectors(string(text))
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, Options{})
	eachWay(t, h, func(t *testing.T, run func(*Case) Result) {
		for _, v := range list {
			if missing := h.Features().Missing(v.Needs...); missing != nil {
				t.Logf("%s: not compared, the processor has no %v", v.Name, missing)
				continue
			}
			c, err := v.Case()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(v.Stop, "#DB") && t.Name() == "TestVectors/stepped" {
				continue // the tracer takes it for its own
			}
			r := run(&c)
			diff, err := v.Check(&r)
			if err != nil {
				t.Fatal(err)
			}
			if len(diff) > 0 {
				t.Errorf("%s:\n%s", v.Name, strings.Join(diff, "\n"))
			}
		}
	})
}

// roundTrip demands that a sequence of no instructions leaves all as it was.
func roundTrip(t *testing.T, h *Host, spoil func(*State)) {
	const settableHere = Arithmetic | DF | NT | AC | ID
	eachWay(t, h, func(t *testing.T, run func(*Case) Result) {
		r := isatest.Random(3)
		for seed := range uint64(60) {
			c := Case{Start: Start(seed)}
			c.Start.RIP = CodeBase + uint64(r.N(CodeSize-1))
			c.Start.Flags |= r.Next() & settableHere
			c.Start.FSBase, c.Start.GSBase = r.Next()>>18, r.Next()>>20
			c.Start.MXCSR |= uint32(r.N(64))
			for addr := uint64(StackBase); addr < StackBase+StackSize; addr += 512 {
				c.Start.Write(addr, []byte{byte(r.Next())})
			}
			spoil(&c.Start)
			got, want := run(&c), Result{State: c.Start}
			if diff := Diff(&got, &want, Ignore{}); len(diff) > 0 {
				t.Fatalf("seed %d:\n%s", seed, strings.Join(diff, "\n"))
			}
		}
	})
}

func TestStateRoundTrip(t *testing.T) {
	h := newHost(t, Options{})
	hasAVX := h.Features()["avx"]
	noUpper := func(s *State) {
		for i := range s.YMM {
			s.YMM[i][2], s.YMM[i][3] = 0, 0
		}
	}
	roundTrip(t, h, func(s *State) {
		if !hasAVX {
			noUpper(s)
		}
	})
	t.Run("without AVX and FSGSBASE", func(t *testing.T) {
		roundTrip(t, newHost(t, Options{NoYMM: true, NoFSGSBASE: true}), noUpper)
	})
}

// All of memory may change, and a batch larger than the memory for records is
// executed in parts.
func TestLargeBatch(t *testing.T) {
	h := newHost(t, Options{})
	cases := make([]Case, 700)
	for i := range cases {
		c := Case{Start: Default(), Code: []byte{0xf3, 0xaa, 0x48, 0xff, 0xc3}} // rep stosb; inc rbx
		c.Start.G[RAX] = uint64(i%255) + 1
		c.Start.G[RDI] = DataBase
		c.Start.G[RCX] = 2 * PageSize
		c.Start.G[RBX] = uint64(i)
		if i%50 == 0 { // fill the read-only page and the stack, too
			for addr := uint64(ReadOnlyBase); addr < DataBase+DataSize; addr++ {
				c.Start.Write(addr, []byte{3})
			}
			for addr := uint64(StackBase); addr < StackBase+StackSize; addr++ {
				c.Start.Write(addr, []byte{4})
			}
		}
		cases[i] = c
	}
	results, err := h.Run(cases)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		r := &results[i]
		lines := 2 * PageSize / LineSize
		if i%50 == 0 {
			lines = (DataSize + StackSize) / LineSize
		}
		if r.Stop.Reason != Ended || r.G[RBX] != uint64(i)+1 || len(r.Mem) != lines || r.Read(DataBase+2*PageSize-1, 1)[0] != byte(i%255)+1 {
			t.Fatalf("case %d: %v, rbx=%d, %d lines", i, r.Stop, r.G[RBX], len(r.Mem))
		}
	}
}

// safe makes random sequences of instructions that cannot harm.
type safe struct{ r isatest.Random }

func (s *safe) reg() byte { return byte(s.r.N(8)) }

// modrm is a register operand and a register or [RBX, RBP, RSI or RDI + disp8].
func (s *safe) modrm(reg byte) []byte {
	if s.r.N(3) > 0 {
		return []byte{0xc0 | reg<<3 | s.reg()}
	}
	base := [...]byte{RBX, RBP, RSI, RDI}[s.r.N(4)]
	return []byte{0x40 | reg<<3 | base, byte(s.r.N(128) - 64)}
}

func (s *safe) insn() []byte {
	var prefix []byte
	switch s.r.N(4) {
	case 0:
		prefix = []byte{0x66}
	case 1, 2:
		prefix = []byte{0x48 | byte(s.r.N(8))&5} // REX.W, and R and B at random
	}
	op := func(reg byte, code ...byte) []byte { return append(append(prefix, code...), s.modrm(reg)...) }
	pick := func(list ...byte) byte { return list[s.r.N(len(list))] }
	switch s.r.N(12) {
	case 0, 1, 2: // add or adc sbb and sub xor cmp
		return op(s.reg(), byte(s.r.N(8))<<3|byte(s.r.N(4)))
	case 3: // mov, test, xchg
		return op(s.reg(), pick(0x88, 0x89, 0x8a, 0x8b, 0x84, 0x85, 0x86, 0x87))
	case 4: // shifts and rotations by an immediate or by cl
		if s.r.N(2) == 0 {
			return append(op(pick(0, 1, 2, 3, 4, 5, 7), pick(0xc0, 0xc1)), byte(s.r.Next()))
		}
		return op(pick(0, 1, 2, 3, 4, 5, 7), pick(0xd2, 0xd3))
	case 5: // not neg mul imul div idiv, inc dec
		if s.r.N(2) == 0 {
			return op(byte(2+s.r.N(6)), pick(0xf6, 0xf7))
		}
		return op(byte(s.r.N(2)), pick(0xfe, 0xff))
	case 6: // cmov, setcc, movzx, movsx, imul, bsf, bsr, bt, xadd, cmpxchg
		return op(s.reg(), 0x0f, pick(0x40|byte(s.r.N(16)), 0x90|byte(s.r.N(16)), 0xb6, 0xb7, 0xbe, 0xbf, 0xaf, 0xa3, 0xc1, 0xb1))
	case 7: // stack and flags
		return []byte{pick(0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x9c, 0x98, 0x99, 0xf8, 0xf9, 0xf5, 0x9e, 0x9f, 0xfc)}
	case 8: // packed and scalar SSE2
		list := []byte{0x51, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x14, 0x15, 0x10, 0x11, 0x2e, 0x2f}
		prefix = [][]byte{nil, {0x66}, {0xf2}, {0xf3}}[s.r.N(4)]
		n := len(list)
		if len(prefix) > 0 && prefix[0] > 0x66 { // scalars have no logic, unpacking or comparison
			return op(s.reg(), 0x0f, pick(0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x10, 0x11, 0x2c, 0x2d, 0x5a))
		}
		return op(s.reg(), 0x0f, list[s.r.N(n)])
	case 9: // packed integers
		prefix = []byte{0x66}
		return op(s.reg(), 0x0f, pick(0xfc, 0xfd, 0xfe, 0xd4, 0xf8, 0xfa, 0xfb, 0xdb, 0xeb, 0xef, 0x74, 0x76, 0x66, 0x6f, 0x7f, 0xd5, 0xf5, 0x60, 0x6c))
	case 10: // x87
		if s.r.N(3) == 0 {
			return []byte{0xd9, pick(0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xe0, 0xe1, 0xe4, 0xe5, 0xfa, 0xfc, 0xf6, 0xf7)}
		}
		return []byte{pick(0xd8, 0xdc, 0xde), 0xc0 | byte(s.r.N(64))&^0x10}
	}
	body := s.insn() // behind a jump that skips it or not
	return append([]byte{0x70 | byte(s.r.N(16)), byte(len(body))}, body...)
}

// sequence is a case at a random place, sometimes across the pages' boundary.
func (s *safe) sequence() Case {
	c := Case{Start: Start(s.r.Next())}
	for range 1 + s.r.N(12) {
		c.Starts = append(c.Starts, len(c.Code))
		c.Code = append(c.Code, s.insn()...)
	}
	c.Start.RIP = CodeBase + uint64(s.r.N(CodeSize-len(c.Code)))
	if s.r.N(2) == 0 {
		c.Start.RIP = CodeBase + PageSize - uint64(s.r.N(len(c.Code)))
	}
	return c
}

// Sequences that are executed at full speed and instruction by instruction leave
// the same state, however they stop, and both ways work on a state that earlier
// cases have left no trace of.
func TestBatchAgreesWithStepping(t *testing.T) {
	h := newHost(t, Options{})
	s := &safe{isatest.Random(11)}
	cases := make([]Case, 250)
	for i := range cases {
		cases[i] = s.sequence()
	}
	results, err := h.Run(cases)
	if err != nil {
		t.Fatal(err)
	}
	stops := map[string]int{}
	for i := range cases {
		got, err := h.Step(&cases[i], 1<<20)
		if errors.Is(err, ErrNotHere) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		stops[strings.Fields(results[i].Stop.String())[0]]++
		if diff := Diff(&got, &results[i], Ignore{}); len(diff) > 0 {
			t.Fatalf("case %d, %x at %#x: stepped where the batch is wanted\n%s", i, cases[i].Code, cases[i].Start.RIP, strings.Join(diff, "\n"))
		}
	}
	t.Log(stops)
	if stops["end"] < 60 || len(stops) < 3 {
		t.Errorf("the sequences are no test: %v", stops)
	}
}

var sequences = flag.Int("hostcpu.n", 3000, "number of random sequences that are executed twice")

// A case's result does not depend on the cases before it.
func TestOrderDoesNotMatter(t *testing.T) {
	h := newHost(t, Options{})
	s := &safe{isatest.Random(12)}
	for todo := *sequences; todo > 0; todo -= 1000 {
		cases := make([]Case, min(todo, 1000))
		for i := range cases {
			cases[i] = s.sequence()
		}
		there, err := h.Run(cases)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(cases)
		back, err := h.Run(cases)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(back)
		for i := range there {
			if diff := Diff(&back[i], &there[i], Ignore{}); len(diff) > 0 {
				c := &cases[len(cases)-1-i]
				t.Fatalf("%x at %#x, executed in another order:\n%s", c.Code, c.Start.RIP, strings.Join(diff, "\n"))
			}
		}
	}
}

func TestStepsAreCounted(t *testing.T) {
	h := newHost(t, Options{})
	// mov ecx, 5; rep stosb; nop; jmp +1; nop; inc eax
	c := Case{Start: Default(), Code: []byte("\xb9\x05\x00\x00\x00\xf3\xaa\x90\xeb\x01\x90\xff\xc0")}
	c.Start.G[RDI] = DataBase
	for n, rip := range []uint64{0, 5, 7, 8, 11, 13} {
		r, err := h.Step(&c, n)
		if errors.Is(err, ErrNotHere) {
			t.Skip(err)
		}
		want := Stepped
		if n == 5 {
			want = Ended
		}
		if err != nil || r.RIP != CodeBase+rip || r.Steps != n || r.Stop.Reason != want {
			t.Errorf("%d steps: %d, RIP %#x, %v, %v", n, r.Steps, r.RIP, r.Stop, err)
		}
		if n == 2 && (r.G[RCX] != 0 || r.G[RDI] != DataBase+5) {
			t.Errorf("the repeated instruction is not one step: rcx=%d", r.G[RCX])
		}
	}
	starts, err := h.Starts(&c)
	if err != nil || len(starts) != 5 || starts[4] != 11 {
		t.Errorf("starts %v, %v", starts, err)
	}
	c.Start.Flags |= TF
	if _, err := h.Step(&c, 1); err == nil {
		t.Error("stepping with TF set is no error")
	}
}

// A sequence that does not end is stopped, and those around it are executed.
func TestTimeBound(t *testing.T) {
	h := newHost(t, Options{Bound: 10 * time.Millisecond})
	loop := Case{Start: Default(), Code: []byte("\xff\xc0\xeb\xfc")} // inc eax; jmp
	add := Case{Start: Default(), Code: []byte("\x48\xff\xc3")}
	results, err := h.Run([]Case{add, loop, add, loop, add})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if i%2 == 0 && (r.Stop.Reason != Ended || r.G[RBX] != 1) || i%2 == 1 && (r.Stop.Reason != TimedOut || r.G[RAX] == 0) {
			t.Errorf("case %d: %v", i, r.Stop)
		}
	}
	for _, w := range ways[1:] {
		for _, c := range []*Case{&loop, &add} {
			r, err := w.run(h, c)
			if errors.Is(err, ErrNotHere) {
				t.Skip(err)
			}
			if want := map[*Case]Reason{&loop: TimedOut, &add: Ended}[c]; err != nil || r.Stop.Reason != want {
				t.Errorf("%s: %v, %v", w.name, r.Stop, err)
			}
		}
	}
}

// System calls are not made but reported: here getppid's, by both ways to call.
func TestSystemCalls(t *testing.T) {
	h := newHost(t, Options{})
	eachWay(t, h, func(t *testing.T, run func(*Case) Result) {
		for _, code := range []string{"\x0f\x05", "\xcd\x80"} {
			c := Case{Start: Default(), Code: []byte(code + "\x90")}
			c.Start.G[RAX] = 110
			if r := run(&c); r.Stop.Reason != Syscall || r.RIP != CodeBase+2 || r.G[RAX] != 110 {
				t.Errorf("%x: %v, rax=%d", code, r.Stop, r.G[RAX])
			}
		}
	})
}

func TestNotValid(t *testing.T) {
	h := newHost(t, Options{})
	good, bad := Case{Start: Default()}, Case{Start: Default()}
	bad.Start.RIP = DataBase
	if _, err := h.Run([]Case{good, bad}); err == nil || !strings.Contains(err.Error(), "case 1") {
		t.Error(err)
	}
	if _, err := h.Step(&bad, 1); err == nil {
		t.Error("no error")
	}
	h.Close()
	if _, err := h.Run([]Case{good}); err == nil {
		t.Error("a closed host runs a case")
	}
}
