package programs

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed libm/libm.c
var libmSource []byte

// LibmFunctions are what the program libm calls, with how often a measurement
// does.
var LibmFunctions = []struct {
	Name  string
	Count int
}{
	{"sin", 200_000}, {"exp", 200_000}, {"pow", 200_000}, {"log", 200_000}, {"floor", 400_000}, {"round", 400_000},
	{"rint", 400_000}, {"lround", 400_000}, {"sqrt", 400_000}, {"fmod", 200_000}, {"fmax", 400_000}, {"isless", 400_000},
	{"unsigned", 400_000}, {"hypot", 200_000}, {"atan2", 200_000}, {"cbrt", 200_000}, {"ldexp", 400_000}, {"modf", 400_000},
	{"printf", 200_000}, {"strtod", 200_000}, {"longdouble", 200_000}, {"fenv", 400_000}, {LibmNBody, 200_000},
}

// LibmNBody is an n-body as ordinary C has it; its count is of steps.
const LibmNBody = "nbody"

// BuildLibm compiles libm, statically with the compiler's C library, into the
// file out.
func BuildLibm(cc, out string) error {
	dir, err := os.MkdirTemp("", "c2wbench-libm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	src := filepath.Join(dir, "libm.c")
	if err := os.WriteFile(src, libmSource, 0o644); err != nil {
		return err
	}
	cmd := exec.Command(cc, "-O2", "-static", "-o", out, src, "-lm")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling libm with %s: %w\n%s", cc, err, bytes.TrimSpace(msg))
	}
	return nil
}

// ParseLibm reads libm's output.
func ParseLibm(out string) (rs []Result) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		ns, err1 := strconv.ParseInt(f[1], 10, 64)
		sum, err2 := strconv.ParseUint(f[2], 16, 32)
		if err1 == nil && err2 == nil && ns >= 0 {
			rs = append(rs, Result{Name: f[0], Time: time.Duration(ns), Checksum: sum})
		}
	}
	return rs
}
