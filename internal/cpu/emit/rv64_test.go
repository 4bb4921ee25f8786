package emit_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
	"github.com/c2w/c2w/internal/testkit/twin"
)

// layout covers the addresses of isatest's vectors. The records are few, so
// that the memory for them is used up now and then.
var layout = native.Layout{RAM: 256 << 10, Records: 96 << 10, RAMBase: isatest.CodeBase}

var shared = sync.OnceValues(func() (*native.Core, error) { return native.New(riscv64.Guest, layout) })

// guest is a riscv64 twin with code at isatest.CodeBase.
type guest struct {
	*twin.Twin
}

func newHart(s *core.State, env isa.Env) isa.Hart {
	return riscv64.NewHart(s, env, riscv64.Config{})
}

// newGuest makes a twin on the shared core, or on the one that TestTranslated
// has set up: one at a time.
func newGuest(t testing.TB) *guest {
	t.Helper()
	if again != nil {
		g := again.guest()
		againGuests = append(againGuests, g)
		return g
	}
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{twin.New(c, riscv64.Guest, newHart)}
	g.Gen.Profile = profile
	g.reset(isatest.CodeBase)
	return g
}

const (
	statusFSDirty = 3<<13 | 1<<63
	statusSUM     = 1 << 18
)

// reset enters supervisor mode at pc without translation, floating point on.
func (g *guest) reset(pc uint64) {
	g.Both(func(e *engine.Engine) {
		e.Priv.(*riscv64.Hart).Reset(pc, 0)
		e.S.S[riscv64.SStatus] |= statusFSDirty
		e.S.SetFP(e.S.FRM <= 4) // as the hart keeps it
	})
}

// setSUM lets the supervisor reach user memory or not. Its mode says so, too.
func (g *guest) setSUM(sum uint64) {
	g.Both(func(e *engine.Engine) {
		e.S.S[riscv64.SStatus] = e.S.S[riscv64.SStatus]&^statusSUM | sum
		if e.S.Mode != 0 {
			e.S.Mode = uint32(1 + sum/statusSUM)
		}
	})
}

// start loads a state of isatest.
func (g *guest) start(s *isatest.State) {
	g.reset(isatest.CodeBase)
	g.Both(func(e *engine.Engine) {
		copy(e.S.G[:32], s.G[:])
		copy(e.S.F[:32], s.F[:])
		e.S.FRM, e.S.FFlags = s.FCSR>>5, s.FCSR&31
		e.S.SetFP(e.S.FRM <= 4) // as the hart keeps it
	})
	g.Write(isatest.MemBase, s.Mem[:])
}

// load puts code, followed by a jump to itself, at a physical address.
func (g *guest) load(pa uint64, code []byte) {
	g.Write(pa, append(append([]byte{}, code...), word(jal(0, 0))...))
}

// until steps to a pc, comparing every few instructions.
func (g *guest) until(pc uint64, step, limit int) error {
	for n := 0; g.Gen.S.PC != pc; n += step {
		if n > limit {
			return fmt.Errorf("not at %#x after %d instructions, but at %#x", pc, n, g.Gen.S.PC)
		}
		if err := g.Step(step); err != nil {
			return err
		}
	}
	return nil
}

// Executor for isatest's vectors.
type executor struct {
	g    *guest
	step int
}

func (e *executor) Run(s *isatest.State, code []byte) error {
	g := e.g
	g.start(s)
	g.load(isatest.CodeBase, code)
	if err := g.until(isatest.CodeBase+uint64(len(code)), e.step, 4*isatest.CodeMax); err != nil {
		return err
	}
	g.result(s)
	return nil
}

// result is what generated code has left.
func (g *guest) result(s *isatest.State) {
	x := g.Gen.S
	copy(s.G[:], x.G[:32])
	copy(s.F[:], x.F[:32])
	s.FCSR = x.FRM<<5 | x.FFlags
	copy(s.Mem[:], g.Gen.RAM.View(isatest.MemBase, isatest.MemSize))
}

func word(w uint32) []byte { return binary.LittleEndian.AppendUint32(nil, w) }

// listing disassembles code for a report.
func listing(code []byte) string {
	var b strings.Builder
	for pc := uint64(isatest.CodeBase); len(code) > 0; {
		in, ok := riscv64.Guest.Decode(code)
		if !ok {
			fmt.Fprintf(&b, "%x: %x\n", pc, code)
			break
		}
		fmt.Fprintf(&b, "%x: %s\n", pc, riscv64.Guest.Disasm(binary.LittleEndian.AppendUint32(nil, in.Raw), pc))
		code, pc = code[in.Len:], pc+uint64(in.Len)
	}
	return b.String()
}

// TestVectors runs what qemu answered once through generated code.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../../tests/isa/riscv64.txt")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no frozen vectors")
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := isatest.ParseVectors(string(text))
	if err != nil {
		t.Fatal(err)
	}
	e := &executor{newGuest(t), 1}
	bad := 0
	for _, v := range list {
		if err := v.Check(e); err != nil {
			if bad++; bad <= 8 {
				t.Errorf("vector %s\n%v\n%s", v, err, listing(v.Code))
			}
		}
	}
	if bad > 8 {
		t.Errorf("%d of %d vectors differ", bad, len(list))
	}
}

// TestRandom compares generated code with the evaluator on random code: every
// encoding alone, and sequences with forward jumps.
func TestRandom(t *testing.T) {
	gen := isatest.NewRISCV64(7)
	x := &executor{newGuest(t), 1}
	check := func(seed uint64, code []byte) {
		if err := x.Run(isatest.Start(seed), code); err != nil {
			t.Errorf("seed %d, code %x: %v\n%s", seed, code, err, listing(code))
			x.g = newGuest(t)
		}
	}
	each, seqs := 12, 1500
	if testing.Short() {
		each, seqs = 3, 300
	}
	for i := range gen.Plain() {
		for n := range each {
			check(uint64(i*1000+n), gen.Single(i))
			if t.Failed() {
				break
			}
		}
	}
	for i := range seqs {
		check(uint64(i), gen.Sequence(30))
		if t.Failed() {
			break
		}
	}
}
