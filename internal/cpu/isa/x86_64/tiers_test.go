package x86_64_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/x86_64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/twin"
)

const (
	ram   = 0x8000_0000
	at    = ram + 2*core.PageSize // code
	pages = 2
	data  = ram + 8*core.PageSize
	stack = ram + 12*core.PageSize
)

// flat is a hart without modes and page tables, whose exceptions lead to the start
// of RAM.
type flat struct {
	s   *core.State
	env isa.Env
}

func newFlat(s *core.State, env isa.Env) isa.Hart { return &flat{s, env} }

func (h *flat) Translate(va uint64, _ isa.Access) (isa.Mapping, *isa.Fault) {
	return isa.Mapping{Phys: va &^ core.PageMask, Write: true, Global: true}, nil
}
func (h *flat) Raise(f *isa.Fault) {
	h.s.S[0], h.s.S[1], h.s.S[2] = f.Cause, f.Value, h.s.PC
	h.s.PC = ram
}
func (h *flat) System(*isa.Insn) (bool, *isa.Fault) {
	return false, &isa.Fault{Cause: 6, Value: h.s.PC}
}
func (h *flat) Interrupt() bool { return false }
func (h *flat) TimerFired()     {}
func (h *flat) Runnable() bool  { return true }
func (h *flat) AccessFault(va uint64, _ isa.Access) *isa.Fault {
	return &isa.Fault{Cause: 14, Value: va}
}

// reserved are the registers that generated code leaves as they are: RSP, R14 with
// the address of data, R15 with that of code, and R13 with that of RAM.
func reserved(off uint16) bool {
	n := (int(off) - core.OffG) / 8
	return n == 4 || n >= 13
}

// insn is a random instruction that keeps to the rules.
func insn(g *rand.Rand) []byte {
	for {
		var code []byte
		if g.IntN(6) == 0 {
			code = append(code, 0x66)
		}
		if g.IntN(2) == 0 {
			code = append(code, byte(0x40+g.IntN(16)))
		}
		if g.IntN(4) == 0 {
			code = append(code, 0x0f)
		}
		for range 14 {
			code = append(code, byte(g.Uint32()))
		}
		in, ok := x86_64.Guest.Decode(code)
		if !ok || in.Form == 0 || x86_64.Guest.Forms()[in.Form].Flow != isa.FlowNext {
			continue
		}
		var x x86_64.Insn
		x.Decode(code, x86_64.Mode64)
		name := x.Row.Name()
		if x.Mem() {
			if x.Base != 14 || x.Index >= 0 && (x.Index >= 13) || x.Disp > 3000 || x.Disp < -3000 || reserved(in.A) && in.A != 0 {
				continue
			}
		} else if in.A != 0 && reserved(in.A) || in.B != 0 && reserved(in.B) {
			continue
		}
		if name == "LEAVE" {
			continue
		}
		return code[:in.Len]
	}
}

func program(seed uint64) (code []byte, starts []int) {
	g := rand.New(rand.NewPCG(seed, 2))
	for len(code) < pages*core.PageSize {
		here := len(code)
		starts = append(starts, here)
		to := func(size int) int32 {
			t := starts[g.IntN(len(starts))]
			if g.IntN(2) == 0 {
				t = here + g.IntN(80)
			}
			return int32(t - here - size)
		}
		switch g.IntN(12) {
		case 0:
			code = binary.LittleEndian.AppendUint32(append(code, 0x0f, byte(0x80+g.IntN(16))), uint32(to(6)))
		case 1:
			if g.IntN(3) == 0 {
				code = binary.LittleEndian.AppendUint32(append(code, 0xe8), uint32(to(5)))
			} else {
				code = append(code, byte(0x70+g.IntN(16)), byte(g.IntN(40)))
			}
		case 2:
			switch g.IntN(6) {
			case 0:
				code = binary.LittleEndian.AppendUint32(append(code, 0xe9), uint32(to(5)))
			case 1:
				code = append(code, 0x41, 0xff, 0xe7) // jmp r15
			case 2:
				code = append(code, 0xc3) // ret
			default:
				code = append(code, 0x0f, 0x0b) // ud2
			}
		default:
			code = append(code, insn(g)...)
		}
	}
	return code[:pages*core.PageSize], starts
}

// TestTiers compares interpreter and page functions with the evaluator on code
// without rules.
func TestTiers(t *testing.T) {
	n := uint64(6)
	if testing.Short() {
		n = 2
	}
	var is engine.Instructions
	for seed := range n {
		code, starts := program(seed)
		g := rand.New(rand.NewPCG(seed, 3))
		k := emit.NewCore(x86_64.Guest, native.Base, native.Caches)
		bound := engine.NewBindings()
		if seed%3 > 0 {
			for i := range pages {
				page := code[i*core.PageSize : (i+1)*core.PageSize]
				behind := code[(i+1)%pages*core.PageSize:][:core.MaxInsn-1]
				var entries []uint16
				for _, s := range starts {
					if s/core.PageSize == i && (len(entries) == 0 || g.IntN(2) == 0) {
						entries = append(entries, uint16(s%core.PageSize))
					}
				}
				f, _ := k.TranslateSource(&emit.Source{Code: append(page[:core.PageSize:core.PageSize], behind...), Entries: entries})
				if f == nil {
					t.Fatalf("seed %d: page %d is not translated", seed, i)
				}
				bound.Add(engine.PageKey(page, 0), &engine.Binding{Slot: k.AddPage(f), Entries: f.Entries, Tail: f.Tail})
			}
		}
		c, err := native.Instantiate(k, native.Layout{RAM: 16 * core.PageSize, Records: 96 << 10, RAMBase: ram})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{1, 7, 200} {
			pair := twin.New(c, x86_64.Guest, newFlat)
			pair.Gen.Bindings = bound
			// The handler goes on elsewhere in the first page of code, at whatever byte.
			pair.Write(ram, []byte{
				0x49, 0x83, 0xc7, 37, // add r15, 37
				0x49, 0x81, 0xe7, 0xff, 0x0f, 0x00, 0x00, // and r15, 0xfff
				0x49, 0x81, 0xcf, 0x00, 0x20, 0x00, 0x00, // or r15, 0x2000
				0x4d, 0x09, 0xef, // or r15, r13
				0x41, 0xff, 0xe7, // jmp r15
			})
			pair.Write(at, code)
			pair.Both(func(e *engine.Engine) {
				e.FlushAll()
				r := rand.New(rand.NewPCG(seed, 4))
				for i := range 16 {
					e.S.G[i] = r.Uint64() >> r.IntN(64)
				}
				e.S.PC = at
				e.S.G[4], e.S.G[13], e.S.G[14], e.S.G[15] = stack+2048, ram, data+4000, at+uint64(starts[len(starts)/3])
			})
			r := rand.New(rand.NewPCG(seed, 5))
			for i, begun := 0, 0; i < 6000; i += step {
				if i >= begun { // again and again from elsewhere, so that no loop keeps it
					begun = i + 150
					pc, sp := at+uint64(starts[r.IntN(len(starts))]), uint64(stack+2048)
					pair.Both(func(e *engine.Engine) { e.S.PC, e.S.G[4] = pc, sp })
				}
				from := pair.Ref.S.PC
				if err := pair.Step(step); err != nil {
					t.Fatalf("seed %d, step %d, from %#x: %v\n%s", seed, step, from, err, around(code, from))
				}
			}
			got := pair.Gen.Instructions()
			is.Pages += got.Pages
			is.Interpreter += got.Interpreter
			is.Go += got.Go
		}
		c.Close()
	}
	t.Logf("instructions %+v", is)
	if is.Pages == 0 || is.Interpreter == 0 || is.Go == 0 {
		t.Error("not all of it was tried")
	}
}

func around(code []byte, pc uint64) (text string) {
	off := int(pc - at)
	for n := 0; n < 8 && off >= 0 && off < len(code); n++ {
		in, ok := x86_64.Guest.Decode(code[off:])
		if !ok {
			break
		}
		text += fmt.Sprintf("%#x: % x  %s\n", at+off, code[off:off+int(in.Len)], x86_64.Guest.Disasm(code[off:off+int(in.Len)], at+uint64(off)))
		off += int(in.Len)
	}
	return text
}
