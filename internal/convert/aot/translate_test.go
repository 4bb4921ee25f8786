package aot

import (
	"bufio"
	"crypto/sha256"
	"debug/elf"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

var digests = flag.String("digests", "", "BenchmarkTranslate writes a digest of each page function to `FILE`, to compare two versions of the emitter by")

// BenchmarkTranslate translates the pages of the committed profile and those of
// an eighth of runc, and reports how long one takes.
func BenchmarkTranslate(b *testing.B) {
	own, err := guest.Programs("riscv64")
	if err != nil {
		b.Fatal(err)
	}
	all, err := Everything(riscv64.Guest, elf.EM_RISCV, BytesProgram("runc", own["runc"]))
	if err != nil {
		b.Fatal(err)
	}
	list := hot(b, -1)
	for i := 0; i < len(all); i += 8 {
		list = append(list, all[i])
	}
	k := emit.NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	out := io.Discard
	if *digests != "" {
		f, err := os.Create(*digests)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		w := bufio.NewWriter(f)
		defer w.Flush()
		out = w
	}
	b.ResetTimer()
	for n := range b.N {
		for i := range list {
			c := &list[i]
			ran, _ := c.ran(1)
			s := c.source(ran)
			s.Links = c.anyLink
			p, ok := k.TranslateSource(s)
			if ok && *digests != "" && n == 0 {
				fmt.Fprintf(out, "%s:%#x mode %d: %d instructions, entries %x, tail %x, %s\n", c.Program, c.Offset, c.Key.Mode, p.Insns, p.Entries, p.Tail, digest(b, p.Func))
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(list)), "µs/page")
	b.ReportMetric(0, "ns/op")
}

// digest is of a function's code, with symbols as they are, and of its marks.
func digest(t testing.TB, f *wasm.Func) string {
	types := wasm.NewTypeTable(&wasm.Module{})
	same := func(sym int) (uint32, bool) { return uint32(sym), true }
	r := wasm.Resolver{Func: same, Table: same, Type: func(t wasm.FuncType) (uint32, bool) { return types.Index(t), true }}
	body, err := f.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	marks, err := f.Body.Marks(r)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(body, "%v", marks)))
}
