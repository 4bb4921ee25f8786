package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// dockerFlag is a flag of docker run that c2w run knows without having what it
// stands for, so that a command line that is carried over works or is told why
// it does not.
type dockerFlag struct {
	name, short string
	value       bool   // it takes one
	why         string // it is refused; "" accepts it without effect
	fine        string // the value that says what is the case anyway
}

// dockerFlags is the table of them.
var dockerFlags = []dockerFlag{
	{name: "rm"},
	{name: "name", value: true},

	{name: "network", value: true, fine: "none", why: "c2w has no networking yet: a container has its loopback interface, as with --network none"},
	{name: "net", value: true, fine: "none", why: "c2w has no networking yet: a container has its loopback interface, as with --network none"},
	{name: "publish", short: "p", value: true, why: "c2w cannot publish ports yet"},
	{name: "publish-all", short: "P", why: "c2w cannot publish ports yet"},
	{name: "dns", value: true, why: "c2w has no networking yet"},

	{name: "privileged", why: "a container has docker's default capabilities, on a kernel of its own"},
	{name: "cap-add", value: true, why: "a container has docker's default capabilities"},
	{name: "cap-drop", value: true, why: "a container has docker's default capabilities"},
	{name: "security-opt", value: true, why: "a container has docker's default capabilities"},
	{name: "device", value: true, why: "a container cannot reach devices of this computer"},
	{name: "gpus", value: true, why: "a container cannot reach devices of this computer"},

	{name: "detach", short: "d", why: "there is no daemon to keep it running: put it in your shell's background with &"},
	{name: "restart", value: true, why: "there is no daemon to restart it"},
	{name: "cpus", value: true, why: "the machine has one CPU"},
	{name: "mount", value: true, why: "directories are given with -v HOST:GUEST[:ro]"},
}

// register adds the flag, hidden, unless the set has one of that name.
func (d dockerFlag) register(fs *pflag.FlagSet) {
	if fs.Lookup(d.name) != nil {
		return
	}
	if d.value {
		fs.StringArrayP(d.name, d.short, nil, "")
	} else {
		fs.BoolP(d.name, d.short, false, "")
	}
	fs.MarkHidden(d.name)
}

// refused returns an error for the first flag that is refused.
func refused(fs *pflag.FlagSet) error {
	for _, d := range dockerFlags {
		given := fs.Lookup(d.name)
		if d.why == "" || given == nil || !given.Changed || !given.Hidden {
			continue
		}
		value := ""
		if list, ok := given.Value.(pflag.SliceValue); ok {
			if value = strings.Join(list.GetSlice(), " "); value == d.fine {
				continue
			}
			value = " " + value
		} else if given.Value.String() == "false" {
			continue
		}
		return usagef("--%s%s: %s", d.name, value, d.why)
	}
	return nil
}
