// Package wasitest runs WebAssembly files on the engines at hand: wazero,
// which is always there, and wasmtime and Node where they are installed. For
// tests only.
//
// A package that uses it has in its TestMain:
//
//	func TestMain(m *testing.M) { wasitest.Main(m) }
package wasitest

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// asWazero is the environment variable that turns the test binary into a
// wazero command: its value is the directory of the compilation cache.
const asWazero = "C2W_TEST_AS_WAZERO"

// asDirs is the environment variable with the directories for wazero and Node:
// lines HOST::GUEST.
const asDirs = "C2W_TEST_DIRS"

//go:embed node.mjs
var nodeScript []byte

var temp struct {
	once  sync.Once
	dir   string
	err   error
	built sync.Map // command line → *result
}

type result struct {
	once sync.Once
	path string
	err  error
}

// Main runs the tests, or wazero where an Engine started the test binary.
func Main(m *testing.M) {
	if cache := os.Getenv(asWazero); cache != "" {
		os.Exit(wazeroMain(cache, os.Args[1:]))
	}
	code := m.Run()
	if temp.dir != "" {
		_ = os.RemoveAll(temp.dir)
	}
	os.Exit(code)
}

// Features is core 2.0 without SIMD, the most that a file of ours may use.
const Features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

func wazeroMain(cacheDir string, args []string) int {
	ctx := context.Background()
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(Features).WithCompilationCache(cache))
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	file, err := os.ReadFile(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	fs := wazero.NewFSConfig()
	for pair := range strings.Lines(os.Getenv(asDirs)) {
		host, guest, _ := strings.Cut(strings.TrimSuffix(pair, "\n"), "::")
		fs = fs.WithDirMount(host, guest)
	}
	config := wazero.NewModuleConfig().WithFSConfig(fs).WithArgs(args...).WithStdin(os.Stdin).WithStdout(os.Stdout).
		WithStderr(os.Stderr).WithSysNanosleep().WithSysNanotime().WithSysWalltime().WithRandSource(rand.Reader)
	for _, kv := range os.Environ() {
		if k, v, _ := strings.Cut(kv, "="); strings.HasPrefix(k, EnvPrefix) {
			config = config.WithEnv(k, v)
		}
	}
	_, err = r.InstantiateWithConfig(ctx, file, config)
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit):
		return int(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 134
	}
	return 0
}

// EnvPrefix begins the names of the environment variables that all engines
// pass on.
const EnvPrefix = "GUEST_"

// Engine runs a file as a command.
type Engine struct {
	Name    string
	command func(file string, args []string) *exec.Cmd
}

// Command returns the engine's command for file with args. Variables that the
// program shall see are added to Env of the command by Setenv.
func (e Engine) Command(file string, args ...string) *exec.Cmd { return e.command(file, args) }

// Setenv gives the program one environment variable; name begins with
// EnvPrefix.
func (e Engine) Setenv(cmd *exec.Cmd, name, value string) {
	if !strings.HasPrefix(name, EnvPrefix) {
		panic("BUG: wasitest: variable " + name + " is not passed on")
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, name+"="+value)
	if e.Name == "wasmtime" {
		// Options come before the file.
		cmd.Args = append([]string{cmd.Args[0], cmd.Args[1], "--env", name}, cmd.Args[2:]...)
	}
}

// Preopen hands the host's directory dir to the program as guest.
func (e Engine) Preopen(cmd *exec.Cmd, dir, guest string) {
	pair := dir + "::" + guest
	if e.Name == "wasmtime" {
		cmd.Args = append([]string{cmd.Args[0], cmd.Args[1], "--dir", pair}, cmd.Args[2:]...)
		return
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	before := ""
	for _, kv := range cmd.Env {
		if v, ok := strings.CutPrefix(kv, asDirs+"="); ok {
			before = v
		}
	}
	cmd.Env = append(cmd.Env, asDirs+"="+before+pair+"\n")
}

// Engines returns the engines that work here. wazero is the first.
func Engines(tb testing.TB) []Engine {
	tb.Helper()
	dir := tempDir(tb)
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	engines := []Engine{{"wazero", func(file string, args []string) *exec.Cmd {
		cmd := exec.Command(self, append([]string{file}, args...)...)
		cmd.Env = append(os.Environ(), asWazero+"="+filepath.Join(dir, "wazero-cache"))
		return cmd
	}}}
	if works("wasmtime", "--version") {
		engines = append(engines, Engine{"wasmtime", func(file string, args []string) *exec.Cmd {
			return exec.Command("wasmtime", append([]string{"run", file}, args...)...)
		}})
	}
	if works("node", "--version") {
		script := filepath.Join(dir, "node.mjs")
		if err := os.WriteFile(script, nodeScript, 0o644); err != nil {
			tb.Fatal(err)
		}
		engines = append(engines, Engine{"node", func(file string, args []string) *exec.Cmd {
			return exec.Command("node", append([]string{"--no-warnings", script, file}, args...)...)
		}})
	}
	return engines
}

func works(name string, args ...string) bool {
	return exec.Command(name, args...).Run() == nil
}

func tempDir(tb testing.TB) string {
	tb.Helper()
	temp.once.Do(func() { temp.dir, temp.err = os.MkdirTemp("", "c2w-wasitest-") })
	if temp.err != nil {
		tb.Fatal(temp.err)
	}
	return temp.dir
}

// Build compiles the Go program in dir for wasip1 and returns the file. It
// does so once per test binary. flags are go build's, such as
// -buildmode=c-shared.
func Build(tb testing.TB, dir string, flags ...string) string {
	tb.Helper()
	key := strings.Join(append([]string{dir}, flags...), "\x00")
	v, _ := temp.built.LoadOrStore(key, new(result))
	r := v.(*result)
	base := tempDir(tb)
	r.once.Do(func() {
		out, err := os.CreateTemp(base, "*.wasm")
		if err != nil {
			r.err = err
			return
		}
		_ = out.Close()
		r.path = out.Name()
		args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", r.path}, flags...)
		cmd := exec.Command("go", append(args, ".")...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if text, err := cmd.CombinedOutput(); err != nil {
			r.err = fmt.Errorf("building %s: %w\n%s", dir, err, text)
		}
	})
	if r.err != nil {
		tb.Fatal(r.err)
	}
	return r.path
}
