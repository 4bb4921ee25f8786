package emit_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// addPages translates pages and adds them to a core, each linked with the
// others: where code leaves a page, to a page with an entry at that offset, which
// is the right one only if the guest happens to be laid out so; and so is the page
// that is taken to lie behind.
func addPages(k *emit.Core, units []unit) (list []*engine.Binding) {
	var made []*emit.Page
	var sources []*emit.Source
	for i, u := range units {
		behind := units[(i+1+i%3)%len(units)].page
		s := &emit.Source{Code: append(u.page[:len(u.page):len(u.page)], behind[:core.MaxInsn-1]...), Mode: u.mode, Entries: u.entries}
		s.Links = func(int) (emit.Link, bool) { return emit.LongLink, true }
		f, _ := k.TranslateSource(s)
		made, sources = append(made, f), append(sources, s)
	}
	links := func(i int) func(off int) (emit.Link, bool) {
		return func(off int) (emit.Link, bool) {
			var fit []emit.Link
			at := 0
			for to, f := range made {
				if f == nil {
					continue
				}
				if link, ok := k.NextLink(at, f, uint16(off&core.PageMask)); ok && (to == i) == (off>>core.PageShift == 0) {
					fit = append(fit, link)
				}
				at++
			}
			if len(fit) == 0 {
				return emit.Link{}, false
			}
			return fit[uint(off>>core.PageShift+i)%uint(len(fit))], true
		}
	}
	linked := make([]*emit.Page, len(made))
	for i, f := range made {
		if f != nil {
			sources[i].Links = links(i)
			linked[i] = k.Relink(f, sources[i])
		}
	}
	for _, f := range linked {
		if f == nil {
			list = append(list, nil)
			continue
		}
		list = append(list, &engine.Binding{Slot: k.AddPage(f), Entries: f.Entries, Tail: f.Tail})
	}
	return list
}

// bindProfile adds a page function for every page of a profile.
func bindProfile(k *emit.Core, p *engine.Profile, bound *engine.Bindings) {
	var units []unit
	keys := profileKeys(p)
	for _, key := range keys {
		units = append(units, unit{p.Pages[key].Code, key.Mode, p.Pages[key].Offsets()})
	}
	for i, b := range addPages(k, units) {
		if b != nil {
			bound.Add(keys[i], b)
		}
	}
}

// profileKeys are a profile's keys in an order that is always the same.
func profileKeys(p *engine.Profile) []engine.Key {
	return slices.SortedFunc(maps.Keys(p.Pages), func(a, b engine.Key) int {
		return cmp.Or(cmp.Compare(a.Content, b.Content), cmp.Compare(a.Mode, b.Mode))
	})
}

// Pages of the tests below lie one behind the other, so that page functions that
// were made of them one after the other are linked with the right ones.
const (
	callerAt = base
	calleeAt = base + core.PageSize
)

// caller calls the code at the start of the next page x12 times, alternately
// directly and by x13, and adds up what comes back.
func caller() []byte {
	return fill(code(
		jal(1, core.PageSize), add(6, 6, 5), // 0
		jalr(1, 13, 0), add(7, 7, 6), // 8
		addi(12, 12, -1), btype(1, 12, 0, -20), // 16
		jal(0, 0), // 24
	))
}

func callerEntries() []uint16 { return []uint16{0, 4, 12} }

// callPages are a caller and what it calls.
func callPages(t testing.TB, mode uint32, callee []byte, entries ...uint16) (*translated, [][]byte) {
	pages := [][]byte{caller(), fill(callee)}
	return translatePages(t, []unit{{pages[0], mode, callerEntries()}, {pages[1], mode, entries}}), pages
}

func startCalls(g *guest, pages [][]byte) {
	for i, p := range pages {
		g.Write(base+uint64(i)*core.PageSize, p)
	}
	g.setReg(12, 1<<40)
	g.setReg(13, calleeAt)
}

// TestCalls: calls and returns do not go by the dispatcher, at whatever
// instruction the function is left.
func TestCalls(t *testing.T) {
	tr, pages := callPages(t, 1, code(addi(5, 5, 3), ret), 0)
	g := tr.guest()
	startCalls(g, pages)
	g.many(t, 400, 40) // the jump cache has the entries now
	before := g.Gen.S.PageCalls
	g.many(t, 10_000, 2000)
	// Of 10 instructions a round, one is a call by a register.
	if n := g.Gen.S.PageCalls - before; n > 1020 {
		t.Errorf("%d calls by the dispatcher in 10,000 instructions", n)
	}
	for _, step := range []int{1, 2, 3, 7, 13} {
		g.many(t, 400, step)
	}
}

// recursive calls itself by the page behind it, x14 deep.
func recursive() [][]byte {
	return [][]byte{caller(),
		fill(code(
			btype(0, 14, 0, 32),                            // 0: x14 == 0
			addi(14, 14, -1), addi(2, 2, -16), sd(1, 2, 0), // 4
			jal(1, core.PageSize-16),    // 16
			ld(1, 2, 0), addi(2, 2, 16), // 20
			jal(0, 8), nop, // 28
			addi(5, 5, 1), ret, // 36
		)),
		fill(code(
			addi(2, 2, -16), sd(1, 2, 0), // 0
			jal(1, -core.PageSize-8),         // 8
			ld(1, 2, 0), addi(2, 2, 16), ret, // 12
		)),
	}
}

// TestCallsDeep: calls within calls, far more than the host's may lie within
// each other.
func TestCallsDeep(t *testing.T) {
	p := recursive()
	// The branch goes to 32, where nothing is: to the end.
	copy(p[1], code(btype(0, 14, 0, 36)))
	tr := translatePages(t, []unit{{p[0], 1, callerEntries()}, {p[1], 1, []uint16{0, 20, 36}}, {p[2], 1, []uint16{0, 12}}})
	for _, depth := range []uint64{1, 5, 15, 16, 17, 40, 300} {
		for _, step := range []int{1, 17, 1000} {
			g := tr.guest()
			startCalls(g, p)
			g.setReg(2, base+0x40000)
			for range 3 {
				g.setReg(14, depth)
				g.many(t, int(min(depth*20+50, 2000)), step)
			}
		}
	}
}

// TestCallsElsewhere: what is called returns to another place than the one
// behind the call, or not at all.
func TestCallsElsewhere(t *testing.T) {
	for name, callee := range map[string][]byte{
		"behind":  code(addi(5, 5, 1), btype(4, 5, 0, 8), addi(1, 1, 0), ret),
		"skips":   code(addi(5, 5, 1), addi(1, 1, 4), ret), // over the addition
		"jumps":   code(addi(5, 5, 1), jal(0, -core.PageSize+8)),
		"tail":    code(addi(5, 5, 1), addi(14, 13, 16), jalr(0, 14, 0), nop, addi(6, 6, 5), ret),
		"repeats": code(addi(5, 5, 1), itype(0x13, 7, 6, 5, 1), btype(0, 6, 0, 8), addi(1, 1, -4), ret),
		"ecall":   code(addi(5, 5, 1), 0x73, ret),
		"illegal": code(addi(5, 5, 1), 0, ret),
	} {
		tr, pages := callPages(t, 1, callee, 0, 4, 8, 12, 16)
		for _, step := range []int{1, 3, 50} {
			g := tr.guest()
			startCalls(g, pages)
			g.Write(base+0x8000, fill(handler()))
			g.Both(func(e *engine.Engine) { e.S.S[riscv64.STVec] = base + 0x8000 })
			for range 4 {
				g.many(t, 200, step)
			}
			if t.Failed() {
				t.Fatalf("%s, step %d", name, step)
			}
		}
	}
}

// TestCallsInModes: what is called changes what the caller's code has found out
// at its start: the TLB set in force, by sstatus.SUM, and whether there is
// floating point, by sstatus.FS.
func TestCallsInModes(t *testing.T) {
	const faddD = 0x02c5f5d3 // f11, f11, f12, as the rounding mode says
	pages := [][]byte{fill(code(
		jal(1, core.PageSize), ld(9, 10, 0), faddD, // 0
		jalr(1, 13, 0), ld(9, 10, 0), faddD, // 12
		addi(12, 12, -1), btype(1, 12, 0, -28), // 24
	)), fill(code(csr(1, 11, 11, csrSStatus), addi(5, 5, 1), ret))}
	tr := translatePages(t, []unit{{pages[0], 1, []uint16{0, 4, 16}}, {pages[1], 1, []uint16{0, 4}}, {fill(handler()), 1, []uint16{0}}})
	for _, step := range []int{1, 6, 100} {
		g := tr.guest()
		s := newSpace(g, 0)
		g.Write(base+0x1000, pages[0])
		g.Write(base+0x2000, pages[1])
		g.Write(base+0x8000, fill(handler()))
		for _, at := range []uint64{0x1000, 0x2000, 0x8000} {
			s.mapPage(at, base+at, pteAll)
		}
		s.mapPage(0x20000, base+0x20000, pteAll|pteU)
		s.enter(0x1000, 1)
		g.setSUM(0)
		g.Both(func(e *engine.Engine) {
			e.S.G[10], e.S.G[11], e.S.G[12], e.S.G[13] = 0x20000, e.S.S[riscv64.SStatus]|statusSUM, 1<<40, 0x2000
			e.S.S[riscv64.SStatus] |= 3 << 13 // FS
			e.S.F[11], e.S.F[12] = 0x3ff0_0000_0000_0000, 0x3ca0_0000_0000_0001
		})
		g.many(t, 2000, step)
	}
}

// TestPatchCalls: what is called changes the code behind the call, the call, or
// itself.
func TestPatchCalls(t *testing.T) {
	var list []patching
	for name, to := range map[string]int{"return": 4, "loop": 12, "call": 0, "itself": core.PageSize + 12} {
		list = append(list, patching{name, func(t *testing.T, g *guest, step int) {
			callee := fill(code(ld(6, 11, 0), addi(11, 11, 8), sw(6, 10, 0), addi(7, 7, 1), ret))
			g.patchAt(append(caller(), callee...), to)
			g.setReg(13, calleeAt)
			g.many(t, 260, step)
		}})
	}
	patchings(t, list)
}

// TestLinksByAlias: the guard of a link tells pages that are not the function's
// apart: another page is mapped where the linked one was, and back.
func TestLinksByAlias(t *testing.T) {
	for _, mode := range []uint32{0, 1} {
		pages := [][]byte{caller(), fill(code(addi(5, 5, 3), ret)), fill(code(addi(5, 5, 7), addi(8, 8, 1), ret))}
		tr := translatePages(t, []unit{{pages[0], mode, callerEntries()}, {pages[1], mode, []uint16{0}}, {pages[2], mode, []uint16{0}}})
		bits := uint64(pteAll)
		if mode == 0 {
			bits |= pteU
		}
		for _, step := range []int{1, 5, 60} {
			g := tr.guest()
			s := newSpace(g, 0)
			for i, p := range pages {
				g.Write(base+0x1000*uint64(i+1), p)
			}
			s.mapPage(0x1000, base+0x1000, bits)
			s.mapPage(0x2000, base+0x2000, bits)
			s.enter(0x1000, mode)
			g.setReg(12, 1<<40)
			g.setReg(13, 0x2000)
			for round := range uint64(12) {
				g.many(t, 60, step)
				s.mapPage(0x2000, base+0x2000+0x1000*(round%2), bits)
				g.Both(func(e *engine.Engine) { e.FlushPage(0x2000) })
			}
		}
	}
}

// BenchmarkCalls reports ns for each instruction of a loop that calls a function
// in another page, directly and by a register: 10 instructions.
func BenchmarkCalls(b *testing.B) {
	tr, pages := callPages(b, 1, code(addi(5, 5, 3), ret), 0)
	g := tr.guest()
	startCalls(g, pages)
	g.perInsn(b, 1)
}
