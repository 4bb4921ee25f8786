package runner

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/wasm"
)

// catModule copies standard input to standard output and ends with a status.
func catModule(status int32) []byte {
	var m wasm.Module
	const i32 = wasm.I32
	rw := m.AddType(wasm.FuncType{Params: []wasm.ValType{i32, i32, i32, i32}, Results: []wasm.ValType{i32}})
	for i, name := range []string{"proc_exit", "fd_read", "fd_write"} {
		typ := rw
		if i == 0 {
			typ = m.AddType(wasm.FuncType{Params: []wasm.ValType{i32}})
		}
		m.Imports = append(m.Imports, wasm.Import{Module: "wasi_snapshot_preview1", Name: name, Kind: wasm.KindFunc, Type: typ})
	}
	f := wasm.Func{Name: "_start"}
	c := &f.Body
	// The iovec is at 0, the number of bytes at 8, the buffer at 64.
	store := func(addr, v int32) {
		c.I32Const(addr)
		c.I32Const(v)
		c.I32Store(2, 0)
	}
	load := func(addr int32) {
		c.I32Const(addr)
		c.I32Load(2, 0)
	}
	call := func(fd int32, function uint32) {
		for _, v := range []int32{fd, 0, 1, 8} {
			c.I32Const(v)
		}
		c.Call(function)
		c.Drop()
	}
	again := c.Loop(wasm.Void)
	store(0, 64)
	store(4, 32<<10)
	store(8, 0)
	call(0, 1)
	c.I32Const(4) // what was read is written
	load(8)
	c.I32Store(2, 0)
	call(1, 2)
	load(4)
	c.BrIfTo(again)
	c.End()
	c.I32Const(status)
	c.Call(0)
	body, err := f.Encode(wasm.Resolver{})
	if err != nil {
		panic(err)
	}
	m.Funcs, m.Bodies = []uint32{m.AddType(wasm.FuncType{})}, [][]byte{body}
	m.Memories = []wasm.Limits{{Min: 1}}
	m.Exports = []wasm.Export{{Name: "_start", Kind: wasm.KindFunc, Index: 3}, {Name: "memory", Kind: wasm.KindMemory}}
	return m.Encode()
}

// onEngines runs a test on the embedded engine and on each that is there.
func onEngines(t *testing.T, test func(t *testing.T, engine string)) {
	for _, name := range append([]string{""}, Engines()...) {
		t.Run(name, func(t *testing.T) {
			if name != "" {
				if _, err := exec.LookPath(name); err != nil {
					t.Skipf("MISSING: %s is not installed", name)
				}
			}
			test(t, name)
		})
	}
}

func TestEngines(t *testing.T) {
	module := catModule(3)
	path := filepath.Join(t.TempDir(), "-cat.wasm")
	if err := os.WriteFile(path, module, 0o666); err != nil {
		t.Fatal(err)
	}
	content := []byte(strings.Repeat("0123456789\x00\xff\r\n", 100_000))
	onEngines(t, func(t *testing.T, engine string) {
		var stdout, stderr bytes.Buffer
		p, err := Start(Options{
			Module: module, Path: path, Engine: engine, Args: []string{"--flag", "a b", ""}, Env: []string{"A=b=c"},
			Mounts: []Mount{{Host: t.TempDir(), Guest: "/data", ReadOnly: true}},
			Stdout: &stdout, Stderr: &stderr,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Input().Write(content); err != nil {
			t.Error(err)
		}
		p.Input().Close()
		status, err := p.Wait()
		if status != 3 || err != nil || stderr.Len() > 0 {
			t.Errorf("status %d, %v, %s", status, err, stderr.String())
		}
		if !bytes.Equal(stdout.Bytes(), content) {
			t.Errorf("%d of %d bytes", stdout.Len(), len(content))
		}
	})
}

// TestKill ends a file that waits for input.
func TestKill(t *testing.T) {
	module := catModule(0)
	path := filepath.Join(t.TempDir(), "cat.wasm")
	if err := os.WriteFile(path, module, 0o666); err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T, engine string) {
		p, err := Start(Options{Module: module, Path: path, Engine: engine})
		if err != nil {
			t.Fatal(err)
		}
		p.Kill()
		status, err := p.Wait()
		if err == nil && (engine == "" || runtime.GOOS != "windows") {
			t.Errorf("status %d, %v", status, err)
		}
	})
}

func TestFindEngine(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"node", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for name, want := range map[string]string{
		"wasmtime":                   "wasmtime is not in any directory of PATH",
		"other":                      "there are wasmtime, wasmer, node, wazero",
		"":                           "there are",
		filepath.Join(dir, "wazero"): "is not a program",
	} {
		if _, err := FindEngine(name); !errors.Is(err, ErrEngine) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{"node", filepath.Join(dir, "node")} {
		if path, err := FindEngine(name); path != filepath.Join(dir, "node") || err != nil {
			t.Errorf("%s: %s, %v", name, path, err)
		}
	}
}

// TestCommandLines are those that the tests of files never see.
func TestCommandLines(t *testing.T) {
	o := Options{
		Path: "/x.wasm", Args: []string{"--attach=stdio", "-x"}, Env: []string{"A=1"}, CacheDir: "/cache",
		Mounts: []Mount{{Host: "/h", Guest: "/g"}, {Host: "/i", Guest: "/ro", ReadOnly: true}},
	}
	want := map[string]string{
		"wasmtime": "run -C cache=y --env A=1 --dir /h::/g --dir /i::/ro /x.wasm --attach=stdio -x",
		"wasmer":   "run --env A=1 --volume /h:/g --volume /i:/ro /x.wasm -- --attach=stdio -x",
		"node":     "--no-warnings --input-type=module --eval " + nodeScript + " -- --env A=1 --dir /g /h --dir /ro /i -- /x.wasm --attach=stdio -x",
		"wazero":   "run -cachedir /cache -env A=1 -mount /h:/g -mount /i:/ro:ro /x.wasm --attach=stdio -x",
	}
	for _, e := range engines {
		argv, err := e.argv(&o)
		if got := strings.Join(argv, " "); got != want[e.name] || err != nil {
			t.Errorf("%s: %s, %v", e.name, got, err)
		}
	}
	odd := Options{Path: "/x", Mounts: []Mount{{Host: "/a::b", Guest: "/g"}}}
	for _, e := range engines {
		if argv, err := e.argv(&odd); (err == nil) != (e.name == "node") {
			t.Errorf("%s: %q, %v", e.name, argv, err)
		}
	}
	if !slices.Equal(Engines(), []string{"wasmtime", "wasmer", "node", "wazero"}) {
		t.Error(Engines())
	}
}

// BenchmarkStream passes input through a file and back out, per engine.
func BenchmarkStream(b *testing.B) {
	module := catModule(0)
	path := filepath.Join(b.TempDir(), "cat.wasm")
	if err := os.WriteFile(path, module, 0o666); err != nil {
		b.Fatal(err)
	}
	piece := make([]byte, 256<<10)
	for _, name := range append([]string{""}, Engines()...) {
		b.Run("engine="+name, func(b *testing.B) {
			if _, err := exec.LookPath(name); name != "" && err != nil {
				b.Skipf("MISSING: %s is not installed", name)
			}
			b.SetBytes(int64(len(piece)))
			p, err := Start(Options{Module: module, Path: path, Engine: name})
			if err != nil {
				b.Fatal(err)
			}
			for range b.N {
				if _, err := p.Input().Write(piece); err != nil {
					b.Fatal(err)
				}
			}
			p.Input().Close()
			if _, err := p.Wait(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
