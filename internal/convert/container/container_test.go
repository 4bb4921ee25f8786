package container

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestConfigGolden(t *testing.T) {
	got, err := Config(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/config.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at what -update changes in it", golden)
	}
	again, _ := Config(Options{})
	if !bytes.Equal(got, again) {
		t.Error("two calls, two configurations")
	}
}

func TestConfigOptions(t *testing.T) {
	b, err := Config(Options{Root: "/r", Etc: "/e", Cgroup: "/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	var s specs.Spec
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if last := s.Mounts[len(s.Mounts)-1]; s.Root.Path != "/r" || s.Linux.CgroupsPath != "/a/b" || last.Source != "/e/hosts" {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{"r", "/", "/a/", "/a/../b", "//a"} {
		for _, o := range []Options{{Root: bad}, {Etc: bad}, {Cgroup: bad}} {
			if _, err := Config(o); err == nil {
				t.Errorf("no error for %+v", o)
			}
		}
	}
}

func TestVolumes(t *testing.T) {
	declared := map[string]struct{}{}
	for _, v := range []string{"/var/lib/x/", "/var/lib", "/data", "/data/.", "/a/../b", "//c", "/procs", "/\xff"} {
		declared[v] = struct{}{}
	}
	got, err := Volumes(declared)
	if want := []string{"/b", "/c", "/data", "/procs", "/var/lib", "/var/lib/x", "/\xff"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Volumes(nil); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "data", "../x", "/", "/..", "/a/..", "/proc", "/x/../proc/1", "/a\x00b", "/" + strings.Repeat("a", 4095)} {
		if got, err := Volumes(map[string]struct{}{bad: {}}); err == nil {
			t.Errorf("%.40q gives %q", bad, got)
		} else if strings.ContainsAny(err.Error(), "\x00\n") || len(err.Error()) > 200 {
			t.Errorf("%.40q: %q is no line for a person", bad, err)
		}
	}
}
