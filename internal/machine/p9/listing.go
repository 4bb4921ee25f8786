package p9

import (
	"encoding/binary"
	"math"
	"sort"
	"strconv"
	"unicode/utf8"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// listing is a directory as it was when an open fid began to read it: entries
// do not move while they are listed, whatever is made or removed meanwhile. Of
// a directory beyond maxListing it is a window, read again as the reader moves.
type listing struct {
	fid        *fid
	prev, next *listing // most recently used first
	dev        uint64   // of the directory

	chunks [][]byte // records: inode number u64, type u8, length u8, name
	first  []int    // index of each chunk's first record
	base   int      // index of the first record of all
	count  int      // records
	bytes  int

	// Where the host goes on, unless end: at cookie of an open directory that
	// is still the same.
	end    bool
	cookie uint64
	opened uint64

	at, chunk, pos int // record at lies at pos in chunk, or is the next to come
}

const (
	recordFixed = 10
	firstChunk  = 1 << 10 // most directories are small
	chunkSize   = 32 << 10
)

// list is f's listing, with record i as the present one; nil if there is none.
func (s *Server) list(f *fid, i uint64) (*listing, hostfs.Errno) {
	if i >= math.MaxInt32 {
		return nil, hostfs.OK
	}
	at, l := int(i), f.listing
	if l != nil && at == l.at && at < l.base+l.count {
		return l, hostfs.OK
	}
	if l == nil {
		l = &listing{fid: f}
		f.listing = l
		s.listings.add(l)
		if e := s.fill(l, 0); e != hostfs.OK {
			return nil, e
		}
	} else {
		s.listings.touch(l)
	}
	if at < l.base {
		if e := s.fill(l, 0); e != hostfs.OK {
			return nil, e
		}
	}
	for at >= l.base+l.count {
		if l.end {
			return nil, hostfs.OK
		}
		if e := s.fill(l, l.base+l.count); e != hostfs.OK {
			return nil, e
		}
	}
	l.seek(at)
	return l, hostfs.OK
}

// fill reads the window that begins at record base.
func (s *Server) fill(l *listing, base int) hostfs.Errno {
	n := l.fid.node
	s.listings.bytes -= l.bytes
	goOn := l.count > 0 && base == l.base+l.count
	l.chunks, l.first, l.base, l.count, l.bytes = nil, nil, base, 0, 0
	l.at, l.chunk, l.pos = base, 0, 0
	l.end = true
	if n == s.root {
		for i, m := range s.mounts {
			l.add(m.root.path, hostfs.Directory, strconv.AppendInt(nil, int64(i), 10))
		}
		l.dev = s.dev0
		s.listings.bytes += l.bytes
		return hostfs.OK
	}
	fd, e := s.dirFD(n)
	if e == hostfs.OK {
		e = s.fs.Stat(fd, &s.st)
	}
	if e != hostfs.OK {
		return e
	}
	l.dev = s.st.Dev
	opened := uint64(0)
	if n.handle != nil {
		opened = n.handle.id
	}
	skip := 0
	if !goOn || opened != l.opened {
		l.cookie, skip = 0, base
	}
	l.opened = opened
	e = s.fs.ReadDir(fd, l.cookie, func(next, ino uint64, t hostfs.Type, name []byte) bool {
		switch {
		case len(name) == 0 || len(name) > hostfs.MaxName || !utf8.Valid(name):
		case skip > 0:
			skip--
		case l.bytes >= maxListing:
			l.end = false
			return false
		default:
			l.add(ino, t, name)
		}
		l.cookie = next
		return true
	})
	s.listings.bytes += l.bytes
	s.listings.trim()
	return e
}

func (l *listing) add(ino uint64, t hostfs.Type, name []byte) {
	k := len(l.chunks) - 1
	if k < 0 || len(l.chunks[k])+recordFixed+len(name) > cap(l.chunks[k]) {
		size := chunkSize
		if k < 0 {
			size = firstChunk
		}
		l.chunks = append(l.chunks, make([]byte, 0, size))
		l.first = append(l.first, l.base+l.count)
		l.bytes += size
		k++
	}
	if int(t) >= len(kinds) {
		t = hostfs.Unknown
	}
	c := binary.LittleEndian.AppendUint64(l.chunks[k], ino)
	c = append(c, byte(t), byte(len(name)))
	l.chunks[k] = append(c, name...)
	l.count++
}

// seek makes record i, which is in the window, the present one.
func (l *listing) seek(i int) {
	if i == l.at {
		return
	}
	l.chunk = sort.SearchInts(l.first, i+1) - 1
	l.at, l.pos = l.first[l.chunk], 0
	for l.at < i {
		l.step()
	}
}

// record is the present one.
func (l *listing) record() (ino uint64, t hostfs.Type, name []byte) {
	c := l.chunks[l.chunk][l.pos:]
	return binary.LittleEndian.Uint64(c), hostfs.Type(c[8]), c[recordFixed:][:c[9]]
}

// step goes to the next record.
func (l *listing) step() {
	l.pos += recordFixed + int(l.chunks[l.chunk][l.pos+9])
	l.at++
	if l.pos == len(l.chunks[l.chunk]) && l.chunk+1 < len(l.chunks) {
		l.chunk, l.pos = l.chunk+1, 0
	}
}

// listingList is all listings.
type listingList struct {
	head  listing
	bytes int
}

func (ls *listingList) init() { ls.head.prev, ls.head.next = &ls.head, &ls.head }

func (ls *listingList) add(l *listing) {
	l.prev, l.next = &ls.head, ls.head.next
	l.prev.next, l.next.prev = l, l
	ls.bytes += l.bytes
}

func (ls *listingList) remove(l *listing) {
	l.prev.next, l.next.prev = l.next, l.prev
	ls.bytes -= l.bytes
}

func (ls *listingList) touch(l *listing) {
	if ls.head.next != l {
		ls.remove(l)
		ls.add(l)
	}
}

// trim drops what was not read for longest until the rest is within bounds, but
// never the one in use.
func (ls *listingList) trim() {
	for ls.bytes > maxListings && ls.head.prev != ls.head.next {
		l := ls.head.prev
		ls.remove(l)
		l.fid.listing = nil
	}
}
