package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

func (s *Server) mkdir() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	name, mode, gid := s.req.str(), s.req.u32(), s.req.u32()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	return s.make(f, name, mode, gid, func(dir hostfs.FD, name string) hostfs.Errno {
		return s.fs.Mkdir(dir, name)
	})
}

func (s *Server) symlink() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	name, target, gid := s.req.str(), s.req.str(), s.req.u32()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	if e = checkTarget(target); e != hostfs.OK {
		return e
	}
	return s.make(f, name, 0o777, gid, func(dir hostfs.FD, name string) hostfs.Errno {
		return s.fs.Symlink(string(target), dir, name)
	})
}

// make makes name in f by what makes it on the host, and replies with its qid.
func (s *Server) make(f *fid, bytes []byte, mode, gid uint32, on func(hostfs.FD, string) hostfs.Errno) hostfs.Errno {
	dir := f.node
	fd, e := s.target(dir, bytes)
	if e != hostfs.OK {
		return e
	}
	name := string(bytes)
	s.forget(dir)
	if e = on(fd, name); e != hostfs.OK {
		return e
	}
	if e = s.fs.StatAt(fd, name, &s.st); e != hostfs.OK {
		return e
	}
	n, e := s.born(dir, name, meta{uint16(mode & modePerm), f.uid, gid})
	if e != hostfs.OK {
		return e
	}
	s.qid(n)
	return hostfs.OK
}

// mknod makes regular files only: no host that we know has anything else for
// us.
func (s *Server) mknod() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	name, mode := s.req.str(), s.req.u32()
	s.req.u64() // major and minor
	gid := s.req.u32()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	if t := mode & modeType; t != modeRegular && t != 0 {
		if e = checkName(name); e == hostfs.OK {
			e = writable(f.node)
		}
		if e == hostfs.OK {
			e = hostfs.EPERM
		}
		return e
	}
	n, e := s.create(f.node, name, meta{uint16(mode & modePerm), f.uid, gid})
	if e != hostfs.OK {
		return e
	}
	s.qid(n)
	return s.closeUnused(n, hostfs.OK)
}

func checkTarget(target []byte) hostfs.Errno {
	if len(target) == 0 {
		return hostfs.ENOENT
	}
	if len(target) > maxTarget {
		return hostfs.ENAMETOOLONG
	}
	for _, c := range target {
		if c == 0 {
			return hostfs.EINVAL
		}
	}
	return hostfs.OK
}

func (s *Server) readlink() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	if e != hostfs.OK {
		return e
	}
	n := f.node
	switch {
	case n.typ != hostfs.Symlink:
		return hostfs.EINVAL
	case n.gone:
		return hostfs.ESTALE
	}
	fd, e := s.dirFD(n.parent)
	if e != hostfs.OK {
		return e
	}
	p := s.wBuf[headerLen+2:][:maxTarget+1] // some hosts add a NUL
	k, e := s.fs.Readlink(fd, n.name, p)
	if e != hostfs.OK {
		return e
	}
	s.w.str(p[:min(k, maxTarget)]) // copies onto itself
	return hostfs.OK
}

func (s *Server) link() hostfs.Errno {
	d, e := s.fid(s.req.u32())
	f, e2 := s.fid(s.req.u32())
	name := s.req.str()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case e2 != hostfs.OK:
		return e2
	}
	n := f.node
	switch {
	case n.typ == hostfs.Directory:
		return hostfs.EPERM
	case n.gone:
		return hostfs.ENOENT
	}
	if e = writable(n); e != hostfs.OK {
		return e
	}
	if _, e = s.target(d.node, name); e != hostfs.OK {
		return e
	}
	s.forget(n)
	s.forget(d.node)
	return s.withDirs(n.parent, d.node, func(from, to hostfs.FD) hostfs.Errno {
		return s.fs.Link(from, n.name, to, string(name))
	})
}

// withDirs calls do with two open directories.
func (s *Server) withDirs(a, b *node, do func(a, b hostfs.FD) hostfs.Errno) hostfs.Errno {
	fa, e := s.dirFD(a)
	if e != hostfs.OK {
		return e
	}
	a.pin()
	defer a.unpin()
	fb, e := s.dirFD(b)
	if e != hostfs.OK {
		return e
	}
	return do(fa, fb)
}

func (s *Server) unlinkat() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	name, flags := s.req.str(), s.req.u32()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	return s.unlink(f.node, name, flags&flagRemoveDir != 0)
}

// remove removes a fid's file, and ends the fid in any case.
func (s *Server) remove() hostfs.Errno {
	id := s.req.u32()
	f, e := s.fid(id)
	if e != hostfs.OK {
		return e
	}
	switch n := f.node; {
	case n.parent == nil || n == n.mount.root:
		e = hostfs.EBUSY
	case n.gone:
		e = hostfs.ENOENT
	default:
		e = s.unlink(n.parent, []byte(n.name), n.typ == hostfs.Directory)
	}
	s.drop(id, f)
	return e
}

func (s *Server) unlink(dir *node, name []byte, rmdir bool) hostfs.Errno {
	e := checkName(name)
	if e == hostfs.OK {
		e = writable(dir)
	}
	if e != hostfs.OK {
		return e
	}
	n, last, e := s.leaving(dir, name)
	if e != hostfs.OK {
		return e
	}
	if rmdir {
		if n != nil && s.isMount(n) {
			return hostfs.EBUSY
		}
		s.closeDirs()
	}
	fd, e := s.dirFD(dir)
	if e != hostfs.OK {
		return e
	}
	s.forget(dir)
	if n != nil {
		s.forget(n)
	}
	if rmdir {
		e = s.fs.Rmdir(fd, string(name))
	} else {
		e = s.fs.Unlink(fd, string(name))
	}
	if e == hostfs.OK && n != nil {
		s.leave(n, last)
	}
	return e
}

// isMount says whether a directory is what a mount shows, reached through
// another mount: its host may know it by its path.
func (s *Server) isMount(n *node) bool {
	for _, m := range s.mounts {
		if m.root.path == n.path {
			return true
		}
	}
	return false
}

// leaving prepares for name in dir to be removed or replaced: if it is open, it
// is opened on the host while that can be done. The node is nil if nobody needs
// to know. last says that the file has no other name: its modes go with it,
// since the host may give its inode number to another.
func (s *Server) leaving(dir *node, name []byte) (n *node, last bool, e hostfs.Errno) {
	n = s.names[nameKey{dir, string(name)}]
	if n == nil {
		if len(s.meta) == 0 && len(s.kept) == 0 && len(s.mounts) == 1 {
			return nil, false, hostfs.OK
		}
		if n, e = s.lookup(dir, name); e != hostfs.OK {
			return nil, false, hostfs.OK // the host will say why not
		}
	}
	if n.opens > 0 && n.typ == hostfs.Regular {
		if s.handles.kept >= maxDeleted {
			return nil, false, hostfs.EMFILE
		}
		if _, e = s.fileFD(n, n.rights); e != hostfs.OK {
			return nil, false, e
		}
	}
	if !s.remembers(n) {
		return n, false, hostfs.OK
	}
	last = n.typ == hostfs.Directory || s.stat(n) == hostfs.OK && s.st.Nlink <= 1
	if n.gone {
		n = nil // stat found that it is another's name
	}
	return n, last, hostfs.OK
}

// leave takes n's name from it, and its modes if it was the last: at once, since
// the host may give the inode number to another file, or when nobody has it open
// any more.
func (s *Server) leave(n *node, last bool) {
	if last && n.handle != nil && n.opens > 0 && n.typ != hostfs.Directory {
		n.forget = true
	} else if last {
		s.endMeta(n)
	}
	s.detach(n)
}

// endMeta drops what is kept of n, whose last name is gone and which nobody has
// open by that name. Who has it open by another that went before still asks
// for it: then it ends with that one.
func (s *Server) endMeta(n *node) {
	for h := s.handles.deleted.next; h != &s.handles.deleted; h = h.next {
		if h.node != n && h.node.path == n.path {
			h.node.forget = true
			return
		}
	}
	s.forgetMeta(n)
}

func (s *Server) renameat() hostfs.Errno {
	from, e := s.fid(s.req.u32())
	name := s.req.str()
	to, e2 := s.fid(s.req.u32())
	newName := s.req.str()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case e2 != hostfs.OK:
		return e2
	}
	return s.move(from.node, name, to.node, newName)
}

func (s *Server) rename() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	to, e2 := s.fid(s.req.u32())
	newName := s.req.str()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case e2 != hostfs.OK:
		return e2
	}
	n := f.node
	switch {
	case n.parent == nil || n == n.mount.root:
		return hostfs.EBUSY
	case n.gone:
		return hostfs.ENOENT
	}
	return s.move(n.parent, []byte(n.name), to.node, newName)
}

func (s *Server) move(dir *node, name []byte, newDir *node, newName []byte) hostfs.Errno {
	e := checkName(name)
	if e == hostfs.OK {
		e = writable(dir)
	}
	if e == hostfs.OK {
		e = checkName(newName)
	}
	if e == hostfs.OK {
		e = writable(newDir)
	}
	if e != hostfs.OK {
		return e
	}
	n, e := s.lookup(dir, name)
	if e != hostfs.OK {
		return e
	}
	s.ref(n)
	e = s.moveNode(n, dir, newDir, newName)
	s.unref(n)
	return e
}

// stays says whether name is still there after it was renamed to another name
// of the same file: rename(2) leaves both then.
func (s *Server) stays(dir *node, name string) bool {
	fd, e := s.dirFD(dir)
	return e == hostfs.OK && s.fs.StatAt(fd, name, &s.st) == hostfs.OK
}

// moveNode is move of n, which is in dir.
func (s *Server) moveNode(n, dir, newDir *node, newName []byte) hostfs.Errno {
	for m := newDir; m != nil; m = m.parent {
		if m == n {
			return hostfs.EINVAL // into itself
		}
	}
	old, last, e := s.leaving(newDir, newName)
	if e != hostfs.OK {
		return e
	}
	if old == n {
		return hostfs.OK
	}
	if n.typ == hostfs.Directory {
		if s.isMount(n) {
			return hostfs.EBUSY
		}
		s.closeDirs()
	}
	name := string(newName)
	s.forget(n)
	s.forget(dir)
	s.forget(newDir)
	if old != nil {
		s.forget(old)
	}
	if e = s.withDirs(dir, newDir, func(from, to hostfs.FD) hostfs.Errno {
		return s.fs.Rename(from, n.name, to, name)
	}); e != hostfs.OK {
		return e
	}
	if old != nil {
		if old.path == n.path && s.stays(dir, n.name) {
			return hostfs.OK
		}
		s.leave(old, last)
	}
	delete(s.names, nameKey{dir, n.name})
	n.name, n.parent, n.mount = name, newDir, newDir.mount
	s.names[nameKey{newDir, name}] = n
	s.ref(newDir)
	s.unref(dir)
	return hostfs.OK
}
