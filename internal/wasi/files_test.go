package wasi

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/hostfs"
)

// fakeFS is an engine with one preopened directory, 3. What a test does not set
// answers with success, but for what is looked up: that does not exist.
type fakeFS struct {
	calls []string

	onStat    func(name string, st *filestat) Errno
	onFDStat  func(fd uint32, st *filestat) Errno
	onOpen    func(name string, oflags uint16, rights uint64) (uint32, Errno)
	onReaddir func(p []byte, cookie uint64) (int, Errno)
	onIO      func(how string, bufs [][]byte, off int64) (int, Errno)
	answer    map[string]Errno // of the calls that return nothing else
	flags     fdstat
	seekErr   Errno
	linkText  string
}

func (f *fakeFS) call(name string) Errno {
	f.calls = append(f.calls, name)
	return f.answer[name]
}

func (f *fakeFS) called(name string) bool { return slices.Contains(f.calls, name) }

func (f *fakeFS) prestat(fd uint32) (int, Errno) {
	if fd == 3 {
		return 2, errnoSuccess
	}
	return 0, errnoBadf
}
func (f *fakeFS) prestatName(fd uint32, p []byte) Errno { copy(p, "/w"); return errnoSuccess }
func (f *fakeFS) fdstat(fd uint32) (fdstat, Errno)      { return f.flags, errnoSuccess }
func (f *fakeFS) setFlags(fd uint32, flags uint16) Errno {
	return f.call("setFlags " + strconv.Itoa(int(fd)) + " " + strconv.Itoa(int(flags)))
}
func (f *fakeFS) open(dir uint32, name string, oflags uint16, rights, _ uint64, _ uint16) (uint32, Errno) {
	f.calls = append(f.calls, "open")
	if f.onOpen != nil {
		return f.onOpen(name, oflags, rights)
	}
	return 4, errnoSuccess
}
func (f *fakeFS) close(fd uint32) Errno                             { return f.call("close") }
func (f *fakeFS) seek(fd uint32, off int64, whence uint32) Errno    { f.call("seek"); return f.seekErr }
func (f *fakeFS) read(fd uint32, b [][]byte) (int, Errno)           { return f.onIO("read", b, 0) }
func (f *fakeFS) pread(fd uint32, b [][]byte, o int64) (int, Errno) { return f.onIO("pread", b, o) }
func (f *fakeFS) write(fd uint32, b [][]byte) (int, Errno)          { return f.onIO("write", b, 0) }
func (f *fakeFS) pwrite(fd uint32, b [][]byte, o int64) (int, Errno) {
	return f.onIO("pwrite", b, o)
}
func (f *fakeFS) sync(fd uint32) Errno     { return f.call("sync") }
func (f *fakeFS) datasync(fd uint32) Errno { return f.call("datasync") }
func (f *fakeFS) readdir(fd uint32, p []byte, cookie uint64) (int, Errno) {
	f.calls = append(f.calls, "readdir")
	return f.onReaddir(p, cookie)
}
func (f *fakeFS) filestat(fd uint32, st *filestat) Errno {
	*st = filestat{}
	if f.onFDStat != nil {
		return f.onFDStat(fd, st)
	}
	return errnoSuccess
}
func (f *fakeFS) pathFilestat(dir uint32, name string, st *filestat) Errno {
	*st = filestat{}
	if f.onStat != nil {
		return f.onStat(name, st)
	}
	return errnoNoent
}
func (f *fakeFS) setSize(fd uint32, size int64) Errno            { return f.call("setSize") }
func (f *fakeFS) setTimes(fd uint32, a, m int64, _ uint16) Errno { return f.call("setTimes") }
func (f *fakeFS) pathSetTimes(dir uint32, name string, a, m int64, _ uint16) Errno {
	return f.call("pathSetTimes")
}
func (f *fakeFS) mkdir(dir uint32, name string) Errno  { return f.call("mkdir") }
func (f *fakeFS) rmdir(dir uint32, name string) Errno  { return f.call("rmdir") }
func (f *fakeFS) unlink(dir uint32, name string) Errno { return f.call("unlink") }
func (f *fakeFS) rename(dir uint32, name string, newDir uint32, newName string) Errno {
	return f.call("rename")
}
func (f *fakeFS) link(dir uint32, name string, newDir uint32, newName string) Errno {
	return f.call("link")
}
func (f *fakeFS) symlink(target string, dir uint32, name string) Errno { return f.call("symlink") }
func (f *fakeFS) readlink(dir uint32, name string, p []byte) (int, Errno) {
	return copy(p, f.linkText), f.call("readlink")
}

// is answers every look with one type and inode.
func is(filetype uint8, ino uint64) func(string, *filestat) Errno {
	return func(_ string, st *filestat) Errno {
		st.filetype, st.ino = filetype, ino
		return errnoSuccess
	}
}

func fdIs(filetype uint8, ino uint64) func(uint32, *filestat) Errno {
	answer := is(filetype, ino)
	return func(_ uint32, st *filestat) Errno { return answer("", st) }
}

const (
	byPath     = false
	byIdentity = true
)

// openDir returns files with an open directory 4 of inode 7.
func openDir(t *testing.T, sys *fakeFS) (*files, hostfs.FD) {
	t.Helper()
	f := newFiles(sys, byPath)
	sys.onStat, sys.onFDStat = is(filetypeDirectory, 7), fdIs(filetypeDirectory, 7)
	d, e := f.Open(3, "d", hostfs.Read|hostfs.OpenDirectory)
	if e != hostfs.OK {
		t.Fatal(e)
	}
	sys.calls = nil
	return f, d
}

func wantErr(t *testing.T, what string, got, want hostfs.Errno) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var fileDifferenceTests = map[string]func(t *testing.T){
	"links followed": func(t *testing.T) {
		for _, identity := range []bool{byPath, byIdentity} {
			sys := &fakeFS{onStat: is(filetypeSymlink, 5)}
			f := newFiles(sys, identity)
			sys.calls = nil
			_, e := f.Open(3, "l", hostfs.Read)
			wantErr(t, "open", e, hostfs.ELOOP)
			_, e = f.Open(3, "l", hostfs.Write|hostfs.Truncate)
			wantErr(t, "truncate", e, hostfs.ELOOP)
			_, e = f.Open(3, "l", hostfs.Read|hostfs.OpenDirectory)
			wantErr(t, "directory", e, hostfs.ENOTDIR)
			sys.onStat = is(filetypeUnknown, 5)
			_, e = f.Open(3, "fifo", hostfs.Read)
			wantErr(t, "fifo", e, hostfs.ENXIO)
			if sys.called("open") {
				t.Error("something was opened")
			}
			sys.onOpen = func(_ string, oflags uint16, _ uint64) (uint32, Errno) {
				if oflags&oflagExcl == 0 {
					t.Error("created without exclusion")
				}
				return 0, errnoExist
			}
			sys.onStat = is(filetypeSymlink, 5)
			_, e = f.Open(3, "l", hostfs.Write|hostfs.Create|hostfs.Truncate)
			wantErr(t, "create", e, hostfs.ELOOP)
		}
	},
	"changed before opening": func(t *testing.T) {
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onFDStat: fdIs(filetypeRegular, 6)}
		f := newFiles(sys, byPath)
		_, e := f.Open(3, "a", hostfs.Write|hostfs.Truncate)
		wantErr(t, "open", e, hostfs.ESTALE)
		if !sys.called("close") || sys.called("setSize") {
			t.Error(sys.calls)
		}
	},
	"stale path": func(t *testing.T) {
		sys := &fakeFS{}
		f, d := openDir(t, sys)
		wantErr(t, "at first", f.Mkdir(d, "x"), hostfs.OK)
		sys.calls = nil
		sys.onStat = is(filetypeDirectory, 8)
		_, e := f.Open(d, "x", hostfs.Read)
		wantErr(t, "open", e, hostfs.ESTALE)
		_, e = f.Readlink(d, "x", make([]byte, 9))
		wantErr(t, "readlink", e, hostfs.ESTALE)
		for what, e := range map[string]hostfs.Errno{
			"stat": f.StatAt(d, "x", new(hostfs.Stat)), "mkdir": f.Mkdir(d, "x"), "rmdir": f.Rmdir(d, "x"),
			"unlink": f.Unlink(d, "x"), "rename": f.Rename(3, "x", d, "x"), "rename from": f.Rename(d, "x", 3, "x"),
			"link": f.Link(3, "x", d, "x"), "symlink": f.Symlink("t", d, "x"),
			"times":   f.SetTimesAt(d, "x", &hostfs.Times{NowMtime: true}),
			"readdir": f.ReadDir(d, 0, func(_, _ uint64, _ hostfs.Type, _ []byte) bool { return true }),
		} {
			wantErr(t, what, e, hostfs.ESTALE)
		}
		if len(sys.calls) > 0 {
			t.Errorf("called %v", sys.calls)
		}
		sys.onStat = func(string, *filestat) Errno { return errnoNoent }
		wantErr(t, "gone", f.Mkdir(d, "x"), hostfs.ESTALE)
	},
	"one bad name": func(t *testing.T) {
		sys := &fakeFS{onReaddir: func([]byte, uint64) (int, Errno) { return 0, errnoIlseq }}
		f := newFiles(sys, byIdentity)
		wantErr(t, "listing", f.ReadDir(3, 0, nil), hostfs.EILSEQ)
		sys.onStat = is(filetypeRegular, 5)
		wantErr(t, "another name", f.StatAt(3, "a", new(hostfs.Stat)), hostfs.OK)
	},
	"numbered anew": func(t *testing.T) {
		names := []string{".", ".."}
		for i := range 100 {
			names = append(names, "file-"+strconv.Itoa(i))
		}
		sys := &fakeFS{onReaddir: func(p []byte, cookie uint64) (int, Errno) { return dirents(p, names, cookie) }}
		f := newFiles(sys, byIdentity)
		seen := 0
		for cookie := uint64(0); ; {
			var got []string
			wantErr(t, "listing", f.ReadDir(3, cookie, func(next, _ uint64, _ hostfs.Type, name []byte) bool {
				if len(got) == 7 {
					return false
				}
				got, cookie = append(got, string(name)), next
				return true
			}), hostfs.OK)
			if len(got) == 0 {
				break
			}
			seen += len(got)
			names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(got, n) })
		}
		if seen != 100 || len(names) != 2 {
			t.Errorf("saw %d, left %v", seen, names)
		}
		names = append(names, "new")
		found := false
		_ = f.ReadDir(3, 0, func(_, _ uint64, _ hostfs.Type, name []byte) bool { found = string(name) == "new"; return true })
		if !found {
			t.Error("reading again from the beginning does not see what is new")
		}
	},
	"whole directory a call": func(t *testing.T) {
		var names []string
		for i := range 300_000 {
			names = append(names, "some-file-"+strconv.Itoa(i))
		}
		size := uint64(0)
		sys := &fakeFS{
			onReaddir: func(p []byte, cookie uint64) (int, Errno) { return dirents(p, names, cookie) },
			onFDStat:  func(_ uint32, st *filestat) Errno { st.size = size; return errnoSuccess },
		}
		for _, size = range []uint64{0, 1 << 20} {
			f := newFiles(sys, byIdentity)
			sys.calls = nil
			n := 0
			for cookie, before := uint64(0), -1; n > before; {
				before = n
				left := 1000
				wantErr(t, "listing", f.ReadDir(3, cookie, func(next, _ uint64, _ hostfs.Type, name []byte) bool {
					if left--; left < 0 {
						return false
					}
					if string(name) != names[n] {
						t.Fatalf("%q is not %q", name, names[n])
					}
					n++
					cookie = next
					return true
				}), hostfs.OK)
			}
			if n != len(names) || len(sys.calls) > 5 {
				t.Errorf("%d names in %d calls", n, len(sys.calls))
			}
		}
	},
	"vanished while listed": func(t *testing.T) {
		n := 0
		sys := &fakeFS{onReaddir: func(p []byte, cookie uint64) (int, Errno) {
			if n++; n < 3 {
				return 0, errnoNoent
			}
			return dirents(p, []string{"a"}, cookie)
		}}
		f := newFiles(sys, byIdentity)
		got := ""
		wantErr(t, "listing", f.ReadDir(3, 0, func(_, _ uint64, _ hostfs.Type, name []byte) bool { got += string(name); return true }), hostfs.OK)
		if got != "a" {
			t.Error(got)
		}
	},
	"first buffer only": func(t *testing.T) {
		var got []byte
		sys := &fakeFS{onIO: func(how string, b [][]byte, off int64) (int, Errno) {
			if off != int64(len(got)) {
				t.Errorf("%s at %d, not %d", how, off, len(got))
			}
			got = append(got, b[0]...)
			return len(b[0]), errnoSuccess
		}}
		f := newFiles(sys, byPath)
		fd, _ := f.Open(3, "a", hostfs.Write|hostfs.Create)
		n, e := f.WriteAt(fd, [][]byte{nil, []byte("ab"), {}, []byte("c"), nil}, 0)
		if n != 3 || e != hostfs.OK || string(got) != "abc" {
			t.Errorf("%d, %v, %q", n, e, got)
		}
		sys.onIO = func(_ string, b [][]byte, _ int64) (int, Errno) { return min(1, len(b[0])), errnoSuccess }
		if n, e := f.WriteAt(fd, [][]byte{[]byte("ab"), []byte("c")}, 0); n != 1 || e != hostfs.OK {
			t.Errorf("a short write: %d, %v", n, e)
		}
		left := 1
		sys.onIO = func(_ string, b [][]byte, _ int64) (int, Errno) {
			if left--; left < 0 {
				return 0, errnoIO
			}
			return len(b[0]), errnoSuccess
		}
		if n, e := f.WriteAt(fd, [][]byte{[]byte("ab"), []byte("c")}, 0); n != 2 || e != hostfs.OK {
			t.Errorf("an error later on: %d, %v", n, e)
		}
		if n, e := f.WriteAt(fd, [][]byte{[]byte("ab")}, 0); n != 0 || e != hostfs.EIO {
			t.Errorf("an error at once: %d, %v", n, e)
		}
	},
	"short reads": func(t *testing.T) {
		how := ""
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onIO: func(h string, b [][]byte, _ int64) (int, Errno) {
			how = h
			return len(b[0]), errnoSuccess
		}}
		f := newFiles(sys, byIdentity)
		fd, _ := f.Open(3, "a", hostfs.Read)
		sys.calls = nil
		for _, off := range []int64{0, 4, 100, 104} {
			if n, e := f.ReadAt(fd, [][]byte{make([]byte, 4)}, off); n != 4 || e != hostfs.OK || how != "read" {
				t.Errorf("%s: %d, %v", how, n, e)
			}
		}
		if len(sys.calls) != 1 { // to 100; a new file is at 0
			t.Errorf("%d seeks", len(sys.calls))
		}
	},
	"append at a position": func(t *testing.T) {
		how := ""
		sys := &fakeFS{onIO: func(h string, b [][]byte, _ int64) (int, Errno) { how = h; return len(b[0]), errnoSuccess }}
		f := newFiles(sys, byPath)
		fd, _ := f.Open(3, "a", hostfs.Write|hostfs.Create|hostfs.Append)
		if _, e := f.WriteAt(fd, [][]byte{{1}}, 77); e != hostfs.OK || how != "write" {
			t.Errorf("%s, %v", how, e)
		}
	},
	"times through a link": func(t *testing.T) {
		sys := &fakeFS{onStat: is(filetypeSymlink, 5)}
		f := newFiles(sys, byPath)
		wantErr(t, "link", f.SetTimesAt(3, "l", &hostfs.Times{NowMtime: true}), hostfs.EOPNOTSUPP)
		sys.onStat, sys.onFDStat = is(filetypeRegular, 5), fdIs(filetypeRegular, 5)
		wantErr(t, "file", f.SetTimesAt(3, "a", &hostfs.Times{NowMtime: true}), hostfs.OK)
		if sys.called("pathSetTimes") || !sys.called("setTimes") {
			t.Error(sys.calls)
		}
	},
	"read-only": func(t *testing.T) {
		sys := &fakeFS{flags: fdstat{rights: rightsAll}, answer: map[string]Errno{"mkdir": errnoRofs}}
		if !newFiles(sys, byPath).Roots()[0].ReadOnly {
			t.Error("mkdir tells it")
		}
		sys = &fakeFS{flags: fdstat{rights: rightsAll &^ rightCreateFile}}
		if !newFiles(sys, byPath).Roots()[0].ReadOnly {
			t.Error("the rights tell it")
		}
		sys = &fakeFS{flags: fdstat{rights: rightsAll}, answer: map[string]Errno{"mkdir": errnoExist}}
		f := newFiles(sys, byPath)
		if f.Roots()[0].ReadOnly {
			t.Error("this one is not")
		}
		sys.onOpen = func(_ string, _ uint16, rights uint64) (uint32, Errno) {
			if rights&rightWrite == 0 {
				t.Error("created without the right to write")
			}
			return 0, errnoNosys
		}
		_, e := f.Open(3, "a", hostfs.Read|hostfs.Create)
		wantErr(t, "create", e, hostfs.EROFS)
	},
	"from one to another": func(t *testing.T) {
		sys := &fakeFS{}
		f, d := openDir(t, sys)
		sys.answer = map[string]Errno{"rename": errnoNosys, "link": errnoNosys}
		wantErr(t, "rename", f.Rename(3, "a", d, "b"), hostfs.EXDEV)
		wantErr(t, "link", f.Link(3, "a", d, "b"), hostfs.EXDEV)
	},
	"unlink of a directory": func(t *testing.T) {
		for _, errno := range []Errno{errnoIsdir, errnoPerm} {
			sys := &fakeFS{answer: map[string]Errno{"unlink": errno}, onStat: is(filetypeDirectory, 1)}
			wantErr(t, "directory", newFiles(sys, byPath).Unlink(3, "a"), hostfs.EISDIR)
			sys.onStat = is(filetypeRegular, 1)
			wantErr(t, "file", newFiles(sys, byPath).Unlink(3, "a"), hostfs.EPERM)
		}
	},
	"sync of a directory": func(t *testing.T) {
		sys := &fakeFS{answer: map[string]Errno{"sync": errnoBadf}}
		wantErr(t, "directory", newFiles(sys, byIdentity).Sync(3, false), hostfs.OK)
		sys = &fakeFS{answer: map[string]Errno{"datasync": errnoNotcapable}}
		f := newFiles(sys, byPath)
		fd, _ := f.Open(3, "a", hostfs.Read|hostfs.Create)
		wantErr(t, "for reading", f.Sync(fd, true), hostfs.OK)
		if !sys.called("sync") {
			t.Error(sys.calls)
		}
	},
	"readlink's buffer": func(t *testing.T) {
		for _, errno := range []Errno{errnoRange, errnoNobufs, errnoSuccess} {
			sys := &fakeFS{answer: map[string]Errno{"readlink": errno}, linkText: "0123456789"}
			_, e := newFiles(sys, byPath).Readlink(3, "l", make([]byte, 5))
			wantErr(t, "too small", e, hostfs.ENAMETOOLONG)
		}
	},
	"name not UTF-8": func(t *testing.T) {
		sys := &fakeFS{onStat: func(name string, _ *filestat) Errno { return errnoPerm }}
		f := newFiles(sys, byPath)
		_, e := f.Open(3, "\xff", hostfs.Write|hostfs.Create)
		wantErr(t, "open", e, hostfs.EILSEQ)
		wantErr(t, "mkdir", f.Mkdir(3, "\xff"), hostfs.EILSEQ)
	},
	"target leads out": func(t *testing.T) {
		for _, errno := range []Errno{errnoPerm, errnoNotcapable} {
			sys := &fakeFS{answer: map[string]Errno{"symlink": errno}}
			wantErr(t, "symlink", newFiles(sys, byPath).Symlink("/etc", 3, "l"), hostfs.EPERM)
		}
	},
	"null is no terminal": func(t *testing.T) {
		h := Host{sys: &fake{}, fsys: &fakeFS{flags: fdstat{filetype: filetypeChar}}}
		if h.IsTerminal(0) {
			t.Error("/dev/null has a position and is no terminal")
		}
		h.fsys = &fakeFS{flags: fdstat{filetype: filetypeChar}, seekErr: 70}
		if !h.IsTerminal(0) {
			t.Error("a character device without a position is one")
		}
		h.fsys = &fakeFS{seekErr: 70}
		if h.IsTerminal(0) {
			t.Error("a pipe is none")
		}
	},
	"streams made non-blocking": func(t *testing.T) {
		// As standard has it, as Node on Linux has it, and untouched.
		for flags, want := range map[uint16]string{5: "setFlags 1 1", 0x8c01: "setFlags 1 35841", 1: ""} {
			sys := &fakeFS{flags: fdstat{flags: flags}}
			h := Host{sys: &fake{}, fsys: sys}
			h.unblock()
			if want == "" && len(sys.calls) > 0 || want != "" && !sys.called(want) {
				t.Errorf("flags %#x: %v", flags, sys.calls)
			}
		}
	},
	"buffered lines": func(t *testing.T) {
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 1))
			pipe := &fullPipe{rand: r}
			h := Host{sys: &fake{onClock: asWasmtime, onWrite: pipe.fdWrite}}
			var want []byte
			for range 40 {
				p := make([]byte, r.IntN(1<<r.IntN(15)))
				lines := r.IntN(3) * r.IntN(100)
				for i := range p {
					p[i] = 'a' + byte(len(want)+i)%26
					if lines > 0 && r.IntN(lines) == 0 {
						p[i] = '\n'
					}
				}
				if err := h.Write(Stdout, p); err != nil {
					t.Fatal(err)
				}
				want = append(want, p...)
			}
			pipe.room = 1 << 30
			pipe.flush()
			if !bytes.Equal(pipe.out, want) {
				i := 0
				for i < min(len(pipe.out), len(want)) && pipe.out[i] == want[i] {
					i++
				}
				t.Fatalf("seed %d: wrote %d bytes, %d arrived, different from byte %d on", seed, len(want), len(pipe.out), i)
			}
		}
	},
}

// dirents writes entries as engines do that number them, the last one cut off.
func dirents(p []byte, names []string, cookie uint64) (int, Errno) {
	var b []byte
	for i, name := range names[min(int(cookie), len(names)):] {
		b = binary.LittleEndian.AppendUint64(b, cookie+uint64(i)+1)
		b = binary.LittleEndian.AppendUint64(b, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
		b = binary.LittleEndian.AppendUint32(b, filetypeRegular)
		b = append(b, name...)
		if len(b) >= len(p) {
			break
		}
	}
	return copy(p, b), errnoSuccess
}

// fullPipe is a non-blocking pipe that is often full, behind a line buffer of
// 1024 bytes, behind an engine that reports EIO for EAGAIN.
type fullPipe struct {
	rand *rand.Rand
	room int
	buf  []byte
	out  []byte
}

// sys is write(2): up to 4096 bytes go as a whole or not at all.
func (f *fullPipe) sys(p []byte) bool {
	if len(p) > f.room {
		f.room += f.rand.IntN(6000) // the reader comes by
		return false
	}
	f.room -= len(p)
	f.out = append(f.out, p...)
	return true
}

func (f *fullPipe) flush() bool {
	if len(f.buf) > 0 && !f.sys(f.buf) {
		return false
	}
	f.buf = f.buf[:0]
	return true
}

func (f *fullPipe) buffered(p []byte) bool {
	if len(f.buf)+len(p) > lineBuffer && !f.flush() {
		return false
	}
	if len(p) >= lineBuffer {
		return f.sys(p)
	}
	f.buf = append(f.buf, p...)
	return true
}

func (f *fullPipe) lines(p []byte) bool {
	i := bytes.LastIndexByte(p, '\n') + 1
	switch {
	case i == 0:
		if bytes.HasSuffix(f.buf, []byte("\n")) && !f.flush() {
			return false
		}
	case len(f.buf) == 0:
		if !f.sys(p[:i]) {
			return false
		}
	default:
		if !f.buffered(p[:i]) || !f.flush() {
			return false
		}
	}
	return f.buffered(p[i:])
}

func (f *fullPipe) fdWrite(_ int, p []byte) (int, Errno) {
	if len(p) > 4096 || !f.lines(p) || !f.flush() {
		return 0, errnoIO
	}
	return len(p), errnoSuccess
}

// TestBadNames has names that are no names refused before the engine sees them.
func TestBadNames(t *testing.T) {
	sys := &fakeFS{}
	f := newFiles(sys, byPath)
	sys.calls = nil
	for name, want := range map[string]hostfs.Errno{
		"": hostfs.EINVAL, ".": hostfs.EINVAL, "..": hostfs.EINVAL, "a/b": hostfs.EINVAL, "/": hostfs.EINVAL, "a\x00": hostfs.EINVAL,
		strings.Repeat("n", 256): hostfs.ENAMETOOLONG,
	} {
		_, e := f.Open(3, name, hostfs.Read)
		wantErr(t, "open", e, want)
		wantErr(t, "rename", f.Rename(3, "a", 3, name), want)
		wantErr(t, "mkdir", f.Mkdir(3, name), want)
		wantErr(t, "symlink", f.Symlink("x", 3, name), want)
	}
	if len(sys.calls) > 0 {
		t.Errorf("called %v", sys.calls)
	}
	for _, fd := range []hostfs.FD{-1, 0, 4, 1 << 30} {
		wantErr(t, "fd", f.Mkdir(fd, "a"), hostfs.EBADF)
	}
}

func TestLastNewline(t *testing.T) {
	for n := range 40 {
		for i := -1; i < n; i++ {
			p := bytes.Repeat([]byte{0x8a}, n)
			if i >= 0 {
				p[i] = '\n'
				p[i/2] = '\n'
			}
			if got := lastNewline(p); got != i {
				t.Errorf("of %q: %d", p, got)
			}
		}
	}
}

// TestAllocations: what is called for each message of the guest leaves no
// garbage.
func TestAllocations(t *testing.T) {
	for _, identity := range []bool{byPath, byIdentity} {
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onFDStat: fdIs(filetypeRegular, 5), seekErr: errnoSuccess,
			onIO: func(_ string, b [][]byte, _ int64) (int, Errno) { return len(b[0]), errnoSuccess }}
		f := newFiles(sys, identity)
		fd, _ := f.Open(3, "a", hostfs.Read|hostfs.Write)
		bufs := [][]byte{make([]byte, 10), make([]byte, 20)}
		sys.calls = make([]string, 0, 10_000)
		var st hostfs.Stat
		if n := testing.AllocsPerRun(100, func() {
			_, _ = f.ReadAt(fd, bufs, 5)
			_, _ = f.WriteAt(fd, bufs, 5)
			_ = f.Stat(fd, &st)
			_ = f.StatAt(3, "a", &st)
			_ = f.SetSize(fd, 5)
			_ = f.Sync(fd, true)
			fd, _ := f.Open(3, "a", hostfs.Read)
			_ = fd
		}); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func TestErrnos(t *testing.T) {
	for errno, want := range map[Errno]hostfs.Errno{
		errnoSuccess: hostfs.OK, 2: hostfs.EACCES, errnoAgain: hostfs.EAGAIN, errnoBadf: hostfs.EBADF, 10: hostfs.EBUSY,
		19: hostfs.EDQUOT, errnoExist: hostfs.EEXIST, 22: hostfs.EFBIG, errnoIlseq: hostfs.EILSEQ, errnoInval: hostfs.EINVAL,
		errnoIO: hostfs.EIO, errnoIsdir: hostfs.EISDIR, 32: hostfs.ELOOP, 33: hostfs.EMFILE, 37: hostfs.ENAMETOOLONG,
		errnoNoent: hostfs.ENOENT, 48: hostfs.ENOMEM, 51: hostfs.ENOSPC, errnoNosys: hostfs.ENOSYS, errnoNotdir: hostfs.ENOTDIR,
		55: hostfs.ENOTEMPTY, errnoNotsup: hostfs.EOPNOTSUPP, 60: hostfs.ENXIO, 61: hostfs.EOVERFLOW, errnoPerm: hostfs.EPERM,
		errnoPipe: hostfs.EPIPE, errnoRofs: hostfs.EROFS, 70: hostfs.ESPIPE, 72: hostfs.ESTALE, 74: hostfs.ETXTBSY,
		75: hostfs.EXDEV, errnoNotcapable: hostfs.EPERM, 77: hostfs.EIO, 65535: hostfs.EIO,
	} {
		if got := errno.Linux(); got != want {
			t.Errorf("%d: %v, want %v", errno, got, want)
		}
	}
}

// FuzzListing hands over directories that no engine should make.
func FuzzListing(f *testing.F) {
	p := make([]byte, 200)
	n, _ := dirents(p, []string{".", "a", "bb"}, 0)
	f.Add(p[:n], uint64(0))
	f.Add(p[:n-1], uint64(2))
	f.Fuzz(func(t *testing.T, listing []byte, cookie uint64) {
		calls := 0
		sys := &fakeFS{onReaddir: func(p []byte, _ uint64) (int, Errno) {
			if calls++; calls > 20 {
				return 0, errnoSuccess
			}
			return copy(p, listing), errnoSuccess
		}}
		files := newFiles(sys, byPath)
		for range 3 {
			_ = files.ReadDir(3, cookie, func(next, _ uint64, _ hostfs.Type, name []byte) bool {
				if checkName(string(name)) != hostfs.OK {
					t.Errorf("name %q", name)
				}
				cookie = next
				return len(name) != 3
			})
		}
	})
}
