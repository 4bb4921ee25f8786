package rootfs

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/erofs/go-erofs"
)

// blockSize is the EROFS block size: Linux mounts no image with larger blocks
// than its pages.
const blockSize = 4096

// Output takes an EROFS image. Its content is read back and corrected in
// place, from offset 0.
type Output interface {
	io.WriteSeeker
	io.ReaderAt
	io.WriterAt
}

// Stats says what WriteEROFS wrote.
type Stats struct {
	Size    int64 // of the image in bytes, a multiple of 4096
	Inodes  int
	Content int64 // bytes of all regular files
}

// WriteEROFS writes the tree as an EROFS image of 4096-byte blocks without
// compression (kernel documentation, "EROFS - Enhanced Read-Only File System").
// The same layers give the same bytes.
func (t *Tree) WriteEROFS(out Output) (Stats, error) {
	v := &view{t: t, shown: map[*inode]bool{}}
	buf := &bufferedSeeker{buf: bufio.NewWriterSize(out, 1<<20), out: out}
	w := erofs.Create(buf, erofs.WithBlockSize(blockSize), erofs.WithBuildTime(uint64(t.commonTime()), 0))
	if err := w.CopyFrom(v); err != nil {
		return Stats{}, fmt.Errorf("building EROFS: %w", err)
	}
	if err := w.Close(); err != nil {
		return Stats{}, fmt.Errorf("writing EROFS: %w", err)
	}
	if err := buf.buf.Flush(); err != nil {
		return Stats{}, fmt.Errorf("writing EROFS: %w", err)
	}
	size, err := relink(out, t.root, v.aliases)
	if err != nil {
		return Stats{}, fmt.Errorf("linking names in EROFS: %w", err)
	}
	if err := buf.extend(size); err != nil {
		return Stats{}, fmt.Errorf("writing EROFS: %w", err)
	}
	return Stats{Size: size, Inodes: v.inodes, Content: v.content}, nil
}

// commonTime returns the most frequent whole second among the files' times.
// Inodes with the image's build time have a shorter form on disk.
func (t *Tree) commonTime() (best int64) {
	count := map[int64]int{}
	var walk func(n *inode)
	walk = func(n *inode) {
		if n.nsec == 0 && n.sec >= 0 {
			count[n.sec]++
		}
		for _, c := range n.children {
			walk(c.ino)
		}
	}
	walk(t.root)
	for sec, n := range count {
		if n > count[best] || n == count[best] && sec < best {
			best = sec
		}
	}
	return best
}

// view shows the tree to go-erofs, which knows nothing of hard links: the first
// name of an inode that the walk meets has its content, every further one is an
// empty file until relink gives it the inode.
type view struct {
	t       *Tree
	shown   map[*inode]bool
	aliases int
	inodes  int
	content int64
}

func (v *view) find(op, name string) (*inode, error) {
	n, err := v.t.resolve(name, 0)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open is called for regular files only, each once and read later.
func (v *view) Open(name string) (fs.File, error) {
	n, err := v.find("open", name)
	if err != nil {
		return nil, err
	}
	return &content{Reader: v.t.open(n), info: info{name: name, ino: n}}, nil
}

// Stat is called for the root.
func (v *view) Stat(name string) (fs.FileInfo, error) {
	n, err := v.find("stat", name)
	if err != nil {
		return nil, err
	}
	v.inodes++
	return info{name: name, ino: n}, nil
}

// ReadDir is called once for each directory, in the order of fs.WalkDir.
func (v *view) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := v.find("readdir", name)
	if err != nil {
		return nil, err
	}
	var list []fs.DirEntry
	for _, name := range dir.names() {
		n := dir.children[name].ino
		if n.nlink > 1 && !n.isDir() && v.shown[n] {
			v.aliases++
			n = &inode{nlink: 1, sec: v.t.root.sec, nsec: v.t.root.nsec}
		} else {
			v.shown[n] = true
			v.inodes++
			v.content += n.size
		}
		list = append(list, fs.FileInfoToDirEntry(info{name: name, ino: n}))
	}
	return list, nil
}

// ReadLink returns a symbolic link's target.
func (v *view) ReadLink(name string) (string, error) {
	n, err := v.find("readlink", name)
	if err != nil {
		return "", err
	}
	return n.target, nil
}

// info is the fs.FileInfo of an inode; go-erofs takes the rest from Sys.
type info struct {
	name string
	ino  *inode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.ino.size }
func (i info) Mode() fs.FileMode  { return i.ino.mode }
func (i info) ModTime() time.Time { return time.Unix(i.ino.sec, int64(i.ino.nsec)) }
func (i info) IsDir() bool        { return i.ino.isDir() }

func (i info) Sys() any {
	n := i.ino
	st := &erofs.Stat{UID: n.uid, GID: n.gid, Mtime: uint64(n.sec), MtimeNs: n.nsec, Nlink: int(n.nlink), Rdev: n.rdev}
	for k, v := range n.xattrs {
		if st.Xattrs == nil {
			st.Xattrs = make(map[string]string, len(n.xattrs))
		}
		// go-erofs 0.3.1 has these two prefixes with a dot behind, so only
		// with that dot does it use the index that the kernel looks for, and
		// it leaves the empty suffix that the kernel wants.
		if k == aclAccess || k == aclDefault {
			k += "."
		}
		st.Xattrs[k] = v
	}
	return st
}

// content is an open regular file.
type content struct {
	io.Reader
	info info
}

func (c *content) Stat() (fs.FileInfo, error) { return c.info, nil }
func (c *content) Close() error               { return nil }

// bufferedSeeker gathers the many small writes of go-erofs, and writes no large
// zeros: out was empty and is a file, where what is skipped reads as zeros. It
// has no other methods than these: at must hear of every byte.
type bufferedSeeker struct {
	buf *bufio.Writer
	out io.WriteSeeker
	at  int64 // where the next byte goes
	end int64 // behind the last byte that was written
}

func (b *bufferedSeeker) Write(p []byte) (int, error) {
	if len(p) >= holeUnit && isZero(p) {
		_, err := b.Seek(b.at+int64(len(p)), io.SeekStart)
		return len(p), err
	}
	n, err := b.buf.Write(p)
	b.at += int64(n)
	b.end = max(b.end, b.at)
	return n, err
}

func (b *bufferedSeeker) Seek(offset int64, whence int) (int64, error) {
	if err := b.buf.Flush(); err != nil {
		return 0, err
	}
	n, err := b.out.Seek(offset, whence)
	b.at = n
	return n, err
}

// extend gives the file its length if it ends in a hole.
func (b *bufferedSeeker) extend(size int64) error {
	if b.end >= size {
		return nil
	}
	if _, err := b.Seek(size-1, io.SeekStart); err != nil {
		return err
	}
	if _, err := b.Write([]byte{0}); err != nil {
		return err
	}
	return b.buf.Flush()
}
