package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

// keptTimes are a file's times of access and modification that the guest set
// and the host does not keep: it sets none of a symbolic link, or has whole
// seconds only, or nothing before 1970. Each counts as long as the host still
// says what it said right after.
type keptTimes struct {
	atime, mtime         int64 // what the guest set
	hostAtime, hostMtime int64 // what the host made of it
}

// timesOf are n's times as the guest sees them; s.st is what the host says.
func (s *Server) timesOf(n *node) (atime, mtime int64) {
	atime, mtime = s.st.Atime, s.st.Mtime
	k, ok := s.kept[n.path]
	if !ok {
		return atime, mtime
	}
	if atime == k.hostAtime {
		atime = k.atime
	}
	if mtime != k.hostMtime {
		delete(s.kept, n.path) // the file was written
		return atime, mtime
	}
	return atime, k.mtime
}

// time reads a time in seconds and nanoseconds; false if it is none, or not one
// of the years 1677 to 2262, which 64 bits of nanoseconds hold.
func (s *Server) time() (ns int64, ok bool) {
	sec, nsec := int64(s.req.u64()), s.req.u64()
	const most = (1<<63 - 1) / second
	return sec*second + int64(nsec), sec >= -most && sec < most && nsec < second
}

// setTimes sets s.times, and remembers for the run what the host does not keep
// of them: programs that copy files with their times (cp -a, rsync -a) take it
// for a failure if one cannot be set.
func (s *Server) setTimes(n *node) hostfs.Errno {
	want := s.times
	e := s.setHostTimes(n)
	if e == hostfs.EOVERFLOW {
		s.times.SetAtime = want.SetAtime && want.Atime >= 0
		s.times.SetMtime = want.SetMtime && want.Mtime >= 0
		e = s.setHostTimes(n)
	}
	if e == hostfs.EOPNOTSUPP && !want.NowAtime && !want.NowMtime {
		e = hostfs.OK
	}
	if e != hostfs.OK || !want.SetAtime && !want.SetMtime {
		return e
	}
	s.forget(n)
	if s.stat(n) != hostfs.OK {
		return hostfs.OK // it is gone already
	}
	return s.keepTimes(n, &want)
}

// keepTimes remembers of want what differs from what the host says, s.st.
func (s *Server) keepTimes(n *node, want *hostfs.Times) hostfs.Errno {
	old, had := s.kept[n.path]
	k := keptTimes{s.st.Atime, s.st.Mtime, s.st.Atime, s.st.Mtime}
	switch {
	case want.SetAtime:
		k.atime = want.Atime
	case had && !want.NowAtime && old.hostAtime == k.hostAtime:
		k.atime = old.atime
	}
	switch {
	case want.SetMtime:
		k.mtime = want.Mtime
	case had && !want.NowMtime && old.hostMtime == k.hostMtime:
		k.mtime = old.mtime
	}
	switch {
	case k.atime == k.hostAtime && k.mtime == k.hostMtime:
		delete(s.kept, n.path)
		return hostfs.OK
	case had || len(s.kept) < maxTimes:
		s.kept[n.path] = k
		return hostfs.OK
	case floor(k.atime) == floor(k.hostAtime) && floor(k.mtime) == floor(k.hostMtime):
		return hostfs.OK // a part of a second is not worth an error
	}
	return hostfs.ENOSPC
}

// setHostTimes sets s.times on the host.
func (s *Server) setHostTimes(n *node) hostfs.Errno {
	switch {
	case n == n.mount.root:
		return s.fs.SetTimes(n.mount.dir, &s.times)
	case n.handle != nil && (n.gone || n.handle.rights&hostfs.Write != 0):
		return s.fs.SetTimes(n.handle.fd, &s.times)
	case n.gone && n.typ == hostfs.Directory:
		return hostfs.OK // there is nothing left of it
	case n.gone:
		return hostfs.ESTALE
	}
	fd, e := s.dirFD(n.parent)
	if e != hostfs.OK {
		return e
	}
	return s.fs.SetTimesAt(fd, n.name, &s.times)
}
