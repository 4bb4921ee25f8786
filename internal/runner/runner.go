// Package runner runs a file that c2w made in the embedded wazero: standard
// streams, arguments and environment go through, and the exit status comes
// back exactly.
//
// It knows WASI hosts, not what is inside of the file.
package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// Options is one run.
type Options struct {
	// Module is the file's bytes.
	Module []byte
	// Name is what the program inside sees as its argument 0.
	Name string
	// Args follow the name; Env is KEY=VALUE.
	Args, Env      []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// CacheDir keeps compiled code between runs; "" keeps none. A directory
	// that cannot be used is the same as none.
	CacheDir string
}

// features is all that c2w's files use: WebAssembly core 2.0 without vectors.
const features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

// Run runs the file to its end and returns its exit status, 0 to 255. An error
// means that there is no status: the file is damaged, or its machine broke.
func Run(ctx context.Context, o Options) (status int, err error) {
	// Functions compile independently of each other.
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
	if cache := openCache(o.CacheDir); cache != nil {
		defer cache.Close(ctx)
		config = config.WithCompilationCache(cache)
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	defer r.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return 0, fmt.Errorf("starting the engine: %w", oneLine(err))
	}
	compiled, err := r.CompileModule(ctx, o.Module)
	if err != nil {
		return 0, fmt.Errorf("the file is damaged (%w): convert the image again", oneLine(err))
	}
	stdin := pollable(o.Stdin)
	m := wazero.NewModuleConfig().
		WithName("").
		WithArgs(append([]string{o.Name}, o.Args...)...).
		WithStdin(stdin).WithStdout(o.Stdout).WithStderr(o.Stderr).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().
		WithRandSource(rand.Reader)
	for _, kv := range o.Env {
		k, v, _ := strings.Cut(kv, "=")
		m = m.WithEnv(k, v)
	}
	_, err = r.InstantiateModule(ctx, compiled, m)
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit):
		return int(exit.ExitCode() & 0xff), nil
	case err != nil:
		return 0, fmt.Errorf("the machine stopped: %w", oneLine(err))
	}
	return 0, nil
}

// openCache returns nil if dir does not serve.
func openCache(dir string) wazero.CompilationCache {
	if dir == "" || os.MkdirAll(dir, 0o777) != nil {
		return nil
	}
	// wazero fails a compilation whose result it cannot store.
	probe, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return nil
	}
	probe.Close()
	os.Remove(probe.Name())
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil
	}
	return cache
}

// oneLine drops the stack trace that wazero adds.
func oneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.TrimSpace(text))
}
