// Package p9client is a small client of 9P2000.L for tests: one method for each
// message, in the order of the message's fields.
//
// It must not know the server: it writes the protocol down a second time, from
// the client's side.
package p9client

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

var le = binary.LittleEndian

// Client speaks to a server by Do, which carries out one request and returns
// the reply: header included, nil for none.
type Client struct {
	Do  func(request []byte) (reply []byte)
	Tag uint16
	buf []byte
}

// Errors of the client's own.
const (
	// BadReply: a reply that breaks the protocol.
	BadReply hostfs.Errno = 1000
)

// Qid identifies a file.
type Qid struct {
	Type    uint8
	Version uint32
	Path    uint64
}

// Attr is what Getattr returns.
type Attr struct {
	Valid                   uint64
	Qid                     Qid
	Mode, UID, GID          uint32
	Nlink, Rdev, Size       uint64
	BlockSize, Blocks       uint64
	Atime, Mtime, Ctime     int64 // nanoseconds since 1970
	BtimeSec, BtimeNsec     uint64
	Generation, DataVersion uint64
}

// SetAttr is what Setattr sets; Valid says what of it.
type SetAttr struct {
	Valid, Mode, UID, GID uint32
	Size                  uint64
	Atime, Mtime          int64
}

// Dirent is an entry of a directory.
type Dirent struct {
	Qid    Qid
	Offset uint64
	Type   uint8
	Name   string
}

// Lock is what Lock and Getlock are about.
type Lock struct {
	Type          uint8
	Start, Length uint64
	Proc          uint32
	Client        string
}

// Message builds a request: integers by their size, strings with their length,
// byte slices as they are.
func (c *Client) Message(typ uint8, fields ...any) []byte {
	b := append(c.buf[:0], 0, 0, 0, 0, typ)
	c.Tag++
	b = le.AppendUint16(b, c.Tag)
	for _, f := range fields {
		switch f := f.(type) {
		case uint8:
			b = append(b, f)
		case uint16:
			b = le.AppendUint16(b, f)
		case uint32:
			b = le.AppendUint32(b, f)
		case uint64:
			b = le.AppendUint64(b, f)
		case string:
			b = append(le.AppendUint16(b, uint16(len(f))), f...)
		case []byte:
			b = append(b, f...)
		default:
			panic("BUG: p9client: type of a field")
		}
	}
	le.PutUint32(b, uint32(len(b)))
	c.buf = b
	return b
}

// Call sends a request and returns the body of its reply.
func (c *Client) Call(typ uint8, fields ...any) ([]byte, hostfs.Errno) {
	return c.Send(c.Message(typ, fields...))
}

// Send is Call of a message that is built already.
func (c *Client) Send(m []byte) ([]byte, hostfs.Errno) {
	r := c.Do(m)
	if len(r) < 7 || le.Uint32(r) != uint32(len(r)) || le.Uint16(r[5:]) != le.Uint16(m[5:]) {
		return nil, BadReply
	}
	switch body := r[7:]; {
	case r[4] == m[4]+1:
		return body, hostfs.OK
	case r[4] == 7 && len(body) == 4 && le.Uint32(body) != 0:
		return nil, hostfs.Errno(le.Uint32(body))
	}
	return nil, BadReply
}

func qid(b []byte) Qid { return Qid{b[0], le.Uint32(b[1:]), le.Uint64(b[5:])} }

// Version begins a session and returns the server's answers.
func (c *Client) Version(msize uint32, version string) (uint32, string, hostfs.Errno) {
	b, e := c.Call(100, msize, version)
	if e != hostfs.OK {
		return 0, "", e
	}
	return le.Uint32(b), string(b[6:]), hostfs.OK
}

func (c *Client) Attach(fid, uid uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(104, fid, uint32(1<<32-1), "", "", uid)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

// Walk returns as many qids as there were names on the way.
func (c *Client) Walk(fid, newFid uint32, names ...string) ([]Qid, hostfs.Errno) {
	fields := []any{fid, newFid, uint16(len(names))}
	for _, n := range names {
		fields = append(fields, n)
	}
	b, e := c.Call(110, fields...)
	if e != hostfs.OK {
		return nil, e
	}
	qids := make([]Qid, le.Uint16(b))
	for i := range qids {
		qids[i] = qid(b[2+13*i:])
	}
	return qids, hostfs.OK
}

func (c *Client) Clunk(fid uint32) hostfs.Errno {
	_, e := c.Call(120, fid)
	return e
}

func (c *Client) Remove(fid uint32) hostfs.Errno {
	_, e := c.Call(122, fid)
	return e
}

func (c *Client) Getattr(fid uint32) (a Attr, e hostfs.Errno) {
	b, e := c.Call(24, fid, uint64(0x3fff))
	if e != hostfs.OK {
		return a, e
	}
	u := func(i int) uint64 { return le.Uint64(b[33+8*i:]) }
	t := func(i int) int64 { return int64(u(i))*1e9 + int64(u(i+1)) }
	return Attr{
		Valid: le.Uint64(b), Qid: qid(b[8:]), Mode: le.Uint32(b[21:]), UID: le.Uint32(b[25:]), GID: le.Uint32(b[29:]),
		Nlink: u(0), Rdev: u(1), Size: u(2), BlockSize: u(3), Blocks: u(4),
		Atime: t(5), Mtime: t(7), Ctime: t(9), BtimeSec: u(11), BtimeNsec: u(12), Generation: u(13), DataVersion: u(14),
	}, hostfs.OK
}

func (c *Client) Setattr(fid uint32, a SetAttr) hostfs.Errno {
	asec, ansec := seconds(a.Atime)
	msec, mnsec := seconds(a.Mtime)
	_, e := c.Call(26, fid, a.Valid, a.Mode, a.UID, a.GID, a.Size, asec, ansec, msec, mnsec)
	return e
}

// seconds parts nanoseconds as Linux does: the second part is not negative.
func seconds(ns int64) (sec, nsec uint64) {
	s, n := ns/1e9, ns%1e9
	if n < 0 {
		s, n = s-1, n+1e9
	}
	return uint64(s), uint64(n)
}

func (c *Client) Lopen(fid, flags uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(12, fid, flags)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

func (c *Client) Lcreate(fid uint32, name string, flags, mode, gid uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(14, fid, name, flags, mode, gid)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

func (c *Client) Mkdir(fid uint32, name string, mode, gid uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(72, fid, name, mode, gid)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

func (c *Client) Symlink(fid uint32, name, target string, gid uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(16, fid, name, target, gid)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

func (c *Client) Mknod(fid uint32, name string, mode, major, minor, gid uint32) (Qid, hostfs.Errno) {
	b, e := c.Call(18, fid, name, mode, major, minor, gid)
	if e != hostfs.OK {
		return Qid{}, e
	}
	return qid(b), hostfs.OK
}

func (c *Client) Readlink(fid uint32) (string, hostfs.Errno) {
	b, e := c.Call(22, fid)
	if e != hostfs.OK {
		return "", e
	}
	return string(b[2:]), hostfs.OK
}

func (c *Client) Link(dir, fid uint32, name string) hostfs.Errno {
	_, e := c.Call(70, dir, fid, name)
	return e
}

func (c *Client) Rename(fid, dir uint32, name string) hostfs.Errno {
	_, e := c.Call(20, fid, dir, name)
	return e
}

func (c *Client) Renameat(dir uint32, name string, newDir uint32, newName string) hostfs.Errno {
	_, e := c.Call(74, dir, name, newDir, newName)
	return e
}

// Unlinkat removes a directory if flags is 0x200.
func (c *Client) Unlinkat(dir uint32, name string, flags uint32) hostfs.Errno {
	_, e := c.Call(76, dir, name, flags)
	return e
}

func (c *Client) Read(fid uint32, off uint64, count uint32) ([]byte, hostfs.Errno) {
	b, e := c.Call(116, fid, off, count)
	if e != hostfs.OK {
		return nil, e
	}
	if int(le.Uint32(b)) != len(b)-4 || len(b)-4 > int(count) {
		return nil, BadReply
	}
	return b[4:], hostfs.OK
}

func (c *Client) Write(fid uint32, off uint64, data []byte) (int, hostfs.Errno) {
	b, e := c.Call(118, fid, off, uint32(len(data)), data)
	if e != hostfs.OK {
		return 0, e
	}
	return int(le.Uint32(b)), hostfs.OK
}

// Readdir is one request for entries.
func (c *Client) Readdir(fid uint32, off uint64, count uint32) (ents []Dirent, e hostfs.Errno) {
	b, e := c.Call(40, fid, off, count)
	if e != hostfs.OK {
		return nil, e
	}
	if int(le.Uint32(b)) != len(b)-4 || len(b)-4 > int(count) {
		return nil, BadReply
	}
	for b = b[4:]; len(b) > 0; {
		n := int(le.Uint16(b[22:]))
		ents = append(ents, Dirent{qid(b), le.Uint64(b[13:]), b[21], string(b[24 : 24+n])})
		b = b[24+n:]
	}
	return ents, hostfs.OK
}

// List is a whole directory.
func (c *Client) List(fid, count uint32) (all []Dirent, e hostfs.Errno) {
	for off := uint64(0); ; off = all[len(all)-1].Offset {
		ents, e := c.Readdir(fid, off, count)
		if e != hostfs.OK || len(ents) == 0 {
			return all, e
		}
		all = append(all, ents...)
	}
}

func (c *Client) Fsync(fid, dataOnly uint32) hostfs.Errno {
	_, e := c.Call(50, fid, dataOnly)
	return e
}

func (c *Client) Statfs(fid uint32) ([]byte, hostfs.Errno) { return c.Call(8, fid) }

// Lock returns the status: 0 success, 1 blocked, 2 error.
func (c *Client) Lock(fid uint32, l Lock) (uint8, hostfs.Errno) {
	b, e := c.Call(52, fid, l.Type, uint32(0), l.Start, l.Length, l.Proc, l.Client)
	if e != hostfs.OK {
		return 0, e
	}
	return b[0], hostfs.OK
}

func (c *Client) Getlock(fid uint32, l Lock) (Lock, hostfs.Errno) {
	b, e := c.Call(54, fid, l.Type, l.Start, l.Length, l.Proc, l.Client)
	if e != hostfs.OK {
		return Lock{}, e
	}
	return Lock{b[0], le.Uint64(b[1:]), le.Uint64(b[9:]), le.Uint32(b[17:]), string(b[23:])}, hostfs.OK
}
