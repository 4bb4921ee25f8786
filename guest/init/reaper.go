//go:build linux

package main

import (
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

const self = "/proc/self/exe"

// stay turns the stub into the container's init: it begins anew with all signals
// blocked, as far as the Go runtime leaves them so, until [catchAll] has handlers
// in place. It does not return.
func stay() {
	const setMask = 2
	all := ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
	syscall.Dup3(stubSocket, stubSocket+1, 0) // survives, where the next one closes it
	err := syscall.Exec(self, []string{"c2w", roleReaper}, nil)
	send(stubSocket, complaint(during("staying in the container", err)))
	syscall.Exit(agent.StatusFailed)
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
	if err := catchAll(); err != nil {
		syscall.Kill(child, syscall.SIGKILL)
		send(socket, complaint(during("catching signals", err)))
		return
	}
	// The command's streams end with it, and init must see the socket's end.
	syscall.RawSyscall(sysCloseRange, 0, caughtFrom-1, 0)
	syscall.RawSyscall(sysCloseRange, caughtTo+1, uintptr(^uint32(0)), 0)
	// The child may have ended before its end was being caught.
	for reapUntil(child); ; {
		var caught [64]byte
		n, err := syscall.Read(caughtFrom, caught[:])
		if err != nil && err != syscall.EINTR {
			return
		}
		for _, sig := range caught[:max(n, 0)] {
			if sig := syscall.Signal(sig); sig == syscall.SIGCHLD {
				reapUntil(child)
			} else {
				syscall.Kill(child, sig)
			}
		}
	}
}

// The ends of the pipe that carries the reaper's signals, a byte each.
const (
	caughtFrom = 5
	caughtTo   = 6 // as in catch_riscv64.s
)

// catchAll has all signals written to a pipe. Waiting for them with all blocked
// (sigwaitinfo(2)) would not do: the Go runtime unblocks SIGCHLD and those that end
// a program in every thread that it starts, so that one which comes while nobody
// waits goes to its own handlers. A SIGCHLD was lost there, and the container
// never ended, whenever the command died of a signal before the reaper that had
// passed it on was back at waiting.
func catchAll() error {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	// Out of the way of what will be closed, and of each other.
	for i := range p {
		fd, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(p[i]), syscall.F_DUPFD_CLOEXEC, caughtTo+1)
		if errno != 0 {
			return errno
		}
		p[i] = int(fd)
	}
	for i, to := range [...]int{caughtFrom, caughtTo} {
		if err := syscall.Dup3(p[i], to, syscall.O_CLOEXEC); err != nil {
			return err
		}
	}
	// A handler does not wait; signals of which 64 thousand wait are dropped.
	if err := syscall.SetNonblock(caughtTo, true); err != nil {
		return err
	}
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, // cannot be
			syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, // faults
			syscall.SIGURG, 32, 33, 34: // the runtime's own, and a C library's
		default:
			catch(sig)
		}
	}
	unblockSignals()
	return nil
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
func exitOf(ws syscall.WaitStatus) agent.Exit {
	if ws.Signaled() {
		return agent.Exit{Status: 128 + uint8(ws.Signal()), Signal: uint8(ws.Signal())}
	}
	return agent.Exit{Status: uint8(ws.ExitStatus())}
}
