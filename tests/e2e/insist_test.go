//go:build linux || darwin

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// deaf is a program that nothing but force ends.
const deaf = `trap "" HUP INT QUIT TERM; echo up; while :; do :; done`

// TestSecondSignal insists on the end of a guest that spins and ignores all
// signals, at a terminal: c2w run ends, leaves the terminal as it was and no
// process behind.
func TestSecondSignal(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	// Of one kind they might count once, and which comes first is not for certain.
	pairs := [][2]syscall.Signal{
		{syscall.SIGTERM, syscall.SIGINT}, {syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGQUIT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGQUIT},
	}
	i := 0
	onRunEngines(t, func(t *testing.T, first []string) {
		pair := pairs[i%len(pairs)]
		i++
		u := sit(t, 24, 80, append(first, file, "--", "sh", "-c", deaf)...)
		u.expect("up")
		engines := children(t, u.cmd.Process.Pid)
		if (len(engines) > 0) != (len(first) > 1) {
			t.Errorf("c2w %v has the children %v", first, engines)
		}
		for _, sig := range pair {
			u.cmd.Process.Signal(sig)
		}
		u.expect("came again and ended the run by force")
		<-u.ended
		if got := u.cmd.ProcessState.ExitCode(); got != 128+int(pair[0]) && got != 128+int(pair[1]) {
			t.Errorf("status %d", got)
		}
		if now := u.modes(); *now != *u.before {
			t.Error("the terminal was left in another state")
		}
		for _, pid := range engines {
			if alive(pid) {
				t.Errorf("the engine's process %d is left behind", pid)
			}
		}
	})
}

// TestSignalAtOnce ends c2w run when it has just begun: before its engine has
// anything to say the first signal does.
func TestSignalAtOnce(t *testing.T) {
	slow(t)
	file := convert(t, "demo:")
	onRunEngines(t, func(t *testing.T, first []string) {
		cmd := exec.CommandContext(t.Context(), shared("c2w"+exe()), append(first, file, "--", "sleep", "1000")...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+shared("cache"))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		// It may have come before c2w could catch it.
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		said := strings.Contains(stderr.String(), "SIGTERM ended the run before its program began") || strings.Contains(stderr.String(), "interrupted")
		if !(status.ExitStatus() == 143 && said) && !(status.Signaled() && status.Signal() == syscall.SIGTERM) {
			t.Errorf("ended with %v, %q", cmd.ProcessState, stderr.String())
		}
	})
}

// children are the processes that a process has started.
func children(t *testing.T, pid int) (list []int) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) == 2 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(f[0])
			list = append(list, child)
		}
	}
	return list
}

// alive reports whether a process exists and is more than what its parent has not
// asked for.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}
