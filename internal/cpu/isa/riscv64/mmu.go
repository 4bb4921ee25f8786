package riscv64

import (
	"math/bits"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa"
)

// Fields of a page-table entry (Privileged spec 20240411, 10.4.1).
const (
	pteV = 1 << 0
	pteR = 1 << 1
	pteW = 1 << 2
	pteX = 1 << 3
	pteU = 1 << 4
	pteG = 1 << 5
	pteA = 1 << 6
	pteD = 1 << 7

	ptePPNShift = 10
	ptePPN      = 1<<44 - 1
	// pteReserved: Svnapot, Svpbmt and what no extension uses yet.
	pteReserved = 0x3ff << 54
)

const (
	vpnBits  = 9  // of a virtual page number, per level
	physBits = 56 // of a physical address
)

// Translate walks the page tables. It sets A and, for a write, D in the leaf
// as Svadu does; nothing else changes memory between its load and its store of
// an entry, because harts and devices take turns in one thread. A leaf above 4
// KiB is handed out in pieces of 4 KiB. The frame itself need not be RAM, the
// tables must be.
func (h *Hart) Translate(va uint64, a isa.Access) (isa.Mapping, *isa.Fault) {
	satp := h.s.S[SATP]
	level := 0
	switch satp >> satpModeShift {
	case satpSv39:
		level = 2
	case satpSv48:
		level = 3
	default:
		if va>>physBits != 0 {
			return isa.Mapping{}, h.AccessFault(va, a)
		}
		return isa.Mapping{Phys: va &^ core.PageMask, Write: a != isa.AccessExec}, nil
	}
	above := uint(64 - core.PageShift - vpnBits*(level+1))
	if uint64(int64(va<<above)>>above) != va {
		return isa.Mapping{}, h.pageFault(va, a)
	}
	table := satp & satpPPN << core.PageShift
	global := uint64(0)
	for ; ; level-- {
		shift := uint(core.PageShift + vpnBits*level)
		at := table + va>>shift&(1<<vpnBits-1)*8
		pte, ok := h.env.LoadPhys(at, 8)
		if !ok {
			return isa.Mapping{}, h.AccessFault(va, a)
		}
		if pte&pteV == 0 || pte&pteReserved != 0 || pte&(pteR|pteW) == pteW {
			return isa.Mapping{}, h.pageFault(va, a)
		}
		global |= pte & pteG
		ppn := pte >> ptePPNShift & ptePPN
		if pte&(pteR|pteX) == 0 {
			if level == 0 || pte&(pteD|pteA|pteU) != 0 {
				return isa.Mapping{}, h.pageFault(va, a)
			}
			table = ppn << core.PageShift
			continue
		}
		within := uint64(1)<<(vpnBits*level) - 1 // pages of the leaf, less one
		if !h.permits(pte, a) || ppn&within != 0 {
			return isa.Mapping{}, h.pageFault(va, a)
		}
		want := pte | pteA
		if a == isa.AccessWrite {
			want |= pteD
		}
		if want != pte && !h.env.StorePhys(at, 8, want) {
			return isa.Mapping{}, h.AccessFault(va, a)
		}
		if level > 0 {
			h.large[global/pteG].add(va, shift)
		}
		return isa.Mapping{
			Phys:   (ppn | va>>core.PageShift&within) << core.PageShift,
			Write:  want&(pteW|pteD) == pteW|pteD && a != isa.AccessExec,
			Global: global != 0,
		}, nil
	}
}

// permits says whether a leaf allows an access in the current mode.
func (h *Hart) permits(pte uint64, a isa.Access) bool {
	st := h.s.S[SStatus]
	if h.s.Mode == modeUser {
		if pte&pteU == 0 {
			return false
		}
	} else if pte&pteU != 0 && (a == isa.AccessExec || st&statusSUM == 0) {
		return false
	}
	switch a {
	case isa.AccessExec:
		return pte&pteX != 0
	case isa.AccessWrite:
		return pte&pteW != 0
	}
	return pte&pteR != 0 || st&statusMXR != 0
}

func (h *Hart) pageFault(va uint64, a isa.Access) *isa.Fault {
	return h.except([...]uint64{causeLoadPage, causeStorePage, causeFetchPage}[a], va)
}

// AccessFault is the exception for an access to where there is nothing, or that
// a device refuses.
func (h *Hart) AccessFault(va uint64, a isa.Access) *isa.Fault {
	return h.except([...]uint64{causeLoadAccess, causeStoreAccess, causeFetchAccess}[a], va)
}

// sfence executes sfence.vma with the given register numbers. Register 0 means
// all addresses, or all address spaces and global mappings too.
func (h *Hart) sfence(rs1, rs2 uint32) {
	asid := h.reg(rs2) << satpASIDShift & satpASID
	switch {
	case rs2 != 0 && asid != h.s.S[SATP]&satpASID:
		// Nothing of another address space is ever cached.
	case rs1 != 0:
		h.FlushPage(h.reg(rs1))
	case rs2 != 0:
		h.FlushSpace()
	default:
		h.FlushAll()
	}
}

// FlushAll drops every cached translation.
func (h *Hart) FlushAll() {
	h.large[0].clear()
	h.large[1].clear()
	h.env.FlushAll()
}

// FlushSpace drops the translations that are not global.
func (h *Hart) FlushSpace() {
	h.large[0].clear()
	h.env.FlushSpace()
}

// FlushPage drops what is cached of the leaf that maps va. The leaf may have
// been larger than a page, and its other pieces may lie anywhere in the TLB,
// while the entry that said so may be gone from the tables: hence leafSet.
func (h *Hart) FlushPage(va uint64) {
	switch {
	case h.large[1].has(va):
		h.FlushAll()
	case h.large[0].has(va):
		h.FlushSpace()
		h.env.FlushPage(va) // a global page may lie there too
	default:
		h.env.FlushPage(va)
	}
}

// leafSet remembers which large leaves were handed out since it was cleared.
// It may say yes where the answer is no, never the other way round. A kernel's
// map of 512 MiB of RAM sets 256 of the 8192 bits.
type leafSet struct {
	sizes uint64 // bit n: some leaf of 1<<n bytes
	bits  [128]uint64
}

// leafBit is the bit of the leaf of 1<<shift bytes that holds va.
func leafBit(va uint64, shift uint) (word int, bit uint64) {
	x := (va>>shift ^ uint64(shift)<<58) * 0x9e3779b97f4a7c15 >> 51
	return int(x >> 6), 1 << (x & 63)
}

func (l *leafSet) add(va uint64, shift uint) {
	l.sizes |= 1 << shift
	w, b := leafBit(va, shift)
	l.bits[w] |= b
}

func (l *leafSet) has(va uint64) bool {
	for m := l.sizes; m != 0; m &= m - 1 {
		if w, b := leafBit(va, uint(bits.TrailingZeros64(m))); l.bits[w]&b != 0 {
			return true
		}
	}
	return false
}

func (l *leafSet) clear() {
	if l.sizes != 0 {
		*l = leafSet{}
	}
}
