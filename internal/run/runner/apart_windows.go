package runner

import (
	"os/exec"
	"syscall"
)

// apart keeps Ctrl-C, which goes to a whole group of processes, from the
// engine: what becomes of it is this process's to say.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killApart ends the engine.
func killApart(cmd *exec.Cmd) { cmd.Process.Kill() }
