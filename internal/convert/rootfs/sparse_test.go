package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// sparseTar is a tar of one sparse file in GNU's old form (GNU tar manual, "Old
// GNU Format"): size bytes, of which the first and the last are data.
func sparseTar(name string, size int64) string {
	h := make([]byte, 512)
	octal := func(at int, n int64) { copy(h[at:], fmt.Sprintf("%011o\x00", n)) }
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	octal(124, 2)
	octal(136, 0)
	h[156] = tar.TypeGNUSparse
	copy(h[257:], "ustar  \x00")
	octal(386, 0)
	octal(398, 1)
	octal(410, size-1)
	octal(422, 1)
	// Numbers beyond 33 bits are in base 256.
	h[483] = 0x80
	for i := range 8 {
		h[483+11-i] = byte(size >> (8 * i))
	}
	if size >= 1<<33 {
		panic("BUG: sparseTar writes offsets of 33 bits")
	}
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(h) + "ab" + strings.Repeat("\x00", 510+1024)
}

// TestSparse has a file whose holes are 3 GiB: neither the spool nor the image
// takes that space. What is in such files the other tests look at.
func TestSparse(t *testing.T) {
	const size = 3<<30 + 12345
	dir := t.TempDir()
	layers := []Layer{memLayer{name: "L", data: sparseTar("var/log/lastlog", size)}, parseLayers("f after x")[0]}
	tree, err := Merge(t.Context(), layers, Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	f, err := tree.Lookup("var/log/lastlog")
	if err != nil || f.Size != size {
		t.Fatalf("%+v, %v", f, err)
	}
	if len(f.ino.holes) != 1 || tree.end > 3*holeUnit {
		t.Errorf("holes %v, %d bytes in the spool", f.ino.holes, tree.end)
	}
	if f, err := tree.Lookup("after"); err != nil {
		t.Error(err)
	} else if b, err := f.Read(10); string(b) != "x" || err != nil {
		t.Errorf("the file after it: %q, %v", b, err)
	}
	out, err := os.Create(filepath.Join(dir, "img"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	st, err := tree.WriteEROFS(out)
	if err != nil {
		t.Fatal(err)
	}
	info, err := out.Stat()
	if err != nil || info.Size() != st.Size || st.Size < size {
		t.Errorf("the image has %d bytes, statistics say %d: %v", info.Size(), st.Size, err)
	}
	if used, ok := allocated(out); ok && used > 16<<20 {
		t.Errorf("the image takes %d bytes of the disk", used)
	}
}

// TestSparseForms has sparse files as GNU tar writes them.
func TestSparseForms(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "holes"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	for _, at := range []int64{0, 200_000, 700_001} {
		f.WriteAt([]byte(strings.Repeat("data", 3000)), at)
	}
	f.Truncate(size)
	f.Close()
	want, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"--format=gnu", "--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"} {
		args := []string{"--sparse", form, "-C", dir, "-cf", "-", "holes"}
		if form != "--format=gnu" {
			args = append([]string{"--format=pax"}, args...)
		}
		data, err := exec.Command("tar", args...).Output()
		if err != nil {
			t.Skipf("no GNU tar here: %v", err)
		}
		if len(data) > size/2 {
			t.Errorf("%s: the tar is not sparse, it has %d bytes", form, len(data))
		}
		tree, err := Merge(t.Context(), []Layer{memLayer{name: "L", data: string(data)}}, Options{TempDir: dir})
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if f, err := tree.Lookup("holes"); err != nil {
			t.Errorf("%s: %v", form, err)
		} else if got, err := f.Read(size); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: content differs (%d bytes): %v", form, len(got), err)
		}
		compare(t, tree, writeImage(t, tree))
		tree.Close()
	}
}

// TestLastHole has an image that ends in zeros.
func TestLastHole(t *testing.T) {
	for _, size := range []int{2*holeUnit - 1, 2 * holeUnit, 3*holeUnit + 4097} {
		body := map[string]string{"z": strings.Repeat("\x00", size), "a": "x" + strings.Repeat("\x00", size)}
		data, _ := io.ReadAll(ocilayout.Tar(body, tar.Header{Name: "a", Mode: 0o644}, tar.Header{Name: "z", Mode: 0o644}))
		tree, err := Merge(t.Context(), []Layer{memLayer{name: "L", data: string(data)}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, tree, writeImage(t, tree))
		tree.Close()
	}
}

// TestHoleBehindDirectory has holes behind everything that go-erofs writes in
// other ways than content.
func TestHoleBehindDirectory(t *testing.T) {
	body := map[string]string{"z": strings.Repeat("\x00", 1<<20) + "z"}
	hs := []tar.Header{{Name: "z", Mode: 0o644}}
	for i := range 500 {
		hs = append(hs, tar.Header{Name: fmt.Sprintf("dir/%s%d", strings.Repeat("n", 100), i), Mode: 0o644})
	}
	hs = append(hs, tar.Header{Name: "dir/alias", Typeflag: tar.TypeLink, Linkname: "z"})
	data, _ := io.ReadAll(ocilayout.Tar(body, hs...))
	tree, err := Merge(t.Context(), []Layer{memLayer{name: "L", data: string(data)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	img := writeImage(t, tree)
	compare(t, tree, img)
	fsck(t, img)
}

// TestBombs has layers that unpack to more than c2w converts. Each error says so.
func TestBombs(t *testing.T) {
	start := time.Now()
	sparse := []Layer{memLayer{name: "L", data: sparseTar("bomb", 1<<32)}}
	_, err := Merge(t.Context(), sparse, Options{MaxSize: 1 << 31})
	if !errors.Is(err, errTooBig) || !strings.Contains(err.Error(), `entry "bomb": the image is larger than c2w converts: its files have more than 2147483648 bytes`) {
		t.Errorf("sparse: %v after %v", err, time.Since(start))
	}
	for name, data := range map[string]string{
		"behind the end": parseLayers("f a x")[0].(memLayer).data + strings.Repeat("\x00", 1<<20),
		"no content":     strings.Repeat(parseLayers("h a a")[0].(memLayer).data[:512], 2000),
	} {
		tree, err := newTree(Options{MaxSize: 10, TempDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		tree.slack = 512 << 10
		tree.root.children["a"] = child{&inode{}, 0}
		if err := tree.apply(t.Context(), memLayer{name: "L", data: data}, 0); !errors.Is(err, errTooBig) {
			t.Errorf("%s: %v", name, err)
		}
		tree.Close()
	}
	var words bytes.Buffer
	w := tar.NewWriter(&words)
	for i := range 10 {
		w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Format: tar.FormatPAX, PAXRecords: map[string]string{"SCHILY.xattr.user.a": strings.Repeat("v", 60000)}})
	}
	w.Close()
	tree, err := newTree(Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	tree.words = maxWords - 300000
	if err := tree.apply(t.Context(), memLayer{name: "L", data: words.String()}, 0); !errors.Is(err, errTooBig) || !strings.Contains(err.Error(), "bytes of names and attributes") {
		t.Errorf("attributes: %v", err)
	}
}
