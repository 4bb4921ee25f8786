package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

// fid is the guest's name for a file.
type fid struct {
	node *node
	uid  uint32 // who attached: owner of what is made through it
	// Of an open fid.
	open   bool
	rights hostfs.OpenFlags // Read, Write
	append bool
	locks  bool // may hold locks
	// A read that met the file's end in request eofSeq did so at eof.
	eof    int64
	eofSeq uint64

	listing *listing // of an open directory, once read
	spare   *fid
}

// fid finds the fid of a request.
func (s *Server) fid(id uint32) (*fid, hostfs.Errno) {
	f := s.fids[id]
	switch {
	case s.req.short:
		return nil, hostfs.EINVAL
	case f == nil:
		return nil, hostfs.EBADF
	}
	return f, hostfs.OK
}

// bind makes fid id, which is not in use, stand for n.
func (s *Server) bind(id uint32, n *node, uid uint32) hostfs.Errno {
	if s.fids[id] != nil {
		return hostfs.EBADF
	}
	if len(s.fids) >= maxFids {
		return hostfs.ENFILE
	}
	f := s.spare
	if f == nil {
		f = new(fid)
	} else {
		s.spare = f.spare
	}
	*f = fid{node: n, uid: uid}
	s.ref(n)
	s.fids[id] = f
	return hostfs.OK
}

// drop ends a fid.
func (s *Server) drop(id uint32, f *fid) hostfs.Errno {
	delete(s.fids, id)
	e := s.closeFid(f)
	s.unref(f.node)
	*f = fid{spare: s.spare}
	s.spare = f
	return e
}

// closeFid undoes what opening f did.
func (s *Server) closeFid(f *fid) (e hostfs.Errno) {
	if !f.open {
		return hostfs.OK
	}
	f.open = false
	if f.locks {
		s.unlockFid(f)
	}
	if f.listing != nil {
		s.listings.remove(f.listing)
		f.listing = nil
	}
	n := f.node
	if n.opens--; n.opens == 0 && n.typ != hostfs.Directory {
		n.rights = 0
		if n.forget {
			s.endMeta(n)
		}
		if n.handle != nil {
			e = s.closeHandle(n.handle)
		}
	}
	return e
}

func (s *Server) clunk() hostfs.Errno {
	id := s.req.u32()
	f, e := s.fid(id)
	if e != hostfs.OK {
		return e
	}
	return s.drop(id, f)
}

func (s *Server) attach() hostfs.Errno {
	id := s.req.u32()
	s.req.u32() // fid of an authentication, which there is none of
	s.req.str() // user's name: the number counts
	tree, uid := s.req.str(), s.req.u32()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case len(tree) != 0 && string(tree) != "/":
		return hostfs.ENOENT
	}
	if uid == noUID {
		uid = s.cfg.UID
	}
	if e := s.bind(id, s.root, uid); e != hostfs.OK {
		return e
	}
	s.qid(s.root)
	return hostfs.OK
}

func (s *Server) walk() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	id, count := s.req.u32(), int(s.req.u16())
	switch {
	case s.req.short || count > maxWalk:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	}
	if s.fids[id] != nil && (s.fids[id] != f || f.open) {
		return hostfs.EBADF
	}
	n := f.node
	s.ref(n) // n holds a reference throughout
	s.w.u16(0)
	done := 0
	for done < count {
		name := s.req.str()
		if s.req.short {
			e = hostfs.EINVAL
			break
		}
		var c *node
		if c, e = s.step(n, name); e != hostfs.OK {
			break
		}
		s.ref(c)
		s.unref(n)
		n = c
		s.qid(n)
		done++
	}
	s.w[headerLen] = byte(done)
	switch {
	case done < count && done > 0 && !s.req.short:
		e = hostfs.OK // the guest sees that it did not get through
	case e != hostfs.OK:
	case s.fids[id] == f:
		f.node, n = n, f.node
	default:
		e = s.bind(id, n, f.uid)
	}
	s.unref(n)
	return e
}

// step is the way from n to name.
func (s *Server) step(n *node, name []byte) (*node, hostfs.Errno) {
	if n.typ != hostfs.Directory {
		return nil, hostfs.ENOTDIR
	}
	switch string(name) {
	case ".":
		return n, hostfs.OK
	case "..":
		if n.parent == nil {
			return n, hostfs.OK
		}
		return n.parent, hostfs.OK
	}
	if e := checkName(name); e != hostfs.OK {
		return nil, e
	}
	return s.lookup(n, name)
}
