package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/machinewasm/recipe"
)

// invocation is one run of a converted file, in no engine's terms.
type invocation struct {
	file       string
	env        []string // KEY=VALUE
	entrypoint string   // "" keeps the image's
	args       []string
}

// own are the file's own arguments.
func (v *invocation) own() []string {
	if v.entrypoint != "" {
		return append([]string{"--entrypoint", v.entrypoint}, v.args...)
	}
	return v.args
}

// engine is a way to run a file.
type engine struct {
	name string
	// program is what has to be on the path; "" is the c2w of this tree.
	program string
	// high says that exit statuses above 125 reach the caller.
	high bool
	argv func(v *invocation) []string
}

var engines = []engine{
	{"wasmtime", "wasmtime", false, func(v *invocation) []string {
		a := []string{"run", "-C", "cache=y"}
		for _, kv := range v.env {
			a = append(a, "--env", kv)
		}
		return append(append(a, v.file), v.own()...)
	}},
	{"wazero", "wazero", true, func(v *invocation) []string {
		a := []string{"run", "-cachedir", shared("wazero-cache")}
		for _, kv := range v.env {
			a = append(a, "-env", kv)
		}
		return append(append(a, v.file), v.own()...)
	}},
	{"node", "node", true, func(v *invocation) []string {
		a := []string{"--no-warnings", filepath.Join("..", "hosts", "run.mjs")}
		for _, kv := range v.env {
			a = append(a, "--env", kv)
		}
		return append(append(a, v.file), v.own()...)
	}},
	{"c2w", "", true, func(v *invocation) []string {
		a := []string{"run"}
		for _, kv := range v.env {
			a = append(a, "--env", kv)
		}
		if v.entrypoint != "" {
			a = append(a, "--entrypoint", v.entrypoint)
		}
		return append(append(a, v.file, "--"), v.args...)
	}},
}

// find returns the engine's program, or skips or fails the test if there is
// none.
func (e *engine) find(t *testing.T) string {
	t.Helper()
	if e.program == "" {
		return command(t)
	}
	path, err := exec.LookPath(e.program)
	if err != nil {
		missing(t, e.program)
	}
	return path
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
const maxRun = 3 * time.Minute

// command returns the engine's command for an invocation, to be started before
// the test ends.
func (e *engine) command(t *testing.T, v *invocation) *exec.Cmd {
	t.Helper()
	program := e.find(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), maxRun, fmt.Errorf("no end after %v", maxRun))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, e.argv(v)...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+shared("cache"))
	return cmd
}

// status is what the caller sees when the program ends with want.
func (e *engine) status(want int) int {
	if want > 125 && !e.high {
		return 125
	}
	return want
}

// onEach runs a test on every engine.
func onEach(t *testing.T, test func(t *testing.T, e *engine)) {
	for i := range engines {
		t.Run(engines[i].name, func(t *testing.T) {
			engines[i].find(t)
			test(t, &engines[i])
		})
	}
}

// scratch is the directory that all tests of the package share.
var scratch string

func shared(name string) string { return filepath.Join(scratch, name) }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "c2w-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes the c2w command and the machine of this tree, once.
var build = sync.OnceValue(func() error {
	root := filepath.Join("..", "..")
	cmd := exec.Command("go", "build", "-o", shared("c2w"+exe()), "./cmd/c2w")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building c2w: %w\n%s", err, out)
	}
	if os.Getenv("C2W_MACHINE") != "" {
		return nil
	}
	machine, err := recipe.Build(root)
	if err != nil {
		return err
	}
	name := shared("machine.wasm")
	if err := os.WriteFile(name, machine, 0o666); err != nil {
		return err
	}
	return os.Setenv("C2W_MACHINE", name)
})

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// command returns the c2w command of this tree.
func command(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return shared("c2w" + exe())
}

var converted sync.Map // image → func() (string, error)

// convert returns the file that c2w makes of an image, once per image.
func convert(t *testing.T, ref string) string {
	t.Helper()
	c2w := command(t)
	make := sync.OnceValues(func() (string, error) {
		out := shared(fmt.Sprintf("%x.wasm", ref))
		cmd := exec.Command(c2w, "--platform", "linux/riscv64", ref, out)
		text, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("c2w %s: %w\n%s", ref, err, text)
		}
		return out, nil
	})
	once, _ := converted.LoadOrStore(ref, make)
	file, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// slow skips a test that takes long, unless such tests are wanted.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv("C2W_SLOW") == "" {
		t.Skip("boots Linux many times; set C2W_SLOW=1 to run it")
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
