//go:build linux

package p9_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/hostfs/osfs"
	"github.com/c2w/c2w/internal/machine/p9"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

const (
	rdonly = 0
	wronly = 1
	rdwr   = 2
	excl   = 0o200
	trunc  = 0o1000
	appnd  = 0o2000

	rmdir = 0x200
)

// guest is a session with a server: fid 0 is the root, fid 1 a writable
// directory of the host, fid 2 a read-only one.
type guest struct {
	*p9client.Client
	t      testing.TB
	s      *p9.Server
	fs     *counter
	rw, ro string // the host's directories
	next   uint32
	now    int64
}

// counter counts the calls that a server makes.
type counter struct {
	hostfs.FS
	calls  int
	open   int
	noIno  bool
	noMore int // from then on, opening fails for want of descriptors
}

func start(t testing.TB) *guest {
	base := t.TempDir()
	g := &guest{t: t, rw: filepath.Join(base, "rw"), ro: filepath.Join(base, "ro"), next: 100}
	for _, d := range []string{g.rw, g.ro} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	host, err := osfs.New(g.rw, g.ro)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.CloseRoots)
	g.fs = &counter{FS: host}
	roots := host.Roots()
	g.s = p9.New(p9.Config{FS: g.fs, Mounts: []p9.Mount{{Dir: roots[0].FD}, {Dir: roots[1].FD, ReadOnly: true}}, Now: func() int64 { return g.now }})
	reply := make([]byte, p9.MaxMessage)
	g.Client = &p9client.Client{Do: func(m []byte) []byte {
		n, ok := g.s.Serve([][]byte{m}, [][]byte{reply})
		if !ok {
			t.Fatal("not taken for a message")
		}
		return reply[:n]
	}}
	g.begin()
	return g
}

// begin starts a session.
func (g *guest) begin() {
	g.t.Helper()
	if m, v, e := g.Version(1<<21, "9P2000.L"); e != 0 || m != 1<<20 || v != "9P2000.L" {
		g.t.Fatal("version", m, v, e)
	}
	_, e := g.Attach(0, 0)
	g.ok(e)
	g.walk(0, 1, "0")
	g.walk(0, 2, "1")
}

func (g *guest) ok(e hostfs.Errno) {
	g.t.Helper()
	if e != hostfs.OK {
		g.t.Fatalf("%v", e)
	}
}

func (g *guest) want(e, want hostfs.Errno) {
	g.t.Helper()
	if e != want {
		g.t.Errorf("%v; want %v", e, want)
	}
}

func (g *guest) fid() uint32 { g.next++; return g.next }

func (g *guest) walk(from, to uint32, names ...string) {
	g.t.Helper()
	q, e := g.Walk(from, to, names...)
	if e != hostfs.OK || len(q) != len(names) {
		g.t.Fatalf("walking to %q: %d steps, %v", names, len(q), e)
	}
}

// at walks from the writable directory.
func (g *guest) at(path string) uint32 {
	g.t.Helper()
	f := g.fid()
	var names []string
	if path != "" {
		names = strings.Split(path, "/")
	}
	g.walk(1, f, names...)
	return f
}

// open opens a file in the writable directory.
func (g *guest) open(path string, flags uint32) uint32 {
	g.t.Helper()
	f := g.at(path)
	_, e := g.Lopen(f, flags)
	g.ok(e)
	return f
}

// create makes a file, left open, in the writable directory.
func (g *guest) create(dir, name string, mode uint32) uint32 {
	g.t.Helper()
	f := g.at(dir)
	_, e := g.Lcreate(f, name, rdwr|excl, mode, 0)
	g.ok(e)
	return f
}

func (g *guest) write(f uint32, off uint64, s string) {
	g.t.Helper()
	n, e := g.Write(f, off, []byte(s))
	if e != hostfs.OK || n != len(s) {
		g.t.Fatalf("wrote %d, %v", n, e)
	}
}

func (g *guest) reads(f uint32, off uint64, want string) {
	g.t.Helper()
	b, e := g.Read(f, off, 1<<16)
	if e != hostfs.OK || string(b) != want {
		g.t.Errorf("read %.100q, %v; want %.100q", b, e, want)
	}
}

func (g *guest) attr(f uint32) p9client.Attr {
	g.t.Helper()
	a, e := g.Getattr(f)
	g.ok(e)
	return a
}

// host reads a file of the writable directory.
func (g *guest) host(path string) string {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.rw, path))
	if err != nil {
		g.t.Error(err)
	}
	return string(b)
}

// put writes a file on the host.
func (g *guest) put(path, s string) {
	g.t.Helper()
	if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func TestRoot(t *testing.T) {
	g := start(t)
	if a := g.attr(0); a.Mode != 0o40555 || a.Qid.Type != 0x80 {
		t.Errorf("root: %+v", a)
	}
	g.walk(0, 9)
	_, e := g.Lopen(9, rdonly)
	g.ok(e)
	ents, e := g.List(9, 8192)
	g.ok(e)
	var names []string
	for _, d := range ents {
		names = append(names, d.Name)
	}
	if got := strings.Join(names, " "); got != ". .. 0 1" {
		t.Errorf("root holds %q", got)
	}
	for _, n := range []string{"2", "00", "01", "-1", "x", "18446744073709551616"} {
		_, e := g.Walk(0, 10, n)
		g.want(e, hostfs.ENOENT)
	}
	_, e = g.Lcreate(0, "x", rdwr, 0o644, 0)
	g.want(e, hostfs.EROFS)
	_, e = g.Mkdir(0, "x", 0o755, 0)
	g.want(e, hostfs.EROFS)
	g.want(g.Unlinkat(0, "0", rmdir), hostfs.EROFS)
	g.want(g.Renameat(1, "x", 0, "y"), hostfs.EROFS)
	g.want(g.Remove(1), hostfs.EBUSY)
	g.walk(0, 11, "0", "..", "..", "..", "1", "..")
	if g.attr(11).Qid != g.attr(0).Qid {
		t.Error(".. from a mount leads elsewhere than to the root")
	}
	_, v, e := g.Version(1<<16, "9P2000.u")
	if e != hostfs.OK || v != "unknown" {
		t.Error("9P2000.u:", v, e)
	}
	g.want(g.Clunk(0), hostfs.EBADF) // a version ends what was
}

func TestFiles(t *testing.T) {
	g := start(t)
	f := g.create("", "a", 0o640)
	g.write(f, 0, "hello")
	g.write(f, 10, "x")
	g.reads(f, 0, "hello\x00\x00\x00\x00\x00x")
	g.reads(f, 11, "")
	g.reads(f, 100, "")
	if g.host("a") != "hello\x00\x00\x00\x00\x00x" {
		t.Error("host has", g.host("a"))
	}
	if a := g.attr(f); a.Size != 11 || a.Mode != 0o100640 || a.Nlink != 1 || a.Qid.Version == 0 {
		t.Errorf("%+v", a)
	}
	g.ok(g.Fsync(f, 0))
	g.ok(g.Fsync(f, 1))
	g.ok(g.Clunk(f))
	g.want(g.Clunk(f), hostfs.EBADF)

	f = g.at("a")
	_, e := g.Read(f, 0, 1)
	g.want(e, hostfs.EBADF) // not open
	_, e = g.Lcreate(g.at(""), "a", rdwr|excl, 0o644, 0)
	g.want(e, hostfs.EEXIST)
	d := g.at("")
	_, e = g.Lcreate(d, "a", rdwr|trunc, 0o600, 0)
	g.ok(e)
	if a := g.attr(d); a.Size != 0 || a.Mode != 0o100640 {
		t.Errorf("truncated by create: %+v", a)
	}
	g.write(d, 0, "0123456789")
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 8, Size: 4}))
	g.reads(d, 0, "0123")
	ap := g.open("a", wronly|appnd)
	g.put(filepath.Join(g.rw, "a"), "the host's")
	g.write(ap, 3, "!")
	if got := g.host("a"); got != "the host's!" {
		t.Errorf("appended: %q", got)
	}
	_, e = g.Read(ap, 0, 1)
	g.want(e, hostfs.EBADF)
	_, e = g.Write(g.open("a", rdonly), 0, []byte("x"))
	g.want(e, hostfs.EBADF)
	_, e = g.Write(d, 1<<63-1, []byte("x"))
	g.want(e, hostfs.EFBIG)
	_, e = g.Read(d, 1<<63, 1)
	g.want(e, hostfs.EINVAL)
	_, e = g.Lopen(g.at(""), rdwr)
	g.want(e, hostfs.EISDIR)
}

// TestWriteAtEnd: an append that says where the end is, as the guest's kernel
// makes it, happens there or not at all.
func TestWriteAtEnd(t *testing.T) {
	g := start(t)
	g.put(filepath.Join(g.rw, "a"), "0123456789")
	const atEnd = 1 << 63
	for _, flags := range []uint32{wronly, rdwr, wronly | appnd} {
		f := g.open("a", flags)
		g.put(filepath.Join(g.rw, "a"), "0123456789")
		for _, off := range []uint64{0, 9, 11, 1<<63 - 1} {
			_, e := g.Write(f, off|atEnd, []byte("x"))
			g.want(e, hostfs.EAGAIN)
		}
		n, e := g.Write(f, 10|atEnd, []byte("ab"))
		g.ok(e)
		g.put(filepath.Join(g.rw, "a"), g.host("a")+"host")
		_, e = g.Write(f, 12|atEnd, []byte("cd"))
		g.want(e, hostfs.EAGAIN)
		if a := g.attr(f); a.Size != 16 { // what is told now is no memory of before
			t.Errorf("flags %o: the size is told as %d", flags, a.Size)
		}
		_, e = g.Write(f, 16|atEnd, []byte("cd"))
		g.ok(e)
		if got := g.host("a"); got != "0123456789abhostcd" || n != 2 {
			t.Errorf("flags %o: the host has %q, %d were written", flags, got, n)
		}
		g.ok(g.Clunk(f))
	}
}

func TestLargeTransfers(t *testing.T) {
	g := start(t)
	f := g.create("", "big", 0o644)
	data := bytes.Repeat([]byte("0123456789abcdef"), 60_000)
	n, e := g.Write(f, 0, data)
	if e != hostfs.OK || n != len(data) {
		t.Fatal(n, e)
	}
	b, e := g.Read(f, 0, 1<<20)
	if e != hostfs.OK || !bytes.Equal(b, data) {
		t.Fatal(len(b), e)
	}
	// In pieces of all sizes.
	m := g.Message(116, f, uint64(5), uint32(9000))
	var in [][]byte
	whole := make([]byte, 9011)
	for rest, n := whole, 1; len(rest) > 0; n = n*3 + 1 {
		k := min(n, len(rest))
		in = append(in, rest[:k:k])
		rest = rest[k:]
	}
	if k, ok := g.s.Serve([][]byte{m[:3], m[3:8], m[8:]}, in); !ok || k != 9011 || !bytes.Equal(whole[11:], data[5:9005]) {
		t.Error("scattered read:", k, ok)
	}
	m = slices.Clone(g.Message(118, f, uint64(1), uint32(5), []byte("HELLO")))
	if k, ok := g.s.Serve([][]byte{m[:20], m[20:24], m[24:26], m[26:]}, in); !ok || k != 11 {
		t.Error("gathered write:", k, ok)
	}
	g.ok(g.Setattr(f, p9client.SetAttr{Valid: 8, Size: 8}))
	g.reads(f, 0, "0HELLO67")
}

func TestReadOnly(t *testing.T) {
	g := start(t)
	g.put(filepath.Join(g.ro, "f"), "data")
	g.walk(2, 10, "f")
	g.walk(2, 11)
	for what, e := range map[string]func() hostfs.Errno{
		"open":     func() hostfs.Errno { _, e := g.Lopen(10, wronly); return e },
		"truncate": func() hostfs.Errno { _, e := g.Lopen(10, rdonly|trunc); return e },
		"create":   func() hostfs.Errno { _, e := g.Lcreate(11, "x", rdonly, 0o644, 0); return e },
		"mkdir":    func() hostfs.Errno { _, e := g.Mkdir(2, "x", 0o755, 0); return e },
		"symlink":  func() hostfs.Errno { _, e := g.Symlink(2, "x", "y", 0); return e },
		"mknod":    func() hostfs.Errno { _, e := g.Mknod(2, "x", 0o10644, 0, 0, 0); return e },
		"link":     func() hostfs.Errno { return g.Link(2, 10, "x") },
		"link out": func() hostfs.Errno { return g.Link(1, 10, "x") },
		"unlink":   func() hostfs.Errno { return g.Unlinkat(2, "f", 0) },
		"rename":   func() hostfs.Errno { return g.Rename(10, 1, "f") },
		"renameat": func() hostfs.Errno { return g.Renameat(2, "f", 2, "g") },
		"into":     func() hostfs.Errno { return g.Renameat(1, "x", 2, "g") },
		"chmod":    func() hostfs.Errno { return g.Setattr(10, p9client.SetAttr{Valid: 1, Mode: 0o600}) },
		"size":     func() hostfs.Errno { return g.Setattr(10, p9client.SetAttr{Valid: 8}) },
		"times":    func() hostfs.Errno { return g.Setattr(10, p9client.SetAttr{Valid: 0x30}) },
		"times of the mount": func() hostfs.Errno {
			return g.Setattr(2, p9client.SetAttr{Valid: 0x30})
		},
	} {
		if got := e(); got != hostfs.EROFS {
			t.Errorf("%s: %v", what, got)
		}
	}
	_, e := g.Lopen(10, rdonly)
	g.ok(e)
	g.reads(10, 0, "data")
	g.walk(2, 12, "f")
	g.want(g.Remove(12), hostfs.EROFS)
	g.want(g.Clunk(12), hostfs.EBADF)
}

func TestNames(t *testing.T) {
	g := start(t)
	g.put(filepath.Join(g.rw, "f"), "")
	for _, tt := range []struct {
		name string
		want hostfs.Errno
	}{
		{"", hostfs.EINVAL}, {"a/b", hostfs.EINVAL}, {"../secret", hostfs.EINVAL}, {"/etc/passwd", hostfs.EINVAL},
		{"a\x00b", hostfs.EINVAL}, {"\xff", hostfs.EILSEQ}, {strings.Repeat("n", 256), hostfs.ENAMETOOLONG},
		{".", hostfs.EINVAL}, {"..", hostfs.EINVAL}, {strings.Repeat("n", 20000), hostfs.ENAMETOOLONG},
	} {
		if tt.name != "." && tt.name != ".." {
			_, e := g.Walk(1, 50, tt.name)
			g.want(e, tt.want)
		}
		_, e := g.Lcreate(g.at(""), tt.name, rdwr, 0o644, 0)
		g.want(e, tt.want)
		_, e = g.Mkdir(1, tt.name, 0o755, 0)
		g.want(e, tt.want)
		_, e = g.Symlink(1, tt.name, "x", 0)
		g.want(e, tt.want)
		g.want(g.Unlinkat(1, tt.name, 0), tt.want)
		g.want(g.Renameat(1, tt.name, 1, "x"), tt.want)
		g.want(g.Renameat(1, "f", 1, tt.name), tt.want)
		g.want(g.Link(1, g.at("f"), tt.name), tt.want)
	}
	g.walk(1, 60, "..", "..", "..")
	_, e := g.Walk(60, 61, "secret")
	g.want(e, hostfs.ENOENT)
	for _, n := range []string{strings.Repeat("ü", 127), "a b", "\\", "a:b", "..."} {
		g.ok(g.Clunk(g.create("", n, 0o644)))
		g.ok(g.Unlinkat(1, n, 0))
	}
}

func TestSymlinks(t *testing.T) {
	g := start(t)
	_, e := g.Symlink(1, "out", "../secret", 0)
	g.ok(e)
	_, e = g.Symlink(1, "up", "..", 0)
	g.ok(e)
	_, e = g.Symlink(1, "abs", "/etc", 0)
	g.ok(e)
	f := g.at("out")
	if s, e := g.Readlink(f); e != hostfs.OK || s != "../secret" {
		t.Error(s, e)
	}
	if a := g.attr(f); a.Mode != 0o120777 || a.Qid.Type != 2 {
		t.Errorf("%+v", a)
	}
	_, e = g.Lopen(f, rdonly)
	g.want(e, hostfs.ELOOP)
	g.want(g.Setattr(f, p9client.SetAttr{Valid: 8}), hostfs.ELOOP)
	for _, l := range []string{"up", "abs"} {
		q, e := g.Walk(1, 70, l, "passwd")
		if len(q) != 1 || e != hostfs.OK {
			t.Error("walked through a link:", q, e)
		}
		_, e = g.Mkdir(g.at(l), "x", 0o755, 0)
		g.want(e, hostfs.ENOTDIR)
		_, e = g.Lcreate(g.at(l), "x", rdwr, 0o644, 0)
		g.want(e, hostfs.ENOTDIR)
	}
	_, e = g.Lcreate(g.at(""), "out", rdwr|trunc, 0o644, 0)
	g.want(e, hostfs.ELOOP)
	_, e = g.Symlink(1, "long", strings.Repeat("x", 4096), 0)
	g.want(e, hostfs.ENAMETOOLONG)
	long := strings.Repeat("x", 4095)
	_, e = g.Symlink(1, "long", long, 0)
	g.ok(e)
	if s, e := g.Readlink(g.at("long")); s != long {
		t.Error(len(s), e)
	}

	// A directory turns into a link while it is known.
	_, e = g.Mkdir(1, "d", 0o755, 0)
	g.ok(e)
	d := g.at("d")
	g.ok(g.Clunk(g.create("d", "x", 0o644)))
	g.ok(g.Renameat(1, "d", 1, "e"))
	_, e = g.Symlink(1, "d", "..", 0)
	g.ok(e)
	_, e = g.Walk(d, 71, "secret")
	g.want(e, hostfs.ENOENT)
	g.walk(d, 72, "x")
	os.RemoveAll(filepath.Join(g.rw, "e"))
	os.Symlink("..", filepath.Join(g.rw, "e"))
	g.walk(1, 73, "e")
	_, e = g.Walk(73, 74, "secret")
	g.want(e, hostfs.ENOTDIR)
}

func TestUnsupported(t *testing.T) {
	g := start(t)
	for typ := range uint8(128) {
		switch typ {
		case 6, 7, 8, 12, 14, 16, 18, 20, 22, 24, 26, 40, 50, 52, 54, 70, 72, 74, 76, 100, 104, 108, 110, 116, 118, 120, 122:
			continue
		}
		_, e := g.Call(typ, uint32(1), uint32(3), "name")
		g.want(e, hostfs.EOPNOTSUPP)
	}
	_, e := g.Call(108, uint16(1))
	g.ok(e)
	b, e := g.Statfs(1)
	if e != hostfs.OK || len(b) != 60 {
		t.Error(len(b), e)
	}
}

func TestHostChanges(t *testing.T) {
	g := start(t)
	p := filepath.Join(g.rw, "f")
	g.put(p, "one")
	f := g.at("f")
	os.Remove(p)
	g.attr(f) // what was known a moment ago counts for a while
	g.now += 30e6
	_, e := g.Getattr(f)
	g.want(e, hostfs.ENOENT)
	_, e = g.Walk(1, 99, "f")
	g.want(e, hostfs.ENOENT)
	g.put(p, "two")
	g.reads(g.open("f", rdonly), 0, "two")
	os.WriteFile(filepath.Join(g.rw, "tmp"), []byte("three"), 0o644)
	os.Rename(filepath.Join(g.rw, "tmp"), p)
	g.now += 30e6
	g.reads(g.open("f", rdonly), 0, "three")
	os.Mkdir(filepath.Join(g.rw, "d"), 0o755)
	d := g.at("d")
	os.RemoveAll(filepath.Join(g.rw, "d"))
	g.put(filepath.Join(g.rw, "d"), "a file now")
	_, e = g.Walk(d, 98, "x")
	if e != hostfs.ENOENT && e != hostfs.ENOTDIR {
		t.Error(e)
	}
}

func ExampleServer() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	host, _ := osfs.New(dir)
	s := p9.New(p9.Config{FS: host, Mounts: []p9.Mount{{Dir: host.Roots()[0].FD}}})
	reply := make([]byte, 64)
	n, _ := s.Serve([][]byte{{19, 0, 0, 0, 100, 255, 255, 0, 32, 0, 0, 6, 0, '9', 'P', '2', '0', '0', '0'}}, [][]byte{reply})
	fmt.Printf("%q\n", reply[13:n])
	// Output: "unknown"
}
