//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func space() {
	fd := file("s", strings.Repeat("s", 8192))
	for _, m := range []struct {
		name string
		mode uint32
	}{{"plain", 0}, {"keeping the size", 1}, {"a hole", 3}, {"zeros", 0x11}} {
		say("fallocate, "+m.name, unix.Fallocate(fd, m.mode, 4096, 4096), fstat(fd).Size)
	}
	say("fallocate of nothing", unix.Fallocate(fd, 0, 0, 0))
	to := file("c", "")
	var from int64
	n, err := unix.CopyFileRange(fd, &from, to, nil, 1000, 0)
	say("copy_file_range", err, n, fstat(to).Size)
	n, err = unix.Sendfile(to, fd, &from, 100)
	say("sendfile", err, n, fstat(to).Size)
	say("a clone", unix.IoctlFileClone(to, fd))
	say("sync_file_range", unix.SyncFileRange(fd, 0, 0, 2))
	say("fdatasync", unix.Fdatasync(fd))
	say("syncfs", unix.Syncfs(fd))
	dir, _ := unix.Open(".", unix.O_RDONLY, 0)
	say("fsync of a directory", unix.Fsync(dir))
	unix.Close(dir)
	unix.Close(to)
	unix.Close(fd)
}

func opening() {
	made("f", "content")
	unix.Mkdir("dir", 0o755)
	for _, o := range []struct {
		what, name string
		flags      int
	}{
		{"O_PATH", "f", unix.O_PATH}, {"O_PATH of a link", "tl", unix.O_PATH | unix.O_NOFOLLOW},
		{"O_TMPFILE", ".", unix.O_TMPFILE | unix.O_RDWR}, {"O_TMPFILE for reading", ".", unix.O_TMPFILE},
		{"O_DIRECT", "f", unix.O_DIRECT}, {"O_NOATIME", "f", unix.O_NOATIME},
		{"O_DIRECTORY of a file", "f", unix.O_DIRECTORY}, {"O_DIRECTORY|O_CREAT", "od", unix.O_DIRECTORY | unix.O_CREAT},
		{"a directory for writing", "dir", unix.O_WRONLY}, {"a directory with O_CREAT", "dir", unix.O_CREAT},
		{"O_CREAT|O_EXCL of what exists", "f", unix.O_CREAT | unix.O_EXCL}, {"neither reading nor writing", "f", 3},
		{"O_RDONLY|O_TRUNC", "f", unix.O_TRUNC},
	} {
		fd, err := unix.Open(o.name, o.flags, 0o600)
		say(o.what, err)
		unix.Close(fd)
	}
	say("which cut it", nil, lstat("f").Size)
	fd, _ := unix.Open("f", unix.O_PATH, 0)
	_, err := unix.Read(fd, make([]byte, 1))
	say("reading by O_PATH", err)
	unix.Close(fd)
	fd, _ = unix.Open("dir", unix.O_RDONLY, 0)
	_, err = unix.Read(fd, make([]byte, 1))
	say("reading a directory", err)
	unix.Close(fd)
	fd, _ = unix.Open("f", unix.O_RDONLY, 0)
	_, err = unix.Write(fd, []byte("x"))
	say("writing what is open for reading", err)
	say("cutting it", unix.Ftruncate(fd, 0))
	unix.Close(fd)
}

func modes() {
	fd, err := unix.Open("m", unix.O_CREAT|unix.O_RDWR, 0o7777)
	say("made with all bits", err, fmt.Sprintf("%o", fstat(fd).Mode))
	for _, m := range []uint32{0o4755, 0o2755, 0o1777, 0o7777, 0} {
		say(fmt.Sprintf("chmod %o", m), unix.Chmod("m", m), fmt.Sprintf("%o", lstat("m").Mode))
	}
	unix.Chmod("m", 0o6755)
	say("chown clears setuid", unix.Chown("m", 3, 4), fmt.Sprintf("%o", lstat("m").Mode), lstat("m").Uid, lstat("m").Gid)
	say("chown of nothing", unix.Chown("m", -1, -1), lstat("m").Uid)
	unix.Close(fd)
	unix.Mkdir("sg", 0o755)
	unix.Chown("sg", 0, 77)
	unix.Chmod("sg", 0o2775)
	unix.Mkdir("sg/d", 0o755)
	made("sg/f", "")
	say("a setgid directory", nil, fmt.Sprintf("%o", lstat("sg/d").Mode), lstat("sg/d").Gid, lstat("sg/f").Gid)
}

func deleted() {
	fd := file("x", "abc")
	say("a deleted file", unix.Unlink("x"), fstat(fd).Nlink, content(fd))
	self := fmt.Sprint("/proc/self/fd/", fd)
	say("a name for it", unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, "x2", unix.AT_SYMLINK_FOLLOW))
	say("cut", unix.Ftruncate(fd, 1), fstat(fd).Size)
	say("its mode", unix.Fchmod(fd, 0o600), fmt.Sprintf("%o", fstat(fd).Mode))
	ts := unix.NsecToTimespec(7_000_000_005)
	say("its times", unix.UtimesNanoAt(unix.AT_FDCWD, self, []unix.Timespec{ts, ts}, 0), nano(fstat(fd).Mtim))
	again, err := unix.Open(self, unix.O_RDWR, 0)
	unix.Write(again, []byte("Z"))
	say("opened again", err, content(fd))
	unix.Close(again)
	unix.Close(fd)
	old := file("old", "old")
	made("new", "new")
	say("replaced", unix.Rename("new", "old"), content(old), fstat(old).Nlink)
	unix.Close(old)
	unix.Mkdir("gone", 0o755)
	d, _ := unix.Open("gone", unix.O_RDONLY, 0)
	say("a removed directory", unix.Rmdir("gone"), fstat(d).Nlink)
	_, err = unix.Getdents(d, make([]byte, 4096))
	say("listing it", err)
	_, err = unix.Openat(d, "x", unix.O_CREAT, 0o600)
	say("making a file in it", err)
	say("making a directory in it", unix.Mkdirat(d, "x", 0o755))
	say("fsync of it", unix.Fsync(d))
	say("its mode", unix.Fchmod(d, 0o700))
	say("its times", unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprint("/proc/self/fd/", d), []unix.Timespec{ts, ts}, 0))
	unix.Close(d)
}

func directories() {
	unix.Mkdir("n", 0o755)
	a := lstat("n").Nlink
	unix.Mkdir("n/a", 0o755)
	unix.Mkdir("n/b", 0o755)
	b := lstat("n").Nlink
	unix.Rmdir("n/a")
	say("links of a directory", nil, a, b, lstat("n").Nlink)
	say(".. and .", nil, lstat("n/..").Ino == lstat(".").Ino, lstat("n/.").Ino == lstat("n").Ino)
	say("rmdir of what is not empty", unix.Rmdir("n"))
	unix.Mkdir("l", 0o755)
	for i := range 300 {
		made(fmt.Sprintf("l/%03d", i), "")
	}
	d, _ := unix.Open("l", unix.O_RDONLY, 0)
	buf := make([]byte, 2048)
	first := entries(d, buf)
	for _, name := range first { // what is gone does not move what comes
		unix.Unlink("l/" + name)
	}
	rest := []string{}
	for more := entries(d, buf); len(more) > 0; more = entries(d, buf) {
		rest = append(rest, more...)
	}
	all := append(first, rest...)
	slices.Sort(all)
	say("removing while listing", nil, len(all), len(slices.Compact(all)))
	unix.Seek(d, 0, 0)
	made("l/new", "")
	rest = rest[:0]
	for more := entries(d, buf); len(more) > 0; more = entries(d, buf) {
		rest = append(rest, more...)
	}
	say("listing once more", nil, len(rest) == 300-len(first)+1, slices.Contains(rest, "new"))
	unix.Close(d)
	f, err := os.ReadDir(".")
	same := true
	for _, e := range f {
		st := lstat(e.Name())
		info, err := e.Info()
		same = same && err == nil && info.Mode().Type() == e.Type() && st.Ino != 0
	}
	say("types in a listing", err, same)
}

// entries reads one buffer of a directory, without . and ...
func entries(fd int, buf []byte) (names []string) {
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n == 0 {
			return names
		}
		if _, _, names = unix.ParseDirent(buf[:n], -1, names); len(names) > 0 {
			return names
		}
	}
}

func renames() {
	made("a", "a")
	made("b", "b")
	unix.Mkdir("d1", 0o755)
	unix.Mkdir("d2", 0o755)
	made("d2/x", "")
	for _, r := range []struct{ what, from, to string }{
		{"a directory over one that is not empty", "d1", "d2"}, {"a directory over a file", "d1", "a"}, {"a file over a directory", "a", "d1"},
		{"a directory into itself", "d2", "d2/y"}, {"over its own parent", "d2/x", "d2"}, {"what is not there", "nothing", "z"},
		{"to where nothing is", "a", "nothing/z"}, {"a file to a name with a slash", "a", "z/"}, {"the directory itself", ".", "z"},
		{"a directory over an empty one", "d2", "d1"}, {"a file to itself", "a", "a"},
	} {
		say("rename "+r.what, unix.Rename(r.from, r.to))
	}
	unix.Link("a", "a2")
	say("rename to another name of the same file", unix.Rename("a", "a2"), lstat("a").Nlink)
	for _, r := range []struct {
		what, from, to string
		flags          uint
	}{
		{"NOREPLACE of what exists", "a", "b", 1}, {"NOREPLACE", "a", "free", 1}, {"NOREPLACE of a directory", "d1", "dfree", 1}, {"NOREPLACE to itself", "b", "b", 1},
		{"NOREPLACE to another name of the same file", "free", "a2", 1}, {"NOREPLACE over a directory", "b", "dfree", 1}, {"NOREPLACE of nothing", "nothing", "z", 1},
		{"EXCHANGE", "free", "b", 2}, {"EXCHANGE|NOREPLACE", "free", "b", 3}, {"WHITEOUT", "free", "w", 4}, {"a flag that is none", "free", "b", 64},
	} {
		say("renameat2 "+r.what, unix.Renameat2(unix.AT_FDCWD, r.from, unix.AT_FDCWD, r.to, r.flags))
	}
}

func specials() {
	say("a FIFO", unix.Mkfifo("fifo", 0o600))
	say("a device", unix.Mknod("dev", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	say("a file by mknod", unix.Mknod("reg", unix.S_IFREG|0o600, 0))
	s, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	say("a socket", unix.Bind(s, &unix.SockaddrUnix{Name: "sock"}))
	unix.Close(s)
	say("setxattr", unix.Setxattr("f", "user.a", []byte("1"), 0))
	_, err := unix.Getxattr("f", "security.capability", make([]byte, 8))
	say("getxattr", err)
	var st unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, "f", 0, 0xfff, &st)
	say("time of birth", err, st.Mask&unix.STATX_BTIME != 0)
	var fs unix.Statfs_t
	say("longest name", unix.Statfs(".", &fs), fs.Namelen)
	_, _, err = unix.NameToHandleAt(unix.AT_FDCWD, "f", 0)
	say("a handle", err)
	fd, _ := unix.Open("f", unix.O_RDWR, 0)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
	say("a lease", err)
	_, err = unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	say("attributes of ext4", err)
	say("a lock", unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
	other, _ := unix.Open("f", unix.O_RDONLY, 0)
	say("a second lock", unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB))
	unix.Close(other)
	unix.Close(fd)
}

func mappings() {
	fd := file("map", strings.Repeat("q", 5000))
	m, err := unix.Mmap(fd, 0, 5000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		m[4999], m[0] = 'E', 'B'
		err = unix.Msync(m, unix.MS_SYNC)
		unix.Munmap(m)
	}
	say("a shared mapping", err, content(fd)[:2])
	unix.Close(fd)
	fd, _ = unix.Open("map", unix.O_RDONLY, 0)
	_, err = unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	say("a shared mapping to write what is open for reading", err)
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	say("how much there is to read", err, n)
	unix.Close(fd)
}

// many holds deleted files open, as many as one process may.
func many() {
	var limit unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	limit.Cur = limit.Max
	unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	want := min(int(limit.Cur)-100, 300)
	var fds []int
	for i := range want {
		fd := file("many", fmt.Sprint(i))
		if err := unix.Unlink("many"); err != nil {
			say("deleting one more", err, len(fds))
			break
		}
		fds = append(fds, fd)
	}
	right := 0
	for i, fd := range fds {
		if content(fd) == fmt.Sprint(i) {
			right++
		}
		unix.Close(fd)
	}
	say("deleted files held open", nil, right)
}
