// Package programs holds the benchmark programs: their C sources (src), the
// riscv64 binaries built from them, and the way to build them for this host.
//
// It knows nothing of engines or of c2w: it hands out executables and reads
// what they print.
package programs

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Riscv64 is c2wbench for rv64gc, a static Linux executable.
//
//go:embed c2wbench.riscv64
var Riscv64 []byte

// Riscv64Zb is Riscv64 built for Zba, Zbb and Zbs as well.
//
//go:embed c2wbench-zb.riscv64
var Riscv64Zb []byte

//go:embed src
var src embed.FS

// Kind says what a program measures.
type Kind string

const (
	Integer Kind = "integer" // user-mode integer code; these make up the sum
	Float   Kind = "float"   // user-mode double precision
	Kernel  Kind = "kernel"  // system calls, processes, a shell
)

// Program is one benchmark program. Checksum is what it prints at the scale
// of 1 (its smallest), on any architecture.
type Program struct {
	Name     string
	Kind     Kind
	Checksum uint64
}

// All lists the programs in the order in which c2wbench runs them.
var All = []Program{
	{"sieve", Integer, 0x1406a000220741e},
	{"crc32", Integer, 0x8e1ee1a7},
	{"list", Integer, 0xffff0000},
	{"sort", Integer, 0xca56d9acdf9466a6},
	{"hash", Integer, 0x5b6edcab285d5908},
	{"matrix", Integer, 0xb59f0001349d2d0},
	{"sha256", Integer, 0xfc605e6085911250},
	{"nbody", Float, 0x4a32e89b7b75d604},
	{"nbody-fma", Float, 0x385f763d04be638a},
	{"getppid", Kernel, 2000},
	{"forkexec", Kernel, 1},
	{"shell", Kernel, 0x1ab746},
}

// Build compiles c2wbench with the C compiler cc into the file out. The
// compiler must target 64-bit Linux.
func Build(cc, out string) error {
	dir, err := os.MkdirTemp("", "c2wbench-src-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, src); err != nil {
		return fmt.Errorf("unpacking the benchmark sources: %w", err)
	}
	cmd := exec.Command("sh", filepath.Join(dir, "src", "build.sh"), cc, out)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling c2wbench with %s: %w\n%s", cc, err, bytes.TrimSpace(msg))
	}
	return nil
}

// Result is one line that c2wbench printed.
type Result struct {
	Name     string
	Time     time.Duration // by the clock that the program saw
	Checksum uint64
	Errno    int // nonzero: the program could not do its work
}

// Parse reads c2wbench's output and skips every line that is not a result,
// for a machine's console may carry other lines too.
func Parse(out string) []Result {
	var rs []Result
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 || !known(f[0]) {
			continue
		}
		if f[1] == "error" {
			if n, err := strconv.Atoi(f[2]); err == nil && n > 0 {
				rs = append(rs, Result{Name: f[0], Errno: n})
			}
			continue
		}
		ns, err1 := strconv.ParseInt(f[1], 10, 64)
		sum, err2 := strconv.ParseUint(f[2], 16, 64)
		if err1 == nil && err2 == nil && ns >= 0 {
			rs = append(rs, Result{Name: f[0], Time: time.Duration(ns), Checksum: sum})
		}
	}
	return rs
}

func known(name string) bool {
	for _, p := range All {
		if p.Name == name {
			return true
		}
	}
	return false
}

// Source returns one of c2wbench's source files, such as "sort.c".
func Source(name string) []byte {
	b, err := src.ReadFile("src/" + name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}
