// Command probe is the container's program in the boot test: it tells what it
// finds in the guest, so that the test can compare.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "exit":
		n, _ := strconv.Atoi(os.Args[2])
		os.Exit(n)
	case "kill":
		n, _ := strconv.Atoi(os.Args[2])
		syscall.Kill(os.Getpid(), syscall.Signal(n))
		select {}
	case "harass": // what a container's root may do to process 1
		for sig := syscall.Signal(1); sig < 65; sig++ {
			syscall.Kill(1, sig)
		}
	case "bytes": // every byte, and line ends in particular
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
		}
		os.Stdout.Write(b)
		os.Stdout.WriteString("\r\n\n\r")
	case "converse":
		fmt.Println("ready")
		sum()
	case "sum":
		sum()
	case "orphans": // children of nobody, one of them still there at the end
		for _, d := range []string{"0", "3600"} {
			pid, err := syscall.ForkExec("/proc/self/exe", []string{"probe", "sleep", d}, &syscall.ProcAttr{
				Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
			})
			fmt.Println(pid > 0, err)
		}
	case "sleep":
		n, _ := strconv.Atoi(os.Args[2])
		time.Sleep(time.Duration(n) * time.Second)
	case "look":
		look()
	}
}

func sum() {
	h := sha256.New()
	n, err := io.Copy(h, os.Stdin)
	fmt.Printf("%d %x %v\n", n, h.Sum(nil), err)
}

// look prints one "name: value" line each.
func look() {
	say := func(name string, v ...any) { fmt.Println(name+":", strings.TrimSpace(fmt.Sprintln(v...))) }
	say("args", fmt.Sprintf("%q", os.Args))
	say("env", fmt.Sprintf("%q", os.Environ()))
	dir, _ := os.Getwd()
	say("dir", dir)
	host, _ := os.Hostname()
	say("host", host)
	say("year", time.Now().UTC().Year())
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	say("leader", int(sid) == os.Getpid())
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	say("tty", err)
	tty.Close()
	say("fds", strings.Join(names("/proc/self/fd"), " "))
	say("root", strings.Join(names("/"), " "))
	say("dev", strings.Join(names("/dev/[fmps][dqthu]*"), " "))
	say("controllers", read("/sys/fs/cgroup/cgroup.controllers"))
	say("hostname", read("/etc/hostname"))
	say("hosts", read("/etc/hosts"))
	say("write", os.WriteFile("/probe", []byte("x"), 0o644))
	say("mounted", os.WriteFile("/mnt/a/x", nil, 0o644), os.WriteFile("/mnt/b/x", nil, 0o644))
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		_, err := os.Stat("/proc/self/ns/" + ns)
		say("ns "+ns, err)
	}
	var filesystems []string
	for line := range strings.Lines(read("/proc/filesystems")) {
		f := strings.Fields(line)
		filesystems = append(filesystems, f[len(f)-1])
	}
	say("filesystems", strings.Join(filesystems, " "))
	for name, domain := range map[string]int{"unix": syscall.AF_UNIX, "inet": syscall.AF_INET, "inet6": syscall.AF_INET6, "packet": syscall.AF_PACKET, "netlink": syscall.AF_NETLINK} {
		fd, err := syscall.Socket(domain, syscall.SOCK_DGRAM, 0)
		say("socket "+name, err)
		syscall.Close(fd)
	}
	_, ignored, _ := strings.Cut(read("/proc/self/status"), "SigIgn:\t")
	ignored, _, _ = strings.Cut(ignored, "\n")
	say("ignored", ignored)
	_, _, errno := syscall.Syscall(277, 2, 0, 0) // seccomp(SECCOMP_GET_ACTION_AVAIL)
	say("seccomp", errno == syscall.EFAULT)
	_, _, errno = syscall.Syscall(425, 1, 0, 0) // io_uring_setup
	say("io_uring", errno == syscall.EFAULT)
}

func names(pattern string) []string {
	if !strings.ContainsAny(pattern, "*[") {
		pattern += "/*"
		pattern = strings.Replace(pattern, "//", "/", 1)
	}
	list, _ := filepath.Glob(pattern)
	for i := range list {
		list[i] = filepath.Base(list[i])
	}
	return list
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}
