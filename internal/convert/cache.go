package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/wasm"
)

// Cache keeps converted files in a directory. Everything in it can be made
// again, so every problem with it is as good as an empty cache. Several
// processes may use one at the same time: an entry appears by a rename, its
// name has its checksum, and a process that has opened one keeps it when another
// removes it.
type Cache struct {
	// Dir is the directory, made when needed; "" keeps nothing.
	Dir string
	// Limit is what all entries together may take, in bytes; the ones that
	// were not used for the longest time go first.
	Limit int64
	// Identity stands for everything that a conversion adds to an image: the
	// converter itself, kernel, init, runtime.
	Identity string
	// Training, if set, keeps what training found; of the same Identity.
	Training *Cache
}

// keyFormat changes when a key's meaning does.
const keyFormat = 1

// staleTemp is the age at which a temporary file belongs to nobody any more.
const staleTemp = 24 * time.Hour

// key names what a conversion of img gives, apart from the reference by which
// the image was found. Every option is part of it that is not put aside here.
func (c *Cache) key(p *pipeline, img *image.Image) string {
	o := p.o
	o.Platform = p.plat.name
	o.Ref, o.Image, o.TempDir, o.Progress, o.Translate, o.KeepProfile = "", image.Options{}, "", nil, nil, nil
	h := sha256.New()
	h.Write(o.Machine)
	o.Machine = nil
	if o.Profile != nil {
		h.Write(o.Profile.Format())
		o.Profile = aot.Profile{}
	}
	fmt.Fprintf(h, "%d %q %q %#v", keyFormat, c.Identity, img.Digest, o)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Converted is an image as a file: one made just now, or one of the cache.
type Converted struct {
	Info *Info
	Size int64 // in bytes
	// Path is where the cache has the file, as long as nobody removes it; ""
	// if it has not. The reference in that file's own Info may be another one
	// of the same image.
	Path string

	src   io.WriterTo
	close func() error
	keep  func() (path string)
}

// WriteTo writes the file.
func (f *Converted) WriteTo(w io.Writer) (int64, error) { return f.src.WriteTo(w) }

// Close frees what belongs to the file.
func (f *Converted) Close() error { return f.close() }

// Keep puts the file into the cache, if it is not there, and sets Path. What
// goes wrong is no error: the next time the image is converted again.
func (f *Converted) Keep() {
	if f.Path == "" && f.keep != nil {
		f.Path = f.keep()
	}
}

// Convert returns the image as a file, from the cache if it is there, but for
// fresh. The caller closes it. Options.Translate must not be set: the cache
// cannot tell what it does.
func (c *Cache) Convert(ctx context.Context, o Options, fresh bool) (*Converted, error) {
	p, err := newPipeline(ctx, o)
	if err != nil {
		return nil, err
	}
	var out *Converted
	img, err := p.open()
	if err == nil {
		defer img.Close()
		key := c.key(p, img)
		p.training, p.trainFresh = c.Training, fresh
		// A file of the cache says no more what training found.
		if !fresh && o.KeepProfile == nil {
			out = c.open(p, key)
		}
		if out == nil {
			var f *File
			if f, err = p.run(img); err == nil {
				out = &Converted{Info: f.Info, Size: f.Size, src: f,
					close: func() error { return nil },
					keep:  func() string { return c.put(ctx, key, f) }}
			}
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, err
}

// open returns the entry of that key, or nil. A damaged one is removed.
func (c *Cache) open(p *pipeline, key string) *Converted {
	if c.Dir == "" {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(c.Dir, key+"-*.wasm"))
	if err != nil {
		return nil
	}
	for _, path := range found {
		e, err := openEntry(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				os.Remove(path)
			}
			continue
		}
		if e.label(p.o.Ref) != nil {
			e.file.Close()
			return nil
		}
		now := time.Now()
		os.Chtimes(path, now, now) // used last
		size := e.head + int64(len(e.tail))
		p.stage("cache", func() (string, error) { return Bytes(size) + ", converted before", nil })
		return &Converted{Info: e.info, Size: size, Path: path, src: e, close: e.file.Close}
	}
	return nil
}

// entry is a file of the cache, open, whose bytes are those that were written.
type entry struct {
	file *os.File
	info *Info
	head int64  // of the file, in bytes: what is taken from it
	tail []byte // what follows
}

func openEntry(path string) (_ *entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	h := xxhash.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, entryName("", h)) {
		return nil, fmt.Errorf("reading %s: it is not what was written", path)
	}
	info, err := ReadInfo(f, size)
	if err != nil {
		return nil, err
	}
	return &entry{file: f, info: info, head: size}, nil
}

// entryName is that of a file with the given checksum.
func entryName(key string, h *xxhash.Digest) string {
	return fmt.Sprintf("%s-%016x.wasm", key, h.Sum64())
}

// label makes the file that of another reference to the same image. The
// description is its last section.
func (e *entry) label(ref string) error {
	if e.info.Image == ref {
		return nil
	}
	list, err := wasm.Sections(e.file, e.head)
	if err != nil {
		return err
	}
	n := len(list)
	if n < 2 || list[n-1].Name != InfoSection {
		return fmt.Errorf("the last section is not %q", InfoSection)
	}
	e.info.Image = ref
	section, err := e.info.section()
	if err != nil {
		return err
	}
	before := list[n-2]
	e.head, e.tail = before.Offset+before.Size, wasm.AppendCustom(nil, section)
	return nil
}

func (e *entry) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, io.NewSectionReader(e.file, 0, e.head))
	if err != nil {
		return n, err
	}
	m, err := w.Write(e.tail)
	return n + int64(m), err
}

// put stores a file and returns its path, or "".
func (c *Cache) put(ctx context.Context, key string, f *File) string {
	if c.Dir == "" || f.Size > c.Limit || os.MkdirAll(c.Dir, 0o777) != nil {
		return ""
	}
	h := xxhash.New()
	if _, err := f.WriteTo(h); err != nil {
		return ""
	}
	path := filepath.Join(c.Dir, entryName(key, h))
	if WriteFile(ctx, path, f) != nil {
		return ""
	}
	c.Prune()
	return path
}

// Kept is a file that the cache has.
type Kept struct {
	Path string
	Size int64 // in bytes
	Used time.Time
}

// List returns what is in the cache, what was used last first. Temporary files
// are not among it.
func (c *Cache) List() []Kept {
	var list []Kept
	c.walk(func(path string, info fs.FileInfo) {
		if !isTemp(path) {
			list = append(list, Kept{path, info.Size(), info.ModTime()})
		}
	})
	slices.SortStableFunc(list, func(a, b Kept) int { return b.Used.Compare(a.Used) })
	return list
}

// walk calls do for each file; without a directory there is none.
func (c *Cache) walk(do func(path string, info fs.FileInfo)) {
	if c.Dir == "" {
		return
	}
	filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != c.Dir && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				do(path, info)
			}
		}
		return nil
	})
}

// isTemp reports whether WriteFile is at the file, or has died over it.
func isTemp(path string) bool {
	base := filepath.Base(path)
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".tmp")
}

// Prune removes what was not used for the longest time until the rest keeps
// the limit.
func (c *Cache) Prune() {
	total := int64(0)
	for _, e := range c.List() {
		if total += e.Size; total > c.Limit {
			os.Remove(e.Path)
		}
	}
	c.walk(func(path string, info fs.FileInfo) {
		if isTemp(path) && time.Since(info.ModTime()) > staleTemp {
			os.Remove(path)
		}
	})
}

// Clear removes every file and returns how many bytes that were.
func (c *Cache) Clear() (freed int64, err error) {
	c.walk(func(path string, info fs.FileInfo) {
		switch e := os.Remove(path); {
		case e == nil:
			freed += info.Size()
		case err == nil && !errors.Is(e, fs.ErrNotExist):
			err = e
		}
	})
	return freed, err
}
