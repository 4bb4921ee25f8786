package wasi

import "github.com/c2w/c2w/internal/machine/hostfs"

// SetTimes implements [hostfs.FS].
func (f *files) SetTimes(fd hostfs.FD, t *hostfs.Times) hostfs.Errno {
	if f.get(fd) == nil {
		return hostfs.EBADF
	}
	flags, e := f.timeFlags(t)
	if flags == 0 || e != hostfs.OK {
		return e
	}
	return f.sys.setTimes(uint32(fd), t.Atime, t.Mtime, flags).Linux()
}

// SetTimesAt implements [hostfs.FS].
func (f *files) SetTimesAt(dir hostfs.FD, name string, t *hostfs.Times) hostfs.Errno {
	if e := f.enter(dir, name); e != hostfs.OK {
		return e
	}
	flags, e := f.timeFlags(t)
	if flags == 0 || e != hostfs.OK {
		return e
	}
	// By path an engine was seen to follow links.
	fd, e := f.Open(dir, name, hostfs.Read)
	if e == hostfs.EACCES {
		fd, e = f.Open(dir, name, hostfs.Write)
	}
	switch {
	case e == hostfs.ELOOP && f.linkTimes:
		return f.setLinkTimes(uint32(dir), name, t, flags)
	case e == hostfs.ELOOP || e == hostfs.ENXIO:
		return hostfs.EOPNOTSUPP
	}
	if e != hostfs.OK {
		return e
	}
	errno := f.sys.setTimes(uint32(fd), t.Atime, t.Mtime, flags)
	f.Close(fd)
	return errno.Linux()
}

// setLinkTimes sets the times of a symbolic link, and sees that the engine did:
// one that followed it is not asked again.
func (f *files) setLinkTimes(dir uint32, name string, t *hostfs.Times, flags uint16) hostfs.Errno {
	errno := f.sys.pathSetTimes(dir, name, t.Atime, t.Mtime, flags)
	if flags&(fstAtim|fstMtim) == 0 || errno != errnoSuccess {
		return errno.Linux()
	}
	if errno := f.sys.pathFilestat(dir, name, &f.st); errno != errnoSuccess {
		return errno.Linux()
	}
	// Not every host keeps more than even seconds.
	const near = 2_000_000_000
	far := func(is uint64, want int64) bool { d := int64(is) - want; return d >= near || d <= -near }
	if flags&fstAtim != 0 && far(f.st.atime, t.Atime) || flags&fstMtim != 0 && far(f.st.mtime, t.Mtime) {
		f.linkTimes = false
		return hostfs.EOPNOTSUPP
	}
	return hostfs.OK
}

// timeFlags says what is to be set, for preview 1.
func (f *files) timeFlags(t *hostfs.Times) (flags uint16, e hostfs.Errno) {
	if f.unsignedTimes && (t.SetAtime && t.Atime < 0 || t.SetMtime && t.Mtime < 0) {
		return 0, hostfs.EOVERFLOW
	}
	switch {
	case t.NowAtime:
		flags = fstAtimNow
	case t.SetAtime:
		flags = fstAtim
	}
	switch {
	case t.NowMtime:
		flags |= fstMtimNow
	case t.SetMtime:
		flags |= fstMtim
	}
	return flags, hostfs.OK
}
