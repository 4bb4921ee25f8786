package convert

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/wasm"
)

// fixture is a cache with one entry, and what is in it.
type fixture struct {
	*Cache
	t       *testing.T
	p       *pipeline
	key     string
	path    string
	content []byte
}

func newFixture(t *testing.T, ref string, size int) *fixture {
	f := &fixture{t: t, Cache: &Cache{Dir: filepath.Join(t.TempDir(), "files"), Limit: 1 << 20, Identity: "this"}}
	f.p = f.pipeline(Options{Ref: ref})
	f.key = f.Cache.key(f.p, &image.Image{Digest: v1.Hash{Algorithm: "sha256", Hex: "00"}})
	file := testFile(t, ref, size)
	var b bytes.Buffer
	if _, err := file.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f.content = b.Bytes()
	if f.path = f.put(t.Context(), f.key, file); f.path == "" {
		t.Fatal("it is not kept")
	}
	return f
}

func (f *fixture) pipeline(o Options) *pipeline {
	f.t.Helper()
	p, err := newPipeline(context.Background(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// testFile is a converted file of more than size bytes.
func testFile(t *testing.T, ref string, size int) *File {
	f := &File{Info: &Info{Image: ref, Platform: Platforms()[0]}}
	section, err := f.Info.section()
	if err != nil {
		t.Fatal(err)
	}
	f.module = &wasm.Module{Customs: []wasm.Custom{{Name: "x", Data: make([]byte, size)}, section}}
	f.Size = f.module.Size()
	return f
}

func (f *fixture) get(ref string) []byte {
	f.t.Helper()
	c := f.open(f.pipeline(Options{Ref: ref}), f.key)
	if c == nil {
		return nil
	}
	defer c.Close()
	var b bytes.Buffer
	if n, err := c.WriteTo(&b); err != nil || n != c.Size || n != int64(b.Len()) {
		f.t.Errorf("%d of %d bytes, %v", n, c.Size, err)
	}
	if c.Info.Image != ref {
		f.t.Errorf("it is %s, want %s", c.Info.Image, ref)
	}
	return b.Bytes()
}

func TestCache(t *testing.T) {
	f := newFixture(t, "name", 1000)
	if got := f.get("name"); !bytes.Equal(got, f.content) {
		t.Errorf("%d bytes, want the %d that were kept", len(got), len(f.content))
	}
	// Found by another name the file is that of a conversion by that name.
	for _, ref := range []string{"other/name:with.a.tag", "n"} {
		var want bytes.Buffer
		testFile(t, ref, 1000).WriteTo(&want)
		if got := f.get(ref); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("by the name %s: %d bytes, want %d", ref, len(got), want.Len())
		}
	}
	if f.open(f.p, "another") != nil {
		t.Error("there is an entry that was not made")
	}
	if n, err := f.Clear(); err != nil || n != int64(len(f.content)) || f.get("name") != nil {
		t.Errorf("%d bytes cleared, %v", n, err)
	}
}

// TestCacheKey has what tells entries apart, and what does not.
func TestCacheKey(t *testing.T) {
	c := &Cache{Identity: "this"}
	f := &fixture{t: t}
	img := &image.Image{Digest: v1.Hash{Algorithm: "sha256", Hex: "00"}}
	base := c.key(f.pipeline(Options{Ref: "a"}), img)
	same := []Options{
		{Ref: "b"},
		{Ref: "a", Platform: Platforms()[0], TempDir: "/elsewhere", Progress: silent{}},
		{Ref: "a", RAM: 256 << 20},
		{Ref: "a", Image: image.Options{Insecure: true}},
	}
	for _, o := range same {
		if c.key(f.pipeline(o), img) != base {
			t.Errorf("%+v has another key", o)
		}
	}
	seen := map[string]bool{base: true}
	for _, o := range []Options{
		{Ref: "a", RAM: 128 << 20},
		{Ref: "a", UpperSize: 1},
		{Ref: "a", Machine: []byte("m")},
		{Ref: "a", Version: "2"},
	} {
		if k := c.key(f.pipeline(o), img); seen[k] {
			t.Errorf("%+v has the key of others", o)
		} else {
			seen[k] = true
		}
	}
	other := &image.Image{Digest: v1.Hash{Algorithm: "sha256", Hex: "01"}}
	newer := &Cache{Identity: "next"}
	p := f.pipeline(Options{Ref: "a"})
	if seen[c.key(p, other)] || seen[newer.key(p, img)] {
		t.Error("another image or converter has the key of others")
	}
}

func TestCacheDamage(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"a bit":    func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"the end":  func(b []byte) []byte { return b[:len(b)-1] },
		"all":      func([]byte) []byte { return nil },
		"appended": func(b []byte) []byte { return append(b, 0) },
	} {
		f := newFixture(t, "name", 1000)
		if err := os.WriteFile(f.path, damage(bytes.Clone(f.content)), 0o666); err != nil {
			t.Fatal(err)
		}
		if f.get("name") != nil {
			t.Errorf("%s: a damaged entry is used", name)
		}
		if _, err := os.Stat(f.path); !os.IsNotExist(err) {
			t.Errorf("%s: the entry is still there: %v", name, err)
		}
	}
}

// TestCachePrune keeps what was used last, and removes what a process that has
// died left behind.
func TestCachePrune(t *testing.T) {
	f := newFixture(t, "name", 1000)
	f.Limit = 3800
	age := func(path string, d time.Duration) {
		then := time.Now().Add(-d)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	age(f.path, 3*time.Hour)
	second := f.put(t.Context(), "second", testFile(t, "name", 1000))
	age(second, 2*time.Hour)
	old, fresh := filepath.Join(f.Dir, ".a.tmp"), filepath.Join(f.Dir, ".b.tmp")
	for _, name := range []string{old, fresh} {
		if err := os.WriteFile(name, make([]byte, 5000), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	age(old, 25*time.Hour)
	if f.get("name") == nil { // it is the one used last now
		t.Fatal("there are two entries of three that fit, and one is gone")
	}
	third := f.put(t.Context(), "third", testFile(t, "name", 1000))
	fourth := f.put(t.Context(), "fourth", testFile(t, "name", 1000))
	for path, want := range map[string]bool{f.path: true, second: false, third: true, fourth: true, old: false, fresh: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", filepath.Base(path), err, want)
		}
	}
	if f.put(t.Context(), "large", testFile(t, "name", 4000)) != "" {
		t.Error("an entry larger than the limit is kept")
	}
	if n := len(f.List()); n != 3 {
		t.Errorf("%d entries listed, want 3", n)
	}
}

// TestCacheConcurrent puts, reads, prunes and clears at the same time: what is
// read is whole.
func TestCacheConcurrent(t *testing.T) {
	f := newFixture(t, "name", 100_000)
	f.Limit = 250_000
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				f.put(t.Context(), f.key, testFile(t, "name", 100_000))
				if b := f.get("name"); b != nil && !bytes.Equal(b, f.content) {
					t.Errorf("%d bytes that were never kept", len(b))
				}
				if i == 0 {
					f.Clear()
				}
				f.Prune()
			}
		})
	}
	wg.Wait()
}

// TestCacheUnusable has caches that cannot be: they keep nothing and disturb
// nobody.
func TestCacheUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		c := &Cache{Dir: dir, Limit: 1 << 20}
		f := &fixture{t: t, Cache: c}
		if path := c.put(t.Context(), "key", testFile(t, "name", 10)); path != "" {
			t.Errorf("%q keeps %s", dir, path)
		}
		if c.open(f.pipeline(Options{Ref: "name"}), "key") != nil {
			t.Errorf("%q has an entry", dir)
		}
		c.Prune()
	}
	(&Cache{Dir: file}).Clear()
	if _, err := os.Stat(file); err != nil {
		t.Errorf("what is no cache was cleared: %v", err)
	}
}
