package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed node.mjs
var nodeRunner []byte

// how says what an engine keeps of a module between runs.
type how string

const (
	cold        how = "cold"        // compiled in this start
	cached      how = "cached"      // compiled code from the engine's cache
	precompiled how = "precompiled" // `wasmtime compile` beforehand
)

// hows lists the starts that each engine offers. Node keeps no compiled code
// of WebAssembly between processes.
var hows = map[string][]how{
	"wasmtime": {cold, precompiled, cached},
	"wazero":   {cold, cached},
	"node":     {cold},
}

// start is a way to start a file.
type start struct {
	as   how
	file string
}

// host is an engine's command for a WASI file.
type host struct {
	name, path, version string
	dir                 string // for caches and compiled modules
	compile             time.Duration
	ready               map[start]bool
}

// host finds or builds the named engine, once.
func (l *lab) host(ctx context.Context, name string) (*host, error) {
	if h := l.hosts[name]; h != nil {
		return h, nil
	}
	h, err := l.newHost(ctx, name)
	if err == nil {
		l.hosts[name] = h
	}
	return h, err
}

func (l *lab) newHost(ctx context.Context, name string) (*host, error) {
	h := &host{name: name, dir: filepath.Join(l.dir, name), ready: map[start]bool{}}
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	switch name {
	case "wasmtime":
		if h.path, err = find(l.o.wasmtime, "wasmtime"); err != nil {
			return nil, err
		}
		if isScript(h.path) {
			l.logf("wasmtime: %s is a wrapper script, its time is part of every start; name the executable with -wasmtime", h.path)
		}
		h.version, err = firstLine(h.path, "--version")
	case "wazero":
		// Pinned by go.mod, so always at hand.
		h.path = filepath.Join(h.dir, "wazero"+exe)
		if err := l.gobuild(ctx, h.path, "github.com/tetratelabs/wazero/cmd/wazero"); err != nil {
			return nil, err
		}
		h.version, err = firstLine(h.path, "version")
	case "node":
		if h.path, err = find(l.o.node, "node"); err != nil {
			return nil, err
		}
		h.version, err = firstLine(h.path, "--version")
	default:
		panic("BUG: no host " + name)
	}
	if err != nil {
		return nil, err
	}
	return h, h.settle()
}

// apart is the engine with caches of its own, in a directory of that name.
func (h *host) apart(name string) (*host, error) {
	a := *h
	a.dir, a.ready = filepath.Join(h.dir, name), map[start]bool{}
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, err
	}
	return &a, a.settle()
}

// settle writes what the engine is configured by.
func (h *host) settle() error {
	switch h.name {
	case "wasmtime":
		config := fmt.Sprintf("[cache]\ndirectory = %q\n", filepath.Join(h.dir, "cache"))
		return os.WriteFile(h.config(), []byte(config), 0o644)
	case "node":
		return os.WriteFile(h.runner(), nodeRunner, 0o644)
	}
	return nil
}

func (h *host) config() string { return filepath.Join(h.dir, "cache.toml") }
func (h *host) runner() string { return filepath.Join(h.dir, "run.mjs") }

func (h *host) compiled(file string) string {
	return filepath.Join(h.dir, strings.TrimSuffix(filepath.Base(file), ".wasm")+".cwasm")
}

// prepare does what a start of this kind takes for granted: the compiled
// module, or a filled cache.
func (h *host) prepare(ctx context.Context, as how, file string) error {
	if h.ready[start{as, file}] {
		return nil
	}
	var cmd *exec.Cmd
	switch as {
	case precompiled:
		begin := time.Now()
		cmd = exec.CommandContext(ctx, h.path, "compile", "-o", h.compiled(file), file)
		defer func() { h.compile = time.Since(begin) }()
	case cached:
		cmd = h.command(ctx, as, file, nil, []string{"/bin/true"})
	default:
		return nil
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s, preparing %s: %w: %s", h.name, as, err, lastLine(out))
	}
	h.ready[start{as, file}] = true
	return nil
}

// command runs the container's command args from file. env goes to the WASI
// program.
func (h *host) command(ctx context.Context, as how, file string, env, args []string) *exec.Cmd {
	var a []string
	switch h.name {
	case "wasmtime":
		a = []string{"run", "-C", "cache=n"}
		switch as {
		case cached:
			a = []string{"run", "-C", "cache=y", "-C", "cache-config=" + h.config()}
		case precompiled:
			a = append(a, "--allow-precompiled")
			file = h.compiled(file)
		}
		for _, kv := range env {
			a = append(a, "--env", kv)
		}
		a = append(append(a, file), args...)
	case "wazero":
		a = []string{"run"}
		if as == cached {
			a = append(a, "-cachedir", filepath.Join(h.dir, "cache"))
		}
		for _, kv := range env {
			a = append(a, "-env", kv)
		}
		a = append(append(a, file), args...)
	case "node":
		a = append([]string{"--no-warnings", h.runner(), strings.Join(env, "\n"), file}, args...)
	}
	return exec.CommandContext(ctx, h.path, a...)
}

// lastLine is the end of a tool's output: where it says what went wrong.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
