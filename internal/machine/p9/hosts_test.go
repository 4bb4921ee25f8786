//go:build linux

package p9_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/hostfs/osfs"
	"github.com/c2w/c2w/internal/machine/p9"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

// claims is a host that says its own of files' sizes.
type claims struct {
	hostfs.FS
	size int64
}

func (c claims) Stat(fd hostfs.FD, st *hostfs.Stat) hostfs.Errno {
	e := c.FS.Stat(fd, st)
	if st.Type == hostfs.Regular {
		st.Size = c.size
	}
	return e
}

func (c claims) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	e := c.FS.StatAt(dir, name, st)
	if st.Type == hostfs.Regular {
		st.Size = c.size
	}
	return e
}

// TestUntrueSize opens files whose host says another size than they have: the
// version is 0 then, by which Linux does not go by the size.
func TestUntrueSize(t *testing.T) {
	for _, c := range []struct {
		size     int64 // -1: the true one
		contents string
		uncached bool
	}{
		{0, "made when read", true},
		{4096, "less", true},
		{4096, strings.Repeat("more", 4096), true},
		{65536, "", true},
		{-1, "", false},
		{-1, "ordinary", false},
		{-1, strings.Repeat("page", 1024), false},
		{-1, strings.Repeat("pages", 4096), false},
	} {
		g := start(t)
		if err := os.WriteFile(filepath.Join(g.rw, "f"), []byte(c.contents), 0o644); err != nil {
			t.Fatal(err)
		}
		if c.size >= 0 {
			g.fs.FS = claims{g.fs.FS, c.size}
		}
		for _, flags := range []uint32{rdonly, rdwr} {
			f := g.at("f")
			if g.attr(f).Qid.Version == 0 {
				t.Error("its identity has no version")
			}
			q, e := g.Lopen(f, flags)
			g.ok(e)
			if (q.Version == 0) != c.uncached {
				t.Errorf("%d bytes that are said to be %d: version %#x", len(c.contents), c.size, q.Version)
			}
			g.reads(f, 0, c.contents)
			g.ok(g.Clunk(f))
		}
		// What cannot be read is not looked into, nor is what is made.
		f := g.at("f")
		if q, e := g.Lopen(f, wronly); e != hostfs.OK {
			t.Error(e)
		} else if q.Version == 0 && !c.uncached {
			t.Error("opened for writing")
		}
		if q, e := g.Lcreate(g.at(""), "new", rdwr|excl, 0o644, 0); e != hostfs.OK || q.Version == 0 {
			t.Errorf("made: version %#x, %v", q.Version, e)
		}
	}
}

// TestProc reads what the kernel makes.
func TestProc(t *testing.T) {
	host, err := osfs.New("/proc")
	if err != nil {
		t.Skip(err)
	}
	defer host.CloseRoots()
	g := start(t)
	g.s = p9.New(p9.Config{FS: host, Mounts: []p9.Mount{{Dir: host.Roots()[0].FD, ReadOnly: true}}})
	g.Version(1<<20, "9P2000.L")
	_, e := g.Attach(0, 0)
	g.ok(e)
	g.walk(0, 1, "0")
	for _, name := range []string{"version", "filesystems", "sys/kernel/ostype"} {
		want, err := os.ReadFile("/proc/" + name)
		if err != nil || len(want) == 0 {
			t.Skip(name, err)
		}
		f := g.at(name)
		q, e := g.Lopen(f, rdonly)
		if e != hostfs.OK || q.Version != 0 {
			t.Errorf("%s: version %#x, %v", name, q.Version, e)
		}
		g.reads(f, 0, string(want))
	}
}

// poor is a host that keeps whole seconds, none before 1970, and cannot set the
// times of a symbolic link.
type poor struct{ hostfs.FS }

func (p poor) cut(t *hostfs.Times) (hostfs.Times, hostfs.Errno) {
	c := *t
	if c.SetAtime && c.Atime < 0 || c.SetMtime && c.Mtime < 0 {
		return c, hostfs.EOVERFLOW
	}
	c.Atime -= c.Atime % 1e9
	c.Mtime -= c.Mtime % 1e9
	return c, hostfs.OK
}

func (p poor) SetTimes(fd hostfs.FD, t *hostfs.Times) hostfs.Errno {
	c, e := p.cut(t)
	if e != hostfs.OK {
		return e
	}
	return p.FS.SetTimes(fd, &c)
}

func (p poor) SetTimesAt(dir hostfs.FD, name string, t *hostfs.Times) hostfs.Errno {
	var st hostfs.Stat
	if e := p.FS.StatAt(dir, name, &st); e == hostfs.OK && st.Type == hostfs.Symlink {
		return hostfs.EOPNOTSUPP
	}
	c, e := p.cut(t)
	if e != hostfs.OK {
		return e
	}
	return p.FS.SetTimesAt(dir, name, &c)
}

const (
	setAtime = 1<<4 | 1<<7
	setMtime = 1<<5 | 1<<8
	mtimeNow = 1 << 5
)

// TestTimesOfHosts sets times on a host that keeps them and on one that does not: the
// guest sees the same.
func TestTimesOfHosts(t *testing.T) {
	for _, isPoor := range []bool{false, true} {
		g := start(t)
		for _, name := range []string{"file", "other"} {
			g.ok(g.Clunk(g.create("", name, 0o644)))
		}
		_, e := g.Symlink(1, "link", "nowhere", 0)
		g.ok(e)
		_, e = g.Mkdir(1, "dir", 0o755, 0)
		g.ok(e)
		if isPoor {
			g.fs.FS = poor{g.fs.FS}
		}
		for _, name := range []string{"file", "link", "dir"} {
			f := g.at(name)
			for _, ns := range []int64{0, 1, 1_500_000_000_123_456_789, -1, -315_619_199_750_000_000, 1<<63 - 2e9, -9_223_372_035_999_999_999} {
				if !isPoor && (ns > 9e18 || ns < -9e18) {
					continue // the host's file system may not have it
				}
				g.ok(g.Setattr(f, p9client.SetAttr{Valid: setAtime | setMtime, Atime: ns, Mtime: ns / 2}))
				g.now += 1e9
				if a := g.attr(f); a.Atime != ns || a.Mtime != ns/2 {
					t.Errorf("%s, poor %v: %d is %d, %d is %d", name, isPoor, ns, a.Atime, ns/2, a.Mtime)
				}
			}
			// One alone leaves the other.
			g.ok(g.Setattr(f, p9client.SetAttr{Valid: setAtime | setMtime, Atime: -5, Mtime: 7}))
			g.ok(g.Setattr(f, p9client.SetAttr{Valid: setMtime, Mtime: 1_000_000_001}))
			if a := g.attr(f); a.Atime != -5 || a.Mtime != 1_000_000_001 {
				t.Errorf("%s, poor %v: %d, %d", name, isPoor, a.Atime, a.Mtime)
			}
		}
		// What is written has the time of that, whoever writes.
		f := g.open("file", rdwr)
		g.write(f, 0, "x")
		if a := g.attr(f); a.Mtime < 1e18 {
			t.Errorf("written, poor %v: %d", isPoor, a.Mtime)
		}
		g.ok(g.Setattr(f, p9client.SetAttr{Valid: setMtime, Mtime: -77}))
		if err := os.WriteFile(filepath.Join(g.rw, "file"), []byte("the host's"), 0o644); err != nil {
			t.Fatal(err)
		}
		g.now += 1e9
		if a := g.attr(f); a.Mtime < 1e18 {
			t.Errorf("written by the host, poor %v: %d", isPoor, a.Mtime)
		}
		g.ok(g.Setattr(f, p9client.SetAttr{Valid: setMtime, Mtime: -77}))
		g.ok(g.Setattr(f, p9client.SetAttr{Valid: mtimeNow}))
		if a := g.attr(f); a.Mtime < 1e18 {
			t.Errorf("set to now, poor %v: %d", isPoor, a.Mtime)
		}
		// A name that is gone takes its times along.
		g.ok(g.Setattr(f, p9client.SetAttr{Valid: setMtime, Mtime: -77}))
		g.ok(g.Unlinkat(1, "file", 0))
		if a := g.attr(f); a.Mtime != -77 {
			t.Errorf("deleted, poor %v: %d", isPoor, a.Mtime)
		}
		g.ok(g.Clunk(f))
		// Out of range.
		bad := g.copy(26, g.at("other"), uint32(setMtime), uint32(0), uint32(0), uint32(0), uint64(0), uint64(0), uint64(0), uint64(1)<<62, uint64(0))
		if _, e := g.Send(bad); e != hostfs.EINVAL {
			t.Errorf("a time far off: %v", e)
		}
	}
}

// TestDeletedFiles holds as many deleted files open as a data base or a build
// does, and one more than there may be.
func TestDeletedFiles(t *testing.T) {
	const files, most = 10_000, 1 << 14
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < files+1000 {
		t.Skipf("%d descriptors, %v", limit.Cur, err)
	}
	g := start(t)
	var fids []uint32
	remove := func() hostfs.Errno {
		f := g.create("", "f", 0o644)
		g.write(f, 0, fmt.Sprint(len(fids)))
		if e := g.Unlinkat(1, "f", 0); e != hostfs.OK {
			g.ok(g.Clunk(f))
			return e
		}
		fids = append(fids, f)
		return hostfs.OK
	}
	for range files {
		g.ok(remove())
	}
	for i, f := range fids {
		g.reads(f, 0, fmt.Sprint(i))
	}
	// Beside them all goes on as before.
	for i := range 300 {
		_, e := g.Mkdir(1, fmt.Sprint("d", i), 0o755, 0)
		g.ok(e)
		g.ok(g.Clunk(g.create(fmt.Sprint("d", i), "f", 0o644)))
	}
	if g.fs.open > files+192 {
		t.Errorf("%d descriptors", g.fs.open)
	}
	// The rest by a host that has endlessly many.
	g.fs.FS = &endless{FS: g.fs.FS}
	var e hostfs.Errno
	for len(fids) <= most && e == hostfs.OK {
		e = remove()
	}
	if e != hostfs.EMFILE || len(fids) != most {
		t.Errorf("%d deleted files, then %v", len(fids), e)
	}
	g.ok(g.Clunk(fids[most-1]))
	fids = fids[:most-1]
	g.ok(g.Unlinkat(1, "f", 0))
	g.ok(remove())
	for _, f := range fids {
		g.ok(g.Clunk(f))
	}
	g.s.Reset()
	if g.fs.open != 0 {
		t.Errorf("%d descriptors left open", g.fs.open)
	}
}

// endless lets one descriptor stand for all files that are made from then on.
type endless struct {
	hostfs.FS
	fds map[hostfs.FD]hostfs.FD
	one hostfs.FD
}

const endlessFirst = 1 << 20

func (n *endless) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	fd, e := n.FS.Open(dir, name, flags)
	if e != hostfs.OK || flags&hostfs.Exclusive == 0 {
		return fd, e
	}
	if n.fds == nil {
		n.fds, n.one = map[hostfs.FD]hostfs.FD{}, fd
	} else {
		n.FS.Close(fd)
	}
	v := hostfs.FD(endlessFirst + len(n.fds))
	n.fds[v] = n.one
	return v, e
}

func (n *endless) Close(fd hostfs.FD) hostfs.Errno {
	if fd < endlessFirst {
		return n.FS.Close(fd)
	}
	return hostfs.OK
}

func (n *endless) real(fd hostfs.FD) hostfs.FD {
	if fd < endlessFirst {
		return fd
	}
	return n.one
}

func (n *endless) Stat(fd hostfs.FD, st *hostfs.Stat) hostfs.Errno { return n.FS.Stat(n.real(fd), st) }

func (n *endless) WriteAt(fd hostfs.FD, b [][]byte, off int64) (int, hostfs.Errno) {
	return n.FS.WriteAt(n.real(fd), b, off)
}

// TestLongTarget makes and reads the longest target that Linux has.
func TestLongTarget(t *testing.T) {
	g := start(t)
	for _, n := range []int{1, 4094, 4095} {
		target := strings.Repeat("t", n)
		name := fmt.Sprint("l", n)
		_, e := g.Symlink(1, name, target, 0)
		g.ok(e)
		f := g.at(name)
		if got, e := g.Readlink(f); e != hostfs.OK || got != target {
			t.Errorf("%d bytes: %d, %v", n, len(got), e)
		}
		if a := g.attr(f); a.Size != uint64(n) {
			t.Errorf("%d bytes: size %d", n, a.Size)
		}
	}
	_, e := g.Symlink(1, "longer", strings.Repeat("t", 4096), 0)
	g.want(e, hostfs.ENAMETOOLONG)
}

// TestRemovedDirectory asks a directory that is gone for what it held.
func TestRemovedDirectory(t *testing.T) {
	for _, byHost := range []bool{false, true} {
		g := start(t)
		_, e := g.Mkdir(1, "d", 0o755, 0)
		g.ok(e)
		f := g.open("d", rdonly)
		if byHost {
			if err := os.Remove(filepath.Join(g.rw, "d")); err != nil {
				t.Fatal(err)
			}
			g.now += 1e9
		} else {
			g.ok(g.Unlinkat(1, "d", rmdir))
			g.ok(g.Setattr(f, p9client.SetAttr{Valid: setMtime, Mtime: 5}))
		}
		_, e = g.Readdir(f, 0, 4096)
		g.want(e, hostfs.ENOENT)
		g.ok(g.Clunk(f))
	}
}
