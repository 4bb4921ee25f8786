// Package container writes the OCI runtime configuration (config.json) with
// which runc makes the guest's container: what is the same in every run of an
// image. Process 1 in it is the stub that waits for the run's own facts
// (command, user, environment, directory, mounts, hostname), which are none of
// this package's business.
//
// It must not know how the configuration reaches the guest, nor what init does.
package container

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/c2w/c2w/internal/format/agent"
)

// Cgroup is the container's cgroup, below where the guest has cgroup 2.
const Cgroup = "/container"

// Stub is the program of the container's process 1: what runc is given as
// descriptor 4, by way of its --preserve-fds 2. So it needs no file in the
// image's root. Descriptor 3 is its socket to init.
const Stub = "/proc/self/fd/4"

// Options are what may differ. The zero value is what a converted file has.
type Options struct {
	// Root is the container's root in the guest, an absolute clean path; "" is
	// agent.RootDir.
	Root string
	// Etc is the directory of hosts, hostname and resolv.conf, an absolute clean
	// path; "" is agent.EtcDir.
	Etc string
	// Cgroup is the path of the container's cgroup from the root of cgroup 2,
	// absolute, clean and not "/"; "" is Cgroup.
	Cgroup string
}

// Config returns the configuration of version 1.3 of the OCI runtime
// specification, as JSON: the same bytes for the same options.
func Config(o Options) ([]byte, error) {
	for _, f := range []struct {
		what string
		path *string
		or   string
	}{{"root", &o.Root, agent.RootDir}, {"etc", &o.Etc, agent.EtcDir}, {"cgroup", &o.Cgroup, Cgroup}} {
		if *f.path == "" {
			*f.path = f.or
		}
		if p := *f.path; !path.IsAbs(p) || path.Clean(p) != p || p == "/" {
			return nil, fmt.Errorf("the container's %s %q is not an absolute clean path below /", f.what, p)
		}
	}
	b, err := json.MarshalIndent(spec(o), "", "\t")
	if err != nil {
		return nil, fmt.Errorf("writing the container's configuration: %w", err)
	}
	return append(b, '\n'), nil
}

func spec(o Options) *specs.Spec {
	return &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{
			Args: []string{Stub},
			// runc looks for neither, but sets HOME itself where it is missing.
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"},
			Cwd: "/",
			Capabilities: &specs.LinuxCapabilities{
				// None inheritable or ambient: a command that runs as another user
				// than root has none, as under Docker.
				Bounding:  capabilities,
				Effective: capabilities,
				Permitted: capabilities,
			},
			Rlimits:     limits,
			OOMScoreAdj: new(int), // init has protected itself; the container is the one to kill
		},
		// Read-only roots become so after the run's mounts are made.
		Root:   &specs.Root{Path: o.Root},
		Mounts: mounts(o.Etc),
		Linux: &specs.Linux{
			CgroupsPath: o.Cgroup,
			Namespaces: []specs.LinuxNamespace{
				// No network namespace: the guest is the sandbox, and its interfaces
				// are the container's.
				{Type: specs.PIDNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.CgroupNamespace},
			},
			Resources:         &specs.LinuxResources{Devices: devices},
			RootfsPropagation: "rprivate",
			MaskedPaths:       maskedPaths,
			ReadonlyPaths:     readonlyPaths,
			// Seccomp is nil: docs/RATIONALE.md says why.
		},
	}
}

// mounts returns Docker's mounts, in the order in which they are made.
func mounts(etc string) []specs.Mount {
	list := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro", "nosuid", "noexec", "nodev"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	}
	for _, name := range []string{"resolv.conf", "hostname", "hosts"} {
		list = append(list, specs.Mount{
			Destination: "/etc/" + name, Type: "bind", Source: path.Join(etc, name), Options: []string{"bind", "rprivate"},
		})
	}
	return list
}

// Volumes returns the paths that an image declares as volumes, clean, each once,
// parents before what is below them. As under Docker, a path must be absolute
// and not the root; like runc, it refuses what would cover /proc. The image is
// not trusted: a path may be at most PATH_MAX - 1 = 4095 bytes, without NUL.
func Volumes(declared map[string]struct{}) ([]string, error) {
	seen := map[string]bool{}
	for v := range declared {
		p := path.Clean(v)
		switch {
		case len(v) > 4095:
			return nil, fmt.Errorf("the image's volume %.40q...: the path is longer than 4095 bytes", v)
		case strings.ContainsRune(v, 0):
			return nil, fmt.Errorf("the image's volume %q: the path contains a NUL byte", v)
		case !path.IsAbs(p):
			return nil, fmt.Errorf("the image's volume %q: the path is not absolute", v)
		case p == "/":
			return nil, fmt.Errorf("the image's volume %q: the root cannot be a volume", v)
		case p == "/proc" || strings.HasPrefix(p, "/proc/"):
			return nil, fmt.Errorf("the image's volume %q: /proc is the kernel's", v)
		}
		seen[p] = true
	}
	return sorted(seen), nil
}
