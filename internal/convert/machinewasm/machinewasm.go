// Package machinewasm has the machine as it goes into every file: package
// cmd/machine of this tree, compiled for wasip1. A released c2w carries it. Any
// other c2w carries its sources, and the go command that compiled c2w compiles
// them when the machine is first asked for; what comes out is kept. The same
// sources and the same Go give the same bytes in every directory and on every
// platform.
//
// It must not know what the module does. It is the one package of c2w that runs
// the go command.
package machinewasm

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w"
)

// Variable is the environment's variable that names a module which is taken
// instead of this c2w's own, for developing it.
const Variable = "C2W_MACHINE"

// Options say where a machine may come from. The zero value builds it each time.
type Options struct {
	// File is a module that is taken as it is; "" is none.
	File string
	// Dir is where machines that were built are kept, made when needed; ""
	// keeps none.
	Dir string
	// Building, if set, hears that the machine is being built, here or by
	// another process that is waited for, which takes seconds.
	Building func(goVersion string)
}

// FromEnvironment are the options of tools and tests: File is what Variable names,
// Dir what c2w uses where C2W_CACHE does not say otherwise.
func FromEnvironment() Options {
	o := Options{File: os.Getenv(Variable)}
	if cache, err := os.UserCacheDir(); err == nil {
		o.Dir = filepath.Join(cache, "c2w", "machine")
	}
	return o
}

// Origin is where a machine is from.
type Origin int

const (
	Named    Origin = iota // Options.File
	Embedded               // carried by this program
	Kept                   // built earlier
	Built                  // built just now
)

// Machine is a machine's module.
type Machine struct {
	Module []byte
	Origin Origin
	// Path is the file that Named and Kept machines, and Built ones that are
	// kept, lie in.
	Path string
}

// Hash is the module's SHA-256 in hexadecimal, as the files made of it have it.
func (m *Machine) Hash() string { return fmt.Sprintf("%x", sha256.Sum256(m.Module)) }

// Find returns the machine: the named one, the one that this program carries, one
// that was built from this program's sources, or one that it builds.
func Find(ctx context.Context, o Options) (*Machine, error) {
	if o.File != "" {
		b, err := os.ReadFile(o.File)
		if err != nil {
			return nil, fmt.Errorf("reading the machine that %s names: %w", Variable, err)
		}
		return &Machine{b, Named, o.File}, nil
	}
	return this.find(ctx, o)
}

// Look returns what Find would without building: nil if the machine would have to
// be built.
func Look(o Options) (*Machine, error) {
	if o.File != "" {
		return Find(context.Background(), o)
	}
	return this.look(o)
}

//go:embed built
var built embed.FS

// this is the source that this program carries.
var this = source{files: c2w.MachineSources, built: built, version: goVersion(), compile: compile}

// source is what a machine is made from, and how.
type source struct {
	files fs.FS
	// built has a directory of that name with, in a release, a machine of these
	// files as Pack names it.
	built   fs.FS
	version string // of Go
	compile func(ctx context.Context, files fs.FS, version string) ([]byte, error)
}

func (s source) find(ctx context.Context, o Options) (*Machine, error) {
	m, err := s.look(o)
	if m != nil || err != nil {
		return m, err
	}
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	store := store{o.Dir}
	if o.Building != nil {
		o.Building(s.version)
	}
	// Of several that start at once, one builds.
	unlock := store.lock(ctx)
	defer unlock()
	if b, path := store.get(key); b != nil {
		return &Machine{b, Kept, path}, nil
	}
	b, err := s.compile(ctx, s.files, s.version)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &Machine{b, Built, store.put(key, b)}, nil
}

func (s source) look(o Options) (*Machine, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	b, err := s.embedded(key)
	if err != nil {
		return nil, err
	}
	if b != nil {
		return &Machine{Module: b, Origin: Embedded}, nil
	}
	if b, path := (store{o.Dir}).get(key); b != nil {
		return &Machine{b, Kept, path}, nil
	}
	return nil, nil
}

// keyFormat changes when the same files are compiled in another way.
const keyFormat = 1

// key stands for everything that a machine is made from.
func (s source) key() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", keyFormat, s.version)
	err := fs.WalkDir(s.files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(s.files, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d\n", name, len(b))
		h.Write(b)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading the machine's sources in this program: %w", err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// name is that of a machine's file: it says what it was made from, and what it
// has to contain.
func name(key string, module []byte) string {
	return fmt.Sprintf("%s-%x.wasm", key, sha256.Sum256(module))
}

// maxUnpacked bounds the module, in bytes.
const maxUnpacked = 64 << 20

// packed is the ending of the form that a program carries.
const packed = ".zst"

// embedded returns the machine that this program carries, or nil if it carries
// none or one of other sources.
func (s source) embedded(key string) ([]byte, error) {
	list, err := fs.Glob(s.built, path.Join("built", key+"-*.wasm"+packed))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	b, err := fs.ReadFile(s.built, list[0])
	if err != nil {
		return nil, fmt.Errorf("reading the machine in this program: %w", err)
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := d.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking the machine in this program: %w", err)
	}
	if strings.TrimSuffix(path.Base(list[0]), packed) != name(key, m) {
		return nil, fmt.Errorf("unpacking the machine in this program: %s has other content", list[0])
	}
	return m, nil
}

// Pack returns a machine that Find gave in the form that a release carries, and
// the name that it has to have in the folder built.
func Pack(m *Machine) (file string, b []byte, err error) {
	key, err := this.key()
	if err != nil {
		return "", nil, err
	}
	b, err = pack(m.Module)
	return name(key, m.Module) + packed, b, err
}

func pack(module []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(8<<20))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(module, nil), enc.Close()
}
