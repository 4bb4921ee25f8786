// Command probe is the container's program in the boot test: it tells what it
// finds in the guest, so that the test can compare.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() { do(os.Args[1:]) }

func do(args []string) {
	number := func() int {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch args[0] {
	case "exit":
		os.Exit(number())
	case "kill":
		syscall.Kill(os.Getpid(), syscall.Signal(number()))
		select {}
	case "sleep":
		time.Sleep(time.Duration(number()) * time.Second)
	case "ready": // and then something else
		fmt.Println("ready")
		do(args[1:])
	case "sizes":
		fmt.Println(len(os.Args), len(os.Args[len(os.Args)-1]))
	case "sum":
		sum()
	case "copy":
		if _, err := io.Copy(os.Stdout, os.Stdin); err == nil {
			fmt.Fprintln(os.Stderr, "copied")
		}
	case "flood":
		fmt.Println("ready")
		for {
			if _, err := os.Stdout.Write(make([]byte, 4096)); err != nil {
				os.Exit(3)
			}
		}
	case "deaf":
		os.Stdin.Close()
		fmt.Println("deaf")
		time.Sleep(time.Second)
	case "eat":
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
	case "orphans": // children of nobody, one of them still there at the end
		for _, d := range []string{"0", "3600"} {
			pid, err := syscall.ForkExec("/proc/self/exe", []string{"probe", "sleep", d}, &syscall.ProcAttr{
				Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
			})
			fmt.Println(pid > 0, err)
		}
	case "terminal":
		terminal()
	case "look":
		look()
	}
}

var kept [][]byte

func sum() {
	h := sha256.New()
	n, err := io.Copy(h, os.Stdin)
	fmt.Printf("%d %x %v\n", n, h.Sum(nil), err)
}

func size() (rows, cols uint16) {
	var s [4]uint16
	syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&s)))
	return s[0], s[1]
}

// terminal tells what it is, reads it to an end, and waits for another size.
func terminal() {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	rows, cols := size()
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	name, _ := os.Readlink("/proc/self/fd/0")
	fmt.Println(rows, cols, err == nil, name)
	tty.Close()
	fmt.Println("ready")
	sum()
	<-resized
	rows, cols = size()
	fmt.Println("resized", rows, cols)
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
	say("pid", os.Getpid())
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	say("leader", int(sid) == os.Getpid())
	_, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	say("tty", err)
	groups, _ := os.Getgroups()
	say("ids", os.Getuid(), os.Getgid(), groups)
	reopened, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	say("reopened", err)
	reopened.Close()
	// The runtime has some of its own: a poller, and the cgroup's limits.
	var inherited []string
	for _, fd := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9} {
		if link, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd)); err == nil && !strings.HasPrefix(link, "anon_inode:") && !strings.HasPrefix(link, "/sys/fs/cgroup/") {
			inherited = append(inherited, strconv.Itoa(fd))
		}
	}
	say("fds", strings.Join(inherited, " "))
	say("hostname", read("/etc/hostname"))
	say("hosts", read("/etc/hosts"))
	say("umask", fmt.Sprintf("%o", syscall.Umask(0)))
	for name, field := range map[string]string{"blocked": "SigBlk", "ignored": "SigIgn", "no new privileges": "NoNewPrivs", "capabilities": "CapEff"} {
		_, value, _ := strings.Cut(read("/proc/self/status"), field+":\t")
		value, _, _ = strings.Cut(value, "\n")
		say(name, value)
	}
	say("read /mnt/a/file", read("/mnt/a/file"))
	for _, file := range []string{"/probe", "/mnt/a/x", "/link/b/x", "/data/vol/x", "/far/vol/x", "/dev/shm/x"} {
		say("write "+file, os.WriteFile(file, []byte("x"), 0o644))
	}
	say("fill", os.WriteFile("/fill", make([]byte, 2<<20), 0o644))
	_, _, errno := syscall.Syscall(277, 2, 0, 0) // seccomp(SECCOMP_GET_ACTION_AVAIL)
	say("seccomp", errno == syscall.EFAULT)
	_, _, errno = syscall.Syscall(425, 1, 0, 0) // io_uring_setup
	say("io_uring", errno == syscall.EFAULT)
	fmt.Println()
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}
