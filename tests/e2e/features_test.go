package e2e

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A file is WebAssembly core 2.0 without vectors and asks for WASI preview 1
// alone: what follows proves it with two validators.

// core2 are the proposals of core 2.0 that wasmtime can switch; all others, SIMD
// among them, are off.
var core2 = []string{"bulk-memory", "multi-value", "reference-types"}

// TestFeaturesWasmtime has wasmtime compile a file with everything beyond core
// 2.0 off, and refuse modules that show the switch to work.
func TestFeaturesWasmtime(t *testing.T) {
	slow(t)
	if _, err := exec.LookPath("wasmtime"); err != nil {
		missing(t, "wasmtime")
	}
	compile := func(file string) ([]byte, error) {
		// Off are also those that other switches imply.
		a := []string{"compile", "-O", "opt-level=0", "-W", "all-proposals=n"}
		for _, p := range core2 {
			a = append(a, "-W", p+"=y")
		}
		return exec.Command("wasmtime", append(a, "-o", os.DevNull, file)...).CombinedOutput()
	}
	if out, err := compile(convert(t, "demo:")); err != nil {
		t.Errorf("wasmtime does not take the file with core 2.0 alone: %v\n%s", err, out)
	}
	for name, module := range beyond {
		file := shared(name + ".wat")
		if err := os.WriteFile(file, []byte(module), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := compile(file); err == nil {
			t.Errorf("%s is not refused: the test shows nothing", name)
		}
	}
}

// beyond are modules that no file may be like.
var beyond = map[string]string{
	"simd":           `(module (func (drop (v128.const i32x4 0 0 0 0))))`,
	"threads":        `(module (memory 1 1 shared))`,
	"multi-memory":   `(module (memory 1) (memory 1))`,
	"tail-call":      `(module (func $f (return_call $f)))`,
	"exceptions":     `(module (tag))`,
	"memory64":       `(module (memory i64 1))`,
	"gc":             `(module (type (struct)))`,
	"extended-const": `(module (global i32 (i32.add (i32.const 1) (i32.const 1))))`,
}

// calls are the functions of wasi_snapshot_preview1 that a file imports.
var calls = []string{
	"args_get", "args_sizes_get", "clock_time_get", "environ_get", "environ_sizes_get",
	"fd_close", "fd_datasync", "fd_fdstat_get", "fd_fdstat_set_flags", "fd_filestat_get",
	"fd_filestat_set_size", "fd_filestat_set_times", "fd_pread", "fd_prestat_dir_name",
	"fd_prestat_get", "fd_pwrite", "fd_read", "fd_readdir", "fd_seek", "fd_sync", "fd_write",
	"path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_link",
	"path_open", "path_readlink", "path_remove_directory", "path_rename", "path_symlink",
	"path_unlink_file", "poll_oneoff", "proc_exit", "random_get", "sched_yield",
}

// TestFeaturesWazero has wazero check a file against core 2.0 without SIMD, and
// compares what the file imports and exports.
func TestFeaturesWazero(t *testing.T) {
	slow(t)
	ctx := context.Background()
	// The interpreter checks as much as the compiler and is quick about it.
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	defer r.Close(ctx)
	file, err := os.ReadFile(convert(t, "demo:"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.CompileModule(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	if imported := m.ImportedMemories(); len(imported) > 0 {
		t.Errorf("it imports %d memories", len(imported))
	}
	var got []string
	for _, f := range m.ImportedFunctions() {
		module, name, _ := f.Import()
		if module != "wasi_snapshot_preview1" {
			t.Errorf("it imports %s.%s: a host with WASI preview 1 alone cannot run it", module, name)
		}
		got = append(got, name)
	}
	slices.Sort(got)
	got = slices.Compact(got) // Go's runtime and our own package import some both
	if !slices.Equal(got, calls) {
		t.Errorf("it imports\n%q\nand should import\n%q", got, calls)
	}
	if m.ExportedFunctions()["_start"] == nil || m.ExportedMemories()["memory"] == nil {
		t.Error("it does not export _start and memory: it is no WASI command")
	}
}
