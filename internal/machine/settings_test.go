package machine

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/hostfs"
)

func TestSettings(t *testing.T) {
	const quiet = msNoSuid | msNoDev | msNoExec
	for _, c := range []struct {
		args []string
		want Settings
	}{
		{nil, Settings{}},
		{[]string{"--ulimit=nofile=1024:2048", "--ulimit", "core=-1", "--ulimit=rttime=7"}, Settings{Limits: []agent.Limit{
			{Resource: 7, Soft: 1024, Hard: 2048}, {Resource: 4, Soft: math.MaxUint64, Hard: math.MaxUint64}, {Resource: 15, Soft: 7, Hard: 7},
		}}},
		{[]string{"--ulimit=cpu=1", "--ulimit=as=5:unlimited", "--ulimit=cpu=0:3"}, Settings{Limits: []agent.Limit{
			{Resource: 9, Soft: 5, Hard: math.MaxUint64}, {Resource: 0, Soft: 0, Hard: 3},
		}}},
		{[]string{"--tmpfs=/run", "--tmpfs=/a/../b/:size=64m,exec,mode=700,ro", "--tmpfs=/c:noatime,relatime,rw,"}, Settings{Tmpfs: []agent.Mount{
			{Index: agent.InMemory, Target: "/run", Flags: quiet},
			{Index: agent.InMemory, Target: "/b", Flags: quiet&^msNoExec | msReadOnly, Options: "size=64m,mode=700"},
			{Index: agent.InMemory, Target: "/c", Flags: quiet | msRelatime},
		}}},
		{[]string{"--tmpfs=/run:exec", "--tmpfs=/run/"}, Settings{Tmpfs: []agent.Mount{{Index: agent.InMemory, Target: "/run", Flags: quiet}}}},
		{[]string{"--shm-size=1g"}, Settings{ShmSize: 1 << 30}},
		{[]string{"--shm-size=12345"}, Settings{ShmSize: 12345}},
		{[]string{"--shm-size=2M"}, Settings{ShmSize: 2 << 20}},
		{[]string{"--sysctl=a.b=1", "--sysctl=a.b=2=3", "--sysctl=a.bc="}, Settings{Sysctls: []string{"a.b=2=3", "a.bc="}}},
		{[]string{"--add-host=db:10.0.0.1", "--add-host=six=[::1]", "--add-host=six:fe80::2"}, Settings{Hosts: []string{"10.0.0.1\tdb", "::1\tsix", "fe80::2\tsix"}}},
	} {
		o, err := ParseArgs(append([]string{"f"}, c.args...), nil)
		if err != nil || !reflect.DeepEqual(o.Settings, c.want) {
			t.Errorf("%q: %+v, %v", c.args, o.Settings, err)
			continue
		}
		// Init takes what is parsed.
		spec, err := (&Manifest{Cmd: []string{"x"}}).Spec(o.RunOptions)
		if err == nil {
			_, err = agent.Append(nil, spec)
		}
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
	}
	for args, want := range map[string]string{
		"--ulimit=files=1":         "the limits are cpu, fsize,",
		"--ulimit=nofile":          "takes NAME=SOFT[:HARD]",
		"--ulimit=nofile=":         "takes NAME=SOFT[:HARD]",
		"--ulimit=nofile=-2":       "takes NAME=SOFT[:HARD]",
		"--ulimit=nofile=1:":       "takes NAME=SOFT[:HARD]",
		"--ulimit=nofile=2:1":      "the soft limit is above the hard one",
		"--ulimit=nofile=-1:5":     "the soft limit is above the hard one",
		"--tmpfs=run":              "absolute path",
		"--tmpfs=/":                "absolute path",
		"--tmpfs=/proc/../proc/x":  "absolute path",
		"--tmpfs=/a:size":          "unknown option size",
		"--tmpfs=/a:huge=always":   "unknown option huge=always",
		"--tmpfs=/a:size=1m,bind":  "unknown option bind",
		"--shm-size=0":             "a size is written like",
		"--shm-size=":              "a size is written like",
		"--shm-size=1t":            "a size is written like",
		"--shm-size=99999999999g":  "a size is written like",
		"--sysctl=a.b":             "NAME=VALUE",
		"--sysctl==1":              "NAME=VALUE",
		"--add-host=db":            "NAME:ADDRESS",
		"--add-host=db:":           "NAME:ADDRESS",
		"--add-host=db:host":       "host is no address",
		"--add-host=db:1.1.1.1\nx": "NAME:ADDRESS",
	} {
		if _, err := ParseArgs([]string{"f", args}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", args, err, want)
		}
	}
}

// TestMountOrder: a tmpfs and a directory of the host, each below the other.
func TestMountOrder(t *testing.T) {
	o, err := ParseArgs([]string{"f", "--tmpfs=/data/cache", "--tmpfs=/a"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{Cmd: []string{"x"}}
	spec, err := m.Spec(o.RunOptions)
	if err != nil {
		t.Fatal(err)
	}
	var fs fakeFiles
	for i, p := range []string{"/data", "/a/b"} {
		fs.roots = append(fs.roots, hostfs.Root{FD: hostfs.FD(3 + i), Path: p})
	}
	files(fs, spec, nil)
	var got []string
	for _, m := range spec.Mounts {
		got = append(got, m.Target)
	}
	if want := "/a /a/b /data /data/cache"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %s", got, want)
	}
}
