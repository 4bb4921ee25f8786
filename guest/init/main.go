//go:build linux

// Command init is process 1 of the guest, and the stub that is process 1 of the
// container: one program, so that the guest carries one Go runtime.
//
// As init it puts the container's root together, has runc create the container
// from what a conversion left, and tells the host that it waits. With the
// [agent.Spec] it completes the container from outside, hands the stub the
// command and its streams, moves bytes between those and the host, and reports
// how the command ended. As the stub it waits inside the container and becomes
// the command.
//
// Every run pays for its start, so it imports the syscall package and nothing
// above it: no os, no fmt, no reflection. It must not know what kind of machine
// it runs on beyond virtio consoles, a block device and a 9p transport.
package main

import (
	"runtime"
	"strings"
	"syscall"

	"github.com/c2w/c2w/internal/format/agent"
)

// roleReaper is the second argument of the stub that stays in the container.
const roleReaper = "init"

// Namespaces, credentials and signal masks belong to threads: everything happens
// on the first one.
func init() { runtime.LockOSThread() }

func main() {
	// The kernel's process 1 finds no /proc yet; a container has one.
	switch args := readFile("/proc/self/cmdline"); {
	case args == "":
		guest()
	case secondField(args) == roleReaper:
		reaper()
	default:
		stub()
	}
	syscall.Exit(agent.StatusFailed)
}

// secondField returns what is between the first zero byte and the next.
func secondField(s string) string {
	_, s, _ = strings.Cut(s, "\x00")
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// say is for the guest's console when the kernel's command line has c2w.debug.
var say = func(string) {}

// guest is the life of the machine. It does not return.
func guest() {
	ignoreSignals()
	leaveInitramfs()
	mountBase()
	if kernelArgument("c2w.debug") {
		say = func(line string) { writeAll(2, "c2w: init: "+line+"\n") }
	}
	say("started")
	var s session
	err := s.prepare()
	// There is nobody to complain to without the port.
	s.openPorts()
	if err == nil {
		say("the container waits")
		send(s.port, agent.Ready{})
		err = s.begin()
	}
	if err != nil {
		send(s.port, complaint(err))
		powerOff()
	}
	say("the command runs")
	send(s.port, agent.Started{})
	exit := s.pump()
	say("the command has ended")
	if s.shared {
		syscall.Sync() // what is on its way to the host's files
	}
	send(s.port, exit)
	powerOff()
}

// prepare makes everything that does not depend on the run.
func (s *session) prepare() error {
	boot, err := readBoot()
	if err != nil {
		return err
	}
	s.volumes = boot.Volumes
	loopbackUp()
	setSysctls()
	if err := mountRoot(boot.Root); err != nil {
		return err
	}
	if err := createEtc(); err != nil {
		return err
	}
	if s.container, err = createContainer(); err != nil {
		return err
	}
	return s.container.inside(func() error {
		for _, v := range s.volumes {
			if err := makeDirs(v); err != nil {
				return during("making the volume "+v, err)
			}
		}
		return nil
	})
}

// begin receives the run's facts and starts the command.
func (s *session) begin() error {
	spec, err := s.receiveSpec()
	if err != nil {
		return err
	}
	setClock(spec.Realtime)
	addEntropy(spec.Entropy)
	if err := s.container.complete(spec, s.volumes); err != nil {
		return err
	}
	s.shared = onHost(spec.Mounts)
	s.underInit = spec.Init
	files, err := s.connect(spec)
	if err != nil {
		return err
	}
	return s.container.start(spec, files)
}

// step is an error with the action it befell: "mounting /proc: device busy".
type step struct {
	action string
	err    error
}

func (s *step) Error() string { return s.action + ": " + s.err.Error() }

func during(action string, err error) error {
	if err == nil {
		return nil
	}
	return &step{action, err}
}

// refusal is an error with the status that it gives the run, when that is not
// [agent.StatusFailed].
type refusal struct {
	status uint8
	text   string
}

func (r *refusal) Error() string { return r.text }

// complaint is err as the contract carries it.
func complaint(err error) agent.Error {
	e := agent.Error{Status: agent.StatusFailed, Text: err.Error()}
	if r, ok := err.(*refusal); ok {
		e.Status = r.status
	}
	if len(e.Text) > agent.MaxErrorText {
		e.Text = e.Text[:agent.MaxErrorText]
	}
	return e
}

// ignoreSignals makes process 1 survive what others may send it. The kernel
// spares process 1 the default actions, but the Go runtime has handlers that end
// it. Only signals with such a handler may be ignored here: those the runtime
// resets in the programs that it starts, the others they would inherit.
func ignoreSignals() {
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, // cannot be
			syscall.SIGCHLD,                                                                                  // ignoring it would make children vanish unwaited
			syscall.SIGURG,                                                                                   // the runtime's own, and harmless
			syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH, 32, 33, 34: // no handler
		default:
			setIgnored(sig)
		}
	}
}

func powerOff() {
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	for { // the machine is off; should it ever not be, process 1 must not return
		syscall.Pause()
	}
}
