//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

// session is one run.
type session struct {
	port      int // the contract's
	frames    agent.Parser
	volumes   []string
	container *container
	shared    bool // the container has files of the host
	underInit bool // its process 1 is not the command, which is a child of that

	in            input
	out           [2]output // standard output, or the terminal; standard error
	terminal      bool
	master, slave int // the terminal's ends

	refreshAt int64 // when to look at the host's files anew, as killAt

	killAt  int64 // when Stop's patience ends, on the monotonic clock in ns; 0: never
	oomKill int   // kills before the command
	exit    *agent.Exit
	// condemned is the signal that the command died of, as far as anybody is to
	// know: see [session.signal].
	condemned uint8
}

const (
	pollIn  = 0x1
	pollOut = 0x4
	pollErr = 0x8
	pollHup = 0x10
)

// pollfd is poll(2)'s; a negative descriptor is passed over.
type pollfd struct {
	fd              int32
	events, revents int16
}

// pump moves bytes and messages until the command has ended and its output is on
// its way, and returns how it ended. One thread does it all: the guest has one
// processor.
func (s *session) pump() agent.Exit {
	yieldToOthers()
	syscall.SetNonblock(s.port, true)
	s.oomKill = s.oomKills()
	if s.shared {
		s.refreshAt = monotonic() + hostMemory
	}
	s.receive() // what came behind the specification may be here already
	for {
		if s.exit != nil && s.out[0].source < 0 && s.out[1].source < 0 {
			return *s.exit
		}
		fds := [...]pollfd{
			{int32(s.port), pollIn, 0},
			{int32(s.container.pidfd), pollIn, 0},
			s.in.watchSource(),
			s.in.watchSink(),
			s.out[0].watch(),
			s.out[1].watch(),
		}
		if s.exit != nil {
			fds[1].fd, fds[2].fd, fds[3].fd = -1, -1, -1
		}
		s.wait(fds[:])
		// The end first: output that is there now was written before.
		if fds[1].revents != 0 {
			s.reap()
		}
		if fds[0].revents != 0 {
			s.receive()
		}
		for i := range s.out {
			o := &s.out[i]
			if o.source >= 0 && (fds[4+i].revents != 0 || s.exit != nil) && !o.move() {
				o.close()
			}
		}
		if s.exit == nil && (fds[2].revents|fds[3].revents) != 0 {
			s.feed(fds[3].revents&(pollErr|pollHup) != 0)
		}
	}
}

// watchSource: the port is of interest while there is room for what it has.
func (in *input) watchSource() pollfd {
	if in.sink < 0 || in.eof || len(in.pending) > 0 {
		return pollfd{fd: -1}
	}
	return pollfd{int32(in.source), pollIn, 0}
}

// watchSink: that nobody reads is told without asking.
func (in *input) watchSink() pollfd {
	if in.sink < 0 {
		return pollfd{fd: -1}
	}
	if len(in.pending) > 0 {
		return pollfd{int32(in.sink), pollOut, 0}
	}
	return pollfd{int32(in.sink), 0, 0}
}

func (o *output) watch() pollfd {
	switch {
	case o.source < 0:
		return pollfd{fd: -1}
	case len(o.pending) > 0:
		return pollfd{int32(o.sink), pollOut, 0}
	}
	return pollfd{int32(o.source), pollIn, 0}
}

// alarms does what is due and returns when the next is, on the monotonic clock
// in ns, or 0.
func (s *session) alarms(now int64) (next int64) {
	if s.killAt != 0 && now >= s.killAt {
		s.killAt = 0
		syscall.Kill(s.container.pid, syscall.SIGKILL)
	}
	if s.refreshAt != 0 && now >= s.refreshAt {
		refreshHost()
		s.refreshAt = now + hostMemory
	}
	if s.killAt != 0 && s.refreshAt != 0 {
		return min(s.killAt, s.refreshAt)
	}
	return s.killAt + s.refreshAt
}

// wait is poll, until the next alarm at most.
func (s *session) wait(fds []pollfd) {
	var timeout *syscall.Timespec
	if s.killAt != 0 || s.refreshAt != 0 {
		now := monotonic()
		if next := s.alarms(now); next != 0 {
			ts := syscall.NsecToTimespec(next - now)
			timeout = &ts
		}
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	if errno != 0 {
		for i := range fds {
			fds[i].revents = 0
		}
	}
}

// feed moves input; gone says that nobody can read it any more.
func (s *session) feed(gone bool) {
	if gone || !s.in.move() {
		s.in.close()
		if !s.in.eof {
			send(s.port, agent.Close{Stream: agent.Stdin})
		}
		return
	}
	if !s.in.eof || len(s.in.pending) > 0 || s.in.ended {
		return
	}
	if !s.terminal {
		s.in.close()
		return
	}
	s.in.ended = true
	s.in.pending = s.endOfInput()
	s.in.move()
}

// receive carries out what the host sends.
func (s *session) receive() {
	var buf [512]byte
	for {
		for {
			m, err := s.frames.Next()
			if err != nil {
				panic("BUG: the machine broke the contract: " + err.Error())
			}
			if m == nil {
				break
			}
			s.obey(m)
		}
		n, err := syscall.Read(s.port, buf[:])
		if err != nil || n <= 0 {
			return
		}
		s.frames.Feed(buf[:n])
	}
}

func (s *session) obey(m agent.Message) {
	if s.exit != nil {
		return
	}
	switch m := m.(type) {
	case agent.Signal:
		s.signal(m.Number, m.Early && agent.Deadly(m.Number))
	case agent.Stop:
		s.signal(m.Signal, m.Early)
		s.killAt = monotonic() + int64(m.Grace)*1e6
	case agent.Resize:
		if s.terminal && s.in.sink >= 0 {
			resize(s.master, m.Rows, m.Cols)
		}
	case agent.Close:
		s.abandon(int(m.Stream))
	}
}

// signal sends the container's process 1 a signal. With insist it shall not be
// for nothing: a command that has no handler for it, as any when it has just been
// executed, ends of it, although a process 1 need not. Under an init the command
// is no process 1.
func (s *session) signal(number uint8, insist bool) {
	if insist && !s.underInit && !s.container.heeds(number) {
		if s.condemned = number; !agent.Deadly(number) {
			s.condemned = uint8(syscall.SIGKILL)
		}
		number = uint8(syscall.SIGKILL)
	}
	syscall.Kill(s.container.pid, syscall.Signal(number))
}

// abandon closes what the host does not listen to any more: writers of a pipe
// get SIGPIPE, a terminal is hung up.
func (s *session) abandon(stream int) {
	if stream == agent.Stdin {
		return
	}
	s.out[stream-agent.Stdout].close()
	if s.terminal && stream == agent.Stdout {
		s.in.close()
		syscall.Close(s.slave)
		s.slave = -1
	}
}

// reap notes how the container's process 1 ended; the others in there ended
// before it did, by the kernel's hand (pid_namespaces(7)).
func (s *session) reap() {
	for s.exit == nil {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if pid == s.container.pid {
			exit := exitOf(ws)
			if s.condemned != 0 && exit.Signal == uint8(syscall.SIGKILL) {
				exit = agent.Exit{Status: 128 + s.condemned, Signal: s.condemned}
			}
			exit.OutOfMemory = s.oomKills() > s.oomKill
			s.exit = &exit
		}
	}
	if s.slave > 0 {
		syscall.Close(s.slave)
		s.slave = -1
	}
}

// oomKills counts the container's processes that the kernel killed for memory.
func (s *session) oomKills() int {
	for line := range strings.Lines(readFile(s.container.cgroup + "/memory.events")) {
		if v, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}

// yieldToOthers keeps this process from interrupting the command whenever there
// is something to move (SCHED_BATCH, sched(7)): ten thousand small writes would
// be as many switches between processes. It runs when the command waits, or its
// time slice is over.
func yieldToOthers() {
	const batch = 3
	var priority int32
	syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, batch, uintptr(unsafe.Pointer(&priority)))
}

func monotonic() int64 {
	const clockMonotonic = 1
	var ts syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}
