package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/c2w/c2w/internal/run/client"
	"github.com/c2w/c2w/internal/run/runner"
)

// attachFlags are those of c2w run that connect the container with this
// computer: streams, terminal, directories, and the engine in between.
type attachFlags struct {
	engine      string
	tty         bool
	interactive bool
	volumes     []string
}

func (f *attachFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.engine, "engine", "", "run the file with `PROGRAM`: wasmtime, wasmer, node, wazero, or the path of one")
	fs.BoolVarP(&f.tty, "tty", "t", false, "give the container a terminal")
	fs.BoolVarP(&f.interactive, "interactive", "i", false, "give the container your standard input")
	fs.StringArrayVarP(&f.volumes, "volume", "v", nil, "mount a directory of this computer, `HOST:GUEST[:ro]`")
}

// streams says what the container gets. Without -i and -t that is the standard
// input, and a terminal where a person sits at both ends; with one of them it
// is what is asked for.
func (f *attachFlags) streams(inv *invocation) (client.Options, error) {
	o := client.Options{Stdout: inv.stdout, Stderr: inv.stderr, Terminal: f.tty}
	inIsTerminal := client.IsTerminal(inv.stdin)
	switch {
	case !f.tty && !f.interactive:
		o.Stdin = inv.stdin
		o.Terminal = inIsTerminal && client.IsTerminal(inv.stdout)
	case f.interactive:
		if f.tty && !inIsTerminal {
			return o, errors.New("the input device is not a terminal: use -i without -t")
		}
		o.Stdin = inv.stdin
	}
	return o, nil
}

// runnerOptions says how the file is run, and with which of its own arguments.
func (f *attachFlags) runnerOptions() (runner.Options, error) {
	o := runner.Options{Engine: f.engine, CacheDir: cacheDir(codeCache), Args: []string{"--attach=stdio"}}
	if f.engine != "" {
		if _, err := runner.FindEngine(f.engine); err != nil {
			return o, err
		}
	}
	var err error
	if o.Mounts, err = mounts(f.volumes); err != nil {
		return o, err
	}
	for _, m := range o.Mounts {
		if m.ReadOnly {
			// The machine sees to it: not every engine does.
			o.Args = append(o.Args, "--volume-ro="+m.Guest)
		}
	}
	return o, nil
}
