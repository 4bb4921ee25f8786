//go:build unix

package runner

import (
	"os/exec"
	"syscall"
)

// apart keeps a terminal's signals, which go to a whole group of processes, from
// the engine: what becomes of them is this process's to say.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killApart ends the engine and, if its program is a script around it, the
// processes that this has started: they are one group.
func killApart(cmd *exec.Cmd) {
	if syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) != nil {
		cmd.Process.Kill()
	}
}
