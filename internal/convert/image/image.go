// Package image finds container images, picks the platform wanted and hands
// out the configuration and the layers, every byte checked against its digest
// (OCI image-spec 1.1; Docker's schema 2 is read as the same thing).
//
// It must not know what becomes of a layer: merging is package rootfs's work.
package image

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// maxManifest bounds an index or a manifest; registries refuse more than
	// 4 MiB (distribution-spec, "Pushing Manifests").
	maxManifest = 4 << 20
	// maxConfig bounds an image configuration. Real ones stay below 100 KiB.
	maxConfig = 8 << 20
	// maxIndexDepth bounds indexes inside indexes. Real images need 2.
	maxIndexDepth = 4
	// maxManifests bounds what all indexes of one reference may list.
	maxManifests = 4096
)

// Image is one image for one platform. It is immutable.
type Image struct {
	// Ref is the reference as it was given to Open.
	Ref string
	// Digest is that of the image's manifest; where there is none, in archives of
	// docker save and in a docker daemon, it is the image's ID.
	Digest v1.Hash
	// Platform is the one the image was chosen by.
	Platform v1.Platform
	// Config has what the image says of running it: Entrypoint, Cmd, Env,
	// WorkingDir, User, Labels, StopSignal and so on.
	Config v1.Config
	// Layers are in the order in which they are applied, the base first.
	Layers []Layer
	// Size is that of the layers as they are stored, in bytes; of a docker
	// daemon's images it is what the daemon says, about the unpacked size.
	Size int64

	free func() error
}

// Close ends downloads and removes temporary files; Layers cannot be opened any
// more. Only sources that had to unpack or download something have any.
func (img *Image) Close() error { return img.free() }

// Open finds the image that ref names and picks the one for platform p, of
// which OS and Architecture must be set. It reads and verifies indexes,
// manifest and configuration; layers are verified as they are read (see
// Layer.Open). Each error is one line for the user and says what to do; nothing
// is left behind then.
func Open(ctx context.Context, ref string, p v1.Platform, o Options) (*Image, error) {
	for _, s := range sources() {
		rest, ok := strings.CutPrefix(ref, s.prefix)
		if !ok {
			continue
		}
		img, err := s.open(ctx, request{ref: ref, rest: rest, platform: p, Options: o})
		if err != nil {
			return nil, oneLine(err)
		}
		return img, nil
	}
	panic("BUG: no source takes every reference")
}

// load reads the image that st has for a request. st belongs to the image, and
// is closed when there is none.
func load(ctx context.Context, st store, q request) (_ *Image, err error) {
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	roots, err := st.roots(ctx)
	if err != nil {
		return nil, err
	}
	w := walk{st: st}
	if err := w.add(ctx, roots, 0); err != nil {
		return nil, fmt.Errorf("reading image %s: %w", q.ref, err)
	}
	c, err := w.pick(ctx, q.ref, q.platform)
	if err != nil {
		return nil, err
	}
	img := &Image{Ref: q.ref, Digest: c.desc.Digest, Platform: c.platform, Config: c.config.Config, free: st.close}
	if _, ok := st.(*dockerArchive); ok {
		img.Digest = c.manifest.Config.Digest
	}
	if err := img.addLayers(st, c, newMeter(q.Progress)); err != nil {
		return nil, fmt.Errorf("reading image %s: %w", q.ref, err)
	}
	return img, nil
}

func (img *Image) addLayers(st store, c *candidate, m *meter) error {
	layers, diffs := c.manifest.Layers, c.config.RootFS.DiffIDs
	if t := c.manifest.Config.MediaType; len(layers) != len(diffs) && !t.IsConfig() {
		return fmt.Errorf("its configuration has the media type %q: it is not a container image", t)
	}
	if len(layers) != len(diffs) {
		return fmt.Errorf("the manifest has %d layers, the configuration %d: the image is damaged", len(layers), len(diffs))
	}
	for i, d := range layers {
		switch {
		case d.MediaType.IsLayer() && !d.MediaType.IsDistributable():
			return fmt.Errorf("layer %s is a foreign one (%s), which its maker does not let be distributed: c2w cannot convert the image", d.Digest, d.MediaType)
		case strings.HasSuffix(string(d.MediaType), "+encrypted"):
			return fmt.Errorf("layer %s is encrypted: decrypt the image first, for example with skopeo copy --decryption-key", d.Digest)
		case !d.MediaType.IsLayer() && d.MediaType != dockerZstdLayer:
			return fmt.Errorf("layer %s has the media type %q, which is not a file system layer", d.Digest, d.MediaType)
		case d.Size < 0:
			return fmt.Errorf("layer %s has the size %d: the image is damaged", d.Digest, d.Size)
		case d.Size > maxStored-img.Size:
			return fmt.Errorf("its layers have %d bytes and more: %w", img.Size, errTooLarge)
		}
		m.expect(d.Size)
		img.Size += d.Size
		img.Layers = append(img.Layers, Layer{Digest: d.Digest, DiffID: diffs[i], Size: d.Size, desc: d, st: st, meter: m})
	}
	return nil
}

// dockerZstdLayer is what containerd writes; go-containerregistry has no name for it.
const dockerZstdLayer = "application/vnd.docker.image.rootfs.diff.tar.zstd"

// candidate is one manifest that a reference leads to.
type candidate struct {
	desc     v1.Descriptor
	platform v1.Platform
	manifest *v1.Manifest
	config   *v1.ConfigFile
}

// walk collects candidates from indexes.
type walk struct {
	st    store
	found []candidate
	seen  int
}

func (w *walk) add(ctx context.Context, list []v1.Descriptor, depth int) error {
	if depth > maxIndexDepth {
		return fmt.Errorf("indexes are nested more than %d deep", maxIndexDepth)
	}
	for _, d := range list {
		if w.seen++; w.seen > maxManifests {
			return fmt.Errorf("the index lists more than %d manifests", maxManifests)
		}
		switch {
		case d.MediaType.IsIndex():
			raw, err := readVerified(ctx, w.st.manifest, d, maxManifest, "index")
			if err != nil {
				return err
			}
			idx, err := v1.ParseIndexManifest(bytes.NewReader(raw))
			if err != nil {
				return fmt.Errorf("parsing index %s: %w", d.Digest, err)
			}
			if err := w.add(ctx, idx.Manifests, depth+1); err != nil {
				return err
			}
		case d.MediaType.IsImage():
			c := candidate{desc: d}
			if d.Platform != nil && d.Platform.Architecture != "" {
				c.platform = *d.Platform
			} else if err := w.read(ctx, &c); err != nil {
				return err
			}
			// Build attestations have this platform (BuildKit).
			if c.platform.Architecture != "unknown" {
				w.found = append(w.found, c)
			}
		case d.MediaType.IsSchema1():
			return fmt.Errorf("%s is a manifest of Docker's schema 1, out of use since 2019: have it converted with skopeo copy --format v2s2, or pull and push it with a current docker", d.Digest)
		case depth == 0:
			return fmt.Errorf("%s has the media type %q, which is not an image that c2w reads", d.Digest, d.MediaType)
		}
	}
	return nil
}

// read fills in c's manifest and configuration.
func (w *walk) read(ctx context.Context, c *candidate) error {
	raw, err := readVerified(ctx, w.st.manifest, c.desc, maxManifest, "manifest")
	if err != nil {
		return err
	}
	if c.manifest, err = v1.ParseManifest(bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("parsing manifest %s: %w", c.desc.Digest, err)
	}
	raw, err = readVerified(ctx, w.st.blob, c.manifest.Config, maxConfig, "configuration")
	if err != nil {
		return err
	}
	c.config = &v1.ConfigFile{}
	if err := json.Unmarshal(raw, c.config); err != nil {
		return fmt.Errorf("parsing configuration %s: %w", c.manifest.Config.Digest, err)
	}
	if c.platform.Architecture == "" {
		c.platform = v1.Platform{OS: c.config.OS, Architecture: c.config.Architecture, Variant: c.config.Variant}
	}
	return nil
}

// pick returns the first candidate for p, read.
func (w *walk) pick(ctx context.Context, ref string, p v1.Platform) (*candidate, error) {
	var have []string
	for i := range w.found {
		c := &w.found[i]
		if matches(c.platform, p) {
			if c.manifest == nil {
				if err := w.read(ctx, c); err != nil {
					return nil, fmt.Errorf("reading image %s: %w", ref, err)
				}
			}
			return c, nil
		}
		if s := c.platform.String(); !slices.Contains(have, s) {
			have = append(have, s)
		}
	}
	if len(have) == 0 {
		return nil, fmt.Errorf("image %s has no manifest of an image", ref)
	}
	return nil, fmt.Errorf("image %s has no %s variant, only %s: choose an image or a tag that has one",
		ref, p, strings.Join(have, ", "))
}

// matches reports whether an image for have serves someone who wants want.
// arm64 is always v8 when nothing else is said (image-spec, "Platform Variants").
func matches(have, want v1.Platform) bool {
	for _, p := range []*v1.Platform{&have, &want} {
		if p.Architecture == "arm64" && p.Variant == "v8" {
			p.Variant = ""
		}
	}
	return have.OS == want.OS && have.Architecture == want.Architecture &&
		(want.Variant == "" || have.Variant == want.Variant)
}

// readVerified reads the small blob d wholly. what names its kind in errors.
func readVerified(ctx context.Context, open func(context.Context, v1.Descriptor) (io.ReadCloser, error), d v1.Descriptor, limit int64, what string) ([]byte, error) {
	if d.Size < 0 || d.Size > limit {
		return nil, fmt.Errorf("%s %s has the size %d, more than the %d that c2w reads", what, d.Digest, d.Size, limit)
	}
	rc, err := open(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", what, d.Digest, err)
	}
	defer rc.Close()
	raw, err := io.ReadAll(io.LimitReader(rc, d.Size+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", what, d.Digest, err)
	}
	if int64(len(raw)) != d.Size {
		return nil, fmt.Errorf("%s %s is not %d bytes long: %s", what, d.Digest, d.Size, damaged)
	}
	h, err := v1.Hasher(d.Digest.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	h.Write(raw)
	if got := hex.EncodeToString(h.Sum(nil)); got != d.Digest.Hex {
		return nil, fmt.Errorf("%s %s has the digest %s:%s: %s", what, d.Digest, d.Digest.Algorithm, got, damaged)
	}
	return raw, nil
}

// lineError shows an error on one line; registries send multi-line bodies.
type lineError struct{ error }

func (e lineError) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e lineError) Unwrap() error { return e.error }

func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return lineError{err}
}
