//go:build linux

package main

import (
	"syscall"

	"github.com/c2w/c2w/internal/bootcfg"
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
func openPort(name string) int {
	const class = "/sys/class/virtio-ports"
	for {
		for _, device := range list(class) {
			if readFile(class+"/"+device+"/name") != name+"\n" {
				continue
			}
			if fd, err := open("/dev/"+device, syscall.O_RDWR); err == nil {
				return fd
			}
		}
		pause()
	}
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
func send(port int, m bootcfg.Message) {
	frame, err := bootcfg.Append(nil, m)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	writeAll(port, string(frame))
}

func receiveSpec(port int) (*bootcfg.Spec, error) {
	var parser bootcfg.Parser
	var buf [4096]byte
	for {
		m, err := parser.Next()
		if err != nil {
			return nil, during("reading the specification", err)
		}
		if m != nil {
			spec, ok := m.(*bootcfg.Spec)
			if !ok {
				return nil, during("reading the specification", bootcfg.ErrMessage)
			}
			return spec, nil
		}
		n, err := syscall.Read(port, buf[:])
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return nil, during("reading the specification", err)
		case n == 0: // the host has not opened its end yet
			pause()
		default:
			parser.Feed(buf[:n])
		}
	}
}
