//go:build linux

package main

import (
	"syscall"

	"github.com/c2w/c2w/internal/format/agent"
)

// portPause is how long to wait for the kernel to announce the port, or for the
// host to open its end: both take a few messages on the control queue.
const portPause = 1e6 // ns

func pause() {
	ts := syscall.NsecToTimespec(portPause)
	syscall.Nanosleep(&ts, nil)
}

// openPort opens the virtio-console port of that name. There is nobody to
// complain to without it, so it waits for as long as it takes.
func openPort(name string, flags int) int {
	const class = "/sys/class/virtio-ports"
	for {
		for _, device := range list(class) {
			if readFile(class+"/"+device+"/name") != name+"\n" {
				continue
			}
			if fd, err := open("/dev/"+device, flags); err == nil {
				return fd
			}
		}
		pause()
	}
}

// openPorts opens the session's ports. The kernel learns of one port after the
// other, its name and then whether the host's end is open: when the last one has
// its name, an end of the input's port is an end and not a beginning.
func (s *session) openPorts() {
	s.port = openPort(agent.PortName, syscall.O_RDWR)
	s.in.source = openPort(agent.PortStdin, syscall.O_RDWR|syscall.O_NONBLOCK)
	s.out[0].sink = openPort(agent.PortStdout, syscall.O_RDWR|syscall.O_NONBLOCK)
	s.out[1].sink = openPort(agent.PortStderr, syscall.O_RDWR|syscall.O_NONBLOCK)
}

// list returns a directory's entries, without . and .., or nothing.
func list(dir string) []string {
	fd, err := open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var names []string
	var buf [4096]byte
	for {
		n, err := syscall.ReadDirent(fd, buf[:])
		if err != nil || n <= 0 {
			return names
		}
		_, _, names = syscall.ParseDirent(buf[:n], -1, names)
	}
}

// send writes a message to the host. A host that does not listen any more is
// no reason to do anything but go on.
func send(port int, m agent.Message) {
	frame, err := agent.Append(nil, m)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	writeAll(port, string(frame))
}

// receiveSpec waits for what is to be run.
func (s *session) receiveSpec() (*agent.Spec, error) {
	const action = "reading the specification"
	buf := make([]byte, 16<<10)
	for {
		m, err := s.frames.Next()
		if err != nil {
			return nil, during(action, err)
		}
		if m != nil {
			spec, ok := m.(*agent.Spec)
			if !ok {
				return nil, during(action, agent.ErrMessage)
			}
			return spec, nil
		}
		n, err := syscall.Read(s.port, buf)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil, during(action, err)
		case n == 0: // the host has not opened its end yet
			pause()
		default:
			s.frames.Feed(buf[:n])
		}
	}
}
