package riscv64_test

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

var (
	update = flag.Bool("update", false, "rewrite golden files and frozen vectors")
	seed   = flag.Uint64("isa.seed", 1, "seed of the random sequences that are compared with qemu")
	count  = flag.Int("isa.n", 1500, "number of random sequences that are compared with qemu")
)

// The two ways in which the IR is evaluated: instruction by instruction, and
// in runs, where values pass between instructions inside a block.
var executors = []struct {
	name string
	e    isatest.Executor
}{
	{"insn", &isatest.Eval{ISA: riscv64.Guest}},
	{"run", &isatest.Eval{ISA: riscv64.Guest, Runs: true}},
}

func newQemu(t *testing.T) *isatest.Qemu {
	t.Helper()
	q, err := isatest.NewQemu(t.TempDir())
	if errors.Is(err, isatest.ErrNoQemu) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// generate makes n single instructions of each encoding and m sequences.
func generate(seed uint64, n, m int) []isatest.Vector {
	g := isatest.NewRISCV64(seed)
	var list []isatest.Vector
	add := func(code []byte) {
		list = append(list, isatest.Vector{Seed: seed + uint64(len(list)), Code: code})
	}
	for i := range g.Plain() {
		for range n {
			add(g.Single(i))
		}
	}
	for range m {
		add(g.Sequence(24))
	}
	return list
}

// answer fills in what qemu makes of the vectors.
func answer(t *testing.T, q *isatest.Qemu, list []isatest.Vector) {
	t.Helper()
	results, err := q.RunAll(list)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range results {
		list[i].Want = isatest.Changes(isatest.Start(list[i].Seed), s)
	}
}

func compare(t *testing.T, list []isatest.Vector) {
	for _, x := range executors {
		bad := 0
		for _, v := range list {
			if err := v.Check(x.e); err != nil {
				if bad++; bad <= 5 {
					t.Errorf("%s: vector %s\n%v\n%s", x.name, v, err, listing(v.Code))
				}
			}
		}
		if bad > 5 {
			t.Errorf("%s: %d of %d vectors differ", x.name, bad, len(list))
		}
	}
}

func listing(code []byte) string {
	var b strings.Builder
	for pc := uint64(isatest.CodeBase); len(code) > 0; {
		in, ok := riscv64.Guest.Decode(code)
		if !ok {
			break
		}
		fmt.Fprintf(&b, "%x: %s\n", pc, riscv64.Guest.Disasm(binary.LittleEndian.AppendUint32(nil, in.Raw), pc))
		code, pc = code[in.Len:], pc+uint64(in.Len)
	}
	return b.String()
}

// TestQemu compares fresh random code with qemu's user mode emulation. A
// failure prints a line that can be frozen in tests/isa.
func TestQemu(t *testing.T) {
	q := newQemu(t)
	list := generate(*seed, *count/100, *count)
	answer(t, q, list)
	compare(t, list)
}

const (
	frozen = "../../../../tests/isa/riscv64.txt"
	manual = "../../../../tests/isa/riscv64-manual.txt"
)

// TestVectors runs what qemu answered once, and what the manual says where
// qemu is wrong.
func TestVectors(t *testing.T) {
	if *update {
		freeze(t)
	}
	for _, name := range []string{frozen, manual} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := isatest.ParseVectors(string(text))
		if err != nil {
			t.Fatal(name, err)
		}
		compare(t, list)
	}
}

func freeze(t *testing.T) {
	q := newQemu(t)
	list := generate(20_000, 12, 150)
	answer(t, q, list)
	var b strings.Builder
	b.WriteString("# seed of the start state, code, changes: see internal/testkit/isatest.\n")
	b.WriteString("# Results of qemu-riscv64, user mode. Written by go test ./internal/cpu/isa/riscv64 -run Vectors -args -update.\n")
	for _, v := range list {
		fmt.Fprintln(&b, v)
	}
	if err := os.WriteFile(frozen, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}
