package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// invocation is one run of a converted file, in no engine's terms.
type invocation struct {
	file  string
	env   []string // KEY=VALUE
	dirs  []dir
	flags []string // the file's own, --NAME=VALUE
	args  []string // replace the image's command
}

// dir is a directory of this computer at a path of the container.
type dir struct {
	host, guest string
	readOnly    bool
}

// readOnlyFlags tell the file which directories it may not write to: not every
// engine can.
func (v *invocation) readOnlyFlags() (flags []string) {
	for _, d := range v.dirs {
		if d.readOnly {
			flags = append(flags, "--volume-ro="+d.guest)
		}
	}
	return flags
}

// own are the file's own arguments.
func (v *invocation) own() []string {
	a := append(v.readOnlyFlags(), v.flags...)
	if len(v.args) > 0 {
		a = append(append(a, "--"), v.args...)
	}
	return a
}

// options repeats an option of an engine.
func options(option string, values []string) (a []string) {
	for _, v := range values {
		a = append(a, option, v)
	}
	return a
}

// engine is a way to run a file.
type engine struct {
	name string
	// program is what has to be on the path; "" is nothing.
	program string
	// version are the arguments that make it tell its version.
	version []string
	// argv is the whole command line; the first word is a program's name, or
	// c2w for the one of this tree.
	argv func(v *invocation) []string

	attach   bool // a client of the attach protocol has streams, terminal and status
	low      bool // exit statuses above 125 do not reach the caller
	text     bool // arguments and variables are UTF-8
	optional bool // where CI is set it may be missing
	// basic leaves all but a few cases out: the engine is slow.
	basic bool
	// noDirs says why the file cannot be given directories; samePath that
	// they have the host's path.
	noDirs   string
	samePath bool
	// terminal says that the engine tells of every stream that it is a
	// terminal: the container then has one, too.
	terminal bool
	// pipe says that standard input has to be a pipe or a terminal, or the
	// engine fails.
	pipe bool
}

func hostGuest(v *invocation, separator string) (pairs []string) {
	for _, d := range v.dirs {
		pairs = append(pairs, d.host+separator+d.guest)
	}
	return pairs
}

// bare are the engines that run a file as they run any program.
var bare = []*engine{
	{
		name: "wasmtime", program: "wasmtime", version: []string{"--version"}, low: true, text: true,
		argv: func(v *invocation) []string {
			a := append([]string{"wasmtime", "run", "-C", "cache=y"}, options("--env", v.env)...)
			return append(append(append(a, options("--dir", hostGuest(v, "::"))...), v.file), v.own()...)
		},
	},
	{
		name: "wazero", program: "wazero", version: []string{"version"},
		argv: func(v *invocation) []string {
			a := append([]string{"wazero", "run", "-cachedir", shared("wazero-cache")}, options("-env", v.env)...)
			return append(append(append(a, options("-mount", hostGuest(v, ":"))...), v.file), v.own()...)
		},
	},
	{
		name: "node", program: "node", version: []string{"--version"}, text: true,
		argv: func(v *invocation) []string {
			a := append([]string{"node", "--no-warnings", filepath.Join("..", "hosts", "run.mjs")}, options("--env", v.env)...)
			return append(append(append(a, options("--dir", hostGuest(v, "::"))...), v.file), v.own()...)
		},
	},
	{
		name: "wasmer", program: "wasmer-sdk", version: []string{"--version"}, text: true, optional: true, basic: true,
		noDirs: "its package has no directories of the host", terminal: true,
		argv: func(v *invocation) []string {
			a := append([]string{"wasmer-sdk", "run"}, options("--env", v.env)...)
			return append(append(a, v.file, "--"), v.own()...)
		},
	},
	{
		name: "wasmi", program: "wasmi", version: []string{"--version"}, low: true, text: true, optional: true, basic: true,
		samePath: true, pipe: true,
		argv: func(v *invocation) []string {
			a := []string{"wasmi", "run"}
			for _, d := range v.dirs {
				a = append(a, "--dir", d.host)
			}
			// Its own --env refuses empty values.
			return append(append(append(a, v.file), options("--env", v.env)...), v.own()...)
		},
	},
}

// attached are the ways of c2w run: the file in its own process, and in the
// engines that it knows.
var attached = []*engine{
	c2wRun(""),
	c2wRun("wasmtime"),
	c2wRun("wazero"),
	c2wRun("node"),
}

// engines are all of them; of the attached ones only that which needs nothing.
var engines = append(append([]*engine{}, bare...), attached[0])

// c2wRun is c2w run with an engine; "" is its own.
func c2wRun(through string) *engine {
	e := &engine{name: "c2w", attach: true}
	run := []string{"c2w", "run"}
	for _, b := range bare {
		if b.name == through {
			e.name, e.program, e.version = "c2w run --engine="+through, b.program, b.version
			e.text = b.text
			run = append(run, "--engine="+through)
		}
	}
	e.argv = func(v *invocation) []string {
		a := append(append([]string{}, run...), options("-e", v.env)...)
		for _, d := range v.dirs {
			volume := d.host + ":" + d.guest
			if d.readOnly {
				volume += ":ro"
			}
			a = append(a, "-v", volume)
		}
		return append(append(append(a, v.flags...), v.file, "--"), v.args...)
	}
	return e
}

// need skips or fails the test if the engine's program is not there.
func (e *engine) need(t *testing.T) {
	t.Helper()
	if e.program == "" {
		return
	}
	if _, err := exec.LookPath(e.program); err != nil {
		if e.optional {
			t.Skipf("MISSING: %s is not installed; tests/setup.sh installs it where it is to be had", e.program)
		}
		missing(t, e.program)
	}
}

// missing ends a test that needs what this computer lacks.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed, and CI is set: tests/setup.sh installs it", what)
	}
	t.Skipf("MISSING: %s is not installed; tests/setup.sh installs it", what)
}

// maxRun bounds one run of a file: many times what the slowest engine takes.
const maxRun = 5 * time.Minute

// command returns the engine's command for an invocation, to be started before
// the test ends.
func (e *engine) command(t *testing.T, v *invocation) *exec.Cmd {
	t.Helper()
	if len(v.dirs) > 0 && e.noDirs != "" {
		t.Skip("no directories: " + e.noDirs)
	}
	argv := e.argv(v)
	if argv[0] == "c2w" {
		argv[0] = c2w(t)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), maxRun, fmt.Errorf("no end after %v", maxRun))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// What stands still after its end, such as a pipe that a child of the
	// engine holds, must not hang the test.
	cmd.WaitDelay = time.Minute
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+shared("cache"))
	return cmd
}

// status is what the caller sees when the program ends with want.
func (e *engine) status(want int) int {
	if want > 125 && e.low {
		return 125
	}
	return want
}

// onEach runs a test on each of some engines.
func onEach(t *testing.T, engines []*engine, test func(t *testing.T, e *engine)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			e.need(t)
			test(t, e)
		})
	}
}

// exitStatus is a process's exit status once it has ended.
func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	}
	t.Fatalf("the engine did not end by itself: %v", err)
	return -1
}

// printEngines prints a line for each engine: its version, or that it is not
// there. tests/run shows lines that begin so.
func printEngines() {
	for _, e := range bare {
		line := "MISSING"
		if out, err := exec.Command(e.program, e.version...).Output(); err == nil {
			line = strings.TrimSpace(string(out))
		}
		fmt.Printf("engine  %-9s %s\n", e.name, line)
	}
	fmt.Printf("engine  %-9s the c2w of this tree\n", attached[0].name)
}

// behindEngines are the ways in which c2w run runs a file.
var behindEngines = []string{"", "wasmtime", "node", "wazero"}
