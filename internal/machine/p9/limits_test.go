//go:build linux

package p9_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

func (c *counter) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	c.calls++
	if c.noMore > 0 && c.open >= c.noMore {
		return hostfs.None, hostfs.EMFILE
	}
	fd, e := c.FS.Open(dir, name, flags)
	if e == hostfs.OK {
		c.open++
	}
	return fd, e
}

func (c *counter) Close(fd hostfs.FD) hostfs.Errno {
	c.calls++
	c.open--
	return c.FS.Close(fd)
}

func (c *counter) Stat(fd hostfs.FD, st *hostfs.Stat) hostfs.Errno {
	c.calls++
	e := c.FS.Stat(fd, st)
	if c.noIno {
		st.Dev, st.Ino = 0, 0
	}
	return e
}

func (c *counter) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	c.calls++
	e := c.FS.StatAt(dir, name, st)
	if c.noIno {
		st.Dev, st.Ino = 0, 0
	}
	return e
}

func (c *counter) ReadAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	c.calls++
	return c.FS.ReadAt(fd, bufs, off)
}

func (c *counter) WriteAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	c.calls++
	return c.FS.WriteAt(fd, bufs, off)
}

// TestManyOpenFiles has more files open than the host gives descriptors.
func TestManyOpenFiles(t *testing.T) {
	for _, most := range []int{0, 20} {
		g := start(t)
		g.fs.noMore = most
		const files = 500
		var fids []uint32
		for i := range files {
			dir := fmt.Sprintf("d%d", i%50)
			if i < 50 {
				_, e := g.Mkdir(1, dir, 0o755, 0)
				g.ok(e)
			}
			f := g.create(dir, fmt.Sprint(i), 0o644)
			g.write(f, 0, fmt.Sprint(i))
			fids = append(fids, f)
		}
		if g.fs.open > 192 {
			t.Errorf("%d descriptors", g.fs.open)
		}
		for i, f := range fids {
			g.reads(f, 0, fmt.Sprint(i))
		}
		for i := range 50 { // closed ones are found again behind their parents' new names
			g.ok(g.Renameat(1, fmt.Sprintf("d%d", i), 1, fmt.Sprintf("e%d", i)))
		}
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(files) {
			g.write(fids[i], 3, "!")
		}
		// Those that have no name cannot be closed: there are no more of them
		// than descriptors of the host.
		removed := 0
		for i := range files {
			e := g.Unlinkat(g.at(fmt.Sprintf("e%d", i%50)), fmt.Sprint(i), 0)
			if e == hostfs.EMFILE {
				break
			}
			g.ok(e)
			removed++
		}
		if most == 0 && removed < files || most > 0 && (removed < most-5 || removed > most) {
			t.Errorf("removed %d open files, with %d descriptors", removed, most)
		}
		for i, f := range fids[:removed] {
			if b, e := g.Read(f, 0, 3); e != hostfs.OK || string(b[:1]) != fmt.Sprint(i)[:1] {
				t.Errorf("file %d: %q, %v", i, b, e)
			}
		}
		for _, f := range fids {
			g.ok(g.Clunk(f))
		}
		g.s.Reset()
		if g.fs.open != 0 {
			t.Errorf("%d descriptors left open", g.fs.open)
		}
	}
}

func TestFidsHaveALimit(t *testing.T) {
	g := start(t)
	var e hostfs.Errno
	n := uint32(1000)
	for ; e == hostfs.OK && n < 1<<18; n++ {
		_, e = g.Walk(1, n)
	}
	g.want(e, hostfs.ENFILE)
	g.ok(g.Clunk(1000))
	g.walk(1, 1000)
	_, e = g.Walk(1, 1)
	g.ok(e)
	_, e = g.Walk(0, 1)
	g.want(e, hostfs.EBADF) // in use
}

// TestDeepTree makes directories in each other, without end.
func TestDeepTree(t *testing.T) {
	g := start(t)
	g.walk(1, 10)
	depth := 0
	for ; depth < 2500; depth++ {
		if _, e := g.Mkdir(10, "d", 0o755, 0); e != hostfs.OK {
			g.want(e, hostfs.ENAMETOOLONG)
			break
		}
		g.walk(10, 10, "d")
	}
	g.s.Reset() // all handles closed: the way down is long
	g.begin()
	g.walk(1, 10)
	for range 2000 {
		g.walk(10, 10, "d")
	}
	_, e := g.Mkdir(10, "e", 0o755, 0)
	g.ok(e)
	g.ok(g.Renameat(1, "d", 1, "D"))
	_, e = g.Mkdir(10, "f", 0o755, 0)
	g.ok(e)
	for range 2000 {
		g.walk(10, 10, "..")
	}
	if g.attr(10).Qid.Path != g.attr(1).Qid.Path {
		t.Error("the way back leads elsewhere")
	}
}

// TestNoInodeNumbers: a host that tells none.
func TestNoInodeNumbers(t *testing.T) {
	g := start(t)
	g.fs.noIno = true
	a, b := g.create("", "a", 0o640), g.create("", "b", 0o644)
	pa, pb := g.attr(a).Qid.Path, g.attr(b).Qid.Path
	if pa == pb {
		t.Error("one inode number for two files")
	}
	g.ok(g.Clunk(a))
	g.ok(g.Renameat(1, "a", 1, "c"))
	if got := g.attr(g.at("c")); got.Qid.Path != pa || got.Mode != 0o100640 {
		t.Errorf("%+v; want inode %d", got, pa)
	}
}

// TestHostCalls bounds how many calls of the host the usual sequences cost.
func TestHostCalls(t *testing.T) {
	g := start(t)
	_, e := g.Mkdir(1, "dir", 0o755, 0)
	g.ok(e)
	d := g.at("dir")
	warm := g.fid()
	g.Walk(d, warm, "nothing")
	data := make([]byte, 5000)

	// As Linux does for tar: look, create, look again, write, set owner, mode
	// and times, close.
	before := g.fs.calls
	_, e = g.Walk(d, 50, "file")
	g.want(e, hostfs.ENOENT)
	g.walk(d, 51)
	_, e = g.Lcreate(51, "file", rdwr|excl, 0o644, 0)
	g.ok(e)
	g.walk(d, 52, "file")
	g.attr(52)
	g.Write(51, 0, data)
	g.ok(g.Setattr(51, p9client.SetAttr{Valid: 6}))
	g.ok(g.Setattr(51, p9client.SetAttr{Valid: 1, Mode: 0o640}))
	g.ok(g.Clunk(51))
	g.ok(g.Clunk(52))
	if n := g.fs.calls - before; n > 5 {
		t.Errorf("creating a file: %d calls", n)
	}

	// Look, open, read to the end, close: one call more where the size is one
	// that may not be true.
	for size, most := range map[uint32]int{5000: 5, 4096: 6, 0: 6} {
		w := g.at("dir/file")
		g.ok(g.Setattr(w, p9client.SetAttr{Valid: 8, Size: uint64(size)}))
		g.ok(g.Clunk(w))
		before = g.fs.calls
		g.walk(d, 50, "file")
		g.attr(50)
		g.walk(50, 51)
		_, e = g.Lopen(51, rdonly)
		g.ok(e)
		g.Read(51, 0, 8192)
		g.Read(51, uint64(size), 4096)
		g.ok(g.Clunk(51))
		g.ok(g.Clunk(50))
		if n := g.fs.calls - before; n > most {
			t.Errorf("reading a file of %d bytes: %d calls", size, n)
		}
	}
}

// TestNoAllocation: the requests of which there are many.
func TestNoAllocation(t *testing.T) {
	g := start(t)
	f := g.create("", "file", 0o644)
	g.write(f, 0, "0123456789")
	g.fs.FS = still{g.fs.FS}
	reply := [][]byte{make([]byte, 4096), make([]byte, 8192)}
	for name, messages := range map[string][][]byte{
		"read":    {g.copy(116, f, uint64(0), uint32(8192))},
		"write":   {g.copy(118, f, uint64(0), uint32(4096), make([]byte, 4096))},
		"getattr": {g.copy(24, f, uint64(0x7ff))},
		"walk":    {g.copy(110, uint32(1), uint32(77), uint16(1), "file"), g.copy(120, uint32(77))},
		"clone":   {g.copy(110, f, uint32(77), uint16(0)), g.copy(120, uint32(77))},
		"lock":    {g.copy(52, f, uint8(1), uint32(0), uint64(0), uint64(1), uint32(1), "me"), g.copy(52, f, uint8(2), uint32(0), uint64(0), uint64(1), uint32(1), "me")},
		"open":    {g.copy(110, uint32(1), uint32(77), uint16(1), "file"), g.copy(12, uint32(77), uint32(0)), g.copy(120, uint32(77))},
	} {
		out := make([][]byte, 1)
		if n := testing.AllocsPerRun(50, func() {
			for _, m := range messages {
				out[0] = m
				if k, ok := g.s.Serve(out, reply); !ok || reply[0][4] != m[4]+1 {
					t.Fatal(name, k, reply[0][:16])
				}
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func (g *guest) copy(typ uint8, fields ...any) []byte {
	return append([]byte(nil), g.Message(typ, fields...)...)
}

// still is a host whose calls do nothing: what allocates is the server.
type still struct{ hostfs.FS }

func (still) ReadAt(_ hostfs.FD, bufs [][]byte, _ int64) (n int, e hostfs.Errno) {
	for _, b := range bufs {
		n += len(b)
	}
	return n, hostfs.OK
}
func (s still) WriteAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	return s.ReadAt(fd, bufs, off)
}
