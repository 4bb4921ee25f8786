package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

// handle is a file or directory that is open on the host.
type handle struct {
	fd         hostfs.FD
	id         uint64 // never used twice
	node       *node
	rights     hostfs.OpenFlags
	pinned     bool    // while an operation works with it
	kept       bool    // see handleList
	prev, next *handle // most recently used first
}

// handleList is what is open: in the list what can be closed and opened again;
// beside it, in kept's, deleted files that a fid has open, which cannot.
type handleList struct {
	head    handle
	deleted handle // of a list of those beside it
	ids     uint64
	count   int // in the list
	kept    int // beside it
	spare   *handle
}

func (l *handleList) init() {
	l.head.prev, l.head.next = &l.head, &l.head
	l.deleted.prev, l.deleted.next = &l.deleted, &l.deleted
}

func (l *handleList) link(h *handle) {
	h.prev, h.next = &l.head, l.head.next
	h.prev.next, h.next.prev = h, h
}

// keep takes h, whose file has no name any more, out of the list.
func (l *handleList) keep(h *handle) {
	unlink(h)
	h.prev, h.next = &l.deleted, l.deleted.next
	h.prev.next, h.next.prev = h, h
	h.kept = true
	l.count--
	l.kept++
}

func unlink(h *handle) { h.prev.next, h.next.prev = h.next, h.prev }

// touch says that h is used.
func (s *Server) touch(h *handle) {
	if s.handles.head.next != h && !h.kept {
		unlink(h)
		s.handles.link(h)
	}
}

// open opens name in dir on the host, closing what was not used for longest
// when there is too much open. Whoever called adopts the result.
func (s *Server) open(dir hostfs.FD, name string, flags hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	if s.handles.count >= s.maxOpen && !s.evict() {
		return hostfs.None, hostfs.EMFILE
	}
	fd, e := s.fs.Open(dir, name, flags)
	for (e == hostfs.EMFILE || e == hostfs.ENFILE) && s.handles.count > minHandles && s.evict() {
		s.maxOpen = s.handles.count // the host has less than thought
		fd, e = s.fs.Open(dir, name, flags)
	}
	return fd, e
}

// minHandles: a rename needs two, and one more is opened beside them.
const minHandles = 4

// adopt makes fd n's handle.
func (s *Server) adopt(n *node, fd hostfs.FD, rights hostfs.OpenFlags) {
	h := s.handles.spare
	if h == nil {
		h = new(handle)
	} else {
		s.handles.spare = h.next
	}
	s.handles.ids++
	*h = handle{fd: fd, id: s.handles.ids, node: n, rights: rights & (hostfs.Read | hostfs.Write)}
	s.handles.link(h)
	s.handles.count++
	n.handle = h
}

// keep sees to it that n, which has no name any more and is open, stays open.
func (s *Server) keep(n *node) {
	if h := n.handle; h != nil && !h.kept && n.typ != hostfs.Directory && s.handles.kept < maxDeleted {
		s.handles.keep(h)
	}
}

func (s *Server) closeHandle(h *handle) hostfs.Errno {
	unlink(h)
	if h.kept {
		s.handles.kept--
		s.maxOpen = min(s.maxOpen+1, maxHandles) // it left one to the others
	} else {
		s.handles.count--
	}
	h.node.handle = nil
	e := s.fs.Close(h.fd)
	*h = handle{next: s.handles.spare}
	s.handles.spare = h
	return e
}

// evict closes the handle that was not used for longest. The most recent one
// stays: it is about to be used.
func (s *Server) evict() bool {
	for h := s.handles.head.prev; h != s.handles.head.next; h = h.prev {
		if !h.pinned {
			s.closeHandle(h)
			return true
		}
	}
	return false
}

// closeDirs closes every directory: what follows changes what a path means,
// and some hosts know an open directory by nothing else.
func (s *Server) closeDirs() {
	for h := s.handles.head.next; h != &s.handles.head; {
		next := h.next
		if h.node.typ == hostfs.Directory {
			s.closeHandle(h)
		}
		h = next
	}
}

// dirFD is an open directory, good until the next one is asked for unless it is
// pinned.
func (s *Server) dirFD(n *node) (hostfs.FD, hostfs.Errno) {
	fd := hostfs.None
	s.chain = s.chain[:0]
	for m := n; ; m = m.parent {
		switch {
		case m == s.root:
			return hostfs.None, hostfs.EROFS // nothing of the host's
		case m.typ != hostfs.Directory:
			return hostfs.None, hostfs.ENOTDIR
		case m.gone:
			return hostfs.None, hostfs.ENOENT
		case m == m.mount.root:
			fd = m.mount.dir
		case m.handle != nil:
			fd = m.handle.fd
			s.touch(m.handle)
		case len(s.chain) == maxDepth:
			return hostfs.None, hostfs.ENAMETOOLONG
		default:
			s.chain = append(s.chain, m)
			continue
		}
		break
	}
	for i := len(s.chain) - 1; i >= 0; i-- {
		m := s.chain[i]
		sub, e := s.open(fd, m.name, hostfs.Read|hostfs.OpenDirectory)
		if e != hostfs.OK {
			return hostfs.None, e
		}
		s.adopt(m, sub, hostfs.Read)
		fd = sub
	}
	clear(s.chain)
	return fd, hostfs.OK
}

// pin keeps n's handle open until unpin.
func (n *node) pin() {
	if n.handle != nil {
		n.handle.pinned = true
	}
}

func (n *node) unpin() {
	if n.handle != nil {
		n.handle.pinned = false
	}
}

// fileFD is n, a regular file, open with rights at least.
func (s *Server) fileFD(n *node, rights hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	if h := n.handle; h != nil && h.rights&rights == rights {
		s.touch(h)
		return h.fd, hostfs.OK
	}
	return s.reopen(n, rights)
}

// reopen opens n with rights and those that its fids have.
func (s *Server) reopen(n *node, rights hostfs.OpenFlags) (hostfs.FD, hostfs.Errno) {
	switch {
	case n.typ == hostfs.Directory:
		return hostfs.None, hostfs.EISDIR
	case n.typ == hostfs.Symlink:
		return hostfs.None, hostfs.ELOOP
	case n.typ != hostfs.Regular:
		return hostfs.None, hostfs.ENXIO
	case n.gone:
		return hostfs.None, hostfs.ESTALE
	}
	dir, e := s.dirFD(n.parent)
	if e != hostfs.OK {
		return hostfs.None, e
	}
	old := n.handle
	n.pin()
	defer n.unpin() // the new one, or the old one again
	want := rights | n.rights
	if want&hostfs.Write != 0 && !n.mount.readOnly {
		want |= hostfs.Read // who opens to read later shares it
	}
	fd, e := s.open(dir, n.name, want)
	if e == hostfs.EACCES && want != rights|n.rights {
		want = rights | n.rights
		fd, e = s.open(dir, n.name, want)
	}
	if e != hostfs.OK {
		return hostfs.None, e
	}
	if old != nil || n.opens > 0 { // it must still be the same file
		if e = s.fs.Stat(fd, &s.st); e == hostfs.OK && !s.is(n, &s.st) {
			e = hostfs.ESTALE
		}
		if e != hostfs.OK {
			s.fs.Close(fd)
			return hostfs.None, e
		}
	}
	if old != nil {
		s.closeHandle(old)
	}
	s.adopt(n, fd, want)
	return fd, hostfs.OK
}
