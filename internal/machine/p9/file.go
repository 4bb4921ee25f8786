package p9

import (
	"encoding/binary"
	"math"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// rightsOf is what the flags of an open ask for.
func rightsOf(flags uint32) hostfs.OpenFlags {
	switch flags & openAccess {
	case openWrite:
		return hostfs.Write
	case openRDWR:
		return hostfs.Read | hostfs.Write
	case 0:
		return hostfs.Read
	}
	return hostfs.Read | hostfs.Write // 3 is "neither" to Linux; ask for both
}

func (s *Server) lopen() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	flags := s.req.u32()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case f.open:
		return hostfs.EBADF
	}
	if e = s.openNode(f.node, flags); e != hostfs.OK {
		return e
	}
	s.opened(f, flags, true)
	return hostfs.OK
}

// openNode sees to it that n can be read and written as flags say.
func (s *Server) openNode(n *node, flags uint32) hostfs.Errno {
	rights := rightsOf(flags)
	if rights&hostfs.Write != 0 || flags&openTruncate != 0 {
		if n.typ == hostfs.Directory {
			return hostfs.EISDIR
		}
		if e := writable(n); e != hostfs.OK {
			return e
		}
	}
	if n.typ == hostfs.Directory {
		if n == s.root || n.gone { // a directory without a name is empty
			return hostfs.OK
		}
		_, e := s.dirFD(n)
		return e
	}
	if flags&openDir != 0 {
		return hostfs.ENOTDIR
	}
	if flags&openTruncate != 0 {
		rights |= hostfs.Write
	}
	fd, e := s.fileFD(n, rights)
	if e != hostfs.OK {
		return e
	}
	if flags&openTruncate != 0 {
		s.forget(n)
		if e = s.fs.SetSize(fd, 0); e != hostfs.OK {
			return s.closeUnused(n, e)
		}
	}
	return hostfs.OK
}

// opened makes f an open fid, and replies. existed says that its file was not
// made just now.
func (s *Server) opened(f *fid, flags uint32, existed bool) {
	n := f.node
	f.open, f.rights, f.append = true, rightsOf(flags), flags&openAppend != 0
	n.opens++
	if n.typ != hostfs.Directory {
		n.rights |= f.rights
	}
	if n.gone {
		s.keep(n)
	}
	if existed && s.untrue(n) {
		// To Linux the version says not to cache what is read or written, and
		// not to take the size for the end.
		s.w.qid(kinds[n.typ].qid, 0, n.path)
	} else {
		s.qid(n)
	}
	s.w.u32(0) // no unit smaller than a message
}

func (s *Server) lcreate() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	name, flags, mode, gid := s.req.str(), s.req.u32(), s.req.u32(), s.req.u32()
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case f.open:
		return hostfs.EBADF
	case flags&openDir != 0:
		return hostfs.EINVAL
	}
	dir := f.node
	n, e := s.create(dir, name, meta{uint16(mode & modePerm), f.uid, gid})
	exists := e == hostfs.EEXIST && flags&openExcl == 0
	if exists {
		n, e = s.lookup(dir, name)
	}
	if e != hostfs.OK {
		return e
	}
	s.ref(n)
	if exists {
		if e = s.openNode(n, flags); e != hostfs.OK {
			s.unref(n)
			return e
		}
	}
	f.node = n
	s.unref(dir)
	s.opened(f, flags, exists)
	return hostfs.OK
}

// create makes a file that does not exist yet, open on the host. The node has
// no reference.
func (s *Server) create(dir *node, bytes []byte, m meta) (*node, hostfs.Errno) {
	fd, e := s.target(dir, bytes)
	if e != hostfs.OK {
		return nil, e
	}
	name := string(bytes)
	const rights = hostfs.Read | hostfs.Write // whatever is asked: it is ours
	s.forget(dir)
	file, e := s.open(fd, name, rights|hostfs.Create|hostfs.Exclusive)
	if e != hostfs.OK {
		return nil, e
	}
	if e = s.fs.Stat(file, &s.st); e == hostfs.OK {
		var n *node
		if n, e = s.born(dir, name, m); e == hostfs.OK {
			s.adopt(n, file, rights)
			return n, hostfs.OK
		}
	}
	s.fs.Close(file)
	s.fs.Unlink(fd, name)
	return nil, e
}

// born makes the node of what was just made as name in dir, and s.st describes.
func (s *Server) born(dir *node, name string, m meta) (*node, hostfs.Errno) {
	if old := s.names[nameKey{dir, name}]; old != nil {
		s.detach(old) // removed behind our back
	}
	n, e := s.add(dir, name, &s.st)
	if e != hostfs.OK {
		return nil, e
	}
	if n.typ == hostfs.Symlink {
		m.mode = 0o777
	}
	return n, s.setMeta(n, m)
}

// target is the host's directory in which something is to be made as name.
func (s *Server) target(dir *node, name []byte) (hostfs.FD, hostfs.Errno) {
	e := checkName(name)
	if dir.typ != hostfs.Directory {
		e = hostfs.ENOTDIR
	}
	if e == hostfs.OK {
		e = writable(dir)
	}
	if e == hostfs.OK && !s.metaRoom() {
		e = hostfs.ENOSPC
	}
	if e != hostfs.OK {
		return hostfs.None, e
	}
	return s.dirFD(dir)
}

// openFid finds a fid that is open with rights.
func (s *Server) openFid(rights hostfs.OpenFlags) (*fid, hostfs.Errno) {
	f, e := s.fid(s.req.u32())
	switch {
	case e != hostfs.OK:
		return nil, e
	case !f.open || f.rights&rights != rights:
		return nil, hostfs.EBADF
	case f.node.typ == hostfs.Directory:
		return nil, hostfs.EISDIR
	}
	return f, hostfs.OK
}

func (s *Server) read() hostfs.Errno {
	f, e := s.openFid(hostfs.Read)
	off, count := s.req.u64(), uint64(s.req.u32())
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	room := min(total(s.in), uint64(s.msize))
	if room < readHeader {
		return hostfs.EINVAL
	}
	count = min(count, room-readHeader)
	if off > math.MaxInt64-count {
		return hostfs.EINVAL
	}
	done := 0
	// Linux reads on after a short read, to see whether that was the end.
	if f.eofSeq == 0 || s.seq != f.eofSeq+1 || int64(off) != f.eof {
		var fd hostfs.FD
		if fd, e = s.fileFD(f.node, hostfs.Read); e != hostfs.OK {
			return e
		}
		done, e = s.transfer(s.in, readHeader, int(count), false, func(bufs [][]byte, at int) (int, hostfs.Errno) {
			return s.fs.ReadAt(fd, bufs, int64(off)+int64(at))
		})
		if e != hostfs.OK {
			return e
		}
		if done < int(count) {
			f.eof, f.eofSeq = int64(off)+int64(done), s.seq
		}
	}
	s.w.u32(uint32(done))
	s.data = done
	return hostfs.OK
}

func (s *Server) write() hostfs.Errno {
	f, e := s.openFid(hostfs.Write)
	off, count := s.req.u64(), uint64(s.req.u32())
	size := uint64(binary.LittleEndian.Uint32(s.reqBuf[:]))
	if s.req.short || writeHeader+count > size {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	fd, e := s.fileFD(f.node, hostfs.Write)
	if e != hostfs.OK {
		return e
	}
	s.forget(f.node)
	atEnd := off&writeAtEnd != 0
	off &^= writeAtEnd
	if atEnd || f.append {
		// Where the guest believes the end to be it may no longer be: the host
		// writes too.
		if e = s.fs.Stat(fd, &s.st); e != hostfs.OK {
			return e
		}
		if atEnd && off != uint64(s.st.Size) {
			return hostfs.EAGAIN
		}
		off = uint64(s.st.Size)
	}
	if off > math.MaxInt64-count {
		return hostfs.EFBIG
	}
	done, e := s.transfer(s.out, writeHeader, int(count), true, func(bufs [][]byte, at int) (int, hostfs.Errno) {
		return s.fs.WriteAt(fd, bufs, int64(off)+int64(at))
	})
	if e == hostfs.OK && done == 0 && count > 0 {
		e = hostfs.EIO // Linux would ask again for ever
	}
	if e != hostfs.OK {
		return e
	}
	s.w.u32(uint32(done))
	return hostfs.OK
}

// transfer moves n bytes between the host and the buffers, from their byte skip
// on, until all are moved, or the host moves none. What was moved before an
// error counts.
//
// A guest's buffer is often a hundred pages that do not lie together. Most
// engines take one piece for each call that costs more than copying it, so
// small pieces go by a buffer that joins them.
func (s *Server) transfer(bufs [][]byte, skip, n int, writing bool, move func(bufs [][]byte, at int) (int, hostfs.Errno)) (done int, e hostfs.Errno) {
	for done < n {
		s.bufs = cut(s.bufs[:0], bufs, skip+done, n-done)
		pieces, size := small(s.bufs)
		if pieces < 2 {
			pieces, size = 1, len(s.bufs[0])
		}
		some, joined := s.bufs[:pieces], s.bufs[:1]
		if pieces > 1 {
			if s.bounce == nil {
				s.bounce = make([]byte, bounceSize)
			}
			if writing {
				gather(s.bounce[:size], some)
			}
			s.joined[0] = s.bounce[:size]
			joined = s.joined[:]
		}
		k, e := move(joined, done)
		if e != hostfs.OK {
			if done > 0 {
				break
			}
			return 0, e
		}
		if k <= 0 {
			break
		}
		k = min(k, size)
		if pieces > 1 && !writing {
			scatter(some, s.bounce[:k])
		}
		done += k
	}
	return done, hostfs.OK
}

const (
	bounceSize = 256 << 10
	smallPiece = 32 << 10
)

// small counts the small pieces that bufs begin with, as many as fit the bounce
// buffer, and their bytes.
func small(bufs [][]byte) (pieces, size int) {
	for _, b := range bufs {
		if len(b) >= smallPiece || size+len(b) > bounceSize {
			break
		}
		pieces++
		size += len(b)
	}
	return pieces, size
}

func (s *Server) fsync() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	dataOnly := len(s.req.b) >= 4 && s.req.u32() != 0 // older clients do not say
	switch {
	case e != hostfs.OK:
		return e
	case !f.open:
		return hostfs.EBADF
	}
	n := f.node
	if n.mount == nil || n.mount.readOnly {
		return hostfs.OK
	}
	var fd hostfs.FD
	if n.typ != hostfs.Directory {
		fd, e = s.fileFD(n, f.rights)
	} else if n.gone {
		return hostfs.OK
	} else {
		fd, e = s.dirFD(n)
	}
	if e != hostfs.OK {
		return e
	}
	e = s.fs.Sync(fd, dataOnly)
	if n.typ == hostfs.Directory && (e == hostfs.EINVAL || e == hostfs.EBADF || e == hostfs.EACCES || e == hostfs.EPERM || e == hostfs.EISDIR || e == hostfs.EOPNOTSUPP) {
		e = hostfs.OK // many hosts sync no directories
	}
	return e
}
