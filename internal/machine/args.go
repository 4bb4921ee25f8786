package machine

import (
	"errors"
	"strings"
)

// Options is what the command line and the environment of a run say.
type Options struct {
	RunOptions
	Trace      bool   // C2W_TRACE is set: stages of the boot and counters on stderr
	KernelArgs string // C2W_KERNEL_ARGS, appended to the kernel's command line
}

// ParseArgs reads a file's arguments, as in
//
//	FILE [--entrypoint CMD] [--] [COMMAND [ARG…]]
//
// and its environment. args[0] is the file's name. Variables that start with
// C2W_ are for the machine; the others go to the program.
func ParseArgs(args, environ []string) (Options, error) {
	var o Options
	if len(args) > 0 {
		args = args[1:]
	}
	for len(args) > 0 {
		a := args[0]
		switch {
		case a == "--":
			o.Args = args[1:]
			args = nil
		case a == "--entrypoint":
			if len(args) < 2 {
				return o, errors.New("--entrypoint needs a command")
			}
			o.Entrypoint = []string{args[1]}
			args = args[2:]
		case strings.HasPrefix(a, "--entrypoint="):
			o.Entrypoint = []string{a[len("--entrypoint="):]}
			args = args[1:]
		case len(a) > 1 && a[0] == '-':
			return o, errors.New("unknown flag " + a + "; this file takes --entrypoint CMD, then a command (put -- before one that starts with a dash)")
		default:
			o.Args = args
			args = nil
		}
	}
	if len(o.Entrypoint) == 1 && o.Entrypoint[0] == "" {
		o.Entrypoint = []string{} // as docker run: no entrypoint at all
	}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		switch {
		case k == "C2W_TRACE":
			o.Trace = v != ""
		case k == "C2W_KERNEL_ARGS":
			o.KernelArgs = v
		case strings.HasPrefix(k, "C2W_"):
		case k != "":
			o.Env = append(o.Env, kv)
		}
	}
	return o, nil
}
