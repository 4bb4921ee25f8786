package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/run/runner"
)

func TestParseVolume(t *testing.T) {
	for _, c := range []struct {
		volume string
		drives bool
		want   runner.Mount
	}{
		{"/a:/b", false, runner.Mount{Host: "/a", Guest: "/b"}},
		{"./a b:/c/../d/", false, runner.Mount{Host: "./a b", Guest: "/d"}},
		{"..:/b:ro", false, runner.Mount{Host: "..", Guest: "/b", ReadOnly: true}},
		{"~/x:/b:rw,z", false, runner.Mount{Host: "~/x", Guest: "/b"}},
		{"~:/b:z,readonly", false, runner.Mount{Host: "~", Guest: "/b", ReadOnly: true}},
		{`C:\a b:/b`, true, runner.Mount{Host: `C:\a b`, Guest: "/b"}},
		{"c:/a:/b:ro", true, runner.Mount{Host: "c:/a", Guest: "/b", ReadOnly: true}},
		{`\\server\share:/b`, true, runner.Mount{Host: `\\server\share`, Guest: "/b"}},
		{"/a:/b", true, runner.Mount{Host: "/a", Guest: "/b"}},
	} {
		if got, err := parseVolume(c.volume, c.drives); got != c.want || err != nil {
			t.Errorf("%s: %+v, %v", c.volume, got, err)
		}
	}
	for volume, want := range map[string]string{
		"":             "write HOST:GUEST",
		"/data":        "write HOST:GUEST",
		":/b":          "which directory of this computer",
		"/a:":          "begins with /",
		"/a:b":         "begins with /",
		"/a:/":         "over the whole container",
		"/a:/b/..":     "over the whole container",
		"name:/b":      "the directory is ./name",
		"/a:/b:rx":     `unknown option "rx"`,
		"/a:/b:":       `unknown option ""`,
		"/a:/b:ro:rw":  "too many colons",
		"/a\x00:/b":    "zero byte",
		`C:\a:/b`:      "begins with /",
		"/a:/b:shared": `unknown option "shared"`,
	} {
		if got, err := parseVolume(volume, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", volume, got, err)
		}
	}
}

func TestMounts(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	got, err := mounts([]string{"./one:/deep/below:ro", "~/two:/deep", ".:/x"})
	abs, _ := filepath.Abs(".")
	want := []runner.Mount{
		{Host: filepath.Join(dir, "two"), Guest: "/deep"}, {Host: abs, Guest: "/x"},
		{Host: filepath.Join(abs, "one"), Guest: "/deep/below", ReadOnly: true},
	}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	for volume, want := range map[string]string{
		"./three:/x":   "does not exist",
		"./file:/x":    "is not a directory",
		"./file/a:/x":  "",
		"./one:/twice": "is mounted on /twice already",
	} {
		if _, err := mounts([]string{"./one:/twice", volume}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", volume, err)
		}
	}
}
