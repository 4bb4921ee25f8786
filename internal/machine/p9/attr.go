package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

// meta is what hosts do not keep of a file.
type meta struct {
	mode     uint16 // permissions, setuid, setgid, sticky
	uid, gid uint32
}

// defaultMeta is what a file has that nobody set anything of.
func (s *Server) defaultMeta(t hostfs.Type) meta {
	m := meta{0o755, s.cfg.UID, s.cfg.GID}
	if t == hostfs.Symlink {
		m.mode = 0o777
	}
	return m
}

func (s *Server) metaOf(n *node) meta {
	if n == s.root {
		return meta{mode: 0o555}
	}
	if m, ok := s.meta[n.path]; ok {
		return m
	}
	return s.defaultMeta(n.typ)
}

// metaRoom says whether one more file's modes can be kept: asked before a file
// is made.
func (s *Server) metaRoom() bool { return len(s.meta) < maxMeta }

func (s *Server) setMeta(n *node, m meta) hostfs.Errno {
	if m == s.defaultMeta(n.typ) {
		delete(s.meta, n.path)
		return hostfs.OK
	}
	if _, ok := s.meta[n.path]; !ok && !s.metaRoom() {
		return hostfs.ENOSPC
	}
	s.meta[n.path] = m
	return hostfs.OK
}

// remembers says whether anything is kept of n that hosts do not.
func (s *Server) remembers(n *node) bool {
	_, hasMeta := s.meta[n.path]
	_, hasTimes := s.kept[n.path]
	return hasMeta || hasTimes
}

// forgetMeta drops what is kept of n: its inode number may be another's next.
func (s *Server) forgetMeta(n *node) {
	delete(s.meta, n.path)
	delete(s.kept, n.path)
}

// ioSize is how much programs are told to read and write at a time: each time is
// a request, so much more than a page.
const ioSize = 128 << 10

func (s *Server) getattr() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	if e != hostfs.OK {
		return e
	}
	n := f.node
	if e = s.stat(n); e != hostfs.OK {
		return e
	}
	st, m := &s.st, s.metaOf(n)
	if st.Nlink == 0 && !n.gone {
		st.Nlink = 1
	}
	atime, mtime := s.timesOf(n)
	w := &s.w
	w.u64(attrBasic)
	s.qid(n)
	w.u32(kinds[n.typ].mode | uint32(m.mode))
	w.u32(m.uid)
	w.u32(m.gid)
	w.u64(st.Nlink)
	w.u64(0) // device number
	w.u64(uint64(st.Size))
	w.u64(ioSize)
	w.u64((uint64(st.Size) + 511) / 512)
	w.time(atime)
	w.time(mtime)
	w.time(st.Ctime)
	w.time(0) // birth
	w.u64(0)  // generation
	w.u64(0)  // data version
	return hostfs.OK
}

func (s *Server) setattr() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	valid, mode, uid, gid, size := s.req.u32(), s.req.u32(), s.req.u32(), s.req.u32(), s.req.u64()
	atime, okA := s.time()
	mtime, okM := s.time()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	n := f.node
	if e = writable(n); e != hostfs.OK {
		return e
	}
	if valid&setAtimeTo != 0 && !okA || valid&setMtimeTo != 0 && !okM {
		return hostfs.EINVAL
	}
	if valid&^(setMode|setUID|setGID) != 0 {
		s.forget(n)
	}
	if valid&setSize != 0 {
		if e = s.setSize(n, size); e != hostfs.OK {
			return e
		}
	}
	if valid&(setMode|setUID|setGID) != 0 {
		m := s.metaOf(n)
		if valid&setMode != 0 {
			m.mode = uint16(mode & modePerm)
		}
		if valid&setUID != 0 {
			m.uid = uid
		}
		if valid&setGID != 0 {
			m.gid = gid
		}
		if e = s.setMeta(n, m); e != hostfs.OK {
			return e
		}
	}
	if valid&(setAtime|setMtime) == 0 {
		return hostfs.OK
	}
	s.times = hostfs.Times{
		Atime: atime, SetAtime: valid&setAtime != 0 && valid&setAtimeTo != 0, NowAtime: valid&setAtime != 0 && valid&setAtimeTo == 0,
		Mtime: mtime, SetMtime: valid&setMtime != 0 && valid&setMtimeTo != 0, NowMtime: valid&setMtime != 0 && valid&setMtimeTo == 0,
	}
	return s.setTimes(n)
}

func (s *Server) setSize(n *node, size uint64) hostfs.Errno {
	if size > 1<<63-1 {
		return hostfs.EFBIG
	}
	fd, e := s.fileFD(n, hostfs.Write)
	if e != hostfs.OK {
		return e
	}
	e = s.fs.SetSize(fd, int64(size))
	return s.closeUnused(n, e)
}

// closeUnused closes n's handle if only the present request needed it. e is the
// request's result so far.
func (s *Server) closeUnused(n *node, e hostfs.Errno) hostfs.Errno {
	if n.opens > 0 || n.handle == nil || n.typ == hostfs.Directory {
		return e
	}
	if closed := s.closeHandle(n.handle); e == hostfs.OK {
		e = closed
	}
	return e
}

// writable says whether anything about n may be changed.
func writable(n *node) hostfs.Errno {
	if n.mount == nil || n.mount.readOnly {
		return hostfs.EROFS
	}
	return hostfs.OK
}
