package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// tarOf packs a directory.
func tarOf(t testing.TB, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstdOf(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

func writeFile(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// files makes a tar of files in pairs of name and content; a content that begins
// with "-> " is a symbolic link, with "=> " a hard link.
func files(pairs ...string) []byte {
	body := map[string]string{}
	var hs []tar.Header
	for i := 0; i < len(pairs); i += 2 {
		h := tar.Header{Name: pairs[i], Mode: 0o644}
		if target, ok := strings.CutPrefix(pairs[i+1], "-> "); ok {
			h.Typeflag, h.Linkname = tar.TypeSymlink, target
		} else if target, ok := strings.CutPrefix(pairs[i+1], "=> "); ok {
			h.Typeflag, h.Linkname = tar.TypeLink, target
		} else {
			body[pairs[i]] = pairs[i+1]
		}
		hs = append(hs, h)
	}
	b, _ := io.ReadAll(ocilayout.Tar(body, hs...))
	return b
}

func TestOCIArchive(t *testing.T) {
	f := newFixture(t)
	f.close(f.index(f.image(amd, f.layers[0]), f.image(riscv, f.layers...)))
	plain := tarOf(t, f.dir)
	for name, b := range map[string][]byte{"plain": plain, "gzip": gzipped(plain), "zstd": zstdOf(plain)} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, b)
			check(t, "oci-archive:"+file, riscv, f.tars)
			check(t, "oci-archive:"+file+":latest", amd, f.tars[:1])
			check(t, file, riscv, f.tars)
		})
	}
}

// TestPaths has references without a prefix.
func TestPaths(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers[0]))
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.CopyFS("busybox", os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("image.tar", tarOf(t, f.dir), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"busybox", "./busybox", "./busybox:latest", filepath.Join(dir, "busybox"),
		"image.tar", "./image.tar", "./image.tar:latest"} {
		check(t, ref, riscv, f.tars[:1])
	}
	if err := os.WriteFile("done.wasm", []byte("\x00asm\x01\x00\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Mkdir("empty", 0o755)
	for ref, want := range map[string]string{
		"done.wasm":        "done.wasm is a converted file, not an image: c2w run done.wasm runs it",
		"./empty":          "./empty is not an OCI layout",
		"./none":           "opening image ./none: ",
		"./image.tar:none": `archive ./image.tar has no tag "none", only latest`,
	} {
		if _, err := Open(t.Context(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
}

// dockerSave writes images of the fixture as go-containerregistry does.
func (f *fixture) dockerSave(tags map[string]v1.Descriptor) []byte {
	f.t.Helper()
	path, err := layout.FromPath(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	images := map[name.Tag]v1.Image{}
	for tag, d := range tags {
		ref, err := name.NewTag(tag)
		if err != nil {
			f.t.Fatal(err)
		}
		if images[ref], err = path.Image(d.Digest); err != nil {
			f.t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := tarball.MultiWrite(images, &b); err != nil {
		f.t.Fatal(err)
	}
	return b.Bytes()
}

func TestDockerArchive(t *testing.T) {
	f := newFixture(t)
	one, two := f.image(riscv, f.layers...), f.image(riscv, f.layers[1:]...)
	f.w.Add(one, "one")
	f.close(two)
	single := f.dockerSave(map[string]v1.Descriptor{"app:v1": one})
	for kind, b := range map[string][]byte{"plain": single, "gzip": gzipped(single)} {
		file := writeFile(t, b)
		for _, ref := range []string{"docker-archive:" + file, "docker-archive:" + file + ":app:v1", file} {
			t.Run(kind, func(t *testing.T) { check(t, ref, riscv, f.tars) })
		}
	}
	img, err := Open(t.Context(), "docker-archive:"+writeFile(t, single), riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if want := f.manifest(one).Config.Digest; img.Digest != want {
		t.Errorf("the digest is %s, not the image's ID %s", img.Digest, want)
	}

	file := writeFile(t, f.dockerSave(map[string]v1.Descriptor{"app:v1": one, "app:latest": two, "registry.test/a/b:c": two}))
	check(t, "docker-archive:"+file+":app:v1", riscv, f.tars)
	check(t, "docker-archive:"+file+":app", riscv, f.tars[1:])
	check(t, "docker-archive:"+file+":docker.io/library/app:latest", riscv, f.tars[1:])
	check(t, "docker-archive:"+file+":registry.test/a/b:c", riscv, f.tars[1:])
	for ref, want := range map[string]string{
		"":       "has several images: choose one as docker-archive:" + file + ":TAG with a TAG of app:latest, app:v1, registry.test/a/b:c",
		":app:9": `has no tag "app:9", only app:latest, app:v1, registry.test/a/b:c`,
	} {
		if _, err := Open(t.Context(), "docker-archive:"+file+ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
}

func (f *fixture) manifest(d v1.Descriptor) (m v1.Manifest) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(f.json(d.Digest)), &m); err != nil {
		f.t.Fatal(err)
	}
	return m
}

// oldSave is an archive as docker save wrote it before version 25: layers in
// directories of their own, shared ones as links.
func (f *fixture) oldSave() []byte {
	m := f.manifest(f.image(riscv, f.layers...))
	config := m.Config.Digest.Hex + ".json"
	return files(
		"a/VERSION", "1.0", "a/layer.tar", f.tars[0],
		"b/layer.tar", f.tars[1], "c/layer.tar", f.tars[2],
		"d/layer.tar", "-> ../b/layer.tar", "e", "=> c/layer.tar",
		config, f.json(m.Config.Digest),
		"manifest.json", `[{"Config":"`+config+`","RepoTags":null,"Layers":["a/layer.tar","d/layer.tar","e"]}]`,
		"repositories", "{}")
}

func TestOldDockerSave(t *testing.T) {
	f := newFixture(t)
	check(t, "docker-archive:"+writeFile(t, f.oldSave()), riscv, f.tars)
}

// TestNewDockerSave has docker save's archive since version 25: an OCI layout,
// and manifest.json beside it.
func TestNewDockerSave(t *testing.T) {
	f := newFixture(t)
	one, two := f.image(riscv, f.layers...), f.image(riscv, f.layers[1:]...)
	for d, full := range map[*v1.Descriptor]string{&one: "docker.io/library/app:v1", &two: "docker.io/library/app:v2"} {
		d.Platform = nil
		d.Annotations = map[string]string{imageName: full, refName: full[len(full)-2:]}
	}
	f.w.Add(one, "")
	f.w.Add(two, "")
	f.w.Close()
	c1, c2 := f.manifest(one).Config.Digest.Hex, f.manifest(two).Config.Digest.Hex
	manifest := `[{"Config":"blobs/sha256/` + c1 + `","RepoTags":["app:v1"],"Layers":[]},{"Config":"blobs/sha256/` + c2 + `","RepoTags":["app:v2"],"Layers":[]}]`
	if err := os.WriteFile(filepath.Join(f.dir, "manifest.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, tarOf(t, f.dir))
	check(t, "docker-archive:"+file+":app:v1", riscv, f.tars)
	check(t, "docker-archive:"+file+":app:v2", riscv, f.tars[1:])
	check(t, "docker-archive:"+file+":v2", riscv, f.tars[1:])
	_, err := Open(t.Context(), file, riscv, Options{})
	if want := "with a TAG of docker.io/library/app:v1, docker.io/library/app:v2"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestArchiveErrors has what users meet. Each error is one line, and nothing
// stays in the directory of temporary files.
func TestArchiveErrors(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	oci, old := tarOf(t, f.dir), f.oldSave()
	id := f.manifest(f.image(riscv, f.layers...)).Config.Digest.Hex
	sparse := bytes.Clone(files("index.json", "{}", "oci-layout", "{}"))
	makeSparse(sparse[:512], 2)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":           {nil, "it is empty"},
		"no tar":          {bytes.Repeat([]byte("no tar at all. "), 500), "it is not a tar archive"},
		"cut":             {half(oci), "it ends after"},
		"cut, gzip":       {half(gzipped(oci)), "unpacking it: unexpected EOF"},
		"cut, zstd":       {half(zstdOf(oci)), "unpacking it: unexpected EOF"},
		"bad gzip":        {[]byte("\x1f\x8bnot gzip at all, whatever it says"), "reading archive"},
		"root fs":         {files("etc/passwd", "root"), "has no image in it, neither index.json nor manifest.json"},
		"very old":        {files("repositories", "{}"), "was saved by a docker older than 1.10"},
		"bad manifest":    {files("manifest.json", "{"), "parsing manifest.json"},
		"no images":       {files("manifest.json", "[]"), "has no image in it"},
		"no config":       {files("manifest.json", `[{"Config":"x.json"}]`), "configuration: x.json is not in it"},
		"config too big":  {files("manifest.json", `[{"Config":"x"}]`, "x", strings.Repeat(" ", maxConfig+1)), "more than the 8388608 that c2w reads"},
		"config changed":  {bytes.Replace(old, []byte(`"WorkingDir":"/w"`), []byte(`"WorkingDir":"/x"`), 1), "configuration " + id + ".json has the digest sha256:"},
		"layer missing":   {bytes.Replace(old, []byte(`["a/layer.tar"`), []byte(`["z/layer.tar"`), 1), "layer z/layer.tar: file does not exist"},
		"layers too many": {bytes.Replace(old, []byte(`"d/layer.tar","e"]`), []byte(`"d/layer.tar"]    `), 1), "manifest.json has 2 layers for configuration"},
		"links in a ring": {files("manifest.json", "-> b", "b", "-> manifest.json"), "has no image in it"},
		"link out":        {files("manifest.json", "-> ../../../etc/passwd"), "has no image in it"},
		"index not JSON":  {files("index.json", "{", "oci-layout", "{}"), "parsing index.json"},
		"index, no image": {files("index.json", "{}", "oci-layout", "{}"), "has no image in it"},
		"sparse":          {sparse, "has no image in it"},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			file := writeFile(t, c.content)
			img, err := Open(t.Context(), file, riscv, Options{TempDir: temp})
			if err == nil {
				img.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want one with %q", err, c.want)
			}
			if list, _ := os.ReadDir(temp); len(list) > 0 {
				t.Errorf("left behind: %v", list)
			}
		})
	}
	for ref, want := range map[string]string{
		"docker-archive:":             "the file is missing: write docker-archive:FILE",
		"docker-archive:none.tar:a:b": "opening archive none.tar: no such file",
		"oci-archive:none.tar":        "opening archive none.tar: no such file",
		"oci-archive:" + f.dir:        "is a directory",
	} {
		if _, err := Open(t.Context(), ref, riscv, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", ref, err, want)
		}
	}
}

// makeSparse makes a tar header of a file of size bytes that of a sparse one in
// GNU's old form, without a hole (GNU tar manual, "Old GNU Format").
func makeSparse(h []byte, size int) {
	octal := func(n int) string { return fmt.Sprintf("%011o\x00", n) }
	h[156] = tar.TypeGNUSparse
	copy(h[257:], "ustar  \x00")
	copy(h[386:], octal(0)+octal(size))
	copy(h[483:], octal(size))
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// TestArchiveDamagedLayer changes a byte of a layer: the only digest that old
// archives have is that of its uncompressed form.
func TestArchiveDamagedLayer(t *testing.T) {
	f := newFixture(t)
	b := f.oldSave()
	b[bytes.LastIndex(b, []byte("content of a file"))] ^= 1
	img, err := Open(t.Context(), writeFile(t, b), riscv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if _, err = readLayer(img.Layers[2]); err == nil || !strings.Contains(err.Error(), "reading layer "+f.layers[2].DiffID.String()+": the content has the digest") {
		t.Errorf("error is %v", err)
	}
}

// TestArchiveCancelled stops in the middle of unpacking.
func TestArchiveCancelled(t *testing.T) {
	f := newFixture(t)
	f.close(f.image(riscv, f.layers...))
	temp := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, writeFile(t, gzipped(tarOf(t, f.dir))), riscv, Options{TempDir: temp})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if list, _ := os.ReadDir(temp); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

func TestSpoolLimit(t *testing.T) {
	temp := t.TempDir()
	if _, _, err := spool(t.Context(), temp, bytes.NewReader(make([]byte, 100)), 99); !errors.Is(err, errTooLarge) {
		t.Errorf("100 bytes with a limit of 99: %v", err)
	}
	f, n, err := spool(t.Context(), temp, bytes.NewReader(make([]byte, 100)), 100)
	if err != nil || n != 100 {
		t.Fatalf("100 bytes with a limit of 100: %d, %v", n, err)
	}
	f.Close()
	if list, _ := os.ReadDir(temp); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}

// TestProgress reads an image and hears of all of it.
func TestProgress(t *testing.T) {
	f := newFixture(t)
	var done, total int64
	img, err := Open(t.Context(), f.close(f.image(riscv, f.layers...)), riscv, Options{Progress: func(d, of int64) { done, total = d, of }})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, l := range img.Layers {
		if _, err := readLayer(l); err != nil {
			t.Fatal(err)
		}
	}
	if done != img.Size || total != img.Size || img.Size == 0 {
		t.Errorf("heard of %d of %d, the image has %d", done, total, img.Size)
	}
}

func TestFullName(t *testing.T) {
	for s, want := range map[string]string{
		"app":                         "docker.io/library/app:latest",
		"me/app:v1":                   "docker.io/me/app:v1",
		"index.docker.io/library/app": "docker.io/library/app:latest",
		"localhost/app":               "localhost/app:latest",
		"registry.test:5000/app":      "registry.test:5000/app:latest",
		"app@sha256:123":              "docker.io/library/app@sha256:123",
	} {
		if got := fullName(s); got != want {
			t.Errorf("fullName(%q) = %q, want %q", s, got, want)
		}
	}
}

// FuzzArchive opens hostile archives and reads whatever image they pretend to
// have.
func FuzzArchive(f *testing.F) {
	fix := newFixture(f)
	fix.close(fix.image(riscv, fix.layers[0]))
	oci := tarOf(f, fix.dir)
	for _, b := range [][]byte{oci, fix.oldSave(), zstdOf(oci), gzipped(oci), files("manifest.json", "-> a", "a", "-> manifest.json")} {
		f.Add(b)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		temp := filepath.Join(dir, "temp")
		os.Mkdir(temp, 0o755)
		file := filepath.Join(dir, "image.tar")
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := Open(t.Context(), "oci-archive:"+file, riscv, Options{TempDir: temp})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %q", err)
			}
		} else {
			for _, l := range img.Layers {
				if rc, err := l.Open(t.Context()); err == nil {
					io.Copy(io.Discard, io.LimitReader(rc, 1<<20))
					rc.Close()
				}
			}
			img.Close()
		}
		if list, _ := os.ReadDir(temp); len(list) > 0 {
			t.Errorf("left behind: %v", list)
		}
	})
}

func half(b []byte) []byte { return b[:len(b)/2] }
