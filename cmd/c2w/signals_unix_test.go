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
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, machineVariable+"="+machine)
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
	if got := cmd.ProcessState.ExitCode(); got != statusInterrupted {
		t.Errorf("status %d, want %d; %s", got, statusInterrupted, stderr.String())
	}
	if got, want := stderr.String(), "c2w: interrupted; nothing was written\n"; got != want {
		t.Errorf("on stderr %q, want %q", got, want)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestInterruptedRun interrupts a running guest: the process ends as any
// program does.
func TestInterruptedRun(t *testing.T) {
	if testing.Short() {
		t.Skip("boots Linux")
	}
	s := shared{dir: t.TempDir()}
	if err := s.machine(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("c2w", "run", "--", "sh", "-c", "echo up; sleep 1000")
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
	defer stuck.Stop()
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "up" {
		t.Errorf("%q, %v", line, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}
