// Files goes on an engine through what package wasi makes of its directories,
// and prints what happened, so that a test can compare engines. The first
// argument says what to do, the first directory is where.
package main

import (
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/wasi"
)

var (
	host = wasi.New()
	fs   hostfs.FS
	root hostfs.FD
)

func say(parts ...string) {
	if err := host.Write(wasi.Stdout, []byte(strings.Join(parts, " ")+"\n")); err != nil {
		host.Exit(74)
	}
}

func num[T ~int | ~int64 | ~uint64 | ~uint8 | ~uint32 | ~int32](n T) string {
	return strconv.FormatInt(int64(n), 10)
}

func main() {
	args := host.Args()
	if fs = host.Files(); fs != nil {
		root = fs.Roots()[0].FD
	} else if args[1] != "terminal" {
		say("no directories")
		return
	}
	switch args[1] {
	case "roots":
		for _, r := range fs.Roots() {
			line := strconv.Quote(r.Path)
			if r.ReadOnly {
				line += " read-only"
			}
			say(line)
		}
	case "all":
		for i, p := range parts {
			say("--", p.name)
			// Each in a directory of its own, the root first.
			if i > 0 {
				fs.Mkdir(fs.Roots()[0].FD, p.name+"-part")
				root = open(fs.Roots()[0].FD, p.name+"-part", hostfs.Read|hostfs.OpenDirectory)
			}
			p.run()
		}
	case "terminal":
		for fd := range 3 {
			say(num(fd), yes(host.IsTerminal(fd)))
		}
	case "escape":
		escape()
	case "many":
		many()
	case "bench":
		bench(args[2])
	case "list":
		for _, name := range list(root) {
			say(strconv.Quote(name))
		}
		say("a", num(stat(root, "a").Type))
	}
}

// open opens name and says so only if that fails.
func open(dir hostfs.FD, name string, flags hostfs.OpenFlags) hostfs.FD {
	fd, e := fs.Open(dir, name, flags)
	if e != hostfs.OK {
		say("open", name, num(flags), "error", num(e))
	}
	return fd
}

const rw = hostfs.Read | hostfs.Write

func put(dir hostfs.FD, name, text string) {
	fd := open(dir, name, hostfs.Write|hostfs.Create|hostfs.Truncate)
	write(fd, text, 0)
	closeFD(fd)
}

func write(fd hostfs.FD, text string, off int64) {
	if n, e := fs.WriteAt(fd, [][]byte{[]byte(text)}, off); n != len(text) || e != hostfs.OK {
		say("write of", num(len(text)), "wrote", num(n), "error", num(e))
	}
}

func read(fd hostfs.FD, size int, off int64) string {
	p := make([]byte, size)
	n, e := fs.ReadAt(fd, [][]byte{p}, off)
	if e != hostfs.OK {
		return "error " + num(e)
	}
	return string(p[:n])
}

func get(dir hostfs.FD, name string) string {
	fd, e := fs.Open(dir, name, hostfs.Read)
	if e != hostfs.OK {
		return "error " + num(e)
	}
	defer closeFD(fd)
	return read(fd, 1000, 0)
}

func closeFD(fd hostfs.FD) {
	if e := fs.Close(fd); e != hostfs.OK {
		say("close error", num(e))
	}
}

func list(dir hostfs.FD) (names []string) {
	e := fs.ReadDir(dir, 0, func(_, _ uint64, t hostfs.Type, name []byte) bool {
		names = append(names, string(name)+":"+num(t))
		return true
	})
	if e != hostfs.OK {
		names = append(names, "error "+num(e))
	}
	sortStrings(names)
	return names
}

func sortStrings(s []string) {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

func stat(dir hostfs.FD, name string) hostfs.Stat {
	var st hostfs.Stat
	if e := fs.StatAt(dir, name, &st); e != hostfs.OK {
		return hostfs.Stat{Type: 99, Size: -int64(e)}
	}
	return st
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// many opens a file until the host has enough, which the program must survive.
func many() {
	put(root, "m", "x")
	var fds []hostfs.FD
	for {
		fd, e := fs.Open(root, "m", hostfs.Read)
		if e != hostfs.OK {
			say("error", num(e))
			break
		}
		if fds = append(fds, fd); len(fds) > 1000 {
			break
		}
	}
	for _, fd := range fds {
		closeFD(fd)
	}
	say("some", yes(len(fds) > 8), "then", get(root, "m"))
}
