package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/c2w/c2w/bench/works"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// realPrograms are asked for their versions, which must be the same natively
// and in the guest.
var realPrograms = []string{"python3", "sqlite3", "gcc", "bash"}

// gccImage is the work that has an image of its own: with a compiler the others'
// would be three times as large.
const gccImage = "gcc"

// imageOf names the image that a work runs in.
func imageOf(w works.Work) string {
	if w.Name == gccImage {
		return gccImage
	}
	return "debian"
}

// imagesDir is where Debian images and roots are kept between runs: making them
// takes minutes.
func (l *lab) imagesDir(ctx context.Context) (string, error) {
	if l.o.images != "" {
		return filepath.Abs(l.o.images)
	}
	dir, err := root(ctx)
	return filepath.Join(dir, ".build", "bench"), err
}

// packages are those of an image, or with "" of all.
func packages(image string) (list []string) {
	for _, w := range works.All {
		if image == "" || imageOf(w) == image {
			list = append(list, w.Packages...)
		}
	}
	return list
}

// debianLayout makes the named Debian image, if it is not there, and returns an
// OCI layout with it and the works' files.
func (l *lab) debianLayout(ctx context.Context, name string) (string, error) {
	out := filepath.Join(l.dir, "image-"+name)
	if _, err := os.Stat(filepath.Join(out, "index.json")); err == nil {
		return out, nil
	}
	dir, err := l.imagesDir(ctx)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, name)
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		l.logf("making the Debian image %s", dir)
		tree, err := root(ctx)
		if err != nil {
			return "", err
		}
		cmd := exec.CommandContext(ctx, "sh", filepath.Join(tree, "tests", "images", "debian.sh"), dir, strings.Join(packages(name), ","))
		if msg, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("making a Debian image: %w: %s", err, lastLine(msg))
		}
	}
	base, err := onlyImage(dir)
	if err != nil {
		return "", err
	}
	img, err := withWorks(base)
	if err != nil {
		return "", err
	}
	return out, writeLayout(out, img)
}

// onlyImage opens the first riscv64 image of an OCI layout.
func onlyImage(dir string) (v1.Image, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	index, err := path.ImageIndex()
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range m.Manifests {
		if d.MediaType.IsImage() && (d.Platform == nil || d.Platform.Satisfies(riscv64)) {
			return path.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("%s has no riscv64 image", dir)
}

func writeLayout(dir string, img v1.Image) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(img, layout.WithPlatform(riscv64))
}

// withWorks adds the works' files as a layer.
func withWorks(base v1.Image) (v1.Image, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	made := map[string]bool{}
	for _, f := range works.Files() {
		name := path.Join(strings.TrimPrefix(works.Dir, "/"), f.Name)
		if dir := path.Dir(name); !made[dir] {
			made[dir] = true
			if err := w.WriteHeader(&tar.Header{Name: dir + "/", Mode: 0o755, Typeflag: tar.TypeDir}); err != nil {
				return nil, err
			}
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: f.Mode, Size: int64(len(f.Data)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(base, layer)
}

// nativeRoot makes a root of the same packages for this computer, if it is not
// there, and returns the command that runs something in it.
func (l *lab) nativeRoot(ctx context.Context) (in func(ctx context.Context, args []string) *exec.Cmd, err error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("programs of Debian need Linux, this is %s", runtime.GOOS)
	}
	dir, err := l.imagesDir(ctx)
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "native")
	if _, err := os.Stat(filepath.Join(dir, "bin", "bash")); err != nil {
		l.logf("making the native Debian root %s", dir)
		if err := l.makeNativeRoot(ctx, dir); err != nil {
			return nil, fmt.Errorf("making a native Debian root: %w", err)
		}
	}
	for _, f := range works.Files() {
		name := filepath.Join(dir, works.Dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, f.Data, os.FileMode(f.Mode)); err != nil {
			return nil, err
		}
	}
	enter := []string{"chroot", dir}
	if os.Geteuid() != 0 {
		enter = append([]string{"unshare", "-r"}, enter...)
	}
	return func(ctx context.Context, args []string) *exec.Cmd {
		args = slices.Concat(enter, args)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		// As in a container; sqlite3 complains where there is no home.
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		return cmd
	}, nil
}

func (l *lab) makeNativeRoot(ctx context.Context, dir string) error {
	mirror := os.Getenv("MIRROR")
	if mirror == "" {
		out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").Output()
		if err != nil {
			return fmt.Errorf("asking apt for its mirror: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); mirror == "" && strings.HasSuffix(strings.TrimRight(line, "/"), "/debian") {
				mirror = line
			}
		}
	}
	if mirror == "" {
		return errors.New("apt has no mirror of Debian; MIRROR names one")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--variant=extract", "--architectures="+runtime.GOARCH,
		"--include=?essential", "--include="+strings.Join(packages(""), ","), "trixie", dir, "deb "+mirror+" trixie main")
	if msg, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir) // half a root is worse than none
		return fmt.Errorf("mmdebstrap: %w: %s", err, lastLine(msg))
	}
	return nil
}

// versionsCommand prints a line for each program: its version.
func versionsCommand(names []string) []string {
	script := `for p; do set -- $("$p" --version 2>&1); echo "version: $p ${*:1:4}"; done`
	return append([]string{"/bin/bash", "-c", script, "bash"}, names...)
}
