package wasi

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// A listing is a directory, or the part of it behind a cookie, as it was when it
// was read. Engines number the entries anew at each call: who removes what it
// has read, and reads on from a number, misses some. So a reader goes through
// one listing from its beginning to its end. It also spares engines that go
// through the whole directory for each call.
type listing struct {
	dir   hostfs.FD
	buf   []byte // of preview 1's dirents, whole ones only
	start uint64 // the cookie before the first
	last  uint64 // the cookie behind the last
	end   bool   // the directory ends behind the last
	pos   int    // of the entry that comes next
	next  uint64 // the cookie before it
}

// listings are those in use, the latest used first.
type listings []*listing

const (
	direntSize = 24
	// smallListing serves nearly all directories (some 6,000 entries) with one
	// call of the engine; largeListing (200,000 entries) bounds how much of one
	// is kept.
	smallListing = 256 << 10
	largeListing = 8 << 20
	// maxListings bounds how many are kept, and listingBytes what all of them
	// take: the machine has some 48 MiB for everything.
	maxListings  = 64
	listingBytes = 12 << 20
)

// take returns dir's listing, put at the front, or nil.
func (l *listings) take(dir hostfs.FD) *listing {
	for i, x := range *l {
		if x.dir == dir {
			copy((*l)[1:i+1], (*l)[:i])
			(*l)[0] = x
			return x
		}
	}
	return nil
}

func (l *listings) add(x *listing) {
	*l = append(listings{x}, *l...)
}

func (l *listings) drop(dir hostfs.FD) {
	if l.take(dir) != nil {
		copy(*l, (*l)[1:])
		(*l)[len(*l)-1] = nil
		*l = (*l)[:len(*l)-1]
	}
}

// shrink drops the longest unused until the bounds hold; never the first.
func (l *listings) shrink() {
	total := 0
	for i, x := range *l {
		total += cap(x.buf)
		if i > 0 && (i >= maxListings || total > listingBytes) {
			clear((*l)[i:])
			*l = (*l)[:i]
			return
		}
	}
}

// ReadDir implements [hostfs.FS].
func (f *files) ReadDir(dir hostfs.FD, cookie uint64, entry func(next, ino uint64, t hostfs.Type, name []byte) bool) hostfs.Errno {
	if e := f.enterDir(dir); e != hostfs.OK {
		return e
	}
	l := f.listings.take(dir)
	if l == nil {
		l = &listing{dir: dir}
		f.listings.add(l)
		if e := f.fill(l, cookie); e != hostfs.OK {
			f.listings.drop(dir)
			return e
		}
	} else if cookie == 0 || !l.seek(cookie) {
		if e := f.fill(l, cookie); e != hostfs.OK {
			f.listings.drop(dir)
			return e
		}
	}
	for {
		for l.pos < len(l.buf) {
			d := dirent(l.buf[l.pos:])
			if name := d.name(); validName(name) && !entry(d.next(), d.ino(), fileType(d.filetype()), name) {
				return hostfs.OK
			}
			l.pos += d.size()
			l.next = d.next()
		}
		if l.end {
			f.listings.drop(dir)
			return hostfs.OK
		}
		if e := f.fill(l, l.last); e != hostfs.OK {
			f.listings.drop(dir)
			return e
		}
	}
}

// validName leaves out "." and "..", and what could not be handed back.
func validName(name []byte) bool {
	return checkName(string(name)) == hostfs.OK
}

// dirent is preview 1's: cookie of the next entry, inode, length of the name,
// type, padding, name.
type dirent []byte

func (d dirent) next() uint64    { return binary.LittleEndian.Uint64(d) }
func (d dirent) ino() uint64     { return binary.LittleEndian.Uint64(d[8:]) }
func (d dirent) nameLen() uint32 { return binary.LittleEndian.Uint32(d[16:]) }
func (d dirent) filetype() uint8 { return d[20] }
func (d dirent) size() int       { return direntSize + int(d.nameLen()) }
func (d dirent) name() []byte    { return d[direntSize:d.size()] }

// whole reports whether d begins with all of an entry.
func (d dirent) whole() bool {
	return len(d) >= direntSize && uint64(d.nameLen()) <= uint64(len(d)-direntSize)
}

// seek sets the position to the entry behind cookie, if it is there.
func (l *listing) seek(cookie uint64) bool {
	if cookie == l.next {
		return true
	}
	// Mostly the caller took the one that was offered last.
	if l.pos < len(l.buf) {
		if d := dirent(l.buf[l.pos:]); d.next() == cookie {
			l.pos += d.size()
			l.next = cookie
			return true
		}
	}
	if cookie == l.start {
		l.pos, l.next = 0, cookie
		return true
	}
	for pos := 0; pos < len(l.buf); {
		d := dirent(l.buf[pos:])
		pos += d.size()
		if d.next() == cookie {
			l.pos, l.next = pos, cookie
			return true
		}
	}
	return false
}

// fill reads the directory from cookie on: all of it if largeListing holds it.
func (f *files) fill(l *listing, cookie uint64) hostfs.Errno {
	for range ioRetries {
		errno := f.fillOnce(l, cookie)
		switch errno {
		case errnoSuccess:
			f.listings.shrink()
			return hostfs.OK
		case errnoNoent:
			// An entry vanished while the engine looked at it, or the engine
			// does not go back to this cookie: then skip to it.
			if cookie != 0 && f.fillOnce(l, 0) == errnoSuccess && l.seek(cookie) {
				f.listings.shrink()
				return hostfs.OK
			}
		default:
			return errno.Linux()
		}
	}
	return hostfs.EIO
}

func (f *files) fillOnce(l *listing, cookie uint64) Errno {
	if f.scratch == nil {
		f.scratch = make([]byte, smallListing)
	}
	buf := f.scratch
	// An engine may take as long for a part of the directory as for the whole.
	// The size that hosts tell of a directory hints at what it will take.
	if f.sys.filestat(uint32(l.dir), &f.st2) == errnoSuccess && f.st2.size > smallListing/4 {
		buf = make([]byte, largeListing)
	}
	n, errno := f.sys.readdir(uint32(l.dir), buf, cookie)
	if errno == errnoSuccess && n == smallListing {
		buf = make([]byte, largeListing)
		n, errno = f.sys.readdir(uint32(l.dir), buf, cookie)
	}
	if errno != errnoSuccess {
		return errno
	}
	end := n < len(buf)
	// The last entry may be cut off.
	used, last := 0, cookie
	for dirent(buf[used:n]).whole() {
		d := dirent(buf[used:n])
		used += d.size()
		last = d.next()
	}
	if !end && used == 0 {
		return errnoIO // a name longer than the buffer, or nonsense
	}
	kept := buf[:used]
	if len(buf) == smallListing {
		kept = append(l.buf[:0], kept...) // the scratch is used again
	}
	*l = listing{dir: l.dir, buf: kept, start: cookie, last: last, end: end, next: cookie}
	return errnoSuccess
}
