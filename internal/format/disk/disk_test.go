package disk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// sample is a disk's content of size bytes: text, zeros and noise in turn, in
// runs that do not keep to chunks.
func sample(size int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 0, size+1<<18)
	for len(b) < size {
		end := len(b) + 1000 + r.IntN(200000)
		switch r.IntN(3) {
		case 0:
			for len(b) < end {
				b = fmt.Appendf(b, "line %d of %d\n", r.IntN(1000), end)
			}
		case 1:
			b = append(b, make([]byte, end-len(b))...)
		default:
			for len(b) < end {
				b = append(b, byte(r.Uint32()))
			}
		}
	}
	return b[:size]
}

func pack(t testing.TB, content []byte, opts Options) ([]byte, Stats) {
	t.Helper()
	var out bytes.Buffer
	st, err := Write(&out, bytes.NewReader(content), int64(len(content)), opts)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size != int64(len(content)) || st.Stored != int64(out.Len()) || st.Digest != sha256.Sum256(content) {
		t.Fatalf("%d bytes became %d, statistics say %+v", len(content), out.Len(), st)
	}
	return out.Bytes(), st
}

func open(t testing.TB, file []byte) *Disk {
	t.Helper()
	d, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 65535, 65536, 65537, 3 << 20} {
		for _, chunk := range []int{0, 4 << 10, 32 << 10, 64 << 10} {
			content := sample(size)
			file, _ := pack(t, content, Options{ChunkSize: chunk})
			d := open(t, file)
			if d.Size() != int64(size) || d.Digest() != sha256.Sum256(content) {
				t.Errorf("size %d, chunks of %d: opened with size %d", size, chunk, d.Size())
			}
			got, err := io.ReadAll(io.NewSectionReader(d, 0, d.Size()))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("size %d, chunks of %d: content does not come back: %v", size, chunk, err)
			}
			if err := d.Verify(); err != nil {
				t.Errorf("size %d, chunks of %d: %v", size, chunk, err)
			}
		}
	}
}

func TestReadAtAnywhere(t *testing.T) {
	content := sample(3<<20 + 12345)
	file, st := pack(t, content, Options{})
	if st.Zero == 0 || st.Raw == 0 || st.Packed == 0 {
		t.Fatalf("not every kind of chunk is tested: %+v", st)
	}
	d := open(t, file)
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		off, n := r.IntN(len(content)+100), r.IntN(200000)
		if r.IntN(2) == 0 {
			n = r.IntN(5000)
		}
		p := bytes.Repeat([]byte{0xa5}, n)
		got, err := d.ReadAt(p, int64(off))
		want := content[min(off, len(content)):min(off+n, len(content))]
		if !bytes.Equal(p[:got], want) || got < n && err != io.EOF || got == n && err != nil {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, got, err)
		}
	}
	if n := len(d.slots) << d.shift; n > cacheBytes {
		t.Errorf("the cache has %d bytes", n)
	}
	if _, err := d.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is taken")
	}
}

func TestDeterministic(t *testing.T) {
	content := sample(2 << 20)
	first, _ := pack(t, content, Options{Workers: 1})
	for _, workers := range []int{2, 3, 16} {
		if file, _ := pack(t, content, Options{Workers: workers}); !bytes.Equal(file, first) {
			t.Errorf("%d workers give other bytes than one", workers)
		}
	}
}

type brokenReader struct{ io.ReaderAt }

func (b brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off >= 1<<20 {
		return 0, errors.New("disk on fire")
	}
	return b.ReaderAt.ReadAt(p, off)
}

type fullWriter struct{ room int }

func (f *fullWriter) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	content := bytes.NewReader(sample(2 << 20))
	for name, c := range map[string]struct {
		w    io.Writer
		r    io.ReaderAt
		size int64
		opts Options
		want string
	}{
		"source fails":    {io.Discard, brokenReader{content}, 2 << 20, Options{}, "packing a disk: reading at 1048576: disk on fire"},
		"source is short": {io.Discard, content, 3 << 20, Options{}, "packing a disk: reading at 2097152: unexpected EOF"},
		"disk full":       {&fullWriter{100000}, content, 2 << 20, Options{}, "packing a disk: no space left"},
		"no room at all":  {&fullWriter{}, content, 2 << 20, Options{}, "packing a disk: no space left"},
		"chunk size":      {io.Discard, content, 1, Options{ChunkSize: 5000}, "packing a disk: chunks of 5000 bytes are not possible"},
		"size":            {io.Discard, content, -1, Options{}, "packing a disk: its size is -1"},
	} {
		if _, err := Write(c.w, c.r, c.size, c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%s: error is %v, want %s", name, err, c.want)
		}
	}
}

// firstPacked returns the number of the first chunk of a kind.
func firstOf(t *testing.T, file []byte, kind int) int64 {
	d := open(t, file)
	for n := range d.chunks() {
		if e, err := d.entry(n); err == nil && e.kind() == kind {
			return n
		}
	}
	t.Fatalf("no chunk of kind %d", kind)
	return 0
}

func TestDamage(t *testing.T) {
	content := sample(2 << 20)
	good, _ := pack(t, content, Options{})
	lz, raw := firstOf(t, good, kindLZ4), firstOf(t, good, kindRaw)
	d := open(t, good)
	// set returns the file with the index entry of a chunk changed.
	set := func(n int64, change func(entry) entry) []byte {
		b := bytes.Clone(good)
		at := d.index + n*entryLen
		le.PutUint64(b[at:], uint64(change(entry(le.Uint64(b[at:])))))
		return b
	}
	put := func(at int, b ...byte) []byte {
		f := bytes.Clone(good)
		if at < 0 {
			at += len(f)
		}
		copy(f[at:], b)
		return f
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "has only 0 bytes"},
		"cut":              {good[:len(good)/2], "its end is missing"},
		"head cut":         {good[100:], "does not begin as a disk"},
		"other version":    {put(8, 2), "version 2 of its format"},
		"chunk size":       {put(12, 30), "chunks have 2^30 bytes"},
		"size too large":   {put(-48, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "index does not fit"},
		"size negative":    {put(-48, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "index does not fit"},
		"unknown kind":     {set(lz, func(e entry) entry { return e | 3<<62 }), "unknown kind"},
		"outside":          {set(lz, func(e entry) entry { return newEntry(kindLZ4, 1<<offsetBits-1, e.length()) }), "outside the file"},
		"in the header":    {set(raw, func(e entry) entry { return newEntry(kindRaw, 0, e.length()) }), "outside the file"},
		"in the index":     {set(raw, func(e entry) entry { return newEntry(kindRaw, d.index-1, e.length()) }), "outside the file"},
		"raw length":       {set(raw, func(e entry) entry { return newEntry(kindRaw, e.off(), 5) }), "5 bytes stored for 65536"},
		"packed length 0":  {set(lz, func(e entry) entry { return newEntry(kindLZ4, e.off(), 0) }), "0 bytes packed for 65536"},
		"packed too long":  {set(lz, func(e entry) entry { return newEntry(kindLZ4, headerLen, 65536) }), "65536 bytes packed for 65536"},
		"packed cut":       {set(lz, func(e entry) entry { return newEntry(kindLZ4, e.off(), e.length()-1) }), "block is corrupt"},
		"raw byte changed": {put(int(firstOffset(t, good, raw)), 1, 2, 3), "its content is not what was written"},
	} {
		d, err := Open(bytes.NewReader(c.file), int64(len(c.file)))
		if err == nil {
			err = d.Verify()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
		if name != "other version" && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v does not wrap ErrCorrupt", name, err)
		}
	}
}

func firstOffset(t *testing.T, file []byte, n int64) int64 {
	e, err := open(t, file).entry(n)
	if err != nil {
		t.Fatal(err)
	}
	return e.off()
}

func FuzzRead(f *testing.F) {
	for _, size := range []int{0, 100, 70000, 300000} {
		file, _ := pack(f, sample(size), Options{ChunkSize: 4096})
		f.Add(file, int64(0), uint16(5000))
	}
	f.Fuzz(func(t *testing.T, file []byte, off int64, n uint16) {
		d, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		p := make([]byte, n)
		got, err := d.ReadAt(p, off)
		if got < 0 || got > len(p) || got < len(p) && err == nil {
			t.Fatalf("ReadAt = %d, %v", got, err)
		}
		again := make([]byte, n)
		if got2, _ := d.ReadAt(again, off); got2 != got || !bytes.Equal(p[:got], again[:got]) {
			t.Fatal("a second read gives something else")
		}
	})
}

// benchDisk is C2W_BENCH_DISK, an EROFS image or the like, or a sample.
func benchDisk(b *testing.B) []byte {
	if name := os.Getenv("C2W_BENCH_DISK"); name != "" {
		c, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	return sample(32 << 20)
}

func BenchmarkWrite(b *testing.B) {
	content := benchDisk(b)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		_, st := pack(b, content, Options{})
		b.ReportMetric(float64(st.Stored)/float64(st.Size), "stored/plain")
	}
}

func BenchmarkRead(b *testing.B) {
	content := benchDisk(b)
	for _, chunk := range []int{16 << 10, 32 << 10, 64 << 10} {
		file, _ := pack(b, content, Options{ChunkSize: chunk})
		for _, n := range []int{4 << 10, 128 << 10} {
			b.Run(fmt.Sprintf("chunk=%dK/sequential=%dK", chunk>>10, n>>10), func(b *testing.B) {
				b.SetBytes(int64(n))
				d, p, off := open(b, file), make([]byte, n), int64(0)
				for b.Loop() {
					if off+int64(n) > d.Size() {
						off = 0
					}
					if _, err := d.ReadAt(p, off); err != nil {
						b.Fatal(err)
					}
					off += int64(n)
				}
			})
		}
		b.Run(fmt.Sprintf("chunk=%dK/random=4K", chunk>>10), func(b *testing.B) {
			d, p, r := open(b, file), make([]byte, 4096), rand.New(rand.NewPCG(7, 8))
			for b.Loop() {
				if _, err := d.ReadAt(p, r.Int64N(d.Size()/4096)*4096); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
