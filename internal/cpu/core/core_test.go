package core

import (
	"testing"
	"unsafe"
)

func TestLayout(t *testing.T) {
	var h Caches
	var s State
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"State ends before what functions keep", max(unsafe.Sizeof(State{}), OffTLBCopies), OffTLBCopies},
		{"G is 0x100", unsafe.Offsetof(s.G), 0x100},
		{"TLB", unsafe.Offsetof(h.TLB), TLBBase},
		{"Jump", unsafe.Offsetof(h.Jump), JumpBase},
		{"Caches", unsafe.Sizeof(h), CachesSize},
		{"TLB entry", unsafe.Sizeof(TLBEntry{}), TLBEntrySize},
		{"tag", unsafe.Offsetof(TLBEntry{}.Tag), TLBTag},
		{"jump entry", unsafe.Sizeof(JumpEntry{}), JumpEntrySize},
		{"jump tag", unsafe.Offsetof(JumpEntry{}.Tag), JumpTag},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, c.got, c.want)
		}
	}
}
