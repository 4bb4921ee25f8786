package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// images are those of tests/images/programs.sh, with c2w's flags for each. Only
// the last's programs are trained: the others' run as somebody runs them who has
// not read the manual.
var images = map[string][]string{
	"services": {"--memory", "512m"},
	"tools":    {"--memory", "1g"},
	"java":     {"--memory", "1g"},
	"python":   {"--memory", "512m", "--train", "python3 -m test test_grammar test_posixpath"},
}

// file returns the file that c2w makes of an image.
func (l *lab) file(ctx context.Context, image string) (string, error) {
	f, done := l.files[image]
	if !done {
		f.name, f.err = l.convert(ctx, image)
		l.files[image] = f
	}
	return f.name, f.err
}

// convert makes the image and the file, if they are not there: the file belongs
// to a c2w, a machine, an image and flags.
func (l *lab) convert(ctx context.Context, image string) (string, error) {
	dir, err := l.image(ctx, image)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", images[image])
	for _, name := range []string{l.c2w, os.Getenv("C2W_MACHINE"), filepath.Join(dir, "index.json")} {
		if name == "" {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	from := fmt.Sprintf("%x", sum.Sum(nil))
	out, made := filepath.Join(l.out, image+".wasm"), filepath.Join(l.out, image+".from")
	if was, err := os.ReadFile(made); err == nil && string(was) == from {
		return out, nil
	}
	l.logf("converting %s", image)
	os.Remove(made)
	args := append([]string{"--quiet", "--no-cache", "--platform", "linux/riscv64"}, images[image]...)
	if msg, err := exec.CommandContext(ctx, l.c2w, append(args, "oci:"+dir, out)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("converting %s: %w: %s", image, err, msg)
	}
	return out, os.WriteFile(made, []byte(from), 0o666)
}

// image returns the directory of an image, which is made if need be.
func (l *lab) image(ctx context.Context, image string) (string, error) {
	dir := filepath.Join(l.images, image)
	if msg, err := exec.CommandContext(ctx, "sh", filepath.Join("tests", "images", "programs.sh"), image, dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("making the image %s: %w: %s", image, err, msg)
	}
	return dir, nil
}

// root returns a directory with an image's files, unpacked.
func (l *lab) root(ctx context.Context, image string) (string, error) {
	r, done := l.roots[image]
	if !done {
		r.dir, r.err = l.unpack(ctx, image)
		l.roots[image] = r
	}
	return r.dir, r.err
}

func (l *lab) unpack(ctx context.Context, image string) (string, error) {
	dir, err := l.image(ctx, image)
	if err != nil {
		return "", err
	}
	layer, err := onlyLayer(dir)
	if err != nil {
		return "", fmt.Errorf("looking for the layer of %s: %w", dir, err)
	}
	to := filepath.Join(l.out, image+"-root-"+filepath.Base(layer)[:12])
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	l.logf("unpacking %s", image)
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return "", err
	}
	if msg, err := exec.CommandContext(ctx, "tar", "-C", part, "--numeric-owner", "-xpzf", layer).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking %s: %w: %s", layer, err, msg)
	}
	return to, os.Rename(part, to)
}

// onlyLayer returns the blob of an OCI layout's one layer.
func onlyLayer(dir string) (string, error) {
	type descriptor struct{ Digest string }
	var index struct{ Manifests []descriptor }
	var manifest struct{ Layers []descriptor }
	blob := func(d descriptor) string {
		return filepath.Join(dir, "blobs", strings.ReplaceAll(d.Digest, ":", string(filepath.Separator)))
	}
	read := func(name string, into any) error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, into)
	}
	if err := read(filepath.Join(dir, "index.json"), &index); err != nil {
		return "", err
	}
	if len(index.Manifests) != 1 {
		return "", fmt.Errorf("%d images in it, not 1", len(index.Manifests))
	}
	if err := read(blob(index.Manifests[0]), &manifest); err != nil {
		return "", err
	}
	if len(manifest.Layers) != 1 {
		return "", fmt.Errorf("%d layers in it, not 1", len(manifest.Layers))
	}
	return blob(manifest.Layers[0]), nil
}
