package guest

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/internal/convert/container"
	"github.com/c2w/c2w/internal/format/agent"
)

// TestBoot boots the committed kernel, init and runc under qemu, which is the
// oracle for our own machine: what works here and not there is the machine's
// fault. Cases run side by side: each boot is a computer of its own.
func TestBoot(t *testing.T) {
	if os.Getenv("C2W_SLOW") == "" {
		t.Skip("boots a guest under qemu-system-riscv64 some forty times; set C2W_SLOW=1 to run it")
	}
	for _, tool := range []string{"qemu-system-riscv64", "mkfs.erofs"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed, and CI is set: tests/setup.sh installs it", tool)
			}
			t.Skipf("MISSING: %s is not installed; tests/setup.sh installs it", tool)
		}
	}
	m := newMachine(t, &agent.Boot{
		Root:    agent.Root{Device: "/dev/vda", Type: "erofs", UpperSize: "1m"},
		Volumes: []string{"/data/vol", "/link/vol"},
	})
	spec := func(args ...string) *agent.Spec {
		return &agent.Spec{Args: args, Env: []string{"PATH=/nowhere:/bin", "WORD=two words"}}
	}

	t.Run("exit", func(t *testing.T) {
		t.Parallel()
		m.run(t, spec("probe", "exit", "0")).want(t, "", "", agent.Exit{})
		m.run(t, spec("probe", "exit", "255")).want(t, "", "", agent.Exit{Status: 255})
		s := spec("probe", "exit", "7")
		s.Init = true
		m.run(t, s).want(t, "", "", agent.Exit{Status: 7})
		s.Args = []string{"probe", "kill", "9"}
		m.run(t, s).want(t, "", "", agent.Exit{Status: 137})
	})
	t.Run("killed from outside", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "ready", "sleep", "3600")
		m.run(t, s, on("ready\n", agent.Signal{Number: 9})).want(t, "ready\n", "", agent.Exit{Status: 137, Signal: 9})
		// 28 does nothing to it.
		m.run(t, s, on("ready\n", agent.Stop{Signal: 28, Grace: 300})).want(t, "ready\n", "", agent.Exit{Status: 137, Signal: 9})
		s.Init = true
		m.run(t, s, on("ready\n", agent.Stop{Signal: 15, Grace: 60_000})).want(t, "ready\n", "", agent.Exit{Status: 143})
	})
	t.Run("not started", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name   string
			status uint8
			why    string
		}{
			{"nosuch", 127, "command not found"},
			{"/bin/nosuch", 127, "no such file"},
			{"script", 127, "its interpreter or loader is not in the image"},
			{"plain", 126, "permission denied"},
			{"/bin", 126, "is a directory"},
			{"text", 126, "not a program for this machine"},
		} {
			m.run(t, spec(c.name)).want(t, "", "", agent.Error{Status: c.status, Text: c.name + ": " + c.why})
		}
		s := spec("probe")
		s.User = "nosuch"
		m.run(t, s).want(t, "", "", agent.Error{Status: 125, Text: "unable to find user nosuch: no matching entry in /etc/passwd"})
		s = spec("probe")
		s.Dir = "/bin/probe"
		m.run(t, s).want(t, "", "", agent.Error{Status: 125, Text: "making the working directory /bin/probe: not a directory"})
		s = spec("nosuch")
		s.Init = true
		m.run(t, s).want(t, "", "", agent.Error{Status: 127, Text: "nosuch: command not found"})
	})
	t.Run("not created", func(t *testing.T) {
		t.Parallel()
		bad := newMachine(t, &agent.Boot{Root: agent.Root{Device: "/dev/vda", Type: "nofs"}})
		bad.run(t, spec("probe")).want(t, "", "", agent.Error{Status: 125, Text: "mounting the root device /dev/vda as nofs: no such device"})
	})
	t.Run("processes", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "orphans")
		m.run(t, s).want(t, "true <nil>\ntrue <nil>\n", "", agent.Exit{})
		s.Init = true
		m.run(t, s).want(t, "true <nil>\ntrue <nil>\n", "", agent.Exit{})
	})
	t.Run("streams", func(t *testing.T) {
		t.Parallel()
		random := make([]byte, 1_000_003)
		source := rand.NewChaCha8([32]byte{})
		source.Read(random)
		for _, input := range [][]byte{{}, []byte("no newline"), []byte("\n\n\x04\x16\x16\n"), random} {
			want := fmt.Sprintf("%d %x <nil>\n", len(input), sha256.Sum256(input))
			m.run(t, spec("probe", "sum"), typed(input), closed()).want(t, want, "", agent.Exit{})
		}
		m.run(t, spec("probe", "copy"), typed(random), closed()).want(t, string(random), "copied\n", agent.Exit{})
		s := spec("probe", "flood")
		s.Init = true // the signal does not kill a process 1
		m.run(t, s, on("ready\n", agent.Close{Stream: agent.Stdout})).wantLast(t, agent.Exit{Status: 141})
		r := m.run(t, spec("probe", "deaf"), typed(random))
		r.want(t, "deaf\n", "", agent.Exit{})
		if !r.inputUnwanted {
			t.Error("nobody said that input is not wanted")
		}
	})
	t.Run("surroundings", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "look", "")
		s.Dir = "/srv/deep"
		s.Hostname = "box"
		s.User = "web"
		s.Realtime = time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano()
		s.Entropy = make([]byte, agent.MaxEntropy)
		s.Mounts = []agent.Mount{{Index: 0, Target: "/mnt/a"}, {Index: 1, Target: "/link/b", ReadOnly: true}}
		m.run(t, s).wantLines(t,
			`args: ["probe" "look" ""]`,
			`env: ["PATH=/nowhere:/bin" "WORD=two words" "HOME=/home/web"]`,
			"dir: /srv/deep", "host: box", "year: 2031", "pid: 1", "leader: true", "tty: open /dev/tty: no such device or address",
			"ids: 33 34 [34 44]",
			"reopened: <nil>",
			"fds: 0 1 2",
			"hostname: box", "127.0.1.1\tbox",
			"umask: 22", "blocked: 0000000000000000", "ignored: 0000000000000000", "no new privileges: 0",
			"capabilities: 0000000000000000",
			"write /probe: open /probe: permission denied",
			"read /mnt/a/file: in the first directory",
			"write /link/b/x: open /link/b/x: read-only file system",
			"seccomp: true", "io_uring: true",
		)
	})
	t.Run("root's surroundings", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "look")
		s.Mounts = []agent.Mount{{Index: 0, Target: "/mnt/a"}}
		r := m.run(t, s)
		r.wantLines(t,
			`env: ["PATH=/nowhere:/bin" "WORD=two words" "HOME=/root"]`,
			"dir: /", "ids: 0 0 [0]",
			"write /probe: <nil>", "write /mnt/a/x: <nil>", "write /data/vol/x: <nil>", "write /far/vol/x: <nil>",
			"capabilities: 00000000a80425fb",
			"fill: write /fill: no space left on device",
		)
	})
	t.Run("read-only root", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "look")
		s.ReadOnly = true
		m.run(t, s).wantLines(t,
			"write /probe: open /probe: read-only file system",
			"write /data/vol/x: <nil>", "write /far/vol/x: <nil>", "write /dev/shm/x: <nil>")
	})
	t.Run("long arguments", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "sizes")
		for range 15 {
			s.Args = append(s.Args, strings.Repeat("x", 128<<10-1))
		}
		m.run(t, s).want(t, "17 131071\n", "", agent.Exit{})
		s.Args = append(s.Args, strings.Repeat("x", 128<<10))
		m.run(t, s).want(t, "", "", agent.Error{Status: 126, Text: "probe: argument list too long"})
	})
	t.Run("terminal", func(t *testing.T) {
		t.Parallel()
		s := spec("probe", "terminal")
		s.Terminal = true
		s.Rows, s.Cols = 24, 80
		want := fmt.Sprintf("24 80 true /dev/pts/0\r\nready\r\nhi\r\n3 %x <nil>\r\nresized 50 132\r\n", sha256.Sum256([]byte("hi\n")))
		m.run(t, s, on("ready\r\n", agent.Resize{Rows: 50, Cols: 132}), typed([]byte("hi\n\x04"))).want(t, want, "", agent.Exit{})
		// The end of the input is typed; what was not a line yet goes first.
		s.Cooked = true
		want = fmt.Sprintf("24 80 true /dev/pts/0\nready\n2 %x <nil>\nresized 50 132\n", sha256.Sum256([]byte("hi")))
		m.run(t, s, on("ready\n", agent.Resize{Rows: 50, Cols: 132}), typed([]byte("hi")), closed()).want(t, want, "", agent.Exit{})
		s = spec("probe", "ready", "sleep", "3600")
		s.Terminal = true
		m.run(t, s, on("ready\r\n", nil), typed([]byte{3})).want(t, "ready\r\n^C", "", agent.Exit{Status: 2})
	})
	t.Run("out of memory", func(t *testing.T) {
		t.Parallel()
		m.run(t, spec("probe", "eat")).wantLast(t, agent.Exit{Status: 137, Signal: 9, OutOfMemory: true})
	})
}

// newMachine makes what qemu boots: a root file system with what the cases above
// name, an initial file system, two directories of the host.
func newMachine(t *testing.T, boot *agent.Boot) machine {
	t.Helper()
	dir := t.TempDir()
	m := machine{kernel: filepath.Join(dir, "Image"), initrd: filepath.Join(dir, "initramfs"), disk: filepath.Join(dir, "disk"), shared: filepath.Join(dir, "shared")}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), mode))
	}
	kernel, err := Kernel("riscv64")
	check(err)
	write(m.kernel, string(kernel), 0o644)
	frame, err := agent.Append(nil, boot)
	check(err)
	config, err := container.Config(container.Options{})
	check(err)
	runc, err := Runc("riscv64")
	check(err)
	initrd, err := Initramfs("riscv64", []initramfs.File{
		{Name: agent.BootFile, Mode: 0o644, Data: frame},
		{Name: agent.Runc, Mode: 0o755, Data: runc},
		{Name: agent.Bundle + "/config.json", Mode: 0o644, Data: config},
	})
	check(err)
	write(m.initrd, string(initrd), 0o644)
	write(filepath.Join(m.shared, "0/file"), "in the first directory\n", 0o644)
	check(os.Chmod(filepath.Join(m.shared, "0"), 0o777))
	write(filepath.Join(m.shared, "1/file"), "in the second\n", 0o644)

	root := filepath.Join(dir, "root")
	for name, text := range map[string]string{
		"bin/plain":  "not executable",
		"bin/text":   "no program",
		"bin/script": "#!/bin/nosuch\n",
		"etc/passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/home/web:/bin/sh\n",
		"etc/group":  "root:x:0:\nvideo:x:44:web\n",
	} {
		mode := os.FileMode(0o755)
		if name == "bin/plain" {
			mode = 0o644
		}
		write(filepath.Join(root, name), text, mode)
	}
	// Directories are made where an image's links point, inside of it.
	check(os.Symlink("/../../far", filepath.Join(root, "link")))
	command(t, []string{"GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0"},
		"go", "build", "-ldflags", "-s -w", "-o", filepath.Join(root, "bin/probe"), "./testdata/probe")
	command(t, nil, "mkfs.erofs", m.disk, root)
	return m
}

func command(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// A deed is what the host does during a run, one after the other.
type deed struct {
	after   string        // wait until this is on standard output
	message agent.Message // then send this
	input   []byte        // or this, as standard input
	close   bool          // or end that
}

func on(output string, m agent.Message) deed { return deed{after: output, message: m} }
func typed(b []byte) deed                    { return deed{input: b} }
func closed() deed                           { return deed{close: true} }

type result struct {
	stdout, stderr string
	last           agent.Message
	inputUnwanted  bool
}

func (r result) want(t *testing.T, stdout, stderr string, last agent.Message) {
	t.Helper()
	if r.stdout != stdout || r.stderr != stderr {
		if len(r.stdout) > 2000 {
			r.stdout = fmt.Sprintf("(%d bytes) %s", len(r.stdout), r.stdout[:100])
		}
		t.Errorf("output %q, %q, want %.200q, %q", r.stdout, r.stderr, stdout, stderr)
	}
	r.wantLast(t, last)
}

func (r result) wantLast(t *testing.T, last agent.Message) {
	t.Helper()
	if r.last != last {
		t.Errorf("ended with %#v, want %#v", r.last, last)
	}
}

func (r result) wantLines(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+r.stdout, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	r.wantLast(t, agent.Exit{})
	if t.Failed() {
		t.Log(r.stdout, r.stderr)
	}
}
