package emit

import (
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/emit/graph"
	"github.com/c2w/c2w/internal/wasm"
)

// An instruction that crosses the page's end, which ends in the next page, is
// translated with its first page, if what lies behind that in the program is known.
// It is part of the function only where both pages hold what it was made from,
// which is known by the jump cache alone: an entry of an address in the one page
// stands for the frame of the other as well, and the engine gives it a target only
// if the other's first bytes are Page.Tail. So the instruction is an entry, and code
// of the function that comes to it asks the jump cache, as it does for another page
// (guard in calls.go).

// crossesPage reports whether the block is an instruction that ends in the next
// page. Copies of it do, too; they are reached from the block alone.
func (b *block) crossesPage() bool { return b.end > core.PageSize }

// jumpCrossing goes along an edge of the current node to such an instruction, if
// it is what the function was made from.
func (b *blockCode) jumpCrossing(off int, e graph.Edge) {
	if b.src.Links != nil {
		if self, ok := b.src.Links(off); ok {
			b.writeBack(b.node)
			other := b.c.Block(wasm.Void)
			b.match(off, self, other)
			b.setNumber(e)
			b.follow(e)
			b.c.End()
		}
	}
	b.writeBack(b.node)
	b.returnTo(off)
}
