package tests

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/machinewasm"
	"github.com/c2w/c2w/internal/machinewasm/recipe"
	"github.com/c2w/c2w/internal/wasi/wasitest"
)

func TestMain(m *testing.M) { wasitest.Main(m) }

// machineModule returns the embedded machine, the one that C2W_MACHINE names,
// or in a tree without either a new one.
var machineModule = sync.OnceValues(func() ([]byte, error) {
	if name := os.Getenv("C2W_MACHINE"); name != "" {
		return os.ReadFile(name)
	}
	m, err := machinewasm.Module()
	if errors.Is(err, machinewasm.ErrNone) {
		return recipe.Build("..")
	}
	return m, err
})

// makeFile converts an image and returns the file's name.
func makeFile(t *testing.T, ref string) string {
	t.Helper()
	m, err := machineModule()
	if err != nil {
		t.Fatal(err)
	}
	f, err := convert.Convert(t.Context(), convert.Options{Ref: ref, Machine: m, Version: "test", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "out.wasm")
	if err := convert.WriteFile(context.Background(), name, f); err != nil {
		t.Fatal(err)
	}
	return name
}

// eachEngine runs test once per engine, with a function that runs the file.
func eachEngine(t *testing.T, file string, test func(t *testing.T, e engine)) {
	if testing.Short() {
		t.Skip("boots Linux on each engine")
	}
	for _, e := range wasitest.Engines(t) {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, engine{e, file})
		})
	}
}

type engine struct {
	wasitest.Engine
	file string
}

// run runs the file with standard input stdin and compares exit status and
// output; want ends with "..." if only the beginning matters. It returns what
// came on standard error.
func (e engine) run(t *testing.T, stdin string, status int, want string, args ...string) string {
	t.Helper()
	return e.runEnv(t, nil, stdin, status, want, args...)
}

func (e engine) runEnv(t *testing.T, env []string, stdin string, status int, want string, args ...string) string {
	t.Helper()
	cmd := e.Command(e.file, args...)
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		e.Setenv(cmd, k, v)
	}
	if e.Name == "wasmtime" {
		// Compiling takes seconds, once.
		cmd.Args = append([]string{cmd.Args[0], cmd.Args[1], "-Ccache=y"}, cmd.Args[2:]...)
	}
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(stdout.String(), "\r\n", "\n")
	if begin, open := strings.CutSuffix(want, "..."); open && strings.HasPrefix(got, begin) {
		want = got
	}
	if cmd.ProcessState.ExitCode() != status || got != want {
		t.Errorf("%q: status %d, want %d; output %q, want %q; on stderr %q", args, cmd.ProcessState.ExitCode(), status, got, want, stderr.String())
	}
	return stderr.String()
}

// TestDemo runs the built-in image: arguments, environment, standard input and
// exit statuses on each engine.
func TestDemo(t *testing.T) {
	file := makeFile(t, "demo:")
	eachEngine(t, file, func(t *testing.T, e engine) {
		if text := e.run(t, "", 0, "Hello from a Linux container in one WebAssembly file.\n..."); text != "" {
			t.Errorf("on stderr: %q", text)
		}
		e.run(t, "", 0, "Linux c2w 6....", "uname", "-a")
		e.run(t, "", 42, "a b|\n", "sh", "-c", `echo "$1|"; exit 42`, "sh", "a b")
		e.run(t, "", 0, "-x --\n", "--entrypoint", "/bin/echo", "--", "-x", "--")
		e.run(t, "two\nlines\n", 0, "lines\ntwo\n", "sort")
		e.runEnv(t, []string{"GUEST_WORD=two words"}, "", 125, "two words\n", "sh", "-c", "echo $GUEST_WORD; exit 125")
		text := e.run(t, "", highStatus(e.Name, 200), "", "sh", "-c", "exit 200")
		if told := strings.Contains(text, "the exit status was 200"); told != (e.Name == "wasmtime") {
			t.Errorf("exit 200: on stderr %q", text)
		}
	})
}

// highStatus is what an engine makes of a status above 125.
func highStatus(engine string, status int) int {
	if engine == "wasmtime" {
		return 125
	}
	return status
}

// TestDebian runs a Debian with Python, made on the spot. C2W_DEBIAN is 1 to
// make one, or names an OCI layout made before by images/debian.sh.
func TestDebian(t *testing.T) {
	dir := os.Getenv("C2W_DEBIAN")
	switch dir {
	case "":
		t.Skip("makes and boots a Debian; set C2W_DEBIAN=1 to run it")
	case "1":
		dir = t.TempDir()
		cmd := exec.Command("sh", "images/debian.sh", dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("images/debian.sh: %v\n%s", err, out)
		}
	}
	file := makeFile(t, "oci:"+dir)
	eachEngine(t, file, func(t *testing.T, e engine) {
		e.run(t, "", 0, "3....", "python3", "-c", "import sys,hashlib,json; print(sys.version)")
		e.run(t, "", 0, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
			"python3", "-c", "import hashlib; print(hashlib.sha256(b'test').hexdigest())")
		e.run(t, "", 0, "...", "sh", "-c", "ls -la / | sort | head")
		e.run(t, "", 7, "", "python3", "-c", "raise SystemExit(7)")
	})
}
