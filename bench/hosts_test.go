package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestHosts drives every installed engine, in every kind of start, with a
// small WASI program in the place of a converted file.
func TestHosts(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("builds a WASI program and the wazero command; needs sh")
	}
	dir := t.TempDir()
	wasm := filepath.Join(dir, "standin.wasm")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", wasm, "./testdata/standin")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if msg, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	c2w := filepath.Join(dir, "c2w")
	script := fmt.Sprintf("#!/bin/sh\ntest \"$1 $2 $3\" = '--platform linux/riscv64 --no-cache' || test \"$1 $4\" = '-q demo:' || exit 1\n"+
		"for last; do :; done\ncp '%s' \"$last\" && echo '  code 1.0 MB'\n", wasm)
	if err := os.WriteFile(c2w, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "r.json")
	var out, log bytes.Buffer
	err := run(t.Context(), []string{"-rounds", "1", "-parts", "programs,starts,cover", "-scale", "1", "-only", "crc32",
		"-engines", "wasmtime,wazero,node", "-c2w", c2w, "-debian", "oci:none", "-json", file}, &out, &log)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &log)
	}
	text := out.String()
	wants := []string{"wazero cold", "wazero cached", "Debian image", "code 1.0 MB", "first output", "sections: code", "90.0 %"}
	if !strings.Contains(text, "wasmtime     MISSING") {
		wants = append(wants, "wasmtime cold", "wasmtime cached", "wasmtime precompiled")
	}
	if !strings.Contains(text, "node         MISSING") {
		wants = append(wants, "node cold")
	}
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "FAULT") || t.Failed() {
		t.Errorf("%s%s", text, &log)
	}
}

// TestApart looks for caches that are not shared.
func TestApart(t *testing.T) {
	h := &host{name: "wasmtime", dir: t.TempDir(), ready: map[start]bool{{cached, "f"}: true}}
	a, err := h.apart("x")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(a.config())
	if err != nil || !strings.Contains(string(text), a.dir) || a.dir == h.dir || len(a.ready) != 0 || a.compiled("f.wasm") == h.compiled("f.wasm") {
		t.Errorf("%+v beside %+v: %v, %s", a, h, err, text)
	}
}
