package runner

import (
	"io/fs"
	"os"
	"path/filepath"

	experimentalsys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"
)

// hostDir is a directory of the host as the embedded engine sees it. It mends
// what wazero's own lacks: times of symbolic links, absolute targets of symbolic
// links, and modes of new files as the user's umask wants them.
type hostDir struct {
	experimentalsys.FS
	dir string
}

func newHostDir(m Mount) experimentalsys.FS {
	var d experimentalsys.FS = hostDir{sysfs.DirFS(m.Host), m.Host}
	if m.ReadOnly {
		d = &sysfs.ReadFS{FS: d}
	}
	return d
}

// timesOnly are the permissions with which wazero opens a file for nothing but
// to set its times, by path and without following a symbolic link: for writing.
// What a program opens has others.
const timesOnly = fs.FileMode(0)

func (d hostDir) OpenFile(path string, flag experimentalsys.Oflag, perm fs.FileMode) (experimentalsys.File, experimentalsys.Errno) {
	if flag == experimentalsys.O_WRONLY && perm == timesOnly && canSetLinkTimes {
		st, errno := d.FS.Lstat(path)
		if errno != 0 {
			return nil, errno
		}
		return &linkTimes{name: d.join(path), st: st}, 0
	}
	if flag&experimentalsys.O_CREAT != 0 {
		perm = 0o666
	}
	return d.FS.OpenFile(path, flag, perm)
}

func (d hostDir) Mkdir(path string, _ fs.FileMode) experimentalsys.Errno {
	return d.FS.Mkdir(path, 0o777)
}

// Symlink takes absolute targets, too, which wazero refuses, as the user's own
// programs would: the machine never follows a link, whatever it holds.
func (d hostDir) Symlink(target, link string) experimentalsys.Errno {
	return experimentalsys.UnwrapOSError(os.Symlink(target, d.join(link)))
}

func (d hostDir) join(path string) string {
	return filepath.Join(d.dir, filepath.FromSlash(path))
}

// linkTimes stands for a file of any type whose times are to be set. It is not
// open: directories and symbolic links cannot be opened for writing.
type linkTimes struct {
	experimentalsys.UnimplementedFile
	name string // on the host
	st   sys.Stat_t
}

func (l *linkTimes) Close() experimentalsys.Errno { return 0 }

// Utimens sets times in nanoseconds since 1970, of a symbolic link itself.
func (l *linkTimes) Utimens(atime, mtime int64) experimentalsys.Errno {
	if atime == experimentalsys.UTIME_OMIT && mtime == experimentalsys.UTIME_OMIT {
		return 0
	}
	return experimentalsys.UnwrapOSError(setLinkTimes(l.name, l.st, atime, mtime))
}
