package p9

import (
	"encoding/binary"

	"github.com/c2w/c2w/internal/machine/hostfs"
)

// Message types of 9P2000.L. A reply's type is its request's plus one; an error
// is always rLerror.
const (
	rLerror      = 7
	tStatfs      = 8
	tLopen       = 12
	tLcreate     = 14
	tSymlink     = 16
	tMknod       = 18
	tRename      = 20
	tReadlink    = 22
	tGetattr     = 24
	tSetattr     = 26
	tXattrwalk   = 30
	tXattrcreate = 32
	tReaddir     = 40
	tFsync       = 50
	tLock        = 52
	tGetlock     = 54
	tLink        = 70
	tMkdir       = 72
	tRenameat    = 74
	tUnlinkat    = 76
	tVersion     = 100
	tAuth        = 102
	tAttach      = 104
	tFlush       = 108
	tWalk        = 110
	tRead        = 116
	tWrite       = 118
	tClunk       = 120
	tRemove      = 122
)

// Every message begins with its size u32, type u8 and tag u16, little endian as
// all of 9P.
const (
	offType   = 4
	offTag    = 5
	headerLen = 7
)

// Lengths of fixed parts in bytes.
const (
	errorLen      = headerLen + 4
	readHeader    = headerLen + 4         // Rread before its data
	writeHeader   = headerLen + 4 + 8 + 4 // Twrite before its data
	readdirHeader = headerLen + 4
	direntFixed   = 13 + 8 + 1 + 2 // an entry of Rreaddir without its name
)

const (
	noUID = 1<<32 - 1 // Tattach: no numeric user

	maxWalk = 16 // names in one Twalk
)

// Bits of a qid's type.
const (
	qidDir     = 0x80
	qidSymlink = 0x02
	qidFile    = 0
)

// Flags of Tlopen and Tlcreate: Linux's of the generic ABI.
const (
	openAccess   = 3
	openWrite    = 1
	openRDWR     = 2
	openExcl     = 0o200
	openTruncate = 0o1000
	openAppend   = 0o2000
	openDir      = 0o200000
)

// writeAtEnd of a Twrite's offset is c2w's own (guest/kernel/patches): write
// there only if that is the file's end, else reply EAGAIN. The guest then learns
// the size and asks again, so that it always knows where its bytes are, and of
// two that append neither overwrites the other. A fid that was opened with
// openAppend writes at the end, too, but does not tell where that was; and what
// Linux's own client writes back by such a fid is not meant for the end.
const writeAtEnd = 1 << 63

// flagRemoveDir of Tunlinkat is AT_REMOVEDIR.
const flagRemoveDir = 0x200

// Bits of Tsetattr's valid.
const (
	setMode = 1 << iota
	setUID
	setGID
	setSize
	setAtime
	setMtime
	setCtime
	setAtimeTo
	setMtimeTo
)

// attrBasic is what Rgetattr always tells: all but birth time, generation and
// data version.
const attrBasic = 0x7ff

// File types in modes (inode(7)).
const (
	modeFIFO    = 0o010000
	modeChar    = 0o020000
	modeDir     = 0o040000
	modeBlock   = 0o060000
	modeRegular = 0o100000
	modeSymlink = 0o120000
	modeSocket  = 0o140000
	modeType    = 0o170000
	modePerm    = 0o7777
)

// kinds says how a host's type looks in modes, in a qid and in a directory's
// entry. What the host does not know is a device that nobody can open.
var kinds = [...]struct {
	mode  uint32
	qid   uint8
	dtype uint8
}{
	hostfs.Unknown:     {modeChar, qidFile, 0},
	hostfs.Regular:     {modeRegular, qidFile, 8},
	hostfs.Directory:   {modeDir, qidDir, 4},
	hostfs.Symlink:     {modeSymlink, qidSymlink, 10},
	hostfs.CharDevice:  {modeChar, qidFile, 2},
	hostfs.BlockDevice: {modeBlock, qidFile, 6},
	hostfs.Socket:      {modeSocket, qidFile, 12},
	hostfs.FIFO:        {modeFIFO, qidFile, 1},
}

// Types and states of Tlock and Tgetlock.
const (
	lockRead   = 0
	lockWrite  = 1
	lockUnlock = 2

	lockSuccess = 0
	lockBlocked = 1
	lockError   = 2
)

// request is what is left to read of a request. Reading beyond the end gives
// zeros and sets short.
type request struct {
	b     []byte
	short bool
}

func (r *request) take(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return zeros[:n]
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

var zeros [8]byte

func (r *request) u8() uint8   { return r.take(1)[0] }
func (r *request) u16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *request) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *request) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

// str reads a string; it lies in the request's memory.
func (r *request) str() []byte {
	n := int(r.u16())
	if len(r.b) < n {
		r.short, r.b = true, nil
		return nil
	}
	return r.take(n)
}

// reply is a reply as it is written, header included. It never grows beyond
// its capacity: whoever appends what is not small looks at room.
type reply []byte

func (w *reply) u8(v uint8)    { *w = append(*w, v) }
func (w *reply) u16(v uint16)  { *w = binary.LittleEndian.AppendUint16(*w, v) }
func (w *reply) u32(v uint32)  { *w = binary.LittleEndian.AppendUint32(*w, v) }
func (w *reply) u64(v uint64)  { *w = binary.LittleEndian.AppendUint64(*w, v) }
func (w *reply) str(p []byte)  { w.u16(uint16(len(p))); *w = append(*w, p...) }
func (w *reply) time(ns int64) { w.u64(uint64(floor(ns))); w.u64(uint64(ns - floor(ns)*second)) }

func (w *reply) qid(typ uint8, version uint32, path uint64) {
	w.u8(typ)
	w.u32(version)
	w.u64(path)
}

const second = 1_000_000_000

// floor is ns in whole seconds, rounded down.
func floor(ns int64) int64 {
	s := ns / second
	if ns%second < 0 {
		s--
	}
	return s
}

// gather copies the beginning of bufs to p and returns how much.
func gather(p []byte, bufs [][]byte) int {
	n := 0
	for _, b := range bufs {
		if n == len(p) {
			break
		}
		n += copy(p[n:], b)
	}
	return n
}

// scatter copies p to the beginning of bufs, which have room for it.
func scatter(bufs [][]byte, p []byte) {
	for _, b := range bufs {
		if len(p) == 0 {
			break
		}
		p = p[copy(b, p):]
	}
}

func total(bufs [][]byte) (n uint64) {
	for _, b := range bufs {
		n += uint64(len(b))
	}
	return n
}

// cut appends to to what bufs hold from byte skip on, at most n bytes.
func cut(to, bufs [][]byte, skip, n int) [][]byte {
	for _, b := range bufs {
		if n == 0 {
			break
		}
		k := min(skip, len(b))
		skip -= k
		if b = b[k:]; len(b) == 0 {
			continue
		}
		b = b[:min(len(b), n)]
		n -= len(b)
		to = append(to, b)
	}
	return to
}
