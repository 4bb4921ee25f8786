package main

import (
	"strings"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// escape tries to reach "outside", a directory beside the one that the program
// was given, with a file "secret" in it. The host put links into the directory:
// hostdir and hostfile, to the two. Nothing that gets through is hidden: it is
// printed, and the test looks at what became of outside.
func escape() {
	say("host's links")
	through(root, "hostfile")
	attack(root, "hostdir")
	say("own links")
	fs.Symlink("../outside", root, "owndir")
	fs.Symlink("../outside/secret", root, "ownfile")
	through(root, "ownfile")
	attack(root, "owndir")

	say("a directory's path comes to lead outside by its last component")
	fs.Mkdir(root, "p")
	p := open(root, "p", hostfs.Read|hostfs.OpenDirectory)
	fs.Rename(root, "p", root, "moved")
	if fs.Rename(root, "hostdir", root, "p") != hostfs.OK {
		say("cannot move the link")
	}
	use(p)
	fs.Rename(root, "p", root, "hostdir")

	say("and by one before")
	fs.Mkdir(root, "q")
	q := open(root, "q", hostfs.Read|hostfs.OpenDirectory)
	fs.Mkdir(q, "outside")
	c := open(q, "outside", hostfs.Read|hostfs.OpenDirectory)
	fs.Rename(root, "q", root, "moved2")
	if fs.Rename(root, "hostup", root, "q") != hostfs.OK {
		say("cannot move the link")
	}
	use(c)
	use(q)

	say("names")
	for _, name := range []string{"..", ".", "", "../outside", "../outside/secret", "/", "hostdir/secret", "hostdir/", "hostfile/.", "..\x00"} {
		attack(root, name)
		through(root, name)
	}
	say("anything")
	for seed := range uint64(40) {
		anything(seed)
	}
	say("what the host has")
	_, e := fs.Open(root, "fifo", hostfs.Read)
	say("fifo", num(e))
	_, e = fs.Open(root, "fifo", hostfs.Write|hostfs.Create)
	say("fifo", num(e))
	say("done")
}

// through uses name, which leads to the secret file.
func through(dir hostfs.FD, name string) {
	for _, flags := range []hostfs.OpenFlags{
		hostfs.Read, hostfs.Write, rw, rw | hostfs.Create, hostfs.Read | hostfs.Create, hostfs.Write | hostfs.Truncate,
		rw | hostfs.Create | hostfs.Truncate, hostfs.Write | hostfs.Append, rw | hostfs.Create | hostfs.Exclusive,
	} {
		if fd, e := fs.Open(dir, name, flags); e == hostfs.OK {
			if strings.Contains(read(fd, 100, 0), "SECRET") {
				say("LEAK: open", name, num(flags))
			}
			fs.WriteAt(fd, [][]byte{[]byte("written")}, 0)
			fs.Close(fd)
		}
	}
	_ = fs.SetTimesAt(dir, name, &hostfs.Times{Mtime: 1_000_000_000, SetMtime: true})
	// A hard link to what the link leads to would be a way in.
	if fs.Link(dir, name, dir, "linked") == hostfs.OK {
		if strings.Contains(get(dir, "linked"), "SECRET") {
			say("LEAK: link", name)
		}
		fs.Unlink(dir, "linked")
	}
}

// attack uses name, which leads to outside, as a directory.
func attack(dir hostfs.FD, name string) {
	for _, flags := range []hostfs.OpenFlags{hostfs.Read | hostfs.OpenDirectory, hostfs.Read, hostfs.OpenDirectory} {
		if d, e := fs.Open(dir, name, flags); e == hostfs.OK {
			use(d)
		}
	}
	fs.Mkdir(dir, name)
}

// use does everything to a directory that is outside, if it is not known to be
// another or stale.
func use(d hostfs.FD) {
	through(d, "secret")
	if fd, e := fs.Open(d, "planted", hostfs.Write|hostfs.Create); e == hostfs.OK {
		fs.Close(fd)
	}
	for _, name := range list(d) {
		if name == "empty:2" {
			say("LEAK: listing")
		}
	}
	fs.Mkdir(d, "planted-dir")
	fs.Symlink("x", d, "planted-link")
	fs.Rmdir(d, "empty")
	fs.Rename(d, "secret", root, "stolen")
	put(root, "own", "own")
	fs.Rename(root, "own", d, "planted-file")
	fs.Link(root, "own", d, "planted-hard")
	if _, e := fs.Readlink(d, "link", make([]byte, 100)); e == hostfs.OK {
		say("LEAK: readlink")
	}
	fs.Unlink(d, "secret")
	fs.Close(d)
}

// anything does things in no order: names that lead outside or are the same as
// there, directories that are open while their names come to mean others.
func anything(seed uint64) {
	state := seed*0x9e3779b97f4a7c15 + 1
	pick := func(n int) int {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		return int(state % uint64(n))
	}
	names := []string{"outside", "secret", "empty", "hostdir", "hostup", "hostfile", "planted", "x", "link"}
	name := func() string { return names[pick(len(names))] }
	open := []hostfs.FD{root}
	dir := func() hostfs.FD { return open[pick(len(open))] }
	for range 300 {
		switch pick(12) {
		case 0, 1:
			if d, e := fs.Open(dir(), name(), hostfs.Read|hostfs.OpenDirectory); e == hostfs.OK {
				if open = append(open, d); len(open) > 8 {
					fs.Close(open[1])
					open = append(open[:1], open[2:]...)
				}
			}
		case 2, 3, 4:
			fs.Rename(dir(), name(), dir(), name())
		case 5:
			fs.Mkdir(dir(), name())
		case 6:
			fs.Symlink([]string{"..", "../outside", ".", "outside", "../outside/secret"}[pick(5)], dir(), name())
		case 7:
			if fd, e := fs.Open(dir(), name(), hostfs.OpenFlags(pick(64))&^hostfs.OpenDirectory); e == hostfs.OK {
				if strings.Contains(read(fd, 100, 0), "SECRET") {
					say("LEAK: seed", num(seed))
				}
				fs.WriteAt(fd, [][]byte{[]byte("written")}, 0)
				fs.Close(fd)
			}
		case 8:
			fs.Unlink(dir(), name())
		case 9:
			fs.Rmdir(dir(), name())
		case 10:
			fs.Link(dir(), name(), dir(), name())
		case 11:
			fs.SetTimesAt(dir(), name(), &hostfs.Times{Mtime: 1_000_000_000, SetMtime: true})
		}
	}
	for _, d := range open[1:] {
		fs.Close(d)
	}
}
