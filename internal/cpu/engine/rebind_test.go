package engine_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
)

// nobody is a machine without devices.
type nobody struct{}

func (nobody) MMIORead(uint64, int) (uint64, bool) { return 0, false }
func (nobody) MMIOWrite(uint64, int, uint64) bool  { return false }
func (nobody) Ticks() uint64                       { return 0 }
func (nobody) SetTimer(uint64)                     {}
func (nobody) ConsoleWrite([]byte)                 {}
func (nobody) ConsoleRead([]byte) int              { return 0 }
func (nobody) PowerOff(bool)                       {}
func (nobody) Reset()                              {}
func (nobody) Wait()                               {}

// TestRebind binds a page that is decoded, and bound, to a translation of the same
// code with fewer entries, and to none. The guest has to go on: a record that
// enters what is bound no more sends it to the dispatcher, and that one back.
func TestRebind(t *testing.T) {
	const base = 0x8000_0000
	page := make([]byte, core.PageSize)
	for i, w := range []uint32{0x00128293, 0x00130313, 0xffdff06f} { // addi x5, addi x6, jal to the second
		binary.LittleEndian.PutUint32(page[4*i:], w)
	}
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	key := engine.PageKey(page, 1)
	bind := func(entries ...uint16) *engine.Bindings {
		f, ok := k.Translate(page, 1, entries)
		if !ok {
			t.Fatal("not translated")
		}
		b := engine.NewBindings()
		b.Add(key, &engine.Binding{Slot: k.AddPage(f), Entries: f.Entries})
		return b
	}
	all, fewer := bind(0, 4, 8), bind(4)
	c, err := native.Instantiate(k, native.Layout{RAM: 1 << 16, RAMBase: base, Records: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for name, next := range map[string]*engine.Bindings{"fewer entries": fewer, "nothing": engine.NewBindings(), "the same": all} {
		*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
		clear(c.Records.Bytes)
		copy(c.RAM.Bytes, page)
		e := engine.New(engine.Config{ISA: riscv64.Guest, Hart: c.Hart, RAM: c.RAM, Records: c.Records, Platform: nobody{}, Run: c.Run,
			Bindings: all, NewHart: func(s *core.State, env isa.Env) isa.Hart { return riscv64.NewHart(s, env, riscv64.Config{}) }})
		e.Priv.(*riscv64.Hart).Reset(base, 0)
		e.Run(100)
		for _, off := range []uint64{8, 4, 0} { // all of it is decoded, and known
			e.S.PC = base + off
			e.Run(10)
		}
		e.Bindings = next
		e.Rebind()
		e.EachRecord(0, func(off int, op uint16) {
			enters := op == abi.HandlerEnter
			e.S.PC = base + uint64(off)
			e.Lookup()
			if j := core.FindJump(&e.Hart.Jump[1], e.S.PC); j == nil || (j.Target != 0) != enters {
				t.Errorf("%s: offset %#x enters the translation: %v; the jump cache has %+v", name, off, enters, j)
			}
		})
		if t.Failed() {
			t.Fatalf("%s: dispatcher and interpreter would call each other for ever", name)
		}
		e.S.PC = base
		before := e.S.G[6]
		done := make(chan bool)
		go func() { e.Run(1000); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			panic(name + ": dispatcher and interpreter call each other for ever") // nothing else stops generated code
		}
		if rounds := e.S.G[6] - before; rounds < 400 || rounds > 600 {
			t.Errorf("%s: %d rounds in 1000 instructions", name, rounds)
		}
	}
}
