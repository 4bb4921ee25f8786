//go:build linux

package p9_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

func (g *guest) list(f, count uint32) (names []string) {
	g.t.Helper()
	ents, e := g.List(f, count)
	g.ok(e)
	for i, d := range ents {
		if i < 2 {
			continue // . and ..
		}
		names = append(names, d.Name)
	}
	return names
}

func TestReaddir(t *testing.T) {
	g := start(t)
	os.Mkdir(filepath.Join(g.rw, "dir"), 0o755)
	g.put(filepath.Join(g.rw, "file"), "")
	os.Symlink("file", filepath.Join(g.rw, "link"))
	syscall.Mkfifo(filepath.Join(g.rw, "pipe"), 0o644)
	g.put(filepath.Join(g.rw, "not\xffutf8"), "")
	f := g.open("", rdonly)
	ents, e := g.List(f, 4096)
	g.ok(e)
	types := map[string]uint8{".": 4, "..": 4, "dir": 4, "file": 8, "link": 10, "pipe": 1}
	for i, d := range ents {
		if d.Offset != uint64(i)+1 {
			t.Errorf("entry %d has offset %d", i, d.Offset)
		}
		if types[d.Name] != d.Type {
			t.Errorf("%q has type %d", d.Name, d.Type)
		}
		delete(types, d.Name)
		if d.Name != ".." {
			n := g.fid()
			g.walk(1, n, d.Name)
			if a := g.attr(n); a.Qid.Path != d.Qid.Path || a.Qid.Type != d.Qid.Type {
				t.Errorf("%q: %+v in the directory, %+v itself", d.Name, d.Qid, a.Qid)
			}
		}
	}
	if len(types) != 0 {
		t.Error("missing:", types)
	}
	// What comes and goes meanwhile is seen from the beginning only.
	g.put(filepath.Join(g.rw, "later"), "")
	if ents, e := g.Readdir(f, 2, 4096); len(ents) != 4 || e != hostfs.OK {
		t.Error(ents, e)
	}
	if ents, e := g.Readdir(f, 0, 4096); len(ents) != 7 || e != hostfs.OK {
		t.Error(ents, e)
	}
	_, e = g.Readdir(f, 0, 20)
	g.want(e, hostfs.EINVAL)
	for _, off := range []uint64{7, 8, 1 << 40, 1<<64 - 1} {
		if ents, e := g.Readdir(f, off, 4096); len(ents) != 0 || e != hostfs.OK {
			t.Error(off, ents, e)
		}
	}
	_, e = g.Readdir(1, 0, 4096)
	g.want(e, hostfs.EBADF)
	_, e = g.Readdir(g.open("file", rdonly), 0, 4096)
	g.want(e, hostfs.ENOTDIR)
	_, e = g.Read(f, 0, 10)
	g.want(e, hostfs.EISDIR)
}

// TestEmptying removes entries while they are listed, as rm -r does.
func TestEmptying(t *testing.T) {
	g := start(t)
	const files = 3000
	for i := range files {
		g.ok(g.Clunk(g.create("", fmt.Sprintf("file%04d", i), 0o644)))
	}
	f := g.open("", rdonly)
	removed := 0
	for off := uint64(0); ; {
		ents, e := g.Readdir(f, off, 1000)
		g.ok(e)
		if len(ents) == 0 {
			break
		}
		for _, d := range ents {
			if off = d.Offset; off > 2 {
				g.ok(g.Unlinkat(1, d.Name, 0))
				removed++
			}
		}
	}
	if removed != files {
		t.Errorf("removed %d of %d", removed, files)
	}
}

// crowd is a host whose directories all hold that many files.
type crowd struct {
	hostfs.FS
	files int
}

func (c crowd) ReadDir(_ hostfs.FD, cookie uint64, entry func(next, ino uint64, t hostfs.Type, name []byte) bool) hostfs.Errno {
	for i := int(cookie); i < c.files; i++ {
		if !entry(uint64(i+1), uint64(1000+i), hostfs.Regular, fmt.Appendf(nil, "a-name-of-some-length-%06d", i)) {
			break
		}
	}
	return hostfs.OK
}

func TestLargeDirectory(t *testing.T) {
	g := start(t)
	const files = 100_000
	g.fs.FS = crowd{g.fs.FS, files}
	g.walk(2, 10)
	_, e := g.Lopen(10, rdonly)
	g.ok(e)
	names := g.list(10, 500_000)
	if slices.Sort(names); len(names) != files || len(slices.Compact(names)) != files {
		t.Errorf("%d names", len(names))
	}
	// Anywhere, backwards and forwards.
	for _, off := range []uint64{files + 1, 50_000, 3, 99_999, 2} {
		ents, e := g.Readdir(10, off, 4096)
		if g.ok(e); len(ents) == 0 || ents[0].Offset != off+1 {
			t.Errorf("at %d: %d entries", off, len(ents))
		}
	}
	// More listings than are kept, in turn.
	for f := uint32(20); f < 26; f++ {
		g.walk(2, f)
		_, e := g.Lopen(f, rdonly)
		g.ok(e)
	}
	var first [26][]string
	for off := uint64(0); off < 2000; {
		var next uint64
		for f := uint32(20); f < 26; f++ {
			ents, e := g.Readdir(f, off, 30_000)
			g.ok(e)
			for _, d := range ents {
				first[f] = append(first[f], d.Name)
			}
			next = ents[len(ents)-1].Offset
		}
		off = next
	}
	for f := 21; f < 26; f++ {
		if !slices.Equal(first[20], first[f]) {
			t.Errorf("fid %d lists another directory", f)
		}
	}
}

// TestHugeDirectory is beyond what is kept of a listing.
func TestHugeDirectory(t *testing.T) {
	g := start(t)
	const files = 400_000
	g.fs.FS = crowd{g.fs.FS, files}
	f := g.open("", rdonly)
	names := g.list(f, 500_000)
	if len(names) != files || !slices.IsSorted(names) {
		t.Errorf("%d names", len(names))
	}
	for _, off := range []uint64{3, 399_999, 2} {
		ents, e := g.Readdir(f, off, 4096)
		if g.ok(e); len(ents) == 0 || ents[0].Name != names[off-2] {
			t.Errorf("at %d: %d entries", off, len(ents))
		}
	}
}
