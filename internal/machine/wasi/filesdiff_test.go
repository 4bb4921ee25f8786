package wasi

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

var fileDifferenceTests = map[string]func(t *testing.T){
	"links followed": func(t *testing.T) {
		for _, as := range []bool{anyEngine, wasmtime} {
			sys := &fakeFS{onStat: is(filetypeSymlink, 5)}
			f := newFiles(sys, as)
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
		f := newFiles(sys, anyEngine)
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
		f := newFiles(sys, wasmtime)
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
		f := newFiles(sys, wasmtime)
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
			f := newFiles(sys, wasmtime)
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
		f := newFiles(sys, wasmtime)
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
		f := newFiles(sys, anyEngine)
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
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onFDStat: fdIs(filetypeRegular, 5), onIO: func(h string, b [][]byte, _ int64) (int, Errno) {
			how = h
			return len(b[0]), errnoSuccess
		}}
		f := newFiles(sys, wasmtime)
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
	"too many open": func(t *testing.T) {
		open := 0
		sys := &fakeFS{onOpen: func(string, uint16, uint64) (uint32, Errno) {
			if open == 20 {
				return 0, errnoIO
			}
			open++
			return uint32(3 + open), errnoSuccess
		}}
		f := newFiles(sys, wasmtime)
		last := hostfs.None
		for {
			fd, e := f.Open(3, "a", hostfs.Write|hostfs.Create)
			if e != hostfs.OK {
				wantErr(t, "open", e, hostfs.EMFILE)
				break
			}
			last = fd
		}
		for range 8 {
			_ = f.Close(last)
			last--
			open--
			_, e := f.Open(3, "a", hostfs.Write|hostfs.Create)
			wantErr(t, "without spare ones", e, hostfs.EMFILE)
		}
		_ = f.Close(last)
		_, e := f.Open(3, "a", hostfs.Write|hostfs.Create)
		wantErr(t, "with spare ones", e, hostfs.OK)
		sys.onOpen = func(name string, _ uint16, _ uint64) (uint32, Errno) {
			if name == "." {
				return 99, errnoSuccess
			}
			return 0, errnoIO
		}
		_, e = newFiles(sys, wasmtime).Open(3, "a", hostfs.Write|hostfs.Create)
		wantErr(t, "a true one", e, hostfs.EIO)
	},
	"names on Windows": func(t *testing.T) {
		sys := &fakeFS{onStat: func(name string, st *filestat) Errno {
			if strings.Trim(name, `.\`) != "" {
				return errnoNoent
			}
			return is(filetypeDirectory, 1)(name, st)
		}}
		f := newFiles(sys, anyEngine)
		sys.calls = nil
		for _, name := range []string{`..\x`, `a\b`, "C:", "a:stream", ".. ", "...", "con", "NUL.txt", "Com1", "lpt9.x", "COM¹", "a\nb", "a|b"} {
			wantErr(t, name, f.Mkdir(3, name), hostfs.EILSEQ)
		}
		if len(sys.calls) > 0 {
			t.Error(sys.calls)
		}
		for _, name := range []string{"a", ".git", "a b", "console", "com10", "COM", "lpt", "ä.con"} {
			wantErr(t, name, f.Mkdir(3, name), hostfs.OK)
		}
		wantErr(t, "elsewhere", newFiles(&fakeFS{}, anyEngine).Mkdir(3, `a\b:c `), hostfs.OK)
	},
	"link of a link": func(t *testing.T) {
		sys := &fakeFS{onStat: func(name string, st *filestat) Errno {
			if name == "l" {
				return is(filetypeSymlink, 5)(name, st)
			}
			return is(filetypeRegular, 6)(name, st)
		}}
		f := newFiles(sys, anyEngine)
		wantErr(t, "link", f.Link(3, "l", 3, "new"), hostfs.ELOOP)
		if !sys.called("unlink") {
			t.Error(sys.calls)
		}
		sys.onStat, sys.calls = is(filetypeSymlink, 5), nil
		wantErr(t, "link", f.Link(3, "l", 3, "new"), hostfs.OK)
		if sys.called("unlink") {
			t.Error(sys.calls)
		}
	},
	"append at a position": func(t *testing.T) {
		how := ""
		sys := &fakeFS{onIO: func(h string, b [][]byte, _ int64) (int, Errno) { how = h; return len(b[0]), errnoSuccess }}
		f := newFiles(sys, anyEngine)
		fd, _ := f.Open(3, "a", hostfs.Write|hostfs.Create|hostfs.Append)
		if _, e := f.WriteAt(fd, [][]byte{{1}}, 77); e != hostfs.OK || how != "write" {
			t.Errorf("%s, %v", how, e)
		}
	},
	"times through a link": func(t *testing.T) {
		now := &hostfs.Times{NowMtime: true}
		sys := &fakeFS{onStat: is(filetypeSymlink, 5), flags: fdstat{rights: rightsAll}, answer: map[string]Errno{"pathSetTimes": errnoIsdir}}
		f := newFiles(sys, anyEngine)
		f.findLinkTimes()
		sys.calls = nil
		wantErr(t, "link", f.SetTimesAt(3, "l", now), hostfs.EOPNOTSUPP)
		sys.onStat, sys.onFDStat = is(filetypeRegular, 5), fdIs(filetypeRegular, 5)
		wantErr(t, "file", f.SetTimesAt(3, "a", now), hostfs.OK)
		if sys.called("pathSetTimes") || !sys.called("setTimes") {
			t.Error(sys.calls)
		}
		// An engine that sets no time of a directory without a word goes by paths.
		sys = &fakeFS{onStat: is(filetypeSymlink, 5), flags: fdstat{rights: rightsAll}}
		f = newFiles(sys, anyEngine)
		f.findLinkTimes()
		sys.calls = nil
		wantErr(t, "link by path", f.SetTimesAt(3, "l", now), hostfs.OK)
		if !sys.called("pathSetTimes") {
			t.Error(sys.calls)
		}
		// One that then followed the link is not asked again.
		to := &hostfs.Times{Mtime: 7e18, SetMtime: true}
		wantErr(t, "link that was followed", f.SetTimesAt(3, "l", to), hostfs.EOPNOTSUPP)
		sys.calls = nil
		wantErr(t, "another", f.SetTimesAt(3, "l", to), hostfs.EOPNOTSUPP)
		if sys.called("pathSetTimes") {
			t.Error(sys.calls)
		}
	},
	"before 1970": func(t *testing.T) {
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onFDStat: fdIs(filetypeRegular, 5)}
		f := newFiles(sys, anyEngine)
		old := &hostfs.Times{Atime: -1, SetAtime: true, NowMtime: true}
		wantErr(t, "an engine that counts both ways", f.SetTimesAt(3, "a", old), hostfs.OK)
		f.unsignedTimes, sys.calls = true, nil
		wantErr(t, "one that does not", f.SetTimesAt(3, "a", old), hostfs.EOVERFLOW)
		if sys.called("setTimes") {
			t.Error(sys.calls)
		}
		old.SetAtime = false
		wantErr(t, "one that is not to be set", f.SetTimesAt(3, "a", old), hostfs.OK)
	},
	"too far": func(t *testing.T) {
		for _, errno := range []Errno{errnoIO, errnoInval} {
			sys := &fakeFS{onIO: func(string, [][]byte, int64) (int, Errno) { return 0, errno }, answer: map[string]Errno{"setSize": errno}}
			f := newFiles(sys, anyEngine)
			fd, _ := f.Open(3, "a", hostfs.Write|hostfs.Create)
			for off, want := range map[int64]hostfs.Errno{0: errno.Linux(), 1 << 50: hostfs.EFBIG} {
				_, e := f.WriteAt(fd, [][]byte{{1}}, off)
				wantErr(t, "write", e, want)
				wantErr(t, "size", f.SetSize(fd, off), want)
			}
		}
	},
	"read-only": func(t *testing.T) {
		sys := &fakeFS{flags: fdstat{rights: rightsAll}, answer: map[string]Errno{"mkdir": errnoRofs}}
		if !newFiles(sys, anyEngine).Roots()[0].ReadOnly {
			t.Error("mkdir tells it")
		}
		sys = &fakeFS{flags: fdstat{rights: rightsAll &^ rightCreateFile}}
		if !newFiles(sys, anyEngine).Roots()[0].ReadOnly {
			t.Error("the rights tell it")
		}
		sys = &fakeFS{flags: fdstat{rights: rightsAll}, answer: map[string]Errno{"mkdir": errnoExist}}
		f := newFiles(sys, anyEngine)
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
			wantErr(t, "directory", newFiles(sys, anyEngine).Unlink(3, "a"), hostfs.EISDIR)
			sys.onStat = is(filetypeRegular, 1)
			wantErr(t, "file", newFiles(sys, anyEngine).Unlink(3, "a"), hostfs.EPERM)
		}
	},
	"sync of a directory": func(t *testing.T) {
		sys := &fakeFS{answer: map[string]Errno{"sync": errnoBadf}}
		wantErr(t, "directory", newFiles(sys, wasmtime).Sync(3, false), hostfs.OK)
		sys = &fakeFS{answer: map[string]Errno{"datasync": errnoNotcapable}}
		f := newFiles(sys, anyEngine)
		fd, _ := f.Open(3, "a", hostfs.Read|hostfs.Create)
		wantErr(t, "for reading", f.Sync(fd, true), hostfs.OK)
		if !sys.called("sync") {
			t.Error(sys.calls)
		}
	},
	"readlink's buffer": func(t *testing.T) {
		for _, errno := range []Errno{errnoRange, errnoNobufs, errnoSuccess} {
			sys := &fakeFS{answer: map[string]Errno{"readlink": errno}, linkText: "0123456789"}
			_, e := newFiles(sys, anyEngine).Readlink(3, "l", make([]byte, 5))
			wantErr(t, "too small", e, hostfs.ENAMETOOLONG)
		}
	},
	"name not UTF-8": func(t *testing.T) {
		sys := &fakeFS{onStat: func(name string, _ *filestat) Errno { return errnoPerm }}
		f := newFiles(sys, anyEngine)
		_, e := f.Open(3, "\xff", hostfs.Write|hostfs.Create)
		wantErr(t, "open", e, hostfs.EILSEQ)
		wantErr(t, "mkdir", f.Mkdir(3, "\xff"), hostfs.EILSEQ)
	},
	"target leads out": func(t *testing.T) {
		for _, errno := range []Errno{errnoPerm, errnoNotcapable} {
			sys := &fakeFS{answer: map[string]Errno{"symlink": errno}}
			wantErr(t, "symlink", newFiles(sys, anyEngine).Symlink("/etc", 3, "l"), hostfs.EPERM)
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
