package tinyisa_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/tinyisa"
	"github.com/c2w/c2w/internal/testkit/twin"
)

const (
	base  = tinyisa.Vector // RAM; the handler of exceptions is at its start
	at    = base + 2*core.PageSize
	pages = 2                      // of code, from at
	data  = base + 8*core.PageSize // a page that loads and stores reach
)

var layout = native.Layout{RAM: 16 * core.PageSize, Records: 64 << 10, RAMBase: base}

// generator makes random code in which any instruction may follow any other, at
// odd addresses, over the ends of pages.
type generator struct {
	*rand.Rand
	code   []byte
	starts []int
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	for len(g.code) < pages*core.PageSize {
		g.starts = append(g.starts, len(g.code))
		for g.IntN(4) == 0 {
			for range g.IntN(6) {
				g.code = append(g.code, tinyisa.Prefix)
			}
			break
		}
		g.insn()
	}
	// Whatever runs on behind the last page starts again.
	g.code = g.code[:pages*core.PageSize]
	return g
}

func (g *generator) insn() {
	r := func() byte { return byte(g.IntN(6)) } // 6 and 7 are addresses
	emit := func(b ...byte) { g.code = append(g.code, b...) }
	number := func(v int) { g.code = binary.LittleEndian.AppendUint32(g.code, uint32(int32(v))) }
	back := func() int { // to an instruction or, seldom, into one
		to := g.IntN(len(g.code) + 1)
		if n := len(g.starts); g.IntN(8) > 0 {
			to = g.starts[g.IntN(n)]
		}
		if g.IntN(2) == 0 {
			to = len(g.code) + g.IntN(60)
		}
		return to - g.starts[len(g.starts)-1]
	}
	switch g.IntN(28) {
	case 0:
		emit(tinyisa.Nop)
	case 1, 2, 3, 4, 5:
		emit(tinyisa.Inc, r())
	case 6, 7, 8, 9, 10:
		emit(tinyisa.Add, r(), r(), r())
	case 11, 12, 13:
		emit(tinyisa.LoadImm, r())
		number(g.Int())
	case 14, 15:
		emit(tinyisa.StoreImm, 6)
		number(g.IntN(512) * 8)
		number(g.Int())
	case 16, 17, 18:
		emit(tinyisa.Load, r(), 6)
		number(g.IntN(512) * 8)
	case 19:
		emit(tinyisa.StoreImm, 6) // not aligned, or over the end of the page
		number(g.IntN(5000))
		number(g.Int())
	case 20, 21:
		emit(tinyisa.BranchNotZero, r())
		number(back())
	case 22:
		emit(tinyisa.Jump)
		number(back())
	case 23:
		emit(tinyisa.JumpReg, 7)
	case 24:
		emit(tinyisa.Move256, r(), r())
	case 25:
		emit(tinyisa.Spread, r(), r())
	case 26:
		emit(tinyisa.Call)
		number(back())
	case 27:
		if g.IntN(3) == 0 {
			emit(byte(g.IntN(256))) // mostly undefined
		} else {
			emit(tinyisa.Wait)
		}
	}
}

// handler counts an exception and goes on at the address in register 7.
var handler = []byte{tinyisa.Inc, 5, tinyisa.Spread, 3, 5, tinyisa.JumpReg, 7}

// TestTiers compares the interpreter, page functions and the evaluator.
func TestTiers(t *testing.T) {
	n := uint64(12)
	if testing.Short() {
		n = 4
	}
	var straddles, translated int
	var got engine.Instructions
	for seed := range n {
		gen := newGenerator(seed)
		k := emit.NewCore(tinyisa.Guest, native.Base, native.Caches)
		bound := engine.NewBindings()
		if seed%3 > 0 { // otherwise the interpreter alone
			for i := range pages {
				page := gen.code[i*core.PageSize : (i+1)*core.PageSize]
				behind := gen.code[(i+1)%pages*core.PageSize:][:core.MaxInsn-1]
				var entries []uint16
				for _, s := range gen.starts {
					if s/core.PageSize == i && (len(entries) == 0 || gen.IntN(3) == 0) {
						entries = append(entries, uint16(s%core.PageSize))
					}
				}
				f, _ := k.TranslateSource(&emit.Source{Code: append(page[:core.PageSize:core.PageSize], behind...), Entries: entries})
				if f == nil {
					t.Fatalf("seed %d: page %d is not translated", seed, i)
				}
				slot := k.AddPage(f)
				if len(f.Tail) > 0 {
					straddles++
				}
				translated++
				bound.Add(engine.PageKey(page, 0), &engine.Binding{Slot: slot, Entries: f.Entries, Tail: f.Tail})
			}
		}
		c, err := native.Instantiate(k, layout)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{1, 7, 200} {
			pair := twin.New(c, tinyisa.Guest, tinyisa.NewHart)
			pair.Gen.Bindings = bound
			pair.Write(base, handler)
			pair.Write(at, gen.code)
			pair.Both(func(e *engine.Engine) {
				e.Priv.(*tinyisa.Hart).Enter(at)
				e.S.G[6], e.S.G[7] = data, at+uint64(gen.starts[len(gen.starts)/2])
			})
			for i := 0; i < 3000; i += step {
				from := pair.Ref.S.PC
				if err := pair.Step(step); err != nil {
					t.Fatalf("seed %d, step %d, from %#x: %v\n%s", seed, step, from, err, around(gen, from))
				}
			}
			is := pair.Gen.Instructions()
			got.Pages += is.Pages
			got.Interpreter += is.Interpreter
			got.Go += is.Go
		}
		c.Close()
	}
	t.Logf("%d pages translated, %d with an instruction that ends behind them; instructions %+v", translated, straddles, got)
	if straddles == 0 || got.Pages == 0 || got.Interpreter == 0 || got.Go == 0 {
		t.Error("not all of it was tried")
	}
}

func around(g *generator, pc uint64) (text string) {
	off := int(pc - at)
	for n := 0; n < 6 && off >= 0 && off < len(g.code); n++ {
		in, ok := tinyisa.Guest.Decode(g.code[off:])
		if !ok {
			break
		}
		text += fmt.Sprintf("%#x: % x  %s\n", at+off, g.code[off:off+int(in.Len)], tinyisa.Guest.Disasm(g.code[off:], at+uint64(off)))
		off += int(in.Len)
	}
	return text
}

// TestDecode: what Decode says of every cut of every instruction.
func TestDecode(t *testing.T) {
	lengths := map[int]bool{}
	g := newGenerator(7)
	for off := 0; off < len(g.code)-core.MaxInsn; {
		in, ok := tinyisa.Guest.Decode(g.code[off:])
		if !ok || in.Len == 0 || int(in.Len) > tinyisa.Guest.MaxLen() {
			t.Fatalf("at %#x: %+v, %v", off, in, ok)
		}
		lengths[int(in.Len)] = true
		for n := range int(in.Len) {
			if _, ok := tinyisa.Guest.Decode(g.code[off : off+n]); ok {
				t.Fatalf("at %#x: decoded from %d of %d bytes", off, n, in.Len)
			}
		}
		off += int(in.Len)
	}
	if len(lengths) < 12 {
		t.Errorf("lengths %v", lengths)
	}
}
