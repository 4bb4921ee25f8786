package machine

import (
	"errors"
	"slices"
	"strings"
)

// Options is what the command line and the environment of a run say.
type Options struct {
	RunOptions
	NoStdin    bool     // the command's standard input is empty
	Attach     bool     // standard input and output carry the attach protocol
	ReadOnlyAt []string // directories of the host, by their names, that the guest may not write to
	Trace      bool     // C2W_TRACE is set: stages of the boot, and Report without times, on stderr
	Stats      StatsForm
	KernelArgs string // C2W_KERNEL_ARGS, appended to the kernel's command line
}

// flag is an option of the file itself. One of set and value is there.
type flag struct {
	name     string
	set      func(o *Options)
	value    func(o *Options, v string) error
	optional string // what value gets where none is given; "" if one has to be
}

var flags = []flag{
	{name: "entrypoint", value: func(o *Options, v string) error {
		o.Entrypoint = []string{v}
		if v == "" {
			o.Entrypoint = []string{} // as docker run: no entrypoint at all
		}
		return nil
	}},
	{name: "env", value: func(o *Options, v string) error {
		if k, _, ok := strings.Cut(v, "="); !ok || k == "" {
			return errors.New("--env takes KEY=VALUE, not " + v)
		}
		o.Env = append(o.Env, v)
		return nil
	}},
	{name: "user", value: func(o *Options, v string) error { o.User = &v; return nil }},
	{name: "workdir", value: func(o *Options, v string) error {
		if v == "" || v[0] != '/' {
			return errors.New("--workdir takes an absolute path, not " + v)
		}
		o.Dir = &v
		return nil
	}},
	{name: "hostname", value: func(o *Options, v string) error {
		if v == "" || len(v) > 64 { // HOST_NAME_MAX
			return errors.New("--hostname takes a name of 1 to 64 bytes")
		}
		o.Hostname = v
		return nil
	}},
	{name: "read-only", set: func(o *Options) { o.ReadOnly = true }},
	{name: "init", set: func(o *Options) { o.Init = true }},
	{name: "no-stdin", set: func(o *Options) { o.NoStdin = true }},
	{name: "attach", value: func(o *Options, v string) error {
		if v != "stdio" {
			return errors.New("--attach takes stdio, not " + v)
		}
		o.Attach = true
		return nil
	}},
	{name: "stats", optional: "1", value: func(o *Options, v string) error {
		var ok bool
		if o.Stats, ok = statsForm(v); !ok {
			return errors.New("--stats takes nothing or =json, not " + v)
		}
		return nil
	}},
	{name: "volume-ro", value: func(o *Options, v string) error {
		o.ReadOnlyAt = append(o.ReadOnlyAt, v)
		return nil
	}},
}

// statsForm reads what --stats and C2W_STATS take.
func statsForm(v string) (StatsForm, bool) {
	switch v {
	case "", "0":
		return StatsNone, true
	case "1", "text":
		return StatsText, true
	case "json":
		return StatsJSON, true
	}
	return StatsNone, false
}

// usage names the flags that a person needs.
const usage = "this file takes --entrypoint CMD, --user USER[:GROUP], --workdir DIR, --env KEY=VALUE, --hostname NAME, --read-only, --init, --ulimit NAME=SOFT[:HARD], --tmpfs DIR[:OPTIONS], --shm-size SIZE, --sysctl NAME=VALUE, --add-host NAME:ADDRESS, --no-stdin, --stats[=json], then a command (put -- before one that starts with a dash)"

// ParseArgs reads a file's arguments, as in
//
//	FILE [FLAG…] [--] [COMMAND [ARG…]]
//
// and its environment. args[0] is the file's name. Variables that start with
// C2W_ are for the machine; the others go to the command, before those of --env.
func ParseArgs(args, environ []string) (Options, error) {
	var o Options
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		switch {
		case k == "C2W_TRACE":
			o.Trace = v != ""
		case k == "C2W_STATS":
			o.Stats = StatsText
			if form, ok := statsForm(v); ok {
				o.Stats = form
			}
		case k == "C2W_KERNEL_ARGS":
			o.KernelArgs = v
		case strings.HasPrefix(k, "C2W_"):
		case k != "":
			o.Env = append(o.Env, kv)
		}
	}
	if len(args) > 0 {
		args = args[1:]
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		var err error
		if args, err = o.flag(a, args); err != nil {
			return o, err
		}
	}
	if len(args) > 0 {
		o.Args = args
	}
	return o, nil
}

// flag takes the flag a, and its value from rest if it is there, and returns
// what follows.
func (o *Options) flag(a string, rest []string) ([]string, error) {
	name, v, given := strings.Cut(strings.TrimPrefix(a, "--"), "=")
	for _, f := range slices.Concat(flags, settingFlags) {
		if f.name != name || !strings.HasPrefix(a, "--") {
			continue
		}
		switch {
		case f.set != nil && given:
			return rest, errors.New(a + ": --" + name + " takes no value")
		case f.set != nil:
			f.set(o)
			return rest, nil
		case !given && f.optional != "":
			v = f.optional
		case !given && len(rest) == 0:
			return rest, errors.New(a + " needs a value")
		case !given:
			v, rest = rest[0], rest[1:]
		}
		return rest, f.value(o, v)
	}
	return rest, errors.New("unknown flag " + a + "; " + usage)
}
