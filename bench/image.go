package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/c2w/c2w/demo"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var riscv64 = v1.Platform{OS: "linux", Architecture: "riscv64"}

// benchImage is the demo image (busybox) with c2wbench on top, started
// without an entry point so that `out.wasm COMMAND ARG…` is any command.
func (l *lab) benchImage() (v1.Image, error) { return l.imageWith("c2wbench", l.guestELF()) }

// imageWith is the demo image with a program on top.
func (l *lab) imageWith(name string, elf []byte) (v1.Image, error) {
	base, err := demoImage(filepath.Join(l.dir, "demo"))
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(elf)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(elf)
		}
		return io.NopCloser(&b), errors.Join(err, w.Close())
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Config.Entrypoint = nil
	config.Config.Cmd = []string{"/" + name}
	return mutate.ConfigFile(img, config)
}

// demoImage unpacks the built-in demo layout into dir and opens its image.
func demoImage(dir string) (v1.Image, error) {
	files, err := demo.Layout()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		if err := os.CopyFS(dir, files); err != nil {
			return nil, fmt.Errorf("unpacking the demo image: %w", err)
		}
	}
	return onlyImage(dir)
}

// writeImage writes the benchmark image as an OCI layout.
func (l *lab) writeImage(dir string) error {
	img, err := l.benchImage()
	if err != nil {
		return err
	}
	return writeLayout(dir, img)
}

// writeImageWith writes the demo image with an executable, by its own name.
func (l *lab) writeImageWith(dir, file string) error {
	elf, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	img, err := l.imageWith(filepath.Base(file), elf)
	if err != nil {
		return err
	}
	return writeLayout(dir, img)
}

// writeInitramfs writes the same files as a cpio archive, with the console
// that a kernel opens for process 1.
func (l *lab) writeInitramfs(file string) error {
	img, err := l.benchImage()
	if err != nil {
		return err
	}
	var c cpio
	for _, dir := range []string{"dev", "proc", "sys"} {
		c.add(dir, 0o040755, 0, 0, nil)
	}
	c.add("dev/console", 0o020600, 5, 1, nil)
	files := mutate.Extract(img)
	defer files.Close()
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name := strings.Trim(h.Name, "/")
		switch h.Typeflag {
		case tar.TypeDir:
			c.add(name, 0o040000|uint32(h.Mode&0o7777), 0, 0, nil)
		case tar.TypeReg:
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			c.add(name, 0o100000|uint32(h.Mode&0o7777), 0, 0, data)
		case tar.TypeSymlink:
			c.add(name, 0o120777, 0, 0, []byte(h.Linkname))
		case tar.TypeLink: // as a symbolic link: nothing here counts links
			c.add(name, 0o120777, 0, 0, []byte("/"+strings.TrimPrefix(h.Linkname, "/")))
		}
	}
	c.add("TRAILER!!!", 0, 0, 0, nil)
	return os.WriteFile(file, c.out, 0o644)
}

// cpio is an archive in the format "newc" (Linux, Documentation/
// driver-api/early-userspace/buffer-format.rst).
type cpio struct {
	out   []byte
	inode int
}

func (c *cpio) add(name string, mode uint32, major, minor int, data []byte) {
	if name == "" || name == "." {
		return
	}
	c.inode++
	c.out = fmt.Appendf(c.out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0, name)
	c.pad()
	c.out = append(c.out, data...)
	c.pad()
}

func (c *cpio) pad() {
	for len(c.out)%4 != 0 {
		c.out = append(c.out, 0)
	}
}
