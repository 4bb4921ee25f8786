package rootfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
)

// Offsets in EROFS structures (Linux fs/erofs/erofs_fs.h); all little-endian.
const (
	superAt      = 1024
	superLen     = 128
	superMagic   = 0xe0f5e1e2
	sbFeatures   = 8  // compatible features, bit 0: the superblock has a checksum
	sbBlockBits  = 12 // log2 of the block size
	sbRoot       = 14 // root's inode number
	sbInodes     = 16 // number of inodes, 64 bits
	sbBlocks     = 36
	sbMeta       = 40 // block where inodes begin
	inodeSlot    = 32 // inode number n is at n slots from there
	inXattrs     = 2
	inSize       = 8
	inBlock      = 16
	inodeShort   = 32
	inodeLong    = 64
	direntLen    = 12
	deName       = 8 // offset of the name in the block
	deType       = 10
	layoutPlain  = 0
	layoutInline = 2
)

var le = binary.LittleEndian

// relink walks a just written image along with the tree it shows and gives each
// further name of an inode the number of the first. The placeholder inodes that
// go-erofs has made for those names, aliases in number and 32 to 64 bytes each,
// stay behind unused and uncounted. It returns the image's size in bytes.
func relink(img Output, root *inode, aliases int) (int64, error) {
	var sb [superLen]byte
	if _, err := img.ReadAt(sb[:], superAt); err != nil {
		return 0, err
	}
	if le.Uint32(sb[:]) != superMagic || sb[sbBlockBits] != 12 || sb[sbFeatures]&1 != 0 {
		panic("BUG: go-erofs has written another superblock than this package knows")
	}
	size := int64(le.Uint32(sb[sbBlocks:])) * blockSize
	if aliases == 0 {
		return size, nil
	}
	r := &relinker{img: img, meta: int64(le.Uint32(sb[sbMeta:])) * blockSize, first: map[*inode]target{}}
	if err := r.dir(uint64(le.Uint16(sb[sbRoot:])), root); err != nil {
		return 0, err
	}
	if r.done != aliases {
		panic(fmt.Sprintf("BUG: %d of %d further names found in the image", r.done, aliases))
	}
	le.PutUint64(sb[sbInodes:], le.Uint64(sb[sbInodes:])-uint64(aliases))
	_, err := img.WriteAt(sb[sbInodes:sbInodes+8], superAt+sbInodes)
	return size, err
}

type target struct {
	nid  uint64
	kind byte
}

type relinker struct {
	img   Output
	meta  int64
	first map[*inode]target
	done  int
}

// dir handles the directory inode nid, which shows n. The order is that of view:
// all names of a directory, then the directories in it one by one.
func (r *relinker) dir(nid uint64, n *inode) error {
	at, size, err := r.locate(nid)
	if err != nil {
		return err
	}
	data := make([]byte, size)
	if _, err := r.img.ReadAt(data, at); err != nil {
		return err
	}
	dirty := false
	type sub struct {
		nid uint64
		ino *inode
	}
	var subs []sub
	for start := 0; start < len(data); start += blockSize {
		block := data[start:min(start+blockSize, len(data))]
		count := int(le.Uint16(block[deName:])) / direntLen
		for i := range count {
			de := block[i*direntLen:]
			name := direntName(block, i, count)
			if name == "." || name == ".." {
				continue
			}
			c, ok := n.children[name]
			if !ok {
				panic(fmt.Sprintf("BUG: %q is in the image and not in the tree", name))
			}
			child := le.Uint64(de)
			if c.ino.isDir() {
				subs = append(subs, sub{child, c.ino})
				continue
			}
			if c.ino.nlink < 2 {
				continue
			}
			if f, ok := r.first[c.ino]; ok {
				le.PutUint64(de, f.nid)
				de[deType] = f.kind
				dirty = true
				r.done++
			} else {
				r.first[c.ino] = target{child, de[deType]}
			}
		}
	}
	if dirty {
		if _, err := r.img.WriteAt(data, at); err != nil {
			return err
		}
	}
	for _, s := range subs {
		if err := r.dir(s.nid, s.ino); err != nil {
			return err
		}
	}
	return nil
}

// direntName returns the name of entry i of count in a block. The last one ends
// with the block or at a zero byte.
func direntName(block []byte, i, count int) string {
	from, to := int(le.Uint16(block[i*direntLen+deName:])), len(block)
	if i+1 < count {
		to = int(le.Uint16(block[(i+1)*direntLen+deName:]))
	}
	name := block[from:to]
	if z := bytes.IndexByte(name, 0); z >= 0 {
		name = name[:z]
	}
	return string(name)
}

// locate returns where the data of directory inode nid lies and its length.
func (r *relinker) locate(nid uint64) (at, size int64, err error) {
	at = r.meta + int64(nid)*inodeSlot
	var in [inodeLong]byte
	if _, err := r.img.ReadAt(in[:inodeShort], at); err != nil {
		return 0, 0, err
	}
	format := le.Uint16(in[:])
	length, size := int64(inodeShort), int64(le.Uint32(in[inSize:]))
	if format&1 != 0 {
		// The 64-bit size is in the half that both forms share.
		length, size = inodeLong, int64(le.Uint64(in[inSize:]))
	}
	if mode := le.Uint16(in[4:]); mode>>12 != 4 {
		panic(fmt.Sprintf("BUG: inode %d has mode %o and should be a directory (%v)", nid, mode, fs.ModeDir))
	}
	switch format >> 1 & 7 {
	case layoutPlain:
		return int64(le.Uint32(in[inBlock:])) * blockSize, size, nil
	case layoutInline:
		if n := le.Uint16(in[inXattrs:]); n > 0 {
			length += 12 + int64(n-1)*4
		}
		return at + length, size, nil
	}
	panic(fmt.Sprintf("BUG: directory inode %d has format %#x", nid, format))
}
