package e2e

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/c2w/c2w/internal/convert/machinewasm"
)

// scratch is the directory that all tests of the package share.
var scratch string

func shared(name string) string { return filepath.Join(scratch, name) }

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "c2w-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	if !testing.Short() {
		printEngines()
	}
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
	if os.Getenv(machinewasm.Variable) != "" {
		return nil
	}
	m, err := machinewasm.Find(context.Background(), machinewasm.FromEnvironment())
	if err != nil {
		return err
	}
	name := shared("machine.wasm")
	if err := os.WriteFile(name, m.Module, 0o666); err != nil {
		return err
	}
	return os.Setenv(machinewasm.Variable, name)
})

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// c2w returns the c2w command of this tree.
func c2w(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return shared("c2w" + exe())
}

var converted sync.Map // image and flags → func() (string, error)

// convert returns the file that c2w makes of an image, once per image and
// flags.
func convert(t *testing.T, ref string, flags ...string) string {
	t.Helper()
	c2w := c2w(t)
	key := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(append(flags, ref), "\x00"))))
	make := sync.OnceValues(func() (string, error) {
		out := shared(key + ".wasm")
		cmd := exec.Command(c2w, append(flags, "--platform", "linux/riscv64", ref, out)...)
		text, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("c2w %s: %w\n%s", ref, err, text)
		}
		return out, nil
	})
	once, _ := converted.LoadOrStore(key, make)
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
