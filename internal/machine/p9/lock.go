package p9

import (
	"math"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// lock is a range of a file that an owner holds (fcntl(2), record locks).
type lock struct {
	path       uint64 // the file, by qid path
	fid        *fid   // through which it was taken
	start, end uint64 // first and last byte
	typ        uint8  // lockRead or lockWrite
	client     uint8  // index in clients
	proc       uint32 // the owner is proc of client
}

// ask is what Tlock and Tgetlock have in common.
func (s *Server) ask(f *fid, typ uint8) (l lock, e hostfs.Errno) {
	start, length := s.req.u64(), s.req.u64()
	proc, client := s.req.u32(), s.req.str()
	if s.req.short || typ > lockUnlock {
		return l, hostfs.EINVAL
	}
	end := uint64(math.MaxUint64)
	if length > 0 {
		if end = start + length - 1; end < start {
			return l, hostfs.EINVAL
		}
	}
	i := 0
	for i < len(s.clients) && s.clients[i] != string(client) {
		i++
	}
	if i == len(s.clients) {
		if i == maxClients || len(client) > maxClient {
			return l, hostfs.ENOLCK
		}
		s.clients = append(s.clients, string(client))
	}
	return lock{f.node.path, f, start, end, typ, uint8(i), proc}, hostfs.OK
}

func (l *lock) sameOwner(m *lock) bool { return l.proc == m.proc && l.client == m.client }

func (l *lock) overlaps(m *lock) bool {
	return l.path == m.path && l.start <= m.end && m.start <= l.end
}

// conflict finds a lock of another owner that keeps l from being taken.
func (s *Server) conflict(l *lock) *lock {
	for i := range s.locks {
		m := &s.locks[i]
		if m.overlaps(l) && !m.sameOwner(l) && (m.typ == lockWrite || l.typ == lockWrite) {
			return m
		}
	}
	return nil
}

// lock takes or releases a lock. It never waits: a guest that wants to wait
// tries again.
func (s *Server) lock() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	typ := s.req.u8()
	s.req.u32() // flags: whether to wait, whether to reclaim
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	l, e := s.ask(f, typ)
	switch {
	case e != hostfs.OK:
		return e
	case !f.open:
		return hostfs.EBADF
	}
	if typ != lockUnlock && s.conflict(&l) != nil {
		s.w.u8(lockBlocked)
		return hostfs.OK
	}
	if len(s.locks)+2 > maxLocks && typ != lockUnlock { // it may split one
		s.w.u8(lockError)
		return hostfs.OK
	}
	s.unlock(&l)
	if typ != lockUnlock {
		f.locks = true
		s.take(l)
	}
	s.w.u8(lockSuccess)
	return hostfs.OK
}

// unlock takes l's range away from its owner. Locks taken through the same fid
// are let go of whoever took them: a flock(2) may be released by another process
// than took it, and the guest's kernel has decided already that this may be.
func (s *Server) unlock(l *lock) {
	for i := 0; i < len(s.locks); i++ {
		m := &s.locks[i]
		if !m.overlaps(l) || !m.sameOwner(l) && !(m.fid == l.fid && l.typ == lockUnlock) {
			continue
		}
		before, after := m.start < l.start, m.end > l.end
		switch {
		case before && after:
			rest := *m
			m.end, rest.start = l.start-1, l.end+1
			if len(s.locks) < maxLocks {
				s.locks = append(s.locks, rest)
			}
		case before:
			m.end = l.start - 1
		case after:
			m.start = l.end + 1
		default:
			last := len(s.locks) - 1
			*m = s.locks[last]
			s.locks = s.locks[:last]
			i--
		}
	}
}

// take adds l, joined with what its owner holds beside it.
func (s *Server) take(l lock) {
	for i := range s.locks {
		m := &s.locks[i]
		if m.path != l.path || m.fid != l.fid || m.typ != l.typ || !m.sameOwner(&l) {
			continue
		}
		if l.start > 0 && m.end == l.start-1 {
			m.end = l.end
			return
		}
		if m.start > 0 && m.start-1 == l.end {
			m.start = l.start
			return
		}
	}
	s.locks = append(s.locks, l)
}

// unlockFid drops what was taken through f.
func (s *Server) unlockFid(f *fid) {
	kept := s.locks[:0]
	for _, l := range s.locks {
		if l.fid != f {
			kept = append(kept, l)
		}
	}
	clear(s.locks[len(kept):])
	s.locks = kept
}

func (s *Server) getlock() hostfs.Errno {
	f, e := s.fid(s.req.u32())
	typ := s.req.u8()
	if s.req.short {
		return hostfs.EINVAL
	}
	if e != hostfs.OK {
		return e
	}
	l, e := s.ask(f, typ)
	if e != hostfs.OK {
		return e
	}
	var m *lock
	if typ != lockUnlock {
		m = s.conflict(&l)
	}
	if m == nil {
		m, l.typ = &l, lockUnlock
	}
	length := uint64(0)
	if m.end != math.MaxUint64 {
		length = m.end - m.start + 1
	}
	s.w.u8(m.typ)
	s.w.u64(m.start)
	s.w.u64(length)
	s.w.u32(m.proc)
	s.w.u16(uint16(len(s.clients[m.client])))
	s.w = append(s.w, s.clients[m.client]...)
	return hostfs.OK
}
