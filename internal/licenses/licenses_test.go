package licenses

import (
	"os/exec"
	"testing"
)

// TestFresh fails when the modules in use have changed.
func TestFresh(t *testing.T) {
	cmd := exec.Command("go", "run", "./internal/licenses/gen", "-check")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestTexts(t *testing.T) {
	list, err := List()
	if err != nil || len(list) == 0 {
		t.Fatalf("%d works, %v", len(list), err)
	}
	for _, w := range list {
		if w.License == "" || w.Source == "" || len(w.In) == 0 || len(w.Files) == 0 {
			t.Errorf("incomplete: %+v", w)
		}
		for _, f := range w.Files {
			if text, err := Text(f); err != nil || len(text) < 20 {
				t.Errorf("%s: %d bytes, %v", f, len(text), err)
			}
		}
	}
}
