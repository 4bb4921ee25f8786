//go:build linux

package main

import (
	"strings"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execute becomes the program args[0], looked up as execvp(3) does but for shell
// scripts without a first line that names their interpreter, which docker
// refuses too. It returns only if there is no such program, and says why.
func execute(args, env []string) error {
	name := args[0]
	if strings.IndexByte(name, '/') >= 0 {
		err := executable(name)
		if err == nil {
			err = syscall.Exec(name, args, env)
			if err == syscall.ENOENT {
				return noInterpreter(name)
			}
		}
		if err == syscall.ENOENT || err == syscall.ENOTDIR {
			return &refusal{agent.StatusNotFound, name + ": no such file"}
		}
		return notExecutable(name, err)
	}
	var denied error
	for candidate := range candidates(name, env) {
		err := executable(candidate)
		if err == nil {
			switch err = syscall.Exec(candidate, args, env); err {
			case syscall.ENOENT:
				return noInterpreter(name)
			case syscall.EACCES:
			default:
				return notExecutable(name, err)
			}
		}
		switch err {
		case syscall.EACCES, syscall.EISDIR:
			denied = err
		}
	}
	if denied != nil {
		return notExecutable(name, denied)
	}
	return &refusal{agent.StatusNotFound, name + ": command not found"}
}

// noInterpreter is for a file that was there when the kernel did not find it: it
// looked for another one.
func noInterpreter(name string) error {
	return &refusal{agent.StatusNotFound, name + ": its interpreter or loader is not in the image"}
}

func notExecutable(name string, err error) error {
	why := err.Error()
	if err == syscall.ENOEXEC {
		why = "not a program for this machine"
	}
	return &refusal{agent.StatusNotExecutable, name + ": " + why}
}

// candidates yields where a name without a slash may be, by PATH.
func candidates(name string, env []string) func(yield func(string) bool) {
	dirs := defaultPath
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			dirs = v
			break
		}
	}
	return func(yield func(string) bool) {
		for more := name != ""; more; {
			var dir string
			dir, dirs, more = strings.Cut(dirs, ":")
			if dir == "" {
				dir = "."
			}
			if !yield(dir + "/" + name) {
				return
			}
		}
	}
}

// executable says why this process may not execute a path as a file.
func executable(path string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return err
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
	case syscall.S_IFDIR:
		return syscall.EISDIR
	default:
		return syscall.EACCES
	}
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	const mayExecute = 1
	_, _, errno := syscall.RawSyscall(syscall.SYS_FACCESSAT, atFdcwd, uintptr(unsafe.Pointer(p)), mayExecute)
	return failure(errno)
}
