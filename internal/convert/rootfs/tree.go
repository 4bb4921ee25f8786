// Package rootfs merges an image's layers into one tree (image-spec 1.1,
// "Applying Changesets") and writes it as a deterministic EROFS image.
//
// Layers are hostile: their entries are names inside a tree that is held in
// memory, with file content in one temporary file, and nothing is ever
// extracted to the host's file system. The package must not know where layers
// come from, nor what reads the disk.
package rootfs

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strings"
)

// Limits on what an image may ask of the converter. Linux itself sets the
// first three (limits.h, xattr.h), the rest keep memory and disk bounded.
const (
	maxName   = 255
	maxPath   = 4095
	maxXattrs = 64 << 10  // bytes of names and values of one inode
	maxInodes = 4 << 20   // files and names of files: about 1 GiB of memory
	maxWords  = 512 << 20 // bytes of names, link targets and attributes

	// DefaultMaxSize is the unpacked size that an image may have, in bytes.
	DefaultMaxSize = 16 << 30
	// maxSlack is what layers may have beside content, in bytes: 2 KiB of
	// headers and padding for each file.
	maxSlack = maxInodes << 11
)

// maxLinks is Linux's bound on symbolic links in one path (MAXSYMLINKS).
const maxLinks = 40

// inode is a file of any kind; several names may lead to one that is not a
// directory.
type inode struct {
	mode     fs.FileMode // type, permissions, set-id and sticky bits
	uid, gid uint32
	sec      int64 // modification time
	nsec     uint32
	rdev     uint32 // devices: Linux's new_encode_dev
	nlink    uint32 // set by Tree.finish
	target   string // symbolic links
	off      int64  // regular files: where content begins in the spool
	size     int64  // of the content, with holes
	holes    []span // what the spool leaves out of it, in order
	xattrs   map[string]string
	children map[string]child // directories
}

// child is a name in a directory. layer is the one that named it last: a
// whiteout removes only what lower layers have named.
type child struct {
	ino   *inode
	layer int
}

func (n *inode) isDir() bool { return n.mode.IsDir() }

// names returns the names in a directory in byte order.
func (n *inode) names() []string {
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Tree is a merged root file system. Close it to free its temporary file.
type Tree struct {
	root  *inode
	spool *os.File
	named bool          // spool must be removed: the system keeps names of open files
	buf   *bufio.Writer // of spool
	block []byte        // holeUnit bytes for storeLarge
	end   int64         // where the next content goes in spool
	// What layers may take, and have taken so far.
	max, slack        int64
	content, streamed int64
	inodes, words     int
}

func newTree(opts Options) (*Tree, error) {
	f, err := os.CreateTemp(opts.TempDir, "c2w-rootfs-")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	max := opts.MaxSize
	if max <= 0 {
		max = DefaultMaxSize
	}
	return &Tree{
		root:  &inode{mode: fs.ModeDir | 0o755, children: map[string]child{}},
		spool: f, named: os.Remove(f.Name()) != nil, buf: bufio.NewWriterSize(f, 1<<20), block: make([]byte, holeUnit),
		max: max, slack: maxSlack,
	}, nil
}

// Close removes the temporary file. Where the system allows, that has no name
// from the beginning and is gone with the process, however that ends.
func (t *Tree) Close() error {
	err := t.spool.Close()
	if t.named {
		err = cmp.Or(err, os.Remove(t.spool.Name()))
	}
	return err
}

// finish flushes the spool and counts links.
func (t *Tree) finish() error {
	if err := t.buf.Flush(); err != nil {
		return fmt.Errorf("writing file content to a temporary file: %w", err)
	}
	t.root.count()
	return nil
}

// count sets nlink below and at the directory n as Linux would.
func (n *inode) count() {
	n.nlink = 2
	for _, c := range n.children {
		switch {
		case c.ino.isDir():
			n.nlink++
			c.ino.count()
		default:
			c.ino.nlink++
		}
	}
}

// File describes one file of a Tree.
type File struct {
	Mode     fs.FileMode
	UID, GID uint32
	Size     int64 // regular files, in bytes

	ino *inode
	t   *Tree
}

// Lookup finds path, following symbolic links as a process with this root
// would. The error wraps fs.ErrNotExist when nothing is there.
func (t *Tree) Lookup(path string) (*File, error) {
	n, err := t.resolve(path, following)
	if err != nil {
		return nil, err
	}
	return &File{Mode: n.mode, UID: n.uid, GID: n.gid, Size: n.size, ino: n, t: t}, nil
}

// Read returns the content of a regular file of at most max bytes.
func (f *File) Read(max int64) ([]byte, error) {
	switch {
	case !f.Mode.IsRegular():
		return nil, fmt.Errorf("not a regular file")
	case f.Size > max:
		return nil, fmt.Errorf("the file has %d bytes, more than %d", f.Size, max)
	}
	b := make([]byte, f.Size)
	_, err := io.ReadFull(f.t.open(f.ino), b)
	return b, err
}

// manner says how resolve walks.
type manner uint8

const (
	following manner = 1 << iota // a link in last position is followed too
	inside                       // climbing above the root is an error, not a no-op
)

var errOutside = errors.New("it leads out of the root of the file system")

// resolve walks path from the root; it never leaves the tree, whatever ".."
// and links say.
func (t *Tree) resolve(path string, how manner) (*inode, error) {
	notFound := func() error { return &fs.PathError{Op: "lookup", Path: path, Err: fs.ErrNotExist} }
	todo := parts(path)
	at := []*inode{t.root} // the directories down to where we are
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == ".." {
			if len(at) > 1 {
				at = at[:len(at)-1]
			} else if how&inside != 0 {
				return nil, &fs.PathError{Op: "lookup", Path: path, Err: errOutside}
			}
			continue
		}
		c, ok := at[len(at)-1].children[name]
		switch {
		case !ok:
			return nil, notFound()
		case c.ino.mode&fs.ModeSymlink != 0 && (how&following != 0 || len(todo) > 0):
			if links++; links > maxLinks {
				return nil, &fs.PathError{Op: "lookup", Path: path, Err: fmt.Errorf("too many symbolic links")}
			}
			if strings.HasPrefix(c.ino.target, "/") {
				at = at[:1]
			}
			todo = slices.Concat(parts(c.ino.target), todo)
		case c.ino.isDir():
			at = append(at, c.ino)
		case len(todo) > 0:
			return nil, notFound()
		default:
			return c.ino, nil
		}
	}
	return at[len(at)-1], nil
}

// parts splits a path into names, without empty ones and ".".
func parts(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}
