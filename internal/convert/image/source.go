package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// store is where an opened reference's content comes from. What it returns is
// not trusted: callers check digests and sizes.
type store interface {
	// roots lists what the reference names: one manifest or index, or several
	// manifests that differ in platform.
	roots(ctx context.Context) ([]v1.Descriptor, error)
	// manifest reads a manifest or index.
	manifest(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// blob reads a configuration or a layer.
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// close frees what the store holds; nothing that it has handed out is in use.
	close() error
}

// request is what Open is asked for. rest is ref behind the source's prefix.
type request struct {
	ref, rest string
	platform  v1.Platform
	Options
}

// source is one kind of reference.
type source struct {
	prefix, form string
	open         func(context.Context, request) (*Image, error)
}

// sources is the table of kinds; the first whose prefix fits is used.
func sources() []source {
	return []source{
		{"oci:", "oci:DIR[:TAG]", openLayout},
		{"oci-archive:", "oci-archive:FILE[:TAG]", openArchiveRef},
		{"docker-archive:", "docker-archive:FILE[:NAME[:TAG]]", openArchiveRef},
		{"docker-daemon:", "docker-daemon:NAME[:TAG|@DIGEST]", openDaemon},
		{"demo:", "demo:", openDemo},
		{"docker://", "", openRegistry},
		{"", "[REGISTRY/]NAME[:TAG][@DIGEST]", openPlain},
	}
}

// Forms lists the forms of reference that Open takes, for help texts.
func Forms() []string {
	f := []string{"a directory or archive made by skopeo, buildah, docker save …"}
	for _, s := range sources() {
		if s.form != "" {
			f = append(f, s.form)
		}
	}
	return f
}

// openPlain opens a reference without a prefix: a path if it looks like one, or
// if an image is there; otherwise a name in a registry.
func openPlain(ctx context.Context, q request) (*Image, error) {
	explicit := strings.HasPrefix(q.ref, ".") || filepath.IsAbs(q.ref) || strings.HasPrefix(q.ref, "/") || filepath.VolumeName(q.ref) != ""
	path, _ := q.ref, ""
	if explicit {
		path, _ = splitTag(q.ref, func(fs.FileInfo) bool { return true })
	}
	info, err := os.Stat(path)
	switch {
	case err != nil && explicit:
		return nil, fmt.Errorf("opening image %s: %w", path, reason(err, path))
	case err != nil:
		return openRegistry(ctx, q)
	case info.IsDir():
		if _, err := os.Stat(filepath.Join(path, layoutFile)); err == nil || explicit {
			return openLayout(ctx, q)
		}
		return openRegistry(ctx, q)
	case isWasm(path):
		return nil, fmt.Errorf("%s is a converted file, not an image: c2w run %s runs it", path, path)
	}
	// A file of that name is what is meant: repositories have no such names in
	// practice, and a mistake would be noticed.
	return openArchiveRef(ctx, q)
}

// reason is err without the path that the message around it has already: the
// system's own errors begin with what was done to which file.
func reason(err error, path string) error {
	if pe, ok := err.(*fs.PathError); ok && pe.Path == path {
		return pe.Err
	}
	return err
}

// isWasm reports whether a file is a WebAssembly module.
func isWasm(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	io.ReadFull(f, magic[:])
	return bytes.Equal(magic[:], []byte("\x00asm"))
}

// splitTag cuts PATH[:TAG] behind the longest path that exists and is of the
// kind wanted. When there is none, the tag begins at the first colon.
func splitTag(s string, wanted func(fs.FileInfo) bool) (path, tag string) {
	for end := len(s); end > 0; end = strings.LastIndexByte(s[:end], ':') {
		if info, err := os.Stat(s[:end]); err == nil && wanted(info) {
			return s[:end], strings.TrimPrefix(s[end:], ":")
		}
	}
	start := 0
	if runtime.GOOS == "windows" {
		start = len(filepath.VolumeName(s))
	}
	path, tag, _ = strings.Cut(s[start:], ":")
	return s[:start] + path, tag
}

// openArchiveRef opens FILE[:TAG], in either form of archive: both tell what
// they are.
func openArchiveRef(ctx context.Context, q request) (*Image, error) {
	file, tag := splitTag(q.rest, func(info fs.FileInfo) bool { return !info.IsDir() })
	if file == "" {
		return nil, fmt.Errorf("parsing reference %q: the file is missing: write %sFILE", q.ref, strings.TrimSuffix(q.ref, q.rest))
	}
	a, err := openArchive(ctx, file, q.Options)
	if err != nil {
		return nil, err
	}
	return a.image(ctx, q, tag)
}

// image reads an archive's image; a is closed when that fails, or with the image.
func (a *archive) image(ctx context.Context, q request, tag string) (*Image, error) {
	switch {
	case a.has("index.json") && (a.has(layoutFile) || !a.has("manifest.json")):
		return load(ctx, &layoutSource{fsys: a, what: "archive " + a.name, form: "oci-archive:" + a.name + ":TAG", tag: tag, free: a.close}, q)
	case a.has("manifest.json"):
		return load(ctx, &dockerArchive{a: a, tag: tag}, q)
	}
	a.close()
	if a.has("repositories") {
		return nil, fmt.Errorf("archive %s was saved by a docker older than 1.10: load it into a newer one and save it again", a.name)
	}
	return nil, fmt.Errorf("archive %s has no image in it, neither index.json nor manifest.json (docker save makes such archives; docker import makes an image of a root file system)", a.name)
}

// isCancelled keeps an interrupt from being explained as something else.
func isCancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
