package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
)

// Layer is one changeset: a tar stream with a name for errors.
type Layer interface {
	// String names the layer.
	String() string
	// Open returns the uncompressed tar. It is read to io.EOF; an error of the
	// reader is handed on as it is, so it should name the layer.
	Open(ctx context.Context) (io.ReadCloser, error)
}

// Options of Merge. The zero value is usable.
type Options struct {
	// TempDir is where file content is spooled, by default the system's place.
	TempDir string
	// MaxSize bounds the content of all layers together, in bytes;
	// 0 means DefaultMaxSize.
	MaxSize int64
}

// Names with a meaning of their own (image-spec, "Whiteouts").
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	reserved = ".wh..wh." // AUFS's bookkeeping: no content
)

// Merge applies layers in order, the base first, and returns the tree. What a
// layer says wrongly is an error that names layer and entry.
func Merge(ctx context.Context, layers []Layer, opts Options) (*Tree, error) {
	t, err := newTree(opts)
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		if err = t.apply(ctx, l, i); err != nil {
			break
		}
	}
	if err == nil {
		err = t.finish()
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// source remembers how its reader ended: an error of the reader explains any
// error of the tar parser above it. It ends with its context, and when all
// layers together are longer than any tree that t takes.
type source struct {
	io.Reader
	ctx context.Context
	t   *Tree
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	n, err := s.Reader.Read(p)
	if s.t.streamed += int64(n); s.t.streamed > s.t.max+s.t.slack {
		return 0, fmt.Errorf("%w: its layers unpack to more than %d bytes", errTooBig, s.t.max+s.t.slack)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (t *Tree) apply(ctx context.Context, l Layer, layer int) error {
	rc, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer rc.Close()
	src := &source{Reader: rc, ctx: ctx, t: t}
	err = t.applyTar(ctx, tar.NewReader(src), layer)
	// The reader checks the layer's digest at its end, and a damaged layer is
	// the better explanation of whatever the parser said. A layer that expands
	// beyond all bounds is not worth that.
	if src.err == nil && !errors.Is(err, errTooBig) {
		if _, derr := io.Copy(io.Discard, src); errors.Is(derr, errTooBig) {
			err = derr
		}
	}
	if src.err != nil {
		return src.err
	}
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", l, err)
	}
	return nil
}

func (t *Tree) applyTar(ctx context.Context, tr *tar.Reader, layer int) error {
	for last := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, tar.ErrInsecurePath): // a valid header; entry contains it
		case err != nil && last == "":
			return fmt.Errorf("reading the tar's first entry: %w", err)
		case err != nil:
			return fmt.Errorf("reading the tar after entry %q: %w", last, err)
		}
		last = h.Name
		if err := t.entry(h, tr, layer); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
}

var errTooBig = errors.New("the image is larger than c2w converts")

// entry adds or removes what one header says.
func (t *Tree) entry(h *tar.Header, content io.Reader, layer int) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	dir, name, err := t.place(h, layer)
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, whiteout) {
		return t.whiteout(dir, name, layer)
	}
	if h.Typeflag == tar.TypeLink {
		return t.link(h, dir, name, layer)
	}
	n, err := newInode(h)
	if err != nil {
		return err
	}
	if name == "" && !n.isDir() {
		return fmt.Errorf("the root of the file system must be a directory")
	}
	words := len(name) + len(n.target)
	for k, v := range n.xattrs {
		words += len(k) + len(v)
	}
	if err := t.count(words); err != nil {
		return err
	}
	switch {
	case n.mode.IsRegular():
		if err := t.store(n, h.Size, content); err != nil {
			return err
		}
	case n.isDir():
		n.children = map[string]child{}
		old := t.root
		if name != "" {
			old = dir.children[name].ino
		}
		if old != nil && old.isDir() {
			n.children = old.children
		}
		if name == "" {
			t.root = n
			return nil
		}
	}
	dir.children[name] = child{n, layer}
	return nil
}

// count bounds the memory that the tree takes: of one more name, with words
// bytes of text.
func (t *Tree) count(words int) error {
	t.inodes++
	t.words += words
	if t.inodes > maxInodes {
		return fmt.Errorf("%w: more than %d files", errTooBig, maxInodes)
	}
	if t.words > maxWords {
		return fmt.Errorf("%w: more than %d bytes of names and attributes", errTooBig, maxWords)
	}
	return nil
}

// place finds the directory and name of an entry and makes missing parents.
// The name is "" for the root itself. Symbolic links in parents are followed
// inside the tree: layers on a merged /usr rely on it. A name that begins with a
// slash is taken from the root, as everywhere; one that climbs above it, by
// itself or by links, is refused.
func (t *Tree) place(h *tar.Header, layer int) (*inode, string, error) {
	if len(h.Name) > maxPath {
		return nil, "", fmt.Errorf("the path is longer than %d bytes", maxPath)
	}
	var clean []string
	for _, p := range parts(h.Name) {
		switch {
		case p == "..":
			if len(clean) == 0 {
				return nil, "", errOutside
			}
			clean = clean[:len(clean)-1]
		case len(p) > maxName:
			return nil, "", fmt.Errorf("a name is longer than %d bytes", maxName)
		case strings.IndexByte(p, 0) >= 0:
			return nil, "", fmt.Errorf("a name has a zero byte in it")
		default:
			clean = append(clean, p)
		}
	}
	if len(clean) == 0 {
		return t.root, "", nil
	}
	dir, err := t.mkdirs(clean[:len(clean)-1], h, layer)
	return dir, clean[len(clean)-1], err
}

// mkdirs walks names as resolve does, but makes what is missing, with the time
// of the entry that needs it.
func (t *Tree) mkdirs(names []string, h *tar.Header, layer int) (*inode, error) {
	todo, at := names, []*inode{t.root}
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == ".." { // of a link's target: place has resolved its own
			if len(at) == 1 {
				return nil, errOutside
			}
			at = at[:len(at)-1]
			continue
		}
		dir := at[len(at)-1]
		c, ok := dir.children[name]
		switch {
		case !ok:
			if err := t.count(len(name)); err != nil {
				return nil, err
			}
			if len(name) > maxName || len(at) > maxPath/2 {
				return nil, fmt.Errorf("the path is too long")
			}
			n := &inode{mode: fs.ModeDir | 0o755, children: map[string]child{}}
			n.setTime(h)
			dir.children[name] = child{n, layer}
			at = append(at, n)
		case c.ino.mode&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return nil, fmt.Errorf("too many symbolic links in the path")
			}
			if strings.HasPrefix(c.ino.target, "/") {
				at = at[:1]
			}
			todo = append(parts(c.ino.target), todo...)
		case c.ino.isDir():
			at = append(at, c.ino)
		default:
			return nil, fmt.Errorf("%q in the path is not a directory", name)
		}
	}
	return at[len(at)-1], nil
}

func (t *Tree) whiteout(dir *inode, name string, layer int) error {
	switch target := name[len(whiteout):]; {
	case name == opaque:
		prune(dir, layer)
	case strings.HasPrefix(name, reserved):
	case target == "" || target == "." || target == "..":
		return fmt.Errorf("the whiteout names nothing")
	default:
		c, ok := dir.children[target]
		if !ok {
			return nil
		}
		if c.ino.isDir() {
			prune(c.ino, layer)
		}
		if c.layer < layer && len(c.ino.children) == 0 {
			delete(dir.children, target)
		}
	}
	return nil
}

// prune removes what layers below layer have put into dir, at any depth;
// directories stay where this layer has put something inside.
func prune(dir *inode, layer int) {
	for name, c := range dir.children {
		if c.ino.isDir() {
			prune(c.ino, layer)
		}
		if c.layer < layer && len(c.ino.children) == 0 {
			delete(dir.children, name)
		}
	}
}

func (t *Tree) link(h *tar.Header, dir *inode, name string, layer int) error {
	if name == "" {
		return fmt.Errorf("the root of the file system must be a directory")
	}
	if err := t.count(len(name)); err != nil {
		return err
	}
	n, err := t.resolve(h.Linkname, inside)
	switch {
	case err != nil:
		return fmt.Errorf("hard link to %q: %w", h.Linkname, errors.Unwrap(err))
	case n.isDir():
		return fmt.Errorf("hard link to %q, which is a directory", h.Linkname)
	}
	dir.children[name] = child{n, layer}
	return nil
}

// store copies a regular file's content to the spool.
func (t *Tree) store(n *inode, size int64, content io.Reader) error {
	if size < 0 || size > t.max-t.content {
		return fmt.Errorf("%w: its files have more than %d bytes", errTooBig, t.max)
	}
	t.content += size
	n.off, n.size = t.end, size
	content = io.LimitReader(content, size)
	var got int64
	var err error
	if size < 2*holeUnit {
		got, err = t.buf.ReadFrom(content)
		t.end += got
	} else {
		got, err = t.storeLarge(n, content)
	}
	if err != nil {
		return fmt.Errorf("copying its content: %w", err)
	}
	if got != size {
		return fmt.Errorf("the content ends after %d of %d bytes", got, size)
	}
	return nil
}

// storeLarge leaves out runs of zeros: sparse files may be many times larger than
// the layer that they come in.
func (t *Tree) storeLarge(n *inode, content io.Reader) (got int64, err error) {
	for {
		m, rerr := io.ReadFull(content, t.block)
		if isZero(t.block[:m]) {
			n.addHole(got, int64(m))
		} else if _, err := t.buf.Write(t.block[:m]); err != nil {
			return got, err
		} else {
			t.end += int64(m)
		}
		got += int64(m)
		switch rerr {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return got, nil // store compares the length
		default:
			return got, rerr
		}
	}
}

func newInode(h *tar.Header) (*inode, error) {
	n := &inode{mode: fs.FileMode(h.Mode & 0o777)}
	for bit, m := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if h.Mode&bit != 0 {
			n.mode |= m
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		if strings.HasSuffix(h.Name, "/") && h.Size == 0 { // a directory in pre-POSIX tars
			n.mode |= fs.ModeDir
		}
	case tar.TypeDir:
		n.mode |= fs.ModeDir
	case tar.TypeSymlink:
		n.mode = fs.ModeSymlink | 0o777
		n.target = h.Linkname
		if n.target == "" || len(n.target) > maxPath || strings.IndexByte(n.target, 0) >= 0 {
			return nil, fmt.Errorf("symbolic link to %q: not a path that Linux takes", n.target)
		}
	case tar.TypeChar:
		n.mode |= fs.ModeDevice | fs.ModeCharDevice
	case tar.TypeBlock:
		n.mode |= fs.ModeDevice
	case tar.TypeFifo:
		n.mode |= fs.ModeNamedPipe
	default:
		return nil, fmt.Errorf("the type %q is not one that images have", h.Typeflag)
	}
	if n.mode&fs.ModeDevice != 0 {
		// 12 and 20 bits are what Linux keeps (kdev_t.h).
		if h.Devmajor < 0 || h.Devmajor >= 1<<12 || h.Devminor < 0 || h.Devminor >= 1<<20 {
			return nil, fmt.Errorf("the device number %d:%d is out of Linux's range", h.Devmajor, h.Devminor)
		}
		major, minor := uint32(h.Devmajor), uint32(h.Devminor)
		n.rdev = minor&0xff | major<<8 | minor&^0xff<<12
	}
	if h.Uid < 0 || int64(h.Uid) > math.MaxUint32 || h.Gid < 0 || int64(h.Gid) > math.MaxUint32 {
		return nil, fmt.Errorf("the owner %d:%d is out of Linux's range", h.Uid, h.Gid)
	}
	n.uid, n.gid = uint32(h.Uid), uint32(h.Gid)
	n.setTime(h)
	return n, n.setXattrs(h)
}

func (n *inode) setTime(h *tar.Header) {
	if !h.ModTime.IsZero() {
		n.sec, n.nsec = h.ModTime.Unix(), uint32(h.ModTime.Nanosecond())
	}
}

// setXattrs takes the attributes that Linux lets a file of an image have.
// trusted.overlay.* would be orders to the guest's overlayfs, which has this
// file system below it, and other names have no handler: both are dropped.
func (n *inode) setXattrs(h *tar.Header) error {
	total := 0
	for k, v := range h.PAXRecords {
		name, ok := strings.CutPrefix(k, "SCHILY.xattr.")
		if !ok || !keepXattr(name) {
			continue
		}
		if len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
			return fmt.Errorf("the name of the extended attribute %.32q… is longer than %d bytes", name, maxName)
		}
		if total += len(name) + len(v) + 8; total > maxXattrs {
			return fmt.Errorf("the extended attributes have more than %d bytes", maxXattrs)
		}
		if n.xattrs == nil {
			n.xattrs = map[string]string{}
		}
		n.xattrs[name] = v
	}
	return nil
}

func keepXattr(name string) bool {
	for _, p := range []string{"user.", "security.", "trusted."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest != "" && !strings.HasPrefix(rest, "overlay.")
		}
	}
	return name == aclAccess || name == aclDefault
}

// POSIX ACLs are extended attributes with exactly these names.
const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)
