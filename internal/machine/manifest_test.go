package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	riscv "github.com/c2w/c2w/internal/machine/board/riscv64"

	"github.com/c2w/c2w/internal/cpu/engine"
	"github.com/c2w/c2w/internal/format/agent"
	"github.com/c2w/c2w/internal/format/disk"
	"github.com/c2w/c2w/internal/machine/board"
	"github.com/c2w/c2w/internal/machine/boards"
)

func sample() *Manifest {
	return &Manifest{
		RAM: DefaultRAM, Kernel: Blob{1, 2}, Initrd: Blob{3, 4}, Disk: Blob{5, 1<<32 - 1},
		Cmdline: "console=hvc0 quiet", Entrypoint: []string{"/entry", ""}, Cmd: []string{"a b", "ü\xff"},
		Env: []string{"A=1", "B="}, Dir: "/srv", User: "nobody:adm",
		Pages: []PageBinding{
			{engine.Key{Content: 1<<64 - 1, Mode: 1}, engine.Binding{Slot: 16, Entries: []uint16{0, 2, 0xffe}, Tail: []byte{1, 2}}},
			{engine.Key{Content: 7}, engine.Binding{Slot: 17}},
		},
	}
}

func encode(t testing.TB, m *Manifest) []byte {
	t.Helper()
	m.Board = riscv.Kind
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestManifestRoundTrip(t *testing.T) {
	for _, want := range []*Manifest{sample(), {RAM: MinRAM}, {RAM: MaxRAM, Cmdline: strings.Repeat("x", 100_000)}} {
		b := encode(t, want)
		for _, tail := range [][]byte{nil, make([]byte, 1000), {0xff}} {
			got, err := DecodeManifest(append(b[:len(b):len(b)], tail...), boards.All...)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
			}
		}
	}
	if _, err := (&Manifest{Board: riscv.Kind, Cmdline: strings.Repeat("x", ManifestMax)}).Encode(); err == nil || !strings.Contains(err.Error(), "fit") {
		t.Errorf("too large a manifest: %v", err)
	}
}

func TestManifestDamaged(t *testing.T) {
	good := encode(t, sample())
	le := binary.LittleEndian
	for n := range good {
		if _, err := DecodeManifest(good[:n], boards.All...); err == nil {
			t.Errorf("cut short at %d", n)
		}
		// Told the shorter size, too.
		if n >= 12 {
			b := append([]byte(nil), good[:n]...)
			le.PutUint32(b[8:], uint32(n))
			if _, err := DecodeManifest(b, boards.All...); err == nil {
				t.Errorf("ends at %d", n)
			}
		}
	}
	change := func(f func(m *Manifest)) []byte {
		m := sample()
		f(m)
		return encode(t, m)
	}
	for name, b := range map[string][]byte{
		"empty": nil,
		"magic": append([]byte("C2WM"), good[4:]...),
		"size":  append(append([]byte{}, good[:8]...), bytes.Repeat([]byte{0xff}, len(good))...),
		"trailing": func() []byte {
			b := append(append([]byte{}, good...), 0)
			le.PutUint32(b[8:], uint32(len(b)))
			return b
		}(),
		"no RAM":         change(func(m *Manifest) { m.RAM = 0 }),
		"little RAM":     change(func(m *Manifest) { m.RAM = MinRAM - 1 }),
		"much RAM":       change(func(m *Manifest) { m.RAM = MaxRAM + 1 }),
		"hook slot":      change(func(m *Manifest) { m.Pages[0].Binding.Slot = 0 }),
		"huge slot":      change(func(m *Manifest) { m.Pages[0].Binding.Slot = 1 << 20 }),
		"entry off page": change(func(m *Manifest) { m.Pages[0].Binding.Entries[2] = 4096 }),
		"long tail":      change(func(m *Manifest) { m.Pages[0].Binding.Tail = make([]byte, 15) }),
		"falling":        change(func(m *Manifest) { m.Pages[0].Binding.Entries = []uint16{4, 2} }),
		"twice":          change(func(m *Manifest) { m.Pages[0].Binding.Entries = []uint16{4, 4} }),
	} {
		if _, err := DecodeManifest(b, boards.All...); !errors.Is(err, errManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	old := append([]byte(nil), good...)
	le.PutUint32(old[4:], manifestVersion+1)
	if _, err := DecodeManifest(old, boards.All...); err == nil || !strings.Contains(err.Error(), "convert the image again") {
		t.Errorf("another version: %v", err)
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Add(encode(f, &Manifest{RAM: MinRAM}))
	huge := encode(f, sample())
	binary.LittleEndian.PutUint32(huge[40:], 1<<32-1)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > ManifestMax {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := DecodeManifest(b, boards.All...)
		runtime.ReadMemStats(&after)
		// Strings and slices cost up to sixteen times their encoding, and
		// growing a slice that much again.
		if got := after.TotalAlloc - before.TotalAlloc; got > 64*uint64(len(b))+64<<10 {
			t.Errorf("%d bytes allocated for %d", got, len(b))
		}
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.HasPrefix(b, again) {
			t.Errorf("%v: %x is spelled %x", err, b, again)
		}
	})
}

// TestSpec combines image and run as docker run does.
func TestSpec(t *testing.T) {
	list := func(s ...string) []string { return s }
	for name, c := range map[string]struct {
		entry, cmd []string
		o          RunOptions
		want       []string // nil: an error
	}{
		"nothing":                      {nil, nil, RunOptions{}, nil},
		"command":                      {nil, list("c", "d"), RunOptions{}, list("c", "d")},
		"entrypoint":                   {list("e"), nil, RunOptions{}, list("e")},
		"both":                         {list("e", "f"), list("c"), RunOptions{}, list("e", "f", "c")},
		"arguments":                    {nil, list("c", "d"), RunOptions{Args: list("a")}, list("a")},
		"arguments to entrypoint":      {list("e"), list("c"), RunOptions{Args: list("a", "b")}, list("e", "a", "b")},
		"--entrypoint":                 {list("e"), list("c"), RunOptions{Entrypoint: list("x")}, list("x")},
		"--entrypoint, arguments":      {list("e"), list("c"), RunOptions{Entrypoint: list("x"), Args: list("a")}, list("x", "a")},
		"--entrypoint=":                {list("e"), list("c"), RunOptions{Entrypoint: []string{}}, nil},
		"--entrypoint=, arguments":     {list("e"), list("c"), RunOptions{Entrypoint: []string{}, Args: list("a")}, list("a")},
		"no image, arguments":          {nil, nil, RunOptions{Args: list("a", "-b", "--")}, list("a", "-b", "--")},
		"an empty argument is its own": {list("e"), nil, RunOptions{Args: list("")}, list("e", "")},
	} {
		m := &Manifest{Entrypoint: c.entry, Cmd: c.cmd, Dir: "/srv", User: "nobody"}
		s, err := m.Spec(c.o)
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), "names no command") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(s.Args, c.want) || s.Dir != "/srv" || s.User != "nobody" {
			t.Errorf("%s: %+v, %v, want %q", name, s, err, c.want)
		}
		if _, err := agent.Append(nil, s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(m.Entrypoint, c.entry) || !reflect.DeepEqual(m.Cmd, c.cmd) {
			t.Errorf("%s: the manifest is now %+v", name, m)
		}
	}
}

func TestEnvironment(t *testing.T) {
	std := []string{defaultPath, "HOSTNAME=c2w"}
	for _, c := range []struct{ image, run, want []string }{
		{nil, nil, std},
		{[]string{"PATH=/x", "A=1"}, nil, []string{"PATH=/x", "HOSTNAME=c2w", "A=1"}},
		{[]string{"A=1", "B=2"}, []string{"B=3", "C=4", "HOSTNAME=h"}, []string{defaultPath, "HOSTNAME=h", "A=1", "B=3", "C=4"}},
		{[]string{"A=1", "A=2"}, []string{"A=", "A=x=y"}, append(std[:2:2], "A=x=y")},
		{[]string{"AB=1"}, []string{"A=2"}, append(std[:2:2], "AB=1", "A=2")},
	} {
		s, err := (&Manifest{Cmd: []string{"c"}, Env: c.image}).Spec(RunOptions{Env: c.run})
		if err != nil || !reflect.DeepEqual(s.Env, c.want) {
			t.Errorf("image %q, run %q: %q, %v, want %q", c.image, c.run, s.Env, err, c.want)
		}
	}
}

func TestParseArgs(t *testing.T) {
	list := func(s ...string) []string { return s }
	for _, c := range []struct {
		args        []string
		entry, rest []string
		err         string
	}{
		{nil, nil, nil, ""},
		{list(), nil, nil, ""},
		{list("uname", "-a"), nil, list("uname", "-a"), ""},
		{list("--", "-x", "--"), nil, list("-x", "--"), ""},
		{list("--"), nil, nil, ""},
		{list("cmd", "--", "--entrypoint", "x"), nil, list("cmd", "--", "--entrypoint", "x"), ""},
		{list("--entrypoint", "sh"), list("sh"), nil, ""},
		{list("--entrypoint=sh", "-c", "x"), list("sh"), nil, "unknown flag -c"},
		{list("--entrypoint=sh", "--", "-c", "x"), list("sh"), list("-c", "x"), ""},
		{list("--entrypoint", "sh", "x", "-c"), list("sh"), list("x", "-c"), ""},
		{list("--entrypoint", "--", "x"), list("--"), list("x"), ""},
		{list("--entrypoint=a=b"), list("a=b"), nil, ""},
		{list("--entrypoint=a", "--entrypoint", "b"), list("b"), nil, ""},
		{list("--entrypoint=", "x"), []string{}, list("x"), ""},
		{list("--entrypoint", "", "x"), []string{}, list("x"), ""},
		{list("--entrypoint"), nil, nil, "--entrypoint needs a value"},
		{list("-"), nil, list("-"), ""},
		{list(""), nil, list(""), ""},
		{list("-e", "A=1"), nil, nil, "unknown flag -e"},
		{list("--entry", "x"), nil, nil, "unknown flag --entry"},
		{list("--entrypoints", "x"), nil, nil, "unknown flag --entrypoints"},
		{list("-entrypoint", "x"), nil, nil, "unknown flag -entrypoint"},
	} {
		args := append([]string{"out.wasm"}, c.args...)
		if c.args == nil {
			args = nil // a host without arguments
		}
		o, err := ParseArgs(args, nil)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v, want %s", c.args, err, c.err)
			}
		case err != nil || !reflect.DeepEqual(o.Entrypoint, c.entry) || !reflect.DeepEqual(o.Args, c.rest):
			t.Errorf("%q: entrypoint %#v, arguments %#v, %v", c.args, o.Entrypoint, o.Args, err)
		}
	}
}

func TestParseEnviron(t *testing.T) {
	o, err := ParseArgs(nil, []string{"A=1", "C2W_KERNEL_ARGS=a=b c", "C2W_TRACE=1", "C2W_NEW=x", "C2W=mine", "=odd", "", "B=", "A=2"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A=1", "C2W=mine", "B=", "A=2"}; !reflect.DeepEqual(o.Env, want) {
		t.Errorf("environment %q, want %q", o.Env, want)
	}
	if !o.Trace || o.KernelArgs != "a=b c" {
		t.Errorf("%+v", o)
	}
	if o, _ = ParseArgs(nil, []string{"C2W_TRACE="}); o.Trace {
		t.Error("an empty C2W_TRACE traces")
	}
}

// TestLoadBlobs: each damaged part is named, with what is wrong.
func TestLoadBlobs(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	var packed bytes.Buffer
	if _, err := disk.Write(&packed, bytes.NewReader(content), int64(len(content)), disk.Options{}); err != nil {
		t.Fatal(err)
	}
	segments := [][]byte{packed.Bytes(), packed.Bytes(), packed.Bytes()}
	read := func(s uint32, p []byte, off int64) bool {
		if s >= uint32(len(segments)) || off < 0 || off+int64(len(p)) > int64(len(segments[s])) {
			return false
		}
		copy(p, segments[s][off:])
		return true
	}
	n := uint32(packed.Len())
	good := Manifest{Kernel: Blob{0, n}, Initrd: Blob{1, n}, Disk: Blob{2, n}}
	var cfg Config
	if err := LoadBlobs(&cfg, &good, read); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Source{cfg.Kernel, cfg.Initrd, cfg.Disk} {
		got := make([]byte, len(content))
		if err := board.ReadInto(got, s); err != nil || s.Size() != int64(len(content)) || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", s.Size(), err)
		}
		if n, err := s.ReadAt(got, 100); n != len(content)-100 || err == nil {
			t.Errorf("over the end: %d bytes, %v", n, err)
		}
	}
	for name, c := range map[string]struct {
		change func(m *Manifest)
		want   string
	}{
		"no such segment": {func(m *Manifest) { m.Initrd.Segment = 99 }, "opening the initial file system: "},
		"empty":           {func(m *Manifest) { m.Disk.Size = 0 }, "opening the root disk: the disk is damaged"},
		"cut short":       {func(m *Manifest) { m.Kernel.Size-- }, "opening the kernel: the disk is damaged: its end is missing"},
		"longer than it":  {func(m *Manifest) { m.Disk.Size = 1<<32 - 1 }, "opening the root disk: reading the disk's trailer: the file's data is damaged"},
	} {
		m := good
		c.change(&m)
		if err := LoadBlobs(&cfg, &m, read); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Damage inside is found when it is read.
	bad := append([]byte(nil), packed.Bytes()...)
	for i := 16; i < 400; i++ {
		bad[i] ^= 0x55
	}
	segments[0] = bad
	if err := LoadBlobs(&cfg, &good, read); err != nil {
		t.Fatal(err)
	}
	if err := board.ReadInto(make([]byte, len(content)), cfg.Kernel); !errors.Is(err, disk.ErrCorrupt) {
		t.Errorf("damaged content: %v", err)
	}
}

func FuzzParseArgs(f *testing.F) {
	f.Add("--entrypoint\x00sh\x00--\x00x")
	f.Fuzz(func(t *testing.T, s string) {
		args := append([]string{"f"}, strings.Split(s, "\x00")...)
		o, err := ParseArgs(args, args)
		if err == nil && len(o.Args) > len(args)-1 {
			t.Errorf("%q from %q", o.Args, args)
		}
	})
}
