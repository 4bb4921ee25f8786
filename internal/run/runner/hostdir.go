package runner

import (
	"io/fs"
	"os"
	"path/filepath"

	experimentalsys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
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
		if _, errno := d.FS.Lstat(path); errno != 0 {
			return nil, errno
		}
		return &linkTimes{dir: d, path: path}, 0
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
	dir  hostDir
	path string
}

func (l *linkTimes) Close() experimentalsys.Errno { return 0 }

// Utimens sets times in nanoseconds since 1970, of a symbolic link itself.
// UTIME_OMIT leaves one as it is: not every system can leave one out, so it is
// set to what it was.
func (l *linkTimes) Utimens(atime, mtime int64) experimentalsys.Errno {
	const omit = experimentalsys.UTIME_OMIT
	if atime == omit && mtime == omit {
		return 0
	}
	if atime == omit || mtime == omit {
		st, errno := l.dir.FS.Lstat(l.path)
		if errno != 0 {
			return errno
		}
		if atime == omit {
			atime = st.Atim
		} else {
			mtime = st.Mtim
		}
	}
	return experimentalsys.UnwrapOSError(setLinkTimes(l.dir.join(l.path), atime, mtime))
}
