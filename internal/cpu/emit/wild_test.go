package emit_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// wild makes code without any rule: loops, jumps into the middle of
// instructions, faults, system instructions, stores to code.
type wild struct {
	rng  isatest.Random
	rows []riscv64.Encoding
}

func newWild(seed uint64) *wild { return &wild{isatest.Random(seed), riscv64.Encodings()} }

func (w *wild) code(n int) []byte {
	var b []byte
	for len(b) < n {
		e := w.rows[w.rng.N(len(w.rows))]
		v := e.Match | uint32(w.rng.Next())&^e.Mask
		if e.Size == 2 {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
			continue
		}
		switch v & 0x7f {
		case 0x63: // branches nearby
			d := w.rng.N(256) - 128
			v = v&0x01fff07f | btype(0, 0, 0, d&^1)&^0x01fff07f
		case 0x6f:
			v = jal(int(v>>7&31), (w.rng.N(512)-256)&^1)
		case 0x03, 0x07, 0x23, 0x27, 0x2f: // accesses in RAM, mostly
			if w.rng.N(8) > 0 {
				v = v&^(31<<15) | uint32(8+w.rng.N(8))<<15
			}
		case 0x53, 0x43, 0x47, 0x4b, 0x4f: // the dynamic rounding mode, mostly
			if e.Mask>>12&7 == 0 && w.rng.N(4) > 0 {
				v |= 7 << 12
			}
		}
		b = append(b, word(v)...)
	}
	return b[:n]
}

// runWild runs code that ends and begins in different pages from a seed's
// state for some thousand instructions.
func runWild(g *guest, b []byte, seed uint64, steps int) error {
	rng := isatest.Random(seed)
	g.Both(func(e *engine.Engine) { clear(e.RAM.Bytes); e.Dirty(e.RAM.Base, uint64(len(e.RAM.Bytes))) })
	g.start(isatest.Start(seed))
	at := uint64(base + 0x1800)
	g.Write(at, b)
	g.Write(base+0x8000, handler())
	g.Both(func(e *engine.Engine) {
		e.S.PC, e.S.S[riscv64.STVec] = at, base+0x8000
		for i := 8; i < 16; i++ {
			e.S.G[i] = isatest.MemBase + uint64(i)*512 + seed>>i&7
		}
		e.S.G[15] = base + 0x2100 // code, perhaps
		e.FlushAll()
	})
	for range steps {
		if err := g.Step(1 + rng.N(40)); err != nil {
			return err
		}
	}
	return nil
}

// TestWild runs random code without rules.
func TestWild(t *testing.T) {
	g := newGuest(t)
	n := 400
	if testing.Short() {
		n = 60
	}
	for seed := range uint64(n) {
		b := newWild(seed).code(3000)
		if err := runWild(g, b, seed, 60); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			if g = newGuest(t); seed > 100000 {
				fmt.Println(listing(b))
			}
			break
		}
	}
	s := g.Gen.Stats
	t.Logf("%d instructions; exits %v, fills %d, lookups %d, dropped %d, flushed %d", g.Total, s.Exits, s.Fills, s.Lookups, s.Dropped, s.Flushed)
}

// FuzzCode takes any bytes for code.
func FuzzCode(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(newWild(seed).code(200), seed)
	}
	var g *guest
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if len(b) > 4096 {
			return
		}
		if g == nil {
			g = newGuest(t)
		}
		if err := runWild(g, b, seed, 12); err != nil {
			g = nil
			t.Fatalf("%v\n%s", err, listing(b))
		}
	})
}
