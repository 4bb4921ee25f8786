package wasi_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/testkit/wasitest"
)

func TestMain(m *testing.M) { wasitest.Main(m) }

func eachEngine(t *testing.T, test func(t *testing.T, e wasitest.Engine, probe string)) {
	if testing.Short() {
		t.Skip("runs engines")
	}
	probe := wasitest.Build(t, "testdata/probe")
	for _, e := range wasitest.Engines(t) {
		t.Run(e.Name, func(t *testing.T) { test(t, e, probe) })
	}
}

// status runs cmd and returns its exit status.
func status(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestArgsAndEnviron(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		cmd := e.Command(probe, "args", "", "ä b", "-c")
		e.Setenv(cmd, "GUEST_X", "1=2")
		out, err := cmd.Output()
		if want := "args||ä b|-c\nGUEST_X=1=2\n"; err != nil || string(out) != want {
			t.Fatalf("got %q, %v; want %q", out, err, want)
		}
	})
}

func TestClocksAndRandom(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		if out, err := e.Command(probe, "clocks").CombinedOutput(); err != nil || string(out) != "ok\n" {
			t.Fatalf("%q, %v", out, err)
		}
	})
}

func TestExitStatus(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		for _, want := range []int{0, 1, 125, 127, 255} {
			cmd := e.Command(probe, "exit", strconv.Itoa(want))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			got := status(t, cmd)
			if e.Name == "wasmtime" && want > 125 {
				if line := "c2w: exit status " + strconv.Itoa(want) + "\n"; got != 125 || stderr.String() != line {
					t.Errorf("status %d came as %d with %q", want, got, stderr.String())
				}
			} else if got != want || stderr.Len() != 0 {
				t.Errorf("status %d came as %d with %q", want, got, stderr.String())
			}
		}
	})
}

func TestStdinFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789"), 2000), 0o644); err != nil {
		t.Fatal(err)
	}
	testStdin(t, strings.Repeat("0123456789", 2000)+"<EOF>\n", func(cmd *exec.Cmd) error {
		f, err := os.Open(path)
		cmd.Stdin = f
		t.Cleanup(func() { _ = f.Close() })
		return err
	})
}

func TestStdinNull(t *testing.T) {
	testStdin(t, "<EOF>\n", func(cmd *exec.Cmd) error { return nil })
}

func TestStdinClosed(t *testing.T) {
	testStdin(t, "<EOF>\n", func(cmd *exec.Cmd) error {
		sh, err := exec.LookPath("sh")
		if err != nil {
			t.Skip("no shell to close a descriptor with")
		}
		cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" <&-`, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = sh
		return nil
	})
}

func testStdin(t *testing.T, want string, prepare func(*exec.Cmd) error) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		cmd := e.Command(probe, "cat")
		if err := prepare(cmd); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || string(out) != want {
			t.Fatalf("%d bytes %.40q, %v, %q; want %.40q", len(out), out, err, stderr.String(), want)
		}
	})
}

// TestStdinPipe has the program wait for input that comes later, twice.
func TestStdinPipe(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		cmd := e.Command(probe, "cat")
		stdin, stdout, stderr := pipes(t, cmd)
		if line, err := stderr.ReadString('\n'); line != "waiting\n" {
			t.Fatalf("waiting for input: %q, %v", line, err)
		}
		for _, text := range []string{"one\n", "two\n"} {
			if _, err := io.WriteString(stdin, text); err != nil {
				t.Fatal(err)
			}
			if line, err := stdout.ReadString('\n'); line != text {
				t.Fatalf("sent %q, got %q, %v", text, line, err)
			}
		}
		_ = stdin.Close()
		if line, err := stdout.ReadString('\n'); line != "<EOF>\n" {
			t.Fatalf("after closing: %q, %v", line, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func pipes(t *testing.T, cmd *exec.Cmd) (stdin io.WriteCloser, stdout, stderr *bufio.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return stdin, bufio.NewReader(out), bufio.NewReader(errs)
}

// TestIdle shows that waiting sleeps: CPU time of a run that waits is compared
// with one that waits shorter, so that the engine's start cancels out. With a
// pipe the wait also watches standard input; with /dev/null it must not spin on
// an input that is ready for ever.
func TestIdle(t *testing.T) {
	const short, long = 50, 650
	for _, in := range []string{"pipe", "null", "none"} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
				idleCPU(t, e, probe, in, 1) // compiles and caches
				// The smaller of two, as other work on the machine makes it
				// only larger.
				over := min(idleCPU(t, e, probe, in, long), idleCPU(t, e, probe, in, long)) -
					min(idleCPU(t, e, probe, in, short), idleCPU(t, e, probe, in, short))
				ratio := float64(over) / float64((long-short)*time.Millisecond)
				t.Logf("%.1f %% of a core at 100 wakes a second", 100*ratio)
				// A wait that does not sleep takes 100 %.
				if ratio > 0.25 {
					t.Errorf("idle takes %.1f %% of a core", 100*ratio)
				}
			})
		})
	}
}

// idleCPU returns the CPU time of a run that waits for ms milliseconds in
// slices of ten.
func idleCPU(t *testing.T, e wasitest.Engine, probe, in string, ms int) time.Duration {
	watch := "stdin"
	if in == "none" {
		watch = "no"
	}
	cmd := e.Command(probe, "idle", strconv.Itoa(ms), watch)
	if in == "pipe" {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		cmd.Stdin = r
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := strconv.Atoi(strings.TrimSpace(string(out))); n > ms/10*3/2+5 {
		t.Errorf("%s: %d wakes in %d ms", in, n, ms)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// TestSlowReader fills the pipe's buffer: writes are cut or wait, nothing is
// lost.
func TestSlowReader(t *testing.T) {
	const size = 1_000_000
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		for _, nonblocking := range []bool{false, true} {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := e.Command(probe, "flood", strconv.Itoa(size))
			cmd.Stdout = w
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// After the start, which makes the shared open file block.
			if nonblocking {
				if err := setNonblock(w); err != nil {
					t.Skip(err)
				}
			}
			_ = w.Close()
			got, err := io.ReadAll(r)
			if !bytes.Equal(got, floodText(size)) || err != nil {
				t.Errorf("nonblocking %v: other than %d bytes arrived: %d, %v", nonblocking, size, len(got), err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("nonblocking %v: %v, %s", nonblocking, err, stderr.String())
			}
		}
	})
}

// floodText is what the probe's flood writes.
func floodText(n int) []byte {
	text := make([]byte, 0, n)
	for i := 0; len(text) < n; i++ {
		text = append(text, bytes.Repeat([]byte{'a' + byte(i%26)}, i*i%5001)...)
		text = append(text, '\n')
	}
	return text[:n]
}

// TestStreamsStayBlocking shows that a program leaves the open files behind its
// streams as they were: they may be the user's terminal.
func TestStreamsStayBlocking(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		cmd := e.Command(probe, "args", "x")
		cmd.Stdin, cmd.Stdout = r, w
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]*os.File{"input": r, "output": w} {
			if on, err := nonblocking(f); err != nil {
				t.Skip(err)
			} else if on {
				t.Errorf("the standard %s does not block any more", name)
			}
		}
	})
}

// TestReaderGone closes the reading end: the program learns it, or the engine
// is ended by the signal.
func TestReaderGone(t *testing.T) {
	eachEngine(t, func(t *testing.T, e wasitest.Engine, probe string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := e.Command(probe, "flood", "30000000")
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		_ = r.Close()
		_ = cmd.Wait()
		ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		killed := ok && ws.Signaled()
		if code := cmd.ProcessState.ExitCode(); code != 3 && !killed {
			t.Errorf("status %v", cmd.ProcessState)
		}
	})
}
