package initramfs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

type entry struct {
	mode, links, major, minor uint32
	data                      string
}

// read is an independent reading of the format.
func read(t *testing.T, b []byte) map[string]entry {
	t.Helper()
	entries := map[string]entry{}
	off := 0
	align := func() { off = (off + 3) &^ 3 }
	for {
		if off+110 > len(b) || string(b[off:off+6]) != "070701" {
			t.Fatalf("no header at %d", off)
		}
		var field [13]uint32
		for i := range field {
			v, err := hex.DecodeString(string(b[off+6+8*i : off+14+8*i]))
			if err != nil {
				t.Fatal(err)
			}
			field[i] = binary.BigEndian.Uint32(v)
		}
		off += 110
		name := string(b[off : off+int(field[11])-1])
		off += int(field[11])
		align()
		data := string(b[off : off+int(field[6])])
		off += int(field[6])
		align()
		if name == "TRAILER!!!" {
			if len(bytes.Trim(b[off:], "\x00")) != 0 || len(b)%512 != 0 {
				t.Errorf("%d bytes after the trailer", len(b)-off)
			}
			return entries
		}
		entries[name] = entry{mode: field[1], links: field[4], major: field[9], minor: field[10], data: data}
	}
}

func TestBuild(t *testing.T) {
	for size := range 5 {
		program := []byte("program")[:size]
		got := read(t, Build(program, []File{
			{Name: "/c2w/bundle/config.json", Mode: 0o644, Data: []byte("{}")},
			{Name: "/c2w/runc", Mode: 0o755, Data: program},
		}))
		want := map[string]entry{
			"dev":         {mode: 0o040755, links: 2},
			"dev/console": {mode: 0o020600, links: 1, major: 5, minor: 1},
			"dev/null":    {mode: 0o020600, links: 1, major: 1, minor: 3},
			"proc":        {mode: 0o040755, links: 2},
			"sys":         {mode: 0o040755, links: 2},
			"init":        {mode: 0o100755, links: 1, data: string(program)},
			"c2w":         {mode: 0o040755, links: 2},
			"c2w/bundle":  {mode: 0o040755, links: 2},
			"c2w/runc":    {mode: 0o100755, links: 1, data: string(program)},

			"c2w/bundle/config.json": {mode: 0o100644, links: 1, data: "{}"},
		}
		if len(got) != len(want) {
			t.Errorf("%d entries, want %d", len(got), len(want))
		}
		for name, e := range want {
			if got[name] != e {
				t.Errorf("%s: %+v, want %+v", name, got[name], e)
			}
		}
	}
	if !bytes.Equal(Build([]byte("x"), nil), Build([]byte("x"), nil)) {
		t.Error("two builds differ")
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, name := range []string{"", "c2w/boot", "/c2w//boot", "/c2w/../boot", "/", "/init", "/dev"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", name)
				}
			}()
			Build(nil, []File{{Name: name}})
		}()
	}
}
