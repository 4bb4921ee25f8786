package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/testkit/ocilayout"
)

// memLayer is a layer in memory; its reader ends with err.
type memLayer struct {
	name string
	data string
	err  error
}

func (l memLayer) String() string { return l.name }

func (l memLayer) Open(context.Context) (io.ReadCloser, error) {
	var r io.Reader = strings.NewReader(l.data)
	if l.err != nil {
		r = io.MultiReader(r, errReader{l.err})
	}
	return io.NopCloser(r), nil
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// parseLayers makes layers of a short notation, one entry a line:
//
//	f NAME CONTENT | d NAME | l NAME TARGET (symbolic) | h NAME TARGET (hard)
//	c NAME | w NAME (an empty file, for whiteouts)   and "--" between layers
func parseLayers(text string) []Layer {
	var layers []Layer
	for i, part := range strings.Split(text, "--\n") {
		body := map[string]string{}
		var hs []tar.Header
		for line := range strings.Lines(part) {
			f := strings.Fields(line)
			if len(f) == 0 {
				continue
			}
			h := tar.Header{Name: f[1], Mode: 0o644}
			switch f[0] {
			case "f":
				body[f[1]] = f[2]
			case "d":
				h.Typeflag, h.Mode = tar.TypeDir, 0o750
			case "l":
				h.Typeflag, h.Linkname = tar.TypeSymlink, f[2]
			case "h":
				h.Typeflag, h.Linkname = tar.TypeLink, f[2]
			case "c":
				h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, 1, 3
			}
			hs = append(hs, h)
		}
		data, _ := io.ReadAll(ocilayout.Tar(body, hs...))
		layers = append(layers, memLayer{name: fmt.Sprintf("layer %d", i), data: string(data)})
	}
	return layers
}

// format prints a tree, one file a line, in the notation of parseLayers; a
// further name of a file is "h NAME FIRST-NAME".
func format(t *testing.T, tree *Tree) string {
	var b strings.Builder
	first := map[*inode]string{}
	var walk func(dir *inode, at string)
	walk = func(dir *inode, at string) {
		for _, name := range dir.names() {
			n, p := dir.children[name].ino, path.Join(at, name)
			switch {
			case n.isDir():
				mode := ""
				if n.mode.Perm() != 0o755 {
					mode = fmt.Sprintf(" %o", n.mode.Perm())
				}
				fmt.Fprintf(&b, "d %s%s\n", p, mode)
				walk(n, p)
			case first[n] != "":
				fmt.Fprintf(&b, "h %s %s\n", p, first[n])
			case n.mode&fs.ModeSymlink != 0:
				fmt.Fprintf(&b, "l %s %s\n", p, n.target)
			case n.mode&fs.ModeDevice != 0:
				fmt.Fprintf(&b, "c %s\n", p)
			default:
				f, err := tree.Lookup(p)
				if err != nil {
					t.Fatal(err)
				}
				content, err := f.Read(1 << 20)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "f %s %s\n", p, content)
			}
			if first[n] == "" {
				first[n] = p
			}
		}
	}
	walk(tree.root, "")
	return b.String()
}

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct{ layers, want string }{
		"parents are made":                   {"f a/b/c x", "d a\nd a/b\nf a/b/c x\n"},
		"last one wins":                      {"f a x\nf a y", "f a y\n"},
		"upper wins":                         {"f a x\n--\nf a y", "f a y\n"},
		"directory keeps children":           {"f d/a x\n--\nd d/\nf d/b y", "d d 750\nf d/a x\nf d/b y\n"},
		"file replaces directory":            {"f d/a x\n--\nf d y", "f d y\n"},
		"directory replaces file":            {"f d x\n--\nd d/\nf d/a y", "d d 750\nf d/a y\n"},
		"directory replaces link":            {"d e/\nl d e\n--\nd d/\nf d/a y", "d d 750\nf d/a y\nd e 750\n"},
		"whiteout of a file":                 {"f a x\nf b y\n--\nw .wh.a", "f b y\n"},
		"whiteout of a directory":            {"f d/e/a x\nf b y\n--\nw .wh.d", "f b y\n"},
		"whiteout below":                     {"f d/a x\nf d/b y\n--\nw d/.wh.a", "d d\nf d/b y\n"},
		"whiteout of nothing":                {"f a x\n--\nw .wh.b", "f a x\n"},
		"whiteout spares its layer, after":   {"f a x\n--\nf a y\nw .wh.a", "f a y\n"},
		"whiteout spares its layer, before":  {"f a x\n--\nw .wh.a\nf a y", "f a y\n"},
		"whiteout and new directory":         {"f d/a x\n--\nd d/\nf d/b y\nw .wh.d", "d d 750\nf d/b y\n"},
		"whiteout in the first layer":        {"f a x\nw .wh.a", "f a x\n"},
		"whiteout, then again there":         {"f a x\n--\nw .wh.a\n--\nf a z", "f a z\n"},
		"opaque":                             {"f d/a x\nf d/e/b x\n--\nw d/.wh..wh..opq\nf d/c y", "d d\nf d/c y\n"},
		"opaque after its siblings":          {"f d/a x\nf d/e/b x\n--\nf d/e/c y\nw d/.wh..wh..opq", "d d\nd d/e\nf d/e/c y\n"},
		"opaque root":                        {"f a x\n--\nw .wh..wh..opq\nf b y", "f b y\n"},
		"opaque then lower gone, upper kept": {"f d/a x\n--\nf d/b y\n--\nw d/.wh..wh..opq\nf d/c z", "d d\nf d/c z\n"},
		"AUFS bookkeeping":                   {"f a x\nd .wh..wh.plnk/\nw .wh..wh.aufs", "f a x\n"},
		"hard link":                          {"f a x\nh b a\nh d/c ./a", "f a x\nh b a\nd d\nh d/c a\n"},
		"hard link to a lower layer":         {"f a x\n--\nh b /a", "f a x\nh b a\n"},
		"first name gone":                    {"f a x\nh b a\nh c a\n--\nw .wh.a", "f b x\nh c b\n"},
		"first name replaced":                {"f a x\nh b a\n--\nf a y", "f a y\nf b x\n"},
		"hard link to a link":                {"l a none\nh b a", "l a none\nh b a\n"},
		"hard link to itself":                {"f a x\nh a a", "f a x\n"},
		"through a link":                     {"d usr/lib/\nl lib usr/lib\n--\nf lib/a x", "l lib usr/lib\nd usr\nd usr/lib 750\nf usr/lib/a x\n"},
		"through an absolute link":           {"d usr/lib/\nl lib /usr/lib\n--\nf lib/a x", "l lib /usr/lib\nd usr\nd usr/lib 750\nf usr/lib/a x\n"},
		"through a dangling link":            {"l lib usr/lib\nf lib/a x", "l lib usr/lib\nd usr\nd usr/lib\nf usr/lib/a x\n"},
		"a link that climbs":                 {"l d/up ../../../..\nl e /../x", "d d\nl d/up ../../../..\nl e /../x\n"},
		"dots":                               {"f ./a x\nf /b y\nf d/../c z\nf ./e/./f/../g w", "f a x\nf b y\nf c z\nd e\nf e/g w\n"},
		"through a link within":              {"d a/b/\nl a/b/up ../..\nf a/b/up/c x", "d a\nd a/b 750\nl a/b/up ../..\nf c x\n"},
		"hard link by an absolute name":      {"f a/b x\nh c /a/b", "d a\nf a/b x\nh c a/b\n"},
		"device":                             {"c dev/null", "d dev\nc dev/null\n"},
		"root":                               {"d ./\nf a x", "f a x\n"},
		"empty":                              {"", ""},
	} {
		tree, err := Merge(t.Context(), parseLayers(c.layers), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := format(t, tree); got != c.want {
			t.Errorf("%s: tree is\n%swant\n%s", name, got, c.want)
		}
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMergeErrors(t *testing.T) {
	long := strings.Repeat("n", 256)
	deep := strings.Repeat("d/", 2500) + "f"
	one := func(h tar.Header) []Layer {
		data, _ := io.ReadAll(ocilayout.Tar(nil, h))
		return []Layer{memLayer{name: "L", data: string(data)}}
	}
	good := parseLayers("f a x")[0].(memLayer).data
	pax := func(k, v string) map[string]string { return map[string]string{k: v} }
	for name, c := range map[string]struct {
		layers []Layer
		want   string
	}{
		"climbs":                 {parseLayers("f ../../e w"), `reading layer layer 0: entry "../../e": it leads out of the root of the file system`},
		"climbs, absolute":       {parseLayers("f a x\n--\nf /../e w"), `reading layer layer 1: entry "/../e": it leads out`},
		"climbs in the middle":   {parseLayers("f d/../../e w"), `entry "d/../../e": it leads out`},
		"climbs by a link":       {parseLayers("l d/up ../../..\nf d/up/a x"), `entry "d/up/a": it leads out`},
		"climbs, lower layer":    {parseLayers("l up /..\n--\nf up/a x"), `entry "up/a": it leads out`},
		"whiteout climbs":        {parseLayers("w ../.wh.a"), `entry "../.wh.a": it leads out`},
		"hard link climbs":       {parseLayers("f a x\nh b ../a"), `entry "b": hard link to "../a": it leads out`},
		"hard link climbs, link": {parseLayers("l up ../..\nf a x\nh b up/a"), `entry "b": hard link to "up/a": it leads out`},
		"link to nothing":        {parseLayers("h b a"), `reading layer layer 0: entry "b": hard link to "a": file does not exist`},
		"link to a directory":    {parseLayers("d a/\nh b a"), `hard link to "a", which is a directory`},
		"file as a directory":    {parseLayers("f a x\nf a/b x"), `reading layer layer 0: entry "a/b": "a" in the path is not a directory`},
		"loop of links":          {parseLayers("l a b\nl b a\nf a/c x"), "too many symbolic links"},
		"root is a file":         {parseLayers("l . x"), "the root of the file system must be a directory"},
		"root is a regular file": {parseLayers("f . x"), "the root of the file system must be a directory"},
		"root is a device":       {parseLayers("c a/.."), "the root of the file system must be a directory"},
		"root is a hard link":    {parseLayers("f a x\nh / a"), "the root of the file system must be a directory"},
		"whiteout of nothing":    {parseLayers("w d/.wh."), "the whiteout names nothing"},
		"whiteout of the parent": {parseLayers("w d/.wh..."), "the whiteout names nothing"},
		"long name":              {parseLayers("f " + long + " x"), "a name is longer than 255 bytes"},
		"long path":              {parseLayers("f " + deep + " x"), "the path is longer than 4095 bytes"},
		"empty link":             {one(tar.Header{Name: "a", Typeflag: tar.TypeSymlink}), `symbolic link to ""`},
		"long link":              {one(tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 4096)}), "not a path that Linux takes"},
		"odd type":               {one(tar.Header{Name: "a", Typeflag: 'Z'}), "the type 'Z' is not one"},
		"device number":          {one(tar.Header{Name: "a", Typeflag: tar.TypeBlock, Devmajor: 4096}), "4096:0 is out of Linux's range"},
		"owner":                  {one(tar.Header{Name: "a", Uid: 1 << 33}), "is out of Linux's range"},
		"long attribute":         {one(tar.Header{Name: "a", PAXRecords: pax("SCHILY.xattr.user."+long, "")}), "is longer than 255 bytes"},
		"large attribute":        {one(tar.Header{Name: "a", PAXRecords: pax("SCHILY.xattr.user.a", strings.Repeat("v", 70000))}), "more than 65536 bytes"},
		"not a tar":              {[]Layer{memLayer{name: "L", data: strings.Repeat("no tar ", 500)}}, "reading layer L: reading the tar's first entry: archive/tar: invalid tar header"},
		"cut in a header":        {[]Layer{memLayer{name: "L", data: good[:100]}}, "reading layer L: reading the tar's first entry: unexpected EOF"},
		"cut in content":         {[]Layer{memLayer{name: "L", data: good[:512]}}, `entry "a": copying its content: unexpected EOF`},
		"damaged layer":          {[]Layer{memLayer{name: "L", data: good, err: errors.New("reading layer L: wrong digest")}}, "reading layer L: wrong digest"},
		"damaged, not a tar":     {[]Layer{memLayer{name: "L", data: strings.Repeat("no tar ", 500), err: errors.New("reading layer L: wrong digest")}}, "reading layer L: wrong digest"},
	} {
		tree, err := Merge(t.Context(), c.layers, Options{})
		if err == nil {
			tree.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestMaxSize(t *testing.T) {
	layers := parseLayers("f a 0123456789\nf b 0123456789")
	if _, err := Merge(t.Context(), layers, Options{MaxSize: 19}); !errors.Is(err, errTooBig) {
		t.Errorf("20 bytes with room for 19: %v", err)
	}
	tree, err := Merge(t.Context(), layers, Options{MaxSize: 20})
	if err != nil {
		t.Fatal(err)
	}
	tree.Close()
}

// TestSpool shows that errors and Close leave no temporary file, and that
// nothing is written beside it.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	tree, err := Merge(t.Context(), parseLayers("f a x\nl b /etc\nf b/c x"), Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Merge(t.Context(), parseLayers("h a b"), Options{TempDir: dir}); err == nil {
		t.Error("no error")
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("left behind: %v", list)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Merge(ctx, parseLayers("f a x"), Options{TempDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLookup(t *testing.T) {
	tree, err := Merge(t.Context(), parseLayers("f usr/bin/busybox x\nl bin usr/bin\nl usr/bin/sh busybox\nl usr/bin/abs /bin/sh\nl loop loop\nl gone none"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, p := range []string{"/bin/sh", "bin/abs", "usr/../../bin/./sh", "/usr/bin/busybox"} {
		f, err := tree.Lookup(p)
		if err != nil {
			t.Error(err)
			continue
		}
		if b, err := f.Read(10); string(b) != "x" || err != nil {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	for _, p := range []string{"/none", "/gone", "/usr/bin/busybox/x", "/bin/none/x"} {
		if _, err := tree.Lookup(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := tree.Lookup("/loop"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("/loop: %v", err)
	}
	if f, err := tree.Lookup("/"); err != nil || !f.Mode.IsDir() {
		t.Errorf("/: %v", err)
	} else if _, err := f.Read(1); err == nil {
		t.Error("a directory was read")
	}
}

func FuzzMerge(f *testing.F) {
	for _, s := range []string{"f a x\nh b a\nl c a\nd d/\nc e", "f d/a x", "w .wh.a"} {
		f.Add([]byte(parseLayers(s)[0].(memLayer).data), []byte(parseLayers("w .wh.a\nf d/b y")[0].(memLayer).data))
	}
	f.Add([]byte(sparseTar("a", 300000)), []byte(sparseTar("b", 5)))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, a, b []byte) {
		layers := []Layer{memLayer{name: "a", data: string(a)}, memLayer{name: "b", data: string(b)}}
		tree, err := Merge(t.Context(), layers, Options{TempDir: dir, MaxSize: 1 << 20})
		if err != nil {
			return
		}
		defer tree.Close()
		img := writeImage(t, tree)
		compare(t, tree, img)
	})
}
