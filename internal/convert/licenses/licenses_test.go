package licenses

import (
	"io/fs"
	"testing"
)

func TestTexts(t *testing.T) {
	list, err := List()
	if err != nil || len(list) == 0 {
		t.Fatalf("%d works, %v", len(list), err)
	}
	used := map[string]bool{}
	for _, w := range list {
		if w.License == "" || w.Source == "" || len(w.In) == 0 || len(w.Files) == 0 {
			t.Errorf("incomplete: %+v", w)
		}
		for _, f := range w.Files {
			used["texts/"+f] = true
			if text, err := Text(f); err != nil || len(text) < 20 {
				t.Errorf("%s: %d bytes, %v", f, len(text), err)
			}
		}
	}
	err = fs.WalkDir(data, "texts", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !used[name] {
			t.Errorf("%s belongs to nothing: remove it", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
