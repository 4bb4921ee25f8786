package emit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/testkit/isatest"
)

// Random programs that change themselves. Their code lies in three pages, at
// three addresses each: the supervisor's, another one of the supervisor's, and
// the user's.
const (
	smcPages = 3
	smcCode  = 0x2000
	smcAlias = 0x1_0000 // to add
	smcUser  = 0x2_0000
)

// smc makes such a program: x5 to x9 hold anything, code too, x10 to x13
// addresses of code, x14 that of the list.
type smc struct {
	rng  isatest.Random
	help []byte // decides instead of rng while there is some of it
}

func (s *smc) n(n int) int {
	if len(s.help) == 0 {
		return s.rng.N(n)
	}
	v := int(s.help[0])
	s.help = s.help[1:]
	return v % n
}

func (s *smc) value() int   { return 5 + s.n(5) }
func (s *smc) pointer() int { return 10 + s.n(4) }

// near is an offset for stores: of some instructions, at any alignment.
func (s *smc) near() int { return s.n(96) - 48 }

// item is one instruction or a few.
func (s *smc) item() []byte {
	v, p := s.value(), s.pointer()
	switch s.n(20) {
	case 0, 1:
		return code(addi(v, s.value(), s.n(64)-32))
	case 2:
		return code(add(v, s.value(), s.value()))
	case 3, 4:
		return code(ld(v, 14, 8*s.n(24)))
	case 5:
		return code(itype(3, uint32(s.n(7)), v, p, s.near()&^3)) // code as data
	case 6, 7, 8:
		return code(stype(0x23, uint32(s.n(4)), p, v, s.near()&^[]int{0, 1, 3, 3}[s.n(4)]))
	case 9:
		f := uint32(2 + s.n(2))
		return code(rtype(0x2f, f, []uint32{0, 4, 0x10, 0x20, 0x30}[s.n(5)], s.value(), p, v))
	case 10:
		f := uint32(2 + s.n(2))
		return code(rtype(0x2f, f, 8, s.value(), p, 0), rtype(0x2f, f, 12, s.value(), p, v))
	case 11:
		return code(fmvD6&^(31<<15)|uint32(v)<<15, stype(0x27, uint32(2+s.n(2)), p, 6, s.near()&^3))
	case 12: // to this very place
		return code(auipc(p, 0), addi(p, p, s.near()&^3))
	case 13:
		at := smcCode + []int{0, smcAlias, smcUser}[s.n(3)] + s.n(smcPages)*core.PageSize
		return code(lui(p, uint32(at)), addi(p, p, []int{s.n(64) * 2, -4, -2, 0}[s.n(4)]))
	case 14:
		return [][]byte{code(fenceI), half16(cAddi5), half16(cAddi7), code(ebreak)}[s.n(4)]
	case 15:
		return code(btype([]uint32{0, 1, 4, 5, 6, 7}[s.n(6)], v, s.value(), 8+2*s.n(8)))
	case 16:
		return code(addi(9, 9, -1), btype(5, 9, 0, -4*(1+s.n(8))), addi(9, 0, 5))
	case 17:
		return code(jal(s.n(2), 8+4*s.n(3)))
	case 18:
		return code(jalr(1, p, s.near()&^1))
	default:
		return code([]uint32{ret, nop}[s.n(2)], addi(p, p, s.near()&^3))
	}
}

// image is the program's pages: code at the start of each and across its end.
func (s *smc) image() []byte {
	var b []byte
	for range smcPages * core.PageSize / 2 {
		b = append(b, half16(cnop)...)
	}
	for i := range smcPages {
		at := i * core.PageSize
		end := at + 64 + 2*s.n(64)
		for at < end {
			at += copy(b[at:], s.item())
		}
		// On to where the next page is entered, or back.
		target := (i+1)*core.PageSize - 32
		if i == smcPages-1 {
			target = 0
		}
		copy(b[at:], code(jal(0, target-at)))
		if target == 0 {
			break
		}
		for at = target; at < target+26; {
			at += copy(b[at:target+32], s.item())
		}
		if at < target+30 {
			at = target + 30 // and over the page's end
		}
		copy(b[at:], code(addi(5, 5, 1), addi(7, 7, 1)))
	}
	return b
}

// list is what programs find to store: instructions, of which two may be parts.
func (s *smc) list() (b []byte) {
	for range 24 {
		x := append(s.item(), s.item()...)
		x = append(x, s.item()...)
		b = append(b, x[2*s.n(2):][:8]...)
	}
	return b
}

// smcTrap returns behind what trapped; from a breakpoint to the other mode, at
// its address of the same code; and to the program's start from where nothing
// can be fetched. Addresses are set right first, from x20 to x24.
func smcTrap() []byte {
	return fill(code(
		addi(10, 20, 0), addi(11, 21, 0), addi(12, 22, 0), addi(13, 23, 0), addi(1, 24, 0),
		csr(2, 31, 0, csrSCause),
		csr(2, 30, 0, csrSEPC),
		addi(30, 30, 4),
		addi(29, 0, 12), btype(0, 31, 29, 44), // fetch
		addi(29, 0, 3), btype(1, 31, 29, 24), // not a breakpoint
		lui(29, smcUser), xor(30, 30, 29),
		csr(2, 29, 0, csrSStatus), itype(0x13, 4, 29, 29, 0x100), csrw(csrSStatus, 29), // the other mode
		csrw(csrSEPC, 30), sret, nop,
		csr(2, 29, 0, csrSStatus), itype(0x13, 7, 29, 29, 0x100), // SPP
		lui(30, smcCode), btype(1, 29, 0, 12),
		lui(29, smcUser), add(30, 30, 29),
		csrw(csrSEPC, 30), sret))
}

// run starts the program and runs it for some rounds; what happens from outside
// meanwhile is the seed's too.
func (s *smc) run(g *guest, rounds int) error {
	image := s.image()
	a := mapped(g, 0)
	bits := func(user int) uint64 {
		if user == smcUser {
			return pteAll | pteU
		}
		return pteAll
	}
	frame := func(i int) uint64 { return base + 0x2000 + uint64(i)*core.PageSize }
	mapAll := func() {
		for i := range smcPages {
			for _, d := range []int{0, smcAlias, smcUser} {
				a.mapPage(uint64(smcCode+d+i*core.PageSize), frame(i), bits(d))
			}
		}
	}
	mapAll()
	g.Write(frame(0), image)
	g.Write(patchList, s.list())
	g.Write(patchTrap, smcTrap())
	a.enter(smcCode, 1)
	g.setSUM(statusSUM)
	for r := 5; r < 10; r++ {
		g.setReg(r, uint64(s.n(100)))
	}
	for r := range 4 {
		at := uint64(smcCode + s.n(smcPages)*core.PageSize + s.n(32)*4)
		g.setReg(10+r, at)
		g.setReg(20+r, at)
	}
	g.setReg(1, smcCode)
	g.setReg(24, smcCode)
	g.setReg(14, listVA)
	flush := func() {
		g.Both(func(e *engine.Engine) { e.FlushAll() })
	}
	for range rounds {
		from := g.Ref.S.PC
		if err := g.Step(1 + s.n(60)); err != nil {
			return fmt.Errorf("from %#x: %w", from, err)
		}
		i := s.n(smcPages)
		va := uint64(smcCode + []int{0, smcAlias, smcUser}[s.n(3)] + i*core.PageSize)
		switch s.n(24) {
		case 0: // DMA
			g.Write(frame(i)+uint64(s.n(64)*2), s.item())
		case 1: // a page as it was
			g.Write(frame(i), image[i*core.PageSize:][:core.PageSize])
		case 2: // all of it, and of the mappings
			g.Write(frame(0), image)
			mapAll()
			flush()
		case 3: // another frame there
			a.mapPage(va, frame(s.n(smcPages)), bits(int(va)&smcUser))
			g.Both(func(e *engine.Engine) { e.FlushPage(va) })
		case 4: // no writing
			a.mapPage(va, frame(i), bits(int(va)&smcUser)&^pteW)
			flush()
		case 5:
			g.Both(func(e *engine.Engine) { e.FlushSpace() })
		case 6:
			g.Both(func(e *engine.Engine) { e.S.PC, e.S.Mode = smcCode+uint64(i*core.PageSize), 1 })
			g.setSUM(g.Ref.S.S[riscv64.SStatus] & statusSUM)
		}
	}
	return nil
}

// TestPatchRandom runs random programs that change themselves, in every tier.
func TestPatchRandom(t *testing.T) {
	n, rounds := 60, 80
	if testing.Short() {
		n, rounds = 12, 40
	}
	p := engine.NewProfile()
	for seed := range n {
		g := newGuest(t)
		g.Gen.Profile = engine.NewProfile()
		if err := (&smc{rng: isatest.Random(seed)}).run(g, rounds); err != nil {
			t.Fatalf("interpreter, seed %d: %v", seed, err)
		}
		some(p, g.Gen.Profile)
	}
	x := newTiers(t, p)
	for _, tier := range x.sets() {
		var bound, dropped, total uint64
		for seed := range n {
			g := x.guest(tier.bound)
			if err := (&smc{rng: isatest.Random(seed)}).run(g, rounds); err != nil {
				t.Fatalf("%s, seed %d: %v", tier.name, seed, err)
			}
			bound, dropped, total = bound+g.Gen.Stats.Bound, dropped+g.Gen.Stats.Dropped, total+g.Total
		}
		t.Logf("%s: %d instructions, %d pages bound, %d dropped; %d contents", tier.name, total, bound, dropped, len(p.Pages))
		if !tier.part && bound < 10*uint64(n) {
			t.Errorf("%s: only %d pages were bound", tier.name, bound)
		}
	}
}

// some adds a bounded number of a profile's pages to another, always the same.
func some(to, from *engine.Profile) {
	const most = 100
	var keys []engine.Key
	for k := range from.Pages {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b engine.Key) int {
		if a.Content != b.Content {
			if a.Content < b.Content {
				return -1
			}
			return 1
		}
		return int(a.Mode) - int(b.Mode)
	})
	for _, k := range keys[:min(most, len(keys))] {
		to.Pages[k] = from.Pages[k]
	}
}

// FuzzPatch is TestPatchRandom of any seed, with bytes that decide what the
// program is in place of the seed.
func FuzzPatch(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed+1000, []byte{})
	}
	f.Add(uint64(7), []byte{16, 3, 6, 1, 2, 3, 4, 5, 18, 2, 6, 8, 10, 12, 14})
	f.Fuzz(func(t *testing.T, seed uint64, help []byte) {
		const rounds = 40
		g := newGuest(t)
		g.Gen.Profile = engine.NewProfile()
		if err := (&smc{isatest.Random(seed), help}).run(g, rounds); err != nil {
			t.Fatalf("interpreter: %v", err)
		}
		k := *smallCore()
		k.Funcs = slices.Clone(k.Funcs)
		p := engine.NewProfile()
		some(p, g.Gen.Profile)
		bound := engine.NewBindings()
		bindProfile(&k, p, bound)
		c, err := native.Instantiate(&k, layout)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := (&smc{isatest.Random(seed), help}).run((&translated{c, bound}).guest(), rounds); err != nil {
			t.Fatalf("pages: %v", err)
		}
	})
}
