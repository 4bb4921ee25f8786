//go:build linux

package p9_test

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// FuzzServer sends messages of any bytes: nothing may panic, nothing outside of
// the handed-over directories be read or changed, and no descriptor be left.
func FuzzServer(f *testing.F) {
	g := start(f)
	var seeds [][]byte
	session := func(messages ...[]byte) {
		var s []byte
		for _, m := range messages {
			s = binary.LittleEndian.AppendUint16(s, uint16(len(m)))
			s = append(s, m...)
		}
		seeds = append(seeds, s)
	}
	walk := func(from, to uint32, names ...string) []byte {
		fields := []any{from, to, uint16(len(names))}
		for _, n := range names {
			fields = append(fields, n)
		}
		return g.copy(110, fields...)
	}
	session(walk(0, 3, "0", "dir"), g.copy(14, uint32(3), "f", uint32(2), uint32(0o644), uint32(0)),
		g.copy(118, uint32(3), uint64(1), uint32(4), []byte("data")), g.copy(116, uint32(3), uint64(0), uint32(100)), g.copy(120, uint32(3)))
	session(walk(1, 3, "link", "secret"), walk(1, 3, "link"), g.copy(22, uint32(3)), g.copy(12, uint32(3), uint32(0)))
	session(g.copy(74, uint32(1), "dir", uint32(1), "d"), g.copy(16, uint32(1), "dir", "..", uint32(0)), walk(1, 3, "dir", "secret"))
	session(walk(1, 3), g.copy(12, uint32(3), uint32(0)), g.copy(40, uint32(3), uint64(0), uint32(4096)), g.copy(40, uint32(3), uint64(3), uint32(60)))
	session(walk(1, 3, "file"), g.copy(12, uint32(3), uint32(2)), g.copy(76, uint32(1), "file", uint32(0)), g.copy(24, uint32(3), uint64(0x7ff)),
		g.copy(26, uint32(3), uint32(0x1ff), uint32(0o600), uint32(1), uint32(2), uint64(9), uint64(1), uint64(1), uint64(1), uint64(1)), g.copy(50, uint32(3), uint32(0)))
	session(walk(1, 3, "file"), g.copy(12, uint32(3), uint32(2)), g.copy(52, uint32(3), uint8(1), uint32(0), uint64(0), uint64(9), uint32(1), "me"),
		g.copy(54, uint32(3), uint8(1), uint64(0), uint64(0), uint32(2), "me"), g.copy(70, uint32(1), uint32(3), "hard"), g.copy(122, uint32(3)))
	session(g.copy(72, uint32(1), "n", uint32(0o755), uint32(0)), g.copy(18, uint32(1), "m", uint32(0o100644), uint32(0), uint32(0), uint32(0)),
		g.copy(76, uint32(1), "n", uint32(0x200)), walk(2, 4, "f"), g.copy(20, uint32(4), uint32(1), "x"), g.copy(100, uint32(8192), "9P2000.L"))
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		g := start(t)
		os.Mkdir(filepath.Join(g.rw, "dir"), 0o755)
		g.put(filepath.Join(g.rw, "file"), "contents")
		g.put(filepath.Join(g.ro, "f"), "read only")
		os.Symlink("..", filepath.Join(g.rw, "link"))
		reply := make([]byte, 20_000)
		for n := 0; len(script) >= 2 && n < 500; n++ {
			size := min(int(binary.LittleEndian.Uint16(script)), len(script)-2)
			m := script[2 : 2+size]
			script = script[2+size:]
			half := len(m) / 2
			k, ok := g.s.Serve([][]byte{m[:half], m[half:]}, [][]byte{reply[:9:9], reply[9:]})
			if ok && (k < 7 || int(binary.LittleEndian.Uint32(reply)) != k || reply[4] != 7 && reply[4] != m[4]+1) {
				t.Fatalf("request %x: reply %x", m, reply[:k])
			}
			if g.fs.open > 192 {
				t.Fatalf("%d descriptors", g.fs.open)
			}
		}
		base := filepath.Dir(g.rw)
		if b, _ := os.ReadFile(filepath.Join(base, "secret")); string(b) != "secret" {
			t.Errorf("secret is %q", b)
		}
		if b, _ := os.ReadFile(filepath.Join(g.ro, "f")); string(b) != "read only" {
			t.Errorf("read-only file is %q", b)
		}
		for dir, want := range map[string]int{base: 3, g.ro: 1} {
			if ents, err := os.ReadDir(dir); len(ents) != want {
				t.Errorf("%s has %d entries, %v", dir, len(ents), err)
			}
		}
		g.s.Reset()
		if g.fs.open != 0 {
			t.Errorf("%d descriptors left open", g.fs.open)
		}
		filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
			if d.IsDir() {
				os.Chmod(p, 0o755)
			}
			return nil
		})
	})
}
