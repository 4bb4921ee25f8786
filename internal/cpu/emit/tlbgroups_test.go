package emit_test

import (
	"encoding/binary"
	"testing"

	"github.com/c2w/c2w/internal/cpu/engine"
)

// groupPages are loops around accesses that lie close to each other: to be read,
// to be written, both, of several sizes, around a register that changes on the
// way, and with a word that no other access is aligned like.
func groupPages() (list [][]byte) {
	for _, body := range [][]uint32{
		{ld(5, 10, 0), ld(6, 10, 8), ld(7, 10, 16), ld(8, 10, 24), ld(9, 10, 40), add(14, 14, 5), add(14, 14, 9)},
		{sd(5, 10, 0), sd(6, 10, 8), sd(7, 10, 16), sd(8, 10, -24), sw(9, 10, -28)},
		{ld(5, 10, 8), lw(6, 10, 4), addi(5, 5, 1), sd(5, 10, 8), sb(6, 10, 3), sh(6, 10, 34), ld(7, 10, 8), add(14, 14, 7)},
		{addi(10, 10, -48), sd(5, 10, 40), sd(6, 10, 32), sd(7, 10, 24), sd(8, 10, 16), ld(5, 10, 16), ld(6, 10, 24), ld(8, 10, 40), addi(10, 10, 48)},
		{lw(5, 10, 0), ld(6, 10, 4), lw(7, 10, 8), ld(8, 10, 12), lw(9, 10, 16), ld(15, 10, 508), ld(16, 10, 516), ld(17, 10, 524), ld(18, 10, 532), ld(19, 10, 540)},
		{ld(10, 10, 0), ld(5, 10, 8), ld(6, 10, 16), ld(7, 10, 24), ld(8, 10, 32), ld(10, 10, 40)}, // through pointers
	} {
		prog := append(body, addi(13, 13, 1), add(10, 10, 11), addi(12, 12, -1))
		prog = append(prog, btype(1, 12, 0, -4*len(prog)), jal(0, 0))
		list = append(list, fill(code(prog...)))
	}
	return list
}

// TestGroups: accesses that share a lookup do what they do one by one, wherever
// they lie at the end of a page, whatever the next page is, in each of the modes,
// and with the block left at every instruction.
func TestGroups(t *testing.T) {
	pages := groupPages()
	entry := []uint16{0}
	units := []unit{{fill(handler()), 1, entry}}
	for _, p := range pages {
		units = append(units, unit{p, 0, entry}, unit{p, 1, entry})
	}
	tr := translatePages(t, units)
	// Neighbours in the guest that are none in memory.
	next := []uint64{pteAll | pteU, pteAll, pteAll&^pteW | pteU, pteAll&^pteD | pteU, pteAll&^pteA | pteU, 0}
	for i, p := range pages {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x8000, fill(handler()))
		g.Write(base+0x1000, p)
		s.mapPage(0x8000, base+0x8000, pteAll)
		for k, bits := range next {
			at := 0x20000 + uint64(k)<<13
			s.mapPage(at, base+0x10000+uint64(k)<<13, pteAll|pteU)
			s.mapPage(at+0x1000, base+0x11000+uint64(len(next)-1-k)<<13, bits)
			for j := range uint64(0x200) { // pointers into both
				g.Write(base+0x10000+uint64(k)<<13+8*j, binary.LittleEndian.AppendUint64(nil, at+0xfc0+8*(j%13)))
				g.Write(base+0x11000+uint64(k)<<13+8*j, binary.LittleEndian.AppendUint64(nil, at+0xfb8+8*(j%11)))
			}
			for mode := range uint32(2) {
				user := uint64(0)
				if mode == 0 {
					user = pteU
				}
				s.mapPage(0x1000, base+0x1000, pteAll|user)
				for _, run := range []struct {
					from, stride uint64
					count, step  int
				}{{0xfa0, 8, 14, 1}, {0xfb0, 8, 12, 7}, {0xfd0, 4, 16, 13}, {0xfdb, 3, 12, 100}, {0xe00, 8, 8, 100}} {
					s.enter(0x1000, mode)
					g.setSUM(uint64(k&1) * statusSUM)
					g.setReg(10, at+run.from)
					g.setReg(11, run.stride)
					g.setReg(12, uint64(run.count))
					g.Both(func(e *engine.Engine) {
						e.S.G[5], e.S.G[6], e.S.G[7], e.S.G[8] = at+0xff0, 0x1122334455667788, at+0xfe8, at+0xff8
					})
					g.many(t, 24*run.count, run.step)
				}
			}
		}
		if g.Gen.Stats.Bound == 0 {
			t.Errorf("page %d was not bound", i)
		}
	}
}
