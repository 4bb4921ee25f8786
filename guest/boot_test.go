package guest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/bootcfg"
)

// TestBoot boots the committed kernel and init under qemu, which is the oracle
// for our own machine: what works here and not there is the machine's fault.
func TestBoot(t *testing.T) {
	if os.Getenv("C2W_QEMU") == "" {
		t.Skip("boots a guest under qemu-system-riscv64 for minutes; set C2W_QEMU=1 to run it")
	}
	dir := t.TempDir()
	write := func(name string, b []byte, err error) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	b, err := Kernel("riscv64")
	m := machine{kernel: write("Image", b, err)}
	b, err = Initramfs("riscv64", nil)
	m.initrd = write("initramfs", b, err)
	m.disk = makeDisk(t, dir)

	spec := func(args ...string) *bootcfg.Spec {
		return &bootcfg.Spec{
			Args: args,
			Env:  []string{"PATH=/nowhere:/bin", "WORD=two words"},
			Root: bootcfg.Root{Device: "/dev/vda", Type: "erofs"},
		}
	}

	t.Run("exit", func(t *testing.T) {
		m.run(t, spec("probe", "exit", "0"), nil).want(t, "", bootcfg.Exit{})
		m.run(t, spec("probe", "exit", "255"), nil).want(t, "", bootcfg.Exit{Status: 255})
		m.run(t, spec("probe", "kill", "9"), nil).want(t, "", bootcfg.Exit{Status: 137, Signal: 9})
		m.run(t, spec("probe", "kill", "15"), nil).want(t, "", bootcfg.Exit{Status: 143, Signal: 15})
	})
	t.Run("not started", func(t *testing.T) {
		m.run(t, spec("nosuch"), nil).want(t, "c2w: nosuch: command not found\n", bootcfg.Exit{Status: 127})
		m.run(t, spec("/bin/nosuch"), nil).want(t, "c2w: /bin/nosuch: no such file\n", bootcfg.Exit{Status: 127})
		m.run(t, spec("plain"), nil).want(t, "c2w: plain: permission denied\n", bootcfg.Exit{Status: 126})
		m.run(t, spec("/bin"), nil).want(t, "c2w: /bin: is a directory\n", bootcfg.Exit{Status: 126})
		m.run(t, spec("text"), nil).want(t, "c2w: text: not a program for this machine\n", bootcfg.Exit{Status: 126})
		m.run(t, spec("script"), nil).want(t, "c2w: script: its interpreter or loader is not in the image\n", bootcfg.Exit{Status: 127})
		bad := spec("probe")
		bad.Root.Type = "nofs"
		m.run(t, bad, nil).want(t, "", bootcfg.Error{Text: "mounting the root device /dev/vda as nofs: no such device"})
		bad = spec("probe")
		bad.Dir = "/bin/probe"
		m.run(t, bad, nil).want(t, "", bootcfg.Error{Text: "entering the working directory /bin/probe: not a directory"})
	})
	t.Run("processes", func(t *testing.T) {
		m.run(t, spec("probe", "harass"), nil).want(t, "", bootcfg.Exit{})
		m.run(t, spec("probe", "orphans"), nil).want(t, "true <nil>\ntrue <nil>\n", bootcfg.Exit{})
	})
	t.Run("output", func(t *testing.T) {
		var all []byte
		for i := range 256 {
			all = append(all, byte(i))
		}
		m.run(t, spec("probe", "bytes"), nil).want(t, string(all)+"\r\n\n\r", bootcfg.Exit{})
	})
	t.Run("input", func(t *testing.T) {
		random := make([]byte, 100_003)
		source := rand.NewChaCha8([32]byte{})
		source.Read(random)
		long := bytes.Repeat([]byte("x"), 20_000)
		for _, input := range [][]byte{{}, []byte("line\n"), []byte("no newline"), []byte("\n\n\x04\x16\x16\n"), long, random} {
			want := fmt.Sprintf("%d %x <nil>\n", len(input), sha256.Sum256(input))
			m.run(t, spec("probe", "sum"), input).want(t, want, bootcfg.Exit{})
		}
	})
	t.Run("surroundings", func(t *testing.T) {
		s := spec("probe", "look", "")
		s.Dir = "/srv/deep"
		s.Hostname = "box"
		s.Realtime = time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
		s.Entropy = make([]byte, bootcfg.MaxEntropy)
		s.Mounts = []bootcfg.Mount{
			{Source: "tmpfs", Target: "/mnt/a", Type: "tmpfs", Options: "size=1m"},
			{Source: "tmpfs", Target: "/mnt/b", Type: "tmpfs", ReadOnly: true},
		}
		got := m.run(t, s, nil)
		for _, line := range []string{
			`args: ["probe" "look" ""]`,
			`env: ["PATH=/nowhere:/bin" "WORD=two words"]`,
			"dir: /srv/deep", "host: box", "year: 2031", "leader: true", "tty: <nil>",
			"root: bin dev etc mnt proc sys work",
			"dev: fd full fuse mqueue ptmx pts shm stderr stdin stdout",
			"controllers: cpu io memory pids",
			"hostname: of the image", "127.0.1.1 box",
			"write: <nil>", "mounted: <nil> open /mnt/b/x: read-only file system",
			"ns cgroup: <nil>", "ns ipc: <nil>", "ns mnt: <nil>", "ns net: <nil>", "ns pid: <nil>", "ns time: <nil>", "ns user: <nil>", "ns uts: <nil>",
			"socket unix: <nil>", "socket inet: <nil>", "socket inet6: <nil>", "socket packet: <nil>", "socket netlink: <nil>",
			"ignored: 0000000000000000", "seccomp: true", "io_uring: true",
			"filesystems: sysfs tmpfs proc cgroup cgroup2 devtmpfs binfmt_misc sockfs bpf pipefs ramfs devpts fuseblk fuse fusectl overlay 9p erofs mqueue",
		} {
			if !strings.Contains("\n"+got.output, "\n"+line+"\n") {
				t.Errorf("no line %q", line)
			}
		}
		if t.Failed() {
			t.Log(got.output)
		}
	})
	t.Run("read-only root", func(t *testing.T) {
		s := spec("probe", "look")
		s.Root.ReadOnly = true
		got := m.run(t, s, nil)
		if line := "write: open /probe: read-only file system\n"; !strings.Contains(got.output, line) {
			t.Errorf("no line %q in\n%s", line, got.output)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		s := spec("probe", "converse")
		s.Terminal = true
		s.Rows, s.Cols = 24, 80
		got := m.run(t, s, []byte("hi\n"))
		want := fmt.Sprintf("ready\r\nhi\r\n3 %x <nil>\r\n", sha256.Sum256([]byte("hi\n")))
		got.want(t, want, bootcfg.Exit{})
	})
}

// makeDisk makes a root file system with what the cases above name.
func makeDisk(t *testing.T, dir string) string {
	root := filepath.Join(dir, "root")
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, []string{"GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0"},
		"go", "build", "-ldflags", "-s -w", "-o", filepath.Join(root, "bin/probe"), "./testdata/probe")
	for name, f := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"bin/plain":    {"not executable", 0o644},
		"bin/text":     {"no program", 0o755},
		"bin/script":   {"#!/bin/nosuch\n", 0o755},
		"etc/hostname": {"of the image\n", 0o644},
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	disk := filepath.Join(dir, "disk")
	command(t, nil, "mkfs.erofs", disk, root)
	return disk
}

func command(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

type machine struct{ kernel, initrd, disk string }

type result struct {
	output string
	last   bootcfg.Message
}

func (r result) want(t *testing.T, output string, last bootcfg.Message) {
	t.Helper()
	if r.output != output {
		t.Errorf("output %q, want %q", r.output, output)
	}
	if r.last != last {
		t.Errorf("ended with %#v, want %#v", r.last, last)
	}
}

// run boots once: waits for Ready, sends the specification and the input, and
// returns what came out until the machine went off.
func (m machine) run(t *testing.T, spec *bootcfg.Spec, input []byte) result {
	t.Helper()
	// Not t.TempDir: a socket's path is short.
	dir, err := os.MkdirTemp("", "c2w")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := net.Listen("unix", filepath.Join(dir, "port"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command("qemu-system-riscv64", "-M", "virt", "-cpu", "rv64,v=off", "-m", "128", "-bios", "default",
		"-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
		"-kernel", m.kernel, "-initrd", m.initrd, "-append", CommandLine,
		"-global", "virtio-mmio.force-legacy=false",
		"-device", "virtio-serial-device,max_ports=2",
		"-chardev", "stdio,id=console,signal=off", "-device", "virtconsole,chardev=console,nr=0",
		"-chardev", "socket,id=contract,path="+listener.Addr().String(), "-device", "virtserialport,chardev=contract,nr=1,name="+bootcfg.PortName,
		"-drive", "file="+m.disk+",format=raw,if=none,id=disk,readonly=on", "-device", "virtio-blk-device,drive=disk",
		"-device", "virtio-rng-device")
	out := output{begun: make(chan struct{})}
	var complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill(); listener.Close() })
	defer stop.Stop()
	port, err := listener.Accept()
	if err != nil {
		cmd.Wait()
		t.Fatalf("qemu did not come up: %v %s", err, complaints.String())
	}
	defer port.Close()

	var r result
	var parser bootcfg.Parser
	buf := make([]byte, 4096)
	for {
		message, err := parser.Next()
		if err != nil {
			t.Error(err)
			break
		}
		if message == nil {
			n, err := port.Read(buf)
			if err != nil {
				break // the machine is off
			}
			parser.Feed(buf[:n])
			continue
		}
		r.last = message
		if _, ok := message.(bootcfg.Ready); !ok {
			continue
		}
		frame, err := bootcfg.Append(nil, spec)
		if err != nil {
			t.Fatal(err)
		}
		port.Write(frame)
		go func() {
			if spec.Terminal { // a person, who waits for the prompt and types ^D
				<-out.begun
				in.Write(append(input, 4))
				return
			}
			var e bootcfg.InputEncoder
			in.Write(e.AppendEOF(e.Append(nil, input)))
		}()
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("qemu: %v %s", err, complaints.String())
	}
	r.output = out.text.String()
	return r
}

// output collects what the console shows, and tells when that begins.
type output struct {
	text  bytes.Buffer
	begun chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	if o.text.Len() == 0 && len(p) > 0 {
		close(o.begun)
	}
	return o.text.Write(p)
}
