package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/c2w/c2w/bench/programs"
)

// engine is one way to run c2wbench.
type engine struct {
	name    string
	version string            // as the tool prints it
	missing string            // why it cannot be used here; empty: it can
	once    bool              // only the first round measures it
	cannot  map[string]string // programs that it cannot run, and why
	command func(ctx context.Context, args []string) *exec.Cmd
}

// engineNames lists all engines in the order of a round.
var engineNames = []string{"native", "qemu-user", "qemu-system", "wasmtime", "wazero", "node"}

// all finds every engine that -engines asks for.
func (l *lab) all(ctx context.Context) []*engine {
	var es []*engine
	for _, name := range engineNames {
		if !l.o.wants(name) {
			continue
		}
		e := &engine{name: name}
		var err error
		switch name {
		case "native":
			err = l.native(e)
		case "qemu-user":
			err = l.qemuUser(e)
		case "qemu-system":
			err = l.qemuSystem(e)
		default:
			err = l.wasm(ctx, e, name, l.file)
		}
		if err != nil {
			e.missing = err.Error()
		}
		es = append(es, e)
	}
	return append(es, l.interp(ctx)...)
}

// interpEngine names an engine as it runs a file without page functions.
func interpEngine(name string) string { return name + " interp" }

// interp are the engines once more, with a file without page functions: it is
// slow, shows what translation gains, and no target depends on it, so that one
// round is enough.
func (l *lab) interp(ctx context.Context) (es []*engine) {
	if !l.o.interp || l.fileErr != nil {
		return nil
	}
	file := filepath.Join(l.dir, "bench-interp.wasm")
	_, err := l.convertOne(ctx, "benchmark image", "oci:"+l.image, file, interpOnly...)
	for _, name := range wasmHosts {
		if !l.o.wants(name) {
			continue
		}
		e := &engine{name: interpEngine(name), once: true}
		if err != nil {
			e.missing = err.Error()
		} else if err := l.wasm(ctx, e, name, file); err != nil {
			e.missing = err.Error()
		}
		es = append(es, e)
	}
	return es
}

// wasmHosts are the engines that run converted files.
var wasmHosts = []string{"wasmtime", "wazero", "node"}

// find returns the executable named by the user, or the first of names that
// is on the path.
func find(override string, names ...string) (string, error) {
	if override != "" {
		names = []string{override}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", strings.Join(names, " or "))
}

// firstLine is what a tool says to --version; a tool that cannot even say
// that is not usable.
func firstLine(path string, args ...string) (string, error) {
	out, err := exec.Command(path, args...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, strings.Join(args, " "), err)
	}
	return line, nil
}

// isScript reports a wrapper (such as a version manager's), whose own time
// would be measured as the engine's start.
func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, 2)
	_, err = f.Read(b)
	return err == nil && bytes.Equal(b, []byte("#!"))
}

// native compiles the programs for this host.
func (l *lab) native(e *engine) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("the programs are Linux programs, this is %s", runtime.GOOS)
	}
	cc, err := find("", "cc", "gcc", "clang")
	if err != nil {
		return fmt.Errorf("no C compiler: %w", err)
	}
	if e.version, err = firstLine(cc, "--version"); err != nil {
		return err
	}
	bin := filepath.Join(l.dir, "c2wbench.native")
	if err := programs.Build(cc, bin); err != nil {
		return err
	}
	// The guest's shell is busybox; another shell is another program.
	sh := "/bin/sh"
	if bb, err := exec.LookPath("busybox"); err == nil {
		sh = bb
	} else if real, err := filepath.EvalSymlinks(sh); err == nil {
		l.logf("native: no busybox here, the shell loop runs in %s (the guest's in busybox ash)", filepath.Base(real))
	}
	e.version += "; shell " + sh
	e.command = func(ctx context.Context, args []string) *exec.Cmd {
		return exec.CommandContext(ctx, bin, append([]string{"-sh", sh}, args...)...)
	}
	return nil
}

func (l *lab) qemuUser(e *engine) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("QEMU's user mode needs Linux, this is %s", runtime.GOOS)
	}
	qemu, err := find("", "qemu-riscv64-static", "qemu-riscv64")
	if err != nil {
		return err
	}
	if e.version, err = firstLine(qemu, "--version"); err != nil {
		return err
	}
	const why = "in user mode a new program is the host's business"
	e.cannot = map[string]string{"forkexec": why, "shell": why}
	e.command = func(ctx context.Context, args []string) *exec.Cmd {
		return exec.CommandContext(ctx, qemu, append([]string{l.guestBin}, args...)...)
	}
	return nil
}

// qemuSystem boots our kernel with c2wbench as process 1 on QEMU's virt
// machine: the same kernel, console device and programs as in c2w's.
func (l *lab) qemuSystem(e *engine) error {
	qemu, err := find(l.o.qemu, "qemu-system-riscv64")
	if err != nil {
		return err
	}
	if e.version, err = firstLine(qemu, "--version"); err != nil {
		return err
	}
	kernel, err := l.kernel()
	if err != nil {
		return err
	}
	initrd := filepath.Join(l.dir, "bench.cpio")
	if err := l.writeInitramfs(initrd); err != nil {
		return err
	}
	e.command = func(ctx context.Context, args []string) *exec.Cmd {
		return exec.CommandContext(ctx, qemu,
			"-M", "virt", "-accel", "tcg,thread=single", "-smp", "1", "-m", "512M",
			"-display", "none", "-serial", "null", "-monitor", "none", "-no-reboot",
			"-kernel", kernel, "-initrd", initrd,
			"-append", "console=hvc0 quiet loglevel=1 rdinit=/c2wbench -- "+strings.Join(args, " "),
			"-chardev", "stdio,id=c,signal=off",
			"-device", "virtio-serial-device", "-device", "virtconsole,chardev=c")
	}
	return nil
}

// wasm is the converted file under one of the engines that run WebAssembly.
func (l *lab) wasm(ctx context.Context, e *engine, name, file string) error {
	h, err := l.host(ctx, name)
	if err != nil {
		return err
	}
	e.version = h.version
	if l.fileErr != nil {
		return l.fileErr
	}
	how := hows[name][len(hows[name])-1]
	if err := h.prepare(ctx, how, file); err != nil {
		return err
	}
	e.command = func(ctx context.Context, args []string) *exec.Cmd {
		return h.command(ctx, how, file, nil, append([]string{"/c2wbench"}, args...))
	}
	return nil
}
