package machinewasm

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"testing"

	"github.com/c2w/c2w/internal/convert/machinewasm/recipe"
)

const advice = "run make machine-commit and commit internal/convert/machinewasm/built"

// TestFresh fails when the machine's sources have changed since the embedded
// machine was built, or when the two files of built do not belong together.
func TestFresh(t *testing.T) {
	packed, err := built.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal(ErrNone)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.ReadFile("built/lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock recipe.Lock
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	module, err := Module()
	if err != nil {
		t.Fatal(err)
	}
	if recipe.Hash(module) != lock.Machine || len(module) != lock.Size || recipe.Hash(packed) != lock.Compressed || len(packed) != lock.CompressedSize {
		t.Errorf("lock.json is of another machine: %s", advice)
	}
	now, err := recipe.Inputs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, lock.Sources, now.Sources)
	compare(t, lock.Modules, now.Modules)
	if t.Failed() {
		t.Fatal(advice)
	}
	if now.Go != lock.Go {
		t.Logf("not rebuilt: the machine was built by %s, this is %s", lock.Go, now.Go)
		return
	}
	rebuilt, err := recipe.Build("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if recipe.Hash(rebuilt) != lock.Machine {
		t.Errorf("a rebuild gives other bytes (%d, embedded %d): %s", len(rebuilt), len(module), advice)
	}
}

func compare(t *testing.T, locked, now map[string]string) {
	t.Helper()
	all := maps.Clone(locked)
	maps.Copy(all, now)
	for name := range all {
		switch {
		case locked[name] == "":
			t.Errorf("%s is new", name)
		case now[name] == "":
			t.Errorf("%s is gone", name)
		case locked[name] != now[name]:
			t.Errorf("%s has changed", name)
		}
	}
}
