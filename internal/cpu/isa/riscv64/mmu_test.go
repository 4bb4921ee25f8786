package riscv64

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Page tables of the tests: the root is RAM page 1, lower levels follow it.
const rootPPN = ramBase>>core.PageShift + 1

const leafPPN = 0x12345_0000_0 // anywhere, also not RAM; aligned for 2 MiB

// pteAt writes an entry: page is the table's number in RAM.
func (r *rig) pteAt(page, index, pte uint64) {
	binary.LittleEndian.PutUint64(r.e.RAM[page*core.PageSize+index*8:], pte)
}

func (r *rig) pte(page, index uint64) uint64 {
	return binary.LittleEndian.Uint64(r.e.RAM[page*core.PageSize+index*8:])
}

func entry(ppn, flags uint64) uint64 { return ppn<<ptePPNShift | flags }

// mapPage maps va by a leaf at a level and returns where the leaf lies.
func (r *rig) mapPage(levels int, va, leaf uint64, at int) (page, index uint64) {
	page = 1
	for l := levels - 1; ; l-- {
		index = va >> (core.PageShift + vpnBits*l) & 511
		if l == at {
			r.pteAt(page, index, leaf)
			return page, index
		}
		r.pteAt(page, index, entry(rootPPN+page, pteV))
		page++
	}
}

func newPaged(t *testing.T, mode uint64) *rig {
	r := newRig(t)
	r.s.S[SATP] = mode<<satpModeShift | rootPPN
	return r
}

var pageFaultOf = map[isa.Access]uint64{isa.AccessRead: 13, isa.AccessWrite: 15, isa.AccessExec: 12}
var accessFaultOf = map[isa.Access]uint64{isa.AccessRead: 5, isa.AccessWrite: 7, isa.AccessExec: 1}

func (r *rig) faults(va uint64, a isa.Access, cause uint64) {
	r.Helper()
	m, f := r.Translate(va, a)
	if f == nil {
		r.Errorf("%v of %#x: %+v, want cause %d", a, va, m, cause)
	} else if f.Cause != cause || f.Value != va {
		r.Errorf("%v of %#x: cause %d value %#x, want cause %d", a, va, f.Cause, f.Value, cause)
	}
}

func (r *rig) maps(va uint64, a isa.Access, want isa.Mapping) {
	r.Helper()
	m, f := r.Translate(va, a)
	if f != nil {
		r.Errorf("%v of %#x: cause %d, want %+v", a, va, f.Cause, want)
	} else if m != want {
		r.Errorf("%v of %#x: %+v, want %+v", a, va, m, want)
	}
}

// TestPermissions goes through every permission, mode, SUM and MXR. The rules
// are written down here once more, in the words of the manual.
func TestPermissions(t *testing.T) {
	const va = 0x40201000
	r := newPaged(t, satpSv39)
	for perm := range uint64(16) { // R W X U
		flags := perm << 1
		readable, writable, executable, user := flags&pteR != 0, flags&pteW != 0, flags&pteX != 0, flags&pteU != 0
		for _, mode := range []uint32{modeUser, modeSupervisor} {
			for _, status := range []uint64{0, statusSUM, statusMXR, statusSUM | statusMXR} {
				for _, a := range []isa.Access{isa.AccessRead, isa.AccessWrite, isa.AccessExec} {
					allowed := readable || executable && status&statusMXR != 0
					if a == isa.AccessWrite {
						allowed = writable
					} else if a == isa.AccessExec {
						allowed = executable
					}
					switch {
					case writable && !readable, !readable && !writable && !executable:
						allowed = false // reserved, and a pointer in the last level
					case mode == modeUser && !user:
						allowed = false
					case mode == modeSupervisor && user && (status&statusSUM == 0 || a == isa.AccessExec):
						allowed = false
					}
					for _, ad := range []uint64{0, pteA, pteD, pteA | pteD} {
						page, index := r.mapPage(3, va, entry(leafPPN, pteV|flags|ad), 0)
						r.s.Mode, r.s.S[SStatus] = mode, statusUXL|status
						if !allowed {
							r.faults(va, a, pageFaultOf[a])
							r.equal("untouched entry", r.pte(page, index), entry(leafPPN, pteV|flags|ad))
							continue
						}
						want := ad | pteA
						if a == isa.AccessWrite {
							want |= pteD
						}
						r.maps(va, a, isa.Mapping{
							Phys:  leafPPN << core.PageShift,
							Write: writable && want&pteD != 0 && a != isa.AccessExec,
						})
						r.equal("entry", r.pte(page, index), entry(leafPPN, pteV|flags|want))
					}
				}
			}
		}
	}
}

// TestLevels maps by leaves of every size in both schemes.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		mode   uint64
		levels int
		va     uint64
	}{
		{satpSv39, 3, 0x12_3456_7abc}, {satpSv39, 3, 0xffff_ffd2_3456_7abc},
		{satpSv48, 4, 0x7123_4567_8abc}, {satpSv48, 4, 0xffff_a123_4567_8abc},
	} {
		for level := range c.levels {
			t.Run(fmt.Sprintf("mode%d/%x/level%d", c.mode, c.va, level), func(t *testing.T) {
				r := newPaged(t, c.mode)
				size := uint64(1) << (core.PageShift + vpnBits*level)
				frame := uint64(0x55) << 48 // aligned for every size
				leaf := entry(frame>>core.PageShift, pteV|pteR|pteW|pteX)
				page, index := r.mapPage(c.levels, c.va, leaf, level)
				want := isa.Mapping{Phys: frame + c.va&(size-1)&^core.PageMask}
				r.maps(c.va, isa.AccessRead, want)
				r.maps(c.va, isa.AccessExec, want)
				want.Write = true
				r.maps(c.va, isa.AccessWrite, want)
				r.equal("entry", r.pte(page, index), leaf|pteA|pteD)
				r.equal("table", uint64(r.pte(1, c.va>>(core.PageShift+vpnBits*(c.levels-1))&511)&(pteA|pteD)), r.pte(page, index)&(pteA|pteD)*b2u(level == c.levels-1))
				for bit := range vpnBits * level { // misaligned in each bit
					r.pteAt(page, index, leaf|1<<(ptePPNShift+bit))
					r.faults(c.va, isa.AccessRead, causeLoadPage)
				}
				for bit := 54; bit < 64; bit++ { // reserved
					r.pteAt(page, index, leaf|1<<bit)
					r.faults(c.va, isa.AccessExec, causeFetchPage)
				}
				r.pteAt(page, index, leaf&^pteV)
				r.faults(c.va, isa.AccessWrite, causeStorePage)
				r.pteAt(page, index, leaf|3<<8) // for software
				r.maps(c.va, isa.AccessWrite, want)
			})
		}
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		mode uint64
		bits int
	}{{satpSv39, 39}, {satpSv48, 48}} {
		r := newPaged(t, c.mode)
		top := uint64(1) << (c.bits - 1)
		for i := range uint64(512) { // everything is a leaf of the largest size
			r.pteAt(1, i, entry(0, pteV|pteR|pteX))
		}
		for _, a := range []isa.Access{isa.AccessRead, isa.AccessExec} {
			for _, va := range []uint64{0, top - 1, -top, ^uint64(0)} {
				if _, f := r.Translate(va, a); f != nil {
					t.Errorf("mode %d, %#x: cause %d", c.mode, va, f.Cause)
				}
			}
			for _, va := range []uint64{top, -top - 1, 1 << 63, 1 << 56} {
				r.faults(va, a, pageFaultOf[a])
			}
		}
	}
}

// TestTables: what makes an entry that points to a table invalid, and tables
// outside RAM.
func TestTables(t *testing.T) {
	const va = 0x40201000
	r := newPaged(t, satpSv39)
	for a := range pageFaultOf {
		for _, bad := range []uint64{pteA, pteD, pteU, 1 << 54, 1 << 61, 1 << 63} {
			r.mapPage(3, va, entry(leafPPN, pteV|pteR|pteW|pteX), 0)
			index := uint64(va >> 30 & 511)
			r.pteAt(1, index, r.pte(1, index)|bad)
			r.faults(va, a, pageFaultOf[a])
		}
		r.mapPage(3, va, entry(leafPPN, pteV), 0) // a pointer in the last level
		r.faults(va, a, pageFaultOf[a])
		for _, ppn := range []uint64{0, ramBase>>12 - 1, (ramBase + ramSize) >> 12, ptePPN} {
			r.mapPage(3, va, entry(ppn, pteV), 1)
			r.faults(va, a, accessFaultOf[a])
			r.s.S[SATP] = satpSv39<<satpModeShift | ppn
			r.faults(va, a, accessFaultOf[a])
			r.s.S[SATP] = satpSv39<<satpModeShift | rootPPN
		}
	}
	r.mapPage(3, va, entry(leafPPN, pteV|pteR), 0)
	r.e.ReadOnly = true // a table that cannot be marked
	r.faults(va, isa.AccessRead, causeLoadAccess)
}

func TestGlobal(t *testing.T) {
	const va = 0x40201000
	want := isa.Mapping{Phys: leafPPN << core.PageShift, Global: true}
	for level := range uint64(3) { // G of a table holds for all below it
		r := newPaged(t, satpSv39)
		r.mapPage(3, va, entry(leafPPN, pteV|pteR), 0)
		index := uint64(va) >> (core.PageShift + vpnBits*level) & 511
		r.pteAt(3-level, index, r.pte(3-level, index)|pteG)
		r.maps(va, isa.AccessRead, want)
	}
}

func TestBare(t *testing.T) {
	r := newRig(t)
	for _, mode := range []uint32{modeUser, modeSupervisor} {
		r.s.Mode = mode
		r.maps(0x80001234, isa.AccessRead, isa.Mapping{Phys: 0x80001000, Write: true})
		r.maps(0x80001234, isa.AccessExec, isa.Mapping{Phys: 0x80001000})
		r.maps(0x1234, isa.AccessWrite, isa.Mapping{Phys: 0x1000, Write: true})
		for a, cause := range accessFaultOf {
			r.faults(1<<physBits, a, cause)
			r.faults(^uint64(0), a, cause)
		}
	}
}

// TestFenceLargeLeaf: one fence reaches every piece of a large leaf, even when
// its entry has been cleared before.
func TestFenceLargeLeaf(t *testing.T) {
	const va, other = 0x40200000, 0x7000_0000_0000
	for _, c := range []struct {
		level  int
		flags  uint64
		inside uint64
		want   string
	}{
		{0, 0, va, "page:40200000"},
		{1, 0, va + 0x1ff000, "space page:403ff000"},
		{2, 0, va + 0x1f400000, "space page:5f600000"},
		{3, 0, va + 0x3f40000000, "space page:3f80200000"},
		{1, pteG, va + 0x1ff000, "all"},
		{2, pteG, va + 0x1f400000, "all"},
	} {
		r := newPaged(t, satpSv48)
		page, index := r.mapPage(4, va, entry(0, pteV|pteR|c.flags), c.level)
		if _, f := r.Translate(va, isa.AccessRead); f != nil {
			t.Fatal(f.Cause)
		}
		r.pteAt(page, index, 0)
		r.s.G[5], r.s.G[6] = c.inside, other
		r.do(sfenceInsn(6, 0))
		r.asked(fmt.Sprintf("page:%x", uint64(other)))
		r.do(sfenceInsn(5, 0))
		r.asked(c.want)
		r.do(sfenceInsn(5, 0)) // and it is forgotten then
		r.asked(fmt.Sprintf("page:%x", c.inside))
	}
}

// FuzzTranslate walks random tables. Whatever is in them, a walk ends, touches
// only A and D, and what it hands out agrees with the permissions of the leaf.
func FuzzTranslate(f *testing.F) {
	f.Add(uint64(1), uint64(0x40201000), uint8(0))
	f.Add(uint64(2), uint64(0xffffffffff601000), uint8(0x5e))
	f.Fuzz(func(t *testing.T, seed, va uint64, how uint8) {
		r := newPaged(t, satpSv39+uint64(how&1))
		r.e.Quiet = true
		r.s.Mode = uint32(how >> 1 & 1)
		r.s.S[SStatus] |= uint64(how>>2&3) << 18
		x := seed | 1
		for i := 0; i < ramSize; i += 8 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			pte := x >> 10 & 0x3f << ptePPNShift // a page of RAM
			pte += ramBase >> core.PageShift << ptePPNShift
			pte |= x >> 32 & 0xff
			switch x >> 60 {
			case 0:
				pte = x
			case 1, 2, 3, 4, 5, 6, 7:
				pte = pte&^(pteR|pteW|pteX|pteU|pteA|pteD) | pteV
			case 8, 9, 10:
				pte |= pteV
			}
			binary.LittleEndian.PutUint64(r.e.RAM[i:], pte)
		}
		before := r.e.RAM
		a := isa.Access(how >> 4 % 3)
		m, fault := r.Translate(va, a)
		changed := 0
		for i := 0; i < ramSize; i += 8 {
			o, n := binary.LittleEndian.Uint64(before[i:]), binary.LittleEndian.Uint64(r.e.RAM[i:])
			if o == n {
				continue
			}
			changed++
			if o&^(pteA|pteD) != n&^(pteA|pteD) || o&^n != 0 {
				t.Errorf("entry %x became %x", o, n)
			}
		}
		if fault != nil {
			if changed != 0 {
				t.Error("a faulting walk changed an entry")
			}
			if (fault.Cause != pageFaultOf[a] && fault.Cause != accessFaultOf[a]) || fault.Value != va {
				t.Errorf("cause %d value %x", fault.Cause, fault.Value)
			}
			return
		}
		if changed > 1 || m.Phys&core.PageMask != 0 || m.Phys>>physBits != 0 {
			t.Errorf("%+v after %d changes", m, changed)
		}
		if m.Write != (a == isa.AccessWrite) {
			if a == isa.AccessWrite || a == isa.AccessExec {
				t.Errorf("%v gives %+v", a, m)
			} else if w, f := r.Translate(va, isa.AccessWrite); f != nil || w != m {
				t.Errorf("read gives %+v, write %+v", m, w)
			}
		}
		if again, f := r.Translate(va, a); f != nil || again != m {
			t.Errorf("first %+v, then %+v", m, again)
		}
	})
}

func BenchmarkTranslate(b *testing.B) {
	r := newPaged(nil, satpSv48)
	r.mapPage(4, 0x40201000, entry(leafPPN, pteV|pteR|pteW|pteU), 0)
	r.s.Mode = modeUser
	for b.Loop() {
		r.Translate(0x40201000, isa.AccessWrite)
	}
}
