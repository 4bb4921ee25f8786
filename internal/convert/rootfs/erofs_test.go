package rootfs

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/erofs/go-erofs"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// memFile is an Output in memory.
type memFile struct {
	b  []byte
	at int64
}

func (m *memFile) Write(p []byte) (int, error) {
	n, err := m.WriteAt(p, m.at)
	m.at += int64(n)
	return n, err
}

func (m *memFile) Seek(off int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return 0, fmt.Errorf("whence %d", whence)
	}
	m.at = off
	return off, nil
}

func (m *memFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}

func (m *memFile) WriteAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, end-int64(len(m.b)))...)
	}
	return copy(m.b[off:], p), nil
}

func writeImage(t testing.TB, tree *Tree) []byte {
	t.Helper()
	var m memFile
	st, err := tree.WriteEROFS(&m)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size != int64(len(m.b)) || st.Size%blockSize != 0 {
		t.Fatalf("the image has %d bytes, statistics say %+v", len(m.b), st)
	}
	return m.b
}

// compare reads an image back with go-erofs and compares all that it says.
func compare(t testing.TB, tree *Tree, img []byte) {
	t.Helper()
	fsys, err := erofs.Open(bytes.NewReader(img))
	if err != nil {
		t.Fatal(err)
	}
	inos := map[*inode]int64{}
	seen := 0
	err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		want, err := tree.resolve(p, 0)
		if err != nil {
			return fmt.Errorf("%s is in the image only", p)
		}
		seen++
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*erofs.Stat)
		if st.Mode != want.mode || d.Type() != want.mode.Type() || st.UID != want.uid || st.GID != want.gid ||
			int64(st.Mtime) != want.sec || st.MtimeNs != want.nsec || st.Nlink != int(want.nlink) || st.Rdev != want.rdev {
			return fmt.Errorf("%s: image has %+v, tree %+v", p, st, want)
		}
		xattrs := map[string]string{}
		for k, v := range st.Xattrs {
			xattrs[strings.TrimSuffix(k, ".")] = v
		}
		if !maps.Equal(xattrs, want.xattrs) {
			return fmt.Errorf("%s: image has attributes %q, tree %q", p, xattrs, want.xattrs)
		}
		if ino, ok := inos[want]; ok && ino != st.Ino {
			return fmt.Errorf("%s: inode %d, its other name has %d", p, st.Ino, ino)
		}
		inos[want] = st.Ino
		switch {
		case want.mode&fs.ModeSymlink != 0:
			if target, err := fs.ReadLink(fsys, p); err != nil || target != want.target {
				return fmt.Errorf("%s: link to %q, %v; want %q", p, target, err, want.target)
			}
		case want.mode.IsRegular():
			got, err := fs.ReadFile(fsys, p)
			if err != nil {
				return err
			}
			content, err := (&File{Mode: want.mode, Size: want.size, ino: want, t: tree}).Read(want.size)
			if err != nil || !bytes.Equal(got, content) {
				return fmt.Errorf("%s: content differs (%d bytes, want %d): %v", p, len(got), len(content), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := 1
	var count func(n *inode)
	count = func(n *inode) {
		for _, c := range n.children {
			names++
			count(c.ino)
		}
	}
	count(tree.root)
	if seen != names {
		t.Fatalf("the image has %d names, the tree %d", seen, names)
	}
	if got := le.Uint64(img[superAt+sbInodes:]); got != uint64(len(inos)) {
		t.Fatalf("the superblock counts %d inodes, the tree has %d", got, len(inos))
	}
}

// rich is a tree with something of everything.
func rich(t testing.TB) *Tree {
	t.Helper()
	when := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)
	body := map[string]string{"small": "x", "empty": "", "block": strings.Repeat("b", 4096), "large": strings.Repeat("large ", 50000),
		"inline": strings.Repeat("i", 3000), "z/last": "first name in another directory's order", "many/link0": "linked"}
	hs := []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o711, Uid: 5, Gid: 6},
		{Name: "sticky/", Typeflag: tar.TypeDir, Mode: 0o1777, ModTime: when},
		{Name: "suid", Mode: 0o4755}, {Name: "sgid", Mode: 0o2755, Uid: 70000, Gid: 80000},
		{Name: "null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3},
		{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o660, Devmajor: 259, Devminor: 70000},
		{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o600},
		{Name: "old", Mode: 0o644, ModTime: time.Unix(1, 0)},
		{Name: "caps", Mode: 0o755, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
			"SCHILY.xattr.user.a":              "1", "SCHILY.xattr.user.empty": "",
			"SCHILY.xattr.trusted.t":               "t",
			"SCHILY.xattr.system.posix_acl_access": "\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x04\x00\x04\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff",
			"SCHILY.xattr.trusted.overlay.opaque":  "y", "SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.odd.name": "dropped"}},
		{Name: "largexattr", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.user.v": strings.Repeat("v", 10000)}},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "small"},
		{Name: "longlink", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("../", 1300) + "x"},
		{Name: "z/last", Mode: 0o644},
		{Name: "a/alias", Typeflag: tar.TypeLink, Linkname: "z/last"},
		{Name: "m", Typeflag: tar.TypeLink, Linkname: "z/last"},
		{Name: "nulllink", Typeflag: tar.TypeLink, Linkname: "null"},
		{Name: "linklink", Typeflag: tar.TypeLink, Linkname: "link"},
		{Name: "many/link0", Mode: 0o600},
		{Name: "caf\xe9", Mode: 0o644}, {Name: "späße €", Mode: 0o644},
	}
	for n := range body {
		if n != "z/last" && n != "many/link0" {
			hs = append(hs, tar.Header{Name: n, Mode: 0o644})
		}
	}
	for i := range 500 {
		hs = append(hs, tar.Header{Name: fmt.Sprintf("dir/%s%d", strings.Repeat("n", i%200), i), Mode: 0o644},
			tar.Header{Name: fmt.Sprintf("many/l%d", i), Typeflag: tar.TypeLink, Linkname: "many/link0"})
	}
	data, _ := io.ReadAll(ocilayout.Tar(body, hs...))
	tree, err := Merge(t.Context(), []Layer{memLayer{name: "L", data: string(data)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func TestWriteEROFS(t *testing.T) {
	tree := rich(t)
	if x := tree.root.children["caps"].ino.xattrs; len(x) != 5 || x["trusted.overlay.opaque"] != "" {
		t.Errorf("attributes kept: %q", x)
	}
	img := writeImage(t, tree)
	compare(t, tree, img)
	if img[superAt+sbBlockBits] != 12 {
		t.Errorf("block size is 2^%d", img[superAt+sbBlockBits])
	}
	if !bytes.Equal(img, writeImage(t, rich(t))) {
		t.Error("the same layers give other bytes")
	}
	fsck(t, img)
}

func TestEmptyEROFS(t *testing.T) {
	tree, err := Merge(t.Context(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	img := writeImage(t, tree)
	compare(t, tree, img)
	fsck(t, img)
}

// TestACLIndex looks at the bytes: Linux finds a POSIX ACL only under name
// index 2 with an empty name (fs/erofs/xattr.h).
func TestACLIndex(t *testing.T) {
	data, _ := io.ReadAll(ocilayout.Tar(nil, tar.Header{Name: "f", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.system.posix_acl_access": "VALUE!"}}))
	tree, err := Merge(t.Context(), []Layer{memLayer{name: "L", data: string(data)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if !bytes.Contains(writeImage(t, tree), []byte("\x00\x02\x06\x00VALUE!")) {
		t.Error("no entry with name length 0, index 2, value length 6")
	}
}

// fsck has erofs-utils look at an image, and unpack it where that is possible.
func fsck(t *testing.T, img []byte) {
	t.Helper()
	tool, err := exec.LookPath("fsck.erofs")
	if err != nil {
		t.Log("fsck.erofs (erofs-utils) is not installed: the image was read back with go-erofs only")
		return
	}
	file := filepath.Join(t.TempDir(), "img")
	if err := os.WriteFile(file, img, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, file).CombinedOutput(); err != nil {
		t.Errorf("fsck.erofs: %v\n%s", err, out)
	}
}

func TestWriteFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	defer f.Close()
	if _, err := rich(t).WriteEROFS(f); err == nil || !strings.Contains(err.Error(), "writing EROFS: ") {
		t.Errorf("full disk: %v", err)
	}
}
