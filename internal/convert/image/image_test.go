package image

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

var (
	riscv = v1.Platform{OS: "linux", Architecture: "riscv64"}
	amd   = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm   = v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
)

// fixture is a layout in which a test changes what it wants to be wrong.
type fixture struct {
	t      testing.TB
	dir    string
	w      *ocilayout.Writer
	layers []ocilayout.Layer
	tars   []string
}

// newFixture has three layers, one per compression, and no image yet.
func newFixture(t testing.TB) *fixture {
	dir := filepath.Join(t.TempDir(), "layout")
	w, err := ocilayout.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: dir, w: w}
	for i, c := range []ocilayout.Compression{ocilayout.Gzip, ocilayout.Zstd, ocilayout.None} {
		body := strings.Repeat("content of a file\n", 1000*i)
		raw, _ := io.ReadAll(ocilayout.Tar(map[string]string{"f": body}, tar.Header{Name: "f", Mode: 0o644}))
		l, err := w.Layer(bytes.NewReader(raw), c)
		if err != nil {
			t.Fatal(err)
		}
		f.layers, f.tars = append(f.layers, l), append(f.tars, string(raw))
	}
	return f
}

func (f *fixture) image(p v1.Platform, layers ...ocilayout.Layer) v1.Descriptor {
	d, err := f.w.Image(p, v1.Config{Cmd: []string{"/bin/sh", p.Architecture}, Env: []string{"A=b"}, WorkingDir: "/w", User: "7"}, layers...)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

func (f *fixture) index(m ...v1.Descriptor) v1.Descriptor {
	d, err := f.w.Index(m...)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// close writes index.json with one entry and returns the reference.
func (f *fixture) close(d v1.Descriptor) string {
	f.w.Add(d, "latest")
	if err := f.w.Close(); err != nil {
		f.t.Fatal(err)
	}
	return "oci:" + f.dir
}

// serve pushes the layout to a registry on the loopback interface, as
// some/app:v1, and returns the registry's host.
func (f *fixture) serve() string {
	srv := httptest.NewServer(registry.New(registry.Logger(quiet)))
	f.t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	f.push(host + "/some/app:v1")
	return host
}

func (f *fixture) push(to string) {
	f.t.Helper()
	ref, err := name.ParseReference(to)
	if err != nil {
		f.t.Fatal(err)
	}
	idx, err := layout.ImageIndexFromPath(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		f.t.Fatal(err)
	}
}

// check opens ref for p and reads its layers.
func check(t *testing.T, ref string, p v1.Platform, tars []string) {
	t.Helper()
	checkWith(t, ref, p, tars, Options{})
}

func checkWith(t *testing.T, ref string, p v1.Platform, tars []string, o Options) {
	t.Helper()
	img, err := Open(context.Background(), ref, p, o)
	if err != nil {
		t.Fatal(err)
	}
	if img.Ref != ref || img.Platform.Architecture != p.Architecture || img.Config.Cmd[1] != p.Architecture ||
		img.Config.WorkingDir != "/w" || img.Config.User != "7" || !slices.Equal(img.Config.Env, []string{"A=b"}) {
		t.Errorf("%s for %s: image is %+v", ref, p, img)
	}
	defer img.Close()
	if len(img.Layers) != len(tars) {
		t.Fatalf("%s has %d layers, want %d", ref, len(img.Layers), len(tars))
	}
	for i, l := range img.Layers {
		got, err := readLayer(l)
		if err != nil || got != tars[i] {
			t.Errorf("%s, layer %d: %d bytes, %v; want %d", ref, i, len(got), err, len(tars[i]))
		}
	}
}

func readLayer(l Layer) (string, error) {
	rc, err := l.Open(context.Background())
	if err != nil {
		return "", err
	}
	defer rc.Close()
	b, err := io.ReadAll(rc)
	return string(b), err
}

func TestOpen(t *testing.T) {
	f := newFixture(t)
	attest := f.image(v1.Platform{OS: "unknown", Architecture: "unknown"})
	noPlatform := f.image(riscv, f.layers...)
	noPlatform.Platform = nil
	ref := f.close(f.index(f.image(amd, f.layers[0]), f.index(noPlatform), attest, f.image(arm, f.layers[1:]...)))
	check(t, ref, riscv, f.tars)
	check(t, ref+":latest", amd, f.tars[:1])
	check(t, ref, v1.Platform{OS: "linux", Architecture: "arm64"}, f.tars[1:])
	check(t, ref, arm, f.tars[1:])

	host := f.serve()
	check(t, host+"/some/app:v1", riscv, f.tars)
	check(t, host+"/some/app:v1", amd, f.tars[:1])

	_, err := Open(context.Background(), ref, v1.Platform{OS: "linux", Architecture: "s390x"}, Options{})
	const want = "has no linux/s390x variant, only linux/amd64, linux/riscv64, linux/arm64/v8: choose an image or a tag that has one"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("missing platform: %v, want %q", err, want)
	}
}

func TestOpenDemo(t *testing.T) {
	img, err := Open(context.Background(), "demo:", riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range img.Layers {
		if _, err := readLayer(l); err != nil {
			t.Error(err)
		}
	}
	if len(img.Config.Cmd) == 0 {
		t.Error("the demo image has no command")
	}
	if _, err := Open(context.Background(), "demo:x", riscv, Options{}); err == nil {
		t.Error("demo:x is taken")
	}
}

// TestOpenErrors has what users meet. Each error is one line.
func TestOpenErrors(t *testing.T) {
	f := newFixture(t)
	a, b := f.image(riscv, f.layers[0]), f.image(riscv, f.layers[1])
	f.w.Add(a, "one")
	tagged := f.close(b)
	host := f.serve()
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dead := httptest.NewServer(nil)
	deadHost := strings.TrimPrefix(dead.URL, "http://")
	dead.Close()
	for ref, want := range map[string]string{
		"oci:":                           "the directory is missing: write oci:DIR or oci:DIR:TAG",
		"oci:" + empty + "/none":         "opening OCI layout " + empty + "/none: no such file or directory",
		"oci:" + file:                    file + " is not a directory",
		"oci:" + empty:                   empty + " is not an OCI layout: it has no file oci-layout",
		tagged:                           "has several images: choose one as oci:" + f.dir + ":TAG with a TAG of latest, one",
		tagged + ":two":                  `has no tag "two", only latest, one`,
		"UPPER":                          `parsing reference "UPPER": `,
		"./here":                         "opening image ./here: no such file",
		f.dir:                            "has several images: choose one as oci:" + f.dir + ":TAG",
		empty:                            empty + " is not an OCI layout",
		host + "/some/app:v2":            "does not have " + host + "/some/app:v2: check name and tag",
		host + "/other":                  "does not have " + host + "/other",
		deadHost + "/some/app":           "reaching registry " + deadHost + ": check the network",
		host + "/app@sha256:123":         "parsing reference",
		"oci:" + f.dir + ":one:and more": `has no tag "one:and more"`,
	} {
		_, err := Open(context.Background(), ref, riscv, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", ref, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error has several lines: %v", ref, err)
		}
	}
}

func TestDamagedLayers(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"changed": {flip, "the content has the digest sha256:"},
		"cut":     {func(b []byte) []byte { return b[:len(b)-7] }, "the content ends after"},
		"longer":  {func(b []byte) []byte { return append(b, 0) }, "the content is longer than"},
		"empty":   {func(b []byte) []byte { return nil }, "the content ends after 0 of"},
		"missing": {nil, "it is not in the OCI layout"},
	} {
		for i := range 3 {
			f := newFixture(t)
			ref := f.close(f.image(riscv, f.layers...))
			path := f.w.Path(f.layers[i].Desc.Digest)
			if c.change == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.change(b), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			img, err := Open(context.Background(), ref, riscv, Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = readLayer(img.Layers[i])
			if want := "reading layer " + f.layers[i].Desc.Digest.String() + ": " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s, layer %d: error is %v, want %s…", name, i, err, want)
			}
		}
	}
}

// TestDamagedMetadata has wrong digests above the layers, and wrong diff IDs.
func TestDamagedMetadata(t *testing.T) {
	bad := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	t.Run("diff ID", func(t *testing.T) {
		f := newFixture(t)
		l := f.layers[0]
		l.DiffID = bad
		img, err := Open(context.Background(), f.close(f.image(riscv, l)), riscv, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = readLayer(img.Layers[0])
		if err == nil || !strings.Contains(err.Error(), l.Desc.Digest.String()+": the uncompressed content has the digest "+f.layers[0].DiffID.String()+", expected "+bad.String()) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("not compressed as it says", func(t *testing.T) {
		f := newFixture(t)
		d, err := f.w.Blob(types.OCILayer, []byte("\x1f\x8bnot gzip at all, whatever it says"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := Open(context.Background(), f.close(f.image(riscv, ocilayout.Layer{Desc: d, DiffID: bad})), riscv, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = readLayer(img.Layers[0]); err == nil || !strings.Contains(err.Error(), "reading layer "+d.Digest.String()+": decompressing: ") {
			t.Errorf("error is %v", err)
		}
	})
	for name, c := range map[string]struct {
		damage func(f *fixture, d v1.Descriptor) v1.Descriptor
		want   string
	}{
		"manifest changed": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			f.replace(d.Digest, `"schemaVersion":2`, `"schemaVersion":3`)
			return d
		}, "has the digest sha256:"},
		"manifest shorter": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			f.replace(d.Digest, `"schemaVersion":2,`, ``)
			return d
		}, "bytes long: the image is damaged"},
		"size absurd":      {func(f *fixture, d v1.Descriptor) v1.Descriptor { d.Size = 1 << 40; return d }, "more than the 4194304 that c2w reads"},
		"size negative":    {func(f *fixture, d v1.Descriptor) v1.Descriptor { d.Size = -1; return d }, "has the size -1"},
		"no such manifest": {func(f *fixture, d v1.Descriptor) v1.Descriptor { d.Digest = bad; return d }, "it is not in the OCI layout"},
		"odd media type":   {func(f *fixture, d v1.Descriptor) v1.Descriptor { d.MediaType = "text/plain"; return d }, "not an image that c2w reads"},
		"layer count": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			m := f.json(d.Digest)
			return f.blob(types.OCIManifestSchema1, strings.Replace(m, `"layers":[`, `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":1,"digest":"`+bad.String()+`"},`, 1))
		}, "the manifest has 2 layers, the configuration 1"},
		"layer type": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			return f.blob(types.OCIManifestSchema1, strings.Replace(f.json(d.Digest), string(types.OCILayer), "application/x-model", 1))
		}, `has the media type "application/x-model"`},
		"deep": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			for range 9 {
				d = f.index(d)
			}
			return d
		}, "nested more than"},
		"not JSON": {func(f *fixture, d v1.Descriptor) v1.Descriptor {
			return f.blob(types.OCIManifestSchema1, "{")
		}, "parsing manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ref := f.close(c.damage(f, f.image(riscv, f.layers[0])))
			if _, err := Open(context.Background(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func (f *fixture) json(h v1.Hash) string {
	b, err := os.ReadFile(f.w.Path(h))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

func (f *fixture) blob(mt types.MediaType, content string) v1.Descriptor {
	d, err := f.w.Blob(mt, []byte(content))
	if err != nil {
		f.t.Fatal(err)
	}
	d.Platform = &riscv
	return d
}

func (f *fixture) replace(h v1.Hash, old, new string) {
	s := f.json(h)
	if !strings.Contains(s, old) {
		f.t.Fatalf("%s is not in %s", old, s)
	}
	if err := os.WriteFile(f.w.Path(h), []byte(strings.Replace(s, old, new, 1)), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// TestDamagedInRegistry has a registry that sends a wrong layer.
func TestDamagedInRegistry(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	good := registry.New(registry.Logger(quiet))
	victim := f.layers[0].Desc.Digest
	srv := httptest.NewServer(damage{good, victim.String()})
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	f.push(host + "/app:v1")
	img, err := Open(context.Background(), host+"/app:v1", riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = readLayer(img.Layers[0])
	if err == nil || !strings.Contains(err.Error(), "reading layer "+victim.String()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
	if _, err := readLayer(img.Layers[1]); err != nil {
		t.Errorf("an undamaged layer: %v", err)
	}
}

func TestCloseEarly(t *testing.T) {
	f := newFixture(t)
	big, err := f.w.Layer(bytes.NewReader(make([]byte, 32<<20)), ocilayout.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	img, err := Open(context.Background(), f.close(f.image(riscv, big)), riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rc, err := img.Layers[0].Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(rc, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := rc.Close(); err != nil {
		t.Error(err)
	}
	if n, err := rc.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read after Close = %d, %v", n, err)
	}
	if err := rc.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestTagInPath(t *testing.T) {
	f := newFixture(t)
	ref := f.close(f.image(riscv, f.layers[0]))
	odd := filepath.Join(t.TempDir(), "name:with colon")
	if err := os.CopyFS(odd, os.DirFS(f.dir)); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	check(t, "oci:"+odd, riscv, f.tars[:1])
	check(t, ref+":latest", riscv, f.tars[:1])
	if _, err := fs.Stat(os.DirFS(odd), "index.json"); err != nil {
		t.Error(err)
	}
}
