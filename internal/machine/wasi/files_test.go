package wasi

import (
	"bytes"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// TestBadNames has names that are no names refused before the engine sees them.
func TestBadNames(t *testing.T) {
	sys := &fakeFS{}
	f := newFiles(sys, anyEngine)
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
	for _, as := range []bool{anyEngine, wasmtime} {
		sys := &fakeFS{onStat: is(filetypeRegular, 5), onFDStat: fdIs(filetypeRegular, 5), seekErr: errnoSuccess,
			onIO: func(_ string, b [][]byte, _ int64) (int, Errno) { return len(b[0]), errnoSuccess }}
		f := newFiles(sys, as)
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
		files := newFiles(sys, anyEngine)
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
