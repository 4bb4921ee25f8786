//go:build linux

package main

import (
	"strconv"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

// What init sends the stub first, one byte.
const (
	markStay = "i" // stay process 1, and start another stub, which says Ready
	markGo   = "c" // descriptors come with this byte, and a Spec after it
)

// stub is the container's process 1 until it becomes the command. It does not
// return.
func stub() {
	// Nothing that was inherited reaches the command: all that is to be kept is
	// put in its place by dup3.
	syscall.RawSyscall(sysCloseRange, stubSocket, uintptr(^uint32(0)), 4) // CLOSE_RANGE_CLOEXEC
	send(stubSocket, agent.Ready{})
	spec, files, err := receiveCommand()
	if err == nil {
		err = become(spec, files)
	}
	send(stubSocket, complaint(err))
	syscall.Exit(agent.StatusFailed)
}

// receiveCommand waits for init's order and carries out the first kind.
func receiveCommand() (*agent.Spec, []int, error) {
	const action = "receiving the command"
	var mark [1]byte
	var control [64]byte
	var n, controls int
	err := retry(func() (err error) {
		n, controls, _, _, err = syscall.Recvmsg(stubSocket, mark[:], control[:], syscall.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, nil, during(action, err)
	}
	if n == 0 { // the machine goes off
		syscall.Exit(agent.StatusFailed)
	}
	if string(mark[:]) == markStay {
		stay()
	}
	var files []int
	messages, err := syscall.ParseSocketControlMessage(control[:controls])
	for i := 0; i < len(messages) && err == nil; i++ {
		files, err = syscall.ParseUnixRights(&messages[i])
	}
	if err != nil {
		return nil, nil, during(action, err)
	}
	var parser agent.Parser
	buf := make([]byte, 16<<10)
	for {
		m, err := parser.Next()
		if err != nil {
			return nil, nil, during(action, err)
		}
		if m != nil {
			spec, ok := m.(*agent.Spec)
			if !ok {
				return nil, nil, during(action, agent.ErrMessage)
			}
			return spec, files, nil
		}
		n, err := syscall.Read(stubSocket, buf)
		if err != nil && err != syscall.EINTR {
			return nil, nil, during(action, err)
		}
		if err == nil && n == 0 {
			return nil, nil, during(action, syscall.EPIPE)
		}
		parser.Feed(buf[:max(n, 0)])
	}
}

// become makes the process the command; it returns only if that cannot be.
func become(spec *agent.Spec, files []int) error {
	who, err := findUser(spec.User, readAccounts)
	if err != nil {
		return &refusal{agent.StatusFailed, err.Error()}
	}
	if err := takeStreams(files, spec.Terminal, who.uid); err != nil {
		return err
	}
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	// As root first: a command may be started in a directory that its user
	// cannot reach.
	chdir := syscall.Chdir(dir)
	if err := who.assume(); err != nil {
		return during("becoming user "+strconv.Itoa(who.uid), err)
	}
	if chdir != nil {
		if err := syscall.Chdir(dir); err != nil {
			return during("entering the working directory "+dir, err)
		}
	}
	syscall.Umask(0o022)
	unblockSignals()
	if err := limits(spec.Limits).take(); err != nil {
		return err
	}
	return execute(spec.Args, withHome(spec.Env, who.home))
}

// takeStreams puts the command's streams in place: three, or one terminal, which
// becomes the controlling one of a new session.
func takeStreams(files []int, terminal bool, uid int) error {
	const action = "taking the standard streams"
	if terminal && len(files) == 1 {
		files = []int{files[0], files[0], files[0]}
	}
	if len(files) != 3 {
		return during(action, syscall.EBADMSG)
	}
	// A process 1 that runc started leads a session already, without a terminal.
	syscall.Setsid()
	for i, fd := range files {
		// So that the command can open /dev/stdout, and its terminal.
		syscall.Fchown(fd, uid, -1)
		if err := syscall.Dup3(fd, i, 0); err != nil {
			return during(action, err)
		}
	}
	if terminal {
		_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, 0, syscall.TIOCSCTTY, 0)
		return during("taking the terminal", failure(errno))
	}
	return nil
}

// assume makes this thread the user's for good. The runtime's own calls would
// do so for every thread; exec leaves only this one.
func (u *user) assume() error {
	groups := make([]uint32, len(u.groups))
	for i, g := range u.groups {
		groups[i] = uint32(g)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
	if errno == 0 {
		_, _, errno = syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(u.gid), uintptr(u.gid), uintptr(u.gid))
	}
	if errno == 0 {
		_, _, errno = syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(u.uid), uintptr(u.uid), uintptr(u.uid))
	}
	return failure(errno)
}

func unblockSignals() {
	const setMask = 2
	var none uint64
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
}
