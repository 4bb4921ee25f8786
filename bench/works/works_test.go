package works

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	got := Parse("noise\npython 1500 2d16\npython soon 1\nperl 1 1\ngcc -1 1\nsqlite-query 7 12 13\ngcc 9 77\n")
	want := []Result{{"python", 1500 * time.Microsecond, "2d16"}, {"gcc", 9 * time.Microsecond, "77"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestFiles looks for the same files each time, and for data of a training run
// that are other data.
func TestFiles(t *testing.T) {
	a, b := Files(), Files()
	if !reflect.DeepEqual(a, b) {
		t.Error("the files differ from call to call")
	}
	have := map[string][]byte{}
	for _, f := range a {
		if len(f.Data) == 0 || have[f.Name] != nil {
			t.Errorf("%s is empty or there twice", f.Name)
		}
		have[f.Name] = f.Data
	}
	if bytes.Equal(have["train.sql"], have["run.sql"]) || have["c-run/sha256.c"] == nil || have["c-train/sha256.c"] != nil {
		t.Error("training has the same data")
	}
}

// TestRun does the works that this host has the programs for.
func TestRun(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash")
	}
	dir := t.TempDir()
	for _, f := range Files() {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, os.FileMode(f.Mode)); err != nil {
			t.Fatal(err)
		}
	}
	needs := map[string]string{"python": "python3", "sqlite": "sqlite3", "gcc": "gcc", "script": "mawk"}
	for _, w := range All {
		if _, err := exec.LookPath(needs[w.Name]); err != nil {
			t.Logf("%s is not here", needs[w.Name])
			continue
		}
		sums := map[Data]string{}
		for _, data := range []Data{Train, Run} {
			out, err := exec.Command("bash", filepath.Join(dir, "run"), w.Name, string(data), "1").Output()
			rs := Parse(string(out))
			if err != nil || len(rs) != len(w.Parts) {
				t.Errorf("%s: %v, %q", w.Name, err, out)
				continue
			}
			for i, r := range rs {
				if r.Part != w.Parts[i].Name {
					t.Errorf("%s: part %s, want %s", w.Name, r.Part, w.Parts[i].Name)
				}
				sums[data] += r.Checksum + " "
			}
		}
		if sums[Train] == sums[Run] {
			t.Errorf("%s answers %s whatever its data are", w.Name, sums[Run])
		}
	}
	if out, err := exec.Command("bash", filepath.Join(dir, "run"), "tetris", "run").CombinedOutput(); err == nil || !strings.Contains(string(out), "no work tetris") {
		t.Errorf("%v, %s", err, out)
	}
}
