package convert

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/cpu/engine"
)

// TestTrainingKept keeps a result, with commands that would break lines.
func TestTrainingKept(t *testing.T) {
	c := &Cache{Dir: filepath.Join(t.TempDir(), "training"), Limit: 1 << 20}
	p := aot.Profile{{Key: engine.Key{Content: 7, Mode: 1}, Points: []aot.Point{{Off: 2, Entry: true, Samples: 9}}}}
	for key, want := range map[string]Trained{
		"a": {Image: "demo:"},
		"b": {"oci:dir \"x\"", []string{"true", "echo a\nc2w-profile 2 \x00\xff", "# command"}},
	} {
		c.keepProfile(t.Context(), key, want, p)
		if got := c.profile(key); !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %v, want %v", key, got, p)
		}
		if got, err := ReadTrained(c.training(key)); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, %v, want %+v", key, got, err, want)
		}
	}
	if list := c.List(); len(list) != 2 || list[0].Size == 0 {
		t.Errorf("%+v", list)
	}
	for _, bad := range []string{"", "c2w-profile 2\n", "c2w-profile 2\n# image x\n", "c2w-profile 2\n# image \"x\"\n# command\n# command \"\n"} {
		path := filepath.Join(c.Dir, "bad")
		if err := os.WriteFile(path, []byte(bad), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadTrained(path); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
	c.Limit = 1
	if c.Prune(); len(c.List()) != 0 {
		t.Errorf("beyond the limit there is %+v", c.List())
	}
}
