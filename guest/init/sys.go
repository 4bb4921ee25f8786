//go:build linux

package main

import (
	"strings"
	"syscall"
	"unsafe"
)

// retry calls f again while a signal interrupts it; the Go runtime's own
// signals can, and the syscall package does not restart calls.
func retry(f func() error) error {
	for {
		if err := f(); err != syscall.EINTR {
			return err
		}
	}
}

func open(path string, flags int) (int, error) {
	fd := -1
	err := retry(func() (err error) {
		fd, err = syscall.Open(path, flags|syscall.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

func writeAll(fd int, s string) error {
	for s != "" {
		n, err := syscall.Write(fd, []byte(s))
		if err != nil && err != syscall.EINTR {
			return err
		}
		if n > 0 {
			s = s[n:]
		}
	}
	return nil
}

// readFile returns a file's first 4096 bytes: it is for small files of the
// kernel's. "" means that it cannot be read.
func readFile(path string) string {
	fd, err := open(path, syscall.O_RDONLY)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	var buf [4096]byte
	total := 0
	for total < len(buf) {
		n, err := syscall.Read(fd, buf[total:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		total += n
	}
	return string(buf[:total])
}

// writeFile writes a file's whole content, in place if it exists.
func writeFile(path, text string) error {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return writeAll(fd, text)
}

// makeDirs makes a directory and those that lead to it, and what symbolic links
// on the way point to; what exists stays as it is.
func makeDirs(path string) error { return makeDirsThrough(path, 40) } // as many links as the kernel follows

func makeDirsThrough(path string, links int) error {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		err := syscall.Mkdir(path[:i], 0o755)
		if err == nil {
			continue
		}
		var st syscall.Stat_t
		switch found := syscall.Stat(path[:i], &st); {
		case found == nil && st.Mode&syscall.S_IFMT != syscall.S_IFDIR:
			return syscall.ENOTDIR
		case found == nil:
			continue
		case found != syscall.ENOENT:
			return found
		case err != syscall.EEXIST:
			return err
		case links == 0:
			return syscall.ELOOP
		}
		// It is there and leads nowhere: a link.
		var buf [4096]byte
		n, err := syscall.Readlink(path[:i], buf[:])
		if err != nil {
			return err
		}
		target := string(buf[:n])
		if target == "" || target[0] != '/' {
			target = path[:strings.LastIndexByte(path[:i], '/')+1] + target
		}
		if err := makeDirsThrough(target, links-1); err != nil {
			return err
		}
	}
	return nil
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	return retry(func() error {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		return failure(errno)
	})
}

// failure is errno as an error: nil if it is zero.
func failure(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// setIgnored is sigaction(sig, SIG_IGN). Architectures differ in what follows
// the flags, a restorer or not, but for SIG_IGN all of it is zero.
func setIgnored(sig syscall.Signal) {
	const sigIgn = 1
	action := struct{ handler, flags, restorer, mask uint64 }{handler: sigIgn}
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// kernelArgument reports whether a word is on the kernel's command line.
func kernelArgument(word string) bool {
	line := readFile("/proc/cmdline")
	for start, i := 0, 0; i <= len(line); i++ {
		if i == len(line) || line[i] == ' ' || line[i] == '\n' {
			if line[start:i] == word {
				return true
			}
			start = i + 1
		}
	}
	return false
}
