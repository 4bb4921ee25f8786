package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// enter is run by sh in name spaces of its own: it makes QEMU the interpreter of
// riscv64 programs there and nowhere else (the kernel has had a binfmt_misc per
// user name space since 6.7), and the root what a container has. Flag F has the
// kernel open QEMU at once, from outside the root.
const enter = `set -e
root=$1 qemu=$2
shift 2
mount -t binfmt_misc none "$root/proc"
printf '%s' ":riscv64:M::` + riscv64ELF + `:$qemu:OCF" > "$root/proc/register"
mount -t proc none "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/tmp"
exec chroot "$root" "$@"
`

// riscv64ELF is the first 20 bytes of riscv64's programs and a mask of them: a
// 64-bit little-endian ELF file of version 1 (gABI, "ELF Header"), of type EXEC
// or DYN, for machine 243.
const riscv64ELF = `\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00` +
	`:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`

// ids are how many users and groups the name space has; nobody's is among them.
const ids = 65536

// underQEMU returns a command that runs another in a root of riscv64's.
func underQEMU(ctx context.Context, root string, command []string) (*exec.Cmd, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("-qemu needs root, for a name space with all users")
	}
	qemu, err := exec.LookPath("qemu-riscv64-static")
	if err != nil {
		return nil, fmt.Errorf("-qemu needs qemu-riscv64-static; tests/setup.sh installs it: %w", err)
	}
	if strings.Contains(qemu, ":") {
		return nil, fmt.Errorf("a colon in %s cannot be told to the kernel", qemu)
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", enter, "enter", root, qemu}, command...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	all := []syscall.SysProcIDMap{{Size: ids}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		UidMappings: all, GidMappings: all, GidMappingsEnableSetgroups: true,
	}
	return cmd, nil
}
