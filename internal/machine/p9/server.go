// Package p9 serves the host's files to the guest in 9P2000.L, the protocol of
// Linux's v9fs: https://github.com/chaos/diod/blob/master/protocol.md describes
// the messages.
//
// Its root is a directory with an entry for each directory handed over, named
// by its number: 0, 1, … What hosts do not have, the server keeps for as long as
// it lives: modes (setuid bits too) and owners of files, by inode, locks, and
// times that a host cannot set or cuts (times.go).
// A file whose mode nobody set has mode 0755, whether directory or not: hosts
// such as WASI do not tell what may be executed, and scripts in a mounted
// directory must run. The guest's kernel checks permissions, not the server;
// what the server enforces is which files exist for the guest at all, and which
// directories are read-only. Devices, FIFOs and sockets cannot be made (EPERM);
// those that the host has are shown. There are no extended attributes.
//
// The guest is hostile: a request holds anything. Names are single components
// that are looked up one by one and never through a symbolic link, and all that
// a guest can make the server keep has a limit (limits.go).
//
// It must not know how messages travel, nor how the host's files are reached.
// It is not safe for concurrent use.
package p9

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// Mount is a directory that the guest sees.
type Mount struct {
	Dir      hostfs.FD // stays open as long as the server lives
	ReadOnly bool
}

// Config is what a server is made of.
type Config struct {
	FS     hostfs.FS
	Mounts []Mount // entry i of the root is named i
	// UID and GID own every file whose owner nobody set.
	UID, GID uint32
	// Now is a clock that never goes back, in nanoseconds; nil is the process's.
	Now func() int64
}

// Server answers requests. Make it with New.
type Server struct {
	fs     hostfs.FS
	cfg    Config
	root   *node
	mounts []*mount

	msize uint32
	fids  map[uint32]*fid
	spare *fid // unused ones, for the next

	names map[nameKey]*node
	nodes int
	// nameBytes is how much the nodes' names take.
	nameBytes int
	idle      nodeList
	handles   handleList
	maxOpen   int
	chain     []*node // scratch of dirFD

	meta     map[uint64]meta      // by qid path
	kept     map[uint64]keptTimes // by qid path
	dev0     uint64               // device of the first file seen
	haveDev  bool
	assigned uint64 // qid paths given to files without an inode number

	seq     uint64 // requests so far
	recents [1 << recentBits]recent

	locks    []lock
	clients  []string
	listings listingList

	// Of the request at work.
	req     request
	w       reply
	out, in [][]byte
	data    int // bytes of the reply that are in place behind w
	bufs    [][]byte
	bounce  []byte
	joined  [1][]byte
	probe   [2]byte
	st      hostfs.Stat
	times   hostfs.Times
	reqBuf  [maxRequest]byte
	wBuf    [maxReply]byte
}

// New makes a server.
func New(cfg Config) *Server {
	s := &Server{fs: cfg.FS, cfg: cfg, fids: map[uint32]*fid{}, names: map[nameKey]*node{}, meta: map[uint64]meta{}, kept: map[uint64]keptTimes{}, maxOpen: maxHandles}
	if cfg.Now == nil {
		begin := time.Now()
		s.cfg.Now = func() int64 { return int64(time.Since(begin)) }
	}
	s.idle.init()
	s.handles.init()
	s.listings.init()
	s.root = &node{typ: hostfs.Directory, path: s.assign(), version: 1, refs: 1}
	for _, m := range cfg.Mounts {
		mt := &mount{dir: m.Dir, readOnly: m.ReadOnly}
		mt.root = &node{parent: s.root, typ: hostfs.Directory, mount: mt, version: 1, refs: 1}
		if e := s.fs.Stat(m.Dir, &s.st); e == hostfs.OK {
			s.identify(mt.root, &s.st)
		} else {
			mt.root.path = s.assign()
		}
		s.mounts = append(s.mounts, mt)
	}
	s.Reset()
	return s
}

// Reset forgets the session: fids, open files, locks. Modes and owners stay.
func (s *Server) Reset() {
	for id, f := range s.fids {
		s.drop(id, f)
	}
	s.msize = MaxMessage
	clear(s.recents[:])
	for s.idle.count > 0 {
		s.free(s.idle.oldest())
	}
}

// Serve carries out the request that out holds, and writes the reply to in. It
// returns the reply's length, 0 if in has no room for even an error; false if
// out is no message.
func (s *Server) Serve(out, in [][]byte) (written int, ok bool) {
	n := gather(s.reqBuf[:], out)
	if n < headerLen {
		return 0, false
	}
	size, typ := binary.LittleEndian.Uint32(s.reqBuf[:]), s.reqBuf[offType]
	s.out, s.in, s.data = out, in, 0
	s.w = s.wBuf[:headerLen]
	s.seq++
	var e hostfs.Errno
	switch {
	case size < headerLen || uint64(size) > total(out) || size > s.msize:
		e = hostfs.EINVAL
	case int(size) > maxRequest && typ != tWrite:
		e = hostfs.ENAMETOOLONG // only names and link targets are that long
	default:
		s.req = request{b: s.reqBuf[headerLen:min(int(size), n)]}
		e = s.dispatch(typ)
	}
	room := total(in)
	if e == hostfs.OK && uint64(len(s.w)+s.data) > room {
		e = hostfs.EINVAL
	}
	s.w[offType] = typ + 1
	if e != hostfs.OK {
		s.w, s.data = s.wBuf[:headerLen], 0
		s.w[offType] = rLerror
		s.w.u32(uint32(e))
	}
	s.out, s.in = nil, nil
	clear(s.bufs)
	if room < uint64(len(s.w)) {
		return 0, true
	}
	written = len(s.w) + s.data
	binary.LittleEndian.PutUint32(s.w, uint32(written))
	copy(s.w[offTag:], s.reqBuf[offTag:headerLen])
	scatter(in, s.w)
	return written, true
}

func (s *Server) dispatch(typ uint8) hostfs.Errno {
	switch typ {
	case tRead:
		return s.read()
	case tWrite:
		return s.write()
	case tWalk:
		return s.walk()
	case tGetattr:
		return s.getattr()
	case tClunk:
		return s.clunk()
	case tLopen:
		return s.lopen()
	case tLcreate:
		return s.lcreate()
	case tReaddir:
		return s.readdir()
	case tSetattr:
		return s.setattr()
	case tUnlinkat:
		return s.unlinkat()
	case tMkdir:
		return s.mkdir()
	case tRenameat:
		return s.renameat()
	case tRename:
		return s.rename()
	case tSymlink:
		return s.symlink()
	case tReadlink:
		return s.readlink()
	case tLink:
		return s.link()
	case tMknod:
		return s.mknod()
	case tRemove:
		return s.remove()
	case tFsync:
		return s.fsync()
	case tLock:
		return s.lock()
	case tGetlock:
		return s.getlock()
	case tStatfs:
		return s.statfs()
	case tVersion:
		return s.version()
	case tAttach:
		return s.attach()
	case tFlush:
		return hostfs.OK // requests are carried out at once: none is left to flush
	}
	return hostfs.EOPNOTSUPP // tAuth, tXattrwalk, tXattrcreate and what is not of 9P2000.L
}

var versionName = []byte("9P2000.L")

func (s *Server) version() hostfs.Errno {
	msize, name := s.req.u32(), s.req.str()
	if s.req.short || msize < minMessage {
		return hostfs.EINVAL
	}
	s.Reset()
	s.msize = min(msize, MaxMessage)
	s.w.u32(s.msize)
	if bytes.HasPrefix(name, versionName) {
		s.w.str(versionName)
	} else {
		s.w.str([]byte("unknown"))
	}
	return hostfs.OK
}

// statfs tells of room that nobody has measured: hosts do not tell, and a
// program that looks for room before it writes is to try.
func (s *Server) statfs() hostfs.Errno {
	if _, e := s.fid(s.req.u32()); e != hostfs.OK {
		return e
	}
	const magic, blocks, files = 0x01021997, 1 << 40 / blockSize, 1 << 24
	s.w.u32(magic)
	s.w.u32(blockSize)
	for range 3 { // all, free, free for users
		s.w.u64(blocks)
	}
	s.w.u64(files)
	s.w.u64(files)
	s.w.u64(0) // file system's identity
	s.w.u32(hostfs.MaxName)
	return hostfs.OK
}

const blockSize = 4096
