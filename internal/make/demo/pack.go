package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// Lock is demo/lock.json: what the image was made from.
type Lock struct {
	Package string `json:"package"`
	Version string `json:"version"`
	// Deb is the SHA-256 of the Debian package, Busybox that of the program in it.
	Deb     string `json:"deb_sha256"`
	Busybox string `json:"busybox_sha256"`
	License string `json:"license"`
	Source  string `json:"source"`
	// Time is that of every file in the image.
	Time time.Time `json:"time"`
}

const welcome = `#!/bin/sh
echo "Hello from a Linux container in one WebAssembly file."
uname -srm
`

var files = map[string]string{
	"bin/welcome":    welcome,
	"etc/passwd":     "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
	"etc/group":      "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
	"etc/hosts":      "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
	"etc/hostname":   "demo\n",
	"etc/profile":    "export PATH=/bin\nexport PS1='\\w \\$ '\n",
	"etc/shells":     "/bin/sh\n",
	"etc/os-release": "NAME=\"c2w demo\"\nID=c2w-demo\nPRETTY_NAME=\"c2w demo (Debian BusyBox)\"\n",
}

var dirs = map[string]int64{"./": 0o755, "bin/": 0o755, "dev/": 0o755, "etc/": 0o755, "home/": 0o755, "proc/": 0o755,
	"root/": 0o700, "run/": 0o755, "sys/": 0o755, "tmp/": 0o1777, "usr/": 0o755, "usr/share/": 0o755,
	"usr/share/doc/": 0o755, "usr/share/doc/busybox-static/": 0o755, "var/": 0o755, "var/tmp/": 0o1777}

var links = map[string]string{"sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin"}

// Pack returns demo.zip. The same input gives the same bytes.
func Pack(lock Lock, busybox, copyright []byte) ([]byte, error) {
	applets, err := Applets(busybox)
	if err != nil {
		return nil, err
	}
	body := map[string]string{"bin/busybox": string(busybox), "usr/share/doc/busybox-static/copyright": string(copyright)}
	var hs []tar.Header
	for n, mode := range dirs {
		hs = append(hs, tar.Header{Name: n, Mode: mode, Typeflag: tar.TypeDir})
	}
	for n, target := range links {
		hs = append(hs, tar.Header{Name: n, Linkname: target, Mode: 0o777, Typeflag: tar.TypeSymlink})
	}
	for _, a := range applets {
		hs = append(hs, tar.Header{Name: "bin/" + a, Linkname: "busybox", Mode: 0o777, Typeflag: tar.TypeSymlink})
	}
	for n, c := range files {
		body[n] = c
	}
	for n := range body {
		mode := int64(0o644)
		if strings.HasPrefix(n, "bin/") {
			mode = 0o755
		}
		hs = append(hs, tar.Header{Name: n, Mode: mode})
	}
	sort.Slice(hs, func(i, j int) bool { return hs[i].Name < hs[j].Name })
	for i := range hs {
		hs[i].ModTime = lock.Time
	}

	tmp, err := os.MkdirTemp("", "c2w-demo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	w, err := ocilayout.New(tmp)
	if err != nil {
		return nil, err
	}
	l, err := w.Layer(ocilayout.Tar(body, hs...), ocilayout.Gzip)
	if err != nil {
		return nil, err
	}
	d, err := w.Image(v1.Platform{OS: "linux", Architecture: "riscv64"}, v1.Config{
		Env:    []string{"PATH=/bin", "HOME=/root"},
		Cmd:    []string{"/bin/welcome"},
		Labels: map[string]string{"org.opencontainers.image.licenses": lock.License, "org.opencontainers.image.source": lock.Source},
	}, l)
	if err != nil {
		return nil, err
	}
	w.Add(d, "")
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zipDir(tmp, lock.Time)
}

// zipDir stores the files below dir, uncompressed: the layer is already.
func zipDir(dir string, t time.Time) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		c, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: path.Clean(filepath.ToSlash(rel)), Method: zip.Store, Modified: t.UTC()})
		if err != nil {
			return err
		}
		_, err = f.Write(c)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Applets reads the names of its commands out of a BusyBox program: they stand
// in one sorted run of NUL-terminated strings, which an empty one ends.
func Applets(busybox []byte) ([]string, error) {
	i := bytes.Index(busybox, []byte("[\x00[[\x00"))
	if i < 0 {
		return nil, fmt.Errorf("reading BusyBox: there is no list of commands in it")
	}
	var names []string
	for rest := busybox[i:]; ; {
		n := bytes.IndexByte(rest, 0)
		if n <= 0 {
			break
		}
		if bytes.IndexByte(rest[:n], '/') >= 0 || n > 32 {
			return nil, fmt.Errorf("reading BusyBox: %q in the list of commands", rest[:n])
		}
		if s := string(rest[:n]); s != "busybox" {
			names = append(names, s)
		}
		rest = rest[n+1:]
	}
	if !sort.StringsAreSorted(names) || len(names) < 50 {
		return nil, fmt.Errorf("reading BusyBox: the %d commands found are not its list", len(names))
	}
	return names, nil
}
