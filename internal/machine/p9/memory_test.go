//go:build linux

package p9_test

import (
	"fmt"
	"hash/fnv"
	"runtime"
	"strings"
	"testing"

	"github.com/c2w/c2w/internal/machine/hostfs"
	"github.com/c2w/c2w/internal/machine/p9"
	"github.com/c2w/c2w/internal/testkit/p9client"
)

// everything has a file for each name that begins with an x.
type everything struct{ hostfs.FS }

func (f everything) StatAt(dir hostfs.FD, name string, st *hostfs.Stat) hostfs.Errno {
	if !strings.HasPrefix(name, "x") {
		return f.FS.StatAt(dir, name, st)
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	*st = hostfs.Stat{Type: hostfs.Regular, Nlink: 1, Ino: h.Sum64() >> 8}
	return hostfs.OK
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMaxHeap has a guest remember as many files as it may, with names of any
// length, and set the modes of each: the server refuses what is more than it has
// room for, stays below what it promises to keep, and serves on afterwards.
func TestMaxHeap(t *testing.T) {
	for _, c := range []struct{ length, atLeast int }{{255, 30_000}, {60, 120_000}, {8, 120_000}} {
		g := start(t)
		g.fs.FS = everything{g.fs.FS}
		before := heap()
		files := 0
		for ; ; files++ {
			name := fmt.Sprintf("x%0*d", c.length-1, files)
			if _, e := g.Walk(1, uint32(1000+files), name); e != hostfs.OK {
				g.want(e, hostfs.ENFILE)
				break
			}
			g.ok(g.Setattr(uint32(1000+files), p9client.SetAttr{Valid: 1, Mode: 0o640}))
		}
		got := heap() - before
		t.Logf("%d files with names of %d bytes: %d bytes of heap of %d", files, c.length, got, p9.MaxHeap)
		if files < c.atLeast || got > p9.MaxHeap || got < files*(100+c.length) {
			t.Errorf("%d files with names of %d bytes, %d bytes of heap, %d promised", files, c.length, got, p9.MaxHeap)
		}
		for i := range files {
			g.ok(g.Clunk(uint32(1000 + i)))
		}
		if _, e := g.Walk(1, 5, "x"+strings.Repeat("y", 254)); e != hostfs.OK {
			t.Errorf("after the files are forgotten: %v", e)
		}
		runtime.KeepAlive(g)
	}
}
