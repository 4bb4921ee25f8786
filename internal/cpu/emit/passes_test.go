package emit

import (
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
)

// TestPasses: what each pass makes keeps its rules, and says what it is.
func TestPasses(t *testing.T) {
	k := NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	printed := map[string]bool{}
	var names []string
	k.SeePass = func(s *Source, p Pass) {
		if err := p.Check(); err != nil {
			t.Errorf("%v\n%s", err, p)
		}
		names = append(names, p.Name)
		text := p.String()
		printed[p.Name] = printed[p.Name] || len(text) > 15
		if text != "" && !strings.HasSuffix(text, "\n") {
			t.Errorf("pass %s prints %q", p.Name, text)
		}
	}
	for seed := range uint64(150) {
		names = nil
		k.TranslateSource(corpusPage(seed)) // or none of its entries is where it ran
		for i, name := range names {
			if want := passes[i%len(passes)].name; name != want {
				t.Fatalf("page %d: pass %d is %q, want %q", seed, i, name, want)
			}
		}
		if t.Failed() {
			t.Fatalf("page %d", seed)
		}
	}
	for _, p := range passes {
		if !printed[p.name] {
			t.Errorf("pass %s prints nothing", p.name)
		}
		if p.why == "" {
			t.Errorf("pass %s has no reason", p.name)
		}
	}
	names = nil
	if _, ok := k.Translate(make([]byte, core.PageSize), 0, nil); ok || len(names) != 1 {
		t.Errorf("without entries: passes %q", names)
	}
}

// spoilt is a translation of a corpus page with something of everything, to be
// spoilt.
func spoilt(t *testing.T, k *Core) *translation {
	for seed := uint64(0); ; seed++ {
		x := &translation{core: k, src: corpusPage(seed), insns: 300}
		if !x.run() {
			t.Fatal("not translated")
		}
		several := slices.ContainsFunc(x.slow.of, func(list []int) bool { return len(list) > 1 })
		dirty := slices.ContainsFunc(x.regs.owner, func(h int) bool { return h != 0 })
		if several && dirty && len(x.scopes) > 0 {
			return x
		}
	}
}

// TestPassChecks: what is wrong is noticed.
func TestPassChecks(t *testing.T) {
	k := NewCore(riscv64.Guest, 0x1000, core.TLBSize)
	long := func(x *translation) *block {
		return x.code.blocks[slices.IndexFunc(x.code.blocks, func(b *block) bool { return len(b.insns) > 2 })]
	}
	copies := func(x *translation) []int {
		return x.slow.of[slices.IndexFunc(x.slow.of, func(list []int) bool { return len(list) > 1 })]
	}
	inLoop := func(x *translation) int {
		return slices.IndexFunc(x.regs.dirty, func(s regSet) bool { return s != (regSet{}) })
	}
	for name, c := range map[string]struct {
		spoil func(x *translation)
		of    func(x *translation) value
	}{
		"a lost instruction":  {func(x *translation) { b := long(x); b.insns = b.insns[1:] }, func(x *translation) value { return x.code }},
		"blocks out of order": {func(x *translation) { slices.Reverse(x.code.blocks) }, func(x *translation) value { return x.code }},
		"a jump in a block": {func(x *translation) {
			b := long(x)
			i := slices.IndexFunc(riscv64.Guest.Forms(), func(f isa.FormInfo) bool { return f.Flow == isa.FlowJump })
			b.insns[0].Form = isa.Form(i)
		}, func(x *translation) value { return x.code }},
		"a later operand": {func(x *translation) {
			for i := range x.lifted.ir {
				for j := range x.lifted.ir[i].Nodes {
					if n := &x.lifted.ir[i].Nodes[j]; n.Op == ir.Set {
						n.Args[0] = ir.Value(j + 1)
					}
				}
			}
		}, func(x *translation) value { return x.lifted }},
		"an instruction elsewhere": {func(x *translation) { x.lifted.ir[0].Nodes[0].Imm += 2 }, func(x *translation) value { return x.lifted }},
		"an edge":                  {func(x *translation) { x.control.Succ[0][0].Final++ }, func(x *translation) value { return x.control }},
		"two copies in one place":  {func(x *translation) { x.copies.list = append(x.copies.list, x.copies.list[0]) }, func(x *translation) value { return x.copies }},
		"a copy outside":           {func(x *translation) { x.copies.list[0].at = 8 }, func(x *translation) value { return x.copies }},
		"a copy that nobody uses":  {func(x *translation) { clear(x.copies.of) }, func(x *translation) value { return x.copies }},
		"a slow path's end":        {func(x *translation) { x.slow.all.blocks[copies(x)[1]-1].next += 2 }, func(x *translation) value { return x.slow }},
		"a slow path's order":      {func(x *translation) { x.slow.then[copies(x)[0]-1-x.slow.code] = 0 }, func(x *translation) value { return x.slow }},
		"a slow path's budget":     {func(x *translation) { x.slow.paid[copies(x)[0]-1-x.slow.code]++ }, func(x *translation) value { return x.slow }},
		"a scope twice":            {func(x *translation) { x.scopes = append(x.scopes, x.scopes[0]) }, func(x *translation) value { return x.scopes }},
		"nobody writes":            {func(x *translation) { x.regs.owner[inLoop(x)] = 0 }, func(x *translation) value { return x.regs }},
		"other registers": {func(x *translation) {
			v := inLoop(x)
			x.regs.pinned[x.regs.owner[v]] = regSet{}
			x.regs.pinned[v].add(1)
		}, func(x *translation) value { return x.regs }},
		"not in locals":         {func(x *translation) { clear(x.regs.pinned) }, func(x *translation) value { return x.regs }},
		"loaded and not there":  {func(x *translation) { x.regs.before[1] = x.regs.in[1]; x.regs.before[1].add(100) }, func(x *translation) value { return x.regs }},
		"in locals at an entry": {func(x *translation) { x.regs.in[x.control.Entries[0]] = regSet{1, 1}; clear(x.regs.before) }, func(x *translation) value { return x.regs }},
		"no label":              {func(x *translation) { x.nest.Behind[0] = nil }, func(x *translation) value { return nesting{x.nest} }},
		"an open block":         {func(x *translation) { x.out.f.Body.Block(-64) }, func(x *translation) value { return x.out }},
	} {
		x := spoilt(t, k)
		if err := c.of(x).check(); err != nil {
			t.Fatalf("%s: before it is spoilt: %v", name, err)
		}
		c.spoil(x)
		if c.of(x).check() == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}
