package p9

import (
	"bytes"
	"unicode/utf8"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// mount is a directory that the guest sees.
type mount struct {
	dir      hostfs.FD
	root     *node
	readOnly bool
}

// node is a file that the guest has named. All fids that reached it by the same
// name share it, and those below it know it as their parent: what is renamed
// takes them along.
type node struct {
	parent *node  // nil for the root alone; held by a reference
	name   string // in parent
	mount  *mount // nil for the root
	path   uint64 // qid path: the inode number in the guest

	prev, next *node // in the list of idle nodes, while refs is 0

	handle  *handle
	refs    int32 // fids, nodes below, and whoever works with it
	opens   int32 // open fids
	version uint32
	size    int64 // when it was last looked at, in bytes
	typ     hostfs.Type
	rights  hostfs.OpenFlags // of all open fids of a file
	gone    bool             // the name is removed, or is another file's
	forget  bool             // its modes end with its last open fid
}

type nameKey struct {
	dir  *node
	name string
}

// checkName says whether a guest's name may reach the host.
func checkName(name []byte) hostfs.Errno {
	switch {
	case len(name) > hostfs.MaxName:
		return hostfs.ENAMETOOLONG
	case len(name) == 0, string(name) == ".", string(name) == "..",
		bytes.IndexByte(name, '/') >= 0, bytes.IndexByte(name, 0) >= 0:
		return hostfs.EINVAL
	case !utf8.Valid(name):
		return hostfs.EILSEQ // WASI has no other names
	}
	return hostfs.OK
}

// assign makes up a qid path. Hosts do not come to the two upper bits, or give
// hashes.
func (s *Server) assign() uint64 {
	s.assigned++
	return 3<<62 | s.assigned
}

// pathOf is the qid path of a file with an inode number: that number, on the
// first device.
func (s *Server) pathOf(dev, ino uint64) uint64 {
	if !s.haveDev {
		s.haveDev, s.dev0 = true, dev
	}
	x := (dev ^ s.dev0) * 0x9e3779b97f4a7c15
	return ino ^ x ^ x>>29
}

// identify fills in what n's identity follows from.
func (s *Server) identify(n *node, st *hostfs.Stat) {
	n.typ = st.Type
	if int(n.typ) >= len(kinds) {
		n.typ = hostfs.Unknown
	}
	if st.Ino != 0 {
		n.path = s.pathOf(st.Dev, st.Ino)
	} else {
		n.path = s.assign()
	}
	n.version, n.size = versionOf(st), st.Size
}

// is says whether st describes n.
func (s *Server) is(n *node, st *hostfs.Stat) bool {
	return n.typ == st.Type && (st.Ino == 0 || n.path == s.pathOf(st.Dev, st.Ino))
}

// versionOf is a qid's version: another one when the contents may be others,
// and never 0, which keeps Linux from caching.
func versionOf(st *hostfs.Stat) uint32 {
	m := uint64(st.Mtime)
	return uint32(m) ^ uint32(m>>32) ^ uint32(st.Size<<8) | 1
}

func (s *Server) qid(n *node) { s.w.qid(kinds[n.typ].qid, n.version, n.path) }

func (s *Server) ref(n *node) {
	if n.refs == 0 {
		s.idle.remove(n)
	}
	n.refs++
}

// unref lets go of n. It may be freed at once if it has no name any more.
func (s *Server) unref(n *node) {
	for n != nil {
		if n.refs--; n.refs > 0 {
			return
		}
		if !n.gone {
			s.idle.add(n)
			if s.idle.count > maxIdle {
				s.free(s.idle.oldest())
			}
			return
		}
		n = s.release(n)
	}
}

// free drops an idle node.
func (s *Server) free(n *node) {
	s.idle.remove(n)
	s.unref(s.release(n))
}

// release undoes what makes a node, and returns its parent, which the caller
// lets go of.
func (s *Server) release(n *node) (parent *node) {
	if n.handle != nil {
		s.closeHandle(n.handle)
	}
	if !n.gone {
		delete(s.names, nameKey{n.parent, n.name})
	}
	if r := s.recentOf(n); r.n == n {
		r.n = nil
	}
	s.nodes--
	s.nameBytes -= len(n.name)
	parent, n.parent = n.parent, nil
	return parent
}

// detach takes n's name from it: it is removed, or stands for another file.
func (s *Server) detach(n *node) {
	if n.gone {
		return
	}
	delete(s.names, nameKey{n.parent, n.name})
	n.gone = true
	switch {
	case n.refs == 0:
		s.free(n)
	case n.opens > 0:
		s.keep(n)
	}
}

// add makes the node of name in dir, a new one, which st describes. It is idle;
// dir must not be.
func (s *Server) add(dir *node, name string, st *hostfs.Stat) (*node, hostfs.Errno) {
	for s.nodes >= maxNodes || s.nameBytes+len(name) > maxNames {
		if s.idle.count == 0 {
			return nil, hostfs.ENFILE
		}
		s.free(s.idle.oldest())
	}
	n := &node{parent: dir, name: name, mount: dir.mount}
	s.identify(n, st)
	s.ref(dir)
	s.names[nameKey{dir, name}] = n
	s.nodes++
	s.nameBytes += len(name)
	s.idle.add(n)
	s.remember(n, st)
	return n, hostfs.OK
}

// lookup finds name in dir, and leaves in s.st what the host knows of it. The
// node may be idle: whoever needs it beyond the next lookup takes a reference.
func (s *Server) lookup(dir *node, name []byte) (*node, hostfs.Errno) {
	if dir == s.root {
		return s.mountNamed(name)
	}
	n := s.names[nameKey{dir, string(name)}]
	if n != nil && s.recall(n) {
		return n, hostfs.OK
	}
	s.ref(dir)
	defer s.unref(dir)
	fd, e := s.dirFD(dir)
	if e != hostfs.OK {
		return nil, e
	}
	var key string
	if n != nil {
		key = n.name
	} else {
		key = string(name)
	}
	e = s.fs.StatAt(fd, key, &s.st)
	if n != nil {
		if e == hostfs.OK && s.is(n, &s.st) {
			n.version, n.size = versionOf(&s.st), s.st.Size
			s.remember(n, &s.st)
			return n, hostfs.OK
		}
		if e == hostfs.OK || e == hostfs.ENOENT {
			s.detach(n)
		}
	}
	if e != hostfs.OK {
		return nil, e
	}
	return s.add(dir, key, &s.st)
}

// mountNamed finds an entry of the root.
func (s *Server) mountNamed(name []byte) (*node, hostfs.Errno) {
	i := 0
	for k, c := range name {
		if c < '0' || c > '9' || k == 0 && c == '0' && len(name) > 1 {
			return nil, hostfs.ENOENT
		}
		if i = i*10 + int(c-'0'); i >= len(s.mounts) {
			return nil, hostfs.ENOENT
		}
	}
	return s.mounts[i].root, hostfs.OK
}

// recent is what the host said of a file a moment ago. Linux asks for a file's
// attributes right after it walked to it, and walks to the same directories
// again and again.
type recent struct {
	n  *node
	at int64 // by the clock
	st hostfs.Stat
}

// recentTime is for how long it counts, in nanoseconds: what others change on
// the host is seen that much later.
const recentTime = 20_000_000

// recentOf is where n's inode has its place; others may have the same.
func (s *Server) recentOf(n *node) *recent {
	return &s.recents[n.path*0x9e3779b97f4a7c15>>(64-recentBits)]
}

const recentBits = 8

func (s *Server) remember(n *node, st *hostfs.Stat) {
	*s.recentOf(n) = recent{n, s.cfg.Now(), *st}
}

// recall puts what is known of n into s.st.
func (s *Server) recall(n *node) bool {
	r := s.recentOf(n)
	if r.n != n {
		return false
	}
	if uint64(s.cfg.Now()-r.at) > recentTime {
		r.n = nil
		return false
	}
	s.st = r.st
	return true
}

// forget is called before n is changed on the host, by whatever name.
func (s *Server) forget(n *node) {
	if r := s.recentOf(n); r.n != nil && r.n.path == n.path {
		r.n = nil
	}
}

// stat fills s.st with what the host knows of n.
func (s *Server) stat(n *node) (e hostfs.Errno) {
	switch {
	case n == s.root:
		s.st = hostfs.Stat{Type: hostfs.Directory, Nlink: 2}
		return hostfs.OK
	case s.recall(n):
		return hostfs.OK
	case n == n.mount.root:
		e = s.fs.Stat(n.mount.dir, &s.st)
	case n.handle != nil && n.typ != hostfs.Directory:
		e = s.fs.Stat(n.handle.fd, &s.st)
	case n.gone:
		if n.opens > 0 && n.typ != hostfs.Directory {
			return hostfs.ESTALE
		}
		s.st = hostfs.Stat{Type: n.typ} // a directory without a name, and its like
		return hostfs.OK
	default:
		fd, e := s.dirFD(n.parent)
		if e != hostfs.OK {
			return e
		}
		e = s.fs.StatAt(fd, n.name, &s.st)
		if e == hostfs.ENOENT || e == hostfs.OK && !s.is(n, &s.st) {
			s.detach(n)
			return hostfs.ENOENT
		}
		if e != hostfs.OK {
			return e
		}
	}
	if e == hostfs.OK {
		n.version, n.size = versionOf(&s.st), s.st.Size
		s.remember(n, &s.st)
	}
	return e
}

// nodeList is a list of nodes, the oldest first to go.
type nodeList struct {
	head  node
	count int
}

func (l *nodeList) init()         { l.head.prev, l.head.next = &l.head, &l.head }
func (l *nodeList) oldest() *node { return l.head.prev }

func (l *nodeList) add(n *node) {
	n.prev, n.next = &l.head, l.head.next
	n.prev.next, n.next.prev = n, n
	l.count++
}

func (l *nodeList) remove(n *node) {
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
	l.count--
}
