package rootfs

import (
	"bytes"
	"io"
)

// holeUnit is the shortest run of zeros that is worth a hole, in bytes.
const holeUnit = 64 << 10

var zeros [holeUnit]byte

func isZero(p []byte) bool {
	for len(p) > 0 {
		n := min(len(p), holeUnit)
		if !bytes.Equal(p[:n], zeros[:n]) {
			return false
		}
		p = p[n:]
	}
	return true
}

// span is a part of a file's content, in bytes.
type span struct{ off, size int64 }

// addHole notes that size bytes of content from off on are zero, and not in the
// spool. off grows from call to call.
func (n *inode) addHole(off, size int64) {
	if last := len(n.holes) - 1; last >= 0 && n.holes[last].off+n.holes[last].size == off {
		n.holes[last].size += size
	} else if size > 0 {
		n.holes = append(n.holes, span{off, size})
	}
}

// open returns a regular file's content.
func (t *Tree) open(n *inode) io.Reader {
	if n.holes == nil {
		return io.NewSectionReader(t.spool, n.off, n.size)
	}
	stored := n.size
	for _, h := range n.holes {
		stored -= h.size
	}
	return &holeReader{stored: io.NewSectionReader(t.spool, n.off, stored), holes: n.holes, left: n.size}
}

// holeReader puts the holes back into stored content.
type holeReader struct {
	stored io.Reader
	holes  []span // those that are not yet behind at
	at     int64
	left   int64
}

func (r *holeReader) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left)]
	for len(r.holes) > 0 && r.holes[0].off+r.holes[0].size <= r.at {
		r.holes = r.holes[1:]
	}
	switch {
	case len(r.holes) == 0:
		n, err = r.stored.Read(p)
	case r.at < r.holes[0].off:
		n, err = r.stored.Read(p[:min(int64(len(p)), r.holes[0].off-r.at)])
	default:
		n = int(min(int64(len(p)), r.holes[0].off+r.holes[0].size-r.at))
		clear(p[:n])
	}
	if err == io.EOF && n > 0 {
		err = nil
	}
	r.at += int64(n)
	r.left -= int64(n)
	return n, err
}
