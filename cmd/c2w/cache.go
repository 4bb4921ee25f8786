package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/image"
)

// The user's cache holds converted files and compiled code. Everything in it
// can be made again, so every problem with it is as good as an empty cache.

// cacheLimit is what each of the cache's directories may hold, in bytes: some
// dozens of images.
const cacheLimit = 4 << 30

// cacheDir returns a directory of the cache, or "" if the user has none.
func cacheDir(kind string) string {
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "c2w", kind)
}

// contentKey names the file that a conversion would give. The converter's own
// content stands for everything that it would add.
func contentKey(img *image.Image, o *convert.Options) string {
	h := sha256.New()
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(exe)
	if err != nil {
		return ""
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	h.Write(o.Machine)
	fmt.Fprintf(h, "%q %q %q %d", o.Ref, img.Digest, o.Platform, o.RAM)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func cachePath(key string) string {
	dir := cacheDir("files")
	if dir == "" || key == "" {
		return ""
	}
	return filepath.Join(dir, key+".wasm")
}

// cachedFile returns the file of that key, or nil.
func cachedFile(key string) []byte {
	name := cachePath(key)
	if name == "" {
		return nil
	}
	b, err := readFile(name)
	if err != nil {
		return nil
	}
	now := time.Now()
	os.Chtimes(name, now, now) // used last
	return b
}

// keepFile returns the file's bytes and stores them for the next time.
func keepFile(ctx context.Context, key string, file *convert.File) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(file.Size))
	if _, err := file.WriteTo(&b); err != nil {
		return nil, err
	}
	if name := cachePath(key); name != "" && os.MkdirAll(filepath.Dir(name), 0o777) == nil {
		// Without it the next run converts again.
		_ = convert.WriteFile(ctx, name, bytes.NewReader(b.Bytes()))
		prune(filepath.Dir(name))
		prune(cacheDir("code"))
	}
	return b.Bytes(), nil
}

// prune removes the files of dir that were not used for the longest time until
// the others keep the limit.
func prune(dir string) {
	type entry struct {
		path string
		info fs.FileInfo
	}
	var all []entry
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				all = append(all, entry{path, info})
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b entry) int { return b.info.ModTime().Compare(a.info.ModTime()) })
	total := int64(0)
	for _, e := range all {
		if total += e.info.Size(); total > cacheLimit {
			os.Remove(e.path)
		}
	}
}
