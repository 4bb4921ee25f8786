//go:build unix

package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/convert/machinewasm"
)

// TestInterruptedConversion interrupts a conversion that waits for its
// registry: it ends at once and leaves nothing behind.
func TestInterruptedConversion(t *testing.T) {
	asked := make(chan bool, 10)
	release := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	dir := t.TempDir()
	cmd := exec.Command("c2w", strings.TrimPrefix(server.URL, "http://")+"/image")
	cmd.Dir = dir
	// Any module does: the image comes first.
	machine := t.TempDir() + "/machine"
	if err := os.WriteFile(machine, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, machinewasm.Variable+"="+machine)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 128+int(syscall.SIGINT) {
		t.Errorf("status %d, want %d; %s", got, 128+int(syscall.SIGINT), stderr.String())
	}
	if got, want := stderr.String(), "c2w: interrupted; nothing was written\n"; got != want {
		t.Errorf("on stderr %q, want %q", got, want)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// startUp starts c2w run with a script that says up, and waits for that.
func startUp(t *testing.T, s *shared, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("c2w", "run", "--", "sh", "-c", script)
	cmd.Env = append(os.Environ(), s.env()...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A guest that does not come up fails the test, not the whole suite.
	stuck := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() { stuck.Stop() })
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "up" {
		t.Errorf("%q, %v", line, err)
	}
	return cmd
}

// TestInterruptedRun interrupts running guests.
func TestInterruptedRun(t *testing.T) {
	if testing.Short() {
		t.Skip("boots Linux")
	}
	s := shared{dir: t.TempDir()}
	if err := s.machine(); err != nil {
		t.Fatal(err)
	}
	t.Run("handled", func(t *testing.T) { interruptHandled(t, &s) })
	t.Run("ignored", func(t *testing.T) { interruptIgnored(t, &s) })
}

// interruptHandled wants the signal to be the program's.
func interruptHandled(t *testing.T, s *shared) {
	cmd := startUp(t, s, `trap 'exit 3' INT; echo up; while :; do sleep 1000 & wait; done`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 3 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

// interruptIgnored interrupts a program that does not mind until it is ended by
// force.
func interruptIgnored(t *testing.T, s *shared) {
	cmd := startUp(t, s, `trap '' INT; echo up; sleep 1000`)
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	// Signals that come together count once, so three need not do.
	for waiting := true; waiting; {
		cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			waiting = false
		default:
		}
	}
	if got := cmd.ProcessState.ExitCode(); got != 128+int(syscall.SIGINT) {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}
