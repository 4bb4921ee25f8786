package engine

import (
	"testing"

	"github.com/c2w/c2w/internal/core"
)

// TestManyPages: a guest that jumps to every page of its RAM does not fill Go's
// memory with indexes of pages.
func TestManyPages(t *testing.T) {
	const pages = 3*maxPages + 100
	b := newBench(pages+1, 1<<17, nil)
	for i := range pages {
		b.put(i<<core.PageShift, loop)
		b.RAM.Bytes[i<<core.PageShift+0xffe] = nop & 0xff // straddles: a second page each
	}
	for i := range uint64(pages) {
		for _, off := range []uint64{0, 0xffe} {
			b.at(ramBase + i<<core.PageShift + off)
			n := 0
			for _, p := range b.code.pages {
				if p != nil {
					n++
				}
			}
			if n != b.code.count || n > maxPages {
				t.Fatalf("page %d: %d pages with code, counted %d", i, n, b.code.count)
			}
			if i > 10 && i%500 != 0 {
				break // counting is slow
			}
		}
	}
	if b.Stats.Flushed < 3 || len(b.code.free) > maxPages {
		t.Errorf("flushed %d times, %d indexes kept", b.Stats.Flushed, len(b.code.free))
	}
}
