package container

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities are those that Docker leaves a container, by number.
var capabilities = []string{
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_RAW",
	"CAP_SYS_CHROOT",
	"CAP_MKNOD",
	"CAP_AUDIT_WRITE",
	"CAP_SETFCAP",
}

// devices are Docker's rules, of which the last that matches counts: nothing but
// null, zero, full, random, urandom, tty, console. runc adds mknod of anything,
// ptmx and the terminals of /dev/pts.
var devices = []specs.LinuxDeviceCgroup{
	{Allow: false, Access: "rwm"},
	allow(1, 5),
	allow(1, 3),
	allow(1, 9),
	allow(1, 8),
	allow(5, 0),
	allow(5, 1),
	{Allow: false, Type: "c", Major: number(10), Minor: number(229), Access: "rwm"}, // fuse
}

func allow(major, minor int64) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: number(major), Minor: number(minor), Access: "rwm"}
}

func number(n int64) *int64 { return &n }

const unlimited = 1<<64 - 1

// limits are the resource limits that differ from what the guest's kernel gives
// its process 1. Docker sets none itself: what a container has there comes from
// systemd and from the services' settings, and these are those.
var limits = []specs.POSIXRlimit{
	// The soft limit is for programs that select(2), or close all that could be open.
	{Type: "RLIMIT_NOFILE", Soft: 1024, Hard: 512 << 10},
	{Type: "RLIMIT_NPROC", Soft: unlimited, Hard: unlimited},
	// The kernel's, of a computer with 16 GiB.
	{Type: "RLIMIT_SIGPENDING", Soft: 63_000, Hard: 63_000},
}

// maskedPaths are Docker's; runc passes over what the kernel does not have.
var maskedPaths = []string{
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
}

// readonlyPaths are Docker's.
var readonlyPaths = []string{
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
