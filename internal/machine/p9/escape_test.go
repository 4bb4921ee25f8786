//go:build linux

package p9_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/hostfs/osfs"
	"github.com/c2w/c2w/internal/machine/p9"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

// pathFS is a host that knows an open directory by the path it had, as some
// engines do: if a symbolic link comes to lie on that path, it is followed.
type pathFS struct {
	*osfs.FS
	paths map[hostfs.FD]string
}

// by calls do with the directory that now is where dir was.
func (p *pathFS) by(dir hostfs.FD, do func(dir hostfs.FD) hostfs.Errno) hostfs.Errno {
	fd, err := unix.Open(p.paths[dir], unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return hostfs.Errno(err.(unix.Errno))
	}
	defer unix.Close(fd)
	return do(hostfs.FD(fd))
}

func (p *pathFS) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (fd hostfs.FD, e hostfs.Errno) {
	fd = hostfs.None
	e = p.by(dir, func(d hostfs.FD) (e hostfs.Errno) { fd, e = p.FS.Open(d, name, flags); return e })
	if e == hostfs.OK && flags&hostfs.OpenDirectory != 0 {
		p.paths[fd] = filepath.Join(p.paths[dir], name)
	}
	return fd, e
}

func (p *pathFS) ReadDir(dir hostfs.FD, cookie uint64, entry func(next, ino uint64, t hostfs.Type, name []byte) bool) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.ReadDir(d, cookie, entry) })
}

func (p *pathFS) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.StatAt(d, name, st) })
}

func (p *pathFS) SetTimesAt(dir hostfs.FD, name string, t *hostfs.Times) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.SetTimesAt(d, name, t) })
}

func (p *pathFS) Mkdir(dir hostfs.FD, name string) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.Mkdir(d, name) })
}

func (p *pathFS) Rmdir(dir hostfs.FD, name string) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.Rmdir(d, name) })
}

func (p *pathFS) Unlink(dir hostfs.FD, name string) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.Unlink(d, name) })
}

func (p *pathFS) Rename(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	return p.by(dir, func(a hostfs.FD) hostfs.Errno {
		return p.by(newDir, func(b hostfs.FD) hostfs.Errno { return p.FS.Rename(a, name, b, newName) })
	})
}

func (p *pathFS) Link(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	return p.by(dir, func(a hostfs.FD) hostfs.Errno {
		return p.by(newDir, func(b hostfs.FD) hostfs.Errno { return p.FS.Link(a, name, b, newName) })
	})
}

func (p *pathFS) Symlink(target string, dir hostfs.FD, name string) hostfs.Errno {
	return p.by(dir, func(d hostfs.FD) hostfs.Errno { return p.FS.Symlink(target, d, name) })
}

func (p *pathFS) Readlink(dir hostfs.FD, name string, b []byte) (n int, e hostfs.Errno) {
	e = p.by(dir, func(d hostfs.FD) (e hostfs.Errno) { n, e = p.FS.Readlink(d, name, b); return e })
	return n, e
}

// fewNames and fewFids make it likely that operations meet.
var fewNames = []string{"a", "b", "c", "up", "a", "b", "up", "secret", "passwd", "a", "b", "c", "..", "b", "a/b", "\xff"}

const fewFids = 8

// operate interprets a script as well-formed requests, four bytes each.
func operate(t *testing.T, g *guest, script []byte) {
	data := bytes.Repeat([]byte("contents"), 100)
	for n := 0; len(script) >= 4 && n < 2000; n++ {
		op, x, y, z := script[0], uint32(script[1]%fewFids), uint32(script[2]%fewFids), script[3]
		script = script[4:]
		name, name2 := fewNames[int(z)%len(fewNames)], fewNames[int(z>>4)%len(fewNames)]
		var e hostfs.Errno
		g.now += int64(z) << 17 // up to 33 ms
		switch op % 24 {
		case 0, 1, 2:
			_, e = g.Walk(x, y, name)
		case 3:
			_, e = g.Walk(x, y, name, name2)
		case 4:
			_, e = g.Walk(x, y)
		case 5:
			_, e = g.Lopen(x, uint32(z&3)|uint32(z&4)<<7|uint32(z&8)<<7)
		case 6, 7:
			_, e = g.Lcreate(x, name, uint32(y&3)|uint32(z&0x80), uint32(z), y)
		case 8:
			_, e = g.Mkdir(x, name, uint32(z), y)
		case 9:
			_, e = g.Symlink(x, name, []string{"..", "../secret", "/etc", "a"}[y%4], 0)
		case 10, 11:
			e = g.Renameat(x, name, y, name2)
		case 12:
			e = g.Rename(x, y, name)
		case 13:
			e = g.Unlinkat(x, name, y&1*rmdir)
		case 14:
			e = g.Link(x, y, name)
		case 15:
			_, e = g.Write(x, uint64(z), data[:y*8])
		case 16:
			var b []byte
			if b, e = g.Read(x, uint64(z), 100); bytes.Contains(b, []byte("the host's")) {
				t.Fatal("read what is outside")
			}
		case 17:
			_, e = g.Getattr(x)
		case 18:
			e = g.Setattr(x, p9client.SetAttr{Valid: uint32(z) | y&1<<8, Mode: uint32(z) << 2, UID: y, Size: uint64(y), Atime: 1e9, Mtime: 2e9})
		case 19:
			var ents []p9client.Dirent
			ents, e = g.Readdir(x, uint64(y), 200)
			for _, d := range ents {
				if d.Name == "outside" || d.Name == "shadow" {
					t.Fatalf("listed what is outside: %q", d.Name)
				}
			}
		case 20:
			if x > 2 {
				e = g.Clunk(x)
			}
		case 21:
			if x > 2 {
				e = g.Remove(x)
			}
		case 22:
			_, e = g.Lock(x, p9client.Lock{Type: z % 3, Start: uint64(z), Length: uint64(y), Proc: y, Client: "g"})
		case 23:
			if z == 0 {
				g.begin()
			} else {
				_, e = g.Readlink(x)
			}
		}
		if e == p9client.BadReply {
			t.Fatalf("request %d, operation %d: reply breaks the protocol", n, op%24)
		}
		if e == hostfs.EBADF && x > 2 && y != 0 { // fids come back into use
			g.Clunk(x)
			g.Walk(1, x, "a")
		}
	}
}

// fortress is a guest whose host knows directories by their paths, and where
// much can be found by leaving the directories handed over.
func fortress(t testing.TB, byPath bool) *guest {
	g := start(t)
	base := filepath.Dir(g.rw)
	g.put(filepath.Join(base, "secret"), "the host's")
	g.put(filepath.Join(base, "outside"), "the host's")
	if byPath {
		host, err := osfs.New(g.rw, g.ro)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(host.CloseRoots)
		p := &pathFS{host, map[hostfs.FD]string{}}
		for _, r := range host.Roots() {
			p.paths[r.FD] = r.Path
		}
		g.fs.FS = p
		roots := host.Roots()
		g.s = p9.New(p9.Config{FS: g.fs, Mounts: []p9.Mount{{Dir: roots[0].FD}, {Dir: roots[1].FD, ReadOnly: true}}, Now: func() int64 { return g.now }})
		g.begin()
	}
	g.put(filepath.Join(g.ro, "a"), "read only")
	os.Mkdir(filepath.Join(g.ro, "b"), 0o755)
	os.MkdirAll(filepath.Join(g.rw, "a", "b"), 0o755)
	os.Symlink("..", filepath.Join(g.rw, "up"))
	os.Symlink("../..", filepath.Join(g.rw, "a", "up"))
	return g
}

// unharmed checks what a guest must not have changed.
func (g *guest) unharmed() {
	g.t.Helper()
	base := filepath.Dir(g.rw)
	for dir, want := range map[string]int{base: 4, g.ro: 2, filepath.Join(g.ro, "b"): 0} {
		if ents, err := os.ReadDir(dir); len(ents) != want {
			g.t.Errorf("%s has %d entries, %v", dir, len(ents), err)
		}
	}
	for file, want := range map[string]string{filepath.Join(base, "secret"): "the host's", filepath.Join(base, "outside"): "the host's", filepath.Join(g.ro, "a"): "read only"} {
		if b, err := os.ReadFile(file); string(b) != want {
			g.t.Errorf("%s holds %q, %v", file, b, err)
		}
		var st unix.Stat_t
		if unix.Stat(file, &st); st.Nlink != 1 {
			g.t.Errorf("%s has %d links", file, st.Nlink)
		}
	}
	g.s.Reset()
	if g.fs.open != 0 {
		g.t.Errorf("%d descriptors left open", g.fs.open)
	}
}

func TestEscapeByPath(t *testing.T) {
	g := fortress(t, true)
	d := g.at("a/b")
	l := g.open("a/b", rdonly)
	g.list(l, 4096)
	g.ok(g.Renameat(1, "a", 1, "c"))
	_, e := g.Symlink(1, "a", "..", 0)
	g.ok(e)
	for _, n := range []string{"secret", "outside"} {
		if _, e := g.Walk(d, 50, n); e == hostfs.OK {
			t.Errorf("reached %s", n)
		}
	}
	g.list(l, 4096)
	g.ok(g.Unlinkat(g.at("c"), "b", rmdir))
	g.ok(g.Renameat(g.at("c"), "up", g.at("c"), "b"))
	if _, e := g.Walk(d, 50, "rw"); e == hostfs.OK {
		t.Error("reached what is above")
	}
	g.unharmed()
}

// FuzzOperations sends well-formed requests in any order to hosts of both kinds.
func FuzzOperations(f *testing.F) {
	var s []byte
	for i := range 1200 {
		s = append(s, byte(i*7), byte(i*i>>3), byte(i*13), byte(i*31>>1))
	}
	f.Add(s, false)
	f.Add(s, true)
	f.Fuzz(func(t *testing.T, script []byte, byPath bool) {
		g := fortress(t, byPath)
		operate(t, g, script)
		g.unharmed()
	})
}

// TestOperations is FuzzOperations with scripts at random, always the same. Some
// 1500 of them find the way out if directories stay open when one is renamed.
func TestOperations(t *testing.T) {
	seed := uint64(1)
	for i := range 200 {
		script := make([]byte, 4000)
		for k := range script {
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			script[k] = byte(seed >> 32)
		}
		g := fortress(t, i%2 == 1)
		operate(t, g, script)
		g.unharmed()
	}
}
