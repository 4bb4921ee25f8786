//go:build linux

// Command probe is process 1 of the guest in the boot test, and the stub in the
// container that it has runc make: it prints what the stub finds there.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/c2w/c2w/internal/format/agent"
)

func main() {
	if os.Args[0] == "/init" {
		if err := boot(); err != nil {
			fmt.Println("error:", err)
		}
		syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	}
	look(os.NewFile(3, "socket"))
}

func boot() error {
	// runc's pivot_root wants a root that is mounted on something, which the
	// kernel's first root is not.
	if err := syscall.Mount("/", "/", "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	if err := syscall.Chdir("/.."); err != nil {
		return err
	}
	if err := syscall.Chroot("."); err != nil {
		return err
	}
	for _, m := range [][2]string{{"/proc", "proc"}, {"/sys", "sysfs"}, {"/sys/fs/cgroup", "cgroup2"}, {"/dev", "devtmpfs"}, {"/run", "tmpfs"}, {agent.RootDir, "tmpfs"}} {
		os.MkdirAll(m[0], 0o755)
		if err := syscall.Mount("none", m[0], m[1], 0, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", m[0], err)
		}
	}
	os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
	os.Mkdir(agent.EtcDir, 0o755)
	for _, name := range []string{"hosts", "hostname", "resolv.conf"} {
		if err := os.WriteFile(agent.EtcDir+"/"+name, []byte("guest's "+name), 0o644); err != nil {
			return err
		}
	}

	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	socket, end := os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "stub's end")
	program, err := os.Open("/init")
	if err != nil {
		return err
	}
	cmd := exec.Command(agent.Runc, "run", "--detach", "--preserve-fds", "2", "--bundle", agent.Bundle, "c")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.ExtraFiles = []*os.File{end, program}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("runc: %w", err)
	}
	end.Close()
	if _, err := io.Copy(os.Stdout, socket); err != nil {
		return err
	}
	fmt.Println("done")
	return nil
}

func look(w io.Writer) {
	say := func(what string, values ...any) { fmt.Fprintf(w, "%s: %s", what, fmt.Sprintln(values...)) }
	dir, _ := os.Getwd()
	say("process", os.Getpid(), os.Args, os.Environ(), dir, os.Getuid(), os.Getgid())
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		for _, name := range []string{"Cap", "NoNewPrivs", "Seccomp:", "Groups"} {
			if strings.HasPrefix(line, name) {
				say("status", strings.Join(strings.Fields(line), " "))
			}
		}
	}
	for _, file := range []string{"/proc/self/cgroup", "/proc/self/oom_score_adj", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"} {
		b, err := os.ReadFile(file)
		say(file, strings.TrimSpace(string(b)), err)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		say("mount", f[4], f[5])
	}
	devices, _ := filepath.Glob("/dev/*")
	say("devices", devices)
	say("cgroups are writable", os.Mkdir("/sys/fs/cgroup/x", 0o755) == nil)
	say("root is writable", os.Mkdir("/x", 0o755) == nil)
	say("sysctls are writable", os.WriteFile("/proc/sys/kernel/hostname", []byte("x"), 0) == nil)
	for name, number := range map[string]int{"kmsg": 1<<8 | 11, "null": 1<<8 | 3, "fuse": 10<<8 | 229} {
		path := "/dev/made-" + name
		if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, number); err != nil {
			say("mknod", name, err)
			continue
		}
		_, err := os.Open(path)
		say("open", name, err)
	}
}
