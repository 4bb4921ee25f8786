package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/demo"
)

// refName is the annotation that carries a tag in index.json (image-spec,
// "Pre-Defined Annotation Keys").
const refName = "org.opencontainers.image.ref.name"

// layoutSource is an OCI image layout on any file system.
type layoutSource struct {
	fsys fs.FS
	name string // for errors
	tag  string // "" takes everything
}

// openLayout opens DIR[:TAG]. A directory whose name has a colon wins over a tag.
func openLayout(rest string, _ Options) (store, error) {
	dir, tag := rest, ""
	if _, err := os.Stat(rest); err != nil {
		if i := strings.LastIndexByte(rest, ':'); i > 0 && !strings.ContainsAny(rest[i:], `/\`) {
			dir, tag = rest[:i], rest[i+1:]
		}
	}
	if dir == "" {
		return nil, fmt.Errorf("parsing reference %q: the directory is missing: write oci:DIR or oci:DIR:TAG", "oci:"+rest)
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return nil, fmt.Errorf("opening OCI layout: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("opening OCI layout: %s is not a directory", dir)
	}
	return &layoutSource{fsys: os.DirFS(dir), name: dir, tag: tag}, nil
}

func openDemo(rest string, _ Options) (store, error) {
	if rest != "" {
		return nil, fmt.Errorf("parsing reference %q: there is only one demo image, write demo:", "demo:"+rest)
	}
	fsys, err := demo.Layout()
	if err != nil {
		return nil, err
	}
	return &layoutSource{fsys: fsys, name: "demo:"}, nil
}

func (l *layoutSource) roots(context.Context) ([]v1.Descriptor, error) {
	if _, err := fs.Stat(l.fsys, "oci-layout"); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not an OCI layout: it has no file oci-layout (one is made by, for example, skopeo copy docker://NAME oci:DIR:TAG)", l.name)
	} else if err != nil {
		return nil, fmt.Errorf("reading OCI layout %s: %w", l.name, err)
	}
	raw, err := l.readIndex()
	if err != nil {
		return nil, fmt.Errorf("reading OCI layout %s: %w", l.name, err)
	}
	var idx v1.IndexManifest
	if err := json.Unmarshal(raw, &idx); err != nil {
		return nil, fmt.Errorf("reading OCI layout %s: parsing index.json: %w", l.name, err)
	}
	var tags []string
	var named []v1.Descriptor
	for _, d := range idx.Manifests {
		t := d.Annotations[refName]
		if t == l.tag {
			named = append(named, d)
		}
		if t != "" && !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	slices.Sort(tags)
	switch {
	case len(idx.Manifests) == 0:
		return nil, fmt.Errorf("OCI layout %s has no image in it", l.name)
	case l.tag == "" && len(tags) > 1:
		return nil, fmt.Errorf("OCI layout %s has several images: choose one as oci:%s:TAG with a TAG of %s", l.name, l.name, strings.Join(tags, ", "))
	case l.tag == "":
		return idx.Manifests, nil
	case len(named) == 0 && len(tags) == 0:
		return nil, fmt.Errorf("OCI layout %s has no tag %q, and no other: leave the tag out", l.name, l.tag)
	case len(named) == 0:
		return nil, fmt.Errorf("OCI layout %s has no tag %q, only %s", l.name, l.tag, strings.Join(tags, ", "))
	}
	return named, nil
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
		return nil, fmt.Errorf("it is not in the OCI layout %s: %s", l.name, damaged)
	}
	return f, err
}

func (l *layoutSource) close() error { return nil }
