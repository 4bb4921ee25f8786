package emit_test

import (
	"testing"

	"github.com/c2w/c2w/internal/cpu/emit"
	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
)

// While a test runs for the first time, profile collects the code pages that
// it executes; again makes it run on their translations.
var (
	profile *engine.Profile
	again   *translated

	againGuests []*guest // that newGuest made
)

// TestTranslated runs tests of the interpreter once more with page functions
// for every page that they execute, so that each case there, faults, budgets,
// stores to code and interrupts included, is one of translated code too.
func TestTranslated(t *testing.T) {
	for _, c := range []struct {
		name  string
		test  func(*testing.T)
		bound uint64 // at least; 1 tells that translations took part at all
	}{
		{"Vectors", TestVectors, 2000},
		{"Budget", TestBudget, 1},
		{"BudgetAtExits", TestBudgetAtExits, 1},
		{"TrapsCount", TestTrapsCount, 1},
		{"Branches", TestBranches, 1},
		{"PageEnd", TestPageEnd, 1},
		{"ModifiedCode", TestModifiedCode, 1},
		{"StoresBesideCode", TestStoresBesideCode, 1},
		{"StraddleAfterDrop", TestStraddleAfterDrop, 1},
		{"Accesses", TestAccesses, 1},
		{"Alias", TestAlias, 1},
		{"Remap", TestRemap, 1},
		{"Modes", TestModes, 1},
		{"Interrupts", TestInterrupts, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			profile = engine.NewProfile()
			ok := t.Run("interpreter", c.test)
			p := profile
			profile = nil
			if !ok {
				return
			}
			again = translateProfile(t, p)
			defer func() { again, againGuests = nil, nil }()
			t.Run("pages", c.test)
			var bound uint64
			for _, g := range againGuests {
				bound += g.Gen.Stats.Bound
			}
			if bound < c.bound {
				t.Errorf("%d bindings, want %d or more", bound, c.bound)
			}
		})
	}
}

// translateProfile makes a core with a page function for every page of a
// profile.
func translateProfile(t testing.TB, p *engine.Profile) *translated {
	t.Helper()
	k := emit.NewCore(riscv64.Guest, native.Base, native.Caches)
	tr := &translated{bound: engine.NewBindings()}
	bindProfile(k, p, tr.bound)
	c, err := native.Instantiate(k, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	tr.core = c
	return tr
}
