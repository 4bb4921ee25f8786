package image

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Limits on archives. Real ones have a few entries per layer.
const (
	maxMembers    = 1 << 16
	maxMemberName = 4096
	// maxStored bounds what is unpacked or downloaded to a temporary file, and
	// each layer as it is stored. It is what a root file system may have twice
	// over (rootfs.DefaultMaxSize): archives may hold several images.
	maxStored = 32 << 30
)

var errTooLarge = fmt.Errorf("it is larger than the %d GiB that c2w reads", int64(maxStored)>>30)

// archive is a tar opened for random access. It is an fs.FS as far as OCI
// layouts need one: files are opened by their whole names.
type archive struct {
	name    string // for errors
	r       io.ReaderAt
	members map[string]member
	close   func() error
}

// member is a file of an archive or another name of one.
type member struct {
	off, size int64
	link      string // where it leads, from the archive's root; "" for files
	sparse    bool
}

// openArchive opens a tar, compressed or not. Regular uncompressed files are
// read in place, everything else is first unpacked to a temporary file.
func openArchive(ctx context.Context, file string, o Options) (*archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening archive %s: %w", file, reason(err, file))
	}
	a, err := newArchive(ctx, f, file, o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("reading archive %s: %w", file, reason(err, file))
	}
	return a, nil
}

func newArchive(ctx context.Context, f *os.File, name string, o Options) (*archive, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory: one in the OCI image layout is named oci:DIR")
	}
	in := bufio.NewReaderSize(f, 256<<10)
	plain, kind, stop, err := decompress(in)
	defer stop()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	a := &archive{name: name, r: f, close: f.Close}
	size := info.Size()
	if kind != "" || !info.Mode().IsRegular() {
		var t *tempFile
		if t, size, err = spool(ctx, o.TempDir, plain, maxStored); err != nil {
			return nil, fmt.Errorf("unpacking it: %w", err)
		}
		f.Close()
		a.r, a.close = t, t.Close
	}
	if err := a.index(ctx, size); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// index reads the headers of the tar.
func (a *archive) index(ctx context.Context, size int64) error {
	a.members = map[string]member{}
	at := io.NewSectionReader(a.r, 0, size)
	tr := tar.NewReader(at)
	for last := ""; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		switch {
		case err == io.EOF && last == "":
			return errors.New("it is empty")
		case err == io.EOF:
			return nil
		case errors.Is(err, tar.ErrInsecurePath): // a valid header; member contains it
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("it ends after %d bytes in the middle of an entry: copy or save it again", size)
		case err != nil && last == "":
			return errors.New("it is not a tar archive")
		case err != nil:
			return fmt.Errorf("after entry %q: %w", last, err)
		}
		if last = h.Name; last == "" {
			last = "."
		}
		if len(a.members) >= maxMembers {
			return fmt.Errorf("it has more than %d entries: it is not of an image", maxMembers)
		}
		if len(h.Name) > maxMemberName || len(h.Linkname) > maxMemberName {
			continue
		}
		name := memberName(h.Name)
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
			off, _ := at.Seek(0, io.SeekCurrent)
			sparse := h.Typeflag == tar.TypeGNUSparse
			for k := range h.PAXRecords {
				sparse = sparse || strings.HasPrefix(k, "GNU.sparse.")
			}
			a.members[name] = member{off: off, size: h.Size, sparse: sparse}
		case tar.TypeSymlink: // old docker save has these for layers that several images share
			a.members[name] = member{link: memberName(path.Join(path.Dir(name), h.Linkname))}
		case tar.TypeLink:
			a.members[name] = member{link: memberName(h.Linkname)}
		}
	}
}

// memberName brings an archive's name into the form of a key: it cannot lead
// out of the archive.
func memberName(s string) string { return strings.TrimPrefix(path.Clean("/"+s), "/") }

// find resolves links.
func (a *archive) find(name string) (member, error) {
	for range 8 {
		m, ok := a.members[memberName(name)]
		switch {
		case !ok:
			return m, fs.ErrNotExist
		case m.sparse:
			return m, fmt.Errorf("%s is a sparse file, which no tool writes into archives of images", name)
		case m.link == "":
			return m, nil
		}
		name = m.link
	}
	return member{}, fmt.Errorf("%s is a link to a link to a link and so on", name)
}

// Open makes an archive an fs.FS.
func (a *archive) Open(name string) (fs.File, error) {
	m, err := a.find(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memberFile{io.NewSectionReader(a.r, m.off, m.size), name}, nil
}

// readAll reads a small file wholly.
func (a *archive) readAll(name string, limit int64) ([]byte, error) {
	m, err := a.find(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not in it: %s", name, damaged)
	} else if err != nil {
		return nil, err
	}
	if m.size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that c2w reads", name, m.size, limit)
	}
	b := make([]byte, m.size)
	if _, err := io.ReadFull(io.NewSectionReader(a.r, m.off, m.size), b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// has reports whether there is a file of that name.
func (a *archive) has(name string) bool {
	_, err := a.find(name)
	return err == nil
}

// memberFile is an open file and its own fs.FileInfo.
type memberFile struct {
	*io.SectionReader
	name string
}

func (f *memberFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *memberFile) Close() error               { return nil }
func (f *memberFile) Name() string               { return path.Base(f.name) }
func (f *memberFile) Mode() fs.FileMode          { return 0o444 }
func (f *memberFile) ModTime() time.Time         { return time.Time{} }
func (f *memberFile) IsDir() bool                { return false }
func (f *memberFile) Sys() any                   { return nil }
