//go:build linux

package main

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

// sysctls are what a host of containers has set and what docker sets itself,
// where the kernel's own value differs. docs/security.md says of each why; its
// test compares.
var sysctls = []string{
	// Docker's own, for a container with interfaces of its own.
	"net/ipv4/ping_group_range=0 2147483647",
	"net/ipv4/ip_unprivileged_port_start=0",
	// systemd's: only memory and the limits of processes bound open files.
	"fs/file-max=9223372036854775807",
	"fs/nr_open=1073741816",
	"kernel/pid_max=4194304",
	// Distributions': what databases and search engines ask for.
	"vm/max_map_count=1048576",
	// The kernel's, of a computer with 16 GiB. They count what is accounted to the
	// container's memory anyway.
	"fs/inotify/max_user_watches=124576",
	"fs/epoll/max_user_watches=3690000",
	"kernel/threads-max=126000",
}

// setSysctls ignores failures: a kernel that has no such thing has no such limit.
func setSysctls() {
	for _, kv := range sysctls {
		name, value, _ := strings.Cut(kv, "=")
		writeExisting("/proc/sys/"+name, value)
	}
}

// setAsked sets the kernel parameters that the run asks for. The kernel is the
// container's own, so it may be any; the caller is in the container's namespaces
// where they have parameters of their own.
func setAsked(settings []string) error {
	for _, kv := range settings {
		name, value, _ := strings.Cut(kv, "=")
		path, err := sysctlPath(name)
		if err == nil {
			err = writeExisting(path, value)
		}
		if err != nil {
			return during("setting the kernel parameter "+name, err)
		}
	}
	return nil
}

// sysctlPath is where a parameter is. As with sysctl(8), what separates first,
// dot or slash, separates, and the other is part of a name.
func sysctlPath(name string) (string, error) {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		swapped := []byte(name)
		for i, c := range swapped {
			switch c {
			case '.':
				swapped[i] = '/'
			case '/':
				swapped[i] = '.'
			}
		}
		path = string(swapped)
	}
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", syscall.EINVAL
		}
	}
	return "/proc/sys/" + path, nil
}

// writeExisting writes a file of the kernel's in one go, as those want it.
func writeExisting(path, text string) error {
	fd, err := open(path, syscall.O_WRONLY)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return writeAll(fd, text)
}

// limits are the resource limits of the command.
type limits []agent.Limit

// allow lets a process take the limits: only init may raise hard ones. Lower ones
// come last, when the process is done with its own needs: see [limits.take].
func (l limits) allow(pid int) error {
	for _, limit := range l {
		var now syscall.Rlimit
		err := prlimit(pid, limit.Resource, nil, &now)
		if err == nil && limit.Hard > now.Max {
			now.Max = limit.Hard
			err = prlimit(pid, limit.Resource, &now, nil)
		}
		if err != nil {
			return limitError(limit, err)
		}
	}
	return nil
}

// take makes them this process's. The syscall package forgets by this what open
// files it would restore for a new program.
func (l limits) take() error {
	for _, limit := range l {
		if err := syscall.Setrlimit(int(limit.Resource), &syscall.Rlimit{Cur: limit.Soft, Max: limit.Hard}); err != nil {
			return limitError(limit, err)
		}
	}
	return nil
}

func limitError(l agent.Limit, err error) error {
	return during("setting the resource limit "+strconv.Itoa(int(l.Resource))+" to "+strconv.FormatUint(l.Hard, 10), err)
}

func prlimit(pid int, resource uint8, set, old *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(resource), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 0, 0)
	return failure(errno)
}
