package guest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/format/agent"
)

// machine is what qemu boots, as files.
type machine struct{ kernel, initrd, disk, shared string }

// stream collects what comes from a port, and tells who waits for it.
type stream struct {
	mu   sync.Mutex
	more *sync.Cond
	text []byte
	over bool
}

func newStream() *stream {
	s := &stream{}
	s.more = sync.NewCond(&s.mu)
	return s
}

func (s *stream) collect(c net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		s.mu.Lock()
		s.text = append(s.text, buf[:n]...)
		s.over = err != nil
		s.more.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits until text is there, or nothing more comes.
func (s *stream) await(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over && !bytes.Contains(s.text, []byte(text)) {
		s.more.Wait()
	}
}

// all waits for the end and returns everything.
func (s *stream) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over {
		s.more.Wait()
	}
	return string(s.text)
}

// run boots once: waits for Ready, sends the specification, does the deeds, and
// returns what came until the machine went off.
func (m machine) run(t *testing.T, spec *agent.Spec, deeds ...deed) result {
	t.Helper()
	args := []string{"-M", "virt", "-cpu", "rv64,v=off", "-m", "128", "-bios", "default",
		"-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
		"-kernel", m.kernel, "-initrd", m.initrd, "-append", CommandLine,
		"-global", "virtio-mmio.force-legacy=false",
		"-device", "virtio-serial-device,max_ports=5",
		"-chardev", "stdio,id=console,signal=off", "-device", "virtconsole,chardev=console,nr=0",
		"-drive", "file=" + m.disk + ",format=raw,if=none,id=disk,readonly=on", "-device", "virtio-blk-device,drive=disk",
		"-fsdev", "local,id=shared,path=" + m.shared + ",security_model=none", "-device", "virtio-9p-device,fsdev=shared,mount_tag=" + agent.HostTag,
		"-device", "virtio-rng-device"}
	// Not t.TempDir: a socket's path is short.
	dir, err := os.MkdirTemp("", "c2w")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	names := []string{agent.PortName, agent.PortStdin, agent.PortStdout, agent.PortStderr}
	var listeners [4]net.Listener
	for i, name := range names {
		nr := strconv.Itoa(i + 1)
		path := filepath.Join(dir, nr)
		if listeners[i], err = net.Listen("unix", path); err != nil {
			t.Fatal(err)
		}
		defer listeners[i].Close()
		args = append(args, "-chardev", "socket,id=p"+nr+",path="+path, "-device", "virtserialport,chardev=p"+nr+",nr="+nr+",name="+name)
	}
	cmd := exec.Command("qemu-system-riscv64", args...)
	var console, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(2*time.Minute, func() {
		cmd.Process.Kill()
		for _, l := range listeners {
			l.Close()
		}
	})
	defer stop.Stop()
	var ports [4]net.Conn
	for i, l := range listeners {
		if ports[i], err = l.Accept(); err != nil {
			cmd.Wait()
			t.Fatalf("qemu did not come up: %v %s", err, complaints.String())
		}
		defer ports[i].Close()
	}
	stdout, stderr := newStream(), newStream()
	go stdout.collect(ports[2])
	go stderr.collect(ports[3])

	r := result{}
	send := func(m agent.Message) {
		frame, err := agent.Append(nil, m)
		if err != nil {
			t.Error(err)
		}
		ports[0].Write(frame)
	}
	perform := func() {
		for _, d := range deeds {
			stdout.await(d.after)
			if d.message != nil {
				send(d.message)
			}
			ports[1].Write(d.input)
			if d.close {
				// qemu reads on to the end. It would not after Close.
				ports[1].(*net.UnixConn).CloseWrite()
			}
		}
	}
	var parser agent.Parser
	buf := make([]byte, 4096)
	for {
		message, err := parser.Next()
		if err != nil {
			t.Error(err)
			break
		}
		if message == nil {
			n, err := ports[0].Read(buf)
			if err != nil {
				break // the machine is off
			}
			parser.Feed(buf[:n])
			continue
		}
		switch message {
		case agent.Ready{}:
			send(spec)
			go perform()
		case agent.Close{Stream: agent.Stdin}:
			r.inputUnwanted = true
		}
		r.last = message
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("qemu: %v %s", err, complaints.String())
	}
	if s := strings.TrimSpace(console.String()); s != "" {
		t.Logf("console: %s", s)
	}
	r.stdout, r.stderr = stdout.all(), stderr.all()
	return r
}
