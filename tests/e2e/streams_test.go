package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// noise is an endless stream of bytes that do not repeat, the same each time.
func noise() io.Reader { return rand.NewChaCha8([32]byte{'c', '2', 'w'}) }

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// streamSize is what a binary stream has to carry each way, in bytes.
const streamSize = 100_000_000

// TestStream sends a stream through the container and compares what comes back.
func TestStream(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.terminal {
			t.Skip("the engine says that its streams are a terminal")
		}
		size := int64(streamSize)
		if e.basic {
			size = 1_000_000
		}
		in, out := sha256.New(), sha256.New()
		cmd := e.command(t, &invocation{file: convert(t, "demo:"), args: []string{"cat"}})
		cmd.Stdin = io.TeeReader(io.LimitReader(noise(), size), in)
		var stderr bytes.Buffer
		counted := &counter{w: out}
		cmd.Stdout, cmd.Stderr = counted, &stderr
		if status := exitStatus(t, cmd.Run()); status != 0 || stderr.Len() > 0 {
			t.Errorf("status %d, stderr %q", status, stderr.String())
		}
		if hexSum(in) != hexSum(out) || counted.n != size {
			t.Errorf("%d bytes of hash %s came back as %d of %s", size, hexSum(in), counted.n, hexSum(out))
		}
	})
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// TestStreamSeen has the guest itself count what comes, and make what goes.
func TestStreamSeen(t *testing.T) {
	slow(t)
	const size = 4_000_000
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		file := convert(t, "demo:")
		v := args("sha256sum")
		v.file = file
		sum := sha256.New()
		r := run(t, e, &v, io.TeeReader(io.LimitReader(noise(), size), sum))
		if want := hexSum(sum) + "  -\n"; r.stdout != want || r.status != 0 {
			t.Errorf("the guest's hash of its input is %q, want %q; status %d, stderr %q", r.stdout, want, r.status, r.stderr)
		}
		v = sh("head -c 4000000 /dev/urandom >/tmp/copy; cat /tmp/copy; sha256sum </tmp/copy >&2")
		v.file = file
		r = run(t, e, &v, strings.NewReader(""))
		got := sha256.Sum256([]byte(r.stdout))
		if want := hex.EncodeToString(got[:]) + "  -\n"; r.stderr != want || len(r.stdout) != size || r.status != 0 {
			t.Errorf("%d bytes of output have the hash %q, the guest's is %q; status %d", len(r.stdout), want, r.stderr, r.status)
		}
	})
}

// TestClosedOutput closes standard output before the program is done with it:
// the program's next write fails, and the run ends.
func TestClosedOutput(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.terminal {
			t.Skip("the engine says that its streams are a terminal")
		}
		cmd := e.command(t, &invocation{file: convert(t, "demo:"), args: []string{"yes"}})
		quiet, keepOpen := pipe(t)
		defer keepOpen.Close()
		out, stdout := pipe(t)
		var stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = quiet, stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		quiet.Close()
		stdout.Close()
		line, err := bufio.NewReader(out).ReadString('\n')
		out.Close()
		if line != "y\n" {
			t.Errorf("the first line is %q, %v", line, err)
		}
		// wazero's own process dies of the signal that a broken pipe brings.
		if err := cmd.Wait(); err == nil || t.Context().Err() != nil {
			t.Errorf("%v, as if all had been written; stderr %q", err, stderr.String())
		}
	})
}

// TestOpenInput ends a program while its input is open and silent, and one while
// its input never ends.
func TestOpenInput(t *testing.T) {
	slow(t)
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.terminal {
			t.Skip("the engine says that its streams are a terminal")
		}
		for _, busy := range []bool{false, true} {
			cmd := e.command(t, &invocation{file: convert(t, "demo:"), args: []string{"head", "-c", "5"}})
			in, feed := pipe(t)
			var stdout, stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			in.Close()
			fed := make(chan struct{})
			go func() {
				defer close(fed)
				io.WriteString(feed, "12345")
				if busy {
					io.Copy(feed, noise()) // until nobody reads
				}
			}()
			status := exitStatus(t, cmd.Wait())
			<-fed
			feed.Close()
			if status != 0 || stdout.String() != "12345" || stderr.Len() > 0 {
				t.Errorf("busy %v: status %d, stdout %q, stderr %q", busy, status, clip(stdout.String()), clip(stderr.String()))
			}
		}
	})
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}
