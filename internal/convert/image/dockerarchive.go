package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dockerArchive is an archive of docker save: manifest.json lists images by the
// names of files (moby, image/spec v1.2). It has no manifests, so for each image
// one is made of what manifest.json says, and then it is read like any other.
type dockerArchive struct {
	a     *archive
	tag   string // "" takes everything
	files map[v1.Hash]string
	made  map[v1.Hash][]byte
}

// dockerEntry is one image in manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (s *dockerArchive) roots(context.Context) ([]v1.Descriptor, error) {
	raw, err := s.a.readAll("manifest.json", maxManifest)
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", s.a.name, err)
	}
	var entries []dockerEntry
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("reading archive %s: parsing manifest.json: %w", s.a.name, err)
	}
	if len(entries) > maxManifests {
		return nil, fmt.Errorf("reading archive %s: manifest.json lists more than %d images", s.a.name, maxManifests)
	}
	c := choice{what: "archive " + s.a.name, form: "docker-archive:" + s.a.name + ":TAG", tag: s.tag}
	for _, e := range entries {
		c.add(e.Config, e.RepoTags...)
	}
	picked, err := c.pick()
	if err != nil {
		return nil, err
	}
	s.files, s.made = map[v1.Hash]string{}, map[v1.Hash][]byte{}
	var list []v1.Descriptor
	for _, i := range picked {
		d, err := s.make(&entries[i])
		if err != nil {
			return nil, fmt.Errorf("reading archive %s: %w", s.a.name, err)
		}
		list = append(list, d)
	}
	return list, nil
}

// configName has an image's ID in it: the digest of the configuration.
var configName = regexp.MustCompile(`^(?:blobs/sha256/|sha256:)?([0-9a-f]{64})(?:\.json)?$`)

// make writes the manifest of one image. Layers go by their diff IDs, which the
// configuration has and which Layer.Open checks.
func (s *dockerArchive) make(e *dockerEntry) (v1.Descriptor, error) {
	raw, err := s.a.readAll(e.Config, maxConfig)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("configuration: %w", err)
	}
	id := digest(raw)
	if m := configName.FindStringSubmatch(path.Clean(e.Config)); m != nil && m[1] != id.Hex {
		return v1.Descriptor{}, fmt.Errorf("configuration %s has the digest %s: %s", e.Config, id, damaged)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return v1.Descriptor{}, fmt.Errorf("parsing configuration %s: %w", e.Config, err)
	}
	if len(e.Layers) != len(config.RootFS.DiffIDs) {
		return v1.Descriptor{}, fmt.Errorf("manifest.json has %d layers for configuration %s, which has %d: %s", len(e.Layers), e.Config, len(config.RootFS.DiffIDs), damaged)
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.DockerManifestSchema2, Layers: []v1.Descriptor{},
		Config: v1.Descriptor{MediaType: types.DockerConfigJSON, Size: int64(len(raw)), Digest: id}}
	s.made[id] = raw
	for i, diff := range config.RootFS.DiffIDs {
		f, err := s.a.find(e.Layers[i])
		if err != nil {
			return v1.Descriptor{}, fmt.Errorf("layer %s: %w: %s", e.Layers[i], err, damaged)
		}
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.DockerUncompressedLayer, Size: f.size, Digest: diff})
		s.files[diff] = e.Layers[i]
	}
	made, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: m.MediaType, Size: int64(len(made)), Digest: digest(made)}
	s.made[d.Digest] = made
	return d, nil
}

func digest(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func (s *dockerArchive) manifest(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return s.blob(ctx, d)
}

func (s *dockerArchive) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if b, ok := s.made[d.Digest]; ok {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	name, ok := s.files[d.Digest]
	if !ok {
		return nil, errors.New("it is not in the archive")
	}
	return s.a.Open(name)
}

func (s *dockerArchive) close() error { return s.a.close() }

// choice picks images by tag.
type choice struct {
	what, form string // for errors: what the images are in, how to name one
	tag        string // "" picks everything, as long as it is one image
	ids        []string
	names      [][]string
}

// add takes the next image: its identity, and the tags that it has.
func (c *choice) add(id string, names ...string) {
	c.ids = append(c.ids, id)
	c.names = append(c.names, slices.DeleteFunc(names, func(s string) bool { return s == "" }))
}

// pick returns the indexes of the images that the tag names.
func (c *choice) pick() ([]int, error) {
	var picked []int
	var tags, ids []string
	for i, names := range c.names {
		for _, n := range names {
			if !slices.Contains(tags, n) {
				tags = append(tags, n)
			}
		}
		if len(names) > 0 && !slices.Contains(ids, c.ids[i]) {
			ids = append(ids, c.ids[i])
		}
		if c.tag == "" || slices.ContainsFunc(names, func(n string) bool { return sameTag(n, c.tag) }) {
			picked = append(picked, i)
		}
	}
	slices.Sort(tags)
	list := strings.Join(tags, ", ")
	switch {
	case len(c.ids) == 0:
		return nil, fmt.Errorf("%s has no image in it", c.what)
	case c.tag == "" && len(ids) > 1:
		return nil, fmt.Errorf("%s has several images: choose one as %s with a TAG of %s", c.what, c.form, list)
	case c.tag == "" || len(picked) > 0:
		return picked, nil
	case len(tags) == 0:
		return nil, fmt.Errorf("%s has no tag %q, and no other: leave the tag out", c.what, c.tag)
	}
	return nil, fmt.Errorf("%s has no tag %q, only %s", c.what, c.tag, list)
}

// sameTag reports whether a tag is what a user means: by its whole text, or as
// docker completes names.
func sameTag(tag, want string) bool { return tag == want || fullName(tag) == fullName(want) }

// fullName completes a name as docker does; what is no name stays what it is.
func fullName(s string) string {
	first, rest, ok := strings.Cut(s, "/")
	switch {
	case !ok:
		s = "docker.io/library/" + s
	case first == "index.docker.io":
		s = "docker.io/" + rest
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		s = "docker.io/" + s
	}
	if !strings.Contains(s[strings.LastIndexByte(s, '/'):], ":") && !strings.Contains(s, "@") {
		s += ":latest"
	}
	return s
}
