package machine

import (
	"path"
	"slices"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/p9"
	vp9 "github.com/c2w/c2w/internal/machine/virtio/p9"
)

// files makes the device that serves the directories of the host, and adds the
// mounts to the spec; nil if the host handed over none. hidden are those that
// would hide the whole container.
func files(fs hostfs.FS, spec *agent.Spec, readOnly []string) (d *vp9.Device, hidden []string) {
	if fs == nil {
		return nil, nil
	}
	var served []p9.Mount
	for _, root := range fs.Roots() {
		target := mountTarget(root.Path, spec.Dir)
		if target == "/" {
			if !slices.Contains(hidden, root.Path) {
				hidden = append(hidden, root.Path)
			}
			continue
		}
		ro := root.ReadOnly || slices.Contains(readOnly, root.Path)
		spec.Mounts = append(spec.Mounts, agent.Mount{Index: uint16(len(served)), Target: target, ReadOnly: ro})
		if served = append(served, p9.Mount{Dir: root.FD, ReadOnly: ro}); len(served) == maxMounts {
			break
		}
	}
	if len(served) == 0 {
		return nil, hidden
	}
	// What lies below another mount is mounted after it.
	sortMounts(spec.Mounts)
	return vp9.New(agent.HostTag, p9.New(p9.Config{FS: fs, Mounts: served})), hidden
}

// maxMounts is what the contract can number.
const maxMounts = agent.InMemory

// mountTarget is where a directory that the engine calls name appears in a
// container with the given working directory. A relative name is one below the
// working directory, as if the command had been started there.
func mountTarget(name, dir string) string {
	if name == "" || name[0] != '/' {
		name = dir + "/" + name
	}
	return path.Clean("/" + name)
}
