package p9

import "github.com/c2w/c2w/internal/machine/hostfs"

// untrueMost is the largest size, in bytes, that is looked into: that of the
// largest page, which Linux gives as the size of the files in /sys.
const untrueMost = 64 << 10

// untrue says whether n, which was just opened, holds other than as many bytes
// as the host says: the host makes its contents when they are read, as in /proc,
// where all files have size 0, and in /sys, where they have that of a page. Such
// sizes alone are looked into: others are true as far as anybody has seen, and a
// look is a call of the host's.
func (s *Server) untrue(n *node) bool {
	h := n.handle
	if n.typ != hostfs.Regular || h == nil || h.rights&hostfs.Read == 0 || !dubious(n.size) {
		return false
	}
	if s.stat(n) != hostfs.OK || !dubious(n.size) || !s.differs(h.fd, n.size) {
		return false
	}
	// What was known may be a moment old, and others write.
	size := n.size
	s.forget(n)
	return s.stat(n) == hostfs.OK && n.size == size
}

func dubious(size int64) bool { return size%pageSize == 0 && size <= untrueMost }

// pageSize is that of the smallest pages, in bytes.
const pageSize = 4096

// differs says whether a file's end is elsewhere than at size. What cannot be
// read at all has the size that it says.
func (s *Server) differs(fd hostfs.FD, size int64) bool {
	off, want := size-1, 1
	if size == 0 {
		off, want = 0, 0
	}
	s.joined[0] = s.probe[:want+1]
	n, e := s.fs.ReadAt(fd, s.joined[:], off)
	return e == hostfs.OK && n != want
}
