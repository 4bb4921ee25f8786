package container

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w/guest"
	"github.com/c2w/c2w/guest/initramfs"
	"github.com/c2w/c2w/guest/runc"
	"github.com/c2w/c2w/internal/format/agent"
)

// TestBoot has the committed runc make the container on the committed kernel,
// with a process 1 and a stub that know nothing but what this package says.
func TestBoot(t *testing.T) {
	if _, err := exec.LookPath("qemu-system-riscv64"); err != nil {
		t.Skip("boots a guest under qemu-system-riscv64, which is not here")
	}
	dir := t.TempDir()
	probe := filepath.Join(dir, "probe")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", probe, "./testdata/probe")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	init, err := os.ReadFile(probe)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	program, err := d.DecodeAll(runc.Compressed("riscv64"), nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := Config(Options{})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := guest.Kernel("riscv64")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"Image": kernel, "initramfs": initramfs.Build(init, []initramfs.File{
		{Name: agent.Runc, Mode: 0o755, Data: program},
		{Name: agent.Bundle + "/config.json", Mode: 0o644, Data: config},
	})} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-riscv64", "-M", "virt", "-cpu", "rv64,v=off", "-m", "256",
		"-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
		"-kernel", filepath.Join(dir, "Image"), "-initrd", filepath.Join(dir, "initramfs"), "-append", guest.CommandLine,
		"-global", "virtio-mmio.force-legacy=false", "-device", "virtio-serial-device",
		"-chardev", "stdio,id=console,signal=off", "-device", "virtconsole,chardev=console")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("qemu: %v %s", err, complaints.String())
	}
	got := "\n" + strings.ReplaceAll(string(out), "\r\n", "\n")
	for _, line := range []string{
		"process: 1 [/proc/self/fd/4] [PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/] / 0 0",
		"status: Groups:",
		"status: CapInh: 0000000000000000",
		"status: CapPrm: 00000000a80425fb",
		"status: CapEff: 00000000a80425fb",
		"status: CapBnd: 00000000a80425fb",
		"status: CapAmb: 0000000000000000",
		"status: NoNewPrivs: 0",
		"status: Seccomp: 0",
		"/proc/self/cgroup: 0::/ <nil>",
		"/proc/self/oom_score_adj: 0 <nil>",
		"/etc/hosts: guest's hosts <nil>",
		"/etc/hostname: guest's hostname <nil>",
		"/etc/resolv.conf: guest's resolv.conf <nil>",
		"mount: / rw,relatime",
		"mount: /proc rw,nosuid,nodev,noexec,relatime",
		"mount: /dev rw,nosuid",
		"mount: /dev/pts rw,nosuid,noexec,relatime",
		"mount: /dev/shm rw,nosuid,nodev,noexec,relatime",
		"mount: /dev/mqueue rw,nosuid,nodev,noexec,relatime",
		"mount: /sys ro,nosuid,nodev,noexec,relatime",
		"mount: /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime",
		"mount: /proc/sys ro,nosuid,nodev,noexec,relatime",
		"mount: /proc/timer_list rw,nosuid", // the container's /dev/null
		"mount: /sys/firmware ro,relatime",
		"devices: [/dev/fd /dev/full /dev/mqueue /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero]",
		"cgroups are writable: false",
		"root is writable: true",
		"sysctls are writable: false",
		"open: kmsg open /dev/made-kmsg: operation not permitted",
		"open: null <nil>",
		"open: fuse open /dev/made-fuse: operation not permitted",
		"done",
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}
