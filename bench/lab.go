package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/c2w/c2w/bench/programs"
	"github.com/klauspost/compress/zstd"
)

var exe = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

// debianImage names the large conversion, which has a target of its own.
const debianImage = "Debian image"

// benchImageName is the image with c2wbench.
const benchImageName = "benchmark image"

// lab is the directory of one run and what was made in it.
type lab struct {
	o        *options
	log      io.Writer
	dir      string // everything made here; removed at the end unless -keep
	guestBin string // c2wbench for riscv64
	image    string // OCI layout with it
	file     string // the layout, converted
	fileErr  error  // why there is no file
	c2w      string
	hosts    map[string]*host

	realFiles map[string]*madeFile
}

func openLab(o *options, log io.Writer) (*lab, error) {
	l := &lab{o: o, log: log, dir: o.keep, hosts: map[string]*host{}, realFiles: map[string]*madeFile{}}
	var err error
	if l.dir == "" {
		if l.dir, err = os.MkdirTemp("", "c2w-bench-"); err != nil {
			return nil, err
		}
	} else if err = os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, err
	}
	if l.dir, err = filepath.Abs(l.dir); err != nil {
		return nil, err
	}
	l.guestBin = filepath.Join(l.dir, "c2wbench")
	if err := os.WriteFile(l.guestBin, l.guestELF(), 0o755); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) close() {
	if l.o.keep == "" {
		os.RemoveAll(l.dir)
	}
}

func (l *lab) logf(format string, args ...any) {
	fmt.Fprintf(l.log, "bench: "+format+"\n", args...)
}

func (l *lab) guestELF() []byte {
	if l.o.zb {
		return programs.Riscv64Zb
	}
	return programs.Riscv64
}

// root is the module's directory, wherever in it the command was started.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/c2w/c2w").Output()
	if err != nil {
		return "", fmt.Errorf("finding c2w's source tree: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (l *lab) gobuild(ctx context.Context, out, pkg string) error {
	dir, err := root(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", pkg, err, lastLine(msg))
	}
	return nil
}

// kernel returns a file with the riscv64 kernel's uncompressed Image.
func (l *lab) kernel() (string, error) {
	if l.o.kernel != "" {
		return l.o.kernel, nil
	}
	dir, err := root(context.Background())
	if err != nil {
		return "", err
	}
	f, err := os.Open(filepath.Join(dir, "guest", "kernel", "Image-riscv64.zst"))
	if err != nil {
		return "", fmt.Errorf("our kernel: %w", err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return "", err
	}
	defer z.Close()
	out := filepath.Join(l.dir, "Image")
	w, err := os.Create(out)
	if err != nil {
		return "", err
	}
	defer w.Close()
	if _, err := io.Copy(w, z); err != nil {
		return "", fmt.Errorf("unpacking our kernel: %w", err)
	}
	return out, w.Close()
}

// convert makes the benchmark image and converts it, with and without page
// functions, and the Debian image where there is one. What fails is kept in
// l.fileErr: the engines without WebAssembly run all the same.
func (l *lab) convert(ctx context.Context, rep *report) {
	l.fileErr = func() error {
		if l.c2w = l.o.c2w; l.c2w == "" {
			l.c2w = filepath.Join(l.dir, "c2w"+exe)
			if err := l.gobuild(ctx, l.c2w, "./cmd/c2w"); err != nil {
				return err
			}
		}
		if err := l.prepare(ctx); err != nil {
			return err
		}
		if !l.o.has(partPrograms, partStarts, partTraffic, partCover, partProfile) {
			return nil
		}
		l.image = filepath.Join(l.dir, "image")
		if err := l.writeImage(l.image); err != nil {
			return fmt.Errorf("writing the benchmark image: %w", err)
		}
		l.file = filepath.Join(l.dir, "bench.wasm")
		c, err := l.convertOne(ctx, benchImageName, "oci:"+l.image, l.file, l.aotFlags("/c2wbench -scale 5")...)
		if err != nil {
			return err
		}
		rep.Conversions = append(rep.Conversions, c)
		return nil
	}()
	if l.fileErr != nil || l.o.debian == "" {
		return
	}
	for range 3 { // the first may fill the system's caches
		c, err := l.convertOne(ctx, debianImage, l.o.debian, filepath.Join(l.dir, "debian.wasm"))
		if err != nil {
			l.logf("%v", err)
			rep.Faults = append(rep.Faults, err.Error())
			return
		}
		if n := len(rep.Conversions) - 1; rep.Conversions[n].What == debianImage {
			c.Times = append(rep.Conversions[n].Times, c.Times...)
			rep.Conversions[n] = c
			continue
		}
		rep.Conversions = append(rep.Conversions, c)
	}
}

// aotFlags are the converter's flags for a training run, and the budget of the
// command line.
func (l *lab) aotFlags(train string) []string {
	flags := []string{"--train", train}
	if l.o.aotBudget != "" {
		flags = append(flags, "--aot-budget", l.o.aotBudget)
	}
	return flags
}

// interpOnly are the flags for a file without page functions.
var interpOnly = []string{"--aot", "none"}

// converter is a run of c2w with a cache of its own.
func (l *lab) converter(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.c2w, args...)
	cmd.Env = append(os.Environ(), "C2W_CACHE="+filepath.Join(l.dir, "c2w-cache"))
	return cmd
}

// prepare has c2w build its machine if it does not carry it, which is no part of
// a conversion that is measured.
func (l *lab) prepare(ctx context.Context) error {
	out := filepath.Join(l.dir, "demo.wasm")
	if msg, err := l.converter(ctx, "-q", "--aot", "none", "demo:", out).CombinedOutput(); err != nil {
		return fmt.Errorf("converting the demo image: %w: %s", err, lastLine(msg))
	}
	return os.Remove(out)
}

// convertOne converts ref into the file out, not from a cache.
func (l *lab) convertOne(ctx context.Context, what, ref, out string, flags ...string) (conversion, error) {
	c := conversion{What: what}
	ctx, cancel := context.WithTimeout(ctx, l.o.timeout)
	defer cancel()
	args := append([]string{"--platform", "linux/riscv64", "--no-cache"}, flags...)
	cmd := l.converter(ctx, append(args, ref, out)...)
	begin := time.Now()
	msg, err := cmd.CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("converting the %s: %w: %s", what, err, lastLine(msg))
	}
	c.Times = append(c.Times, ms(time.Since(begin)))
	c.MaxRSS = maxRSS(cmd.ProcessState)
	c.Said = string(msg)
	info, err := os.Stat(out)
	if err != nil {
		return c, fmt.Errorf("converting the %s: %w", what, err)
	}
	c.Bytes = info.Size()
	c.Parts, err = sections(out)
	return c, err
}
