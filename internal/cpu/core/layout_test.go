package core

import (
	"reflect"
	"slices"
	"testing"
)

// TestLayoutComplete holds Layout to every field of what lies in memory.
func TestLayoutComplete(t *testing.T) {
	var want []uint32
	s := reflect.TypeFor[State]()
	for i := range s.NumField() {
		if f := s.Field(i); f.Name != "_" {
			want = append(want, uint32(f.Offset))
		}
	}
	if got := stateOffsets(); !slices.Equal(got, want) {
		t.Errorf("State's fields lie at %#x, Layout has %#x: add what is new", want, got)
	}
	for _, c := range []struct {
		of   reflect.Type
		want []uint32
	}{
		{reflect.TypeFor[TLBEntry](), []uint32{TLBAddend, TLBTag}},
		{reflect.TypeFor[JumpEntry](), []uint32{JumpRecord, JumpTarget, JumpTag}},
		{reflect.TypeFor[Caches](), []uint32{TLBBase, JumpBase, LinkBase}},
	} {
		var got []uint32
		for i := range c.of.NumField() {
			if f := c.of.Field(i); f.Name != "_" {
				got = append(got, uint32(f.Offset))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v has fields at %#x, Layout lists %#x: add what is new", c.of, got, c.want)
		}
	}
	if !slices.Equal(Layout(), Layout()) {
		t.Error("Layout is not the same twice")
	}
	if len(exitNames) != NumExits || slices.Contains(exitNames[:], "") {
		t.Errorf("%d exits have the names %q", NumExits, exitNames)
	}
}

// TestWays looks at how many entries FindJump takes.
func TestWays(t *testing.T) {
	const pc = 0x1234_5678
	c, found := new([JumpEntries]JumpEntry), 0
	for i := range c {
		c[i].Tag = ^uint64(pc)
		if FindJump(c, pc) != nil {
			found++
		}
		c[i].Tag = 0
	}
	if found != JumpWays {
		t.Errorf("a jump is looked for in %d entries, JumpWays is %d", found, JumpWays)
	}
}
