package emit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
	"github.com/c2w/c2w/internal/wasm"
)

// programs are small functions as compilers write them. They are printed at
// each stage (disassembly, IR, the page function's Wasm) in testdata, and run.
var programs = []struct {
	name string
	code []byte
}{
	// long sum(long *p, long n)
	{"sum", code(addi(15, 0, 0), btype(0, 11, 0, 24), ld(14, 10, 0), add(15, 15, 14), addi(10, 10, 8), addi(11, 11, -1), btype(1, 11, 0, -16), addi(10, 15, 0))},
	// size_t strlen(char *s), compressed where it can be
	{"strlen", code(addi(15, 10, 0), itype(3, 4, 14, 15, 0), btype(0, 14, 0, 12), addi(15, 15, 1), jal(0, -12), rtype(0x33, 0, 0x20, 10, 15, 10))},
	// A call with a frame.
	{"call", code(addi(2, 2, -16), sd(1, 2, 8), sd(8, 2, 0), addi(8, 10, 0), jal(1, 28), add(10, 10, 8), ld(1, 2, 8), ld(8, 2, 0), addi(2, 2, 16), jal(0, 20), nop,
		addi(10, 10, 1), add(10, 10, 10), jalr(0, 1, 0))},
	// y[i] += a * x[i], the exact widths of a compiler's inner loop
	{"axpy", code(itype(7, 3, 15, 10, 0), itype(7, 3, 14, 11, 0), 0x7ae7f743|7<<12, stype(0x27, 3, 11, 14, 0), addi(10, 10, 8), addi(11, 11, 8), addi(12, 12, -1), btype(1, 12, 0, -28))},
	// A lock by lr and sc.
	{"lock", code(rtype(0x2f, 2, 8, 14, 10, 0), btype(1, 14, 0, 12), rtype(0x2f, 2, 12, 14, 10, 11), btype(1, 14, 0, -12), rtype(0x2f, 2, 0, 15, 10, 11))},
	// Two loops that jump into each other.
	{"irreducible", code(btype(0, 11, 0, 12), addi(10, 10, 1), addi(12, 12, -1), addi(10, 10, 3), addi(12, 12, -1), btype(5, 12, 0, -16), addi(13, 13, 1))},
}

func TestGolden(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			page := fill(append(append([]byte{}, p.code...), word(jal(0, 0))...))
			var b strings.Builder
			b.WriteString("# riscv64\n")
			b.WriteString(listing(p.code))
			b.WriteString("\n# intermediate representation, an instruction at a time\n")
			b.WriteString(lifted(p.code))
			k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
			fn, ok := k.Translate(page, 1, []uint16{0})
			if !ok {
				t.Fatal("not translated")
			}
			fmt.Fprintf(&b, "\n# page function, entries %#x\n", fn.Entries)
			k.AddPage(fn)
			f := fn.Func
			text, size := wat(t, f)
			fmt.Fprintf(&b, "# %d bytes\n%s", size, text)
			golden(t, filepath.Join("testdata", p.name+".golden"), b.String())
		})
	}
}

// TestPrograms runs them in both tiers.
func TestPrograms(t *testing.T) {
	var pages [][]byte
	for _, p := range programs {
		pages = append(pages, fill(append(append([]byte{}, p.code...), word(jal(0, 0))...)))
	}
	tr := translate(t, 1, pages, func(int) []uint16 { return []uint16{0} })
	for _, g := range []*guest{newGuest(t), tr.guest()} {
		for i, p := range programs {
			for _, step := range []int{1, 4, 100} {
				s := isatest.Start(uint64(i))
				g.start(s)
				g.Write(base, pages[i])
				for r, v := range []uint64{isatest.MemBase, isatest.MemBase + 512, 20} {
					g.setReg(10+r, v)
				}
				if p.name == "sum" || p.name == "irreducible" {
					g.setReg(11, 9)
				}
				if err := g.until(base+uint64(len(p.code)), step, 3000); err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
			}
		}
	}
}

func lifted(code []byte) string {
	var b ir.Builder
	for off := 0; off < len(code); {
		in, _ := riscv64.Guest.Decode(code[off:])
		isa.LiftInsn(&b, riscv64.Guest, &in, off)
		off += int(in.Len)
	}
	return b.Block.Format()
}

// wat prints a function's body, one instruction a line.
func wat(t *testing.T, f *wasm.Func) (text string, size int) {
	t.Helper()
	m := &wasm.Module{}
	types := wasm.NewTypeTable(m)
	body, err := f.Encode(wasm.Resolver{
		Func:  func(sym int) (uint32, bool) { return uint32(sym), true },
		Table: func(sym int) (uint32, bool) { return uint32(sym), true },
		Type:  func(t wasm.FuncType) (uint32, bool) { return types.Index(t), true },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, code, err := wasm.SplitBody(body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = wasm.Text(code, wasm.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return text, len(body)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *emit.Update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", name, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	x, y := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d: got %q, want %q", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(x), len(y))
}
