package wasi

import "github.com/c2w/c2w/internal/machine/hostfs"

// Open implements [hostfs.FS].
func (f *files) Open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	if e := f.enter(dir, name); e != hostfs.OK {
		return hostfs.None, e
	}
	rights, inheriting := uint64(rightsRead), uint64(0)
	switch {
	case flags&hostfs.OpenDirectory != 0:
		if flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0 {
			return hostfs.None, hostfs.EISDIR
		}
		rights, inheriting = rightsDir|rightRead, rightsAll
	case flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0:
		// What is created is opened for writing in any case: an engine's
		// read-only directory was seen to let it be created otherwise.
		rights = rightsWrite
		if flags&hostfs.Read != 0 || flags&hostfs.Write == 0 {
			rights |= rightsRead
		}
	}
	var fdflags uint16
	if flags&hostfs.Append != 0 {
		fdflags = fdflagAppend
	}
	if flags&hostfs.Create != 0 {
		// Exclusively first: that follows no link on any engine.
		fd, errno := f.sysOpen(dir, name, oflagCreat|oflagExcl, rights, inheriting, fdflags)
		switch {
		case errno == errnoSuccess:
			return f.opened(fd, openFile{append: fdflags != 0})
		case errno != errnoExist || flags&hostfs.Exclusive != 0:
			return hostfs.None, changing(errno)
		case flags&(hostfs.Write|hostfs.Truncate) == 0:
			rights = rightsRead
		}
	}
	return f.openExisting(dir, name, flags, rights, inheriting, fdflags)
}

// openExisting looks before it opens: some engines follow symbolic links, and
// to open a FIFO may block for ever.
func (f *files) openExisting(dir hostfs.FD, name string, flags hostfs.OpenFlags, rights, inheriting uint64, fdflags uint16) (hostfs.FD, hostfs.Errno) {
	if errno := f.sys.pathFilestat(uint32(dir), name, &f.st); errno != errnoSuccess {
		return hostfs.None, errno.Linux()
	}
	wantDir := flags&hostfs.OpenDirectory != 0
	oflags := uint16(0)
	switch isDir := f.st.filetype == filetypeDirectory; {
	case wantDir && !isDir:
		return hostfs.None, hostfs.ENOTDIR
	case f.st.filetype == filetypeSymlink:
		return hostfs.None, hostfs.ELOOP
	case isDir && flags&(hostfs.Write|hostfs.Create|hostfs.Truncate) != 0:
		return hostfs.None, hostfs.EISDIR
	case isDir:
		rights, inheriting, oflags = rightsDir|rightRead, rightsAll, oflagDirectory
	case f.st.filetype != filetypeRegular:
		return hostfs.None, hostfs.ENXIO
	}
	fd, errno := f.sysOpen(dir, name, oflags, rights, inheriting, fdflags)
	if errno != errnoSuccess {
		if rights&rightWrite != 0 {
			return hostfs.None, changing(errno)
		}
		return hostfs.None, errno.Linux()
	}
	o := openFile{dir: oflags&oflagDirectory != 0, append: fdflags != 0, dev: f.st.dev, ino: f.st.ino}
	// What was looked at and what was opened are the same.
	errno = f.sys.filestat(fd, &f.st2)
	if errno != errnoSuccess || f.st2.dev != o.dev || f.st2.ino != o.ino || f.st2.filetype != f.st.filetype {
		f.sys.close(fd)
		return hostfs.None, hostfs.ESTALE
	}
	if flags&hostfs.Truncate != 0 {
		if errno := f.sys.setSize(fd, 0); errno != errnoSuccess {
			f.sys.close(fd)
			return hostfs.None, changing(errno)
		}
	}
	return f.opened(fd, o)
}

// sysOpen opens unless there is too much open already, which it finds out once:
// from then on spareFDs are left for the engine's own use.
func (f *files) sysOpen(dir hostfs.FD, name string, oflags uint16, rights, inheriting uint64, fdflags uint16) (uint32, Errno) {
	if f.limit > 0 && f.count >= f.limit {
		return 0, errnoMfile
	}
	fd, errno := f.sys.open(uint32(dir), name, oflags, rights, inheriting, fdflags)
	if errno == errnoIO {
		// Some engines have no better word for it. Nothing can be opened then.
		probe, e := f.sys.open(uint32(f.roots[0].FD), ".", oflagDirectory, rightsDir|rightRead, rightsAll, 0)
		if e == errnoSuccess {
			f.sys.close(probe)
		} else {
			errno = errnoMfile
		}
	}
	if errno == errnoMfile || errno == errnoNfile {
		f.limit = max(f.count-spareFDs, spareFDs)
	}
	return fd, errno
}

func (f *files) opened(fd uint32, o openFile) (hostfs.FD, hostfs.Errno) {
	if fd >= maxFD {
		f.sys.close(fd)
		return hostfs.None, hostfs.EMFILE
	}
	o.used = true
	f.set(fd, o)
	f.count++
	return hostfs.FD(fd), hostfs.OK
}
