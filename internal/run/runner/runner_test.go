package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/wasm"
)

// Run runs a file without input to its end.
func Run(o Options) (int, error) {
	p, err := Start(o)
	if err != nil {
		return 0, err
	}
	return p.Wait()
}

// exits is a module that does what code says in _start.
func exits(code func(c *wasm.Code)) []byte {
	var m wasm.Module
	m.Imports = []wasm.Import{{
		Module: "wasi_snapshot_preview1", Name: "proc_exit", Kind: wasm.KindFunc,
		Type: m.AddType(wasm.FuncType{Params: []wasm.ValType{wasm.I32}}),
	}}
	f := wasm.Func{Name: "_start"}
	code(&f.Body)
	body, err := f.Encode(wasm.Resolver{})
	if err != nil {
		panic(err)
	}
	m.Funcs, m.Bodies = []uint32{m.AddType(wasm.FuncType{})}, [][]byte{body}
	m.Memories = []wasm.Limits{{Min: 1}}
	m.Exports = []wasm.Export{{Name: "_start", Kind: wasm.KindFunc, Index: 1}, {Name: "memory", Kind: wasm.KindMemory}}
	return m.Encode()
}

func exit(status int32) []byte {
	return exits(func(c *wasm.Code) {
		c.I32Const(status)
		c.Call(0)
	})
}

func TestStatus(t *testing.T) {
	for _, want := range []int32{0, 1, 125, 126, 255} {
		if got, err := Run(Options{Module: exit(want)}); got != int(want) || err != nil {
			t.Errorf("exit %d: %d, %v", want, got, err)
		}
	}
	if got, err := Run(Options{Module: exits(func(*wasm.Code) {})}); got != 0 || err != nil {
		t.Errorf("return: %d, %v", got, err)
	}
}

// TestBroken wants one line for whatever is wrong with a file.
func TestBroken(t *testing.T) {
	good := exit(0)
	for name, module := range map[string][]byte{
		"trap":      exits(func(c *wasm.Code) { c.Op(wasm.OpUnreachable) }),
		"cut short": good[:len(good)-1],
		"empty":     nil,
		"not Wasm":  []byte("#!/bin/sh\n"),
	} {
		_, err := Run(Options{Module: module})
		if err == nil || strings.ContainsRune(err.Error(), '\n') {
			t.Errorf("%s: error %q", name, err)
		}
	}
}

// TestCache wants compiled code to be kept, and no error where it cannot be.
func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "cache")
	for range 2 {
		if got, err := Run(Options{Module: exit(3), CacheDir: dir}); got != 3 || err != nil {
			t.Fatal(got, err)
		}
	}
	var files int
	filepath.WalkDir(dir, func(_ string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			files++
		}
		return nil
	})
	if files != 1 {
		t.Errorf("%d files in the cache, want 1", files)
	}
	notDir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notDir, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if got, err := Run(Options{Module: exit(3), CacheDir: notDir, Stderr: &stderr}); got != 3 || err != nil || stderr.Len() > 0 {
		t.Errorf("without a cache: %d, %v, %s", got, err, stderr.String())
	}
}
