package machine

import (
	"reflect"
	"testing"

	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/machine/hostfs"
)

type fakeFiles struct {
	hostfs.FS
	roots []hostfs.Root
}

func (f fakeFiles) Roots() []hostfs.Root { return f.roots }

func (fakeFiles) Stat(hostfs.FD, *hostfs.Stat) hostfs.Errno { return 0 }

// TestMounts: where the host's directories appear, in which order, and which do
// not.
func TestMounts(t *testing.T) {
	fs := fakeFiles{roots: []hostfs.Root{
		{FD: 3, Path: "/data/deep"}, {FD: 4, Path: "/"}, {FD: 5, Path: "."}, {FD: 6, Path: "/data", ReadOnly: true},
		{FD: 7, Path: "rel/../x"}, {FD: 8, Path: "/a/../../b//"}, {FD: 9, Path: ""},
	}}
	spec := &agent.Spec{Dir: "/srv"}
	d, hidden := files(fs, spec, []string{"/data/deep"})
	want := []agent.Mount{
		{Index: 4, Target: "/b"}, {Index: 2, Target: "/data", ReadOnly: true}, {Index: 0, Target: "/data/deep", ReadOnly: true},
		{Index: 1, Target: "/srv"}, {Index: 5, Target: "/srv"}, {Index: 3, Target: "/srv/x"},
	}
	if d == nil || !reflect.DeepEqual(spec.Mounts, want) || !reflect.DeepEqual(hidden, []string{"/"}) {
		t.Errorf("mounts %+v, hidden %q", spec.Mounts, hidden)
	}
	spec = &agent.Spec{Dir: "/"}
	if d, hidden := files(fakeFiles{roots: []hostfs.Root{{FD: 3, Path: "."}}}, spec, nil); d != nil || len(hidden) != 1 || spec.Mounts != nil {
		t.Errorf("the root is mounted: %+v", spec.Mounts)
	}
	if d, _ := files(nil, spec, nil); d != nil {
		t.Error("a device without files")
	}
}
