package engine_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// What this guards: a guest must not keep the engine between two instructions.
// Every exit of generated code must lead to an instruction or a trap after a
// few others.

const (
	base  = 0x8000_0000
	pages = 32
	// maxExits is how many exits in a row may serve one instruction: its lookup,
	// the decoding of its run, a miss for each of two halves, and then Go.
	maxExits = 6
)

// platform has a device at 0x1000_0000 and no memory.
type platform struct{}

func (platform) MMIORead(pa uint64, size int) (uint64, bool) { return pa * 3, pa>>12 == 0x10000 }
func (platform) MMIOWrite(pa uint64, size int, v uint64) bool {
	return pa>>12 == 0x10000
}
func (platform) Ticks() uint64            { return 0 }
func (platform) SetTimer(uint64)          {}
func (platform) ConsoleWrite([]byte)      {}
func (platform) ConsoleRead(p []byte) int { clear(p); return len(p) }
func (platform) PowerOff(bool)            {}
func (platform) Reset()                   {}
func (platform) Wait()                    {}

// watched is an engine on the core that stops the test when an instruction
// takes too many exits.
type watched struct {
	*engine.Engine
	core   *native.Core
	budget int32
	exits  []core.Exit
	stuck  string
}

func newWatched(t testing.TB, c *native.Core) *watched {
	w := &watched{core: c}
	*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
	clear(c.RAM.Bytes)
	w.Engine = engine.New(engine.Config{
		ISA: riscv64.Guest, Hart: c.Hart, RAM: c.RAM, Records: c.Records, Platform: platform{},
		NewHart: func(s *core.State, env isa.Env) isa.Hart { return riscv64.NewHart(s, env, riscv64.Config{}) },
		Run:     w.run,
	})
	return w
}

func (w *watched) run() {
	w.core.Run()
	s := w.S
	if s.Budget != w.budget || s.Exit == core.ExitBudget {
		w.budget, w.exits = s.Budget, w.exits[:0]
	}
	w.exits = append(w.exits, s.Exit)
	if len(w.exits) > maxExits && w.stuck == "" {
		w.stuck = fmt.Sprintf("pc %#x, mode %d, address %#x: exits %v", s.PC, s.Mode, s.ExitAddr, w.exits)
	}
	if w.stuck != "" {
		s.Budget = 0 // out of here
	}
}

func (w *watched) put64(off int, v uint64) { binary.LittleEndian.PutUint64(w.RAM.Bytes[off:], v) }

// TestProgress runs random code whose page tables, trap handlers, data and code
// lie over each other.
func TestProgress(t *testing.T) {
	c, err := native.New(riscv64.Guest, native.Layout{RAM: pages << core.PageShift, Records: 64 << 10, RAMBase: base})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := 1500
	if testing.Short() {
		n = 200
	}
	rows := riscv64.Encodings()
	var total uint64
	var exits [core.NumExits]uint64
	for seed := range uint64(n) {
		rng := isatest.Random(seed)
		w := newWatched(t, c)
		for i := range pages {
			fillPage(w.RAM.Bytes[i<<core.PageShift:][:core.PageSize], rows, &rng)
		}
		w.Priv.(*riscv64.Hart).Reset(base+rng.Next()%(pages<<core.PageShift)&^1, 0)
		for i := 1; i < 32; i++ {
			w.S.G[i] = rng.Next() % (pages << core.PageShift)
			if rng.N(3) > 0 {
				w.S.G[i] += base
			}
			if rng.N(8) == 0 {
				w.S.G[i] = 0x1000_0000 + rng.Next()&0xfff
			}
		}
		w.S.S[riscv64.SStatus] |= 3<<13 | 1<<63 | rng.Next()&(1<<18|1<<19|2|1<<5|1<<8)
		w.S.SetFP(true)
		w.S.S[riscv64.STVec] = w.S.G[5] &^ 2
		w.S.S[riscv64.SEPC] = w.S.G[6] &^ 1
		w.S.S[riscv64.SIE] = rng.Next() & 0x222
		if rng.N(2) == 0 {
			w.paging(&rng)
		}
		if seed%4 == 0 {
			w.Profile = engine.NewProfile()
		}
		w.FlushAll()
		w.Priv.(*riscv64.Hart).SetExternal(rng.N(4) == 0)
		for range 40 {
			total += uint64(w.Run(100))
			if rng.N(5) == 0 {
				w.Priv.TimerFired()
			}
			if w.stuck != "" {
				t.Fatalf("seed %d: %s", seed, w.stuck)
			}
		}
		for i, n := range w.Stats.Exits {
			exits[i] += n
		}
	}
	t.Logf("%d instructions, exits %v", total, exits)
}

// paging maps the first pages one to one at base and at 0, by tables which are
// pages among the others.
func (w *watched) paging(rng *isatest.Random) {
	t := [4]int{rng.N(pages), rng.N(pages), rng.N(pages), rng.N(pages)}
	pte := func(page int, bits uint64) uint64 { return (base>>12+uint64(page))<<10 | bits }
	w.put64(t[0]<<12, pte(t[1], 1))
	w.put64(t[0]<<12+8*2, pte(t[1], 1))
	w.put64(t[1]<<12, pte(t[2], 1))
	for i := range pages {
		bits := uint64(0xcf) // V R W X A D
		switch rng.N(6) {
		case 0:
			bits = 0x0f // not accessed yet
		case 1:
			bits = 0xdf // the user's
		case 2:
			bits = rng.Next() & 0xff
		}
		if rng.N(16) == 0 {
			w.put64(t[2]<<12+8*i, 0x10000<<10|bits) // the device
			continue
		}
		w.put64(t[2]<<12+8*i, pte(i, bits))
	}
	w.S.S[riscv64.SATP] = 8<<60 | base>>12 + uint64(t[0])
	w.S.Mode = uint32(rng.N(2))
}

// fillPage fills a page with code without rules: stores and jumps go anywhere.
func fillPage(b []byte, rows []riscv64.Encoding, rng *isatest.Random) {
	if rng.N(2) == 0 { // every instruction two bytes off, the last one straddles
		b[0], b[1], b = 1, 0, b[2:]
	}
	for len(b) >= 2 {
		e := rows[rng.N(len(rows))]
		v := e.Match | uint32(rng.Next())&^e.Mask
		if e.Size == 2 {
			binary.LittleEndian.PutUint16(b, uint16(v))
			b = b[2:]
			continue
		}
		switch v & 0x7f {
		case 0x23, 0x03, 0x07, 0x27: // small offsets
			if v&0x20 == 0 {
				v &= 0x0fffffff
			} else {
				v &= 0x0dffffff
			}
		case 0x73: // seldom: a wfi ends a slice, a write to satp the fun
			if v>>12&7 == 0 && rng.N(3) > 0 || v>>20 == 0x180 && rng.N(8) > 0 {
				v = 0x13
			}
		}
		var w [4]byte
		binary.LittleEndian.PutUint32(w[:], v)
		b = b[copy(b, w[:]):]
	}
}
