//go:build linux

package main

import (
	"strings"
	"syscall"

	"github.com/c2w/c2w/internal/bootcfg"
)

// Statuses that a shell gives a command that was not started.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// run starts the program on the console, as the leader of a new session, and
// returns when it has ended. Orphans that end meanwhile are reaped.
func run(spec *bootcfg.Spec, tty *terminal) bootcfg.Exit {
	path, status, why := lookUp(spec.Args[0], spec.Env)
	if status != 0 {
		return complain(tty, spec.Args[0], status, why)
	}
	pid, err := syscall.ForkExec(path, spec.Args, &syscall.ProcAttr{
		Env:   spec.Env,
		Files: []uintptr{uintptr(tty.fd), uintptr(tty.fd), uintptr(tty.fd)},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
	switch err {
	case nil:
	case syscall.ENOENT: // the file was there: it is the interpreter that is not
		return complain(tty, spec.Args[0], statusNotFound, "its interpreter or loader is not in the image")
	case syscall.ENOEXEC:
		return complain(tty, spec.Args[0], statusNotExecutable, "not a program for this machine")
	default:
		return complain(tty, spec.Args[0], statusNotExecutable, err.Error())
	}
	for {
		var ws syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &ws, 0, nil)
		if err != nil && err != syscall.EINTR {
			panic("BUG: waiting for the program: " + err.Error())
		}
		if ended != pid {
			continue
		}
		if ws.Signaled() {
			return bootcfg.Exit{Status: 128 + uint8(ws.Signal()), Signal: uint8(ws.Signal())}
		}
		return bootcfg.Exit{Status: uint8(ws.ExitStatus())}
	}
}

// complain tells why there is no program. The attempt to start one may have hung
// up the terminal, its session's leader being gone.
func complain(tty *terminal, name string, status uint8, why string) bootcfg.Exit {
	tty.reopen()
	writeAll(tty.fd, "c2w: "+name+": "+why+"\n")
	return bootcfg.Exit{Status: status}
}

// lookUp finds a command as execvp(3) does. A status other than 0 says that
// there is none, and why.
func lookUp(name string, env []string) (path string, status uint8, why string) {
	if strings.IndexByte(name, '/') >= 0 {
		switch err := executable(name); err {
		case nil:
			return name, 0, ""
		case syscall.ENOENT, syscall.ENOTDIR:
			return "", statusNotFound, "no such file"
		default:
			return "", statusNotExecutable, err.Error()
		}
	}
	dirs := defaultPath
	for _, e := range env {
		if strings.HasPrefix(e, "PATH=") {
			dirs = e[len("PATH="):]
		}
	}
	status, why = statusNotFound, "command not found"
	for name != "" {
		dir, rest, more := strings.Cut(dirs, ":")
		if dir == "" {
			dir = "."
		}
		candidate := dir + "/" + name
		switch err := executable(candidate); err {
		case nil:
			return candidate, 0, ""
		case syscall.EACCES, syscall.EISDIR:
			status, why = statusNotExecutable, err.Error()
		}
		if !more {
			break
		}
		dirs = rest
	}
	return "", status, why
}

// executable says why a path is not a file with an execute permission. Process
// 1 is root, which needs one of the three bits.
func executable(path string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return err
	}
	switch {
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		return syscall.EISDIR
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG, st.Mode&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}
