package wasi

import (
	"strings"
	"unicode/utf8"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// checkName lets pass what is one component of a path and nothing else.
func checkName(name string) hostfs.Errno {
	switch {
	case name == "" || name == "." || name == "..":
		return hostfs.EINVAL
	case len(name) > hostfs.MaxName:
		return hostfs.ENAMETOOLONG
	case strings.IndexByte(name, '/') >= 0 || strings.IndexByte(name, 0) >= 0:
		return hostfs.EINVAL
	}
	return hostfs.OK
}

// windowsName lets pass what stands for itself on Windows: no separators,
// drives or streams, nothing that is cut off at the end, no device.
func windowsName(name string) bool {
	if strings.ContainsAny(name, `\:*?"<>|`) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return false
	}
	for i := range len(name) {
		if name[i] < ' ' {
			return false
		}
	}
	base, _, _ := strings.Cut(name, ".")
	switch base = strings.ToUpper(strings.TrimRight(base, " ")); base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	rest, ok := strings.CutPrefix(base, "COM")
	if !ok {
		rest, ok = strings.CutPrefix(base, "LPT")
	}
	return !ok || utf8.RuneCountInString(rest) != 1 || !strings.Contains("0123456789¹²³", rest)
}

// enter checks that name in dir means what the caller thinks.
func (f *files) enter(dir hostfs.FD, name string) hostfs.Errno {
	if e := checkName(name); e != hostfs.OK {
		return e
	}
	if e := f.enterDir(dir); e != hostfs.OK {
		return e
	}
	if f.windows && !windowsName(name) {
		return hostfs.EILSEQ
	}
	if !utf8.ValidString(name) {
		// Engines that cannot carry it should say so.
		if errno := f.sys.pathFilestat(uint32(dir), name, &f.st2); errno == errnoPerm || errno == errnoInval {
			return hostfs.EILSEQ
		}
	}
	return hostfs.OK
}

// seenFor is for how long a directory's path is believed to lead to it, in
// nanoseconds, if the guest moved nothing: other programs of the host may.
const seenFor = 20_000_000

// enterDir checks that dir is a directory and, where the engine goes by its
// path, that this leads to it: a component that was replaced by a symbolic link
// would lead out of what the host handed over.
func (f *files) enterDir(dir hostfs.FD) hostfs.Errno {
	o := f.get(dir)
	switch {
	case o == nil:
		return hostfs.EBADF
	case !o.dir:
		return hostfs.ENOTDIR
	case o.root:
		return hostfs.OK
	}
	now := int64(0)
	if f.now != nil {
		if now = f.now(); o.seenAt != 0 && o.seenMoves == f.moves && now-o.seenAt < seenFor {
			return hostfs.OK
		}
	}
	if errno := f.sys.pathFilestat(uint32(dir), ".", &f.st2); errno != errnoSuccess {
		if errno == errnoNoent || errno == errnoNotdir {
			return hostfs.ESTALE
		}
		return errno.Linux()
	}
	if f.st2.filetype != filetypeDirectory || f.st2.ino != o.ino || f.st2.dev != o.dev {
		return hostfs.ESTALE
	}
	o.seenMoves, o.seenAt = f.moves, now
	return hostfs.OK
}
