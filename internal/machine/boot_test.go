//go:build !wasip1

package machine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	riscv "github.com/c2w/c2w/internal/machine/board/riscv64"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/convert/rootfs"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/isa/riscv64"
	"github.com/c2w/c2w/internal/cpu/native"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine"
	"github.com/c2w/c2w/internal/machine/wasi"
)

// The committed kernel and init boot here with the demo image on the generated
// core, while the machine runs natively.

const bootRAM = 64 << 20

// parts are what all boots share. The core's memory is one machine's at a time.
type parts struct {
	core                 *native.Core
	kernel, initrd, disk []byte
	busybox              []byte // a file of the disk
}

var shared = sync.OnceValues(func() (*parts, error) {
	p := &parts{}
	var err error
	if p.kernel, err = guest.Kernel("riscv64"); err != nil {
		return nil, err
	}
	if p.initrd, err = convert.Initramfs("riscv64", convert.Container{}); err != nil {
		return nil, err
	}
	if p.disk, p.busybox, err = demoDisk(); err != nil {
		return nil, err
	}
	p.core, err = native.New(riscv64.Guest, native.Layout{RAM: bootRAM, Records: 8 << 20, RAMBase: riscv.RAMBase})
	return p, err
})

// demoDisk is the root disk of the built-in image, and a large file on it.
func demoDisk() (disk, busybox []byte, err error) {
	ctx := context.Background()
	img, err := image.Open(ctx, "demo:", v1.Platform{OS: "linux", Architecture: "riscv64"}, image.Options{})
	if err != nil {
		return nil, nil, err
	}
	var layers []rootfs.Layer
	for _, l := range img.Layers {
		layers = append(layers, l)
	}
	tree, err := rootfs.Merge(ctx, layers, rootfs.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer tree.Close()
	file, err := tree.Lookup("/bin/busybox")
	if err != nil {
		return nil, nil, err
	}
	if busybox, err = file.Read(16 << 20); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "c2w-machine-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if _, err := tree.WriteEROFS(f); err != nil {
		return nil, nil, err
	}
	disk, err = os.ReadFile(f.Name())
	return disk, busybox, err
}

// guestRun is one run of a command in a guest.
type guestRun struct {
	args        []string
	stdin       io.Reader
	stdout      io.Writer // nil collects
	cmdline     string
	out, stderr bytes.Buffer
	result      machine.Result
	m           *machine.Machine
}

// start boots the guest. Only one runs at a time.
func (r *guestRun) start(t testing.TB) {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	c := p.core
	*c.Hart.State, *c.Hart.Caches = core.State{}, core.Caches{}
	clear(c.RAM.Bytes)
	if r.stdout == nil {
		r.stdout = &r.out
	}
	r.m, err = machine.New(machine.Config{
		Board: riscv.Kind,
		Host:  wasi.Streams{Stdin: r.stdin, Stdout: r.stdout, Stderr: &r.stderr}.NewHost(),
		RAM:   c.RAM, Hart: c.Hart, Records: c.Records, Run: c.Run,
		Kernel: bytes.NewReader(p.kernel), Initrd: bytes.NewReader(p.initrd), Disk: bytes.NewReader(p.disk),
		Cmdline: guest.CommandLine + r.cmdline,
		Spec:    &agent.Spec{Args: r.args, Env: []string{"PATH=/bin", "WORD=two words"}, Dir: "/usr", Hostname: "box"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// limit bounds a run in instructions; a boot takes some 30 million.
const limit = 3_000_000_000

func (r *guestRun) finish(t testing.TB) {
	t.Helper()
	for !r.result.Done {
		if r.result = r.m.Step(); r.m.Engine.S.Retired > limit {
			t.Fatalf("%q does not end; output so far %q, %q", r.args, r.out.String(), r.stderr.String())
		}
	}
}

func run(t testing.TB, args ...string) *guestRun {
	t.Helper()
	r := &guestRun{args: args}
	r.start(t)
	r.finish(t)
	return r
}

func (r *guestRun) want(t *testing.T, status int, out string) {
	t.Helper()
	if r.result.Err != nil || r.result.Status != status {
		t.Errorf("%q: status %d, %v, want %d; stderr %q", r.args, r.result.Status, r.result.Err, status, r.stderr.String())
	}
	if got := r.out.String(); got != out {
		if len(got) > 400 {
			got = got[:400] + "…"
		}
		t.Errorf("%q: output %q", r.args, got)
	}
}

// fails wants the machine's own word for why there is no status of the command.
func (r *guestRun) fails(t *testing.T, status int, word string) {
	t.Helper()
	if r.result.Status != status || r.result.Err == nil || !strings.Contains(r.result.Err.Error(), word) {
		t.Errorf("%q: status %d, %v, want %d and %q; stderr %q", r.args, r.result.Status, r.result.Err, status, word, r.stderr.String())
	}
}

func TestBootUname(t *testing.T) {
	begin := time.Now()
	r := run(t, "uname", "-snm")
	r.want(t, 0, "Linux box riscv64\n")
	s := r.m.Stats()
	t.Logf("%d instructions in %v; exits %v, lookups %d, runs %d, decoded %d, dropped %d, flushed %d",
		r.m.Engine.S.Retired, time.Since(begin), s.Exits, s.Lookups, s.Runs, s.Decoded, s.Dropped, s.Flushed)
}

func TestBootStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("boots six times")
	}
	run(t, "sh", "-c", "echo $WORD; pwd; exit 42").want(t, 42, "two words\n/usr\n")
	run(t, "sh", "-c", "exit 255").want(t, 255, "")
	run(t, "sh", "-c", "sh -c 'kill -9 $$'; exit $?").want(t, 137, "")
	run(t, "nosuch").fails(t, 127, "nosuch")
}

func binary(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	// The bytes that a console treats in a special way, in a row.
	copy(b[min(n/2, 100):], "\x04\x16\x16\x04\x03\x00\r\n\n\r\x7f\x1b[A\x04\x04")
	return b
}

// TestBootInput: what goes in on standard input comes out of cat, and its end
// ends cat.
func TestBootInput(t *testing.T) {
	for name, in := range map[string]io.Reader{
		"nothing": bytes.NewReader(nil),
		"closed":  nil,
		"line":    strings.NewReader("hello\n"),
		"no line": strings.NewReader("hello"),
		"binary":  bytes.NewReader(binary(300_000)),
		"drops":   dribble(binary(3000)),
		"failing": io.MultiReader(strings.NewReader("first"), broken{}),
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "binary" {
				t.Skip("boots a guest")
			}
			var want bytes.Buffer
			r := &guestRun{args: []string{"cat"}}
			if in != nil {
				r.stdin = io.TeeReader(in, &want)
			}
			begin := time.Now()
			r.start(t)
			r.finish(t)
			if r.result.Err != nil || r.result.Status != 0 || !bytes.Equal(r.out.Bytes(), want.Bytes()) {
				t.Errorf("status %d, %v: %d bytes in, %d out", r.result.Status, r.result.Err, want.Len(), r.out.Len())
			}
			t.Logf("%d bytes, %d instructions in %v", want.Len(), r.m.Engine.S.Retired, time.Since(begin))
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is on fire") }

// dribble gives a few bytes at a time.
type dribbler struct{ b []byte }

func dribble(b []byte) io.Reader { return &dribbler{b} }

func (d *dribbler) Read(p []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 7)], d.b)
	d.b = d.b[n:]
	return n, nil
}

// TestBootOutput: a megabyte comes out whole.
func TestBootOutput(t *testing.T) {
	begin := time.Now()
	r := run(t, "cat", "/bin/busybox")
	if p, _ := shared(); len(p.busybox) < 1<<20 {
		t.Errorf("the file has only %d bytes", len(p.busybox))
	} else {
		r.want(t, 0, string(p.busybox))
	}
	t.Logf("%d instructions in %v", r.m.Engine.S.Retired, time.Since(begin))
}

// TestBootInputIgnored: a program that does not read, while there is much to
// read, ends as ever.
func TestBootInputIgnored(t *testing.T) {
	r := &guestRun{args: []string{"echo", "hi"}, stdin: bytes.NewReader(make([]byte, 1<<20))}
	r.start(t)
	r.finish(t)
	r.want(t, 0, "hi\n")
}

// closing is an output whose reader leaves after n bytes.
type closing struct {
	n   int
	err error
}

func (c *closing) Write(p []byte) (int, error) {
	if c.n -= len(p); c.n < 0 {
		return 0, c.err
	}
	return len(p), nil
}

// TestBootOutputClosed: a command whose output nobody reads finds out. Process 1
// of a container is spared the signal, as under Docker, and gets the error.
func TestBootOutputClosed(t *testing.T) {
	r := &guestRun{args: []string{"yes"}, stdout: &closing{5000, io.ErrClosedPipe}}
	r.start(t)
	r.finish(t)
	if r.result.Err != nil || r.result.Status != 1 || !strings.Contains(r.stderr.String(), "yes: ") {
		t.Errorf("status %d, %v, %q", r.result.Status, r.result.Err, r.stderr.String())
	}
}

// TestBootPanic: a guest whose kernel panics has no status, and the run says so.
func TestBootPanic(t *testing.T) {
	r := &guestRun{args: []string{"true"}, cmdline: " rdinit=/nosuch"}
	r.start(t)
	r.finish(t)
	r.fails(t, 123, "panicked or restarted")
}

// TestBootIdle: a guest that waits costs nothing, a timer wakes it in time, and
// so does input.
func TestBootIdle(t *testing.T) {
	in, typed := io.Pipe()
	out, shown := io.Pipe()
	r := &guestRun{args: []string{"sh", "-c", "sleep 0.3; echo ready; read x; echo got $x"}, stdin: in, stdout: shown}
	r.start(t)
	go func() {
		fmt.Fscanln(out, new(string))
		io.WriteString(typed, "word\n")
		io.Copy(&r.out, out)
	}()
	steps := 0
	for !r.result.Done {
		r.result = r.m.Step()
		steps++
	}
	shown.Close()
	if r.result.Err != nil || r.result.Status != 0 {
		t.Errorf("status %d, %v", r.result.Status, r.result.Err)
	}
	t.Logf("%d steps, %d instructions", steps, r.m.Engine.S.Retired)
}
