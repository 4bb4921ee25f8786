package emit_test

import (
	"os"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// vectors are the frozen ones, QEMU's answers and the manual's where QEMU is
// wrong.
func vectors(t *testing.T) (list []isatest.Vector) {
	t.Helper()
	for _, name := range []string{"riscv64.txt", "riscv64-manual.txt"} {
		text, err := os.ReadFile("../../../tests/isa/" + name)
		if err != nil {
			t.Fatal(err)
		}
		l, err := isatest.ParseVectors(string(text))
		if err != nil {
			t.Fatal(name, err)
		}
		list = append(list, l...)
	}
	return list
}

// fresh adds what nobody has an answer for but the evaluator: each plain
// encoding, and sequences.
func fresh(list []isatest.Vector, each, sequences int) []isatest.Vector {
	gen := isatest.NewRISCV64(23)
	for i := range gen.Plain() {
		for n := range each {
			list = append(list, isatest.Vector{Seed: uint64(i*each + n), Code: gen.Single(i)})
		}
	}
	for i := range sequences {
		list = append(list, isatest.Vector{Seed: uint64(i), Code: gen.Sequence(24)})
	}
	return list
}

// privileged are the encodings that isatest leaves out, with any operands:
// system registers, system calls, returns, fences, and what is undefined.
func privileged(n int) (list [][]byte) {
	rng := isatest.Random(5)
	for _, e := range riscv64.Encodings() {
		if e.Size != 4 || e.Match&0x7f != 0x73 && e.Match&0x7f != 0x0f {
			continue
		}
		for range n {
			w := e.Match | uint32(rng.Next())&^e.Mask
			if e.Mask>>12&7 != 0 && e.Match>>12&7 != 0 && e.Match&0x7f == 0x73 { // a register that there is
				known := []uint32{0x100, 0x104, 0x105, 0x106, 0x140, 0x141, 0x142, 0x143, 0x144, 1, 2, 3, 0xc00, 0xc01, 0xc02}
				w = w&0xfffff | known[rng.N(len(known))]<<20
			}
			list = append(list, code(w, addi(5, 5, 1), w, jal(0, 0)))
		}
	}
	return list
}

// moded is an executor in a mode of the hart: user, supervisor, or supervisor
// with SUM.
type moded struct {
	g    *guest
	step int
	mode int
}

func (e *moded) enter() {
	switch e.mode {
	case 0:
		e.g.Both(func(x *engine.Engine) { x.S.Mode = 0 })
	case 2:
		e.g.setSUM(statusSUM)
	}
}

func (e *moded) Run(s *isatest.State, code []byte) error {
	e.g.start(s)
	e.enter()
	e.g.load(isatest.CodeBase, code)
	if err := e.g.until(isatest.CodeBase+uint64(len(code)), e.step, 4*isatest.CodeMax); err != nil {
		return err
	}
	e.g.result(s)
	return nil
}

// system runs code that may trap.
func (e *moded) system(seed uint64, code []byte) error {
	e.g.start(isatest.Start(seed))
	e.enter()
	e.g.Write(isatest.CodeBase, fill(code))
	e.g.Write(patchTrap, fill(handler()))
	e.g.Both(func(x *engine.Engine) { x.S.S[riscv64.STVec] = patchTrap })
	for n := 0; n < 40; n += e.step {
		if err := e.g.Step(e.step); err != nil {
			return err
		}
	}
	return nil
}

// TestEveryTier runs every vector, and code of every encoding, in every mode
// of the hart: by the evaluator, the interpreter and page functions, these
// with the one entry and with any.
func TestEveryTier(t *testing.T) {
	list, system := fresh(vectors(t), 2, 200), privileged(12)
	if testing.Short() {
		list, system = list[:300], privileged(2)
	}
	for mode, name := range []string{"user", "supervisor", "supervisor with SUM"} {
		t.Run(name, func(t *testing.T) {
			p := engine.NewProfile()
			run := func(t *testing.T, g *guest, step int) {
				t.Helper()
				bad := 0
				report := func(code []byte, err error) {
					if err == nil {
						return
					}
					if bad++; bad < 6 {
						t.Errorf("step %d: %v\n%s", step, err, listing(code))
					}
				}
				e := &moded{g, step, mode}
				for i, v := range list {
					switch {
					case i%4 >= 2 && mode == 0, i%4 >= 1 && mode != 0: // TestTranslated has the vectors
					case v.Want != "":
						report(v.Code, v.Check(e))
					default:
						report(v.Code, e.Run(isatest.Start(v.Seed), v.Code))
					}
				}
				for i, c := range system {
					report(c, e.system(uint64(i), c))
				}
			}
			t.Run("interpreter", func(t *testing.T) {
				g := newGuest(t)
				g.Gen.Profile = p
				run(t, g, 1)
			})
			if t.Failed() {
				return
			}
			x := newTiers(t, p)
			for _, tier := range []tier{{"page", x.all, false}, {"any entry", x.dense, false}} {
				t.Run(tier.name, func(t *testing.T) {
					g := x.guest(tier.bound)
					run(t, g, 1)
					run(t, g, 7)
					if g.Gen.Stats.Bound < uint64(len(list)/4) {
						t.Errorf("only %d pages were bound", g.Gen.Stats.Bound)
					}
				})
			}
		})
	}
}
