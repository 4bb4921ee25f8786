// Package recipe builds the machine and says what it was built from. It runs
// the go command, and is for "make machine", "make machine-commit" and the test
// that the committed machine is fresh; c2w itself must not import it.
package recipe

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w/internal/convert/corename"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/wasm"
)

// Package is what is built.
const Package = "./cmd/machine"

// Lock says what a machine was built from, and what came out. Hashes are
// SHA-256 in hexadecimal.
type Lock struct {
	// Go is the version of the toolchain; another one gives other bytes.
	Go string `json:"go"`
	// Machine is the module's hash, Size its length in bytes; Compressed and
	// CompressedSize are those of the embedded form.
	Machine        string `json:"machine"`
	Size           int    `json:"size"`
	Compressed     string `json:"compressed"`
	CompressedSize int    `json:"compressedSize"`
	// Modules maps the modules used to their versions, Sources the files of
	// this module, by slash-separated path below its root, to their hashes.
	Modules map[string]string `json:"modules"`
	Sources map[string]string `json:"sources"`
}

// Hash is the form in which Lock holds hashes.
func Hash(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// environment fixes what the go command takes from its surroundings.
func environment() []string {
	return append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "CGO_ENABLED=0",
		"GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=", "GOWORK=off")
}

func run(root string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = root, environment()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, complaints.Bytes())
	}
	return out.Bytes(), nil
}

// Build returns the machine's module, built from the module whose root is
// given, which must be the one that this package is built from: the module says
// which core it is for. The same sources and toolchain give the same bytes in
// every directory.
func Build(root string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "c2w-machine-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "machine.wasm")
	if _, err := run(root, "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w -buildid=", "-o", out, Package); err != nil {
		return nil, err
	}
	module, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return wasm.AppendCustom(module, wasm.Custom{Name: corename.Section, Data: []byte(corename.Name(riscv64.Guest))}), nil
}

// Inputs returns a Lock with what a build would use.
func Inputs(root string) (*Lock, error) {
	l := &Lock{Modules: map[string]string{}, Sources: map[string]string{}}
	version, err := run(root, "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	l.Go = strings.TrimSpace(string(version))
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	list, err := run(root, "list", "-deps", "-json=Dir,Module,Standard,GoFiles,SFiles,EmbedFiles", Package)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(list)); ; {
		var p struct {
			Dir      string
			Standard bool
			Module   *struct {
				Path, Version string
				Main          bool
			}
			GoFiles, SFiles, EmbedFiles []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return l, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading go list's output: %w", err)
		}
		switch {
		case p.Standard || p.Module == nil:
		case !p.Module.Main:
			l.Modules[p.Module.Path] = p.Module.Version
		default:
			for _, files := range [][]string{p.GoFiles, p.SFiles, p.EmbedFiles} {
				for _, f := range files {
					if err := l.source(root, filepath.Join(p.Dir, f)); err != nil {
						return nil, err
					}
				}
			}
		}
	}
}

func (l *Lock) source(root, name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	l.Sources[filepath.ToSlash(rel)] = Hash(b)
	return nil
}

// Pack compresses a module. The result depends on the compressor's version, so
// the embedded form is compared by what it unpacks to.
func Pack(module []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(module, nil), enc.Close()
}
