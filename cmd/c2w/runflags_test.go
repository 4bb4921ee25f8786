package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// fileArgs parses a command line of c2w run's container flags.
func fileArgs(t *testing.T, line, command []string) ([]string, error) {
	t.Helper()
	var f containerFlags
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(line); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return f.fileArgs(command)
}

func TestFileArgs(t *testing.T) {
	t.Setenv("MINE", "of this process")
	file := filepath.Join(t.TempDir(), "env")
	text := "\uFEFFA=first\n\n# no=1\n  B= two words # and this\nMINE\nNOTSET\nC=\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, command, want []string }{
		{nil, nil, nil},
		{nil, []string{"ls", "-l", "--", ""}, []string{"--", "ls", "-l", "--", ""}},
		{[]string{"--entrypoint", ""}, nil, []string{"--entrypoint="}},
		{[]string{"--rm", "--name", "x", "--network=none", "--privileged=false"}, nil, nil},
		{
			[]string{"-u", "a:b", "-w", "/d", "--hostname=h", "--read-only", "--init", "--entrypoint", "sh"}, []string{"x"},
			[]string{"--entrypoint=sh", "--user=a:b", "--workdir=/d", "--hostname=h", "--read-only", "--init", "--", "x"},
		},
		{
			[]string{"--ulimit", "nofile=1:2", "--tmpfs", "/a:size=1m,exec", "--tmpfs=/b", "--shm-size=1.5g", "--sysctl", "a=b", "--add-host", "h:1.2.3.4"}, nil,
			[]string{"--ulimit=nofile=1:2", "--tmpfs=/a:size=1m,exec", "--tmpfs=/b", "--shm-size=1610612736", "--sysctl=a=b", "--add-host=h:1.2.3.4"},
		},
		{[]string{"--stats"}, []string{"json"}, []string{"--stats=text", "--", "json"}},
		{[]string{"--stats=json"}, nil, []string{"--stats=json"}},
		{
			[]string{"-e", "A=last", "-e", "MINE", "-e", "NOTSET", "-e", "D=x=y,z", "-e", "C2W_X=1", "--env-file", file}, nil,
			[]string{
				"--env=A=first", "--env=B= two words # and this", "--env=MINE=of this process", "--env=C=",
				"--env=A=last", "--env=MINE=of this process", "--env=D=x=y,z", "--env=C2W_X=1",
			},
		},
	} {
		got, err := fileArgs(t, c.line, c.command)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q, %q:\n%q, %v, want\n%q", c.line, c.command, got, err, c.want)
		}
	}
}

func TestFileArgsRefused(t *testing.T) {
	long := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(long, []byte("A=1\nB="+strings.Repeat("b", maxEnvLine)), 0o666); err != nil {
		t.Fatal(err)
	}
	for want, line := range map[string][]string{
		"begins with /":                {"-w", "tmp"},
		"at most 64 bytes":             {"--hostname", strings.Repeat("h", 65)},
		"write KEY=VALUE":              {"-e", "=x"},
		"it is text or json":           {"--stats=xml"},
		"has a zero byte":              {"-e", "A=\x00"},
		"line 2: it is longer":         {"--env-file", long},
		"has no networking yet":        {"--network", "bridge"},
		"--net host: c2w":              {"--net", "host"},
		"c2w cannot publish ports yet": {"-P"},
		"--publish 1:1 2:2: c2w":       {"-p", "1:1", "-p", "2:2"},
		"docker's default capabili":    {"--privileged"},
		"there is no daemon":           {"-d"},
		"the limits are cpu":           {"--ulimit", "files=1"},
		"unknown option x":             {"--tmpfs", "/a:x"},
		"--shm-size 1x: a size":        {"--shm-size", "1x"},
	} {
		if got, err := fileArgs(t, line, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %q, %v, want an error with %q", line, got, err, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"memory", "memry", 1}, {"memory", "memroy", 2}, {"kitten", "sitting", 3}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
