//go:build linux

package osfs

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// FS is the host's files. Make it with New.
type FS struct {
	roots  []hostfs.Root
	dirent []byte
	stat   unix.Stat_t
}

// New opens the directories that are handed over; symbolic links on the way to
// them are followed.
func New(dirs ...string) (*FS, error) {
	f := &FS{dirent: make([]byte, 64<<10)}
	for _, d := range dirs {
		fd, err := unix.Open(d, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			f.CloseRoots()
			return nil, fmt.Errorf("opening directory %q: %w", d, err)
		}
		f.roots = append(f.roots, hostfs.Root{FD: hostfs.FD(fd), Path: d})
	}
	return f, nil
}

// CloseRoots ends the use of the FS.
func (f *FS) CloseRoots() {
	for _, r := range f.roots {
		unix.Close(int(r.FD))
	}
	f.roots = nil
}

// Roots and what follows are hostfs.FS.
func (f *FS) Roots() []hostfs.Root { return f.roots }

// errno translates what unix returns; its numbers are the platform's own, which
// are the generic ones where we test (amd64, arm64, riscv64).
func errno(err error) hostfs.Errno {
	if err == nil {
		return hostfs.OK
	}
	if e, ok := err.(unix.Errno); ok {
		return hostfs.Errno(e)
	}
	return hostfs.EIO
}

func check(name string) hostfs.Errno {
	switch {
	case len(name) > hostfs.MaxName:
		return hostfs.ENAMETOOLONG
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return hostfs.EINVAL
	}
	return hostfs.OK
}

func (f *FS) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	if e := check(name); e != hostfs.OK {
		return hostfs.None, e
	}
	// Without O_NONBLOCK a FIFO would wait for its other end.
	mode := unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK
	switch flags & (hostfs.Read | hostfs.Write) {
	case hostfs.Write:
		mode |= unix.O_WRONLY
	case hostfs.Read | hostfs.Write:
		mode |= unix.O_RDWR
	}
	for _, b := range [...]struct {
		flag hostfs.OpenFlags
		mode int
	}{
		{hostfs.Create, unix.O_CREAT}, {hostfs.Exclusive, unix.O_EXCL}, {hostfs.Truncate, unix.O_TRUNC},
		{hostfs.Append, unix.O_APPEND}, {hostfs.OpenDirectory, unix.O_DIRECTORY},
	} {
		if flags&b.flag != 0 {
			mode |= b.mode
		}
	}
	fd, err := unix.Openat(int(dir), name, mode, 0o666)
	if err != nil {
		return hostfs.None, errno(err)
	}
	if e := errno(unix.Fstat(fd, &f.stat)); e != hostfs.OK {
		unix.Close(fd)
		return hostfs.None, e
	}
	if t := f.stat.Mode & unix.S_IFMT; t != unix.S_IFREG && t != unix.S_IFDIR {
		unix.Close(fd)
		return hostfs.None, hostfs.ENXIO
	}
	return hostfs.FD(fd), hostfs.OK
}

func (f *FS) Close(fd hostfs.FD) hostfs.Errno { return errno(unix.Close(int(fd))) }

func (f *FS) ReadAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	if len(bufs) == 1 {
		n, err := unix.Pread(int(fd), bufs[0], off)
		return max(n, 0), errno(err)
	}
	n, err := unix.Preadv(int(fd), bufs, off)
	return max(n, 0), errno(err)
}

func (f *FS) WriteAt(fd hostfs.FD, bufs [][]byte, off int64) (int, hostfs.Errno) {
	if len(bufs) == 1 {
		n, err := unix.Pwrite(int(fd), bufs[0], off)
		return max(n, 0), errno(err)
	}
	n, err := unix.Pwritev(int(fd), bufs, off)
	return max(n, 0), errno(err)
}

func (f *FS) Sync(fd hostfs.FD, dataOnly bool) hostfs.Errno {
	if dataOnly {
		return errno(unix.Fdatasync(int(fd)))
	}
	return errno(unix.Fsync(int(fd)))
}

// Offsets in struct linux_dirent64 (getdents64(2)).
const (
	direntNext = 8
	direntLen  = 16
	direntType = 18
	direntName = 19
)

func (f *FS) ReadDir(dir hostfs.FD, cookie uint64, entry func(next, ino uint64, t hostfs.Type, name []byte) bool) hostfs.Errno {
	// A descriptor of its own: the position is shared with nobody.
	fd, err := unix.Openat(int(dir), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	if cookie != 0 {
		if _, err := unix.Seek(fd, int64(cookie), unix.SEEK_SET); err != nil {
			return errno(err)
		}
	}
	for {
		n, err := unix.Getdents(fd, f.dirent)
		if err != nil || n <= 0 {
			return errno(err)
		}
		for b := f.dirent[:n]; len(b) > 0; {
			size := binary.NativeEndian.Uint16(b[direntLen:])
			name := b[direntName:size]
			for i, c := range name {
				if c == 0 {
					name = name[:i]
					break
				}
			}
			ino, next := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[direntNext:])
			t := typeOf(uint32(b[direntType]) << 12)
			b = b[size:]
			if string(name) == "." || string(name) == ".." {
				continue
			}
			if !entry(next, ino, t, name) {
				return hostfs.OK
			}
		}
	}
}

// typeOf translates a mode; a directory entry's type is its upper bits.
func typeOf(mode uint32) hostfs.Type {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return hostfs.Regular
	case unix.S_IFDIR:
		return hostfs.Directory
	case unix.S_IFLNK:
		return hostfs.Symlink
	case unix.S_IFCHR:
		return hostfs.CharDevice
	case unix.S_IFBLK:
		return hostfs.BlockDevice
	case unix.S_IFSOCK:
		return hostfs.Socket
	case unix.S_IFIFO:
		return hostfs.FIFO
	}
	return hostfs.Unknown
}

func (f *FS) fill(st *hostfs.Stat) {
	u := &f.stat
	*st = hostfs.Stat{
		Type: typeOf(u.Mode), Nlink: uint64(u.Nlink), Size: u.Size, Dev: u.Dev, Ino: u.Ino,
		Atime: u.Atim.Nano(), Mtime: u.Mtim.Nano(), Ctime: u.Ctim.Nano(),
	}
}

func (f *FS) Stat(fd hostfs.FD, st *hostfs.Stat) hostfs.Errno {
	if e := errno(unix.Fstat(int(fd), &f.stat)); e != hostfs.OK {
		return e
	}
	f.fill(st)
	return hostfs.OK
}

func (f *FS) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	e := check(name)
	if e == hostfs.OK {
		e = errno(unix.Fstatat(int(dir), name, &f.stat, unix.AT_SYMLINK_NOFOLLOW))
	}
	if e == hostfs.OK {
		f.fill(st)
	}
	return e
}

func (f *FS) SetSize(fd hostfs.FD, size int64) hostfs.Errno {
	return errno(unix.Ftruncate(int(fd), size))
}

func spec(ns int64, set, now bool) unix.Timespec {
	switch {
	case now:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	case set:
		return unix.NsecToTimespec(ns)
	}
	return unix.Timespec{Nsec: unix.UTIME_OMIT}
}

func (f *FS) SetTimes(fd hostfs.FD, t *hostfs.Times) hostfs.Errno {
	return f.setTimes(int(fd), "", unix.AT_EMPTY_PATH, t)
}

func (f *FS) SetTimesAt(dir hostfs.FD, name string, t *hostfs.Times) hostfs.Errno {
	if e := check(name); e != hostfs.OK {
		return e
	}
	return f.setTimes(int(dir), name, unix.AT_SYMLINK_NOFOLLOW, t)
}

func (f *FS) setTimes(fd int, name string, flags int, t *hostfs.Times) hostfs.Errno {
	ts := []unix.Timespec{spec(t.Atime, t.SetAtime, t.NowAtime), spec(t.Mtime, t.SetMtime, t.NowMtime)}
	return errno(unix.UtimesNanoAt(fd, name, ts, flags))
}

func (f *FS) Mkdir(dir hostfs.FD, name string) hostfs.Errno {
	if e := check(name); e != hostfs.OK {
		return e
	}
	return errno(unix.Mkdirat(int(dir), name, 0o777))
}

func (f *FS) Rmdir(dir hostfs.FD, name string) hostfs.Errno {
	if e := check(name); e != hostfs.OK {
		return e
	}
	return errno(unix.Unlinkat(int(dir), name, unix.AT_REMOVEDIR))
}

func (f *FS) Unlink(dir hostfs.FD, name string) hostfs.Errno {
	if e := check(name); e != hostfs.OK {
		return e
	}
	return errno(unix.Unlinkat(int(dir), name, 0))
}

func (f *FS) Rename(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	if e := max(check(name), check(newName)); e != hostfs.OK {
		return e
	}
	return errno(unix.Renameat(int(dir), name, int(newDir), newName))
}

func (f *FS) Link(dir hostfs.FD, name string, newDir hostfs.FD, newName string) hostfs.Errno {
	if e := max(check(name), check(newName)); e != hostfs.OK {
		return e
	}
	return errno(unix.Linkat(int(dir), name, int(newDir), newName, 0))
}

func (f *FS) Symlink(target string, dir hostfs.FD, name string) hostfs.Errno {
	if e := check(name); e != hostfs.OK {
		return e
	}
	return errno(unix.Symlinkat(target, int(dir), name))
}

func (f *FS) Readlink(dir hostfs.FD, name string, p []byte) (int, hostfs.Errno) {
	if e := check(name); e != hostfs.OK {
		return 0, e
	}
	buf := make([]byte, len(p)+1)
	n, err := unix.Readlinkat(int(dir), name, buf)
	if err != nil {
		return 0, errno(err)
	}
	if n > len(p) {
		return 0, hostfs.ENAMETOOLONG
	}
	return copy(p, buf[:n]), hostfs.OK
}
