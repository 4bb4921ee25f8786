package wasi

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
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
	anyEngine = false
	wasmtime  = true
)

// openDir returns files with an open directory 4 of inode 7.
func openDir(t *testing.T, sys *fakeFS) (*files, hostfs.FD) {
	t.Helper()
	f := newFiles(sys, anyEngine)
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
