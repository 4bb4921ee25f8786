//go:build linux

// Command edges calls what Linux has for files with arguments at the edge of
// what is allowed, in the directory that it is given, and says what came of it,
// a line for each: the test compares a directory of the host in the guest with
// a native file system.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// say prints a line: what was tried, and the error's name or the values.
func say(what string, err error, values ...any) {
	result := "ok"
	if err != nil {
		result = err.Error()
		if e, ok := err.(unix.Errno); ok {
			result = unix.ErrnoName(e)
			if e == unix.EOPNOTSUPP {
				result = "EOPNOTSUPP" // ENOTSUP is another name
			}
		}
	} else if len(values) > 0 {
		result = strings.TrimSuffix(fmt.Sprintln(values...), "\n")
	}
	fmt.Printf("%s: %s\n", what, result)
}

func main() {
	if err := os.Chdir(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	unix.Umask(0o022)
	for _, part := range []struct {
		name string
		do   func()
	}{
		{"names", names}, {"links", links}, {"times", times}, {"offsets", offsets}, {"space", space}, {"opening", opening},
		{"modes", modes}, {"deleted", deleted}, {"directories", directories}, {"renames", renames}, {"specials", specials}, {"mappings", mappings}, {"many", many},
	} {
		fmt.Println("--", part.name)
		part.do()
	}
}

// file makes a file with data and opens it.
func file(name, data string) int {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC, 0o644)
	if err == nil {
		_, err = unix.Write(fd, []byte(data))
	}
	if err != nil {
		say("making "+name, err)
	}
	return fd
}

func made(name, data string) { unix.Close(file(name, data)) }

func content(fd int) string {
	b := make([]byte, 20)
	n, err := unix.Pread(fd, b, 0)
	if err != nil {
		return err.Error()
	}
	return string(b[:n])
}

func lstat(name string) (st unix.Stat_t) {
	if err := unix.Lstat(name, &st); err != nil {
		say("looking at "+name, err)
	}
	return st
}

func fstat(fd int) (st unix.Stat_t) {
	if err := unix.Fstat(fd, &st); err != nil {
		say("looking at a descriptor", err)
	}
	return st
}

func nano(t unix.Timespec) int64 { return t.Nano() }

func names() {
	var st unix.Stat_t
	for _, n := range []int{254, 255, 256} {
		name := strings.Repeat("n", n)
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_RDWR, 0o644)
		unix.Close(fd)
		say(fmt.Sprint("a name of ", n), err)
		say(fmt.Sprint("a directory's name of ", n), unix.Mkdir(strings.Repeat("d", n), 0o755))
		say(fmt.Sprint("looking for a name of ", n), unix.Lstat(strings.Repeat("q", n), &st))
		say(fmt.Sprint("renaming to a name of ", n), unix.Rename(name, strings.Repeat("r", n)))
	}
	for _, n := range []int{4095, 4096} {
		say(fmt.Sprint("a path of ", n), unix.Lstat(strings.Repeat("./", 3000)[:n-1]+"z", &st))
	}
	made("plain", "x")
	say("a file's name with a slash", unix.Lstat("plain/", &st))
	say("a directory's with a slash", unix.Mkdir("slash/", 0o755))
	say("rmdir .", unix.Rmdir("."))
	say("rmdir dir/..", unix.Rmdir("slash/.."))
	say("rmdir of a file", unix.Rmdir("plain"))
	say("unlink of a directory", unix.Unlink("slash"))
	say("link of a directory", unix.Link("slash", "slash2"))
	for _, name := range []string{"é", "a\nb", "a\\b", "a:b", "con", " ", "a.", "\x01"} {
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_RDWR, 0o644)
		unix.Close(fd)
		say(fmt.Sprintf("the name %q", name), err)
	}
}

func links() {
	for _, n := range []int{1, 4094, 4095, 4096} {
		target, name := strings.Repeat("t", n), fmt.Sprint("link", n)
		err := unix.Symlink(target, name)
		buf := make([]byte, 5000)
		if err == nil {
			n, err = unix.Readlink(name, buf)
			say(name, err, n, string(buf[:max(n, 0)]) == target, lstat(name).Size)
		} else {
			say(name, err)
		}
	}
	say("a target that is empty", unix.Symlink("", "none"))
	say("a target that leads out", unix.Symlink("../../..", "out"))
	say("a name that exists", unix.Symlink("x", "link1"))
	_, err := unix.Open("link1", unix.O_RDONLY|unix.O_NOFOLLOW, 0)
	say("opening a link itself", err)
	unix.Symlink("loop", "loop")
	_, err = unix.Open("loop", unix.O_RDONLY, 0)
	say("opening a loop", err)
	_, err = unix.Open("link1", unix.O_CREAT|unix.O_EXCL, 0o644)
	say("making what a link leads to, exclusively", err)
	unix.Symlink("new", "dangling")
	fd, err := unix.Open("dangling", unix.O_CREAT|unix.O_RDWR, 0o644)
	unix.Close(fd)
	say("making what a link leads to", err, lstat("new").Nlink)
	say("a link's owner", unix.Lchown("link1", 5, 6), lstat("link1").Uid, lstat("link1").Gid)
	made("one", "1")
	say("a second name", unix.Link("one", "two"), lstat("one").Ino == lstat("two").Ino, lstat("two").Nlink)
	say("one of them less", unix.Unlink("one"), lstat("two").Nlink)
	say("a name that exists", unix.Link("two", "new"))
	say("a second name of a link", unix.Linkat(unix.AT_FDCWD, "link1", unix.AT_FDCWD, "link2", 0), lstat("link2").Nlink, lstat("link2").Mode&unix.S_IFMT == unix.S_IFLNK)
}

func times() {
	made("t", "")
	unix.Symlink("nowhere", "tl")
	unix.Mkdir("td", 0o755)
	set := func(name string, a, m unix.Timespec) error {
		return unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{a, m}, unix.AT_SYMLINK_NOFOLLOW)
	}
	for _, name := range []string{"t", "tl", "td"} {
		for _, ns := range []int64{0, 1, 999_999_999, 1_500_000_000_123_456_789, -1, -1_500_000_000, -1_576_800_000_250_000_000, 4_102_444_800_000_000_007} {
			ts := unix.NsecToTimespec(ns)
			err := set(name, ts, ts)
			st := lstat(name)
			say(fmt.Sprint(name, " set to ", ns), err, nano(st.Atim) == ns, nano(st.Mtim) == ns)
		}
		err := set(name, unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(7_000_000_011))
		st := lstat(name)
		say(name+", one time alone", err, nano(st.Atim), nano(st.Mtim))
	}
	say("a bad nanosecond", set("t", unix.Timespec{Nsec: 1_000_000_000}, unix.Timespec{}))
	fd, _ := unix.Open("t", unix.O_RDWR, 0)
	unix.Write(fd, []byte("x"))
	unix.Fsync(fd)
	say("written", nil, fstat(fd).Mtim.Sec > 1_600_000_000)
	unix.Close(fd)
}

func offsets() {
	fd := file("o", "0123456789")
	b := make([]byte, 5)
	_, err := unix.Pread(fd, b, -1)
	say("reading before the beginning", err)
	_, err = unix.Pwrite(fd, b, -1)
	say("writing before the beginning", err)
	for _, off := range []int64{1<<63 - 1, 1<<63 - 2, 1<<63 - 4096, 1<<63 - 5000, 1 << 62, 1 << 50} {
		n, err := unix.Pread(fd, b, off)
		say(fmt.Sprintf("reading at %#x", off), err, n)
		n, err = unix.Pwrite(fd, []byte("xyz"), off)
		say(fmt.Sprintf("writing at %#x", off), err, n)
		say(fmt.Sprintf("cutting at %#x", off), unix.Ftruncate(fd, off))
		say("then", unix.Fsync(fd), content(fd), fstat(fd).Size)
	}
	say("cutting before the beginning", unix.Ftruncate(fd, -1))
	for _, s := range []struct {
		off    int64
		whence int
	}{{-1, 0}, {-11, 2}, {1<<63 - 1, 2}, {0, 9}, {-1, unix.SEEK_DATA}, {10, unix.SEEK_DATA}, {10, unix.SEEK_HOLE}} {
		at, err := unix.Seek(fd, s.off, s.whence)
		say(fmt.Sprint("seek ", s.off, " from ", s.whence), err, at)
	}
	unix.Ftruncate(fd, 0)
	unix.Pwrite(fd, bytes.Repeat([]byte("a"), 4096), 0)
	unix.Pwrite(fd, bytes.Repeat([]byte("b"), 4096), 1<<20)
	unix.Fsync(fd)
	for _, s := range []struct {
		off    int64
		whence int
	}{{0, unix.SEEK_DATA}, {0, unix.SEEK_HOLE}, {8192, unix.SEEK_DATA}, {1<<20 + 4096, unix.SEEK_DATA}, {1<<20 + 4096, unix.SEEK_HOLE}} {
		at, err := unix.Seek(fd, s.off, s.whence)
		say(fmt.Sprint("seek ", s.off, " from ", s.whence, " in a file with a hole"), err, at)
	}
	unix.Close(fd)
}
