// Package ocilayout writes OCI image layouts (image-spec 1.1, "Image Layout")
// for tests and for the scripts that make test images. It writes what it is
// told, wrong digests included, so that readers can be tested; it must not
// know how c2w reads images.
package ocilayout

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression says how Writer.Layer stores a layer.
type Compression string

// The compressions that OCI layers may have.
const (
	None Compression = ""
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// Layer is a blob already written, as a manifest needs it.
type Layer struct {
	Desc   v1.Descriptor
	DiffID v1.Hash
}

// Writer writes one layout directory. Create it with New, add images, Close.
type Writer struct {
	dir   string
	index v1.IndexManifest
}

// New makes dir, when it does not exist, an empty layout.
func New(dir string) (*Writer, error) {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return nil, err
	}
	err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
	return &Writer{dir: dir, index: v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}}, err
}

// Blob writes content and returns its descriptor.
func (w *Writer) Blob(mt types.MediaType, content []byte) (v1.Descriptor, error) {
	sum := sha256.Sum256(content)
	h := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	err := os.WriteFile(w.Path(h), content, 0o644)
	return v1.Descriptor{MediaType: mt, Size: int64(len(content)), Digest: h}, err
}

// Path is the file that holds the blob h.
func (w *Writer) Path(h v1.Hash) string { return filepath.Join(w.dir, "blobs", h.Algorithm, h.Hex) }

// Layer writes an uncompressed tar stream as a layer blob. The same stream
// gives the same bytes.
func (w *Writer) Layer(r io.Reader, c Compression) (Layer, error) {
	tmp, err := os.CreateTemp(w.dir, "layer-*")
	if err != nil {
		return Layer{}, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	blob, diff := sha256.New(), sha256.New()
	out := &counter{w: io.MultiWriter(tmp, blob)}
	var enc io.WriteCloser
	mt := types.OCIUncompressedLayer
	switch c {
	case None:
		enc = nopCloser{out}
	case Gzip:
		mt = types.OCILayer
		enc, err = gzip.NewWriterLevel(out, gzip.BestCompression)
	case Zstd:
		mt = types.OCILayerZStd
		enc, err = zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	default:
		err = fmt.Errorf("layer compression %q is not known", c)
	}
	if err != nil {
		return Layer{}, err
	}
	if _, err := io.Copy(io.MultiWriter(enc, diff), r); err != nil {
		return Layer{}, err
	}
	if err := enc.Close(); err != nil {
		return Layer{}, err
	}
	if err := tmp.Close(); err != nil {
		return Layer{}, err
	}
	l := Layer{
		Desc: v1.Descriptor{MediaType: mt, Size: out.n,
			Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(blob.Sum(nil))}},
		DiffID: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(diff.Sum(nil))},
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return Layer{}, err
	}
	return l, os.Rename(tmp.Name(), w.Path(l.Desc.Digest))
}

// Image writes the configuration and manifest of an image and returns the
// manifest's descriptor; Add or Index make it reachable. The layers' diff IDs
// go into the configuration unless it has some already.
func (w *Writer) Image(p v1.Platform, cfg v1.Config, layers ...Layer) (v1.Descriptor, error) {
	cf := v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		Config: cfg, RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	for _, l := range layers {
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, l.DiffID)
		m.Layers = append(m.Layers, l.Desc)
	}
	var err error
	if m.Config, err = w.json(types.OCIConfigJSON, cf); err != nil {
		return v1.Descriptor{}, err
	}
	d, err := w.json(types.OCIManifestSchema1, m)
	d.Platform = &p
	return d, err
}

// Index writes a nested image index.
func (w *Writer) Index(manifests ...v1.Descriptor) (v1.Descriptor, error) {
	return w.json(types.OCIImageIndex, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests})
}

// Add lists d in index.json, under a tag unless that is "".
func (w *Writer) Add(d v1.Descriptor, tag string) {
	if tag != "" {
		d.Annotations = map[string]string{"org.opencontainers.image.ref.name": tag}
	}
	w.index.Manifests = append(w.index.Manifests, d)
}

// Close writes index.json.
func (w *Writer) Close() error {
	if w.index.Manifests == nil {
		w.index.Manifests = []v1.Descriptor{}
	}
	b, err := json.Marshal(w.index)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, "index.json"), b, 0o644)
}

func (w *Writer) json(mt types.MediaType, v any) (v1.Descriptor, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return w.Blob(mt, b)
}

// Tar makes an uncompressed layer of headers; a regular file's content is in
// body under the header's name. Times that are not set become 1 January 2025.
func Tar(body map[string]string, headers ...tar.Header) *bytes.Reader {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(body[h.Name]))
		}
		if h.ModTime.IsZero() {
			h.ModTime = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		if h.PAXRecords != nil {
			h.Format = tar.FormatPAX
		}
		if err := tw.WriteHeader(&h); err != nil {
			panic(fmt.Sprintf("BUG: header %q: %v", h.Name, err))
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(tw, body[h.Name])
		}
	}
	if err := tw.Close(); err != nil {
		panic(fmt.Sprintf("BUG: closing a tar in memory: %v", err))
	}
	return bytes.NewReader(b.Bytes())
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
