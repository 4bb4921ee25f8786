//go:build linux

// Command init is process 1 of the guest. It mounts what a program expects,
// receives one [bootcfg.Spec] from the host, puts the container's root file
// system together, runs the program in it, reports how it ended and switches
// the machine off.
//
// Every run pays for its start, so it imports the syscall package and nothing
// above it: no os, no fmt, no reflection. It must not know what kind of machine
// it runs on beyond a virtio-console and a block device.
package main

import (
	"syscall"

	"github.com/c2w/c2w/internal/bootcfg"
)

func main() {
	ignoreSignals()
	mountBase()
	debug := kernelArgument("c2w.debug")
	say := func(string) {}
	if debug {
		say = func(line string) { writeAll(2, "c2w: init: "+line+"\n") }
	}
	say("started")

	tty := openTerminal()
	port := openPort(bootcfg.PortName)
	send(port, bootcfg.Ready{})
	spec, err := receiveSpec(port)
	if err == nil {
		say("got the specification")
		tty.setUp(spec)
		err = enterRoot(spec)
	}
	if err != nil {
		send(port, bootcfg.Error{Text: clip(err.Error())})
		powerOff()
	}
	say("starting the program")
	exit := run(spec, tty)
	say("the program has ended")
	killAll()
	syscall.Sync()
	send(port, exit)
	powerOff()
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

// clip shortens a message to what the contract carries.
func clip(s string) string {
	if len(s) > bootcfg.MaxErrorText {
		s = s[:bootcfg.MaxErrorText]
	}
	return s
}

// ignoreSignals makes process 1 survive what the container's processes may send
// it. The kernel spares process 1 the default actions, but the Go runtime has
// handlers that end it. Only signals with such a handler may be ignored here:
// those the runtime resets in the programs that it starts, the others they would
// inherit.
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

// killAll ends every process but this one and waits until they are gone, so
// that none of their output follows the program's end.
func killAll() {
	syscall.Kill(-1, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && err != syscall.EINTR {
			return
		}
	}
}

func powerOff() {
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	for { // the machine is off; should it ever not be, process 1 must not return
		syscall.Pause()
	}
}
