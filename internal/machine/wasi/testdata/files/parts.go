package main

import (
	"strings"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// parts are what the test compares with the same on every engine.
var parts = []struct {
	name string
	run  func()
}{
	{"create", create}, {"append", appending}, {"truncate", truncate}, {"vectors", vectors}, {"sparse", sparse},
	{"unlinked", unlinked}, {"replaced", replaced}, {"moved", moved}, {"dirs", dirs}, {"links", links},
	{"times", times}, {"identity", identity}, {"listing", listing}, {"removal", removal}, {"sync", syncing}, {"names", names},
}

func create() {
	fd := open(root, "a", rw|hostfs.Create|hostfs.Exclusive)
	write(fd, "hello", 0)
	write(fd, "HE", 0)
	say("read back", read(fd, 100, 0), "from 3", read(fd, 100, 3), "at the end", read(fd, 10, 5), "behind", read(fd, 10, 50))
	closeFD(fd)
	_, e := fs.Open(root, "a", rw|hostfs.Create|hostfs.Exclusive)
	say("exclusive again", num(e))
	_, e = fs.Open(root, "missing", hostfs.Read)
	say("missing", num(e))
	_, e = fs.Open(root, "a", hostfs.Read|hostfs.OpenDirectory)
	say("file as directory", num(e))
	fd = open(root, "a", hostfs.Read|hostfs.Create)
	_, e = fs.WriteAt(fd, [][]byte{[]byte("x")}, 0)
	say("write to what is open for reading fails", yes(e != hostfs.OK))
	closeFD(fd)
	say("closing again", num(fs.Close(fd)), "closing the root", num(fs.Close(fs.Roots()[0].FD)))
	fd = open(root, "new", hostfs.Read|hostfs.Create)
	say("created for reading", num(stat(root, "new").Type))
	closeFD(fd)
}

func appending() {
	put(root, "log", "one\n")
	fd := open(root, "log", hostfs.Write|hostfs.Append)
	write(fd, "two\n", 0)
	other := open(root, "log", hostfs.Write|hostfs.Append)
	write(other, "three\n", 1)
	write(fd, "four\n", 0)
	closeFD(fd)
	closeFD(other)
	say("log", strings.ReplaceAll(get(root, "log"), "\n", ","))
}

func truncate() {
	put(root, "t", "0123456789")
	fd := open(root, "t", rw)
	say("cut", num(fs.SetSize(fd, 4)), read(fd, 100, 0))
	say("extended", num(fs.SetSize(fd, 6)), num(len(read(fd, 100, 0))), num(stat(root, "t").Size))
	closeFD(fd)
	closeFD(open(root, "t", hostfs.Write|hostfs.Truncate))
	say("truncated", num(stat(root, "t").Size))
	fd = open(root, "t", hostfs.Read)
	say("through a descriptor for reading fails", yes(fs.SetSize(fd, 4) != hostfs.OK))
	closeFD(fd)
}

func vectors() {
	fd := open(root, "v", rw|hostfs.Create)
	var bufs [][]byte
	for i := range 600 {
		bufs = append(bufs, []byte(strings.Repeat(string(rune('a'+i%26)), i%7)))
	}
	n, e := fs.WriteAt(fd, bufs, 3)
	want := ""
	for _, b := range bufs {
		want += string(b)
	}
	say("wrote all", yes(n == len(want)), num(e))
	got := make([][]byte, 700)
	for i := range got {
		got[i] = make([]byte, i%5)
	}
	n, e = fs.ReadAt(fd, got, 3)
	text := ""
	for _, b := range got {
		text += string(b)
	}
	say("read", yes(text[:n] == want[:n]), yes(n == min(len(text), len(want))), num(e))
	n, e = fs.ReadAt(fd, got, 3+int64(len(want))-10)
	say("the last", num(n), num(e))
	n, e = fs.ReadAt(fd, nil, 0)
	say("nothing", num(n), num(e))
	closeFD(fd)
}

func sparse() {
	fd := open(root, "s", rw|hostfs.Create)
	const far = 5 << 30
	write(fd, "end", far)
	say("size", num(stat(root, "s").Size), read(fd, 10, far), "hole is zeros", yes(read(fd, 8, 1<<32) == strings.Repeat("\x00", 8)))
	closeFD(fd)
	say("unlink", num(fs.Unlink(root, "s")))
}

func unlinked() {
	put(root, "u", "kept")
	fd := open(root, "u", rw)
	say("unlink", num(fs.Unlink(root, "u")), "gone", num(-stat(root, "u").Size))
	write(fd, "KE", 0)
	var st hostfs.Stat
	e := fs.Stat(fd, &st)
	say("still", read(fd, 10, 0), "size", num(st.Size), num(e))
	closeFD(fd)
}

func replaced() {
	put(root, "old", "old")
	put(root, "new", "new")
	fd := open(root, "old", hostfs.Read)
	say("rename over an open file", num(fs.Rename(root, "new", root, "old")))
	say("by name", get(root, "old"), "by descriptor", read(fd, 10, 0))
	closeFD(fd)
	say("to itself", num(fs.Rename(root, "old", root, "old")), "missing", num(fs.Rename(root, "no", root, "old")))
}

// moved renames a directory whose file is open, and one whose child is open as
// a directory.
func moved() {
	fs.Mkdir(root, "p")
	p := open(root, "p", hostfs.Read|hostfs.OpenDirectory)
	put(p, "f", "inside")
	fs.Mkdir(p, "c")
	c := open(p, "c", hostfs.Read|hostfs.OpenDirectory)
	put(c, "g", "below")
	f := open(p, "f", hostfs.Read)
	say("rename", num(fs.Rename(root, "p", root, "q")))
	say("file", read(f, 10, 0))
	closeFD(f)
	// Either the old handles work, or they say that they are stale; never
	// does another directory answer.
	fs.Mkdir(root, "p")
	np := open(root, "p", hostfs.Read|hostfs.OpenDirectory)
	fs.Mkdir(np, "c")
	for _, d := range []hostfs.FD{p, c} {
		_, e := fs.Open(d, "h", hostfs.Write|hostfs.Create)
		say("handle is right or stale", yes(e == hostfs.OK || e == hostfs.ESTALE))
		closeFD(d)
	}
	say("new directory", strings.Join(list(np), " "))
	closeFD(np)
	q := open(root, "q", hostfs.Read|hostfs.OpenDirectory)
	c = open(q, "c", hostfs.Read|hostfs.OpenDirectory)
	say("by the new path", get(q, "f"), get(c, "g"))
	closeFD(q)
	closeFD(c)
}

func dirs() {
	say("mkdir", num(fs.Mkdir(root, "d")), "again", num(fs.Mkdir(root, "d")))
	d := open(root, "d", hostfs.Read|hostfs.OpenDirectory)
	put(d, "x", "x")
	say("rmdir of a full one", num(fs.Rmdir(root, "d")), "unlink of one", num(fs.Unlink(root, "d")), "rmdir of a file", num(fs.Rmdir(d, "x")))
	_, e := fs.Open(root, "d", rw)
	say("open for writing", num(e))
	_, e = fs.ReadAt(d, [][]byte{make([]byte, 1)}, 0)
	say("read", num(e))
	fs.Unlink(d, "x")
	closeFD(d)
	say("rmdir", num(fs.Rmdir(root, "d")), "again", num(fs.Rmdir(root, "d")))
	put(root, "file", "")
	fs.Mkdir(root, "e1")
	fs.Mkdir(root, "e2")
	say("over an empty directory", num(fs.Rename(root, "e1", root, "e2")), "a file over a directory", num(fs.Rename(root, "file", root, "e2")),
		"a directory over a file", num(fs.Rename(root, "e2", root, "file")))
}

func links() {
	put(root, "target", "aim")
	say("symlink", num(fs.Symlink("target", root, "s1")), "again", num(fs.Symlink("x", root, "s1")))
	st := stat(root, "s1")
	say("type", num(st.Type), "size", num(st.Size))
	buf := make([]byte, 100)
	n, e := fs.Readlink(root, "s1", buf)
	say("readlink", string(buf[:n]), num(e))
	_, e = fs.Readlink(root, "s1", buf[:3])
	say("too small", num(e))
	_, e = fs.Readlink(root, "target", buf)
	say("of a file", num(e))
	_, e = fs.Open(root, "s1", hostfs.Read)
	say("open", num(e))
	_, e = fs.Open(root, "s1", rw|hostfs.Create|hostfs.Truncate)
	say("open to create", num(e), get(root, "target"))
	fs.Mkdir(root, "ld")
	fs.Symlink("ld", root, "s2")
	_, e = fs.Open(root, "s2", hostfs.Read|hostfs.OpenDirectory)
	say("open a directory's", num(e))
	say("dangling", num(fs.Symlink("nowhere", root, "s3")))
	_, e = fs.Open(root, "s3", rw|hostfs.Create)
	say("create through it", num(e), num(-stat(root, "nowhere").Size))
	say("link", num(fs.Link(root, "target", root, "hard")), "again", num(fs.Link(root, "target", root, "hard")))
	a, b := stat(root, "target"), stat(root, "hard")
	say("same inode", yes(a.Ino == b.Ino && a.Ino != 0), "links", num(a.Nlink))
	say("link of a symlink", num(fs.Link(root, "s1", root, "s4")), num(stat(root, "s4").Type))
	say("rename of a symlink", num(fs.Rename(root, "s1", root, "s5")), num(stat(root, "s5").Type))
	say("unlink of a symlink to a directory", num(fs.Unlink(root, "s2")), num(stat(root, "ld").Type))
}

// second is what all engines keep of a time.
func second(ns int64) string { return num(ns / 1_000_000_000) }

func times() {
	put(root, "f", "x")
	fs.Mkdir(root, "td")
	fs.Symlink("f", root, "ts")
	const t = 1_000_000_000_123_456_789
	for _, name := range []string{"f", "td"} {
		e := fs.SetTimesAt(root, name, &hostfs.Times{Atime: t, Mtime: t + 1_000_000_000, SetAtime: true, SetMtime: true})
		st := stat(root, name)
		say(name, num(e), "atime", second(st.Atime), "mtime", second(st.Mtime))
	}
	e := fs.SetTimesAt(root, "ts", &hostfs.Times{Mtime: t, SetMtime: true})
	say("symlink", yes(e == hostfs.OK || e == hostfs.EOPNOTSUPP), "its target", second(stat(root, "f").Mtime))
	fd := open(root, "f", rw)
	e = fs.SetTimes(fd, &hostfs.Times{Mtime: 5_000_000_000, SetMtime: true})
	var st hostfs.Stat
	fs.Stat(fd, &st)
	say("one of them", num(e), second(st.Atime), second(st.Mtime))
	e = fs.SetTimes(fd, &hostfs.Times{NowMtime: true})
	fs.Stat(fd, &st)
	say("now", num(e), yes(host.Realtime()-st.Mtime < 60_000_000_000))
	e = fs.SetTimes(fd, &hostfs.Times{Mtime: 1, SetAtime: true, SetMtime: true})
	fs.Stat(fd, &st)
	say("1970", num(e), second(st.Atime), second(st.Mtime))
	closeFD(fd)
}

func identity() {
	put(root, "i", "x")
	fd := open(root, "i", rw)
	var a hostfs.Stat
	fs.Stat(fd, &a)
	b := stat(root, "i")
	fs.Rename(root, "i", root, "i2")
	c := stat(root, "i2")
	say("stat says", num(a.Type), num(a.Size), "inode by descriptor", yes(a.Ino == b.Ino && a.Dev == b.Dev), "after renaming", yes(b.Ino == c.Ino), "not 0", yes(a.Ino != 0))
	closeFD(fd)
	var r hostfs.Stat
	say("root", num(fs.Stat(root, &r)), num(r.Type))
	fs.ReadDir(root, 0, func(_, ino uint64, _ hostfs.Type, name []byte) bool {
		if string(name) == "i2" {
			say("listed inode is right or 0", yes(ino == 0 || ino == c.Ino))
		}
		return true
	})
}

func listing() {
	fs.Mkdir(root, "l")
	l := open(root, "l", hostfs.Read|hostfs.OpenDirectory)
	say("empty", strings.Join(list(l), " "))
	const n = 300
	for i := range n {
		put(l, "file-"+num(i), "")
	}
	fs.Mkdir(l, "dir")
	fs.Symlink("x", l, "sym")
	seen := map[string]int{}
	cookie, calls := uint64(0), 0
	for more := true; more; {
		more = false
		left := 37
		calls++
		e := fs.ReadDir(l, cookie, func(next, _ uint64, _ hostfs.Type, name []byte) bool {
			if left == 0 {
				more = true
				return false
			}
			left--
			cookie = next
			seen[string(name)]++
			return true
		})
		if e != hostfs.OK {
			say("listing", num(e))
		}
	}
	once := len(seen) == n+2
	for _, times := range seen {
		once = once && times == 1
	}
	say("in", num(calls), "calls, each once", yes(once))
	closeFD(l)
}

// removal removes what it reads while it reads.
func removal() {
	fs.Mkdir(root, "r")
	r := open(root, "r", hostfs.Read|hostfs.OpenDirectory)
	for i := range 200 {
		put(r, "file-"+num(i), "")
	}
	cookie := uint64(0)
	for {
		var names []string
		fs.ReadDir(r, cookie, func(next, _ uint64, _ hostfs.Type, name []byte) bool {
			if len(names) == 10 {
				return false
			}
			names = append(names, string(name))
			cookie = next
			return true
		})
		if len(names) == 0 {
			break
		}
		for _, name := range names {
			fs.Unlink(r, name)
		}
	}
	closeFD(r)
	say("removed while listed", num(fs.Rmdir(root, "r")))
}

func syncing() {
	fd := open(root, "y", rw|hostfs.Create)
	write(fd, "x", 0)
	fs.Mkdir(root, "yd")
	d := open(root, "yd", hostfs.Read|hostfs.OpenDirectory)
	ro := open(root, "y", hostfs.Read)
	say("sync", num(fs.Sync(fd, false)), num(fs.Sync(fd, true)), "directory", num(fs.Sync(d, false)), num(fs.Sync(d, true)), "for reading", num(fs.Sync(ro, false)), num(fs.Sync(ro, true)))
	closeFD(fd)
	closeFD(d)
	closeFD(ro)
}

func names() {
	long := strings.Repeat("n", 255)
	put(root, long, "long")
	say("255 bytes", get(root, long))
	for _, name := range []string{"", ".", "..", "a/b", "/etc", "a\x00b", long + "n"} {
		_, e := fs.Open(root, name, hostfs.Read)
		say("refused", num(e))
	}
	for _, name := range []string{"ä", "日本", " ", "-rf", "a\nb", "back\\slash", "trailing."} {
		put(root, name, name)
		if get(root, name) != name {
			say("lost", name)
		}
	}
	// Not UTF-8: works or EILSEQ, and the directory goes on.
	fd, e := fs.Open(root, "\xff\xfe", rw|hostfs.Create)
	say("not UTF-8 works or is EILSEQ", yes(e == hostfs.OK || e == hostfs.EILSEQ))
	if e == hostfs.OK {
		closeFD(fd)
	}
	found := 0
	e = fs.ReadDir(root, 0, func(_, _ uint64, _ hostfs.Type, name []byte) bool {
		found++
		return true
	})
	say("listing", num(e), yes(found >= 8))
}
