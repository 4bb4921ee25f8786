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
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// embedded is a run in this process.
type embedded struct {
	input  *pipe
	ended  chan struct{}
	killed chan struct{} // as input, closed by the first Kill
	kill   sync.Once
	status int // these two are set before ended is closed
	err    error
}

var errKilled = errors.New("the run was ended by force")

func startEmbedded(o Options) *embedded {
	e := &embedded{input: newPipe(), ended: make(chan struct{}), killed: make(chan struct{})}
	go func() {
		e.status, e.err = run(context.Background(), o, e.input)
		e.input.Close() // nobody reads any more
		close(e.ended)
	}()
	return e
}

func (e *embedded) Input() io.WriteCloser { return e.input }

func (e *embedded) Kill() {
	e.kill.Do(func() { close(e.killed) })
	e.input.Close()
}

func (e *embedded) Wait() (int, error) {
	select {
	case <-e.ended:
		return e.status, e.err
	case <-e.killed: // the goroutine ends when it does
		return 0, errKilled
	}
}

// features is all that c2w's files use: WebAssembly core 2.0 without vectors.
const features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

func run(ctx context.Context, o Options, stdin io.Reader) (status int, err error) {
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
	_, err = r.InstantiateModule(ctx, compiled, moduleConfig(o, stdin))
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit):
		return int(exit.ExitCode() & 0xff), nil
	case err != nil:
		return 0, fmt.Errorf("the machine stopped: %w", oneLine(err))
	}
	return 0, nil
}

func moduleConfig(o Options, stdin io.Reader) wazero.ModuleConfig {
	m := wazero.NewModuleConfig().
		WithName("").
		WithArgs(append([]string{"c2w"}, o.Args...)...).
		WithStdin(stdin).WithStdout(o.Stdout).WithStderr(o.Stderr).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().
		WithRandSource(rand.Reader)
	for _, kv := range o.Env {
		k, v, _ := strings.Cut(kv, "=")
		m = m.WithEnv(k, v)
	}
	fs := wazero.NewFSConfig()
	for _, mount := range o.Mounts {
		fs = fs.(sysfs.FSConfig).WithSysFSMount(newHostDir(mount), mount.Guest)
	}
	return m.WithFSConfig(fs)
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
