package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/demo"
)

// Annotations of index.json that carry a tag: the image-spec's ("Pre-Defined
// Annotation Keys"), and the whole name as containerd and docker save write it.
const (
	refName   = "org.opencontainers.image.ref.name"
	imageName = "io.containerd.image.name"
)

// layoutSource is an OCI image layout on any file system.
type layoutSource struct {
	fsys fs.FS
	what string // for errors: "OCI layout DIR"
	form string // for errors: how to name one of several images
	tag  string // "" takes everything
	free func() error
}

// openLayout opens DIR[:TAG].
func openLayout(ctx context.Context, q request) (*Image, error) {
	dir, tag := splitTag(q.rest, func(info fs.FileInfo) bool { return info.IsDir() })
	if dir == "" {
		return nil, fmt.Errorf("parsing reference %q: the directory is missing: write oci:DIR or oci:DIR:TAG", q.ref)
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return nil, fmt.Errorf("opening OCI layout %s: %w", dir, reason(err, dir))
	case !info.IsDir():
		return nil, fmt.Errorf("opening OCI layout: %s is not a directory: an archive is named oci-archive:FILE or docker-archive:FILE", dir)
	}
	l := &layoutSource{fsys: os.DirFS(dir), what: "OCI layout " + dir, form: "oci:" + dir + ":TAG", tag: tag}
	if _, err := fs.Stat(l.fsys, layoutFile); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not an OCI layout: it has no file %s (one is made by, for example, skopeo copy docker://NAME oci:DIR:TAG)", dir, layoutFile)
	} else if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.what, err)
	}
	return load(ctx, l, q)
}

// layoutFile marks a directory as an OCI layout.
const layoutFile = "oci-layout"

func openDemo(ctx context.Context, q request) (*Image, error) {
	if q.rest != "" {
		return nil, fmt.Errorf("parsing reference %q: write demo: without anything behind it", q.ref)
	}
	fsys, err := demo.Layout()
	if err != nil {
		return nil, err
	}
	return load(ctx, &layoutSource{fsys: fsys, what: "demo:", form: "demo:"}, q)
}

func (l *layoutSource) roots(context.Context) ([]v1.Descriptor, error) {
	raw, err := l.readIndex()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.what, err)
	}
	var idx v1.IndexManifest
	if err := json.Unmarshal(raw, &idx); err != nil {
		return nil, fmt.Errorf("reading %s: parsing index.json: %w", l.what, err)
	}
	if len(idx.Manifests) > maxManifests {
		return nil, fmt.Errorf("reading %s: index.json lists more than %d manifests", l.what, maxManifests)
	}
	c := choice{what: l.what, form: l.form, tag: l.tag}
	for _, d := range idx.Manifests {
		// The whole name says more, but both choose.
		names := []string{d.Annotations[imageName]}
		if t := d.Annotations[refName]; names[0] == "" || t == l.tag {
			names = append(names, t)
		}
		c.add(d.Digest.String(), names...)
	}
	picked, err := c.pick()
	if err != nil {
		return nil, err
	}
	var list []v1.Descriptor
	for _, i := range picked {
		list = append(list, idx.Manifests[i])
	}
	return list, nil
}

func (l *layoutSource) readIndex() ([]byte, error) {
	f, err := l.fsys.Open("index.json")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(raw) > maxManifest {
		err = fmt.Errorf("index.json is larger than %d bytes", maxManifest)
	}
	return raw, err
}

func (l *layoutSource) manifest(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return l.blob(ctx, d)
}

// blob relies on v1.Hash having been parsed: algorithm and hex are plain names.
func (l *layoutSource) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	f, err := l.fsys.Open("blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it is not in the %s: %s", l.what, damaged)
	}
	return f, err
}

func (l *layoutSource) close() error {
	if l.free == nil {
		return nil
	}
	return l.free()
}
