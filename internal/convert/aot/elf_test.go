package aot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// tiny is a file with one executable segment, which is all of it from the
// second page on.
func tiny(code ...uint32) []byte {
	le := binary.LittleEndian
	b := make([]byte, 2*core.PageSize)
	copy(b, elf.ELFMAG)
	b[4], b[5], b[6] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	le.PutUint16(b[16:], uint16(elf.ET_EXEC))
	le.PutUint16(b[18:], uint16(elf.EM_RISCV))
	le.PutUint32(b[20:], uint32(elf.EV_CURRENT))
	le.PutUint64(b[24:], 0x11004) // entry
	le.PutUint64(b[32:], 64)      // program headers
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	le.PutUint16(b[58:], 64)
	le.PutUint32(b[64:], uint32(elf.PT_LOAD))
	le.PutUint32(b[68:], uint32(elf.PF_R|elf.PF_X))
	le.PutUint64(b[72:], core.PageSize)
	le.PutUint64(b[80:], 0x11000)
	le.PutUint64(b[96:], core.PageSize)
	for i, c := range code {
		le.PutUint32(b[core.PageSize+4*i:], c)
	}
	return b
}

func TestEverything(t *testing.T) {
	const (
		nop  = 0x00000013
		call = 0x00c000ef // jal ra, +12
		ret  = 0x00008067
		beq  = 0x00000463 // beq zero, zero, +8
	)
	b := tiny(nop, nop, call, nop, ret, nop, beq, ret, nop, ret)
	list, err := Everything(riscv64.Guest, elf.EM_RISCV, BytesProgram("tiny", b))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d pages, %v", len(list), err)
	}
	c := list[0]
	// The part's beginning, the entry point, where the call returns to and where
	// it leads; not what a branch leads to.
	if want := []uint16{0, 4, 12, 20}; !reflect.DeepEqual(c.Entries(), want) || c.Offset != core.PageSize || !bytes.Equal(c.Code, b[core.PageSize:]) {
		t.Errorf("entries %v of page %x, want %v", c.Entries(), c.Offset, want)
	}

	for _, p := range []Program{BytesProgram("empty", nil), BytesProgram("text", []byte("#!/bin/sh\n")), BytesProgram("short", b[:70])} {
		if list, err := Everything(riscv64.Guest, elf.EM_RISCV, p); err != nil || len(list) > 0 {
			t.Errorf("%s: %d pages, %v", p.Name, len(list), err)
		}
	}
	if list, _ := Everything(riscv64.Guest, elf.EM_X86_64, BytesProgram("tiny", b)); len(list) > 0 {
		t.Error("code of another machine")
	}
}

// TestFill translates a real program as far as a budget goes.
func TestFill(t *testing.T) {
	init, err := guest.Init("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Everything(riscv64.Guest, elf.EM_RISCV, BytesProgram("init", init))
	if err != nil || len(list) < 100 || !slices.IsSortedFunc(list, func(a, b Candidate) int { return int(a.Offset - b.Offset) }) {
		t.Fatalf("%d pages, %v", len(list), err)
	}
	k := emit.NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	const budget = 1 << 20
	c := Choose(k, hot(t, 5), budget/2)
	chosen := len(c.Pages)
	c.Fill(k, append([]Candidate{c.Pages[0].Candidate}, list...), budget)
	if c.Bytes > budget || c.Bytes < budget*9/10 || len(c.Pages) <= chosen || c.Left.Pages == 0 || c.Left.Bytes == 0 {
		t.Errorf("%d pages, then %d with %d bytes, left %+v", chosen, len(c.Pages), c.Bytes, c.Left)
	}
	if c.Pages[chosen].Key != list[0].Key {
		t.Error("the first page is another")
	}
}

func FuzzEverything(f *testing.F) {
	f.Add(tiny(0x13, 0x00c000ef, 0x8067))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := Everything(riscv64.Guest, elf.EM_RISCV, BytesProgram("fuzz", b))
		if err != nil {
			t.Skip(err)
		}
		for _, c := range list {
			for _, off := range c.Entries() {
				if off >= core.PageSize {
					t.Errorf("entry %x", off)
				}
			}
		}
	})
}
