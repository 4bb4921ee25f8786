//go:build linux

package p9_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

func TestUnlinkedButOpen(t *testing.T) {
	g := start(t)
	f := g.create("", "a", 0o600)
	g.write(f, 0, "kept")
	g.ok(g.Unlinkat(1, "a", 0))
	g.reads(f, 0, "kept")
	g.write(f, 4, "!")
	g.reads(f, 0, "kept!")
	if a := g.attr(f); a.Size != 5 || a.Nlink != 0 || a.Mode != 0o100600 {
		t.Errorf("%+v", a)
	}
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 8 | 1, Size: 2, Mode: 0o640}))
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 0x1b0, Atime: 1e9, Mtime: 2e9}))
	if a := g.attr(f); a.Mtime != 2e9 || a.Size != 2 || a.Mode != 0o100640 {
		t.Errorf("%+v", a)
	}
	// Another file of that name is another file.
	h := g.create("", "a", 0o644)
	g.write(h, 0, "new")
	g.reads(f, 0, "ke")
	g.reads(h, 0, "new")
	g.ok(g.Clunk(f))

	// Renamed over.
	b := g.create("", "b", 0o644)
	g.write(b, 0, "over")
	g.ok(g.Renameat(1, "b", 1, "a"))
	g.reads(h, 0, "new")
	g.reads(b, 0, "over")
	g.reads(g.open("a", rdonly), 0, "over")
	_, e := g.Walk(1, 80, "b")
	g.want(e, hostfs.ENOENT)
	g.write(h, 3, "er")
	g.reads(h, 0, "newer")
	if a := g.attr(h); a.Nlink != 0 {
		t.Errorf("%+v", a)
	}
}

// TestUnlinkedNameByName: a file keeps its modes as long as somebody has it open,
// by whatever names, and no file that gets its inode number has them.
func TestUnlinkedNameByName(t *testing.T) {
	g := start(t)
	a := g.create("", "a", 0o600)
	g.ok(g.Link(1, a, "b"))
	g.ok(g.Link(1, a, "c"))
	b := g.open("b", rdonly)
	for _, name := range []string{"a", "b", "c"} { // nobody has it open as c
		g.ok(g.Unlinkat(1, name, 0))
	}
	for _, f := range []uint32{a, b} {
		if got := g.attr(f); got.Mode != 0o100600 || got.Nlink != 0 {
			t.Errorf("%+v", got)
		}
		path := g.attr(f).Qid.Path
		g.ok(g.Clunk(f))
		for i := range 20 { // on some file systems one of them has its number
			n := g.create("", fmt.Sprint(f, ".", i), 0o755)
			if got := g.attr(n); got.Mode != 0o100755 || f == a && got.Qid.Path == path {
				t.Errorf("%+v", got)
			}
			g.ok(g.Clunk(n))
		}
	}
}

func TestRenamedParents(t *testing.T) {
	g := start(t)
	for _, d := range []string{"a", "a/b", "a/b/c", "z"} {
		dir, name := filepath.Split(d)
		_, e := g.Mkdir(g.at(strings.TrimSuffix(dir, "/")), name, 0o700, 0)
		g.ok(e)
	}
	f := g.create("a/b/c", "f", 0o644)
	g.write(f, 0, "1")
	u := g.at("a/b/c/f") // not open
	c := g.at("a/b/c")
	g.ok(g.Renameat(1, "a", g.at("z"), "y"))
	g.write(f, 1, "2")
	g.reads(f, 0, "12")
	_, e := g.Lopen(u, rdonly)
	g.ok(e)
	g.reads(u, 0, "12")
	g.walk(c, 90, "f")
	_, e = g.Mkdir(c, "new", 0o755, 0)
	g.ok(e)
	if _, err := os.Stat(filepath.Join(g.rw, "z/y/b/c/new")); err != nil {
		t.Error(err)
	}
	if a := g.attr(c); a.Mode != 0o40700 {
		t.Errorf("%+v", a)
	}
	g.walk(c, 91, "..", "..")
	if g.attr(91).Qid.Path != g.attr(g.at("z/y")).Qid.Path {
		t.Error(".. leads elsewhere")
	}
	g.want(g.Renameat(1, "z", c, "loop"), hostfs.EINVAL)
	g.ok(g.Rename(c, 1, "c"))
	g.walk(1, 92, "c", "new")
	g.want(g.Unlinkat(1, "c", rmdir), hostfs.ENOTEMPTY)
	g.want(g.Unlinkat(1, "c", 0), hostfs.EISDIR)
	g.ok(g.Unlinkat(c, "new", rmdir))
	if a := g.attr(92); a.Nlink != 0 {
		t.Errorf("removed directory: %+v", a)
	}
	_, e = g.Walk(92, 93, "x")
	g.want(e, hostfs.ENOENT)
	_, e = g.Lcreate(92, "x", rdwr, 0o644, 0)
	g.want(e, hostfs.ENOENT)
}

func TestLinks(t *testing.T) {
	g := start(t)
	f := g.create("", "a", 0o4750)
	g.ok(g.Link(1, f, "b"))
	a, b := g.attr(g.at("a")), g.attr(g.at("b"))
	if a.Qid.Path != b.Qid.Path || a.Nlink != 2 || b.Mode != 0o104750 {
		t.Errorf("%+v\n%+v", a, b)
	}
	g.ok(g.Renameat(1, "a", 1, "b")) // both stay
	g.at("a")
	g.ok(g.Unlinkat(1, "a", 0))
	if b := g.attr(g.at("b")); b.Nlink != 1 || b.Mode != 0o104750 {
		t.Errorf("%+v", b)
	}
	g.want(g.Link(1, g.at(""), "d"), hostfs.EPERM)
}

func TestModesAndOwners(t *testing.T) {
	g := start(t)
	g.put(filepath.Join(g.rw, "script"), "#!/bin/sh\n")
	os.Mkdir(filepath.Join(g.rw, "dir"), 0o700)
	if a := g.attr(g.at("script")); a.Mode != 0o100755 || a.UID != 0 || a.GID != 0 {
		t.Errorf("%+v", a)
	}
	if a := g.attr(g.at("dir")); a.Mode != 0o40755 {
		t.Errorf("%+v", a)
	}
	f := g.at("script")
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 7, Mode: 0o104711, UID: 1000, GID: 50}))
	g.ok(g.Renameat(1, "script", 1, "moved"))
	if a := g.attr(g.at("moved")); a.Mode != 0o104711 || a.UID != 1000 || a.GID != 50 {
		t.Errorf("%+v", a)
	}
	g.begin() // another session
	if a := g.attr(g.at("moved")); a.Mode != 0o104711 {
		t.Errorf("%+v", a)
	}
	g.ok(g.Unlinkat(1, "moved", 0))
	for range 20 { // whatever inode numbers they get
		g.ok(g.Clunk(g.create("", "n", 0o755)))
		if a := g.attr(g.at("n")); a.Mode != 0o100755 || a.UID != 0 {
			t.Errorf("%+v", a)
		}
		g.ok(g.Unlinkat(1, "n", 0))
	}
	// Who attaches owns what is made.
	_, e := g.Attach(7, 1234)
	g.ok(e)
	g.walk(7, 8, "0")
	_, e = g.Lcreate(8, "mine", rdwr, 0o600, 99)
	g.ok(e)
	if a := g.attr(8); a.UID != 1234 || a.GID != 99 || a.Mode != 0o100600 {
		t.Errorf("%+v", a)
	}
	_, e = g.Mknod(1, "node", 0o100644, 0, 0, 7)
	g.ok(e)
	if a := g.attr(g.at("node")); a.GID != 7 || a.Mode != 0o100644 {
		t.Errorf("%+v", a)
	}
	_, e = g.Mknod(1, "fifo", 0o010644, 0, 0, 7)
	g.want(e, hostfs.EPERM)
	_, e = g.Mknod(1, "dev", 0o020644, 1, 3, 7)
	g.want(e, hostfs.EPERM)
}

func TestTimes(t *testing.T) {
	g := start(t)
	g.put(filepath.Join(g.rw, "f"), "x")
	f := g.at("f")
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 0x1b0, Atime: 5e9 + 7, Mtime: 6e9 + 8}))
	if a := g.attr(f); a.Atime != 5e9+7 || a.Mtime != 6e9+8 || a.Ctime == 0 {
		t.Errorf("%+v", a)
	}
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 0x20}))
	if a := g.attr(f); a.Atime != 5e9+7 || a.Mtime < 1e18 {
		t.Errorf("%+v", a)
	}
	g.ok(g.Setattr(1, p9client.SetAttr{Valid: 0x120, Mtime: 9e9}))
	if a := g.attr(1); a.Mtime != 9e9 {
		t.Errorf("%+v", a)
	}
	// Seconds that do not fit nanoseconds, and nanoseconds beyond a second.
	_, e := g.Call(26, f, uint32(0x120), uint32(0), uint32(0), uint32(0), uint64(0), uint64(0), uint64(0), uint64(1<<40), uint64(0))
	g.want(e, hostfs.EINVAL)
	_, e = g.Call(26, f, uint32(0x120), uint32(0), uint32(0), uint32(0), uint64(0), uint64(0), uint64(0), uint64(1), uint64(1e9))
	g.want(e, hostfs.EINVAL)
}
