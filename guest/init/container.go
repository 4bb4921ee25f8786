//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"

	"github.com/c2w/c2w/internal/format/agent"
)

const (
	containerID = "c2w"
	runcState   = "/run/runc"
	runcLog     = "/c2w/runc.log"
	pidFile     = "/c2w/pid"

	// What runc leaves open for the stub: its end of the socket and the program
	// that it is, see the process's arguments in the container's configuration.
	stubSocket  = 3
	stubProgram = 4
)

// container is the container seen from outside.
type container struct {
	pid    int // its process 1
	pidfd  int // the same, for poll
	cgroup string
	// socket leads to the stub: frames of package agent. The stub says Ready
	// or Error; init sends a Spec with the command's standard streams. The end
	// of the stream says that the command runs.
	socket int
	frames agent.Parser
}

// createContainer has runc create and start the container, and waits for the
// stub in it.
func createContainer() (*container, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, during("making the stub's socket", err)
	}
	c := &container{socket: pair[0]}
	err = c.runRunc(pair[1])
	syscall.Close(pair[1])
	if err != nil {
		return nil, err
	}
	say("runc is done")
	if err := c.identify(); err != nil {
		return nil, err
	}
	m, err := c.receive()
	if err != nil {
		return nil, during("waiting for the container's first process", err)
	}
	if _, ok := m.(agent.Ready); !ok {
		return nil, during("waiting for the container's first process", agent.ErrMessage)
	}
	return c, nil
}

func (c *container) runRunc(socket int) error {
	const action = "creating the container"
	syscall.Mkdir("/run", 0o755)
	program, err := open("/init", syscall.O_RDONLY)
	if err != nil {
		return during(action, err)
	}
	defer syscall.Close(program)
	null, err := open("/dev/null", syscall.O_RDONLY)
	if err != nil {
		return during(action, err)
	}
	defer syscall.Close(null)
	log, err := syscall.Open(runcLog, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return during(action, err)
	}
	defer syscall.Close(log)
	pid, err := syscall.ForkExec(agent.Runc, []string{
		"runc", "--root", runcState, "run", "--detach", "--preserve-fds", "2",
		"--pid-file", pidFile, "--bundle", agent.Bundle, containerID,
	}, &syscall.ProcAttr{
		Env:   []string{"PATH=/bin"},
		Files: []uintptr{stubSocket: uintptr(socket), stubProgram: uintptr(program), 0: uintptr(null), 1: uintptr(log), 2: uintptr(log)},
	})
	if err != nil {
		return during("starting runc", err)
	}
	var ws syscall.WaitStatus
	for {
		ended, err := syscall.Wait4(-1, &ws, 0, nil)
		if ended == pid {
			break
		}
		if err != nil && err != syscall.EINTR {
			return during("waiting for runc", err)
		}
	}
	if ws.Exited() && ws.ExitStatus() == 0 {
		return nil
	}
	why := lastLine(readFile(runcLog))
	if why == "" {
		why = "runc ended with status " + strconv.Itoa(ws.ExitStatus())
		if ws.Signaled() {
			why = "runc was killed by signal " + strconv.Itoa(int(ws.Signal()))
		}
	}
	return &step{action, &refusal{text: why}}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// identify finds the container's process 1 and cgroup.
func (c *container) identify() error {
	var err error
	if c.pid, err = strconv.Atoi(strings.TrimSpace(readFile(pidFile))); err != nil || c.pid < 2 {
		return during("reading "+pidFile, syscall.ENOENT)
	}
	fd, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(c.pid), 0, 0)
	if errno != 0 {
		return during("finding the container's first process", errno)
	}
	c.pidfd = int(fd)
	for line := range strings.Lines(readFile("/proc/" + strconv.Itoa(c.pid) + "/cgroup")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			c.cgroup = "/sys/fs/cgroup" + path
		}
	}
	return nil
}

// heeds reports whether process 1 has said what is to become of a signal: it
// catches, ignores or blocks it.
func (c *container) heeds(number uint8) bool {
	for line := range strings.Lines(readFile("/proc/" + strconv.Itoa(c.pid) + "/status")) {
		for _, field := range [...]string{"SigBlk:", "SigIgn:", "SigCgt:"} {
			v, ok := strings.CutPrefix(line, field)
			if !ok {
				continue
			}
			set, _ := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			if set>>(number-1)&1 != 0 {
				return true
			}
		}
	}
	return false
}

// receive returns the stub's next message, or nil at the end of the stream.
func (c *container) receive() (agent.Message, error) {
	var buf [4096]byte
	for {
		if m, err := c.frames.Next(); m != nil || err != nil {
			return m, err
		}
		n, err := syscall.Read(c.socket, buf[:])
		switch {
		case err == syscall.EINTR:
		case err != nil && err != syscall.ECONNRESET:
			return nil, err
		case n <= 0:
			return nil, nil
		default:
			c.frames.Feed(buf[:n])
		}
	}
}

// in runs f in one of the container's namespaces, on this thread.
func (c *container) in(kind string, flag uintptr, f func() error) error {
	const action = "entering the container"
	own, err := open("/proc/self/ns/"+kind, syscall.O_RDONLY)
	if err != nil {
		return during(action, err)
	}
	defer syscall.Close(own)
	theirs, err := open("/proc/"+strconv.Itoa(c.pid)+"/ns/"+kind, syscall.O_RDONLY)
	if err != nil {
		return during(action, err)
	}
	defer syscall.Close(theirs)
	if err := setns(theirs, flag); err != nil {
		return during(action, err)
	}
	err = f()
	if back := setns(own, flag); back != nil && err == nil {
		err = during("leaving the container", back)
	}
	return err
}

// inside runs f with the container's file system as its own, down to the meaning
// of / in symbolic links: nothing that an image holds leads out of it.
func (c *container) inside(f func() error) error {
	// A thread that shares its root with others cannot enter.
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		return during("entering the container", err)
	}
	return c.in("mnt", syscall.CLONE_NEWNS, f)
}

func setns(fd int, flag uintptr) error {
	_, _, errno := syscall.RawSyscall(sysSetns, uintptr(fd), flag, 0)
	return failure(errno)
}

// complete makes of the container what the run wants, as far as that can be done
// from outside.
func (c *container) complete(spec *agent.Spec, volumes []string) error {
	if spec.Hostname != "" {
		if err := c.in("uts", syscall.CLONE_NEWUTS, func() error { return syscall.Sethostname([]byte(spec.Hostname)) }); err != nil {
			return during("setting the host name "+spec.Hostname, err)
		}
	}
	if err := c.setSysctls(spec.Sysctls); err != nil {
		return err
	}
	var name string
	if err := c.in("uts", syscall.CLONE_NEWUTS, func() error { name = nodename(); return nil }); err != nil {
		return err
	}
	if err := writeEtc(name, spec.Hosts); err != nil {
		return err
	}
	if err := limits(spec.Limits).allow(c.pid); err != nil {
		return err
	}
	if len(spec.Mounts) == 0 && !spec.ReadOnly && (spec.Dir == "" || spec.Dir == "/") && spec.ShmSize == 0 {
		return nil
	}
	trees, err := hostMounts(spec.Mounts)
	if err != nil {
		return err
	}
	return c.inside(func() error { return furnish(spec, trees, volumes) })
}

// setSysctls sets the kernel parameters that the run asks for, in the
// namespaces that some of them belong to.
func (c *container) setSysctls(settings []string) error {
	if len(settings) == 0 {
		return nil
	}
	return c.in("uts", syscall.CLONE_NEWUTS, func() error {
		return c.in("ipc", syscall.CLONE_NEWIPC, func() error { return setAsked(settings) })
	})
}

// furnish makes the run's mounts from inside the container. trees are the host's
// directories among them.
func furnish(spec *agent.Spec, trees []int, volumes []string) error {
	if spec.ReadOnly {
		if err := readOnlyEtc(); err != nil {
			return err
		}
	}
	if spec.ShmSize != 0 {
		if err := resizeShm(spec.ShmSize); err != nil {
			return err
		}
	}
	for i, m := range spec.Mounts {
		if m.Index == agent.InMemory {
			if err := mountMemory(m); err != nil {
				return err
			}
			continue
		}
		if err := makeDirs(m.Target); err != nil {
			return during("making the mount point "+m.Target, err)
		}
		if err := attach(trees[i], m.Target); err != nil {
			return during("mounting the host's directory on "+m.Target, err)
		}
	}
	if spec.Dir != "" {
		if err := makeDirs(spec.Dir); err != nil {
			return during("making the working directory "+spec.Dir, err)
		}
	}
	if spec.ReadOnly {
		return readOnlyRoot(volumes)
	}
	return nil
}

// start gives the stub its command and closes files, which become the command's
// standard streams: three, or one terminal. It returns when the command runs.
func (c *container) start(spec *agent.Spec, files []int) error {
	const action = "starting the command"
	if spec.Init {
		// Process 1 stays, and starts another stub.
		if err := writeAll(c.socket, markStay); err != nil {
			return during(action, err)
		}
		if m, err := c.receive(); err != nil || m != (agent.Ready{}) {
			return during(action, syscall.EPIPE)
		}
	}
	command := *spec
	command.Entropy, command.Mounts, command.Sysctls, command.Hosts = nil, nil, nil, nil
	frame, err := agent.Append([]byte(markGo), &command)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	// The descriptors travel with the first byte.
	err = retry(func() error {
		return syscall.Sendmsg(c.socket, frame[:1], syscall.UnixRights(files...), nil, 0)
	})
	for _, fd := range files {
		syscall.Close(fd)
	}
	if err == nil {
		err = writeAll(c.socket, string(frame[1:]))
	}
	if err != nil && err != syscall.EPIPE && err != syscall.ECONNRESET {
		return during(action, err)
	}
	m, err := c.receive()
	if err != nil {
		return during(action, err)
	}
	syscall.Close(c.socket)
	switch m := m.(type) {
	case nil:
		return nil
	case agent.Error:
		return &refusal{m.Status, m.Text}
	}
	return during(action, agent.ErrMessage)
}
