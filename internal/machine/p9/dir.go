package p9

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// dots is how many entries come before those of the host: "." and "..". An
// entry's offset is the number of entries up to it and with it.
const dots = 2

func (s *Server) readdir() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	off, count := s.req.u64(), uint64(s.req.u32())
	switch {
	case s.req.short:
		return hostfs.EINVAL
	case e != hostfs.OK:
		return e
	case !f.open:
		return hostfs.EBADF
	case f.node.typ != hostfs.Directory:
		return hostfs.ENOTDIR
	case f.node.gone:
		return hostfs.ENOENT // as Linux says of a removed directory
	}
	room := min(total(s.in), uint64(s.msize), maxReply)
	if room < readdirHeader {
		return hostfs.EINVAL
	}
	end := readdirHeader + int(min(count, room-readdirHeader)) // of the reply
	if off == 0 && f.listing != nil {
		s.listings.remove(f.listing) // rewound: look again
		f.listing = nil
	}
	s.w.u32(0)
	full := false
	for ; off < dots && !full; off++ {
		n, name := f.node, dotdot
		if off == 0 {
			name = name[:1]
		} else if n.parent != nil {
			n = n.parent
		}
		full = !s.dirent(end, hostfs.Directory, n.path, off+1, name)
	}
	for !full {
		l, e := s.list(f, off-dots)
		if e != hostfs.OK {
			return e
		}
		if l == nil {
			break
		}
		ino, typ, name := l.record()
		if ino == 0 {
			ino = s.guess(f.node, name)
		} else {
			ino = s.pathOf(l.dev, ino)
		}
		if full = !s.dirent(end, typ, ino, off+1, name); !full {
			l.step()
			off++
		}
	}
	if full && len(s.w) == readdirHeader {
		return hostfs.EINVAL // not even one entry fits
	}
	binary.LittleEndian.PutUint32(s.w[headerLen:], uint32(len(s.w)-readdirHeader))
	return hostfs.OK
}

var dotdot = []byte("..")

// dirent adds an entry to a reply of at most end bytes, if it fits.
func (s *Server) dirent(end int, typ hostfs.Type, path, off uint64, name []byte) bool {
	if len(s.w)+direntFixed+len(name) > end {
		return false
	}
	k := &kinds[typ]
	s.w.qid(k.qid, 1, path)
	s.w.u64(off)
	s.w.u8(k.dtype)
	s.w.str(name)
	return true
}

// guess is an inode number for a name in dir whose host tells none: that of its
// node, or one that nobody compares it with yet.
func (s *Server) guess(dir *node, name []byte) uint64 {
	if n := s.names[nameKey{dir, string(name)}]; n != nil {
		return n.path
	}
	h := dir.path
	for _, c := range name {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h | 1<<63
}
