//go:build linux

package main

import (
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/bootcfg"
)

const self = "/proc/self/exe"

// stay turns the stub into the container's init: it begins anew with all signals
// blocked, because the Go runtime's threads block what was blocked when the
// program started. It does not return.
func stay() {
	const setMask = 2
	all := ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
	syscall.Dup3(stubSocket, stubSocket+1, 0) // survives, where the next one closes it
	err := syscall.Exec(self, []string{"c2w", roleReaper}, nil)
	send(stubSocket, complaint(during("staying in the container", err)))
	syscall.Exit(bootcfg.StatusFailed)
}

// reaper is process 1 of a container whose command is another process, a second
// stub at first. It passes signals on, reaps, and ends as the command does.
func reaper() {
	const socket = stubSocket + 1
	child, err := syscall.ForkExec(self, []string{"c2w"}, &syscall.ProcAttr{
		Files: []uintptr{0: 0, 1: 1, 2: 2, stubSocket: socket},
	})
	if err != nil {
		send(socket, complaint(during("starting the command under an init", err)))
		return
	}
	// The command's streams end with it, and init must see the socket's end.
	syscall.RawSyscall(sysCloseRange, 0, uintptr(^uint32(0)), 0)
	for {
		var info [128]byte // siginfo_t
		all := ^uint64(0)
		n, _, errno := syscall.Syscall6(syscall.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&info)), 0, 8, 0, 0)
		const fromThread = -6 // SI_TKILL: the runtime's own
		code := *(*int32)(unsafe.Pointer(&info[8]))
		switch sig := syscall.Signal(n); {
		case errno != 0 || code == fromThread:
		case sig == syscall.SIGCHLD:
			reapUntil(child)
		default:
			syscall.Kill(child, sig)
		}
	}
}

// reapUntil reaps what has ended, and ends with the child's status if that is
// among them.
func reapUntil(child int) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if pid == child {
			syscall.Exit(int(exitOf(ws).Status))
		}
	}
}

// exitOf is how a process ended.
func exitOf(ws syscall.WaitStatus) bootcfg.Exit {
	if ws.Signaled() {
		return bootcfg.Exit{Status: 128 + uint8(ws.Signal()), Signal: uint8(ws.Signal())}
	}
	return bootcfg.Exit{Status: uint8(ws.ExitStatus())}
}
