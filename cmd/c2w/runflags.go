package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/c2w/c2w/internal/machine"
)

// containerFlags are the flags of c2w run that say how the container runs,
// named as docker run's. Those of the attach client (-i, -t, -v, --engine) are
// run.go's, those of the conversion are conversionFlags.
//
// Use: register on the command's flag set before it is parsed; afterwards
// fileArgs checks the flags and returns the arguments of the file. Directly
// behind the file's name the client may put its own, --attach=stdio and
// --no-stdin, in front of them.
type containerFlags struct {
	env        []string
	envFiles   []string
	user       string
	workdir    string
	hostname   string
	entrypoint string
	readOnly   bool
	init       bool
	stats      string
	settings   [len(settingFlags)][]string

	fs *pflag.FlagSet // as registered: tells given flags from absent ones
}

// settingFlags are docker's, which the file has under the same names.
var settingFlags = [...]struct{ name, usage string }{
	{"ulimit", "limit a resource, `NAME=SOFT[:HARD]`; -1 is no limit"},
	{"tmpfs", "mount a tmpfs at `DIR[:OPTIONS]`, such as /run:size=16m,exec"},
	{"shm-size", "make /dev/shm `SIZE` large (default 64m)"},
	{"sysctl", "set a parameter of the container's kernel, `NAME=VALUE`"},
	{"add-host", "add a name to /etc/hosts, `NAME:ADDRESS`"},
}

// settingArgs are the file's flags for those given, which the machine's own
// parser has found to be good.
func (f *containerFlags) settingArgs() (args []string, err error) {
	for i, s := range settingFlags {
		for _, v := range f.settings[i] {
			if s.name == "shm-size" { // docker reads fractions and MiB, the file does not
				n, err := parseSize(v)
				if err != nil {
					return nil, usagef("--shm-size %s: %w", v, err)
				}
				v = strconv.FormatInt(n, 10)
			}
			args = append(args, "--"+s.name+"="+v)
		}
	}
	if _, err := machine.ParseArgs(append([]string{""}, args...), nil); err != nil {
		return nil, usagef("%w", err)
	}
	return args, nil
}

// maxHostname is Linux's limit, in bytes (gethostname(2), "NOTES").
const maxHostname = 64

// register adds the flags, and docker's that have no effect or are refused.
func (f *containerFlags) register(fs *pflag.FlagSet) {
	f.fs = fs
	fs.StringArrayVarP(&f.env, "env", "e", nil, "set a variable, `KEY=VALUE`; KEY alone passes on yours")
	fs.StringArrayVar(&f.envFiles, "env-file", nil, "read variables from `FILE`, one a line")
	fs.StringVarP(&f.user, "user", "u", "", "run as `USER[:GROUP]`, by name or number")
	fs.StringVarP(&f.workdir, "workdir", "w", "", "start in `DIR` of the image")
	fs.StringVar(&f.entrypoint, "entrypoint", "", "run `CMD` in place of the image's entrypoint and command")
	fs.StringVar(&f.hostname, "hostname", "", "set the container's host name to `NAME`")
	fs.BoolVar(&f.readOnly, "read-only", false, "make the root file system read-only")
	fs.BoolVar(&f.init, "init", false, "run an init that forwards signals and reaps processes")
	fs.StringVar(&f.stats, "stats", "", "report at the end what the run did and where its time went; `FORM` is text or json")
	fs.Lookup("stats").NoOptDefVal = "text"
	for i, s := range settingFlags {
		fs.StringArrayVar(&f.settings[i], s.name, nil, s.usage)
	}
	for _, d := range dockerFlags {
		d.register(fs)
	}
}

// fileArgs returns the file's arguments: its flags, then the command.
func (f *containerFlags) fileArgs(command []string) ([]string, error) {
	if err := refused(f.fs); err != nil {
		return nil, err
	}
	var args []string
	if f.fs.Changed("entrypoint") {
		args = append(args, "--entrypoint="+f.entrypoint)
	}
	if f.user != "" {
		args = append(args, "--user="+f.user)
	}
	if f.workdir != "" {
		if !path.IsAbs(f.workdir) {
			return nil, usagef("-w %s: a directory of the image begins with /", f.workdir)
		}
		args = append(args, "--workdir="+f.workdir)
	}
	if f.hostname != "" {
		if len(f.hostname) > maxHostname {
			return nil, usagef("--hostname %s: at most %d bytes", f.hostname, maxHostname)
		}
		args = append(args, "--hostname="+f.hostname)
	}
	if f.readOnly {
		args = append(args, "--read-only")
	}
	if f.init {
		args = append(args, "--init")
	}
	settings, err := f.settingArgs()
	if err != nil {
		return nil, err
	}
	args = append(args, settings...)
	switch f.stats {
	case "":
	case "text", "json":
		args = append(args, "--stats="+f.stats)
	default:
		return nil, usagef("--stats=%s: it is text or json", f.stats)
	}
	env, err := f.environment()
	if err != nil {
		return nil, err
	}
	for _, kv := range env {
		args = append(args, "--env="+kv)
	}
	if len(command) > 0 {
		args = append(append(args, "--"), command...)
	}
	for _, a := range args {
		if strings.ContainsRune(a, 0) {
			return nil, usagef("%q has a zero byte", a)
		}
	}
	return args, nil
}

// environment returns the variables as KEY=VALUE. Where one is there twice the
// last counts: files come first, as with docker run.
func (f *containerFlags) environment() ([]string, error) {
	var env []string
	for _, name := range f.envFiles {
		more, err := readEnvFile(name)
		if err != nil {
			return nil, err
		}
		env = append(env, more...)
	}
	for _, kv := range f.env {
		k, _, given := strings.Cut(kv, "=")
		switch {
		case k == "":
			return nil, usagef("-e %q: write KEY=VALUE", kv)
		case given:
			env = append(env, kv)
		default:
			env = appendOwn(env, k)
		}
	}
	return env, nil
}

// appendOwn adds a variable of this process, if it is set.
func appendOwn(env []string, key string) []string {
	if v, ok := os.LookupEnv(key); ok {
		return append(env, key+"="+v)
	}
	return env
}

// maxEnvLine bounds a line of an environment file, in bytes: Linux takes no
// longer variable (execve(2), "Limits on size of arguments and environment").
const maxEnvLine = 128 << 10

// readEnvFile reads docker's format: KEY=VALUE or KEY a line, nothing is
// quoted, lines that are blank or begin with # do not count.
func readEnvFile(name string) ([]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading variables from %s: %w", name, reason(err))
	}
	defer file.Close()
	var env []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxEnvLine)
	n := 0
	for lines.Scan() {
		n++
		line := lines.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		k, _, given := strings.Cut(line, "=")
		if k == "" || strings.ContainsFunc(k, unicode.IsSpace) {
			return nil, fmt.Errorf("reading variables from %s: line %d: write KEY=VALUE, the key without spaces", name, n)
		}
		if given {
			env = append(env, line)
		} else {
			env = appendOwn(env, k)
		}
	}
	err = lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("it is longer than %d KiB", maxEnvLine>>10)
	}
	if err != nil {
		return nil, fmt.Errorf("reading variables from %s: line %d: %w", name, n+1, reason(err))
	}
	return env, nil
}
